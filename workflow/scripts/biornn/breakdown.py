"""Breakdown: the scores of single classes, and where the spread of a score comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from . import class_metrics
from .class_samples import ClassSample, LabelSample
from .statistics import Group, Overall

CLASS_COLUMNS = ["model", "kind", "class", "precision", "recall", "f1", "auroc", "n", "n_given"]
VARIANCE_COLUMNS = [
    "model", "kind", "metric", "value", "sd_examples", "sd_seeds", "sd_folds", "n", "n_seeds",
    "n_folds",
]  # fmt: skip


def classes(groups: Iterable[Group], split: Overall) -> pd.DataFrame:
    """`classes.tsv`: how well each class or label is told, means over seeds.

    Parameters
    ----------
    groups
        From `statistics.prepare`.
    split
        The split itself, from `statistics.overall`: its test set is looked at.

    Returns
    -------
    pandas.DataFrame
        `CLASS_COLUMNS`; no rows for numbers. Precision is NaN for a class that is never given,
        recall for one that is not there, and NaN seeds are left out of the means. `auroc` is of
        each class against the rest; it is left out for positions, where sorting some hundred
        thousand of them for each class and seed costs more than it tells. `n` is how many there
        are, `n_given` how many were given it, a mean over seeds.
    """
    rows: list[tuple[Any, ...]] = []
    chosen = [group for group in groups if (group.fold, group.subset) == (split.fold, "test")]
    for sample in (sample for group in chosen for sample in group.samples):
        if isinstance(sample, ClassSample):
            names, codes = sample.classes, range(len(sample.classes))
            truth = [sample.target == code for code in codes]
            given = [[seed == code for seed in sample.predicted] for code in codes]
        elif isinstance(sample, LabelSample):
            names, codes = sample.labels, range(len(sample.labels))
            truth = list(sample.target.T)
            given = [list(sample.probabilities[:, :, code] > 0.5) for code in codes]
        else:
            continue
        ranked = len(sample.target) == sample.n
        for code, name in enumerate(names):
            y = truth[code]
            scores = [_of_one(y, each) for each in given[code]]
            areas = [
                class_metrics.auroc(y, p[:, code], np.ones((len(y), 1)))[0] if ranked else np.nan
                for p in sample.probabilities
            ]
            means = [_mean(values) for values in (*zip(*scores, strict=True), areas)]
            n_given = float(np.mean([each.sum() for each in given[code]]))
            rows.append((sample.model, sample.kind, name, *means, int(y.sum()), n_given))
    return pd.DataFrame(rows, columns=CLASS_COLUMNS)


def _of_one(truth: np.ndarray, given: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1 of one class."""
    right, n_given, n = int((truth & given).sum()), int(given.sum()), int(truth.sum())
    return (
        right / n_given if n_given else np.nan,
        right / n if n else np.nan,
        2 * right / (n + n_given) if n + n_given else np.nan,
    )


def _mean(values: Iterable[float]) -> float:
    """Mean of those that are not NaN; NaN where all are."""
    there = [value for value in values if np.isfinite(value)]
    return float(np.mean(there)) if there else float("nan")


def variance(groups: Sequence[Group], scheme: str) -> pd.DataFrame:
    """`variance.tsv`: how far a score would move with other examples, seeds and folds.

    Returns
    -------
    pandas.DataFrame
        `VARIANCE_COLUMNS` of the test set of the split itself. `sd_examples` is the standard
        deviation over resamples of the examples (or clusters) with the same trained models,
        means over seeds; `sd_seeds` that over seeds (and rounds) on the same examples, which is
        what a single training would move by; `sd_folds` that over folds of the means over seeds:
        other training sets, and other, smaller test sets. NaN where there is one of a kind.
    """
    own = [group for group in groups if group.scheme == scheme and group.subset == "test"]
    folds: dict[tuple[str, str], list[float]] = {}
    singles = [group for group in own if not group.pooled]
    for group in singles if len(singles) > 1 else []:
        for sample in group.samples:
            for metric in sample.metrics:
                mean = float(sample.values(metric).mean())
                folds.setdefault((sample.model, metric), []).append(mean)
    rows: list[tuple[Any, ...]] = []
    for group in [group for group in own if group.pooled] or own:
        for sample in group.samples:
            for metric in sample.metrics:
                values = sample.values(metric)
                resampled = sample.resampled.get(metric)
                drawn = [] if resampled is None else resampled.mean(axis=1)
                examples = _sd([value for value in drawn if np.isfinite(value)])
                of_folds = folds.get((sample.model, metric), [])
                rows.append(
                    (
                        sample.model, sample.kind, metric, values.mean(), examples, _sd(values),
                        _sd(of_folds), sample.n, len(values), max(1, len(of_folds)),
                    )
                )  # fmt: skip
    return pd.DataFrame(rows, columns=VARIANCE_COLUMNS)


def _sd(values: Sequence[float] | np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
