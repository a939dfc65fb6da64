"""An analysis of the catalogue, with hostile texts, as a run would leave it."""

from pathlib import Path

import pandas as pd
import report_tables
from biornn import catalogue, statistics, summary
from biornn.files import write_json, write_tsv

TEMPLATES = Path(__file__).parents[2] / "workflow/report"
HOSTILE = report_tables.HOSTILE
PAPER = {
    key: f"{key} {HOSTILE} **&** | `x`" for key in ("name", "asked", "task", "data", "protocol")
}


def repeated(name="tiny", tables=None, gap=None, **changes):
    """What a run left: of `report_tables.tables()`, where no others are given."""
    tables = report_tables.tables() if tables is None else tables
    analysis = report_tables.analysis(**{"paper": PAPER} | changes)
    memorization = pd.DataFrame(columns=statistics.MEMORIZATION_COLUMNS)
    if gap is not None:
        value, low, high = gap
        memorization = pd.DataFrame(
            [("net", "recurrent", "r2", 0.5, 0.5 + value, value, low, high, 50, 50)],
            columns=statistics.MEMORIZATION_COLUMNS,
        )
    return catalogue.Repeated(
        name, f"snakemake --cores all --config 'analyses=[{name}]'", analysis,
        summary.summarize(name, analysis, tables), tables.published, tables.metrics, memorization,
        90.0, "2026-11-27", {"biornn": ["0.1.0"], "torch": ["2.13.0+cpu"]},
    )  # fmt: skip


def write(folder: Path, tables=None):
    """The files of a results folder that the catalogue reads."""
    tables = report_tables.tables() if tables is None else tables
    analysis = report_tables.analysis(paper=PAPER)
    write_json(folder / "summary.json", summary.summarize("tiny", analysis, tables))
    # a fold that is none of the analysis' own
    other = tables.metrics.assign(fold="1", value=0.0)
    for key, table in (
        ("published", tables.published),
        ("metrics", pd.concat([tables.metrics, other])),
        ("folds", tables.folds),
        ("memorization", tables.memorization),
    ):
        write_tsv(table, folder / f"{key}.tsv")
    for model in analysis.models:
        described = tables.descriptions[0] | {"biornn_version": "0.1.0", "versions": {"torch": "2"}}
        write_json(folder / f"models/{model}/fold0/model.json", described)
    for rule, seconds in (("train_model.net.fold0", 90.0), ("evaluate", 30.0), ("fit.old", 999.0)):
        table = pd.DataFrame({"s": [seconds], "max_rss": [100.0]})
        write_tsv(table, folder / f"benchmarks/{rule}.tsv")
    return analysis
