"""Normalisers: one step each, fitted on training rows, replayed on any others one row at a time.

A row's values depend on that row and on what was learned from training rows, never on the rows that
it happens to be normalised with. Published implementations of the between-sample methods choose
their genes from all rows at hand; here the genes are those that have counts in training.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from . import spreads
from .config_normalization import HighlyVariable, LowCounts, Missing, NormalizationStep
from .files import InputError
from .library_sizes import MedianOfRatiosStep, TmmStep, UpperQuartileStep, VstStep
from .row_steps import (
    BinMeanStep,
    CpmStep,
    LogRatioStep,
    LogStep,
    RowZScoreStep,
    Step,
    WithLengths,
    by_column,
)

#: Most training values that a normaliser keeps as they are (some 100 MB of JSON).
_MOST_STORED = 5_000_000


class _ZScore(Step):
    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        spread = spreads.exact(train.std(ddof=0).to_numpy(), train.to_numpy())
        self.state = _center_and_scale(train, train.mean().to_numpy(), spread, "z_score")

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return (table - self._of("center", table)) / self._of("scale", table)


class _NonzeroMedian(Step):
    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        medians = train.where(train > 0).median()
        # what training never had any of is left as it is
        self.state = {"scale": by_column(train, medians.fillna(1.0).to_numpy())}

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return table / self._of("scale", table)


class _RobustScale(_ZScore):
    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        low, middle, high = np.nanquantile(train.to_numpy(), [0.25, 0.5, 0.75], axis=0)
        self.state = _center_and_scale(train, middle, high - low, "robust_scale")


def _center_and_scale(
    train: pd.DataFrame, center: np.ndarray, scale: np.ndarray, method: str
) -> dict[str, Any]:
    if not (scale > 0).any():
        raise InputError(
            f"{method}: '{train.columns[0]}' has the same value in all training rows"
            f"{' (and so have all others)' if train.shape[1] > 1 else ''}."
        )
    # a column that never changes says nothing
    scale = np.where(scale > 0, scale, 1.0)
    return {"center": by_column(train, center), "scale": by_column(train, scale)}


class _Quantile(Step):
    """Every sample gets the mean distribution of the training samples (Bolstad et al. 2003)."""

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        ordered = np.sort(train.to_numpy(dtype=float), axis=1)
        self.state = {"distribution": list(map(float, ordered.mean(axis=0)))}

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        distribution = np.array(self.state["distribution"])
        places = np.arange(len(distribution))
        values = [
            np.interp(
                pd.Series(row).rank() - 1, places, distribution
            )  # equals get the mean of their ranks
            for row in table.to_numpy(dtype=float)
        ]
        return pd.DataFrame(values, index=table.index, columns=table.columns)


class _Chosen(Step):
    """A part of the genes."""

    def _choose(self, train: pd.DataFrame, keep: np.ndarray) -> None:
        if not keep.any():
            raise InputError(f"{self.config.method}: no gene is left.")
        self.state = {"genes": [str(gene) for gene in train.columns[keep]]}

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return table[self.state["genes"]]


class _LowCounts(_Chosen):
    config: LowCounts

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        enough = (train.to_numpy() >= self.config.min_count).sum(axis=0)
        self._choose(train, enough >= math.ceil(self.config.min_fraction * len(train)))


class _HighlyVariable(_Chosen):
    config: HighlyVariable

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        variances = train.var(ddof=0).to_numpy()
        keep = np.zeros(train.shape[1], dtype=bool)
        # the order of the file decides between equals
        keep[np.argsort(-variances, kind="stable")[: self.config.genes]] = True
        self._choose(train, keep)


class _Missing(_Chosen):
    config: Missing

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        there = train.notna().to_numpy().mean(axis=0)
        self._choose(
            train, there >= 1 - self.config.max_missing if self.config.fill else there == 1
        )
        if self.config.fill:
            kept = train[self.state["genes"]]
            if not kept.notna().any().all():
                gene = kept.columns[~kept.notna().any()][0]
                raise InputError(f"missing: '{gene}' has no value in the training rows.")
            if self.config.fill == "knn":
                self._store(kept)
            else:
                self.state["median"] = by_column(kept, kept.median().to_numpy())

    def _store(self, train: pd.DataFrame) -> None:
        if train.size > _MOST_STORED:
            raise InputError(
                f"missing: fill: knn would store {train.size:,} training values in every fold; "
                f"{_MOST_STORED:,} are allowed. Choose genes before it, or set fill: median."
            )
        values = train.to_numpy(dtype=object)
        # JSON has no NaN
        self.state["rows"] = np.where(train.isna(), None, values).tolist()

    def _nearest_mean(self, table: pd.DataFrame) -> pd.DataFrame:
        """Troyanskaya et al., Bioinformatics 17:520 (2001), with the samples as neighbours."""
        # a second to load
        from sklearn.impute import KNNImputer

        imputer = KNNImputer(n_neighbors=self.config.neighbors)
        imputer.fit(np.array(self.state["rows"], dtype=float))
        values = table.to_numpy(dtype=float).copy()
        # one at a time: the rounding of distances goes by the batch, and so would the neighbours
        for row in np.flatnonzero(np.isnan(values).any(axis=1)):
            values[row] = imputer.transform(values[row : row + 1])
        return pd.DataFrame(values, index=table.index, columns=table.columns)

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        kept = super().transform(table)
        if self.config.fill == "knn":
            return self._nearest_mean(kept)
        if self.config.fill:
            return kept.fillna(self.state["median"])
        if kept.isna().any().any():
            gene = kept.columns[kept.isna().any()][0]
            raise InputError(
                f"missing: '{gene}' is complete in training, but not in "
                f"{kept.index[kept[gene].isna()][0]}. Set fill: median or knn."
            )
        return kept


_STEPS: dict[str, type[Step]] = {
    "log_ratio": LogRatioStep,
    "bin_mean": BinMeanStep,
    "cpm": CpmStep,
    "tpm": WithLengths,
    "fpkm": WithLengths,
    "upper_quartile": UpperQuartileStep,
    "tmm": TmmStep,
    "median_of_ratios": MedianOfRatiosStep,
    "vst": VstStep,
    "log1p": LogStep,
    "log": LogStep,
    "quantile": _Quantile,
    "z_score": _ZScore,
    "row_z_score": RowZScoreStep,
    "nonzero_median": _NonzeroMedian,
    "robust_scale": _RobustScale,
    "low_counts": _LowCounts,
    "highly_variable": _HighlyVariable,
    "missing": _Missing,
}


def step_of(config: NormalizationStep) -> Step:
    """The step that a configuration asks for, not yet fitted."""
    return _STEPS[config.method](config)
