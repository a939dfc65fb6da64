"""Steps of normalisation that go by the row itself: ratios, rates and logarithms of its counts.

A row's values depend on that row and on what was learned from training rows, never on the rows that
it happens to be normalised with.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from . import spreads
from .checking import listed
from .config_normalization import BinMean, Cpm, Fpkm, Log, LogRatio
from .files import InputError


class Step:
    """One step in the manner of a scikit-learn transformer.

    Attributes
    ----------
    config : NormalizationStep
    state : dict
        What was learned, as plain values for JSON.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        self.state: dict[str, Any] = {}

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        """Learn from the training rows [samples, genes].

        `reference` has the row that the step names, if it names one; `lengths` those of the genes
        in base pairs.
        """

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Values of rows with the columns that were fitted; columns may become fewer."""
        raise NotImplementedError

    def _of(self, key: str, table: pd.DataFrame) -> np.ndarray:
        """A learned number for each column."""
        return np.array([self.state[key][column] for column in table.columns], dtype=float)


def by_column(table: pd.DataFrame, values: np.ndarray) -> dict[str, float]:
    """A number of each column, [columns], by its name, as JSON has it."""
    return dict(zip(map(str, table.columns), map(float, values), strict=True))


def totals(table: pd.DataFrame, what: str) -> np.ndarray:
    """Sum of each row, [rows]; `what` names the step in the error of a row without counts."""
    sums = table.to_numpy().sum(axis=1)
    if not (sums > 0).all():
        raise InputError(f"{what}: the counts of {table.index[sums <= 0][0]} add up to nothing.")
    return sums


class LogRatioStep(Step):
    """Rows are examples; a column has the counts of one library."""

    config: LogRatio

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        if self.config.depth:
            self.state["library"] = {
                column: self._size(train[column])
                for column in self.config.numerators + self.config.denominators
            }
        # the reference is a constant that the analysis names, not a statistic of the rows
        if self.config.reference_counts is not None:
            reference = pd.DataFrame([self.config.reference_counts])
        shift = (
            self.config.reference_value - self._ratio(reference).iloc[0] if len(reference) else 0.0
        )
        self.state["shift"] = float(shift)

    @staticmethod
    def _size(counts: pd.Series) -> float:
        if not counts.sum() > 0:
            raise InputError(
                f"log_ratio: '{counts.name}' has no counts in training, so it has no depth."
            )
        return float(counts.sum())

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return (self._ratio(table) + self.state["shift"]).to_frame("log_ratio")

    def _ratio(self, table: pd.DataFrame) -> pd.Series:
        above, below = self._scaled(table, "numerators"), self._scaled(table, "denominators")
        # zero over zero is told below
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = pd.Series((above / below).mean(axis=1), index=table.index)
        wrong = ~(np.isfinite(ratio) & (ratio > 0))
        if wrong.any():
            raise InputError(
                f"log_ratio: {ratio.index[wrong][0]} has no counts above or below the line, so no "
                f"logarithm ({int(wrong.sum())} such examples). Set a pseudocount."
            )
        return log_of(ratio, self.config.base)

    def _scaled(self, table: pd.DataFrame, side: str) -> np.ndarray:
        """Counts [rows, replicates], over their libraries where asked for."""
        columns = getattr(self.config, side)
        counts = table[columns].to_numpy(dtype=float) + self.config.pseudocount
        if self.config.depth:
            counts = counts / [self.state["library"][column] for column in columns]
        return counts


class BinMeanStep(Step):
    """Uses the row itself alone, so that there is nothing to learn."""

    config: BinMean

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        counts = table[self.config.bins].to_numpy(dtype=float)
        sums = counts.sum(axis=1)
        if (empty := sums <= 0).any():
            raise InputError(
                f"bin_mean: {table.index[empty][0]} has no count in any bin, so no mean "
                f"({int(empty.sum())} such examples). Take them out of the table."
            )
        return pd.DataFrame({"bin_mean": counts @ self.config.bin_values / sums}, table.index)


def log_of(values: Any, base: float | str) -> Any:
    """Logarithm of an array or a table; `base` is a number or `e`."""
    # numpy's own are exact where log(x) / log(base) is off by a rounding
    exact = {10.0: np.log10, 2.0: np.log2, "e": np.log}.get(base)
    return exact(values) if exact else np.log(values) / math.log(base)


class CpmStep(Step):
    config: Cpm

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.div(totals(table, "cpm"), axis=0) * self.config.total


class WithLengths(Step):
    """TPM (Wagner et al., Theory Biosci. 131:281, 2012) and FPKM (Mortazavi et al. 2008)."""

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        method = self.config.method
        if lengths is None:
            raise InputError(
                f"{method}: lengths of genes are needed; give expression.gene_lengths."
            )
        missing = [gene for gene in train.columns if gene not in lengths.index]
        if missing and (self.config.unknown_genes == "error" or len(missing) == train.shape[1]):
            raise InputError(
                f"{method}: {len(missing)} of {train.shape[1]} genes have no length, such as "
                f"{listed(missing[:3])}. Is it the annotation that the reads were counted with? "
                "Set unknown_genes: drop to leave them out."
            )
        known = train.columns.difference(missing, sort=False)
        self.state = {"length": by_column(train[known], lengths.reindex(known).to_numpy())}

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        genes = list(self.state["length"])
        kept = table[genes]
        per_base = kept / self._of("length", kept)
        if isinstance(self.config, Fpkm):
            return per_base.div(totals(table, "fpkm"), axis=0) * 1e9
        return per_base.div(totals(per_base, "tpm"), axis=0) * 1e6


class LogStep(Step):
    config: Log

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        values = table + self.config.pseudocount
        if not (values.min().min() > 0):
            gene = values.min().idxmin()
            raise InputError(
                f"{self.config.method}: {gene} has values that are not positive; raise the "
                "pseudocount."
            )
        return log_of(values, self.config.base)


class RowZScoreStep(Step):
    """Uses the row itself alone, so that there is nothing to learn."""

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        sd = spreads.exact(table.std(axis=1, ddof=0).to_numpy(), table.to_numpy(), axis=1)
        # a row that never changes has no shape
        return table.sub(table.mean(axis=1), axis=0).div(np.where(sd > 0, sd, 1.0), axis=0)
