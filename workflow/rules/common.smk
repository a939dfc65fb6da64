"""Helpers of all stages: reads the analyses, answers what a rule asks of them.

Needs: `config/config.yaml` and the analysis files that it names.
Makes: nothing; a mistake in a file ends the run here, before any job starts.
"""

import ast
import functools
import hashlib
import os
import re
import shlex
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Where a module puts its results, as its `prefix` says; nothing else here knows of modules.
PREFIX = getattr(workflow.modifier.path_modifier, "prefix", None) or ""
RESULTS = f"{PREFIX}results"


def script_file(name):
    """A file of `scripts/`: beside this one, or, where the workflow is read from a repository, in
    Snakemake's cache.
    """
    return Path(workflow.source_path(f"../scripts/{name}") if REMOTE else SCRIPTS / name)


REMOTE = not workflow.current_basedir.is_local
SCRIPTS = None if REMOTE else Path(workflow.current_basedir).parent / "scripts"


def code_of(*modules):
    """Files of some modules of the library and of all that they import."""
    if REMOTE and "__init__" not in CODE:
        CODE["__init__"] = [script_file("biornn/__init__.py")], []
        CODE["_job"] = [script_file("_job.py")], []
    found, todo = {}, list(modules)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        if name not in CODE:
            file = script_file(f"biornn/{name}.py")
            imports = []
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.level == 1:
                    imports += [node.module] if node.module else [each.name for each in node.names]
            files = [file, *([script_file("biornn/native.c")] if name == "native" else [])]
            CODE[name] = files, [each for each in imports if each != "__version__"]
        found[name], imports = CODE[name]
        todo += imports
    return [file for name in sorted(found) for file in found[name]]


# files and imports of each module, by name: many rules name the same
CODE = {}
code_of("config", "demands", "locks", "allocation")
if REMOTE:
    code_of("sources")  # of the rules whose outputs are what a checksum says
sys.path.insert(0, str(script_file("_job.py").parent))

from biornn import locks
from biornn.checking import validate
from biornn.config import AnalysisConfig, RunConfig, load_variants
from biornn.config_sources import store_digest, stored_name
from biornn.files import InputError, sha256, write_text


report: "../report/workflow.rst"


def project():
    """The folder of the workflow's Snakefile; relative where it can be, as in `library`."""
    if not workflow.current_basedir.is_local:
        return Path(workflow.source_path("../../Snakefile")).parent
    folder = Path(workflow.current_basedir).parents[1]
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


# where the rules lie is known while they are read, and not when a job is planned
PROJECT = str(project())


# With `--sdm apptainer`: the image that containers/biornn.def makes, beside the workflow. A workflow
# that is read from a repository has none.
container: None if REMOTE else str(Path(PROJECT) / "containers/biornn.sif")


# GPUs are counted on the machine that has them: what a workstation has is no limit on a cluster.
resource_scopes:
    gpu="local",


def analysis_file(entry):
    """The file of an analysis: of this project, or one that comes with the workflow."""
    path = Path(entry if entry.endswith(".yaml") else f"config/analyses/{entry}.yaml")
    if REMOTE or path.exists() or entry.endswith(".yaml"):
        return path
    shipped = SCRIPTS.parents[1] / path
    return shipped if shipped.exists() else path


def read_analyses():
    """The run's own settings; by name the file and the content of every analysis; and the names of
    those that `analyses` asks for and of those of the catalogue, variants among them.
    """
    try:
        run = validate(RunConfig, dict(config), "config/config.yaml (or --config)")
        files, analyses, names = {}, {}, {"analyses": [], "catalogue": []}
        entries = {key: list(dict.fromkeys(getattr(run, key))) for key in names}
        for key, entry in ((key, entry) for key in names for entry in entries[key]):
            path = analysis_file(entry)
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", path.stem):
                raise InputError(
                    f"{key}: '{path.stem}' can't name a results folder; use a-z, 0-9, _ and -."
                )
            if path.stem in names[key]:
                raise InputError(f"{key}: '{path.stem}' is there twice.")
            if key == "catalogue" and files.get(path.stem) == path:
                variants = analyses[path.stem].variants
                names[key] += [path.stem, *(f"{path.stem}_{variant}" for variant in variants)]
                continue
            for variant, analysis in load_variants(path).items():
                name = f"{path.stem}_{variant}" if variant else path.stem
                if name in files:
                    raise InputError(f"{key}: '{name}' is there twice.")
                files[name], analyses[name] = path, analysis
                names[key].append(name)
        return run, files, analyses, names["analyses"], names["catalogue"]
    except InputError as error:
        raise WorkflowError(str(error)) from None


# ANALYSES are all that a rule may be asked for; ASKED what `snakemake` runs, CATALOGUE what
# `snakemake published` does
RUN, ANALYSIS_FILES, ANALYSES, ASKED, CATALOGUE = read_analyses()


def gpus_are_there():
    """Whether trainings that take what there is shall ask for a GPU."""
    if RUN.gpus != "auto":
        return RUN.gpus
    # A job must answer as the machine that sent it did, or it would ask for another allocation
    # than it was given; its environment is that machine's.
    answer = os.environ.setdefault("BIORNN_GPUS", "01"[shutil.which("nvidia-smi") is not None])
    return answer == "1"


GPUS_ARE_THERE = gpus_are_there()

if workflow.remote_exec or workflow.subprocess_exec:
    # What a cluster sends before the time is over is for the training: it writes a checkpoint and
    # ends. The Snakemake around it, and jobs that have nothing to write, go on until then.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def read_locks():
    """What is locked, by analysis and source."""
    try:
        return {analysis: locks.read(locks.path_of(analysis)) for analysis in ANALYSES}
    except InputError as error:
        raise WorkflowError(str(error)) from None


LOCKS = read_locks()


@functools.cache
def plain(analysis):
    """An analysis as plain values; asked for by every job."""
    return ANALYSES[analysis].model_dump(mode="json")


def settings(*keys):
    """A params function: the part of the analysis that `keys` lead to, as plain values.

    A key in braces is replaced by that wildcard. A rule that names only what it uses does not run
    again when something else is edited.
    """

    def get(wildcards):
        value = plain(wildcards.analysis)
        for key in keys:
            value = value[key.format(**wildcards)]
        return value

    return get


def strata_of_columns(wildcards):
    strata = settings("evaluation", "strata")(wildcards)
    return [stratum for stratum in strata if stratum["column"]]


def published_columns(wildcards):
    """Columns with what published models predict, each once."""
    entries = ANALYSES[wildcards.analysis].published
    return list(dict.fromkeys(each.predictions.column for each in entries if each.predictions))


def training_of_model(wildcards):
    """How the model is trained, with its own settings in place of the common ones."""
    return plain_training(wildcards.analysis, wildcards.model)


@functools.cache
def plain_training(analysis, model):
    return ANALYSES[analysis].training_of(model).model_dump(mode="json")


digest_of = functools.cache(sha256)


def library(*modules):
    """A file that stands for the library's modules and all that they import: code is an input too.

    It is named by their content and lists it, so that edited code is another input. One file and
    not sixty: each input of each job takes its time in an analysis of thousands of jobs.
    """
    listed = "".join(f"{digest_of(file)}  {file.name}\n" for file in code_of(*modules))
    digest = hashlib.sha256(listed.encode()).hexdigest()[:16]
    stamp = Path(f".snakemake/biornn/{modules[0]}.{digest}")
    if not stamp.exists():
        write_text(stamp, listed)
        newest = max(file.stat().st_mtime for file in code_of(*modules))
        os.utime(stamp, (newest, newest))
    return [unprefixed(str(stamp))]


def locked(analysis, name):
    """Lines of the lock of a source that needs one, without their dates."""
    if not locks.can_be_locked(ANALYSES[analysis].sources[name]):
        return []
    return [row.content for row in LOCKS[analysis].get(name, [])]


def source_path(analysis, name):
    """Where a source's file lies: the path itself, or its place in the download store.

    The store is ordered by content, or by what is asked of a database and its lock, so that
    analyses share a file and never mix two of a name.
    """
    source = ANALYSES[analysis].sources[name]
    if source.type == "path":
        return unprefixed(source.path)
    digest = store_digest(source, locked(analysis, name))
    return unprefixed(f"{RUN.download.store}/{digest}/{stored_name(source)}")


def unprefixed(path):
    """A path of the project as it is: a module's prefix is for results, not for data."""
    return os.path.abspath(path) if PREFIX else path


def paths_of(analysis, names):
    """Where some sources of an analysis lie."""
    return [source_path(analysis, name) for name in names]


def example_tables(wildcards):
    """Where the sources of the examples lie."""
    return paths_of(wildcards.analysis, ANALYSES[wildcards.analysis].example_sources)


def example_sources(wildcards):
    """The sources of the examples as plain values, by name."""
    analysis = ANALYSES[wildcards.analysis]
    sources = {name: analysis.sources[name] for name in analysis.example_sources}
    return {name: source.model_dump(mode="json") for name, source in sources.items()}


def length_files(wildcards):
    """Where the lengths of the genes come from, if they are needed."""
    lengths = ANALYSES[wildcards.analysis].expression.gene_lengths
    return paths_of(wildcards.analysis, [lengths.source]) if lengths else []


def replicate_sources(wildcards):
    """Names of the sources of the second measurement: its own, and what is joined."""
    analysis = ANALYSES[wildcards.analysis]
    return [analysis.replicate.source, *(other.source for other in analysis.examples.join)]


def replicate_tables(wildcards):
    """Where they lie."""
    return paths_of(wildcards.analysis, replicate_sources(wildcards))


def source_paths(wildcards):
    """Where each source of the analysis lies, by name."""
    analysis = wildcards.analysis
    return {name: source_path(analysis, name) for name in ANALYSES[analysis].sources}


def all_sources(wildcards):
    """Every source file of the analysis."""
    return list(source_paths(wildcards).values())


def whole_analysis(wildcards):
    """The whole analysis: for the rules that write about all of it."""
    return plain(wildcards.analysis)


def of_analysis(name, get):
    """What a params or input function gives for one analysis, in a rule without wildcards."""
    return lambda wildcards: get(SimpleNamespace(analysis=name))


def controls(wildcards):
    """Networks and baselines that are trained on shuffled targets."""
    analysis = ANALYSES[wildcards.analysis]
    every = {**analysis.models, **analysis.baselines}
    return [name for name, model in every.items() if model.shuffle_labels]


# what to download, by place: the source as plain values, its lock, and the file of that
DOWNLOADS = {
    source_path(name, key): (
        source.model_dump(mode="json"),
        locked(name, key),
        locks.path_of(name),
    )
    for name, analysis in ANALYSES.items()
    for key, source in analysis.sources.items()
    if source.type != "path"
}


def downloads_of(names):
    """Places of what some analyses download, each once."""
    places = (place for name in names for place in paths_of(name, ANALYSES[name].sources))
    return [place for place in dict.fromkeys(places) if place in DOWNLOADS]


def sources_to_lock():
    """Sources whose content may change, as plain values, by analysis and name."""
    found = {
        name: {
            key: source.model_dump(mode="json")
            for key, source in analysis.sources.items()
            if locks.can_be_locked(source)
        }
        for name, analysis in ANALYSES.items()
    }
    return {name: sources for name, sources in found.items() if sources}


def announce_unlocked():
    """Say which sources may change unseen."""
    for name, sources in sources_to_lock().items():
        if free := [key for key in sources if not LOCKS[name].get(key)]:
            logger.warning(
                f"{name}: what the sources {', '.join(free)} give may change. "
                f"`snakemake --cores 1 lock` writes down in {locks.path_of(name)} what it is now."
            )


def of_variants(file):
    """An input function: one file of an analysis and of each of its variants, if it has any."""

    def paths(wildcards):
        variants = ANALYSES[wildcards.analysis].variants
        names = [f"{wildcards.analysis}_{variant}" for variant in variants]
        return [
            f"results/{name}/{file}" for name in ([wildcards.analysis] if names else []) + names
        ]

    return paths


def variant_titles(wildcards):
    """Titles of an analysis and of its variants, in the order of `of_variants`."""
    analysis = ANALYSES[wildcards.analysis]
    names = [f"{wildcards.analysis}_{variant}" for variant in analysis.variants]
    return {name: ANALYSES[name].title for name in ([wildcards.analysis] if names else []) + names}


def clusters(wildcards):
    """The clusters of similar sequences, where the split keeps them together."""
    if not ANALYSES[wildcards.analysis].split.by_homology:
        return []
    return [f"results/{wildcards.analysis}/clusters.tsv"]


def features(wildcards):
    """What a model reads of a fold: encoded sequences, normalised expression, or both."""
    return features_of(wildcards.analysis, wildcards.fold)


def features_of(name, number):
    """The same, by the names of the analysis and of the fold."""
    analysis, folder = ANALYSES[name], f"results/{name}"
    files = {}
    if not analysis.has_profiles:
        files["sequences"] = f"{folder}/sequences.safetensors"
    if analysis.expression is not None:
        fold = f"{folder}/folds/{number}"
        files |= {"expression": f"{fold}/expression.h5ad", "normalizer": f"{fold}/normalizer.json"}
    return files


def chosen_settings(wildcards):
    """What the search has found for a model and fold, where there is one."""
    if wildcards.model not in ANALYSES[wildcards.analysis].tune:
        return {}
    folder = f"results/{wildcards.analysis}/tuning/{wildcards.model}/fold{wildcards.fold}"
    return {"chosen": f"{folder}/chosen.json"}


def workers(wildcards):
    """What each worker of a search leaves when it is done."""
    tune = ANALYSES[wildcards.analysis].tune[wildcards.model]
    folder = f"results/{wildcards.analysis}/tuning/{wildcards.model}/fold{wildcards.fold}"
    return [f"{folder}/worker{number}.json" for number in range(tune.workers)]


def searched(file):
    """An input function: one file of every search of an analysis, over models and folds."""

    def paths(wildcards):
        analysis = ANALYSES[wildcards.analysis]
        return expand(
            f"results/{wildcards.analysis}/tuning/{{model}}/fold{{fold}}/{file}",
            model=analysis.tune,
            fold=analysis.folds,
        )

    return paths


def trained(analysis, file):
    """One file of every trained network of an analysis, over models and folds."""
    settings = ANALYSES[analysis]
    return expand(
        f"results/{analysis}/models/{{model}}/fold{{fold}}/{file}",
        model=settings.models,
        fold=settings.folds,
    )


def a_card(analysis):
    """One of the model cards of an analysis, to ask for all: one job writes them.

    Snakemake looks through all inputs of that job for each of its outputs that is asked for: with
    10,000 networks that was two thirds of a dry run (`benchmarks/scale.py`).
    """
    return trained(analysis, "README.md")[0]


def predictions(wildcards):
    """Predictions of all models, baselines and the replicate, over the folds."""
    analysis = ANALYSES[wildcards.analysis]
    folder = f"results/{wildcards.analysis}"
    files = trained(wildcards.analysis, "predictions.parquet")
    files += expand(
        f"{folder}/baselines/{{baseline}}/fold{{fold}}/predictions.parquet",
        baseline=analysis.baselines,
        fold=analysis.folds,
    )
    if analysis.replicate:
        files += expand(f"{folder}/replicate/fold{{fold}}/predictions.parquet", fold=analysis.folds)
    return files


def parts(wildcards):
    """Shares of the training examples that are trained on beside the whole."""
    return ANALYSES[wildcards.analysis].parts


def predictions_of_parts(wildcards):
    """Predictions of all models but the controls, trained on parts of the first fold."""
    analysis, fold = ANALYSES[wildcards.analysis], ANALYSES[wildcards.analysis].folds[0]
    rooms = {"models": analysis.models, "baselines": analysis.baselines}
    return [
        f"results/{wildcards.analysis}/learning_curve/{room}/{name}/fold{fold}/predictions.parquet"
        for room, names in rooms.items()
        for name in names
        if name not in controls(wildcards)
    ]


def learning_curve(wildcards):
    """The learning curve, where there is one."""
    if not ANALYSES[wildcards.analysis].parts:
        return []
    return [f"results/{wildcards.analysis}/learning_curve.tsv"]


def explained(analysis, file):
    """One file of every network of an analysis that is explained."""
    return expand(
        f"results/{analysis}/explanations/{{model}}/{file}", model=ANALYSES[analysis].explained
    )


def of_explained(wildcards):
    """What the explanation of a network reads: its first fold, and what findings are compared with."""
    analysis, name = ANALYSES[wildcards.analysis], wildcards.analysis
    fold = analysis.folds[0]
    trained_fold = f"results/{name}/models/{wildcards.model}/fold{fold}"
    files = {
        key: f"{trained_fold}/{file}"
        for key, file in (
            ("model", "model.json"),
            ("weights", "weights.safetensors"),
            ("attention", "attention.parquet"),
        )
    }
    files |= features_of(name, fold)
    for key in ("motifs", "gene_sets"):
        if known := getattr(analysis.explain, key):
            files[key] = source_path(name, known.source)
    return files


def of_prediction(wildcards):
    """What `predict` reads: the files of the model, and the new inputs."""
    if RUN.predict is None:
        raise WorkflowError(
            "predict: name the model and the file of inputs, in config/config.yaml or so: "
            """--config 'predict={"model": "results/mpsa/models/lstm/fold0", "input": "new.fasta"}'"""
        )
    folder = Path(RUN.predict.model)
    # a file that a rule makes is known by its path below the working directory
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    files = {"model": f"{folder}/model.json", "weights": f"{folder}/weights.safetensors"}
    files["inputs"] = unprefixed(RUN.predict.input)
    if RUN.predict.samples:
        files["samples"] = unprefixed(RUN.predict.samples)
    return files


def outputs_of(names):
    """All that some analyses end with."""
    files = expand(
        "results/{analysis}/{file}",
        analysis=names,
        file=["report.html", "ro-crate-metadata.json", "methods.md", "dome.json", "config.yaml"],
    )
    return [*files, *(a_card(name) for name in names)]


def final_outputs():
    """What `all` asks for."""
    return [*outputs_of(ASKED), "results/index.html"]


def published_outputs(wildcards):
    """What `published` asks for."""
    if not CATALOGUE:
        raise WorkflowError(
            "catalogue: name the analyses of published work, in config/config.yaml or so: "
            "--config 'catalogue=[mpsa,splice]'"
        )
    return [*outputs_of(CATALOGUE), "results/published.tsv", "results/published.html"]


def of_catalogue(file):
    """One file of every analysis of the catalogue, in its order."""
    return [f"results/{name}/{file}" for name in CATALOGUE]


def command_of(name):
    """What a user types to run one analysis alone."""
    stem = ANALYSIS_FILES[name].stem
    entry = next(each for each in [*RUN.analyses, *RUN.catalogue] if Path(each).stem == stem)
    # the target first: what follows `--config` is taken for a setting
    target = [] if name == stem else [f"{RESULTS}/{name}/report.html"]
    chosen = ["--config", f"analyses=[{entry}]"]
    return shlex.join(["snakemake", "--cores", "all", *target, *chosen])


def announce_reports():
    """Say where the reports are."""
    for what, name in (("All analyses", "index"), ("Published analyses", "published")):
        path = Path(f"{RESULTS}/{name}.html")
        if path.exists():
            logger.info(f"{what}: {path}")
    for analysis in ASKED:
        path = Path(f"{RESULTS}/{analysis}/report.html")
        if path.exists():
            logger.info(f"Report: {path}")


wildcard_constraints:
    analysis="|".join(re.escape(name) for name in ANALYSES),
    model="[a-z][a-z0-9_]*",
    baseline="[a-z][a-z0-9_]*",
    fold="[0-9]+|all",
    worker="[0-9]+",
    digest="[0-9a-f]{16}",
    file="[A-Za-z0-9][A-Za-z0-9._+-]*",
