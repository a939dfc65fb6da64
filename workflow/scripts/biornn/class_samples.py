"""Samples of classes, ordered or not, and of labels: their metrics in every resample."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from . import class_metrics
from .sampling import Draw, Sample


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
            "rank_error": lambda: self.rank_errors,
        }
        if metric in sums:
            return self._mean_over_targets(sums[metric](), counts)
        k = len(self.classes)
        score = {
            "balanced_accuracy": class_metrics.balanced_accuracy,
            "mcc": class_metrics.mcc,
            "kappa": class_metrics.quadratic_kappa,
        }[metric]
        tables = self._confusions @ counts  # [seeds, classes², resamples]
        return score(np.moveaxis(tables, 1, 2).reshape(len(tables), -1, k, k)).T

    def _auroc(self, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Of the last of two classes; of several the mean of each against the rest."""
        k = len(self.classes)
        codes = [1] if k == 2 else range(k)
        areas = [class_metrics.auroc(self.target == c, probabilities[:, c], counts) for c in codes]
        return _mean_of_those_there(areas)

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

    metrics = ("accuracy", "balanced_accuracy", "mcc", "log_loss", "brier")


class OrderedSample(ClassSample):
    """Of ordered classes, a whole sequence or each position; the rank is that of a class."""

    metrics = ("rank_error", "kappa", "accuracy", "balanced_accuracy", "log_loss")
    compared = ("rank_error", "accuracy")


class LabelSample(Sample):
    """Of labels: `target` boolean [n, labels], `probabilities` [seeds, n, labels].

    A label is given where its probability is above one half.
    """

    metrics = (
        "auroc_macro", "auroc_micro", "average_precision", "exact_match", "hamming_loss",
        "log_loss",
    )  # fmt: skip
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
        """[seeds]"""
        return self.weighted(metric, Draw(np.ones((self.n, 1))))[0]

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
        if metric == "auroc_micro":
            each = np.repeat(counts, len(self.labels), axis=0)
            truth = self.target.ravel()
            areas = [class_metrics.auroc(truth, p.ravel(), each) for p in self.probabilities]
            return np.column_stack(areas)
        score = {
            "auroc_macro": class_metrics.auroc,
            "average_precision": class_metrics.average_precision,
        }[metric]
        return np.column_stack(
            [
                _mean_of_those_there([score(y, p, counts) for y, p in self._by_label(seed)])
                for seed in range(len(self.seeds))
            ]
        )

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


def _mean_of_those_there(values: list[np.ndarray]) -> np.ndarray:
    """Mean over a list of arrays, without those that are NaN; NaN where all are."""
    there = np.isfinite(values)
    total, n_there = np.where(there, values, 0).sum(axis=0), there.sum(axis=0)
    return np.divide(total, n_there, out=np.full(len(total), np.nan), where=n_there > 0)
