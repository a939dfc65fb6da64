"""Statistics: what a metric is and how sure it is, by the bootstrap.

All resampling draws examples by one matrix of counts that all models of a fold and subset share, so
that differences between models are paired, and that no result depends on which other models are
there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .samples import sample_of
from .sampling import Draw, Sample
from .targets import Task

METRICS_COLUMNS = [
    "model", "kind", "fold", "seed", "subset", "metric", "value", "ci_low", "ci_high", "n",
]  # fmt: skip
MEMORIZATION_COLUMNS = [
    "model", "kind", "metric", "value", "value_random", "gap", "ci_low", "ci_high", "n", "n_random",
]  # fmt: skip
KINDS = ("recurrent", "baseline", "control", "ceiling")
#: Elements of a matrix of resamples; 2 MiB of float64 stay near the processor.
CHUNK_ELEMENTS = 2**18

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
            kind = "control" if name in controls else "baseline"
        else:
            kind = "control" if name in controls else "recurrent"
        table = pd.read_parquet(file)
        table.insert(0, "model", name)
        table.insert(1, "kind", kind)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def with_drawn_seeds(sample: Sample, metric: str, key: Key) -> np.ndarray:
    """[resamples]: means over seeds that are drawn anew in every resample."""
    resampled = sample.resampled[metric]
    n_seeds = resampled.shape[1]
    if n_seeds == 1:
        return resampled[:, 0]
    drawn = generator_of(key, f"seeds {sample.model}").integers(n_seeds, size=resampled.shape)
    return np.take_along_axis(resampled, drawn, axis=1).mean(axis=1)


def generator_of(key: Key, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose in one fold and subset, whatever else is drawn."""
    digest = hashlib.sha256(repr((*map(str, key), purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def _resample(samples: Sequence[Sample], n_resamples: int, key: Key) -> None:
    """Fill `resampled` of every sample; samples of the same size draw the same examples."""
    for n in sorted({sample.n for sample in samples}):
        group = [sample for sample in samples if sample.n == n]
        chunks: dict[tuple[int, str], list[np.ndarray]] = {}
        for counts in _draw(n, n_resamples, key):
            draw = Draw(counts)
            for index, sample in enumerate(group):
                for metric in sample.metrics:
                    values = sample.weighted(metric, draw)
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


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile limits of resampled values; NaN resamples (a constant was drawn) are left out."""
    if not np.isfinite(values).any():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


class Group(NamedTuple):
    """The models on one subset of one fold, or of all folds of a scheme together.

    Strata are subsets named `test/{name}`. `pooled` is for the test examples of several folds,
    each predicted by the models that did not see it; rounds of folds count as further seeds.
    """

    fold: str
    scheme: str
    pooled: bool
    subset: str
    samples: list[Sample]
    key: Key


class Overall(NamedTuple):
    """What a scheme's results are called in the column `fold`: its one fold, or all together."""

    scheme: str
    fold: str


def overall(folds: pd.DataFrame) -> list[Overall]:
    """For each scheme of `folds.tsv`, in its order, the fold that stands for all of it.

    The split itself comes first; of what it is compared with, folds together are named after the
    scheme.
    """
    found: list[Overall] = []
    for scheme, part in folds.groupby("scheme", sort=False):
        name = str(scheme) if found else "all"
        found.append(Overall(str(scheme), str(part["fold"].iloc[0]) if len(part) == 1 else name))
    return found


def prepare(
    predictions: pd.DataFrame,
    strata: Mapping[str, Collection[str]],
    folds: pd.DataFrame,
    *,
    task: Task | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    threads: int = 1,
) -> list[Group]:
    """Sort predictions into groups and resample them, once for all that is asked of them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        `model, kind` and the columns of `folds.predictions_table`.
    strata
        Ids of parts of the test set that are also judged apart, as `test/{name}`.
    folds
        `fold, scheme, repeat` of every fold.
    task
        What is predicted; without it numbers or classes, as the columns are.
    n_resamples, seed
        Of the bootstrap. Validation rows are for choosing and are not resampled.
    threads : int
        The result does not depend on it.
    """
    groups = []
    for number, in_fold in predictions.groupby("fold", sort=True):
        scheme = folds.set_index("fold")["scheme"][number]
        parts = {name: in_fold[in_fold["subset"] == name] for name in ("validation", "test")}
        parts |= _parts(parts["test"], strata)
        # a fold of one test example, as leave-one-out has them, has no metrics of its own
        groups += [
            Group(str(number), scheme, False, subset, _samples(part, task), (seed, number, subset))
            for subset, part in parts.items()
        ]
    for scheme, name in overall(folds):
        of_scheme = folds[folds["scheme"] == scheme]
        if len(of_scheme) > 1:
            test = _pooled(predictions, of_scheme)
            # the same key for all schemes: cross-validated, they have the same examples
            groups += [
                Group(name, scheme, True, subset, _samples(part, task), (seed, "all", subset))
                for subset, part in ({"test": test} | _parts(test, strata)).items()
            ]

    def work(group: Group) -> None:
        if group.subset != "validation":
            _resample(group.samples, n_resamples, group.key)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, groups))
    return groups


def _parts(test: pd.DataFrame, strata: Mapping[str, Collection[str]]) -> dict[str, pd.DataFrame]:
    return {f"test/{name}": test[test["id"].isin(set(ids))] for name, ids in strata.items()}


def _samples(part: pd.DataFrame, task: Task | None) -> list[Sample]:
    models = part.groupby("model", sort=False)
    samples = [sample_of(table, task) for _, table in models if table["id"].nunique() > 1]
    return sorted(samples, key=lambda sample: (KINDS.index(sample.kind), sample.model))


def _pooled(predictions: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Test predictions of several folds; `seed` counts seeds and rounds."""
    test = predictions[predictions["fold"].isin(folds["fold"]) & (predictions["subset"] == "test")]
    rounds = test["fold"].map(folds.set_index("fold")["repeat"]).to_numpy()
    if not rounds.any():
        return test
    first = int(rounds.max()) + 1
    return test.assign(seed=test["seed"] * first + rounds)


def memorization(groups: Sequence[Group], folds: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """How much better the same models seem where copies and relatives of the test are in training.

    Returns
    -------
    pandas.DataFrame
        `MEMORIZATION_COLUMNS`: a row a model and metric; `gap` is value_random - value, with an
        interval over examples and seeds. Of folds that cover the same examples the draws are
        paired. Empty where the split is compared with none.
    """
    names = overall(folds)
    rows: list[tuple[Any, ...]] = []
    if len(names) > 1:
        own, random = (
            {
                sample.model: (sample, group.key)
                for group in groups
                if group.subset == "test" and group.fold == name.fold
                for sample in group.samples
            }
            for name in names
        )
        for model in (model for model in own if model in random):
            (a, key_a), (b, key_b) = own[model], random[model]
            for metric in a.metrics:
                drawn = with_drawn_seeds(b, metric, key_b) - with_drawn_seeds(a, metric, key_a)
                values = (a.values(metric).mean(), b.values(metric).mean())
                limits = interval(drawn, confidence)
                gap = values[1] - values[0]
                rows.append((model, a.kind, metric, *values, gap, *limits, a.n, b.n))
    return pd.DataFrame(rows, columns=MEMORIZATION_COLUMNS)


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
        for sample, metric in ((s, metric) for s in group.samples for metric in s.metrics):
            values = sample.values(metric)
            runs = dict(zip(map(str, sample.seeds), values, strict=True))
            runs["all"] = values.mean()
            for at, (run, value) in enumerate(runs.items()):
                limits = (np.nan, np.nan)
                if metric in sample.resampled:
                    drawn = (
                        with_drawn_seeds(sample, metric, group.key)
                        if run == "all"
                        else sample.resampled[metric][:, at]
                    )
                    limits = interval(drawn, confidence)
                of = (sample.model, sample.kind, group.fold, run, group.subset, metric)
                rows.append((*of, value, *limits, sample.n))
    return pd.DataFrame(rows, columns=METRICS_COLUMNS)
