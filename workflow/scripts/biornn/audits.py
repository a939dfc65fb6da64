"""Audit of a split: what validation and test have in common with training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .alphabets import Alphabet, reverse_complement
from .config_expression import ExpressionConfig
from .config_split import Split
from .encoding import EncodedSequences, encode
from .similarity import identities, steps
from .splits import SUBSETS
from .targets import Task

AUDIT_COLUMNS = ["fold", "check", "subset", "count", "n", "fraction", "value", "note"]
NEAREST_COLUMNS = ["fold", "id", "nearest", "identity", "strand"]
#: What is called similar in the audit.
SIMILAR = 0.9
#: Identities below are not told apart: they are those of strangers.
LOWEST = 0.2
#: Steps of the bit-parallel edit distance that an audit may take: about a minute on two cores.
BUDGET = 2e10
#: Shuffled sequences that show what identity strangers have.
_SHUFFLED = 50
_HASHES_AT_ONCE = 2**22


def audit(
    table: pd.DataFrame,
    splits: pd.DataFrame,
    task: Task,
    alphabet: Alphabet | None,
    expression: ExpressionConfig | None = None,
    clusters: pd.Series | None = None,
    threads: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What validation and test have in common with training.

    Parameters
    ----------
    table : pandas.DataFrame
        `id`, `sequence`, and where there are such `target` and `group`.
    splits : pandas.DataFrame
        `id, fold, subset`.
    task : Task
    alphabet : Alphabet or None
        None for inputs that are no letters: only identical ones are counted then.
    expression : ExpressionConfig or None
    clusters : pandas.Series or None
        Cluster of each example, by id.
    threads : int
        The result does not depend on it.

    Returns
    -------
    rows : pandas.DataFrame
        `AUDIT_COLUMNS`. `identical_sequence`, `reverse_complement` and `one_mismatch` count the
        examples of a subset that have at least one training example with the same sequence, with
        that of the other strand (DNA), or with the same length and exactly one other letter;
        `identical_seen` counts test examples with the same sequence in training or validation.
        `shared_group` counts those whose group is in training. `similar_sequence` counts test
        examples with a training sequence of an identity of at least `SIMILAR`;
        `nearest_identity` and `shuffled_identity` have the median in `value`. `class` counts the
        examples of each class, `target_mean` has the mean. `normalization_reference` names the
        subset of an example that the normalisation is referred to.
    nearest : pandas.DataFrame
        `NEAREST_COLUMNS`: of test examples the most similar training example; `identity` is 1 -
        edit distance / length of the longer, 0 where it is below `LOWEST`. Of large sets a part of
        the test examples, drawn by chance, so that the audit ends.
    """
    sequences = table["sequence"]
    encoded = encode(sequences, alphabet) if alphabet else None
    groups = table["id"].map(clusters) if clusters is not None else table.get("group")
    labels = table["target"] if "target" in table and task.per == "sequence" else None
    rows: list[pd.DataFrame] = []
    found = [pd.DataFrame(columns=NEAREST_COLUMNS)]
    n_folds = splits["fold"].nunique()
    for fold, assigned in splits.groupby("fold", sort=True):
        subset_of = assigned.set_index("id")["subset"].reindex(table["id"]).to_numpy()
        counts = _Counts(subset_of)
        counts.add("size", np.ones(len(table), dtype=bool), "examples", of_all=True)
        train = subset_of == "train"
        test = subset_of == "test"
        seen = sequences.isin(set(sequences[~test])).to_numpy() & test
        row = ("identical_seen", "test", int(seen.sum()), int(test.sum()))
        note = "same as in training or validation"
        counts.rows.append((*row, row[2] / max(row[3], 1), None, note))
        if encoded is None:
            counts.add("identical_sequence", _copies(sequences, train), "same as in training")
        else:
            identical, one_mismatch = neighbors(encoded, train)
            counts.add("identical_sequence", identical, "same as in training")
            counts.add("one_mismatch", one_mismatch, "one letter from training")
        if alphabet is not None and alphabet.name == "dna":
            other = sequences.map(lambda sequence: reverse_complement(sequence, alphabet))
            counts.add(
                "reverse_complement", other.isin(set(sequences[train])).to_numpy(), "other strand"
            )
        if groups is not None:
            shared = groups.isin(set(groups[train])).to_numpy()
            counts.add("shared_group", shared, "group of a training example")
        if labels is not None:
            _add_labels(counts, labels, task)
        for reference in expression.references if expression else []:
            note = f"{reference} sets the zero point of the normalised values"
            for subset in subset_of[(sequences == reference).to_numpy()]:
                counts.rows.append(("normalization_reference", subset, 1, 1, 1.0, None, note))
        if alphabet is not None:
            near, drawn = _nearest_of_test(
                table, subset_of, alphabet, BUDGET / n_folds, int(fold), threads
            )
            found.append(near.assign(fold=fold))
            counts.add_nearest(near["identity"].to_numpy(dtype=float), drawn)
        part = pd.DataFrame(counts.rows, columns=AUDIT_COLUMNS[1:])
        part.insert(0, "fold", fold)
        rows.append(part)
    table_of = pd.concat([frame for frame in found if len(frame)] or found, ignore_index=True)
    return pd.concat(rows, ignore_index=True), table_of[NEAREST_COLUMNS]


class _Counts:
    """Rows of the audit of one fold."""

    def __init__(self, subset_of: np.ndarray) -> None:
        self.subset_of = subset_of
        self.rows: list[tuple[str, str, int, int, float, float | None, str]] = []

    def add(self, check: str, there: np.ndarray, note: str, of_all: bool = False) -> None:
        """How many of each subset are `there`; training is counted where it is told `of_all`."""
        for subset in SUBSETS if of_all else SUBSETS[1:]:
            members = self.subset_of == subset
            n = len(there) if of_all else int(members.sum())
            count = int(there[members].sum())
            self.rows.append((check, subset, count, n, count / max(n, 1), None, note))

    def add_nearest(self, identities: np.ndarray, shuffled: np.ndarray) -> None:
        """The similarity of the test examples, and that of shuffled ones."""
        n = len(identities)
        similar = int((identities >= SIMILAR).sum())
        note = f"identity of {SIMILAR:g} or more to a training sequence"
        self.rows.append(("similar_sequence", "test", similar, n, similar / max(n, 1), None, note))
        for check, values, what in (
            ("nearest_identity", identities, "median identity to the nearest training sequence"),
            ("shuffled_identity", shuffled, "the same, letters of each sequence shuffled"),
        ):
            median = float(np.median(values)) if len(values) else None
            self.rows.append((check, "test", len(values), len(values), 1.0, median, what))


def _add_labels(counts: _Counts, labels: pd.Series, task: Task) -> None:
    values = task.encode(labels)
    for subset in SUBSETS:
        mine = values[counts.subset_of == subset]
        if task.classes:
            for code, label in enumerate(task.classes):
                has = mine[:, code] == 1 if task.kind == "multilabel" else mine == code
                count = int(has.sum())
                row = ("class", subset, count, len(mine), count / max(len(mine), 1), None, label)
                counts.rows.append(row)
        else:
            mean = float(mine.mean())
            counts.rows.append(
                ("target_mean", subset, len(mine), len(mine), 1.0, mean, "mean of the target")
            )


def leaks(audited: pd.DataFrame, nearest: pd.DataFrame, split: Split) -> list[str]:
    """What a user who asked for no leakage must be told, over the folds of the split itself."""
    said = []
    for check, what in (
        ("identical_sequence", "have their sequence in training"),
        ("reverse_complement", "have their reverse complement in training"),
        ("shared_group", "have their group in training"),
    ):
        for subset, rows in audited[audited["check"] == check].groupby("subset", sort=False):
            if count := int(rows["count"].sum()):
                said.append(f"{count:,} of {int(rows['n'].sum()):,} {subset} examples {what}")
    if split.max_identity is not None:
        over = int((nearest["identity"].astype(float) > split.max_identity).sum())
        if over:
            said.append(
                f"{over:,} of {len(nearest):,} test examples have a training sequence of more than "
                f"{split.max_identity:g} identity"
            )
    return said


def _nearest_of_test(
    table: pd.DataFrame,
    subset_of: np.ndarray,
    alphabet: Alphabet,
    budget: float,
    fold: int,
    threads: int,
) -> tuple[pd.DataFrame, np.ndarray]:
    """The nearest training example of test examples, and the identity of shuffled ones."""
    test, train = table[subset_of == "test"], table[subset_of == "train"]
    references = train.drop_duplicates("sequence")
    generator = np.random.default_rng([fold, 3])
    strands = 2 if alphabet.name == "dna" else 1
    lengths = references["sequence"].str.len().to_numpy()
    # what one test sequence of mean length costs
    mean = max(1.0, float(test["sequence"].str.len().mean()))
    cost = strands * float(steps(mean, lengths).sum())
    affordable = max(10, int(budget / max(cost, 1.0)))
    if len(test) > affordable:
        test = test.iloc[np.sort(generator.choice(len(test), affordable, replace=False))]
    names = references["sequence"].tolist()
    identity, at, strand = nearest(test["sequence"].tolist(), names, alphabet, threads)
    there = identity > 0
    frame = pd.DataFrame(
        {
            "fold": fold,
            "id": test["id"].to_numpy(),
            "nearest": np.where(there, references["id"].to_numpy()[at], ""),
            "identity": identity,
            "strand": np.where(there, strand, ""),
        }
    )
    some = test["sequence"].iloc[
        generator.choice(len(test), min(_SHUFFLED, len(test)), replace=False)
    ]
    mixed = ["".join(generator.permutation(list(sequence))) for sequence in some]
    return frame, nearest(mixed, names, alphabet, threads)[0]


def nearest(
    queries: Sequence[str], references: Sequence[str], alphabet: Alphabet, threads: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The most similar reference of each query.

    Returns
    -------
    identity : numpy.ndarray
        float64 [queries], as in `similarity.identities`; 0 where it is below `LOWEST`. Of DNA the
        better of both strands.
    index : numpy.ndarray
        int64 [queries]: the reference; the first of equals.
    strand : numpy.ndarray
        `+`, or `-` where the query's reverse complement is nearer.
    """
    identity, index = np.zeros(len(queries)), np.zeros(len(queries), dtype=np.int64)
    strand = np.full(len(queries), "+")
    dna = alphabet.name == "dna"
    for sign, rows, similar in identities(queries, references, LOWEST, alphabet, dna, threads):
        best = similar.argmax(axis=1)
        value = similar[np.arange(len(similar)), best].astype(float)
        better = value > identity[rows]
        identity[rows[better]], index[rows[better]] = value[better], best[better]
        strand[rows[better]] = sign
    return np.round(identity, 6), index, strand


def _copies(inputs: pd.Series, train: np.ndarray) -> np.ndarray:
    """Boolean [n]: which inputs are there a second time in training."""
    copies = _training_copies(pd.factorize(inputs)[0], train)
    return copies - train > 0


def neighbors(encoded: EncodedSequences, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which sequences have an identical, and which a one-substitution neighbour in training.

    Parameters
    ----------
    encoded : EncodedSequences
    train : numpy.ndarray
        Boolean [n]: the training sequences. A training sequence is not its own neighbour, but a
        second copy of it is.

    Returns
    -------
    identical, one_mismatch : numpy.ndarray
        Boolean [n].

    Notes
    -----
    Zobrist hashing: a sequence's hash is the sum of a random 64-bit number for each (position,
    letter) and one for its length; leaving a letter out is one subtraction, and two sequences of a
    length that agree when the same position is left out differ there at the most. With 64 bits and
    10^6 sequences the chance of a false neighbour is below 10^-6.
    """
    generator = np.random.default_rng(20000)
    n, lengths = len(encoded), encoded.lengths
    longest = int(lengths.max(initial=0))
    letters = generator.integers(
        0, 2**64, size=(longest, len(encoded.alphabet.codes)), dtype=np.uint64
    )
    left_out = generator.integers(0, 2**64, size=longest, dtype=np.uint64)
    of_length = generator.integers(0, 2**64, size=longest + 1, dtype=np.uint64)
    row_of = np.repeat(np.arange(n), lengths)
    place_of = np.arange(len(encoded.tokens)) - np.repeat(encoded.offsets[:-1], lengths)
    parts = letters[place_of, encoded.tokens]
    running = np.concatenate([[np.uint64(0)], np.cumsum(parts, dtype=np.uint64)])
    # sums wrap around, and so do their differences
    whole = running[encoded.offsets[1:]] - running[encoded.offsets[:-1]] + of_length[lengths]
    copies = _training_copies(whole, train)
    one_mismatch = np.zeros(n, dtype=bool)
    # those of a length and place must come together; places are taken in order
    by_place = np.argsort(place_of, kind="stable")
    ends = np.cumsum(np.bincount(place_of, minlength=longest))
    start = 0
    while start < len(by_place):
        end = ends[np.searchsorted(ends, min(start + _HASHES_AT_ONCE, len(by_place)))]
        chosen = by_place[start:end]
        rows = row_of[chosen]
        rest = whole[rows] - parts[chosen] + left_out[place_of[chosen]]
        # those that agree elsewhere, less those that agree here too
        one_mismatch[rows[_training_copies(rest, train[rows]) > copies[rows]]] = True
        start = end
    return copies - train > 0, one_mismatch


def _training_copies(hashes: np.ndarray, train: np.ndarray) -> np.ndarray:
    """For every hash, how many training rows have it; int64 [n]."""
    _, inverse = np.unique(hashes, return_inverse=True)
    return np.bincount(inverse, weights=train, minlength=inverse.max(initial=0) + 1)[
        inverse
    ].astype(np.int64)
