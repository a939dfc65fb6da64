"""Records: how checks name a record, which are left out, and the log of what was done to each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .checking import listed
from .config_data import SampleConfig
from .files import InputError

QC_COLUMNS = ["record", "line", "action", "reason", "count"]
#: The note that counts what passed the checks and is not in the sample.
NOT_DRAWN = "records left out of the sample that was drawn"


@dataclass
class Log:
    """What will be `examples.qc.tsv`."""

    rows: list[tuple[str, object, str, str, object]] = field(default_factory=list)

    def records(self, table: pd.DataFrame, where: np.ndarray, action: str, reason: str) -> None:
        """A row for each record of `table` (with `source_id` and `line`) that is meant."""
        for source_id, line in table.loc[where, ["source_id", "line"]].itertuples(index=False):
            self.rows.append((source_id, line, action, reason, pd.NA))

    def note(self, reason: str, count: int) -> None:
        """A row that counts."""
        self.rows.append(("", pd.NA, "note", reason, count))

    def frame(self) -> pd.DataFrame:
        """`QC_COLUMNS`."""
        frame = pd.DataFrame(self.rows, columns=QC_COLUMNS)
        return frame.astype({"line": "Int64", "count": "Int64"})


def name_of(table: pd.DataFrame, row: int) -> str:
    """File, line and record, for messages."""
    record = table.iloc[row]
    return f"{record['origin']}, line {record['line']}, record {record['source_id']}"


def numbers_of(raw: pd.DataFrame, column: str, table: pd.DataFrame) -> pd.Series:
    """The numbers in a column of text.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text.
    column : str
    table : pandas.DataFrame
        Names the same records in messages.

    Raises
    ------
    InputError
        Naming the first value that is no finite number.
    """
    values = pd.to_numeric(raw[column].str.strip(), errors="coerce").astype(float)
    bad = ~np.isfinite(values.to_numpy())
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{name_of(table, row)}: '{column}' is {raw[column].iloc[row]!r}, not a number "
            f"({int(bad.sum())} such values). Remove the rows or correct them."
        )
    return values


def not_repeated(table: pd.DataFrame, keep: np.ndarray, policy: str, log: Log) -> np.ndarray:
    """Boolean [n]: False for what `examples.duplicates` drops among the records to keep.

    Raises
    ------
    InputError
        For the first copy, where copies are an error.
    """
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
    if policy == "error":
        row = int(np.flatnonzero(repeated)[0])
        raise InputError(
            f"{name_of(table, row)}: the sequence is there already "
            f"({int(repeated.sum())} repeats). Set examples.duplicates to keep, keep_first or drop."
        )
    if policy == "keep":
        log.note("records that repeat an earlier sequence, kept", int(repeated.sum()))
        return everything
    if policy == "drop":
        log.records(table, in_copies, "dropped", "the sequence is there more than once")
        return ~in_copies
    log.records(table, repeated, "dropped", "repeats an earlier sequence")
    return ~repeated


def drawn(
    stays: np.ndarray,
    config: SampleConfig,
    log: Log,
    needed: np.ndarray | None = None,
    classes: pd.Series | None = None,
) -> np.ndarray:
    """Boolean [n]: the records of the sample; how many are left out is noted in one line.

    Those that are `needed` (boolean [n]) are taken first.

    Raises
    ------
    InputError
        When one of the `classes` of all is in no record of the sample.
    """
    rows = np.random.default_rng(config.seed).permutation(np.flatnonzero(stays))
    if needed is not None:
        rows = rows[np.argsort(~needed[rows], kind="stable")]
    taken = rows[: config.n]
    if classes is not None and (lost := set(classes[stays]) - set(classes.iloc[taken])):
        raise InputError(
            f"examples.sample: none of the {len(taken):,} that were drawn is of the class "
            f"{listed(lost)}. Draw more, or leave small classes out (target.min_class_size with "
            "target.small_classes: drop)."
        )
    log.note(NOT_DRAWN, len(rows) - len(taken))
    found = np.zeros(len(stays), dtype=bool)
    found[taken] = True
    return found
