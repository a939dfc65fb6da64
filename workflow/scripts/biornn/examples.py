"""Examples: read a table, check every record, name every record that was dropped or changed."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from . import tables
from .alphabets import ALPHABETS, INVALID
from .checking import listed
from .config_data import (
    ColumnSplit,
    ExamplesConfig,
    ExpressionConfig,
    SequenceConfig,
    Split,
    Stratum,
    TableRef,
    TargetConfig,
)
from .encoding import tokenize
from .files import InputError, write_with

logger = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
QC_COLUMNS = ["record", "line", "action", "reason", "count"]


@dataclass
class Examples:
    """Checked examples and what was done to get them.

    Attributes
    ----------
    table : pandas.DataFrame
        `id`, `source_id`, `sequence`, and where asked for `subset`, `target`, `expected_target`.
    counts : pandas.DataFrame or None
        Raw counts, float64 [examples, columns], rows in the order of `table`.
    qc : pandas.DataFrame
        `record, line, action, reason, count`: a row for every record that was dropped or changed,
        and summary rows with a count.
    """

    table: pd.DataFrame
    counts: pd.DataFrame | None
    qc: pd.DataFrame


@dataclass
class _Log:
    rows: list[tuple[str, object, str, str, object]] = field(default_factory=list)

    def records(self, table: pd.DataFrame, where: np.ndarray, action: str, reason: str) -> None:
        for source_id, line in table.loc[where, ["source_id", "line"]].itertuples(index=False):
            self.rows.append((source_id, line, action, reason, pd.NA))

    def note(self, reason: str, count: int) -> None:
        self.rows.append(("", pd.NA, "note", reason, count))

    def frame(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.rows, columns=QC_COLUMNS)
        return frame.astype({"line": "Int64", "count": "Int64"})


def build(
    paths: Mapping[str, str | Path],
    config: ExamplesConfig,
    target: TargetConfig,
    split: Split,
    expression: ExpressionConfig | None = None,
    reference: TableRef | None = None,
) -> Examples:
    """Read and check the examples of an analysis.

    Parameters
    ----------
    paths
        The file (or archive) of each class; the class is "" where one file has all examples.
    config, target, split, expression
        Sections of the analysis.
    reference
        Another table with the same columns, for a replicate.

    Raises
    ------
    InputError
        Naming the file, the line, the record and the way out.
    """
    split_column = split.column if isinstance(split, ColumnSplit) else None
    wanted = [config.id, target.column, split_column]
    if expression:
        wanted += [*expression.counts, expression.check.column if expression.check else None]
    raw = _read(paths, reference or config, config.sequence, wanted)

    log = _Log()
    log.note("records read", len(raw))
    table = _name_records(raw, config, log)
    table["sequence"] = raw["sequence_"]
    if split_column:
        table["subset"] = raw[split_column]
    keep = np.ones(len(raw), dtype=bool)
    if target.column:
        table["target"], keep = _targets(raw, target, table, log)
    if expression and expression.check:
        table["expected_target"] = _numbers(raw, expression.check.column, table)
    counts = _counts(raw, expression.counts, table) if expression else None

    keep &= _check_sequences(table, config.sequence, keep, log)
    keep &= _check_duplicates(table, keep, config, log)
    if not keep.any():
        raise InputError(f"{listed(set(raw['origin']))}: no record is left after the checks.")
    log.note("records kept", int(keep.sum()))
    table = table.loc[keep].drop(columns=["line", "origin"]).reset_index(drop=True)
    if counts is not None:
        counts = counts.loc[keep].reset_index(drop=True)
    return Examples(table, counts, log.frame())


def _read(
    paths: Mapping[str, str | Path],
    reference: TableRef,
    sequence: SequenceConfig,
    wanted: Sequence[str | None],
) -> pd.DataFrame:
    """The wanted columns of all files, `sequence_`, `line` and `origin`."""
    parts = []
    for label, path in paths.items():
        origin = tables.origin_of(path, reference)
        table = tables.read(path, reference)
        if label:
            table["class"] = label
        pieces = _sequence_columns(sequence, [name for name in table if name != "line"])
        columns = [*pieces, *(column for column in wanted if column is not None)]
        table = tables.select(table, columns, origin)
        whole = table[pieces[0]].str.cat([table[piece] for piece in pieces[1:]])
        parts.append(table.assign(sequence_=whole, origin=origin))
    return pd.concat(parts, ignore_index=True)


def _sequence_columns(config: SequenceConfig, there: Sequence[str]) -> list[str]:
    """Columns that make up the sequence, ranges such as `V1..V9` by the order of the table."""
    if config.columns is None:
        return [config.column]
    found = []
    for entry in config.columns:
        first, dots, last = entry.partition("..")
        if dots and first in there and last in there:
            found += there[there.index(first) : there.index(last) + 1]
        else:
            found.append(entry)
    return found


def _targets(
    raw: pd.DataFrame, target: TargetConfig, table: pd.DataFrame, log: _Log
) -> tuple[pd.Series, np.ndarray]:
    """Numbers of the target column, and which records have one."""
    texts = raw[target.column].str.strip()
    there = ~texts.isin(target.missing_values).to_numpy()
    if not there.all() and target.missing == "error":
        row = int(np.flatnonzero(~there)[0])
        raise InputError(
            f"{_record(table, row)}: '{target.column}' is {raw[target.column][row]!r}, no target "
            f"({int((~there).sum())} such records). Correct them, or set target.missing: drop."
        )
    log.records(table, ~there, "dropped", "no target")
    if target.values is None:
        return _numbers(raw, str(target.column), table, there), there
    unknown = ~texts.isin(target.values).to_numpy() & there
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise InputError(
            f"{_record(table, row)}: '{target.column}' is {texts[row]!r}, which is none of "
            f"{listed(target.values)} ({int(unknown.sum())} such records). Add it to target.values."
        )
    return texts.map(target.values).astype(float), there


def _name_records(raw: pd.DataFrame, config: ExamplesConfig, log: _Log) -> pd.DataFrame:
    """Ids that are safe as file names and labels; the original stays in `source_id`."""
    made = pd.Series([f"ex{number:06d}" for number in range(1, len(raw) + 1)])
    if config.id is None:
        return pd.DataFrame({"id": made, "source_id": made}).join(raw[["line", "origin"]])
    source_id = raw[config.id]
    twice = source_id.duplicated(keep="first").to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        first = raw["line"][int((source_id == source_id[row]).to_numpy().argmax())]
        raise InputError(
            f"{raw['origin'][row]}, line {raw['line'][row]}: the id '{source_id[row]}' was already "
            f"on line {first}; ids must be unique. Leave `examples.id` out to number the records."
        )
    fits = source_id.map(lambda value: _ID.fullmatch(value) is not None).to_numpy()
    # a made name must not meet a name that the user gave
    ids = source_id.where(fits, made)
    if ids.duplicated().any():
        ids = source_id.where(fits, made + "_made")
    table = pd.DataFrame({"id": ids, "source_id": source_id}).join(raw[["line", "origin"]])
    log.records(table, ~fits, "changed", "id has other characters than A-Z a-z 0-9 . _ -")
    return table


def _numbers(
    raw: pd.DataFrame, column: str, table: pd.DataFrame, there: np.ndarray | None = None
) -> pd.Series:
    """Numbers of a column; NaN where there need be none."""
    values = pd.to_numeric(raw[column].str.strip(), errors="coerce").astype(float)
    bad = ~np.isfinite(values.to_numpy())
    if there is not None:
        bad &= there
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{_record(table, row)}: '{column}' is {raw[column][row]!r}, not a number "
            f"({int(bad.sum())} such values). Remove the rows or correct them."
        )
    return values


def _counts(raw: pd.DataFrame, columns: Sequence[str], table: pd.DataFrame) -> pd.DataFrame:
    counts = pd.DataFrame({column: _numbers(raw, column, table) for column in columns})
    values = counts.to_numpy()
    for wrong, what in (
        (values < 0, "negative"),
        (values != np.floor(values), "not a whole number"),
    ):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise InputError(
                f"{_record(table, row)}: the count '{columns[column]}' is {what} "
                f"({values[row, column]:g}; {int(wrong.sum())} such values). Give raw counts, not "
                "normalised values."
            )
    return counts


def _check_sequences(
    table: pd.DataFrame, config: SequenceConfig, wanted: np.ndarray, log: _Log
) -> np.ndarray:
    """Put the sequences in their final form, in place, and return which records stay.

    Records that are not `wanted` any more are not looked at.
    """
    keep = wanted.copy()
    upper = _spelled_out(table, config, log)
    table["sequence"] = upper
    alphabet = ALPHABETS[config.alphabet]
    lengths = upper.str.len().to_numpy()
    longest = config.max_length if config.max_length is not None else np.inf
    for wrong, policy, key in (
        (lengths < config.min_length, config.too_short, "too_short"),
        (lengths > longest, config.too_long, "too_long"),
    ):
        wrong = wrong & keep
        if policy == "error" and wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{_record(table, row)}: the sequence has {lengths[row]} letters, allowed are "
                f"{config.min_length} to {longest:g} ({int(wrong.sum())} such records). "
                f"Correct the table, or examples.sequence.min_length, max_length or {key}."
            )
        if policy == "drop":
            log.records(table, wrong, "dropped", f"sequence is {key.replace('_', ' ')}")
            keep &= ~wrong
        elif wrong.any():
            upper = upper.where(~wrong, _cropped(upper, int(longest), policy))
            table["sequence"] = upper
            log.records(table, wrong, "changed", f"cropped to {longest:g} letters ({policy})")
    encoded = tokenize(upper, alphabet)
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
            letter, position = _first_bad(upper[row], letters)
            raise InputError(
                f"{_record(table, row)}: the letter {letter!r} at position {position} is "
                f"none of {letters} (alphabet {alphabet.name}; {len(records)} such records). "
                f"Correct the table, or set examples.sequence.{key}: drop."
            )
        dropped = np.zeros(len(table), dtype=bool)
        dropped[records] = True
        log.records(table, dropped & keep, "dropped", what)
        keep &= ~dropped
    return keep


def _spelled_out(table: pd.DataFrame, config: SequenceConfig, log: _Log) -> pd.Series:
    """Sequences in upper-case letters, without what is to be removed, codes as letters."""
    upper = table["sequence"].str.strip().str.upper()
    if config.codes is None:
        changed = (upper != table["sequence"]).to_numpy()
        log.records(table, changed, "changed", "lower case or space removed")
    if config.remove:
        rest = upper.str.translate({ord(character): None for character in config.remove.upper()})
        changed = (rest != upper).to_numpy()
        log.records(table, changed, "changed", f"one or more of {config.remove!r} removed")
        upper = rest
    if config.codes is None:
        return upper
    letters = {code.upper(): letter.upper() for code, letter in config.codes.items()}
    size = len(next(iter(letters)))
    spelled = []
    for row, text in enumerate(upper):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        unknown = [piece for piece in pieces if piece not in letters]
        if unknown:
            raise InputError(
                f"{_record(table, row)}: {unknown[0]!r} is none of the codes {listed(letters)}."
            )
        spelled.append("".join(letters[piece] for piece in pieces))
    return pd.Series(spelled, index=upper.index)


def _cropped(sequences: pd.Series, length: int, policy: str) -> pd.Series:
    if policy == "crop_end":
        return sequences.str.slice(0, length)
    if policy == "crop_start":
        return sequences.str.slice(-length)
    starts = (sequences.str.len() - length).clip(lower=0) // 2
    return pd.Series(
        [text[start : start + length] for text, start in zip(sequences, starts, strict=True)],
        index=sequences.index,
    )


def _first_bad(sequence: str, letters: str) -> tuple[str, int]:
    return next(
        (letter, position)
        for position, letter in enumerate(sequence, start=1)
        if letter not in letters
    )


def _check_duplicates(
    table: pd.DataFrame, keep: np.ndarray, config: ExamplesConfig, log: _Log
) -> np.ndarray:
    kept = table[keep]
    repeated, in_copies = (np.zeros(len(table), dtype=bool) for _ in range(2))
    repeated[keep] = kept["sequence"].duplicated().to_numpy()
    in_copies[keep] = kept["sequence"].duplicated(keep=False).to_numpy()
    everything = np.ones(len(table), dtype=bool)
    if not repeated.any():
        return everything
    if "target" in table:
        copies = table[in_copies].groupby("sequence")["target"].nunique()
        if conflicts := int((copies > 1).sum()):
            log.note("sequences whose copies have different targets", conflicts)
    if config.duplicates == "error":
        row = int(np.flatnonzero(repeated)[0])
        raise InputError(
            f"{_record(table, row)}: the sequence is there already "
            f"({int(repeated.sum())} repeats). Set examples.duplicates to keep, keep_first or drop."
        )
    if config.duplicates == "keep":
        log.note("records that repeat an earlier sequence, kept", int(repeated.sum()))
        return everything
    if config.duplicates == "drop":
        log.records(table, in_copies, "dropped", "the sequence is there more than once")
        return ~in_copies
    log.records(table, repeated, "dropped", "repeats an earlier sequence")
    return ~repeated


def _record(table: pd.DataFrame, row: int) -> str:
    record = table.iloc[row]
    return f"{record['origin']}, line {record['line']}, record {record['source_id']}"


def strata(table: pd.DataFrame, config: Sequence[Stratum]) -> dict[str, set[str]]:
    """Ids of the examples whose whole sequence matches the pattern of each stratum."""
    return {
        stratum.name: set(table.loc[table["sequence"].str.fullmatch(stratum.pattern), "id"])
        for stratum in config
    }


def save(examples: Examples, path: str | Path) -> None:
    """Write `examples.parquet`."""
    write_with(path, lambda temporary: examples.table.to_parquet(temporary, index=False))


def load(path: str | Path) -> pd.DataFrame:
    """Read `examples.parquet`."""
    return pd.read_parquet(path)
