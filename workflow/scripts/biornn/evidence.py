"""Evidence: what a run found that is about one trained model, for its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from . import examples, splits, statistics
from .config import AnalysisConfig
from .examples import Description
from .files import read_tsv
from .metrics import LABELS


@dataclass(frozen=True)
class Evidence:
    """What a run found that the cards of its models tell.

    Attributes
    ----------
    name : str
        Of the analysis.
    analysis : AnalysisConfig
    description : Description
        What the examples are.
    folds, audit, metrics, comparisons : pandas.DataFrame
        The tables of these names, of all folds.
    sources : sequence of mapping
        From `provenance.describe_sources`.
    lengths : pandas.Series
        Letters or steps of each example, by id; empty where it has none of its own.
    assigned : pandas.DataFrame
        `splits.tsv`.
    """

    name: str
    analysis: AnalysisConfig
    description: Description
    folds: pd.DataFrame
    audit: pd.DataFrame
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    sources: Sequence[Mapping[str, str]]
    lengths: pd.Series
    assigned: pd.DataFrame

    @classmethod
    def read(
        cls,
        name: str,
        analysis: AnalysisConfig,
        files: Mapping[str, Any],
        sources: Sequence[Mapping[str, str]],
    ) -> Evidence:
        """From the files of a results folder, by the names of `Evidence` and `examples`."""
        description = examples.load_description(files["description"])
        rows = examples.load(files["examples"])
        lengths = pd.Series(dtype="int64")
        if description.profile is None:
            words = rows["sequence"].str
            found = words.len() if description.inputs == "letters" else words.count(" ") + 1
            lengths = found.set_axis(rows["id"])
        return cls(
            name=name,
            analysis=analysis,
            description=description,
            folds=read_tsv(files["folds"]),
            audit=read_tsv(files["audit"]),
            metrics=read_tsv(files["metrics"], seed=str, fold=str),
            comparisons=read_tsv(files["comparisons"], better=str, fold=str),
            sources=sources,
            lengths=lengths,
            # an example may be called NA
            assigned=read_tsv(files["splits"], id=str).fillna({"id": "NA"}),
        )

    @property
    def main(self) -> str:
        """The main metric."""
        there = set(self.metrics["metric"])
        return next(metric for metric in LABELS if metric in there)


@dataclass(frozen=True)
class FoldEvidence:
    """The part of the evidence that is about one model's folder: one fold, or all of them.

    Attributes
    ----------
    own_folds, audit : pandas.DataFrame
        As in `outcome.Tables`, of these folds.
    metrics, comparisons : pandas.DataFrame
        On the test set, of this model and of what it is compared with.
    """

    own_folds: pd.DataFrame
    audit: pd.DataFrame
    metrics: pd.DataFrame
    comparisons: pd.DataFrame

    @classmethod
    def of(cls, evidence: Evidence, numbers: Sequence[int]) -> FoldEvidence:
        label = str(numbers[0])
        if len(numbers) > 1:
            label = statistics.overall(splits.own(evidence.folds))[0].fold

        def on_test(rows: pd.DataFrame) -> pd.DataFrame:
            return rows[(rows["fold"] == label) & (rows["subset"] == "test")]

        return cls(
            evidence.folds[evidence.folds["fold"].isin(numbers)],
            evidence.audit[evidence.audit["fold"].isin(numbers)],
            on_test(evidence.metrics),
            on_test(evidence.comparisons),
        )

    def scores(self, model: str) -> pd.DataFrame:
        """Means over seeds of a model, by metric, in the order of `LABELS`."""
        rows = self.metrics[(self.metrics["model"] == model) & (self.metrics["seed"] == "all")]
        rows = rows.set_index("metric")
        return rows.loc[[metric for metric in LABELS if metric in rows.index]]

    def against_baseline(self, model: str, metric: str) -> pd.Series | None:
        """The comparison with the best baseline."""
        simple = self.metrics.loc[self.metrics["kind"] == "baseline", "model"]
        rows = self.comparisons
        rows = rows[
            (rows["metric"] == metric) & (rows["model_a"] == model) & rows["model_b"].isin(simple)
        ]
        return rows.iloc[0] if len(rows) else None
