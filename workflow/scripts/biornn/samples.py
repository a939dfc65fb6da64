"""Samples: the predictions of one model on one subset, and their metrics in every resample.

A resample draws examples. Where each position has a target, the positions of an example are drawn
together: they are no independent witnesses.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from . import metrics

#: Partitions behind the standard error of the information, over all seeds of a model.
_ERROR_REPEATS = 12


class Draw:
    """How often each example is drawn: `counts` float [examples, resamples]."""

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = counts
        self.target_ranks = TargetRanks(counts)


class Sample:
    """Predictions of one model on one subset of one fold.

    Attributes
    ----------
    model, kind : str
    seeds : list
    target : numpy.ndarray
        [targets], numbers or class codes.
    n : int
        Number of examples.
    resampled : dict
        float [resamples, seeds] by metric; filled by `statistics.prepare`.
    metrics : tuple of str
        What can be asked of it.
    compared : tuple of str
        What models are compared by; the first is the main one.
    """

    metrics: ClassVar[tuple[str, ...]] = ()
    compared: ClassVar[tuple[str, ...]] = ()
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
        self._read(first, table)
        self.resampled: dict[str, np.ndarray] = {}

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

    @property
    def loss(self) -> float:
        """Mean over seeds of what training makes small; the choice between models goes by it."""
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


class NumberSample(Sample):
    """Of numbers: `target` [n], `predictions` [seeds, n]."""

    metrics = ("r2", "mse", "pearson", "spearman", "information")
    compared = ("r2", "information")

    def _read(self, first: pd.DataFrame, table: pd.DataFrame) -> None:
        self.target = first["target"].to_numpy(dtype=float)
        self.predictions = self._per_seed(table["prediction"])
        if np.isnan(self.predictions).any():
            raise ValueError(f"{self.model}: the seeds do not predict the same examples")

    @property
    def loss(self) -> float:
        """Mean squared error."""
        return float(self.errors.mean())

    @cached_property
    def information(self) -> np.ndarray:
        """[seeds, n], bits."""
        return np.array([metrics.local_information(self.target, p) for p in self.predictions])

    @cached_property
    def information_influence(self) -> np.ndarray:
        """[seeds, n]: `information`, spread about its mean as far as its standard error asks.

        The contributions depend on each other through their neighbours, so that drawing them alone
        gives intervals that are too narrow (88 % instead of 95 % at n = 500 in our test).
        """
        mean = self.information.mean(axis=1, keepdims=True)
        naive = self.information.std(axis=1).mean() / np.sqrt(self.n)
        repeats = -(-_ERROR_REPEATS // len(self.seeds))
        error = np.mean(
            [
                metrics.information_error(self.target, prediction, repeats=repeats)
                for prediction in self.predictions
            ]
        )
        # fewer than some dozens of examples: no better is known
        stretch = max(1.0, error / naive) if naive > 0 and np.isfinite(error) else 1.0
        return mean + stretch * (self.information - mean)

    @cached_property
    def errors(self) -> np.ndarray:
        """[seeds, n], squared."""
        return np.array([metrics.squared_errors(self.target, p) for p in self.predictions])

    def values(self, metric: str) -> np.ndarray:
        """[seeds]"""
        if metric == "information":
            return self.information.mean(axis=1)
        score = metrics.REGRESSION[metric]
        return np.array([score(self.target, prediction) for prediction in self.predictions])

    def weighted(self, metric: str, draw: Draw) -> np.ndarray:
        """[resamples, seeds]

        Exact but for the information: drawing an example twice would put neighbours at distance
        zero, which its estimator can't bear. It is the mean of the drawn contributions, spread so
        that this mean varies as the estimate does (see `information_influence`).
        """
        counts = draw.counts
        if metric == "information":
            return (self.information_influence @ counts / self.n).T
        size = self._sizes @ counts  # targets in each resample
        errors = self._sums(self.errors)
        if metric == "mse":
            return (errors @ counts / size).T
        centred = self.target - self.target.mean()
        x, xx = self._sums(centred) @ counts, self._sums(centred**2) @ counts
        if metric == "r2":
            return (1 - errors @ counts / (xx - x**2 / size)).T
        columns = []
        for prediction in self.predictions:
            if metric == "spearman":
                columns.append(draw.target_ranks.correlation(self.target, prediction))
                continue
            other = prediction - prediction.mean()
            sums = np.stack([other, other**2, centred * other])
            y, yy, xy = self._sums(sums) @ counts
            columns.append(
                _correlation(xx - x * x / size, yy - y * y / size, xy - x * y / size, xx, yy)
            )
        return np.column_stack(columns)

    def contributions(self, metric: str) -> np.ndarray:
        """[examples]: what each adds, mean over seeds; more is better."""
        if metric == "information":
            return self.information.mean(axis=0)
        return -self._sums(self.errors).mean(axis=0) * (self.n / self._n_targets)


class NumberPerPositionSample(NumberSample):
    """Of a number for each position."""

    # neighbours and ranks over positions of one example would not be independent
    metrics = ("r2", "mse", "pearson")
    compared = ("r2",)


class ClassSample(Sample):
    """Of classes: `target` codes [n], `probabilities` [seeds, n, classes]."""

    metrics = ("accuracy", "balanced_accuracy", "mcc", "auroc", "log_loss", "brier")
    compared = ("accuracy", "log_loss")

    def _read(self, first: pd.DataFrame, table: pd.DataFrame) -> None:
        columns = [name for name in table if str(name).startswith("prediction.")]
        classes = [str(name).removeprefix("prediction.") for name in columns]
        self.classes = classes
        self.target = pd.Categorical(first["target"].astype(str), classes).codes.astype(np.int64)
        self.probabilities = np.stack([self._per_seed(table[name]) for name in columns], axis=2)
        if np.isnan(self.probabilities).any() or (self.target < 0).any():
            raise ValueError(f"{self.model}: the seeds do not predict the same examples")

    @property
    def loss(self) -> float:
        """Mean log loss."""
        return float(self.log_losses.mean())

    @cached_property
    def predicted(self) -> np.ndarray:
        """int64 [seeds, n]: the most probable class."""
        return self.probabilities.argmax(axis=2)

    @cached_property
    def log_losses(self) -> np.ndarray:
        """[seeds, n]"""
        return np.array([metrics.log_losses(self.target, each) for each in self.probabilities])

    @cached_property
    def brier_scores(self) -> np.ndarray:
        """[seeds, n]"""
        return np.array([metrics.brier_scores(self.target, each) for each in self.probabilities])

    @cached_property
    def _confusions(self) -> np.ndarray:
        """[seeds, classes², examples]"""
        k = len(self.classes)
        rows = np.repeat(np.arange(self.n), self._sizes.astype(int))
        tables = np.zeros((len(self.seeds), k * k, self.n))
        for seed, predicted in enumerate(self.predicted):
            np.add.at(tables[seed], (self.target * k + predicted, rows), 1)
        return tables

    def values(self, metric: str) -> np.ndarray:
        """[seeds]"""
        return self.weighted(metric, Draw(np.ones((self.n, 1))))[0]

    def weighted(self, metric: str, draw: Draw) -> np.ndarray:
        """[resamples, seeds]"""
        counts = draw.counts
        if metric == "auroc":
            return np.column_stack([self._auroc(each, counts) for each in self.probabilities])
        sums = {
            "accuracy": lambda: self.predicted == self.target,
            "log_loss": lambda: self.log_losses,
            "brier": lambda: self.brier_scores,
        }
        if metric in sums:
            per_example = self._sums(sums[metric]().astype(float))
            return (per_example @ counts / (self._sizes @ counts)).T
        k = len(self.classes)
        score = {"balanced_accuracy": metrics.balanced_accuracy, "mcc": metrics.mcc}[metric]
        tables = self._confusions @ counts  # [seeds, classes², resamples]
        return score(np.moveaxis(tables, 1, 2).reshape(len(tables), -1, k, k)).T

    def _auroc(self, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Of the last of two classes; of several the mean of each against the rest."""
        k = len(self.classes)
        codes = [1] if k == 2 else range(k)
        of_each = [metrics.auroc(self.target == c, probabilities[:, c], counts) for c in codes]
        there = np.isfinite(of_each)
        total = np.where(there, of_each, 0).sum(axis=0)
        n_there = there.sum(axis=0)
        return np.divide(total, n_there, out=np.full(len(total), np.nan), where=n_there > 0)

    def contributions(self, metric: str) -> np.ndarray:
        """[examples]: what each adds, mean over seeds; more is better."""
        values = self.predicted == self.target if metric == "accuracy" else -self.log_losses
        return self._sums(values.astype(float)).mean(axis=0) * (self.n / self._n_targets)


class ClassPerPositionSample(ClassSample):
    """Of a class for each position."""

    metrics = ("accuracy", "balanced_accuracy", "mcc", "log_loss", "brier")


def sample_of(table: pd.DataFrame) -> Sample:
    """The sample of one model's rows of `predictions.parquet` on one subset of one fold."""
    per_position = "position" in table
    if "prediction" in table:
        return (NumberPerPositionSample if per_position else NumberSample)(table)
    return (ClassPerPositionSample if per_position else ClassSample)(table)


def _correlation(
    var_x: np.ndarray, var_y: np.ndarray, covariance: np.ndarray, xx: np.ndarray, yy: np.ndarray
) -> np.ndarray:
    """Correlation from sums of squares; NaN where either is constant in the resample."""
    # a constant leaves a rest of rounding, not zero
    constant = (var_x <= 1e-12 * np.maximum(xx, 1e-300)) | (var_y <= 1e-12 * np.maximum(yy, 1e-300))
    product = np.where(constant, 1.0, var_x * var_y)
    return np.where(constant, np.nan, covariance / np.sqrt(product))


class TargetRanks:
    """Spearman's correlation in every resample of one matrix of counts [n, resamples].

    Midranks come from cumulative counts over the sorted values. Their sum is n(n + 1)/2 whatever
    was drawn, so that centring needs no sums; the target's part is the same for every model.
    Examples are rows, so that putting them in order moves whole lines of memory.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = counts
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
        ranks -= (drawn - 1) / 2 + (len(values) + 1) / 2
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
        return _correlation(self._squares, squares, covariance, self._squares, squares)
