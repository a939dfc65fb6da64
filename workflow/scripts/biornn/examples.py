"""Examples: read a table, check every record, name every record that was dropped or changed."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from .alphabets import ALPHABETS, INVALID
from .archives import read_member
from .checking import listed, nearest
from .config import (
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


def read_table(path: str | Path, reference: TableRef, columns: Sequence[str]) -> pd.DataFrame:
    """Read the named columns as text, nothing guessed: `001`, `NA` and `no` stay what they are.

    Returns a frame with the columns and `line`, the line of the file where each record starts.
    """
    origin = _origin(path, reference)
    data = read_member(path, reference.member)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{origin}: not UTF-8 text (byte {error.start}).") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=reference.separator, strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise InputError(f"{origin}: the column '{twice}' is there twice; rename one.")
        missing = [column for column in columns if column not in header]
        if missing:
            raise InputError(
                f"{origin}: there is no column '{missing[0]}'{nearest(missing[0], header)}. "
                f"The columns are {listed(header)}. Correct the name in the analysis file."
            )
        rows, lines, start = [], [], reader.line_num + 1
        for row in reader:
            if row:
                if len(row) != len(header):
                    raise InputError(
                        f"{origin}, line {start}: {len(row)} fields where the header has "
                        f"{len(header)}. Is the file cut off, or is `separator` another one?"
                    )
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{origin}, line {reader.line_num}: {error}.") from None
    if not rows:
        raise InputError(f"{origin}: the table has no rows.")
    table = pd.DataFrame(rows, columns=header, dtype=str)
    table["line"] = lines
    return table[[*dict.fromkeys(columns), "line"]]


def build(
    path: str | Path,
    config: ExamplesConfig,
    target: TargetConfig,
    split: Split,
    expression: ExpressionConfig | None = None,
    reference: TableRef | None = None,
) -> Examples:
    """Read and check the examples of an analysis.

    Parameters
    ----------
    path
        The file (or archive) that `examples.source` names.
    config, target, split, expression
        Sections of the analysis.
    reference
        Another table with the same columns, for a replicate.

    Raises
    ------
    InputError
        Naming the file, the line, the record and the way out.
    """
    reference = reference or config
    origin = _origin(path, reference)
    split_column = split.column if isinstance(split, ColumnSplit) else None
    wanted = [config.sequence.column, config.id, target.column, split_column]
    if expression:
        wanted += [*expression.counts, expression.check.column if expression.check else None]
    raw = read_table(path, reference, [column for column in wanted if column is not None])

    log = _Log()
    log.note("records read", len(raw))
    table = _name_records(raw, config, origin, log)
    table["sequence"] = raw[config.sequence.column]
    if split_column:
        table["subset"] = raw[split_column]
    if target.column:
        table["target"] = _numbers(raw, target.column, table, origin)
    if expression and expression.check:
        table["expected_target"] = _numbers(raw, expression.check.column, table, origin)
    counts = _counts(raw, expression.counts, table, origin) if expression else None

    keep = _check_sequences(table, config.sequence, origin, log)
    keep &= _check_duplicates(table, keep, config, origin, log)
    if not keep.any():
        raise InputError(f"{origin}: no record is left after the checks.")
    log.note("records kept", int(keep.sum()))
    table = table.loc[keep].drop(columns="line").reset_index(drop=True)
    if counts is not None:
        counts = counts.loc[keep].reset_index(drop=True)
    return Examples(table, counts, log.frame())


def _origin(path: str | Path, reference: TableRef) -> str:
    return f"{path} ({reference.member})" if reference.member else str(path)


def _name_records(
    raw: pd.DataFrame, config: ExamplesConfig, origin: str, log: _Log
) -> pd.DataFrame:
    """Ids that are safe as file names and labels; the original stays in `source_id`."""
    made = pd.Series([f"ex{number:06d}" for number in range(1, len(raw) + 1)])
    if config.id is None:
        return pd.DataFrame({"id": made, "source_id": made, "line": raw["line"]})
    source_id = raw[config.id]
    twice = source_id.duplicated(keep="first").to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        first = raw["line"][int((source_id == source_id[row]).to_numpy().argmax())]
        raise InputError(
            f"{origin}, line {raw['line'][row]}: the id '{source_id[row]}' was already on line "
            f"{first}; ids must be unique. Leave `examples.id` out to number the records."
        )
    fits = source_id.map(lambda value: _ID.fullmatch(value) is not None).to_numpy()
    # a made name must not meet a name that the user gave
    ids = source_id.where(fits, made)
    if ids.duplicated().any():
        ids = source_id.where(fits, made + "_made")
    table = pd.DataFrame({"id": ids, "source_id": source_id, "line": raw["line"]})
    log.records(table, ~fits, "changed", "id has other characters than A-Z a-z 0-9 . _ -")
    return table


def _numbers(raw: pd.DataFrame, column: str, table: pd.DataFrame, origin: str) -> pd.Series:
    values = pd.to_numeric(raw[column].str.strip(), errors="coerce").astype(float)
    bad = ~np.isfinite(values.to_numpy())
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{origin}, line {raw['line'][row]}, record {table['source_id'][row]}: '{column}' is "
            f"{raw[column][row]!r}, not a number ({int(bad.sum())} such values). "
            "Remove the rows or correct them."
        )
    return values


def _counts(
    raw: pd.DataFrame, columns: Sequence[str], table: pd.DataFrame, origin: str
) -> pd.DataFrame:
    counts = pd.DataFrame({column: _numbers(raw, column, table, origin) for column in columns})
    values = counts.to_numpy()
    for wrong, what in (
        (values < 0, "negative"),
        (values != np.floor(values), "not a whole number"),
    ):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise InputError(
                f"{origin}, line {raw['line'][row]}, record {table['source_id'][row]}: the count "
                f"'{columns[column]}' is {what} ({values[row, column]:g}; {int(wrong.sum())} such "
                "values). Give raw counts, not normalised values."
            )
    return counts


def _check_sequences(
    table: pd.DataFrame, config: SequenceConfig, origin: str, log: _Log
) -> np.ndarray:
    """Upper-case the sequences in place and return which records stay."""
    upper = table["sequence"].str.strip().str.upper()
    log.records(
        table, (upper != table["sequence"]).to_numpy(), "changed", "lower case or space removed"
    )
    table["sequence"] = upper
    alphabet = ALPHABETS[config.alphabet]
    encoded = tokenize(upper, alphabet)
    lengths = upper.str.len().to_numpy()
    longest = config.max_length if config.max_length is not None else np.inf
    wrong_length = (lengths < config.min_length) | (lengths > longest)
    if wrong_length.any():
        row = int(np.flatnonzero(wrong_length)[0])
        raise InputError(
            f"{_record(table, row, origin)}: the sequence has {lengths[row]} letters, allowed are "
            f"{config.min_length} to {longest:g} ({int(wrong_length.sum())} such records). "
            "Correct the table or `examples.sequence.min_length` and `max_length`."
        )
    keep = np.ones(len(table), dtype=bool)
    checks = (
        (encoded.tokens == INVALID, config.unknown, "unknown", alphabet.codes),
        (alphabet.is_ambiguous(encoded.tokens), config.ambiguity, "ambiguity", alphabet.letters),
    )
    for where, policy, key, letters in checks:
        what = f"{'letters' if key == 'unknown' else 'ambiguity codes'} outside {letters}"
        hits = np.flatnonzero(where)
        # bytes, not letters: a letter outside ASCII takes several, so the record is found by offset
        records = np.unique(np.searchsorted(encoded.offsets, hits, side="right") - 1)
        if not len(records) or policy == "allow":
            if len(records):
                log.note("records with ambiguity codes, encoded as mixtures", len(records))
            continue
        if policy == "error":
            row = int(records[0])
            letter, position = _first_bad(upper[row], letters)
            raise InputError(
                f"{_record(table, row, origin)}: the letter {letter!r} at position {position} is "
                f"none of {letters} (alphabet {alphabet.name}; {len(records)} such records). "
                f"Correct the table, or set examples.sequence.{key}: drop."
            )
        dropped = np.zeros(len(table), dtype=bool)
        dropped[records] = True
        log.records(table, dropped & keep, "dropped", what)
        keep &= ~dropped
    return keep


def _first_bad(sequence: str, letters: str) -> tuple[str, int]:
    return next(
        (letter, position)
        for position, letter in enumerate(sequence, start=1)
        if letter not in letters
    )


def _check_duplicates(
    table: pd.DataFrame, keep: np.ndarray, config: ExamplesConfig, origin: str, log: _Log
) -> np.ndarray:
    repeated = np.zeros(len(table), dtype=bool)
    repeated[keep] = table.loc[keep, "sequence"].duplicated().to_numpy()
    if not repeated.any():
        return np.ones(len(table), dtype=bool)
    if config.duplicates == "error":
        row = int(np.flatnonzero(repeated)[0])
        raise InputError(
            f"{_record(table, row, origin)}: the sequence is there already "
            f"({int(repeated.sum())} repeats). Set examples.duplicates to keep or keep_first."
        )
    if config.duplicates == "keep":
        log.note("records that repeat an earlier sequence, kept", int(repeated.sum()))
        return np.ones(len(table), dtype=bool)
    log.records(table, repeated, "dropped", "repeats an earlier sequence")
    return ~repeated


def _record(table: pd.DataFrame, row: int, origin: str) -> str:
    return f"{origin}, line {table['line'].iloc[row]}, record {table['source_id'].iloc[row]}"


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
