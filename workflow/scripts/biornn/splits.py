"""Splits: who is trained on, who chooses the model, and who is tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from .alphabets import Alphabet, reverse_complement
from .checking import listed
from .config_split import (
    ColumnGroups,
    ColumnSplit,
    HomologyGroups,
    KFoldSplit,
    LeaveOneOutSplit,
    MutationOrderSplit,
    OrderedSplit,
    RandomSplit,
    SequenceGroups,
    Split,
)
from .files import InputError, read_tsv
from .targets import Task

SUBSETS = ("train", "validation", "test")
FOLDS_COLUMNS = ["fold", "scheme", "repeat", *SUBSETS]
#: In no part of a fold.
UNUSED = "unused"
#: The scheme of the folds that a split is compared with.
RANDOM = "random"
#: Folds are held in memory one after another: each is a training.
_MOST_FOLDS = 1000


def scheme_of(split: Split) -> str:
    """Name of a split in tables: its method and what it keeps together."""
    by = {ColumnGroups: " by group", HomologyGroups: " by homology"}.get(type(split.groups), "")
    return f"{split.method}{by}"


def assign(
    table: pd.DataFrame,
    split: Split,
    task: Task,
    alphabet: Alphabet | None = None,
    clusters: pd.Series | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every example its subset in every fold.

    Parameters
    ----------
    table : pandas.DataFrame
        `id`, `sequence`, and as the split asks `subset`, `group`, `order`; `target` to stratify.
    task : Task
    alphabet : Alphabet or None
        Of letters. The two strands of DNA are one sequence.
    clusters : pandas.Series or None
        For a homology split the cluster of each example, by id.

    Returns
    -------
    splits : pandas.DataFrame
        `id, fold, subset`, in the order of the examples; copies that are left out are `UNUSED`. A
        fold's assignment depends on the set of examples and the seed, not on the order of the file.
    folds : pandas.DataFrame
        `FOLDS_COLUMNS`: of each fold the scheme, the number of the round, and the sizes.

    Raises
    ------
    InputError
        When a value of the split column has no meaning, or a subset stays empty.
    """
    classes = _classes(table, task) if split.stratify else None
    same = _groups(table, SequenceGroups(by="sequence"), alphabet, None)
    groups = _groups(table, split.groups, alphabet, clusters)
    made = [
        (scheme_of(split), repeat, part)
        for repeat, part in _folds(table, split, groups, classes, split.seed)
    ]
    if getattr(split, "compare_random", False):
        made += [
            (RANDOM, repeat, part)
            for repeat, part in _folds(table, split, same, classes, split.seed)
        ]
    assigned, folds = [], []
    for fold, (scheme, repeat, subsets) in enumerate(made):
        before = subsets
        if split.drop_copies:
            subsets = _without_copies(subsets, same)
        sizes = [int((subsets == subset).sum()) for subset in SUBSETS]
        empty = [subset for subset, size in zip(SUBSETS, sizes, strict=True) if not size]
        if empty:
            where = f"{listed(empty)}{f' of fold {fold}' if fold else ''}"
            if all((before == subset).any() for subset in empty):
                raise InputError(
                    f"split: drop_copies leaves no example in {where}: the sequence of each is "
                    "also in an earlier part (training, then validation). Leave drop_copies out, "
                    "or divide the examples so that copies stay together."
                )
            raise InputError(
                f"split: no example is in {where}; correct the `split` section, or bring more "
                "examples (or groups)."
            )
        assigned.append(pd.DataFrame({"id": table["id"], "fold": fold, "subset": subsets}))
        folds.append((fold, scheme, repeat, *sizes))
    return pd.concat(assigned, ignore_index=True), pd.DataFrame(folds, columns=FOLDS_COLUMNS)


def _without_copies(subsets: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Subsets where copies of training, then of validation, are in no later part."""
    subsets = subsets.astype(object)
    for earlier, later in (("train", "validation"), ("train", "test"), ("validation", "test")):
        seen = np.isin(same, same[subsets == earlier])
        subsets[seen & (subsets == later)] = UNUSED
    return subsets


def own(folds: pd.DataFrame) -> pd.DataFrame:
    """Of `folds.tsv` the folds of the split itself, without those that it is compared with."""
    return folds[folds["scheme"] == folds["scheme"].iloc[0]]


def sizes_of(folds: pd.DataFrame) -> dict[str, int]:
    """Examples in train, validation and test; of several folds the mean."""
    return {subset: round(folds[subset].mean()) for subset in SUBSETS}


def _folds(
    table: pd.DataFrame, split: Split, groups: np.ndarray, classes: np.ndarray | None, seed: int
) -> Iterator[tuple[int, np.ndarray]]:
    """For each fold its round and the subset of every example."""
    match split:
        case RandomSplit():
            shares = [split.test, split.validation, 1 - split.test - split.validation]
            parts = divide(groups, shares, np.random.default_rng(seed), classes)
            yield 0, np.array(["test", "validation", "train"])[parts]
        case KFoldSplit():
            for repeat in range(split.repeats):
                generator = np.random.default_rng([seed, repeat])
                parts = divide(groups, [1 / split.k] * split.k, generator, classes)
                for fold in range(split.k):
                    yield repeat, _validated(parts == fold, split, groups, classes, [repeat, fold])
        case LeaveOneOutSplit():
            n_groups = int(groups.max()) + 1
            if n_groups > _MOST_FOLDS:
                raise InputError(
                    f"split: leave_one_out makes {n_groups:,} folds here, more than {_MOST_FOLDS}; "
                    "use k_fold."
                )
            for fold in range(n_groups):
                yield 0, _validated(groups == fold, split, groups, classes, [0, fold])
        case ColumnSplit():
            yield 0, _by_column(table, split, groups, classes)
        case OrderedSplit():
            yield 0, _ordered(table, split, groups, classes)
        case MutationOrderSplit():
            tested = substitutions(table["sequence"], split.parent) > split.train_up_to
            yield 0, _validated(tested, split, groups, classes, [0])


def _validated(
    tested: np.ndarray,
    split: Split,
    groups: np.ndarray,
    classes: np.ndarray | None,
    key: list[int],
) -> np.ndarray:
    """Subsets where what is not tested gives a part to validation, by chance."""
    assert isinstance(split.validation, float)
    subsets = np.where(tested, "test", "train").astype(object)
    rest = np.flatnonzero(~tested)
    if len(rest):
        parts = divide(
            np.unique(groups[rest], return_inverse=True)[1],
            [split.validation, 1 - split.validation],
            np.random.default_rng([split.seed, *key, 1]),
            classes[rest] if classes is not None else None,
        )
        subsets[rest[parts == 0]] = "validation"
    return subsets


def _by_column(
    table: pd.DataFrame, split: ColumnSplit, groups: np.ndarray, classes: np.ndarray | None
) -> np.ndarray:
    by_chance = isinstance(split.validation, float)
    meaning: dict[str, str] = {}
    named = [
        ("train", [] if split.train == "rest" else split.train),
        ("validation", [] if by_chance else split.validation),
        ("test", split.test),
    ]
    for subset, values in named:
        for value in values:
            if meaning.setdefault(value, subset) != subset:
                raise InputError(f"split: '{value}' means both {meaning[value]} and {subset}.")
    there = set(table["subset"])
    unknown = there - set(meaning)
    if unknown and split.train != "rest":
        raise InputError(
            f"split: column '{split.column}' has the values {listed(unknown)}, which are none of "
            f"{listed(meaning)}. Name them under split.train, split.validation or split.test."
        )
    # with `rest` a misspelt value would make the held-out part train
    if split.train == "rest" and (absent := set(meaning) - there):
        raise InputError(
            f"split: column '{split.column}' has no value {listed(absent)}; it has {listed(there)}."
        )
    subsets = table["subset"].map(meaning).fillna("train").to_numpy(dtype=object)
    if by_chance:
        return _validated(subsets == "test", split, groups, classes, [0])
    return subsets


def _ordered(
    table: pd.DataFrame, split: OrderedSplit, groups: np.ndarray, classes: np.ndarray | None
) -> np.ndarray:
    places = _places(table, split)
    n = len(table)
    n_test = split.test if isinstance(split.test, int) else round(split.test * n)
    if n_test >= n:
        raise InputError(f"split: {n_test:,} of {n:,} examples for the test leave none to train.")
    tested = _last(places, n_test)
    if split.validation_from == "chance":
        return _validated(tested, split, groups, classes, [0])
    subsets = np.where(tested, "test", "train").astype(object)
    rest = np.flatnonzero(~tested)
    subsets[rest[_last(places[rest], round(split.validation * len(rest)))]] = "validation"
    return subsets


def _places(table: pd.DataFrame, split: OrderedSplit) -> np.ndarray:
    """Rank of each example in time; equal values have equal ranks."""
    if split.column is None:
        return np.arange(len(table))
    values = table["order"].astype(str).str.strip()
    found = pd.to_numeric(values, errors="coerce")
    if found.isna().any():
        found = pd.to_datetime(values, errors="coerce", format="ISO8601")
    if found.isna().any():
        row = int(np.flatnonzero(found.isna())[0])
        raise InputError(
            f"split: column '{split.column}' orders the examples, but '{values.iloc[row]}' "
            f"({table['id'].iloc[row]}) is neither a number nor a date like 2024-03-31."
        )
    return found.rank(method="dense").to_numpy()


def _last(places: np.ndarray, count: int) -> np.ndarray:
    """Boolean: the last `count`; equals of the first of them belong to them."""
    if count == 0:
        return np.zeros(len(places), dtype=bool)
    return places >= np.sort(places)[len(places) - count]


def substitutions(sequences: pd.Series, parent: str | None = None) -> np.ndarray:
    """int64 [n]: letters of each sequence that differ from the parent.

    Without a parent: from the most frequent letter at each position.

    Raises
    ------
    InputError
        When the lengths differ.
    """
    lengths = sequences.str.len()
    length = len(parent) if parent else int(lengths.iloc[0])
    if (lengths != length).any():
        row = int(np.flatnonzero(lengths != length)[0])
        raise InputError(
            f"split: mutation_order counts substitutions, but the lengths {length} and "
            f"{lengths.iloc[row]} differ (sequence {row + 1})."
        )
    letters = np.array([list(sequence) for sequence in sequences])
    if parent:
        reference = np.array(list(parent.upper()))
    else:
        kinds, codes = np.unique(letters, return_inverse=True)
        codes = codes.reshape(letters.shape)
        counts = np.array([np.bincount(column, minlength=len(kinds)) for column in codes.T])
        reference = kinds[counts.argmax(axis=1)]
    return (letters != reference).sum(axis=1)


def _classes(table: pd.DataFrame, task: Task) -> np.ndarray:
    if task.kind != "classification" or task.per != "sequence":
        raise InputError(
            "split: stratify is for one class an example; the target here is a "
            f"{task.name} per {task.per}. Leave it out."
        )
    return task.encode(table["target"])


def _groups(
    table: pd.DataFrame,
    config: SequenceGroups | ColumnGroups | HomologyGroups,
    alphabet: Alphabet | None,
    clusters: pd.Series | None,
) -> np.ndarray:
    """int64 [n]: number of each example's group.

    Groups are numbered by their first sequence, so that nothing depends on the order of the file.
    """
    one_strand = canonical(table["sequence"], alphabet)
    if isinstance(config, SequenceGroups):
        return pd.factorize(one_strand, sort=True)[0]
    if isinstance(config, ColumnGroups):
        labels = table["group"].astype(str)
    else:
        assert clusters is not None
        labels = table["id"].map(clusters)
    frame = pd.DataFrame({"label": labels.to_numpy(), "sequence": one_strand.to_numpy()})
    firsts = frame.groupby("label")["sequence"].min().reset_index()
    ordered = firsts.sort_values(["sequence", "label"])["label"].tolist()
    numbers = {label: number for number, label in enumerate(ordered)}
    return frame["label"].map(numbers).to_numpy()


def canonical(sequences: pd.Series, alphabet: Alphabet | None) -> pd.Series:
    """Of each sequence of DNA the strand that comes first in the dictionary; else the sequence."""
    if alphabet is None or alphabet.name != "dna":
        return sequences
    return sequences.map(lambda sequence: min(sequence, reverse_complement(sequence, alphabet)))


def divide(
    groups: np.ndarray,
    shares: list[float],
    generator: np.random.Generator,
    classes: np.ndarray | None = None,
) -> np.ndarray:
    """Divide examples into parts by chance, groups whole.

    Large groups choose first; each goes where most is missing, of its classes if they are given.
    (Greedy balancing, as scikit-learn's StratifiedGroupKFold, but for shares of any size.)

    Parameters
    ----------
    groups : numpy.ndarray
        int64 [n], 0 to g - 1.
    shares : list of float
        Of each part; they sum to one.
    classes : numpy.ndarray or None
        int64 [n]: what is shared out evenly.

    Returns
    -------
    numpy.ndarray
        int64 [n]: the part of each example.
    """
    kinds = np.zeros(len(groups), dtype=np.int64) if classes is None else classes
    counts = np.zeros((int(groups.max()) + 1, int(kinds.max()) + 1))
    np.add.at(counts, (groups, kinds), 1)
    totals = counts.sum(axis=0)
    missing = np.outer(shares, totals)  # [parts, classes]
    order = generator.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    part_of = np.empty(len(counts), dtype=np.int64)
    scaled = counts / np.maximum(totals, 1)
    for group in order:
        # the sum breaks ties: small classes must not all go to the first part
        wanted = missing @ scaled[group] + 1e-6 * missing.sum(axis=1)
        part_of[group] = part = int(wanted.argmax())
        missing[part] -= counts[group]
    # few large groups: a part that got none takes the smallest of the part that has most
    for part in range(len(shares)):
        n_groups = np.bincount(part_of, minlength=len(shares))
        if not n_groups[part] and n_groups.max() > 1:
            of_most = order[part_of[order] == n_groups.argmax()]
            part_of[of_most[-1]] = part
    return part_of[groups]


def read(path: str | Path) -> pd.DataFrame:
    """Read `splits.tsv`."""
    return read_tsv(path, id=str, subset=str)


def read_subsets(path: str | Path, fold: int, ids: pd.Series) -> pd.Series:
    """Subset of every example in one fold, in the order of `ids`."""
    splits = pd.read_csv(path, sep="\t", dtype={"id": str, "subset": str}, keep_default_na=False)
    chosen = splits.loc[splits["fold"] == fold].set_index("id")["subset"]
    return chosen.reindex(ids).reset_index(drop=True)
