"""Catalogue: published analyses side by side, what papers said and what comes out here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from . import products, statistics, training_words
from .config import AnalysisConfig
from .files import read_json, read_tsv
from .folds import read_descriptions
from .metrics import LABELS
from .outcome import read_benchmarks

CATALOGUE_COLUMNS = [
    "analysis", "paper", "task", "data", "protocol", "model", "source", "metric", "subset",
    "published", "uncertainty", "our_model", "ours", "ci_low", "ci_high", "confidence", "n",
    "seeds", "verdict", "note", "job_minutes", "command", "date", "biornn", "torch",
]  # fmt: skip
#: In place of a verdict, where an analysis has no published value to be judged by.
NOTHING_PUBLISHED = "nothing published"
_LIMITS = ["value", "ci_low", "ci_high"]


@dataclass(frozen=True)
class Repeated:
    """What a run left of one analysis of the catalogue.

    Attributes
    ----------
    name, command : str
        And what a user types to run it alone.
    analysis : AnalysisConfig
    summary : dict
        `summary.json`.
    published, metrics, memorization : pandas.DataFrame
        The tables of the evaluation; of `metrics` the rows of the fold that stands for all.
    job_seconds : float
        Sum of the wall-clock seconds of its jobs.
    date : str
        Day (UTC) on which the last of them ended, `2026-11-27`; empty where none is known.
    versions : dict
        Of the software that the networks were trained with, by name; several, if they differ.
    """

    name: str
    command: str
    analysis: AnalysisConfig
    summary: Mapping[str, Any]
    published: pd.DataFrame
    metrics: pd.DataFrame
    memorization: pd.DataFrame
    job_seconds: float
    date: str
    versions: Mapping[str, Sequence[str]]

    @property
    def main(self) -> str:
        """The metric that the verdict of the analysis is about."""
        return next(metric for metric in LABELS if metric in set(self.metrics["metric"]))

    def score(self, model: str, metric: str, subset: str = "test") -> dict[str, Any]:
        """`value, ci_low, ci_high` of the mean over seeds, `n` examples, and number of `seeds`."""
        rows = self.metrics[
            (self.metrics["model"] == model) & (self.metrics["metric"] == metric)
            & (self.metrics["subset"] == subset)
        ].set_index("seed")  # fmt: skip
        whole = rows.loc["all"]
        return {
            **{key: float(whole[key]) for key in _LIMITS},
            "n": int(whole["n"]),
            # repeated rounds of folds have a row for each seed of each round
            "seeds": min(len(rows) - 1, len(self.analysis.training.seeds)),
        }

    def gap(self, model: str) -> dict[str, Any] | None:
        """How much better a model seems on random folds, `gap, ci_low, ci_high, value_random`."""
        rows = self.memorization.query("model == @model and metric == @self.main")
        return None if rows.empty else dict(rows.iloc[0])


def read(name: str, analysis: AnalysisConfig, command: str, folder: str | Path) -> Repeated:
    """What a run left of one analysis in its results folder."""
    folder = Path(folder)
    split = statistics.overall(read_tsv(folder / "folds.tsv"))[0]
    metrics = read_tsv(folder / "metrics.tsv", seed=str, fold=str)
    times = products.times(folder / "benchmarks", analysis)
    networks = [
        each
        for model in analysis.models
        for fold in analysis.folds
        for each in read_descriptions(folder / f"models/{model}/fold{fold}/model.json")
    ]
    return Repeated(
        name,
        command,
        analysis,
        read_json(folder / "summary.json"),
        read_tsv(folder / "published.tsv", note=str),
        metrics[metrics["fold"] == split.fold],
        read_tsv(folder / "memorization.tsv"),
        float(read_benchmarks(folder / "benchmarks", analysis)["seconds"].sum()),
        times[1].date().isoformat() if times else "",
        training_words.versions_of(networks),
    )


def rows_of(repeated: Repeated) -> list[dict[str, Any]]:
    """The rows of an analysis in `results/published.tsv`: one a published number.

    Where there is none, a row of the best network on the main metric.

    Returns
    -------
    list of dict
        `CATALOGUE_COLUMNS`; what is not known is an empty text or None.
    """
    paper, versions = repeated.analysis.paper, repeated.versions
    common = {
        "analysis": repeated.name,
        **{
            to: getattr(paper, of) if paper else ""
            for to, of in (("paper", "name"), ("task", "task"), ("data", "data"),
                           ("protocol", "protocol"))
        },
        "confidence": repeated.analysis.evaluation.confidence,
        "job_minutes": round(repeated.job_seconds / 60, 1),
        "command": repeated.command,
        "date": repeated.date,
        **{key: ", ".join(versions.get(key, [])) for key in ("biornn", "torch")},
    }  # fmt: skip
    found = []
    for row in repeated.published.to_dict("records"):
        score = repeated.score(row["model"], row["metric"], row["subset"])
        kept = ("source", "metric", "subset", "published", "uncertainty", "ours", "ci_low",
                "ci_high", "verdict", "note")  # fmt: skip
        found.append(
            common
            | {key: row[key] for key in kept}
            | {"model": row["name"], "our_model": row["model"]}
            | {key: score[key] for key in ("n", "seeds")}
        )
    if not found:
        model = repeated.summary["network"]["model"]
        score = repeated.score(model, repeated.main)
        found = [
            common
            | {"model": "", "source": "", "metric": repeated.main, "subset": "test"}
            | {"published": None, "uncertainty": None, "our_model": model}
            | {"ours": score.pop("value"), "verdict": NOTHING_PUBLISHED, "note": ""}
            | score
        ]
    return found


def table_of(analyses: Sequence[Repeated]) -> pd.DataFrame:
    """`results/published.tsv`: `CATALOGUE_COLUMNS`, in the order of the catalogue."""
    rows = [row for each in analyses for row in rows_of(each)]
    return pd.DataFrame(rows, columns=CATALOGUE_COLUMNS)


def models_of(repeated: Repeated) -> list[dict[str, Any]]:
    """The networks of an analysis and its best simple model on the main metric, best first.

    Returns
    -------
    list of dict
        `model`, `kind`; `chosen`: whether validation data chose it; `value, ci_low, ci_high, n,
        seeds`; `gap`: see `Repeated.gap`.
    """
    best = {repeated.summary[key]["model"] for key in ("network", "baseline")}
    test = repeated.metrics.query("subset == 'test' and metric == @repeated.main")
    kinds = test.drop_duplicates("model").set_index("model")["kind"]
    found = [
        {"model": model, "kind": kind, "chosen": model in best, "gap": repeated.gap(model)}
        | repeated.score(model, repeated.main)
        for model, kind in kinds.items()
        if kind == "recurrent" or model in best
    ]
    sign = 1 if repeated.summary["lower_is_better"] else -1
    return sorted(found, key=lambda row: sign * row["value"])
