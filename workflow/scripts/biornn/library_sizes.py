"""Steps that scale counts by the size of a sample's library, and make one variance of all means.

Published implementations choose their genes from all rows at hand; here the genes are those that
have counts in training, so that a row's values don't depend on the rows beside it.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd

from .config_normalization import Tmm, Vst
from .files import InputError
from .row_steps import Step, by_column, totals

#: Mean counts from which on a gene is among those that tell the trend of the dispersion.
_FREQUENT = 5


class _BetweenSamples(Step):
    """Counts per million of a library size that is scaled by a factor of each sample.

    Factors are those of edgeR's calcNormFactors: divided by the geometric mean of the factors of
    the training samples.
    """

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        there = train.to_numpy().sum(axis=0) > 0
        if not there.any():
            raise InputError(f"{self.config.method}: no gene has counts in the training rows.")
        self.state = {"genes": [str(gene) for gene in train.columns[there]]}
        counts = train.loc[:, there]
        self._learn(counts)
        found = self._checked(self._factors(counts), counts)
        self.state["geometric_mean"] = float(np.exp(np.log(found).mean()))

    def _learn(self, counts: pd.DataFrame) -> None:
        """What the factors need, beside the genes."""

    def _factors(self, counts: pd.DataFrame) -> np.ndarray:
        raise NotImplementedError

    def factors(self, table: pd.DataFrame) -> np.ndarray:
        """[samples]"""
        return self._factors(table[self.state["genes"]]) / self.state["geometric_mean"]

    def _checked(self, factors: np.ndarray, table: pd.DataFrame) -> np.ndarray:
        wrong = ~(np.isfinite(factors) & (factors > 0))
        if wrong.any():
            raise InputError(
                f"{self.config.method}: {table.index[wrong][0]} has too few counts for a factor. "
                "Drop it, or use cpm."
            )
        return factors

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        sizes = totals(table[self.state["genes"]], self.config.method)
        factors = self._checked(self.factors(table), table)
        return table.div(sizes * factors, axis=0) * 1e6


def _upper_quartile(counts: pd.DataFrame) -> np.ndarray:
    values = counts.to_numpy(dtype=float)
    return np.quantile(values, 0.75, axis=1) / totals(counts, "upper_quartile")


class UpperQuartileStep(_BetweenSamples):
    """Bullard et al., BMC Bioinformatics 11:94 (2010)."""

    def _factors(self, counts: pd.DataFrame) -> np.ndarray:
        return _upper_quartile(counts)


class TmmStep(_BetweenSamples):
    """Trimmed mean of M values (Robinson & Oshlack, Genome Biol. 11:R25, 2010)."""

    config: Tmm

    def _learn(self, counts: pd.DataFrame) -> None:
        quartiles = _upper_quartile(counts)
        # the sample whose upper quartile is nearest to the mean; the first of equals
        chosen = int(np.abs(quartiles - quartiles.mean()).argmin())
        self.state["reference"] = list(map(float, counts.iloc[chosen]))

    def _factors(self, counts: pd.DataFrame) -> np.ndarray:
        reference = np.array(self.state["reference"])
        sizes = totals(counts, "tmm")
        rows = zip(counts.to_numpy(dtype=float), sizes, strict=True)
        return np.array([self._factor(row, size, reference) for row, size in rows])

    def _factor(self, row: np.ndarray, size: float, reference: np.ndarray) -> float:
        both = (row > 0) & (reference > 0)
        if not both.any():
            return float("nan")
        share, of_reference = row[both] / size, reference[both] / reference.sum()
        m = np.log2(share / of_reference)
        a = np.log2(share * of_reference) / 2
        # approximate variance of m
        v = (1 - share) / row[both] + (1 - of_reference) / reference[both]
        if np.abs(m).max() < 1e-6:
            return 1.0
        n = len(m)
        keep = np.ones(n, dtype=bool)
        for values, trim in ((m, self.config.m_trim), (a, self.config.a_trim)):
            low = math.floor(n * trim) + 1
            ranks = pd.Series(values).rank().to_numpy()
            keep &= (ranks >= low) & (ranks <= n - low + 1)
        if not keep.any():
            return float("nan")
        return float(2 ** (np.sum(m[keep] / v[keep]) / np.sum(1 / v[keep])))


class MedianOfRatiosStep(Step):
    """DESeq2's size factors (Anders & Huber, Genome Biol. 11:R106, 2010)."""

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        everywhere = (train.to_numpy() > 0).all(axis=0)
        if not everywhere.any():
            raise InputError(
                f"{self.config.method}: every gene has a training sample without counts, so that "
                "there is no reference. Filter samples, or use tmm."
            )
        genes = train.loc[:, everywhere]
        self.state = {"log_mean": by_column(genes, np.log(genes.to_numpy()).mean(axis=0))}

    def size_factors(self, table: pd.DataFrame) -> np.ndarray:
        """[samples]"""
        genes = table[list(self.state["log_mean"])]
        with np.errstate(divide="ignore"):
            ratios = np.log(genes.to_numpy()) - self._of("log_mean", genes)
        return np.exp(np.median(ratios, axis=1))

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        factors = self.size_factors(table)
        if not (factors > 0).all():
            raise InputError(
                f"{self.config.method}: {table.index[factors <= 0][0]} has no counts in half of "
                "the genes of the reference. Drop it, or use tmm."
            )
        return table.div(factors, axis=0)


class VstStep(MedianOfRatiosStep):
    """DESeq2's variance stabilising transformation (Anders & Huber 2010; Love et al. 2014).

    PyDESeq2 (Muzellec et al., Bioinformatics 39:btad547, 2023) fits the trend of the dispersion
    over the mean, `a0 + a1 / mean`, to the training rows. The transformation is its closed form,
    written here: it needs a row, the training rows' log means and the two numbers, so that a row
    is treated by itself.
    """

    config: Vst

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        values = train.to_numpy(dtype=float)
        # not whole, negative or missing
        wrong = ~((values >= 0) & (values == np.floor(values)))
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise InputError(
                f"vst: '{train.columns[column]}' of {train.index[row]} is {values[row, column]:g}, "
                "no raw count. Make vst the first step that changes values."
            )
        super().fit(train, reference, lengths)
        sizes = self.size_factors(train)
        means = (values / sizes[:, None]).mean(axis=0)
        chosen = _spread(means, self.config.trend_genes)
        if not len(chosen):
            raise InputError(
                f"vst: no gene has {_FREQUENT} counts a training sample in the mean, too few for a "
                "trend. Set trend_genes to the number of all genes, or use log."
            )
        a0, a1 = _dispersion_trend(train.iloc[:, chosen], sizes, self.config.trend)
        self.state |= {"a0": a0, "a1": a1}

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        counts = super().transform(table)
        a0, a1 = self.state["a0"], self.state["a1"]
        root = np.sqrt(a0 * counts * (1 + a1 + a0 * counts))
        return np.log2((1 + a1 + 2 * a0 * counts + 2 * root) / (4 * a0))


def _spread(means: np.ndarray, n: int) -> np.ndarray:
    """int64: all genes, or n of those with a mean over 5, evenly over the ranks of the means."""
    if len(means) <= n:
        return np.arange(len(means))
    frequent = np.flatnonzero(means > _FREQUENT)
    ordered = frequent[np.argsort(means[frequent], kind="stable")]
    if len(ordered) <= n:
        return ordered
    return ordered[np.round(np.linspace(0, len(ordered) - 1, n)).astype(int)]


def _dispersion_trend(counts: pd.DataFrame, sizes: np.ndarray, trend: str) -> tuple[float, float]:
    """The coefficients a0 and a1 of the trend, a1 = 0 for one dispersion of all genes."""
    # it takes a second to load, and few analyses need it
    from pydeseq2.dds import DeseqDataSet

    table = counts.astype(int).set_axis(counts.index.astype(str), axis=0)
    with warnings.catch_warnings():
        # it warns of few samples and of a fit that fails; the second is an error below
        warnings.simplefilter("ignore")
        fitted = DeseqDataSet(
            counts=table,
            metadata=pd.DataFrame({"all": "one"}, index=table.index),
            design="~1",
            quiet=True,
            n_cpus=1,
        )
        # its own size factors would be those of the chosen genes alone
        fitted.obs["size_factors"] = sizes
        fitted.layers["normed_counts"] = table.to_numpy() / sizes[:, None]
        fitted.var["_normed_means"] = fitted.layers["normed_counts"].mean(axis=0)
        fitted.vst_fit_type = trend
        fitted.fit_genewise_dispersions(vst=True)
        dispersions = fitted.var["vst_genewise_dispersions"]
        if not (dispersions > 10 * fitted.min_disp).any():
            raise InputError("vst: no gene varies more than by chance in training. Use log.")
        fitted.fit_dispersion_trend(vst=True)
    if trend == "mean":
        return float(fitted.uns["mean_disp"]), 0.0
    if fitted.vst_fit_type != trend:
        raise InputError(
            "vst: the dispersions of the training rows don't follow a0 + a1 / mean. Set trend: "
            "mean, or use median_of_ratios and log."
        )
    a0, a1 = fitted.uns["vst_trend_coeffs"]
    return float(a0), float(a1)
