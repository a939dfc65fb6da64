"""Temperatures: one number that makes probabilities mean what they say, and no class another one.

softmax(ln p / T) of classes, sigmoid(logit p / T) of labels (Guo et al., ICML 2017,
arXiv:1706.04599): T above 1 makes them less sure, and the most probable class stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .folds import FoldData

#: Temperatures that are looked at, natural logarithms: 1/20 to 20.
_RANGE = (-3.0, 3.0)
_SMALLEST = 1e-12
#: Positions are thinned to about so many for the fit of one number.
_ENOUGH = 50_000


def scaled(probabilities: np.ndarray, temperature: float, *, labels: bool = False) -> np.ndarray:
    """Probabilities of another temperature, of the same shape.

    Parameters
    ----------
    probabilities : numpy.ndarray
        [..., classes], which add up to one, or with `labels` those of labels, each by itself.
    temperature : float
    labels : bool
    """
    logs = np.log(np.maximum(probabilities, _SMALLEST))
    if labels:
        logits = logs - np.log(np.maximum(1 - probabilities, _SMALLEST))
        # of both signs alike: exp of a large number would not be finite
        return 0.5 * (1 + np.tanh(logits / (2 * temperature)))
    logs = logs / temperature
    odds = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def of_seeds(description: Mapping[str, Any], seeds: Sequence[int]) -> list[float] | None:
    """The temperature of each seed in a `model.json`; None where it has none for one of them."""
    found = description.get("temperatures") or {}
    fitted = [found.get(str(seed)) for seed in seeds]
    return None if None in fitted else [float(value) for value in fitted]


def log_loss(truth: np.ndarray, probabilities: np.ndarray, *, labels: bool = False) -> float:
    """Mean log loss in nats.

    Parameters
    ----------
    truth : numpy.ndarray
        Codes of classes [n], or boolean [n, labels].
    probabilities : numpy.ndarray
        [n, classes or labels]
    labels : bool
    """
    if labels:
        given = np.where(truth, probabilities, 1 - probabilities)
    else:
        given = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(given, _SMALLEST)).mean())


def fit(truth: np.ndarray, probabilities: np.ndarray, *, labels: bool = False) -> float:
    """The temperature of the lowest log loss, between 0.05 and 20; parameters as `log_loss`.

    1 where no temperature changes anything: all classes are given the same probability. Of more
    than some ten thousand positions only every so many-th is looked at.
    """
    from scipy import optimize  # who predicts with a fitted temperature need not wait for it

    if not labels and np.ptp(probabilities, axis=-1).max() < _SMALLEST:
        return 1.0
    every = -(-len(probabilities) // _ENOUGH)
    some, right = probabilities[::every], truth[::every]
    found = optimize.minimize_scalar(
        lambda log: log_loss(right, scaled(some, np.exp(log), labels=labels), labels=labels),
        bounds=_RANGE, method="bounded", options={"xatol": 1e-3},
    )  # fmt: skip
    return float(np.exp(found.x))


def fit_fold(data: FoldData, predictions: np.ndarray) -> float | None:
    """The temperature of one network, from the labelled validation targets of its fold.

    Parameters
    ----------
    data : FoldData
    predictions : numpy.ndarray
        float [targets, classes or labels]

    Returns
    -------
    float or None
        None for numbers, which have none, and where there is no validation target.
    """
    rows = data.unit_rows("validation")
    if data.task.kind == "regression" or not len(rows):
        return None
    labels = data.task.kind == "multilabel"
    truth = data.targets[rows] == 1 if labels else data.targets[rows].astype(np.int64)
    return fit(truth, predictions[rows], labels=labels)
