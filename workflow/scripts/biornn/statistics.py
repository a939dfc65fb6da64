"""Statistics: intervals, comparisons in pairs, and the verdict on published numbers.

All resampling draws examples by one matrix of counts that all models of a fold and subset share, so
that differences between models are paired, and that no result depends on which other models are
there.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from . import metrics

METRICS_COLUMNS = [
    "model", "kind", "fold", "seed", "subset", "metric", "value", "ci_low", "ci_high", "n",
]  # fmt: skip
COMPARISON_COLUMNS = [
    "fold", "subset", "metric", "model_a", "model_b", "value_a", "value_b", "difference", "ci_low",
    "ci_high", "p_value", "p_adjusted", "seed_sd_a", "seed_sd_b", "n", "better",
]  # fmt: skip
PUBLISHED_COLUMNS = [
    "name", "source", "metric", "subset", "published", "uncertainty", "model", "ours", "ci_low",
    "ci_high", "verdict", "note",
]  # fmt: skip
VERDICT_RULE = (
    "Reproduced: the published value lies in our 95 % interval, widened on both sides by the "
    "published uncertainty. Better or worse: it lies outside, and ours is on the better or the "
    "worse side. Not comparable: protocol or data differ, in the way that the note names."
)
KINDS = ("recurrent", "baseline", "control", "ceiling")
#: Elements of a matrix of resamples; 2 MiB of float64 stay near the processor.
_CHUNK_ELEMENTS = 2**18
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


class _Sample:
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

    def contributions(self, metric: str) -> np.ndarray:
        """[n]: what each example adds, mean over seeds; more is better."""
        return (self.information if metric == "information" else -self.errors).mean(axis=0)


def _generator(key: Key, purpose: str) -> np.random.Generator:
    digest = hashlib.sha256(repr((*map(str, key), purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def _resample(
    samples: Sequence[_Sample], wanted: Iterable[str], n_resamples: int, key: Key
) -> None:
    """Fill `resampled` of every sample; samples of the same size draw the same examples.

    Exact for r2, mse, pearson and spearman. The information of a resample is the mean of the
    drawn contributions: drawing an example twice would put neighbours at distance zero, which the
    estimator can't bear. They are spread so that their mean varies as the estimate does (see
    `_Sample.information_influence`).
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
    generator = _generator(key, f"examples {n}")
    chunk = max(1, _CHUNK_ELEMENTS // n)
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        drawn = generator.integers(n, size=(size, n)) * size + np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(n, size).astype(float)


def _weighted(metric: str, sample: _Sample, counts: np.ndarray, ranks: _TargetRanks) -> np.ndarray:
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


def _interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    if not np.isfinite(values).any():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _with_drawn_seeds(sample: _Sample, metric: str, key: Key) -> np.ndarray:
    """Mean over seeds that are drawn anew in every resample, [resamples]."""
    resampled = sample.resampled[metric]
    n_seeds = resampled.shape[1]
    if n_seeds == 1:
        return resampled[:, 0]
    drawn = _generator(key, f"seeds {sample.model}").integers(n_seeds, size=resampled.shape)
    return np.take_along_axis(resampled, drawn, axis=1).mean(axis=1)


def _samples(
    predictions: pd.DataFrame, strata: Mapping[str, Collection[str]], subsets: Sequence[str]
) -> Iterator[tuple[object, str, list[_Sample]]]:
    """(fold, subset, samples of every model); strata are parts of the test set."""
    for fold, in_fold in predictions.groupby("fold", sort=True):
        parts = {subset: in_fold[in_fold["subset"] == subset] for subset in subsets}
        for name, ids in strata.items():
            test = parts["test"]
            parts[f"test/{name}"] = test[test["id"].isin(set(ids))]
        for subset, part in parts.items():
            groups = part.groupby("model", sort=False)
            samples = [_Sample(table) for _, table in groups if table["id"].nunique() > 1]
            yield fold, subset, sorted(samples, key=lambda s: (KINDS.index(s.kind), s.model))


def score(
    predictions: pd.DataFrame,
    strata: Mapping[str, Collection[str]],
    *,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every metric of every model, fold, seed and subset, with a bootstrap interval.

    Parameters
    ----------
    predictions : pandas.DataFrame
        `model, kind, id, fold, seed, subset, target, prediction`.
    strata
        Ids of parts of the test set that are also scored apart, as `test/{name}`.
    n_resamples, confidence, seed
        Of the percentile bootstrap.

    Returns
    -------
    pandas.DataFrame
        `METRICS_COLUMNS`, sorted by fold, subset, kind, model. A row of one seed has an interval
        over examples. The row of seed `all` is the mean over seeds, with an interval over examples
        and seeds, both drawn anew in each resample (with three seeds it still understates what
        other seeds might do). Validation rows are for choosing and have no interval.
    """
    rows: list[tuple[Any, ...]] = []
    for fold, subset, samples in _samples(predictions, strata, ("validation", "test")):
        key = (seed, fold, subset)
        judged = subset != "validation"
        if judged:
            _resample(samples, metrics.REGRESSION, n_resamples, key)
        for sample in samples:
            for metric in metrics.REGRESSION:
                values = sample.values(metric)
                runs = dict(zip(map(str, sample.seeds), values, strict=True))
                runs["all"] = values.mean()
                for at, (run, value) in enumerate(runs.items()):
                    limits = (np.nan, np.nan)
                    if judged:
                        drawn = (
                            _with_drawn_seeds(sample, metric, key)
                            if run == "all"
                            else sample.resampled[metric][:, at]
                        )
                        limits = _interval(drawn, confidence)
                    of = (sample.model, sample.kind, fold, run, subset, metric)
                    rows.append((*of, value, *limits, sample.n))
    return pd.DataFrame(rows, columns=METRICS_COLUMNS)


def best_on_validation(predictions: pd.DataFrame, kind: str, fold: object | None = None) -> str:
    """The model of a kind with the lowest validation MSE, mean over seeds (and folds).

    The choice never sees the test set. Ties go to the first name.
    """
    rows = predictions[(predictions["subset"] == "validation") & (predictions["kind"] == kind)]
    if fold is not None:
        rows = rows[rows["fold"] == fold]
    if rows.empty:
        raise ValueError(f"there is no {kind} model with validation predictions")
    errors = (rows["target"] - rows["prediction"]) ** 2
    return str(errors.groupby(rows["model"]).mean().sort_index().idxmin())


def compare(
    predictions: pd.DataFrame,
    strata: Mapping[str, Collection[str]],
    *,
    compared: Sequence[str] = ("r2", "information"),
    n_resamples: int = 1000,
    n_permutations: int = 9999,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every network against the best baseline, and against each other, on the same test examples.

    The best baseline is the one with the lowest validation MSE.

    Returns
    -------
    pandas.DataFrame
        `COMPARISON_COLUMNS`. `difference` is value_a - value_b, each a mean over seeds; its
        interval draws examples (the same for both) and seeds (of each model apart). `p_value` is
        that of a two-sided paired sign-flip permutation test on the examples' contributions
        (squared errors for r2, pointwise information for information), means over seeds: it speaks
        of these trained networks on new examples; the spread over seeds is in `seed_sd_a`,
        `seed_sd_b` and in the interval. `p_adjusted` is Holm's, within fold, subset and metric.
        `better` names a model when the interval excludes zero and p_adjusted < 1 - confidence.
    """
    tables = []
    for fold, subset, samples in _samples(predictions, strata, ("test",)):
        reference = best_on_validation(predictions, "baseline", fold)
        by_name = {sample.model: sample for sample in samples}
        networks = [sample for sample in samples if sample.kind == "recurrent"]
        pairs = [(network, by_name[reference]) for network in networks if reference in by_name]
        pairs += list(itertools.combinations(networks, 2))
        if not pairs:
            continue
        key = (seed, fold, subset)
        _resample(samples, compared, n_resamples, key)
        for metric in compared:
            differences = np.array(
                [a.contributions(metric) - b.contributions(metric) for a, b in pairs]
            )
            p_values = sign_flip_p(differences, n_permutations, _generator(key, metric))
            rows = []
            for (a, b), p_value in zip(pairs, p_values, strict=True):
                drawn = [_with_drawn_seeds(s, metric, key) for s in (a, b)]
                values = [s.values(metric) for s in (a, b)]
                spread = [v.std(ddof=1) if len(v) > 1 else np.nan for v in values]
                means = [v.mean() for v in values]
                rows.append(
                    (
                        fold, subset, metric, a.model, b.model, *means, means[0] - means[1],
                        *_interval(drawn[0] - drawn[1], confidence), p_value, np.nan, *spread,
                        a.n, "",
                    )
                )  # fmt: skip
            table = pd.DataFrame(rows, columns=COMPARISON_COLUMNS)
            table["p_adjusted"] = multipletests(table["p_value"], method="holm")[1]
            clear = (table["ci_low"] > 0) | (table["ci_high"] < 0)
            clear &= table["p_adjusted"] < 1 - confidence
            a_wins = (table["difference"] > 0) != (metric in metrics.LOWER_IS_BETTER)
            winner = table["model_a"].where(a_wins, table["model_b"])
            table["better"] = winner.where(clear, "")
            tables.append(table)
    return (
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COMPARISON_COLUMNS)
    )


def sign_flip_p(
    differences: np.ndarray, n_permutations: int, generator: np.random.Generator
) -> np.ndarray:
    """Two-sided p-values of paired differences [pairs, n] under random signs.

    (1 + number of permutations with a mean at least as far from zero) / (1 + permutations).
    """
    observed = np.abs(differences.sum(axis=1))
    at_least = np.zeros(len(differences))
    # sums that differ by rounding alone are equal
    limit = observed - 1e-12 * np.abs(differences).sum(axis=1)
    chunk = max(1, _CHUNK_ELEMENTS // differences.shape[1])
    for start in range(0, n_permutations, chunk):
        size = min(chunk, n_permutations - start)
        signs = generator.integers(0, 2, size=(size, differences.shape[1]), dtype=np.int8)
        sums = (2.0 * signs - 1) @ differences.T
        at_least += (np.abs(sums) >= limit).sum(axis=0)
    return (1 + at_least) / (1 + n_permutations)


def judge(
    published: Sequence[Mapping[str, Any]], scores: pd.DataFrame, chosen: Mapping[str, str]
) -> pd.DataFrame:
    """`published.tsv`: each published number beside ours, with a verdict by `VERDICT_RULE`.

    Parameters
    ----------
    published
        Entries of the analysis, as plain values.
    scores
        From `score`. Over several folds, value and limits are means over the folds.
    chosen
        What `best_recurrent` and `best_baseline` stand for.
    """
    rows = []
    for entry in published:
        model = chosen.get(entry["model"], entry["model"])
        ours = scores[
            (scores["model"] == model) & (scores["metric"] == entry["metric"])
            & (scores["subset"] == entry["subset"]) & (scores["seed"] == "all")
        ][["value", "ci_low", "ci_high"]].mean()  # fmt: skip
        verdict = _verdict(entry, ours)
        note = entry["not_comparable"] or entry["note"]
        rows.append(
            (
                entry["name"], entry["source"], entry["metric"], entry["subset"], entry["value"],
                entry["uncertainty"], model, *ours, verdict, note,
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _verdict(entry: Mapping[str, Any], ours: pd.Series) -> str:
    if entry["not_comparable"]:
        return "not comparable"
    low, high = ours["ci_low"] - entry["uncertainty"], ours["ci_high"] + entry["uncertainty"]
    if low <= entry["value"] <= high:
        return "reproduced"
    ours_is_more = ours["value"] > entry["value"]
    return "better" if ours_is_more != (entry["metric"] in metrics.LOWER_IS_BETTER) else "worse"
