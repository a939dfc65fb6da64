"""Statistics: what a metric is and how sure it is, by the bootstrap.

See `bootstrap` for how examples are drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from .bootstrap import Key, codes_of_clusters, limits, percentile, resample, with_drawn_seeds
from .files import read_tsv
from .samples import sample_of
from .sampling import Sample
from .targets import Task

METRICS_COLUMNS = [
    "model", "kind", "fold", "seed", "subset", "metric", "value", "ci_low", "ci_high", "n",
    "n_drawn",
]  # fmt: skip
MEMORIZATION_COLUMNS = [
    "model", "kind", "metric", "value", "value_random", "gap", "ci_low", "ci_high", "n", "n_random",
]  # fmt: skip
KINDS = ("recurrent", "baseline", "control", "ceiling")


def read_clusters(files: Sequence[str | Path], table: pd.DataFrame) -> pd.Series | None:
    """What the split keeps together: the cluster of each example, by id; None where nothing is.

    Parameters
    ----------
    files
        `clusters.tsv`, where the split is by homology.
    table : pandas.DataFrame
        `examples.parquet`, with `group` where the split is by groups of a column.
    """
    if files:
        return read_tsv(files[0], id=str).set_index("id")["cluster"]
    return table.set_index("id")["group"] if "group" in table else None


def read_predictions(files: Iterable[str | Path], controls: Collection[str]) -> pd.DataFrame:
    """Predictions of all models in one table, with `model` and `kind` from the place of the file.

    Of validation and test: those of training are most of a large file, and are not scored.

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
        table = pd.read_parquet(file, filters=[("subset", "in", ["validation", "test"])])
        table.insert(0, "model", name)
        table.insert(1, "kind", kind)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


class Group(NamedTuple):
    """The models on one subset of one fold, or of all folds of a scheme together.

    Strata are subsets named `test/{name}`. `pooled` is for the test examples of several folds,
    each predicted by the models that did not see it; rounds of folds count as further seeds.
    `compared` is whether models are compared on it, and not only scored by the main metrics.
    """

    fold: str
    scheme: str
    pooled: bool
    subset: str
    samples: list[Sample]
    key: Key
    compared: bool = True


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
    clusters: pd.Series | None = None,
    scored: Mapping[str, Collection[str]] | None = None,
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
    clusters : pandas.Series or None
        Cluster of each example, by id, where the split keeps them together: they are drawn whole.
    scored
        Further parts of the test set of the split itself (of all its folds together), on which
        models are not compared, and scored only by what they would be compared by.
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
    for number, (scheme, name) in enumerate(overall(folds)):
        of_scheme = folds[folds["scheme"] == scheme]
        pooled, own = len(of_scheme) > 1, number == 0
        if not pooled and not (own and scored):
            continue
        test = _pooled(predictions, of_scheme)
        # the same key for all schemes: cross-validated, they have the same examples
        fold = "all" if pooled else of_scheme["fold"].iloc[0]
        parts = {"test": test} | _parts(test, strata) if pooled else {}
        for compared, some in ((True, parts), (False, _parts(test, (own and scored) or {}))):
            groups += [
                Group(name, scheme, pooled, subset, _samples(part, task), (seed, fold, subset),
                      compared)
                for subset, part in some.items()
            ]  # fmt: skip
    for group in groups:
        for sample in group.samples:
            sample.clusters = codes_of_clusters(sample.ids, clusters)
            if not group.compared:
                sample.metrics = sample.compared

    def work(group: Group) -> None:
        if group.subset != "validation":
            resample(group.samples, n_resamples, group.key)

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
            for metric in (metric for metric in a.metrics if metric not in a.unresampled):
                drawn = with_drawn_seeds(b, metric, key_b) - with_drawn_seeds(a, metric, key_a)
                values = (a.values(metric).mean(), b.values(metric).mean())
                ends = percentile(drawn, confidence)
                gap = values[1] - values[0]
                rows.append((model, a.kind, metric, *values, gap, *ends, a.n, b.n))
    return pd.DataFrame(rows, columns=MEMORIZATION_COLUMNS)


def score(groups: Iterable[Group], confidence: float = 0.95) -> pd.DataFrame:
    """Every metric of every model, fold, seed and subset, with a bootstrap interval.

    Returns
    -------
    pandas.DataFrame
        `METRICS_COLUMNS`, sorted by fold, subset, kind, model. A row of one seed has an interval
        over examples. The row of seed `all` is the mean over seeds, with an interval over examples
        and seeds, both drawn anew in each resample (with three seeds it still understates what
        other seeds might do). `n_drawn` is how many clusters (or examples, where it is `n`) an
        interval draws. Validation rows have no interval, nor has the calibration error. How the
        limits are found: `bootstrap.limits`.
    """
    rows: list[tuple[Any, ...]] = []
    for group in groups:
        for sample, metric in ((s, metric) for s in group.samples for metric in s.metrics):
            values = sample.values(metric)
            runs: list[tuple[str, float, int | None]] = [
                (str(seed), value, at)
                for at, (seed, value) in enumerate(zip(sample.seeds, values, strict=True))
            ]
            for run, value, at in [*runs, ("all", values.mean(), None)]:
                ends = limits(sample, metric, float(value), confidence, group.key, at)
                of = (sample.model, sample.kind, group.fold, run, group.subset, metric)
                rows.append((*of, value, *ends, sample.n, sample.n_units))
    return pd.DataFrame(rows, columns=METRICS_COLUMNS)
