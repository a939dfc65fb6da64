"""A room imports only rooms below it."""

import ast
import re
from pathlib import Path

LIBRARY = Path(__file__).parents[2] / "workflow/scripts/biornn"

# From the ground up; within a floor, from left to right.
FLOORS = [
    [
        "files",
        "checking",
        "alphabets",
        "spreads",
        "config_base",
        "config_sources",
        "config_tables",
        "config_genome",
        "config_normalization",
        "config_expression",
        "config_data",
        "config_evaluation",
        "config_explain",
        "config_split",
        "config_models",
        "config_tune",
        "config_predict",
        "config_defaults",
        "config_analysis",
        "config",
        "config_reference",
        "demands",
        "allocation",
        "progress",
        "plans",
    ],
    [
        "archives",
        "origins",
        "transfer",
        "packages",
        "services",
        "entries",
        "ncbi",
        "databases",
        "locks",
        "synthesis",
        "sources",
        "record_files",
        "tables",
        "records",
        "intervals",
        "genomes",
        "encoding",
        "inputs",
        "targets",
        "letters",
        "reading",
        "streaming",
        "beside",
        "matrix_tables",
        "geo_series",
        "matrix_files",
        "matrices",
        "gene_lengths",
        "joining",
        "gene_values",
        "examples",
        "profiles",
        "row_steps",
        "library_sizes",
        "normalizers",
        "gene_scaling",
        "expression",
        "splits",
        "similarity",
        "homology",
        "audits",
        "parts",
        "folds",
    ],
    [
        "recording",
        "compiling",
        "native",
        "kernels",
        "blocks",
        "recurrence",
        "cells",
        "datasets",
        "losses",
        "models",
        "temperatures",
        "familiarity",
    ],
    [
        "checkpoints",
        "devices",
        "nodes",
        "learning",
        "gradient_flow",
        "runs",
        "training",
        "tuning",
        "features",
        "neighbors",
        "baselines",
        "prediction",
        "newcomers",
        "scoring",
        "substitutions",
        "onnx_graph",
        "onnx_cells",
        "onnx_networks",
        "torch_programs",
        "exporting",
    ],
    [
        "mutual_information",
        "metrics",
        "class_metrics",
        "sampling",
        "number_samples",
        "class_samples",
        "samples",
        "bootstrap",
        "statistics",
        "paired_tests",
        "comparisons",
        "published",
        "breakdown",
        "calibration",
        "fractions",
        "attribution",
        "sanity",
        "motifs",
        "pathways",
        "explanations",
    ],
    [
        "products",
        "outcome",
        "findings",
        "drawing",
        "pages",
        "rows",
        "summary",
        "excerpts",
        "mistakes",
        "reach",
        "growth",
        "searches",
        "insight",
        "result_figures",
        "figures",
        "expression_words",
        "data_words",
        "model_words",
        "training_words",
        "evaluation_words",
        "references",
        "dome_data",
        "dome",
        "methods",
        "provenance",
        "markdown",
        "evidence",
        "model_card",
        "crate",
        "trust",
        "report",
        "catalogue",
        "lessons",
        "catalogue_page",
        "catalogue_table",
        "__main__",
    ],
]  # fmt: skip
ORDER = [module for floor in FLOORS for module in floor]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names |= {node.module} if node.module else {alias.name for alias in node.names}
    return names - {"__version__"}


def test_every_module_has_its_place():
    assert {path.stem for path in LIBRARY.glob("*.py")} - {"__init__"} == set(ORDER)


def test_imports_point_downwards():
    for position, module in enumerate(ORDER):
        above = imported(LIBRARY / f"{module}.py") - set(ORDER[:position])
        assert not above, f"{module} imports {sorted(above)}, which is not below it"


def test_the_library_knows_nothing_of_snakemake():
    for path in LIBRARY.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("snakemake") for alias in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("snakemake"), path


def closure(modules: set[str]) -> set[str]:
    found, todo = set(), set(modules)
    while todo:
        found |= todo
        todo = {name for each in todo for name in imported(LIBRARY / f"{each}.py")} - found
    return found


def test_rules_name_the_code_that_their_scripts_use():
    """Else an edit would rerun nothing, and a workflow read from a repository would lack a file."""
    rules = {}
    for path in sorted((LIBRARY.parents[1] / "rules").glob("*.smk")):
        parts = re.split(r"^rule (\w+):\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        # one that is made for each analysis has no name of its own
        rules |= dict(zip(parts[1::2], parts[2::2], strict=True)) or {path.stem: parts[0]}
    checked = 0
    for rule, text in rules.items():
        script = re.search(r'"\.\./scripts/(\w+\.py)"', text)
        if script is None or rule in ("download", "lock"):  # a file is what its checksum says
            continue
        named = re.search(r"code=library\(([^)]*)\)", text)
        assert named, rule
        used = {"allocation", "files"}  # of _job.py
        for node in ast.walk(ast.parse((LIBRARY.parent / script[1]).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "biornn":
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("biornn."):
                used.add(node.module.removeprefix("biornn."))
        own = closure(set(re.findall(r'"(\w+)"', named[1])))
        # what every rule has: the modules that the rules themselves are read with
        common = closure({"config", "demands", "locks", "allocation"})
        assert used <= own | common, (rule, sorted(used - own - common))
        checked += 1
    assert checked > 10


def test_every_module_has_a_test():
    tests = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    # the parts of the configuration are tested as a user meets them: together
    parts = {module for module in ORDER if module.startswith("config_")}
    assert set(ORDER) - parts <= tests, sorted(set(ORDER) - parts - tests)
