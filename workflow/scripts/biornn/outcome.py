"""Outcome: the tables that a run left in its results folder, read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from . import examples, products, splits, statistics
from .config import AnalysisConfig
from .examples import Description
from .files import read_json, read_tsv
from .folds import read_descriptions
from .metrics import LABELS, LOWER_IS_BETTER
from .records import NOT_DRAWN


@dataclass(frozen=True)
class Tables:
    """What a run left: the tables of the results folder, read.

    Of several folds `metrics` and `comparisons` are those of all together, each example predicted
    by models that did not see it; `fold_metrics` are those of single folds. Folds that the split
    is compared with are only in `memorization`.
    """

    examples: pd.DataFrame
    qc: pd.DataFrame
    folds: pd.DataFrame
    audit: pd.DataFrame
    nearest: pd.DataFrame
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    published: pd.DataFrame
    memorization: pd.DataFrame
    tests: pd.DataFrame
    classes: pd.DataFrame
    calibration: pd.DataFrame
    temperature: pd.DataFrame
    variance: pd.DataFrame
    chosen: dict[str, str]
    fold_metrics: pd.DataFrame
    predictions: pd.DataFrame
    histories: dict[str, pd.DataFrame]
    descriptions: list[dict[str, Any]]
    benchmarks: pd.DataFrame
    description: Description
    confidence: float = 0.95

    @property
    def level(self) -> str:
        """What the intervals are called."""
        return f"{100 * self.confidence:g} %"

    @property
    def own_folds(self) -> pd.DataFrame:
        """Folds of the split itself."""
        return splits.own(self.folds)

    @property
    def labels(self) -> dict[str, str]:
        """Names of the metrics that the task has; the first is the main one."""
        there, task = set(self.metrics["metric"]), self.description.task
        labels = {metric: label for metric, label in LABELS.items() if metric in there}
        # what the accuracy is called where residues are in a helix, in a strand, or in neither
        if task.per == "position" and set(task.classes) == {"H", "E", "C"}:
            labels["accuracy"] = "Accuracy (Q3)"
        return labels

    @property
    def main(self) -> str:
        """The metric that the verdict is about, such as R² or accuracy."""
        return next(iter(self.labels))

    def ranked_models(self) -> list[str]:
        """Models by the main metric on the test set, best first."""
        rows = self.metrics.query("subset == 'test' and metric == @self.main and seed == 'all'")
        less = self.main in LOWER_IS_BETTER
        return list(rows.sort_values("value", ascending=less, kind="stable")["model"])


def read_benchmarks(folder: str | Path, analysis: AnalysisConfig) -> pd.DataFrame:
    """Seconds and largest memory (MiB) of the analysis' jobs: `rule, of, seconds, memory`.

    A job that left an empty benchmark is not among them.
    """
    rows = []
    for path in products.benchmarks_of(folder, analysis):
        rule, _, of = path.stem.partition(".")
        try:
            table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        except pd.errors.EmptyDataError:
            continue
        if len(table):
            rows.append((rule, of, float(table["s"].mean()), float(table["max_rss"].max())))
    return pd.DataFrame(rows, columns=["rule", "of", "seconds", "memory"])


def named(nearest: pd.DataFrame) -> pd.DataFrame:
    """`nearest.tsv` as it was written: an example may be called NA, which is no missing name."""
    there = nearest["identity"].notna()  # without a neighbour there is none
    return nearest.assign(
        id=nearest["id"].fillna("NA"),
        nearest=nearest["nearest"].where(nearest["nearest"].notna() | ~there, "NA"),
    )


def read_tables(
    files: Mapping[str, Any],
    predictions: pd.DataFrame,
    benchmarks: str | Path,
    analysis: AnalysisConfig,
) -> Tables:
    """Read the files that a rule names: `examples`, `qc`, `folds`, … by name."""
    histories: dict[str, pd.DataFrame] = {}
    descriptions: list[dict[str, Any]] = []
    for path in files["descriptions"]:
        found = read_descriptions(path)
        descriptions += found
        history = read_tsv(Path(path).parent / "history.tsv")
        first = history[history["fold"] == history["fold"].iloc[0]]
        histories.setdefault(found[0]["name"], first)
    folds = read_tsv(files["folds"])
    split = statistics.overall(folds)[0]
    own = set(folds.loc[folds["scheme"] == split.scheme, "fold"])
    metrics = read_tsv(files["metrics"], seed=str, fold=str)
    comparisons = read_tsv(files["comparisons"], better=str, fold=str)
    tests = read_tsv(files["tests"], fold=str)
    audit, nearest = read_tsv(files["audit"]), read_tsv(files["nearest"], id=str, nearest=str)
    nearest = named(nearest)
    return Tables(
        examples=examples.load(files["examples"]),
        qc=read_tsv(files["qc"], record=str, line="Int64", count="Int64"),
        folds=folds,
        audit=audit[audit["fold"].isin(own)],
        nearest=nearest[nearest["fold"].isin(own)],
        metrics=metrics[metrics["fold"] == split.fold],
        comparisons=comparisons[comparisons["fold"] == split.fold],
        published=read_tsv(files["published"], note=str),
        memorization=read_tsv(files["memorization"]),
        tests=tests[tests["fold"] == split.fold],
        # a class may be called 1, or NA
        classes=read_tsv(files["classes"], **{"class": str}).fillna({"class": "NA"}),
        calibration=read_tsv(files["calibration"]),
        temperature=read_tsv(files["temperature"], fold=str),
        variance=read_tsv(files["variance"]),
        chosen=json.loads(Path(files["chosen"]).read_text(encoding="utf-8")),
        fold_metrics=metrics[metrics["fold"].isin(set(map(str, own)))],
        predictions=predictions[predictions["fold"].isin(own)],
        histories=histories,
        descriptions=[each for each in descriptions if each["fold"] in own],
        benchmarks=read_benchmarks(benchmarks, analysis),
        description=examples.load_description(files["description"]),
        confidence=analysis.evaluation.confidence,
    )


def read_baselines(predictions: Iterable[str | Path]) -> list[dict[str, Any]]:
    """What the `model.json` beside predictions says of baselines, over folds.

    Returns
    -------
    list of dict
        A row a baseline: `name, kind, baseline`, and `chosen` by fold: what was chosen on the
        validation examples.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in map(Path, predictions):
        beside = path.parent / "model.json"
        if path.parts[-4] != "baselines" or not beside.exists():
            continue
        value = read_json(beside)
        known = found.setdefault(value["name"], value | {"chosen": {}})
        known["chosen"] |= value["chosen"]
    return list(found.values())


def variant_rows(
    titles: Mapping[str, str],
    metrics: Sequence[str | Path],
    folds: Sequence[str | Path],
    chosen: Sequence[str | Path],
) -> list[dict[str, Any]]:
    """The main results of an analysis and its variants, one row each.

    Parameters
    ----------
    titles
        By name.
    metrics, folds, chosen
        `metrics.tsv`, `folds.tsv`, `chosen.json` of each, in the order of `titles`.

    Returns
    -------
    list of dict
        `name, title, scheme, metric, n`, and for `network` and `baseline` the chosen model:
        `model, value, ci_low, ci_high`.
    """
    rows = []
    for (name, title), *files in zip(titles.items(), metrics, folds, chosen, strict=True):
        table = read_tsv(files[0], seed=str, fold=str)
        split = statistics.overall(read_tsv(files[1]))[0]
        best = json.loads(Path(files[2]).read_text(encoding="utf-8"))
        metric = next(metric for metric in LABELS if metric in set(table["metric"]))
        part = table[
            (table["fold"] == split.fold) & (table["subset"] == "test")
            & (table["seed"] == "all") & (table["metric"] == metric)
        ].set_index("model")  # fmt: skip
        row = {"name": name, "title": title, "scheme": split.scheme, "metric": metric}
        for key, kind in (("network", "best_recurrent"), ("baseline", "best_baseline")):
            found = part.loc[best[kind]]
            row[key] = {"model": best[kind], **found[["value", "ci_low", "ci_high"]].to_dict()}
        rows.append(row | {"n": int(part["n"].max())})
    return rows


def n_read(tables: Tables) -> int:
    """Records in the source."""
    return int(tables.qc.loc[tables.qc["reason"] == "records read", "count"].iloc[0])


def n_not_drawn(tables: Tables) -> int:
    """Records that passed the checks and are not in the sample that was drawn."""
    return int(tables.qc.loc[tables.qc["reason"] == NOT_DRAWN, "count"].sum())
