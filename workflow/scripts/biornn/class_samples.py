"""Samples of classes, ordered or not, and of labels: their metrics in every resample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from . import class_metrics, metrics
from .config_evaluation import METRICS
from .sampling import Draw, Sample, c_indices


class ClassSample(Sample):
    """Of classes: `target` codes [n], `probabilities` [seeds, n, classes]."""

    metrics = METRICS["classification"]
    compared = ("accuracy", "log_loss")
    # bins of a resample differ from their means by chance more than those of the sample do: its
    # errors lie above the one whose interval they should give
    unresampled = frozenset({"ece"})

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
        return np.array(
            [class_metrics.log_losses(self.target, each) for each in self.probabilities]
        )

    @cached_property
    def brier_scores(self) -> np.ndarray:
        """[seeds, n]"""
        return np.array(
            [class_metrics.brier_scores(self.target, each) for each in self.probabilities]
        )

    @cached_property
    def rank_errors(self) -> np.ndarray:
        """[seeds, n]"""
        return class_metrics.rank_errors(self.target, self.predicted)

    @cached_property
    def order_counts(self) -> np.ndarray:
        """[seeds, 2, n]: of ordered classes, by the mean rank that the probabilities say."""
        ranks = self.probabilities @ np.arange(len(self.classes))
        # sums of the same probabilities in another order are equal
        return np.array([metrics.order_counts(self.target, r) for r in ranks.round(12)])

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
        if metric == "ece":
            pairs = zip(self.probabilities.max(axis=2), self.predicted == self.target, strict=True)
            return np.array([class_metrics.calibration_error(*pair) for pair in pairs])
        return self.weighted(metric, self._once)[0]

    def weighted(self, metric: str, draw: Draw) -> np.ndarray:
        """[resamples, seeds]"""
        counts = draw.counts
        if metric in ("auroc", "average_precision"):
            return self._areas(draw)[("auroc", "average_precision").index(metric)].T
        if metric == "c_index":
            return c_indices(self.order_counts, counts)
        sums = {
            "accuracy": lambda: self.predicted == self.target,
            "log_loss": lambda: self.log_losses,
            "brier": lambda: self.brier_scores,
            "rank_error": lambda: self.rank_errors,
        }
        if metric in sums:
            return self._mean_over_targets(sums[metric](), counts)
        k = len(self.classes)
        score = {
            "balanced_accuracy": class_metrics.balanced_accuracy,
            "mcc": class_metrics.mcc,
            "f1": class_metrics.f1,
            "kappa": class_metrics.quadratic_kappa,
        }[metric]
        tables = self._confusions @ counts  # [seeds, classes², resamples]
        return score(np.moveaxis(tables, 1, 2).reshape(len(tables), -1, k, k)).T

    def _areas(self, draw: Draw) -> np.ndarray:
        """AUROC and average precision, [2, seeds, resamples].

        Of the last of two classes; of several the mean of each against the rest.
        """
        k = len(self.classes)
        codes = [1] if k == 2 else range(k)
        if (id(self), "areas") not in draw.shared:
            found = [
                [class_metrics.areas(self.target == c, p[:, c], draw.counts) for c in codes]
                for p in self.probabilities
            ]
            # seeds, classes, areas, resamples: the mean is over the classes
            by_class = np.moveaxis(found, (0, 1), (2, 0))
            draw.shared[id(self), "areas"] = _mean_of_those_there(by_class)
        return draw.shared[id(self), "areas"]

    def contributions(self, metric: str) -> np.ndarray:
        """[examples]: what each adds, mean over seeds; more is better."""
        return self._share_of_each(
            {
                "accuracy": lambda: self.predicted == self.target,
                "log_loss": lambda: -self.log_losses,
                "rank_error": lambda: -self.rank_errors,
            }[metric]()
        )


class ClassPerPositionSample(ClassSample):
    """Of a class for each position."""

    metrics = ("accuracy", "balanced_accuracy", "mcc", "f1", "log_loss", "brier", "ece")


class OrderedSample(ClassSample):
    """Of ordered classes; the rank is that of a class."""

    metrics = METRICS["ordinal"]
    compared = ("rank_error", "accuracy")


class OrderedPerPositionSample(OrderedSample):
    """Of an ordered class for each position; pairs of positions would not be independent."""

    metrics = ("rank_error", "kappa", "accuracy", "balanced_accuracy", "f1", "log_loss", "ece")


class LabelSample(Sample):
    """Of labels: `target` boolean [n, labels], `probabilities` [seeds, n, labels].

    A label is given where its probability is above one half.
    """

    metrics = METRICS["multilabel"]
    unresampled = frozenset({"ece"})  # as of classes
    compared = ("auroc_macro", "log_loss")

    def _read(self, first: pd.DataFrame, table: pd.DataFrame) -> None:
        columns = [name for name in table if str(name).startswith("prediction.")]
        self.labels = [str(name).removeprefix("prediction.") for name in columns]
        truth = [first[f"target.{label}"].to_numpy() == 1 for label in self.labels]
        self.target = np.stack(truth, axis=1)
        self.probabilities = np.stack([self._per_seed(table[name]) for name in columns], axis=2)
        if np.isnan(self.probabilities).any():
            raise ValueError(f"{self.model}: the seeds do not predict the same examples")

    @property
    def loss(self) -> float:
        """Mean log loss."""
        return float(self.log_losses.mean())

    @cached_property
    def log_losses(self) -> np.ndarray:
        """[seeds, n]"""
        return np.array(
            [class_metrics.label_log_losses(self.target, p) for p in self.probabilities]
        )

    @cached_property
    def _right(self) -> np.ndarray:
        """boolean [seeds, n, labels]"""
        return (self.probabilities > 0.5) == self.target

    def values(self, metric: str) -> np.ndarray:
        """[seeds]; the calibration error is that of all labels in one heap."""
        if metric == "ece":
            truth = self.target.ravel()
            return np.array(
                [class_metrics.calibration_error(p.ravel(), truth) for p in self.probabilities]
            )
        return self.weighted(metric, self._once)[0]

    def weighted(self, metric: str, draw: Draw) -> np.ndarray:
        """[resamples, seeds]"""
        counts = draw.counts
        means = {
            "exact_match": lambda: self._right.all(axis=2),
            "hamming_loss": lambda: 1 - self._right.mean(axis=2),
            "log_loss": lambda: self.log_losses,
        }
        if metric in means:
            return self._mean_over_targets(means[metric](), counts)
        if metric == "f1":
            return np.column_stack([self._f1(seed, counts) for seed in range(len(self.seeds))])
        if metric == "auroc_micro":
            each = np.repeat(counts, len(self.labels), axis=0)
            truth = self.target.ravel()
            areas = [class_metrics.auroc(truth, p.ravel(), each) for p in self.probabilities]
            return np.column_stack(areas)
        return self._areas(draw)[("auroc_macro", "average_precision").index(metric)].T

    def _areas(self, draw: Draw) -> np.ndarray:
        """AUROC and average precision, means over the labels, [2, seeds, resamples]."""
        if (id(self), "areas") not in draw.shared:
            found = [
                [class_metrics.areas(y, p, draw.counts) for y, p in self._by_label(seed)]
                for seed in range(len(self.seeds))
            ]
            # seeds, labels, areas, resamples: the mean is over the labels
            by_label = np.moveaxis(found, (0, 1), (2, 0))
            draw.shared[id(self), "areas"] = _mean_of_those_there(by_label)
        return draw.shared[id(self), "areas"]

    def _f1(self, seed: int, counts: np.ndarray) -> np.ndarray:
        """[resamples]: mean over the labels that are there or given."""
        given = self.probabilities[seed] > 0.5
        right = 2 * (given & self.target).T.astype(float) @ counts
        both = (given.T.astype(float) + self.target.T) @ counts
        shares = np.divide(right, both, out=np.full(both.shape, np.nan), where=both > 0)
        return _mean_of_those_there(list(shares))

    def _by_label(self, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Truth and probability [n] of every label."""
        return list(zip(self.target.T, self.probabilities[seed].T, strict=True))

    def contributions(self, metric: str) -> np.ndarray:
        """[examples]: what each adds, mean over seeds; more is better."""
        if metric == "log_loss":
            return self._share_of_each(-self.log_losses)
        return np.mean(
            [
                _mean_of_those_there(
                    [class_metrics.auroc_components(y, p) for y, p in self._by_label(seed)]
                )
                for seed in range(len(self.seeds))
            ],
            axis=0,
        )


def _mean_of_those_there(values: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Mean over the first axis, without those that are NaN; NaN where all are."""
    there = np.isfinite(values)
    total, n_there = np.where(there, values, 0).sum(axis=0), there.sum(axis=0)
    return np.divide(total, n_there, out=np.full(total.shape, np.nan), where=n_there > 0)
