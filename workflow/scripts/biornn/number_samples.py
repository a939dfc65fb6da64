"""Samples of numbers and counts: their metrics in every resample."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import xlogy

from . import metrics
from .config_evaluation import METRICS, OF_NUMBERS, OF_SPREADS
from .sampling import Draw, Sample, c_indices, correlation_of_sums

#: Partitions behind the standard error of the information, over all seeds of a model.
_ERROR_REPEATS = 12


class NumberSample(Sample):
    """Of numbers: `target` [n], `predictions` [seeds, n], and of some models `sds` [seeds, n]."""

    metrics = OF_NUMBERS
    compared = ("r2", "information")
    sds: np.ndarray | None = None

    def _read(self, first: pd.DataFrame, table: pd.DataFrame) -> None:
        self.target = first["target"].to_numpy(dtype=float)
        self.predictions = self._per_seed(table["prediction"])
        if np.isnan(self.predictions).any():
            raise ValueError(f"{self.model}: the seeds do not predict the same examples")
        if "prediction_sd" in table and table["prediction_sd"].notna().all():
            self.sds = self._per_seed(table["prediction_sd"])
            self.metrics = (*self.metrics, *OF_SPREADS)

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

    @cached_property
    def order_counts(self) -> np.ndarray:
        """[seeds, 2, n]: pairs of each example in the right order, and all of them."""
        return np.array([metrics.order_counts(self.target, p) for p in self.predictions])

    @cached_property
    def spread(self) -> dict[str, np.ndarray]:
        """[seeds, n]: is the target in the interval, and what density has it."""
        assert self.sds is not None
        both = list(zip(self.predictions, self.sds, strict=True))
        covered = [metrics.covered(self.target, mean, sd) for mean, sd in both]
        losses = [metrics.gaussian_losses(self.target, mean, sd) for mean, sd in both]
        return {"coverage_90": np.array(covered, float), "gaussian_nll": np.array(losses)}

    def values(self, metric: str) -> np.ndarray:
        """[seeds]"""
        if metric == "information":
            return self.information.mean(axis=1)
        if metric == "c_index":
            return c_indices(self.order_counts, np.ones((self.n, 1)))[0]
        if metric in ("coverage_90", "gaussian_nll"):
            return self.spread[metric].mean(axis=1)
        score = metrics.REGRESSION[metric]
        return np.array([score(self.target, prediction) for prediction in self.predictions])

    def weighted(self, metric: str, draw: Draw) -> np.ndarray:
        """[resamples, seeds]

        Exact but for two. Of the information, drawing an example twice would put neighbours at
        distance zero, which its estimator can't bear: it is the mean of the drawn contributions,
        spread so that this mean varies as the estimate does (see `information_influence`). Pairs
        of the C-index would have to be sorted anew in each resample: it is linear in the counts,
        by what the pairs of each example add (`sampling.c_indices`).
        """
        counts = draw.counts
        if metric == "information":
            return (self.information_influence @ counts / counts.sum(axis=0)).T
        if metric == "c_index":
            return c_indices(self.order_counts, counts)
        if metric in ("coverage_90", "gaussian_nll"):
            return self._mean_over_targets(self.spread[metric], counts)
        if metric == "mse":
            return self._mean_over_targets(self.errors, counts)
        if metric == "spearman":
            ranks = draw.target_ranks
            return np.column_stack([ranks.correlation(self.target, p) for p in self.predictions])
        size = self._sizes @ counts  # targets in each resample
        centred = self.target - self.target.mean()
        x, xx = self._sums(centred) @ counts, self._sums(centred**2) @ counts
        if metric == "r2":
            return (1 - self._sums(self.errors) @ counts / (xx - x**2 / size)).T
        columns = []
        for prediction in self.predictions:
            other = prediction - prediction.mean()
            sums = np.stack([other, other**2, centred * other])
            y, yy, xy = self._sums(sums) @ counts
            spread = (xx - x * x / size, yy - y * y / size, xy - x * y / size)
            if metric == "ccc":
                shift = self.target.mean() - prediction.mean() + (x - y) / size
                total = spread[0] + spread[1] + size * shift**2
                nothing = np.full(len(total), np.nan)
                columns.append(np.divide(2 * spread[2], total, out=nothing, where=total > 0))
            else:
                columns.append(correlation_of_sums(*spread, xx, yy))
        return np.column_stack(columns)

    def contributions(self, metric: str) -> np.ndarray:
        """[examples]: what each adds, mean over seeds; more is better."""
        if metric == "information":
            return self.information.mean(axis=0)
        return -self._share_of_each(self.errors)


class NumberPerPositionSample(NumberSample):
    """Of a number for each position."""

    # neighbours and ranks over positions of one example would not be independent
    metrics = ("r2", "mse", "pearson", "ccc")
    compared = ("r2",)


class CountSample(NumberSample):
    """Of counts; their information is not estimated, since the estimator is for real numbers."""

    metrics = METRICS["count"]
    compared = ("d2", "r2")

    @property
    def loss(self) -> float:
        """Mean Poisson deviance."""
        return float(self.deviances.mean())

    @cached_property
    def deviances(self) -> np.ndarray:
        """[seeds, n]"""
        return np.array([metrics.poisson_deviances(self.target, p) for p in self.predictions])

    def values(self, metric: str) -> np.ndarray:
        """[seeds]"""
        if metric not in ("d2", "poisson_deviance"):
            return super().values(metric)
        score = metrics.COUNTS[metric]
        return np.array([score(self.target, prediction) for prediction in self.predictions])

    def weighted(self, metric: str, draw: Draw) -> np.ndarray:
        """[resamples, seeds]"""
        if metric == "poisson_deviance":
            return self._mean_over_targets(self.deviances, draw.counts)
        if metric != "d2":
            return super().weighted(metric, draw)
        y = self.target
        size, total = self._sizes @ draw.counts, self._sums(y) @ draw.counts
        # Σ y ln(y / ȳ); what else is in the deviance of the mean cancels
        own = self._sums(xlogy(y, y)) @ draw.counts
        of_mean = 2 * (own - xlogy(total, total / size))
        of_model = self._sums(self.deviances) @ draw.counts  # [seeds, resamples]
        # a constant leaves a rest of rounding, not zero
        there = of_mean > 1e-9 * np.maximum(np.abs(own), 1)
        share = np.divide(of_model, of_mean, out=np.full(of_model.shape, np.nan), where=there)
        return (1 - share).T

    def contributions(self, metric: str) -> np.ndarray:
        """[examples]: what each adds, mean over seeds; more is better."""
        if metric == "d2":
            return -self._share_of_each(self.deviances)
        return super().contributions(metric)


class CountPerPositionSample(CountSample):
    """Of a count for each position."""

    metrics = ("d2", "poisson_deviance", "r2", "pearson", "ccc")
    compared = ("d2", "r2")
