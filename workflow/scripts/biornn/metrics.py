"""Metrics: what a prediction is worth, as one number or as contributions of the examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.special import xlogy

from . import mutual_information

#: Neighbours of the information estimator.
NEIGHBORS = 5
_PARTS_SEED = 12345


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


def ccc(target: np.ndarray, prediction: np.ndarray) -> float:
    """Concordance correlation coefficient (Lin, Biometrics 45:255, 1989): is prediction = target?

    2 s_xy / (s_x² + s_y² + (x̄ - ȳ)²), moments over n: a correlation that a wrong scale or zero
    point lowers. NaN where both are constant and equal.
    """
    target, prediction = _pair(target, prediction)
    shift = (target.mean() - prediction.mean()) ** 2
    total = target.var() + prediction.var() + shift
    covariance = np.mean((target - target.mean()) * (prediction - prediction.mean()))
    return float(2 * covariance / total) if total > 0 else float("nan")


def order_counts(target: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With how many others each example is in the right order, and with how many it could be.

    Returns
    -------
    right : numpy.ndarray
        float [n]: others whose prediction lies on the same side as their target, equal predictions
        half.
    pairs : numpy.ndarray
        int64 [n]: others with another target.
    """
    target, prediction = _pair(target, prediction)
    _, codes, sizes = np.unique(target, return_inverse=True, return_counts=True)
    pairs = len(target) - sizes[codes]
    right = _on_the_same_side(codes, np.unique(prediction, return_inverse=True)[1])
    wrong = _on_the_same_side(codes, np.unique(-prediction, return_inverse=True)[1])
    return right + (pairs - right - wrong) / 2, pairs


def _on_the_same_side(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Others that are above in both or below in both, int64 [n]; ranks int [n], O(n log² n).

    Counted in the merges of a bottom-up merge sort: of two neighbouring halves in the order of x,
    each of the right half is above those of the left half that have a smaller y.
    """
    n = len(x)
    # equal x in falling y: none of them counts as above another
    order = np.lexsort((-y, x))
    ranks, found = y[order], np.zeros(n, dtype=np.int64)
    by_rank, half = np.arange(n), 1
    while half < n:
        keys = by_rank // (2 * half) * n + ranks[by_rank]
        again = np.argsort(keys, kind="stable")  # of sorted runs, so that it only merges
        by_rank, keys = by_rank[again], keys[again]
        right = by_rank // half % 2 == 1
        block = by_rank // (2 * half) * 2 * half
        # left ones before the first of equals; those of earlier blocks are half of each
        first, last = (np.searchsorted(keys, keys, side) for side in ("left", "right"))
        n_right = np.r_[0, np.cumsum(right)]
        smaller = first - n_right[first] - block // 2
        in_block = np.minimum(block + 2 * half, n)
        larger = n_right[in_block] - n_right[last]
        found[by_rank] += np.where(right, smaller, larger)
        half *= 2
    result = np.empty(n, dtype=np.int64)
    result[order] = found
    return result


def c_index(target: np.ndarray, prediction: np.ndarray) -> float:
    """Share of the pairs of examples with different targets that are in the right order.

    Equal predictions count half (Harrell et al., Stat. Med. 15:361, 1996, without censoring). NaN
    where all targets are equal.
    """
    right, pairs = order_counts(target, prediction)
    return float(right.sum() / pairs.sum()) if pairs.any() else float("nan")


def local_information(
    target: np.ndarray, prediction: np.ndarray, n_neighbors: int = NEIGHBORS
) -> np.ndarray:
    """Contribution of every example to the predictive information, [n], in bits.

    An estimator by nearest neighbours, for continuous values and for repeated ones (see
    `mutual_information.pointwise`).

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
    return mutual_information.pointwise(target, prediction, n_neighbors)


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
    generator = np.random.default_rng(_PARTS_SEED)
    variances = []
    for _ in range(repeats):
        parts = np.array_split(generator.permutation(len(target)), n_parts)
        variances.append(
            np.var([information(target[part], prediction[part]) for part in parts], ddof=1)
        )
    return float(np.sqrt(np.mean(variances) / n_parts))


# -- counts and spreads ----------------------------------------------------------------------------


def poisson_deviances(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """2 (y ln(y / ŷ) - y + ŷ), [n]: 0 where the mean that is predicted is the count.

    Predictions are held above 1e-12.
    """
    target, prediction = _pair(target, prediction)
    prediction = np.maximum(prediction, 1e-12)
    return 2 * (xlogy(target, target / prediction) - target + prediction)


def poisson_deviance(target: np.ndarray, prediction: np.ndarray) -> float:
    """Mean Poisson deviance."""
    return float(poisson_deviances(target, prediction).mean())


def d2(target: np.ndarray, prediction: np.ndarray) -> float:
    """Share of the Poisson deviance that is explained: 1 - Σ d(y, ŷ) / Σ d(y, ȳ).

    What R² is to squared errors (Hastie et al., Statistical Learning with Sparsity, 2015).
    """
    target, prediction = _pair(target, prediction)
    total = poisson_deviances(target, np.full_like(target, target.mean())).sum()
    return float(1 - poisson_deviances(target, prediction).sum() / total) if total > 0 else np.nan


def gaussian_losses(target: np.ndarray, prediction: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """-ln of the normal density at the target, [n], in nats; the target in its own unit."""
    target, prediction = _pair(target, prediction)
    return ((target - prediction) / sd) ** 2 / 2 + np.log(sd * np.sqrt(2 * np.pi))


def covered(
    target: np.ndarray, prediction: np.ndarray, sd: np.ndarray, confidence: float = 0.9
) -> np.ndarray:
    """Whether the central interval of the normal distribution holds the target, boolean [n]."""
    target, prediction = _pair(target, prediction)
    return np.abs(target - prediction) <= stats.norm.ppf((1 + confidence) / 2) * sd


REGRESSION: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "r2": r2,
    "mse": mse,
    "pearson": pearson,
    "spearman": spearman,
    "ccc": ccc,
    "c_index": c_index,
    "information": information,
}

COUNTS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "d2": d2,
    "poisson_deviance": poisson_deviance,
    "r2": r2,
    "pearson": pearson,
    "spearman": spearman,
    "ccc": ccc,
    "c_index": c_index,
}

#: Names; of those that a task has, the first is its main one.
LABELS = {
    "d2": "Deviance explained (D²)",
    "rank_error": "Mean error of the rank",
    "auroc_macro": "AUROC, mean over labels",
    "r2": "R²",
    "mse": "Mean squared error",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "ccc": "Concordance (Lin)",
    "c_index": "C-index",
    "information": "Predictive information (bits)",
    "poisson_deviance": "Poisson deviance",
    "coverage_90": "Coverage of the 90 % interval",
    "gaussian_nll": "Negative log density (nats)",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "kappa": "Quadratic kappa",
    "mcc": "Matthews correlation",
    "f1": "F1",
    "auroc": "AUROC",
    "auroc_micro": "AUROC, all labels together",
    "average_precision": "Average precision (AUPRC)",
    "exact_match": "All labels right",
    "hamming_loss": "Share of wrong labels",
    "log_loss": "Log loss (nats)",
    "brier": "Brier score",
    "ece": "Calibration error (ECE)",
}

#: Metrics for which less is better.
LOWER_IS_BETTER = frozenset(
    {
        "mse",
        "log_loss",
        "brier",
        "ece",
        "rank_error",
        "hamming_loss",
        "poisson_deviance",
        "gaussian_nll",
    }
)
#: What a model that knows nothing scores.
CHANCE = {"r2": 0.0, "d2": 0.0, "information": 0.0, "mcc": 0.0, "kappa": 0.0, "auroc_macro": 0.5}
