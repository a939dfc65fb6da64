"""Statistics: what a metric is and how sure it is, by the bootstrap.

All resampling draws examples by one matrix of counts that all models of a fold and subset share, so
that differences between models are paired, and that no result depends on which other models are
there.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from . import metrics

METRICS_COLUMNS = [
    "model", "kind", "fold", "seed", "subset", "metric", "value", "ci_low", "ci_high", "n",
]  # fmt: skip
KINDS = ("recurrent", "baseline", "control", "ceiling")
#: Elements of a matrix of resamples; 2 MiB of float64 stay near the processor.
CHUNK_ELEMENTS = 2**18
#: Partitions behind the standard error of the information, over all seeds of a model.
_ERROR_REPEATS = 12

#: Seed, fold and subset: what a draw of examples depends on.
Key = tuple[int, object, str]


def read_predictions(files: Iterable[str | Path], controls: Collection[str]) -> pd.DataFrame:
    """Predictions of all models in one table, with `model` and `kind` from the place of the file.

    Parameters
    ----------
    files
        `…/models/{model}/fold{fold}/predictions.parquet`, `…/baselines/{baseline}/…` and
        `…/replicate/…`.
    controls
        Models that were trained on shuffled targets.
    """
    tables = []
    for file in map(Path, files):
        room, name = file.parts[-4], file.parts[-3]
        if name == "replicate":
            kind = "ceiling"
        elif room == "baselines":
            kind = "baseline"
        else:
            kind = "control" if name in controls else "recurrent"
        table = pd.read_parquet(file)
        table.insert(0, "model", name)
        table.insert(1, "kind", kind)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


class Sample:
    """Predictions of one model on one subset of one fold: target [n], predictions [seeds, n]."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.model, self.kind = table["model"].iloc[0], table["kind"].iloc[0]
        wide = table.pivot(index="id", columns="seed", values="prediction").sort_index()
        if wide.isna().to_numpy().any():
            raise ValueError(f"{self.model}: the seeds do not predict the same examples")
        self.seeds = list(wide.columns)
        targets = table.drop_duplicates("id").set_index("id")["target"]
        self.target = targets.loc[wide.index].to_numpy(dtype=float)
        self.predictions = wide.to_numpy(dtype=float).T
        #: float [resamples, seeds] by metric, filled by `_resample`
        self.resampled: dict[str, np.ndarray] = {}

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.target)

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

    def values(self, metric: str) -> np.ndarray:
        """[seeds]"""
        if metric == "information":
            return self.information.mean(axis=1)
        score = metrics.REGRESSION[metric]
        return np.array([score(self.target, prediction) for prediction in self.predictions])

    def with_drawn_seeds(self, metric: str, key: Key) -> np.ndarray:
        """[resamples]: means over seeds that are drawn anew in every resample."""
        resampled = self.resampled[metric]
        n_seeds = resampled.shape[1]
        if n_seeds == 1:
            return resampled[:, 0]
        drawn = generator_of(key, f"seeds {self.model}").integers(n_seeds, size=resampled.shape)
        return np.take_along_axis(resampled, drawn, axis=1).mean(axis=1)

    def contributions(self, metric: str) -> np.ndarray:
        """[n]: what each example adds, mean over seeds; more is better."""
        return (self.information if metric == "information" else -self.errors).mean(axis=0)


def generator_of(key: Key, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose in one fold and subset, whatever else is drawn."""
    digest = hashlib.sha256(repr((*map(str, key), purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def _resample(samples: Sequence[Sample], wanted: Iterable[str], n_resamples: int, key: Key) -> None:
    """Fill `resampled` of every sample; samples of the same size draw the same examples.

    Exact for r2, mse, pearson and spearman. The information of a resample is the mean of the
    drawn contributions: drawing an example twice would put neighbours at distance zero, which the
    estimator can't bear. They are spread so that their mean varies as the estimate does (see
    `Sample.information_influence`).
    """
    wanted = list(wanted)
    for n in sorted({sample.n for sample in samples}):
        group = [sample for sample in samples if sample.n == n]
        chunks: dict[tuple[int, str], list[np.ndarray]] = {}
        for counts in _draw(n, n_resamples, key):
            ranks = _TargetRanks(counts)
            for (index, sample), metric in itertools.product(enumerate(group), wanted):
                values = _weighted(metric, sample, counts, ranks)
                chunks.setdefault((index, metric), []).append(values)
        for (index, metric), parts in chunks.items():
            group[index].resampled[metric] = np.concatenate(parts)


def _draw(n: int, n_resamples: int, key: Key) -> Iterator[np.ndarray]:
    """How often each example is drawn, float [n, resamples], in chunks of bounded size."""
    generator = generator_of(key, f"examples {n}")
    chunk = max(1, CHUNK_ELEMENTS // n)
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        drawn = generator.integers(n, size=(size, n)) * size + np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(n, size).astype(float)


def _weighted(metric: str, sample: Sample, counts: np.ndarray, ranks: _TargetRanks) -> np.ndarray:
    """A metric in every resample, [resamples, seeds], from counts [n, resamples]."""
    n = sample.n
    if metric == "information":
        return (sample.information_influence @ counts / n).T
    if metric == "mse":
        return (sample.errors @ counts / n).T
    centred = sample.target - sample.target.mean()
    if metric == "r2":
        total = centred**2 @ counts - (centred @ counts) ** 2 / n
        return (1 - sample.errors @ counts / total).T
    columns = []
    for prediction in sample.predictions:
        if metric == "spearman":
            columns.append(ranks.correlation(sample.target, prediction))
            continue
        other = prediction - prediction.mean()
        x, y, xx, yy, xy = (
            np.stack([centred, other, centred**2, other**2, centred * other]) @ counts
        )
        columns.append(_correlation(xx - x * x / n, yy - y * y / n, xy - x * y / n, xx, yy))
    return np.column_stack(columns)


def _correlation(
    var_x: np.ndarray, var_y: np.ndarray, covariance: np.ndarray, xx: np.ndarray, yy: np.ndarray
) -> np.ndarray:
    """Correlation from sums of squares; NaN where either is constant in the resample."""
    # a constant leaves a rest of rounding, not zero
    constant = (var_x <= 1e-12 * np.maximum(xx, 1e-300)) | (var_y <= 1e-12 * np.maximum(yy, 1e-300))
    product = np.where(constant, 1.0, var_x * var_y)
    return np.where(constant, np.nan, covariance / np.sqrt(product))


class _TargetRanks:
    """Spearman's correlation in every resample of one matrix of counts [n, resamples].

    Midranks come from cumulative counts over the sorted values. Their sum is n(n + 1)/2 whatever
    was drawn, so that centring needs no sums; the target's part is the same for every model.
    Examples are rows, so that putting them in order moves whole lines of memory.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = counts
        self._target = np.empty(0)
        self._weighted = np.empty((0, 0))
        self._squares = np.empty(0)

    def _sorted(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Order of the examples, start of each group of equals, and per group drawn and rank."""
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
        drawn = self._counts[order]
        if len(starts) < len(order):
            drawn = np.add.reduceat(drawn, starts, axis=0)
        ranks = np.cumsum(drawn, axis=0)
        ranks -= (drawn - 1) / 2 + (len(values) + 1) / 2
        return order, starts, drawn, ranks

    def correlation(self, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """[resamples]; NaN where either is constant."""
        if not np.array_equal(self._target, target):
            order, starts, drawn, ranks = self._sorted(target)
            group = np.empty(len(order), dtype=np.intp)
            group[order] = np.searchsorted(starts, np.arange(len(order)), side="right") - 1
            self._target, self._weighted = target, self._counts * ranks[group]
            self._squares = np.einsum("gr,gr,gr->r", drawn, ranks, ranks)
        order, starts, drawn, ranks = self._sorted(prediction)
        weighted = self._weighted[order]
        if len(starts) < len(order):
            weighted = np.add.reduceat(weighted, starts, axis=0)
        covariance = np.einsum("gr,gr->r", weighted, ranks)
        squares = np.einsum("gr,gr,gr->r", drawn, ranks, ranks)
        return _correlation(self._squares, squares, covariance, self._squares, squares)


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile limits of resampled values; NaN resamples (a constant was drawn) are left out."""
    if not np.isfinite(values).any():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


class Group(NamedTuple):
    """The models on one subset of one fold; strata are subsets named `test/{name}`."""

    fold: object
    subset: str
    samples: list[Sample]
    key: Key


def prepare(
    predictions: pd.DataFrame,
    strata: Mapping[str, Collection[str]],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    threads: int = 1,
) -> list[Group]:
    """Sort predictions into groups and resample them, once for all that is asked of them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        `model, kind, id, fold, seed, subset, target, prediction`.
    strata
        Ids of parts of the test set that are also judged apart, as `test/{name}`.
    n_resamples, seed
        Of the bootstrap. Validation rows are for choosing and are not resampled.
    threads : int
        The result does not depend on it.
    """
    groups = []
    for fold, in_fold in predictions.groupby("fold", sort=True):
        parts = {name: in_fold[in_fold["subset"] == name] for name in ("validation", "test")}
        for name, ids in strata.items():
            test = parts["test"]
            parts[f"test/{name}"] = test[test["id"].isin(set(ids))]
        for subset, part in parts.items():
            models = part.groupby("model", sort=False)
            samples = [Sample(table) for _, table in models if table["id"].nunique() > 1]
            samples.sort(key=lambda sample: (KINDS.index(sample.kind), sample.model))
            groups.append(Group(fold, subset, samples, (seed, fold, subset)))

    def work(group: Group) -> None:
        if group.subset != "validation":
            _resample(group.samples, metrics.REGRESSION, n_resamples, group.key)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, groups))
    return groups


def score(groups: Iterable[Group], confidence: float = 0.95) -> pd.DataFrame:
    """Every metric of every model, fold, seed and subset, with a percentile bootstrap interval.

    Returns
    -------
    pandas.DataFrame
        `METRICS_COLUMNS`, sorted by fold, subset, kind, model. A row of one seed has an interval
        over examples. The row of seed `all` is the mean over seeds, with an interval over examples
        and seeds, both drawn anew in each resample (with three seeds it still understates what
        other seeds might do). Validation rows have no interval.
    """
    rows: list[tuple[Any, ...]] = []
    for group in groups:
        for sample, metric in itertools.product(group.samples, metrics.REGRESSION):
            values = sample.values(metric)
            runs = dict(zip(map(str, sample.seeds), values, strict=True))
            runs["all"] = values.mean()
            for at, (run, value) in enumerate(runs.items()):
                limits = (np.nan, np.nan)
                if metric in sample.resampled:
                    drawn = (
                        sample.with_drawn_seeds(metric, group.key)
                        if run == "all"
                        else sample.resampled[metric][:, at]
                    )
                    limits = interval(drawn, confidence)
                of = (sample.model, sample.kind, group.fold, run, group.subset, metric)
                rows.append((*of, value, *limits, sample.n))
    return pd.DataFrame(rows, columns=METRICS_COLUMNS)
