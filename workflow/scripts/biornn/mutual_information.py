"""Mutual information of target and prediction by nearest neighbours."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma

_TIE_SEED = 12345
#: Share of the examples with a repeated target from which on the target is taken as discrete.
_MOST = 0.9


def pointwise(target: np.ndarray, prediction: np.ndarray, n_neighbors: int) -> np.ndarray:
    """What each example adds to the mutual information, [n], in bits; their mean estimates it.

    Both are standardised first, and ties broken by noise of 1e-10 standard deviations from a fixed
    seed. Where nine in ten examples have a target that more than `n_neighbors` others have, as
    whole numbers do, it is `_of_discrete`, and where every prediction is such, too, `_of_table`;
    else `_of_continuous`.

    Parameters
    ----------
    target, prediction : numpy.ndarray
        float [n], finite and not constant, n > n_neighbors.
    """
    noise = np.random.default_rng(_TIE_SEED).normal(scale=1e-10, size=(2, len(target)))
    x, y = (
        (values - values.mean()) / values.std() + extra
        for values, extra in zip((target, prediction), noise, strict=True)
    )
    codes, sizes = _repeats(target)
    if np.mean(sizes[codes] > n_neighbors + 1) >= _MOST:
        given, times = _repeats(prediction)
        # in a table a prediction that is there once would tell all of its target
        if times.min() > n_neighbors + 1:
            nats = _of_table(codes, sizes, given, times)
        else:
            nats = _of_discrete(codes, sizes, y, n_neighbors)
    else:
        nats = _of_continuous(x, y, n_neighbors)
    return nats / np.log(2)


def _repeats(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the different values each is, [n], and how often each of them is there."""
    _, codes, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return codes, sizes


def _of_continuous(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """The first estimator of Kraskov, Stögbauer & Grassberger (Phys. Rev. E 69:066138, 2004).

    ψ(k) + ψ(n) - ψ(n_x + 1) - ψ(n_y + 1), where n_x and n_y count the others that are nearer in x
    and in y than the k-th neighbour is in the plane of both (largest difference); [n], in nats.
    """
    plane = np.column_stack([x, y])
    distances, _ = cKDTree(plane).query(plane, k=k + 1, p=np.inf)
    radius = distances[:, -1]
    counts = digamma(_nearer(x, radius)) + digamma(_nearer(y, radius))
    return digamma(k) + digamma(len(x)) - counts


def _of_discrete(codes: np.ndarray, sizes: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """The estimator of Ross (PLoS ONE 9:e87357, 2014), for a target of repeated values.

    ψ(k) + ψ(n) - ψ(N) - ψ(m), where N examples have the same target, and m (itself included) are
    nearer in y than the k-th neighbour among these; [n], in nats. The order of the values and the
    gaps between them have no influence. Where there are no k others, k is as many as there are;
    an example whose target no other has adds what the others do in the mean.
    """
    radius, neighbors = np.zeros(len(y)), np.minimum(k, sizes - 1)[codes]
    for code in np.flatnonzero(sizes > 1):
        rows = np.flatnonzero(codes == code)
        own = y[rows, None]
        distances, _ = cKDTree(own).query(own, k=min(k, len(rows) - 1) + 1)
        radius[rows] = distances[:, -1]
    nats, shared = np.zeros(len(y)), neighbors > 0  # never none: most targets repeat
    nats[shared] = (
        digamma(neighbors[shared])
        + digamma(len(y))
        - digamma(sizes[codes][shared])
        - digamma(_nearer(y, radius)[shared])
    )
    nats[~shared] = nats[shared].mean()
    return nats


def _of_table(
    codes: np.ndarray, sizes: np.ndarray, given: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """The ratio of each pair's share to what the shares of its two values make, [n], in nats.

    Less the bias of the mean, (pairs - targets - predictions + 1) / 2n of those that are there
    (Miller, in Information Theory in Psychology, 1955).
    """
    n = len(codes)
    pairs, both = _repeats(codes * len(times) + given)
    bias = (len(both) - len(sizes) - len(times) + 1) / (2 * n)
    return np.log(n * both[pairs] / (sizes[codes] * times[given])) - bias


def _nearer(values: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many are strictly nearer to each than its radius, itself included."""
    ordered = np.sort(values)
    # the rounding of a sum must not let in the neighbour that lies on the radius; a margin as wide
    # as the noise that breaks ties would leave out all that are equal to it
    inside = np.maximum(radius - 4 * np.spacing(np.abs(values) + radius), 0)
    below = np.searchsorted(ordered, values - inside, side="left")
    return np.searchsorted(ordered, values + inside, side="right") - below
