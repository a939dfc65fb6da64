"""Sampling: the predictions of one model on one subset, and their metrics in every resample.

A resample draws examples. Where each position has a target, the positions of an example are drawn
together: they are no independent witnesses.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd


class Draw:
    """How often each example is drawn: `counts` float [examples, resamples]."""

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = counts
        self.target_ranks = TargetRanks(counts)
        #: what several metrics of a sample share, by the sample's `id` and a name
        self.shared: dict[tuple[int, str], np.ndarray] = {}


class Sample:
    """Predictions of one model on one subset of one fold.

    Attributes
    ----------
    model, kind : str
    seeds : list
    target : numpy.ndarray
        [targets], numbers or class codes; of labels boolean [targets, labels].
    n : int
        Number of examples.
    ids : numpy.ndarray
        str [examples]
    clusters : numpy.ndarray or None
        Cluster of each example, int64 [examples], where clusters are drawn whole; set by
        `statistics.prepare`, as are the next two.
    resampled : dict
        float [resamples, seeds] by metric.
    left_out : dict
        float [groups, seeds] by metric: with one group of examples left out at a time.
    metrics : tuple of str
        What can be asked of it.
    unresampled : frozenset of str
        Those of them that have no interval.
    compared : tuple of str
        What models are compared by; the first is the main one.
    """

    metrics: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    unresampled: frozenset[str] = frozenset()
    target: np.ndarray

    def __init__(self, table: pd.DataFrame) -> None:
        self.model, self.kind = table["model"].iloc[0], table["kind"].iloc[0]
        unit = ["id", "position"] if "position" in table else ["id"]
        table = table.sort_values(["seed", *unit], kind="stable")
        self.seeds = list(table["seed"].unique())
        first = table.iloc[: len(table) // len(self.seeds)]
        names = np.tile(first["id"].astype(str).to_numpy(), len(self.seeds))
        if len(names) != len(table) or (names != table["id"].astype(str).to_numpy()).any():
            raise ValueError(f"{self.model}: the seeds do not predict the same examples")
        changes = first["id"].astype(str).to_numpy()
        #: where each example begins among the targets
        self._starts = np.flatnonzero(np.r_[True, changes[1:] != changes[:-1]])
        self.n = len(self._starts)
        self.ids = changes[self._starts]
        self.clusters: np.ndarray | None = None
        self._read(first, table)
        self.resampled: dict[str, np.ndarray] = {}
        self.left_out: dict[str, np.ndarray] = {}

    def _read(self, first: pd.DataFrame, table: pd.DataFrame) -> None:
        """Take the targets from one seed's rows, the predictions from all."""
        raise NotImplementedError

    def _per_seed(self, values: pd.Series) -> np.ndarray:
        return values.to_numpy(dtype=float).reshape(len(self.seeds), -1)

    def _sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the targets of each example; [..., targets] to [..., examples]."""
        if self.n == values.shape[-1]:
            return values
        return np.add.reduceat(values, self._starts, axis=-1)

    @cached_property
    def _sizes(self) -> np.ndarray:
        """[examples]: targets of each."""
        n_targets = self._n_targets
        return np.diff(np.append(self._starts, n_targets)).astype(float)

    @property
    def _n_targets(self) -> int:
        return len(self.target)

    @cached_property
    def _once(self) -> Draw:
        """Each example drawn once, as it is; metrics share what they have of it."""
        return Draw(np.ones((self.n, 1)))

    def _mean_over_targets(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Means of values [seeds, targets] in every resample, [resamples, seeds]."""
        return (self._sums(values.astype(float)) @ counts / (self._sizes @ counts)).T

    def _share_of_each(self, values: np.ndarray) -> np.ndarray:
        """What each example adds to the mean of values [seeds, targets]: [examples]."""
        return self._sums(values.astype(float)).mean(axis=0) * (self.n / self._n_targets)

    @property
    def n_units(self) -> int:
        """How many are drawn: clusters, or examples."""
        return self.n if self.clusters is None else int(self.clusters.max()) + 1

    def by_unit(self, values: np.ndarray) -> np.ndarray:
        """Sums of values of the examples over what is drawn whole: [examples] to [units]."""
        return values if self.clusters is None else np.bincount(self.clusters, weights=values)

    @property
    def loss(self) -> float:
        """Mean over seeds of an error that all models have; models are chosen by it."""
        raise NotImplementedError

    def values(self, metric: str) -> np.ndarray:
        """[seeds]"""
        raise NotImplementedError

    def weighted(self, metric: str, draw: Draw) -> np.ndarray:
        """[resamples, seeds]"""
        raise NotImplementedError

    def contributions(self, metric: str) -> np.ndarray:
        """[examples]: what each adds, mean over seeds; more is better."""
        raise NotImplementedError


def correlation_of_sums(
    var_x: np.ndarray, var_y: np.ndarray, covariance: np.ndarray, xx: np.ndarray, yy: np.ndarray
) -> np.ndarray:
    """Correlation from sums of squares; NaN where either is constant in the resample."""
    # a constant leaves a rest of rounding, not zero
    constant = (var_x <= 1e-12 * np.maximum(xx, 1e-300)) | (var_y <= 1e-12 * np.maximum(yy, 1e-300))
    product = np.where(constant, 1.0, var_x * var_y)
    return np.where(constant, np.nan, covariance / np.sqrt(product))


def c_indices(order_counts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """C-index in resamples, [resamples, seeds], to first order in how often each is drawn.

    With counts 1 + δ the pairs Σ (1 + δ_i)(1 + δ_j) r_ij are Σ (1 + 2 δ_i) r_i: the projection of a
    U-statistic (Hoeffding, Ann. Math. Stat. 19:293, 1948), which has its spread but for terms of
    order 1/n². Exact where each is drawn once.

    Parameters
    ----------
    order_counts : numpy.ndarray
        [seeds, 2, n], from `metrics.order_counts`.
    counts : numpy.ndarray
        [n, resamples]
    """
    right, pairs = np.moveaxis(order_counts @ (2 * counts - 1), 1, 0)
    return np.divide(right, pairs, out=np.full(right.shape, np.nan), where=pairs > 0).T


class TargetRanks:
    """Spearman's correlation in every resample of one matrix of counts [n, resamples].

    Midranks come from cumulative counts over the sorted values. Their mean is (N + 1)/2 where N
    were drawn, so that centring needs no sums; the target's part is the same for every model.
    Examples are rows, so that putting them in order moves whole lines of memory.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = counts
        self._mean = (counts.sum(axis=0) + 1) / 2
        self._target = np.empty(0)
        self._weighted = np.empty((0, 0))
        self._squares = np.empty(0)

    def _sorted(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Order of the examples, start of each group of equals, and per group drawn and rank."""
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
        drawn = self._counts[order]
        if len(starts) < len(order):
            drawn = np.add.reduceat(drawn, starts, axis=0)
        ranks = np.cumsum(drawn, axis=0)
        ranks -= (drawn - 1) / 2 + self._mean
        return order, starts, drawn, ranks

    def correlation(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """[resamples]; NaN where either is constant."""
        if not np.array_equal(self._target, target):
            order, starts, drawn, ranks = self._sorted(target)
            group = np.empty(len(order), dtype=np.intp)
            group[order] = np.searchsorted(starts, np.arange(len(order)), side="right") - 1
            self._target, self._weighted = target, self._counts * ranks[group]
            self._squares = np.einsum("gr,gr,gr->r", drawn, ranks, ranks)
        order, starts, drawn, ranks = self._sorted(prediction)
        weighted = self._weighted[order]
        if len(starts) < len(order):
            weighted = np.add.reduceat(weighted, starts, axis=0)
        covariance = np.einsum("gr,gr->r", weighted, ranks)
        squares = np.einsum("gr,gr,gr->r", drawn, ranks, ranks)
        return correlation_of_sums(self._squares, squares, covariance, self._squares, squares)
