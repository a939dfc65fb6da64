"""Splits: who is trained on and who is tested, and an audit of what the two have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .alphabets import Alphabet
from .checking import listed
from .config_data import ColumnSplit, RandomSplit, Split
from .config_expression import ExpressionConfig
from .encoding import EncodedSequences, encode
from .files import InputError

SUBSETS = ("train", "validation", "test")
AUDIT_COLUMNS = ["fold", "check", "subset", "count", "n", "fraction", "value", "note"]


def assign(table: pd.DataFrame, split: Split) -> pd.DataFrame:
    """`id, fold, subset` for every example, in the order of the examples.

    Raises
    ------
    InputError
        When a value of the split column has no meaning, or a subset stays empty.
    """
    if isinstance(split, ColumnSplit):
        subsets = _by_column(table, split)
    else:
        subsets = _by_chance(table, split)
    result = pd.DataFrame({"id": table["id"], "fold": 0, "subset": subsets})
    empty = [subset for subset in SUBSETS if subset not in set(subsets)]
    if empty:
        raise InputError(f"split: no example is in {listed(empty)}; correct the `split` section.")
    return result


def _by_column(table: pd.DataFrame, split: ColumnSplit) -> np.ndarray:
    meaning: dict[str, str] = {}
    for subset, values in zip(SUBSETS, (split.train, split.validation, split.test), strict=True):
        for value in values:
            if meaning.setdefault(value, subset) != subset:
                raise InputError(f"split: '{value}' means both {meaning[value]} and {subset}.")
    unknown = set(table["subset"]) - set(meaning)
    if unknown:
        raise InputError(
            f"split: column '{split.column}' has the values {listed(unknown)}, which are none of "
            f"{listed(meaning)}. Name them under split.train, split.validation or split.test."
        )
    return table["subset"].map(meaning).to_numpy()


def _by_chance(table: pd.DataFrame, split: RandomSplit) -> np.ndarray:
    # sorted: the assignment depends on the set of sequences, not on the order of the file
    codes, sequences = pd.factorize(table["sequence"], sort=True)
    n_test, n_validation = (
        round(fraction * len(sequences)) for fraction in (split.test, split.validation)
    )
    place = np.random.default_rng(split.seed).permutation(len(sequences))
    subset = np.array(["test", "validation", "train"])
    return subset[np.digitize(place, [n_test, n_test + n_validation])][codes]


def audit(
    table: pd.DataFrame,
    splits: pd.DataFrame,
    alphabet: Alphabet | None,
    expression: ExpressionConfig | None = None,
) -> pd.DataFrame:
    """What validation and test have in common with training, as rows of `AUDIT_COLUMNS`.

    `alphabet` is None for inputs that are no letters: only identical ones are counted then.

    `identical_sequence` and `one_mismatch` count the examples of a subset that have at least one
    training example with the same sequence, or with the same length and exactly one other letter.
    `normalization_reference` names the subset of an example that the normalisation is referred to.
    """
    encoded = encode(table["sequence"], alphabet) if alphabet else None
    rows: list[dict[str, object]] = []
    for fold, assigned in splits.groupby("fold", sort=True):
        subset_of = assigned.set_index("id")["subset"].reindex(table["id"]).to_numpy()
        train = subset_of == "train"
        identical, one_mismatch = (
            neighbors(encoded, train) if encoded else (_copies(table["sequence"], train), None)
        )
        for subset in SUBSETS:
            members = subset_of == subset
            n = int(members.sum())
            found = [("size", n, len(table), "examples")]
            if subset != "train":
                count = int(identical[members].sum())
                found.append(("identical_sequence", count, n, "same as in training"))
            if subset != "train" and one_mismatch is not None:
                count = int(one_mismatch[members].sum())
                found.append(("one_mismatch", count, n, "one letter from training"))
            for check, count, of, note in found:
                rows.append(_row(fold, check, subset, count, of, note))
        for reference in _references(expression):
            for subset in subset_of[(table["sequence"] == reference).to_numpy()]:
                note = f"{reference} sets the zero point of the normalised values"
                rows.append(_row(fold, "normalization_reference", subset, 1, 1, note))
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS)


def _copies(inputs: pd.Series, train: np.ndarray) -> np.ndarray:
    """Boolean [n]: which inputs are there a second time in training."""
    copies = _training_copies(pd.factorize(inputs)[0], train)
    return copies - train > 0


def _row(fold: object, check: str, subset: str, count: int, n: int, note: str) -> dict[str, object]:
    return {
        "fold": fold, "check": check, "subset": subset, "count": count, "n": n,
        "fraction": count / n if n else 0.0, "value": None, "note": note,
    }  # fmt: skip


def _references(expression: ExpressionConfig | None) -> list[str]:
    steps = expression.normalization if expression else []
    named = [getattr(step, "reference_sequence", None) for step in steps]
    return [reference for reference in named if reference]


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
    letter); leaving a letter out is one subtraction, and two sequences of a length that agree when
    the same position is left out differ there at the most. With 64 bits and 10^6 sequences the
    chance of a false neighbour is below 10^-6.
    """
    generator = np.random.default_rng(20000)
    identical = np.zeros(len(encoded), dtype=bool)
    one_mismatch = np.zeros(len(encoded), dtype=bool)
    for length in np.unique(encoded.lengths):
        rows = np.flatnonzero(encoded.lengths == length)
        starts = encoded.offsets[:-1][rows]
        tokens = encoded.tokens[starts[:, None] + np.arange(length)[None, :]]  # [rows, length]
        numbers = generator.integers(
            0, 2**64, size=(int(length), len(encoded.alphabet.codes)), dtype=np.uint64
        )
        parts = numbers[np.arange(length)[None, :], tokens]
        whole = parts.sum(axis=1, dtype=np.uint64)
        in_train = train[rows]
        copies = _training_copies(whole, in_train)
        identical[rows] = copies - in_train > 0
        for position in range(int(length)):
            rest = whole - parts[:, position]
            # those that agree elsewhere, less those that agree here too
            one_mismatch[rows] |= _training_copies(rest, in_train) > copies
    return identical, one_mismatch


def _training_copies(hashes: np.ndarray, train: np.ndarray) -> np.ndarray:
    """For every hash, how many training rows have it; int64 [n]."""
    _, inverse = np.unique(hashes, return_inverse=True)
    return np.bincount(inverse, weights=train, minlength=inverse.max(initial=0) + 1)[
        inverse
    ].astype(np.int64)


def read_subsets(path: str | Path, fold: int, ids: pd.Series) -> pd.Series:
    """Subset of every example in one fold, in the order of `ids`."""
    splits = pd.read_csv(path, sep="\t", dtype={"id": str, "subset": str}, keep_default_na=False)
    chosen = splits.loc[splits["fold"] == fold].set_index("id")["subset"]
    return chosen.reindex(ids).reset_index(drop=True)
