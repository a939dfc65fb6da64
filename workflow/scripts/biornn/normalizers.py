"""Normalisers: one step each, fitted on training rows, replayed on any others one row at a time.

A row's values depend on that row and on what was learned from training rows, never on the rows that
it happens to be normalised with. Published implementations of the between-sample methods choose
their genes from all rows at hand; here the genes are those that have counts in training.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd

from .checking import listed
from .config_expression import (
    Cpm,
    Fpkm,
    HighlyVariable,
    Log,
    LogRatio,
    LowCounts,
    Missing,
    NormalizationStep,
    Tmm,
    Vst,
)
from .files import InputError

#: Most training values that a normaliser keeps as they are (some 100 MB of JSON).
_MOST_STORED = 5_000_000


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


def _by_column(table: pd.DataFrame, values: np.ndarray) -> dict[str, float]:
    return dict(zip(map(str, table.columns), map(float, values), strict=True))


def _totals(table: pd.DataFrame, what: str) -> np.ndarray:
    totals = table.to_numpy().sum(axis=1)
    if not (totals > 0).all():
        raise InputError(f"{what}: the counts of {table.index[totals <= 0][0]} add up to nothing.")
    return totals


class _LogRatio(Step):
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
        return _log(ratio, self.config.base)

    def _scaled(self, table: pd.DataFrame, side: str) -> np.ndarray:
        """Counts [rows, replicates], over their libraries where asked for."""
        columns = getattr(self.config, side)
        counts = table[columns].to_numpy(dtype=float) + self.config.pseudocount
        if self.config.depth:
            counts = counts / [self.state["library"][column] for column in columns]
        return counts


def _log(values: Any, base: float | str) -> Any:
    # numpy's own are exact where log(x) / log(base) is off by a rounding
    exact = {10.0: np.log10, 2.0: np.log2, "e": np.log}.get(base)
    return exact(values) if exact else np.log(values) / math.log(base)


class _Cpm(Step):
    config: Cpm

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.div(_totals(table, "cpm"), axis=0) * self.config.total


class _WithLengths(Step):
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
        self.state = {"length": _by_column(train[known], lengths.reindex(known).to_numpy())}

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        genes = list(self.state["length"])
        kept = table[genes]
        per_base = kept / self._of("length", kept)
        if isinstance(self.config, Fpkm):
            return per_base.div(_totals(table, "fpkm"), axis=0) * 1e9
        return per_base.div(_totals(per_base, "tpm"), axis=0) * 1e6


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
        self.state["geometric_mean"] = float(np.exp(np.log(self._factors(counts)).mean()))

    def _learn(self, counts: pd.DataFrame) -> None:
        """What the factors need, beside the genes."""

    def _factors(self, counts: pd.DataFrame) -> np.ndarray:
        raise NotImplementedError

    def factors(self, table: pd.DataFrame) -> np.ndarray:
        """[samples]"""
        return self._factors(table[self.state["genes"]]) / self.state["geometric_mean"]

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        sizes = _totals(table[self.state["genes"]], self.config.method)
        factors = self.factors(table)
        if not (np.isfinite(factors) & (factors > 0)).all():
            bad = table.index[~(np.isfinite(factors) & (factors > 0))][0]
            raise InputError(
                f"{self.config.method}: {bad} has too few counts for a factor. Drop it, or use cpm."
            )
        return table.div(sizes * factors, axis=0) * 1e6


def _upper_quartile(counts: pd.DataFrame) -> np.ndarray:
    values = counts.to_numpy(dtype=float)
    return np.quantile(values, 0.75, axis=1) / _totals(counts, "upper_quartile")


class _UpperQuartile(_BetweenSamples):
    """Bullard et al., BMC Bioinformatics 11:94 (2010)."""

    def _factors(self, counts: pd.DataFrame) -> np.ndarray:
        return _upper_quartile(counts)


class _Tmm(_BetweenSamples):
    """Trimmed mean of M values (Robinson & Oshlack, Genome Biol. 11:R25, 2010)."""

    config: Tmm

    def _learn(self, counts: pd.DataFrame) -> None:
        quartiles = _upper_quartile(counts)
        # the sample whose upper quartile is nearest to the mean; the first of equals
        chosen = int(np.abs(quartiles - quartiles.mean()).argmin())
        self.state["reference"] = list(map(float, counts.iloc[chosen]))

    def _factors(self, counts: pd.DataFrame) -> np.ndarray:
        reference = np.array(self.state["reference"])
        sizes = _totals(counts, "tmm")
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


class _MedianOfRatios(Step):
    """DESeq2's size factors (Anders & Huber, Genome Biol. 11:R106, 2010)."""

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        everywhere = (train.to_numpy() > 0).all(axis=0)
        if not everywhere.any():
            raise InputError(
                f"{self.config.method}: every gene has a training sample without counts, so that "
                "there is no reference. Filter samples, or use tmm."
            )
        genes = train.loc[:, everywhere]
        self.state = {"log_mean": _by_column(genes, np.log(genes.to_numpy()).mean(axis=0))}

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


class _Vst(_MedianOfRatios):
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
    frequent = np.flatnonzero(means > 5)
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


class _Log(Step):
    config: Log

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        values = table + self.config.pseudocount
        if not (values.min().min() > 0):
            gene = values.min().idxmin()
            raise InputError(
                f"{self.config.method}: {gene} has values that are not positive; raise the "
                "pseudocount."
            )
        return _log(values, self.config.base)


class _ZScore(Step):
    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        mean, spread = train.mean(), train.std(ddof=0)
        self.state = _center_and_scale(train, mean.to_numpy(), spread.to_numpy(), "z_score")

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return (table - self._of("center", table)) / self._of("scale", table)


class _RowZScore(Step):
    """Uses the row itself alone, so that there is nothing to learn."""

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        mean, spread = table.mean(axis=1), table.std(axis=1, ddof=0)
        # a row that never changes has no shape
        return table.sub(mean, axis=0).div(spread.where(spread > 0, 1.0), axis=0)


class _NonzeroMedian(Step):
    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        medians = train.where(train > 0).median()
        # what training never had any of is left as it is
        self.state = {"scale": _by_column(train, medians.fillna(1.0).to_numpy())}

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
    return {"center": _by_column(train, center), "scale": _by_column(train, scale)}


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
                self.state["median"] = _by_column(kept, kept.median().to_numpy())

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
    "log_ratio": _LogRatio,
    "cpm": _Cpm,
    "tpm": _WithLengths,
    "fpkm": _WithLengths,
    "upper_quartile": _UpperQuartile,
    "tmm": _Tmm,
    "median_of_ratios": _MedianOfRatios,
    "vst": _Vst,
    "log1p": _Log,
    "log": _Log,
    "quantile": _Quantile,
    "z_score": _ZScore,
    "row_z_score": _RowZScore,
    "nonzero_median": _NonzeroMedian,
    "robust_scale": _RobustScale,
    "low_counts": _LowCounts,
    "highly_variable": _HighlyVariable,
    "missing": _Missing,
}


def step_of(config: NormalizationStep) -> Step:
    """The step that a configuration asks for, not yet fitted."""
    return _STEPS[config.method](config)
