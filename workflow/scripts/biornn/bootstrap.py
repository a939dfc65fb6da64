"""Bootstrap: draws of examples or of whole clusters, and the intervals that follow.

All resampling draws by one matrix of counts that all models of a fold and subset share, so that
differences between models are paired, and that no result depends on which other models are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from .sampling import Draw, Sample

#: Elements of a matrix of resamples; 2 MiB of float64 stay near the processor.
CHUNK_ELEMENTS = 2**18
#: With fewer clusters examples are drawn: so few draws of clusters say too little of their spread.
FEWEST_CLUSTERS = 5
#: Groups of the jackknife behind the acceleration of an interval.
JACKKNIFE_GROUPS = 200
#: Metrics whose intervals are accelerated; see `limits`.
ACCELERATED = frozenset(
    {
        "accuracy", "exact_match", "balanced_accuracy", "mcc", "f1", "auroc", "auroc_macro",
        "average_precision", "brier", "mse",
    }
)  # fmt: skip

#: Seed, fold and subset: what a draw of examples depends on.
Key = tuple[int, object, str]


def generator_of(key: Key, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose in one fold and subset, whatever else is drawn."""
    digest = hashlib.sha256(repr((*map(str, key), purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def codes_of_clusters(ids: np.ndarray, clusters: pd.Series | None) -> np.ndarray | None:
    """Cluster of each example as a number, int64 [examples].

    None where examples are drawn one by one: there are no clusters, each has one example, or there
    are fewer than `FEWEST_CLUSTERS`. Intervals then speak of other examples of these clusters.

    Parameters
    ----------
    ids : numpy.ndarray
    clusters : pandas.Series or None
        Cluster of each example, by id. One that is not named is a cluster of its own.
    """
    if clusters is None:
        return None
    found = clusters.reindex(ids)
    alone = found.isna().to_numpy()
    codes = pd.factorize(found.astype(str))[0].astype(np.int64)
    codes[alone] = codes.max() + 1 + np.arange(alone.sum())
    codes = np.unique(codes, return_inverse=True)[1]
    n = int(codes.max()) + 1
    return codes if FEWEST_CLUSTERS <= n < len(codes) else None


def resample(samples: Sequence[Sample], n_resamples: int, key: Key) -> None:
    """Fill `resampled` and `left_out` of every sample.

    Samples of the same size and clusters draw the same examples.
    """
    alike: dict[tuple[int, bytes], list[Sample]] = {}
    for sample in samples:
        codes = b"" if sample.clusters is None else sample.clusters.tobytes()
        alike.setdefault((sample.n, codes), []).append(sample)
    for (n, _), group in sorted(alike.items(), key=lambda item: item[0]):
        clusters = group[0].clusters
        chunks: dict[tuple[int, str], list[np.ndarray]] = {}
        for counts in draws(n, n_resamples, key, clusters):
            for name, values in _weighted(group, counts):
                chunks.setdefault(name, []).append(values)
        for (index, metric), parts in chunks.items():
            group[index].resampled[metric] = np.concatenate(parts)
        once = left_out(n, key, clusters)
        for (index, metric), values in _weighted(group, once, ACCELERATED):
            group[index].left_out[metric] = values


def _weighted(
    group: Sequence[Sample], counts: np.ndarray, among: Collection[str] | None = None
) -> Iterator[tuple[tuple[int, str], np.ndarray]]:
    """Every metric (`among` some) in the same draw: number of the sample, metric, and values."""
    draw = Draw(counts)
    for index, sample in enumerate(group):
        for metric in sample.metrics:
            if metric not in sample.unresampled and (among is None or metric in among):
                yield (index, metric), sample.weighted(metric, draw)


def draws(
    n: int, n_resamples: int, key: Key, clusters: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """How often each example is drawn, float [n, resamples], in chunks of bounded size.

    Clusters are drawn whole (the cluster bootstrap: Davison & Hinkley, Bootstrap Methods, 1997,
    section 3.8): as many as there are, with all their examples. Drawing the examples one by one in
    spite of clusters of one to nine that share half of the variance gave 95 % intervals that
    covered 82 % (R²), 89 % (AUROC) and 91 % (accuracy); drawing clusters 95, 94 and 94 %.
    """
    generator = generator_of(key, f"examples {n}")
    n_units = n if clusters is None else int(clusters.max()) + 1
    chunk = max(1, CHUNK_ELEMENTS // n)
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        drawn = generator.integers(n_units, size=(size, n_units)) * size + np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_units).reshape(n_units, size)
        yield (counts if clusters is None else counts[clusters]).astype(float)


def left_out(n: int, key: Key, clusters: np.ndarray | None = None) -> np.ndarray:
    """Draws of a jackknife, float [n, groups]: all examples but those of one group at a time.

    At most `JACKKNIFE_GROUPS`, of examples or of whole clusters by chance. The acceleration from
    groups is that from single ones: the skewness of their sums falls as it should.
    """
    n_units = n if clusters is None else int(clusters.max()) + 1
    # all of one size, or nearly so: groups of one and of two would not be compared
    n_groups = -(-n_units // -(-n_units // JACKKNIFE_GROUPS))
    group = generator_of(key, f"jackknife {n}").permutation(n_units) % n_groups
    if clusters is not None:
        group = group[clusters]
    return (group[:, None] != np.arange(n_groups)).astype(float)


def with_drawn_seeds(sample: Sample, metric: str, key: Key) -> np.ndarray:
    """[resamples]: means over seeds that are drawn anew in every resample."""
    resampled = sample.resampled[metric]
    n_seeds = resampled.shape[1]
    if n_seeds == 1:
        return resampled[:, 0]
    drawn = generator_of(key, f"seeds {sample.model}").integers(n_seeds, size=resampled.shape)
    return np.take_along_axis(resampled, drawn, axis=1).mean(axis=1)


def percentile(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile limits of resampled values; NaN resamples (a constant was drawn) are left out."""
    if not np.isfinite(values).any():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def accelerated(
    values: np.ndarray, observed: float, jackknife: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Limits of the BCa bootstrap (Efron, J. Am. Stat. Assoc. 82:171, 1987).

    Percentile limits where it can't be had: a value is not finite, all are on one side of what is
    observed, or the jackknife is constant.

    Parameters
    ----------
    values : numpy.ndarray
        [resamples]
    observed : float
        Of the sample itself.
    jackknife : numpy.ndarray
        [groups], each with one group of examples left out; for the acceleration.
    """
    if not (np.isfinite(values).all() and np.isfinite(jackknife).all() and np.isfinite(observed)):
        return percentile(values, confidence)
    # what differs by rounding alone is equal, and counts half
    near = 1e-12 * max(1.0, abs(observed))
    below = np.mean(values < observed - near) + np.mean(np.abs(values - observed) <= near) / 2
    deviations = jackknife.mean() - jackknife
    squares = np.sum(deviations**2)
    if not 0 < below < 1 or squares <= len(jackknife) * near**2:
        return percentile(values, confidence)
    acceleration = np.sum(deviations**3) / (6 * squares**1.5)
    bias = stats.norm.ppf(below)
    tails = bias + stats.norm.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    shares = stats.norm.cdf(bias + tails / (1 - acceleration * tails))
    low, high = np.quantile(values, shares)
    return float(low), float(high)


def limits(
    sample: Sample, metric: str, observed: float, confidence: float, key: Key, seed: int | None
) -> tuple[float, float]:
    """Interval of a metric of one seed (by its place), or (None) of the mean over drawn seeds.

    NaN where the metric is not resampled. BCa limits for `ACCELERATED` metrics, percentile limits
    for others, as each covered better where we knew the truth. Nominal 95 % intervals of 1,000
    resamples covered it in (percentile, BCa) % of 2,000 samples:

    =====================  ============  ============  =======================
    metric                 n = 100       n = 300       100 clusters (of 1 to 9)
    =====================  ============  ============  =======================
    accuracy (2 classes)   93.5, 94.9    94.6, 94.7    93.4, 93.3
    balanced accuracy      94.0, 95.3    94.9, 95.3    94.4, 94.3
    Matthews correlation   94.1, 94.6    94.7, 95.1    94.1, 94.1
    F1                     93.8, 95.3    94.9, 95.0    94.2, 94.3
    AUROC                  94.4, 96.3    94.3, 94.7    93.5, 93.6
    AUROC (3 classes)      93.3, 94.3    94.8, 95.4    94.4, 94.5
    average precision      92.5, 94.9    94.0, 94.7    93.6, 92.9
    log loss               94.7, 95.1    94.6, 94.9    93.8, 93.5
    Brier score            95.1, 95.4    94.2, 94.9    93.9, 93.7
    R²                     94.1, 94.5    94.8, 94.5    94.1, 93.6
    mean squared error     93.3, 93.9    93.6, 93.4    92.7, 93.0
    Pearson                94.2, 94.6    94.4, 94.7    94.2, 93.2
    Spearman               95.1, 93.9    95.1, 94.8    94.7, 93.9
    Lin's concordance      94.2, 93.9    94.9, 94.9    93.1, 93.0
    C-index                94.4, 94.6    94.9, 95.0    94.2, 93.9
    D² of counts           91.8, 90.9    92.9, 92.8    91.1, 91.1
    R² of counts           90.0, 87.4    92.9, 89.5    91.1, 88.3
    =====================  ============  ============  =======================

    Intervals of squared errors and their shares cover too little where targets have long tails, as
    the counts of this test (Poisson, ln of the rate with a deviation of 0.7).
    """
    if metric not in sample.resampled:
        return float("nan"), float("nan")
    if seed is None:
        drawn = with_drawn_seeds(sample, metric, key)
    else:
        drawn = sample.resampled[metric][:, seed]
    if metric not in ACCELERATED:
        return percentile(drawn, confidence)
    jackknife = sample.left_out[metric]
    of_seed = jackknife.mean(axis=1) if seed is None else jackknife[:, seed]
    return accelerated(drawn, observed, of_seed, confidence)
