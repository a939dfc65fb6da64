"""Letters: sequences in their final form, each change and each refusal by a named policy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .alphabets import ALPHABETS, INVALID, Alphabet
from .checking import listed
from .config_data import SequenceConfig
from .encoding import tokenize
from .files import InputError
from .records import Log, name_of
from .targets import take


def spell_out(
    table: pd.DataFrame, config: SequenceConfig, log: Log, problems: np.ndarray | None = None
) -> None:
    """Put the column `sequence` into upper-case letters: no white space, codes as letters.

    A record with an unknown code is an InputError; or, with `problems` (text [n]), is told there
    and left without letters.
    """
    came = table["sequence"]
    upper = came.str.replace(r"\s+", "", regex=True).str.upper()
    table["sequence"] = upper
    if config.codes is None:
        changed = (upper != came).to_numpy()
        log.records(table, changed, "changed", "lower case or space removed")
        return
    letters = {code.upper(): letter.upper() for code, letter in config.codes.items()}
    size = len(next(iter(letters)))
    spelled = []
    for row, text in enumerate(upper):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        unknown = [piece for piece in pieces if piece not in letters]
        if unknown:
            problem = f"{unknown[0]!r} is none of the codes {listed(letters)}"
            if problems is None:
                raise InputError(f"{name_of(table, row)}: {problem}.")
            problems[row] = problems[row] or problem
            pieces = []
        spelled.append("".join(letters[piece] for piece in pieces))
    table["sequence"] = pd.Series(spelled, index=upper.index)


def detect_alphabet(sequences: pd.Series) -> Alphabet | None:
    """The alphabet that has all letters of the sequences; None where none has.

    Of nucleotides no other ambiguity code than N is expected: the others are amino acids too.
    """
    letters = set("".join(sequences))
    expected = {
        "dna": {*ALPHABETS["dna"].letters, "N"},
        "rna": {*ALPHABETS["rna"].letters, "N"},
        "protein": set(ALPHABETS["protein"].codes),
    }
    return next((ALPHABETS[name] for name, known in expected.items() if letters <= known), None)


def check(
    table: pd.DataFrame,
    config: SequenceConfig,
    alphabet: Alphabet,
    wanted: np.ndarray,
    log: Log,
) -> np.ndarray:
    """Apply the policies to `sequence` (and to `labels`, one a position), in place.

    Parameters
    ----------
    table : pandas.DataFrame
        `source_id`, `line`, `origin`, `sequence` as `spell_out` left it, and perhaps `labels`.
    wanted : numpy.ndarray
        Boolean [n]: the others are not looked at any more.

    Returns
    -------
    numpy.ndarray
        Boolean [n]: the records that stay.

    Raises
    ------
    InputError
        Naming the first record that a policy refuses.
    """
    if config.remove:
        _remove(table, config.remove.upper(), log)
    if config.strip_start:
        _strip_start(table, config.strip_start.upper(), log)
    keep = _check_lengths(table, config, wanted, log)
    encoded = tokenize(table["sequence"], alphabet)
    checks = (
        (encoded.tokens == INVALID, config.unknown, "unknown", alphabet.codes),
        (alphabet.is_ambiguous(encoded.tokens), config.ambiguity, "ambiguity", alphabet.letters),
    )
    for where, policy, key, letters in checks:
        what = f"{'letters' if key == 'unknown' else 'ambiguity codes'} outside {letters}"
        hits = np.flatnonzero(where)
        # bytes, not letters: a letter outside ASCII takes several, so the record is found by offset
        records = np.unique(np.searchsorted(encoded.offsets, hits, side="right") - 1)
        records = records[keep[records]]
        if not len(records) or policy == "allow":
            if len(records):
                log.note("records with ambiguity codes, encoded as mixtures", len(records))
            continue
        if policy == "error":
            row = int(records[0])
            letter, position = first_bad(table["sequence"].iloc[row], letters)
            raise InputError(
                f"{name_of(table, row)}: the letter {letter!r} at position {position} is "
                f"none of {letters} (alphabet {alphabet.name}; {len(records)} such records). "
                f"Correct the table, or set examples.sequence.{key}: drop."
            )
        dropped = np.zeros(len(table), dtype=bool)
        dropped[records] = True
        log.records(table, dropped & keep, "dropped", what)
        keep &= ~dropped
    return keep


def _remove(table: pd.DataFrame, characters: str, log: Log) -> None:
    came = table["sequence"]
    rest = came.str.translate({ord(character): None for character in characters})
    changed = (rest != came).to_numpy()
    if "labels" in table:
        labels = table["labels"].tolist()
        for row in np.flatnonzero(changed):
            stays = np.array([letter not in characters for letter in came.iloc[row]], dtype=bool)
            labels[row] = take(labels[row], stays)
        table["labels"] = pd.Series(labels, index=table.index, dtype=object)
    table["sequence"] = rest
    log.records(table, changed, "changed", f"one or more of {characters!r} removed")


def _strip_start(table: pd.DataFrame, start: str, log: Log) -> None:
    """Take `start` off the sequences (and the labels of its positions) that begin with it."""
    there = table["sequence"].str.startswith(start).to_numpy()
    for column in table.columns.intersection(["sequence", "labels"]):
        values = table[column].tolist()
        for row in np.flatnonzero(there):
            values[row] = values[row][len(start) :]
        table[column] = pd.Series(values, index=table.index, dtype=object)
    log.records(table, there, "changed", f"{start!r} taken off the start")


def _check_lengths(
    table: pd.DataFrame, config: SequenceConfig, wanted: np.ndarray, log: Log
) -> np.ndarray:
    keep = wanted.copy()
    lengths = table["sequence"].str.len().to_numpy()
    longest = config.max_length if config.max_length is not None else np.inf
    for wrong, policy, key in (
        (lengths < config.min_length, config.too_short, "too_short"),
        (lengths > longest, config.too_long, "too_long"),
    ):
        wrong = wrong & keep
        if policy == "error" and wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{name_of(table, row)}: the sequence has {lengths[row]} letters, allowed are "
                f"{config.min_length} to {longest:g} ({int(wrong.sum())} such records). "
                f"Correct the table, or examples.sequence.min_length, max_length or {key}."
            )
        if policy == "drop":
            log.records(table, wrong, "dropped", f"sequence is {key.replace('_', ' ')}")
            keep &= ~wrong
        elif wrong.any():
            _crop(table, np.flatnonzero(wrong), int(longest), policy)
            log.records(table, wrong, "changed", f"cropped to {longest:g} letters ({policy})")
    return keep


def _crop(table: pd.DataFrame, rows: np.ndarray, length: int, policy: str) -> None:
    """Cut the sequences (and labels) of some rows to `length`, at the side that `policy` names."""
    for column in table.columns.intersection(["sequence", "labels"]):
        values = table[column].tolist()
        for row in rows:
            excess = len(values[row]) - length
            start = {"crop_end": 0, "crop_start": excess, "crop_both": excess // 2}[policy]
            values[row] = values[row][start : start + length]
        table[column] = pd.Series(values, index=table.index, dtype=object)


def first_bad(sequence: str, letters: str) -> tuple[str, int]:
    """The first letter that is none of `letters`, and its position from 1."""
    return next(
        (letter, position)
        for position, letter in enumerate(sequence, start=1)
        if letter not in letters
    )
