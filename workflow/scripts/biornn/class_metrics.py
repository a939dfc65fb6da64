"""Metrics of classes and labels: what probabilities are worth, in every resample at once."""

from __future__ import annotations

import numpy as np


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


def f1(confusion: np.ndarray) -> np.ndarray:
    """2 TP / (2 TP + FP + FN) of the last of two classes; of several the mean over the classes.

    A class that is neither there nor given is left out of the mean; confusion [..., classes,
    classes].
    """
    scores = f1_of_classes(confusion)
    if scores.shape[-1] == 2:
        return scores[..., 1]
    there = np.isfinite(scores)
    return _divided(np.where(there, scores, 0).sum(axis=-1), there.sum(axis=-1))


def f1_of_classes(confusion: np.ndarray) -> np.ndarray:
    """F1 of each class, [..., classes]; NaN where it is neither there nor given."""
    both = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return _divided(2.0 * np.diagonal(confusion, axis1=-2, axis2=-1), both)


#: Bins of the calibration error (Guo et al. 2017).
CALIBRATION_BINS = 15


def bins_of_equal_mass(values: np.ndarray, n_bins: int = CALIBRATION_BINS) -> np.ndarray:
    """Bin of each value, int64 [n], 0 for the smallest: as many in each as equal values allow.

    Equal values share a bin, so that no bin depends on the order of the rows.
    """
    below = np.searchsorted(np.sort(values), values, side="left")
    return below * n_bins // len(values)


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, n_bins: int = CALIBRATION_BINS
) -> float:
    """Expected calibration error: Σ over bins of n_b / n · |share right - mean confidence|.

    Guo et al. (ICML 2017, arXiv:1706.04599), but with bins of equal mass in place of equal width
    (as Nixon et al. 2019, arXiv:1904.01685), which leaves none of them nearly empty.

    Parameters
    ----------
    confidence, right : numpy.ndarray
        [n]: probability that was given to the answer, and whether it is right.
    """
    bins = bins_of_equal_mass(confidence, n_bins)
    gaps = np.bincount(bins, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(confidence))


def log_losses(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """-ln p of the class that it is, [n], in nats; p is held above 1e-12."""
    chosen = probabilities[np.arange(len(target)), target]
    return -np.log(np.maximum(chosen, 1e-12))


def brier_scores(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Σ over classes of (p - is it)², [n] (Brier, Mon. Weather Rev. 78:1, 1950): 0 to 2."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(target)), target] = 1
    return ((probabilities - truth) ** 2).sum(axis=1)


def areas(
    positive: np.ndarray, score: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Areas under the ROC curve and under precision and recall.

    The first is the chance that a positive scores above a negative, ties half. The second is the
    average precision Σ (R_k - R_{k-1}) P_k over the thresholds k, from the highest score down; ties
    are one threshold. Both follow from one sorting, which is what they cost.

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
    auroc, average_precision : numpy.ndarray
        [resamples]; NaN where there are no positives, and the AUROC where there are no negatives.
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.nan) != 0)
    positives = np.zeros((len(starts), counts.shape[1]))
    # most of what moves memory is moved once: positives are the fewer rows
    is_positive = positive[order]
    group = np.searchsorted(starts, np.flatnonzero(is_positive), side="right") - 1
    firsts = np.flatnonzero(np.diff(group, prepend=-1) != 0)
    there = counts[order]
    if len(group):
        positives[group[firsts]] = np.add.reduceat(there[is_positive], firsts, axis=0)
    if len(starts) < len(order):
        there = np.add.reduceat(there, starts, axis=0)
    n_positive, n = positives.sum(axis=0), there.sum(axis=0)
    up_to = np.cumsum(there, axis=0)
    true_up_to = np.cumsum(positives, axis=0)
    # negatives below, those of the same score half
    below = up_to - true_up_to - (there - positives) / 2
    pairs = n_positive * (n - n_positive)
    auroc = _divided(np.einsum("gr,gr->r", positives, below), pairs)
    above, true_above = n - up_to + there, n_positive - true_up_to + positives
    precision = true_above / np.maximum(above, 1)
    gained = np.einsum("gr,gr->r", positives, precision)
    return auroc, _divided(gained, n_positive)


def _divided(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where there is nothing of the whole."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def auroc(positive: np.ndarray, score: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The first of `areas`, [resamples]."""
    return areas(positive, score, counts)[0]


def rank_errors(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How many classes lie between the given class and the true one, abs(rank - rank), [n]."""
    return np.abs(np.asarray(target) - np.asarray(predicted)).astype(float)


def quadratic_kappa(confusion: np.ndarray) -> np.ndarray:
    """Cohen's kappa with quadratic weights (Cohen, Psychol. Bull. 70:213, 1968).

    1 - Σ w O / Σ w E with w = (i - j)², O the confusion and E what its margins alone would give;
    confusion [..., classes, classes]. NaN where all are of one class and given it.
    """
    k, n = confusion.shape[-1], confusion.sum(axis=(-2, -1))
    weights = (np.arange(k)[:, None] - np.arange(k)[None, :]) ** 2
    truly, given = confusion.sum(axis=-1), confusion.sum(axis=-2)
    by_chance = np.einsum("...i,ij,...j->...", truly, weights, given) / np.maximum(n, 1)
    seen = (confusion * weights).sum(axis=(-2, -1))
    share = np.divide(seen, by_chance, out=np.full(np.shape(seen), np.nan), where=by_chance > 0)
    return 1 - share


def label_log_losses(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """-ln of the probability that was given to what is, mean over labels; [n, labels] to [n]."""
    given = np.where(truth, probabilities, 1 - probabilities)
    return -np.log(np.maximum(given, 1e-12)).mean(axis=1)


def auroc_components(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """What each example adds to the AUROC, [n]; their mean is the AUROC.

    A + (V - A) n / m, where V is the share of the examples of the other kind that lie on the right
    side (ties half), A the AUROC, and m how many examples are of the same kind: the structural
    components of DeLong et al. (Biometrics 44:837, 1988), so that the spread of the mean is that of
    the AUROC. NaN where there are no positives or no negatives.
    """
    positive, n = np.asarray(positive, dtype=bool), len(score)
    n_positive = int(positive.sum())
    if n_positive in (0, n):
        return np.full(n, np.nan)
    values = np.empty(n)
    for kind, sign in ((True, 1), (False, -1)):
        others = np.sort(sign * score[positive != kind])
        mine = sign * score[positive == kind]
        below = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
        values[positive == kind] = below / (2 * len(others))
    area = values[positive].mean()
    return area + (values - area) * n / np.where(positive, n_positive, n - n_positive)
