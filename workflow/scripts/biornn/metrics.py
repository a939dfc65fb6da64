"""Metrics: what a prediction is worth, as one number or as contributions of the examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.spatial import cKDTree
from scipy.special import digamma

#: Neighbours of the information estimator.
NEIGHBORS = 5
_TIE_SEED = 12345


def _pair(target: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    target, prediction = np.asarray(target, float), np.asarray(prediction, float)
    if target.shape != prediction.shape or target.ndim != 1:
        raise ValueError(f"targets {target.shape} and predictions {prediction.shape} do not fit")
    for name, values in (("target", target), ("prediction", prediction)):
        if not np.isfinite(values).all():
            raise ValueError(f"{np.sum(~np.isfinite(values))} values of the {name} are not finite")
    return target, prediction


def squared_errors(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(y - ŷ)², [n], in the target's unit squared."""
    target, prediction = _pair(target, prediction)
    return (target - prediction) ** 2


def mse(target: np.ndarray, prediction: np.ndarray) -> float:
    """Mean squared error, in the target's unit squared."""
    return float(squared_errors(target, prediction).mean())


def r2(target: np.ndarray, prediction: np.ndarray) -> float:
    """Coefficient of determination, 1 - Σ(y - ŷ)² / Σ(y - ȳ)²; not a squared correlation."""
    target, prediction = _pair(target, prediction)
    total = np.sum((target - target.mean()) ** 2)
    return float(1 - np.sum((target - prediction) ** 2) / total) if total > 0 else float("nan")


def pearson(target: np.ndarray, prediction: np.ndarray) -> float:
    """Pearson's correlation; NaN when either is constant."""
    target, prediction = _pair(target, prediction)
    if np.ptp(target) == 0 or np.ptp(prediction) == 0:
        return float("nan")
    return float(np.corrcoef(target, prediction)[0, 1])


def spearman(target: np.ndarray, prediction: np.ndarray) -> float:
    """Spearman's rank correlation with midranks; NaN when either is constant."""
    target, prediction = _pair(target, prediction)
    return pearson(stats.rankdata(target), stats.rankdata(prediction))


def local_information(
    target: np.ndarray, prediction: np.ndarray, n_neighbors: int = NEIGHBORS
) -> np.ndarray:
    """Contribution of every example to the predictive information, [n], in bits.

    The first estimator of Kraskov, Stögbauer & Grassberger (Phys. Rev. E 69:066138, 2004):
    ψ(k) + ψ(n) - ψ(n_x + 1) - ψ(n_y + 1), where n_x and n_y count the examples that are nearer in
    target and in prediction than the k-th neighbour is in the plane of both (largest difference).
    Both are standardised first. Ties are broken by noise of 1e-10 standard deviations from a fixed
    seed, since the estimator is for continuous values.

    Returns
    -------
    numpy.ndarray
        Their mean is the estimate. Zero for a constant prediction; NaN for n ≤ k.
    """
    target, prediction = _pair(target, prediction)
    n = len(target)
    if n <= n_neighbors:
        return np.full(n, np.nan)
    if np.ptp(target) == 0 or np.ptp(prediction) == 0:
        return np.zeros(n)
    noise = np.random.default_rng(_TIE_SEED).normal(scale=1e-10, size=(2, n))
    x, y = (
        (values - values.mean()) / values.std() + extra
        for values, extra in zip((target, prediction), noise, strict=True)
    )
    plane = np.column_stack([x, y])
    distances, _ = cKDTree(plane).query(plane, k=n_neighbors + 1, p=np.inf)
    radius = distances[:, -1]
    nats = digamma(n_neighbors) + digamma(n)
    for values in (x, y):
        ordered = np.sort(values)
        # strictly nearer, the example itself included; the rounding of a sum must not let in the
        # neighbour that lies on the radius
        inside = radius * (1 - 1e-9)
        below = np.searchsorted(ordered, values - inside, side="left")
        above = np.searchsorted(ordered, values + inside, side="right")
        nats = nats - digamma(above - below)
    return nats / np.log(2)


def information(target: np.ndarray, prediction: np.ndarray, n_neighbors: int = NEIGHBORS) -> float:
    """Predictive information: mutual information of target and prediction, in bits.

    It does not change when predictions pass through an increasing function, so that models of a
    latent quantity can be compared. Estimated (see `local_information`), so that it may lie a
    little below zero.
    """
    return float(local_information(target, prediction, n_neighbors).mean())


def information_error(
    target: np.ndarray, prediction: np.ndarray, *, n_parts: int = 4, repeats: int = 10
) -> float:
    """Standard error of `information`, in bits; NaN where there are too few examples.

    From estimates on random disjoint parts, whose variance falls as one over their size (Holmes &
    Nemenman, Phys. Rev. E 100:022404, 2019). Neighbours tie the examples' contributions together,
    so that the spread of the contributions alone says too little.
    """
    target, prediction = _pair(target, prediction)
    if len(target) // n_parts <= NEIGHBORS:
        return float("nan")
    generator = np.random.default_rng(_TIE_SEED)
    variances = []
    for _ in range(repeats):
        parts = np.array_split(generator.permutation(len(target)), n_parts)
        variances.append(
            np.var([information(target[part], prediction[part]) for part in parts], ddof=1)
        )
    return float(np.sqrt(np.mean(variances) / n_parts))


# -- classes ---------------------------------------------------------------------------------------


def confusion(target: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Examples of each class (row) that were given each class (column), int64 [classes, classes].

    Parameters
    ----------
    target, predicted : numpy.ndarray
        Class codes, int [n].
    """
    pairs = target * n_classes + predicted
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Mean recall of the classes that are there; confusion [..., classes, classes]."""
    sizes = confusion.sum(axis=-1)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    recall = np.divide(right, sizes, out=np.full(right.shape, np.nan), where=sizes > 0)
    return np.nanmean(recall, axis=-1)


def mcc(confusion: np.ndarray) -> np.ndarray:
    """Matthews correlation coefficient, of several classes R_K (Gorodkin, Comput. Biol. Chem.
    28:367, 2004); confusion [..., classes, classes]. Zero where all are given one class.
    """
    truly, given = confusion.sum(axis=-1), confusion.sum(axis=-2)
    n = truly.sum(axis=-1)
    right = np.diagonal(confusion, axis1=-2, axis2=-1).sum(axis=-1)
    covariance = right * n - (truly * given).sum(axis=-1)
    spread = (n**2 - (given**2).sum(axis=-1)) * (n**2 - (truly**2).sum(axis=-1))
    root = np.sqrt(np.maximum(spread, 0.0))
    return np.divide(covariance, root, out=np.zeros(np.shape(covariance)), where=root > 0)


def log_losses(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """-ln p of the class that it is, [n], in nats; p is held above 1e-12."""
    chosen = probabilities[np.arange(len(target)), target]
    return -np.log(np.maximum(chosen, 1e-12))


def brier_scores(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Σ over classes of (p - is it)², [n] (Brier, Mon. Weather Rev. 78:1, 1950): 0 to 2."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(target)), target] = 1
    return ((probabilities - truth) ** 2).sum(axis=1)


def auroc(positive: np.ndarray, score: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties half.

    Parameters
    ----------
    positive : numpy.ndarray
        Boolean [n].
    score : numpy.ndarray
        [n].
    counts : numpy.ndarray
        [n, resamples]: how often each example is there.

    Returns
    -------
    numpy.ndarray
        [resamples]; NaN where there are no positives or no negatives.
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.nan) != 0)
    there = counts[order]
    positives = np.add.reduceat(there * positive[order][:, None], starts, axis=0)
    negatives = np.add.reduceat(there, starts, axis=0) - positives
    below = np.cumsum(negatives, axis=0) - negatives / 2
    pairs = positives.sum(axis=0) * negatives.sum(axis=0)
    wins = (positives * below).sum(axis=0)
    return np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


REGRESSION: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "r2": r2,
    "mse": mse,
    "pearson": pearson,
    "spearman": spearman,
    "information": information,
}

LABELS = {
    "r2": "R²",
    "mse": "Mean squared error",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "information": "Predictive information (bits)",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "Matthews correlation",
    "auroc": "AUROC",
    "log_loss": "Log loss (nats)",
    "brier": "Brier score",
}

#: Metrics for which less is better.
LOWER_IS_BETTER = frozenset({"mse", "log_loss", "brier"})
