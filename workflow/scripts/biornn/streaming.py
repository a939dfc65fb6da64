"""Streaming: the records of a file as tables of some thousand at a time, of any size of file.

The form is that of `tables.read`: text, and `line`. Excel, R data and members of archives are held
in memory; all other formats, packed or not, are not.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from . import archives, record_files, tables
from .config_tables import TableRef
from .files import InputError

#: Records, and characters, of a piece.
RECORDS, CHARACTERS = 16_384, 2**22
#: Stands for the standard input.
STANDARD_INPUT = "-"
#: Formats of sequence records, which have the columns id, description and sequence.
RECORD_FORMATS = ("fasta", "fastq", "genbank", "embl")


def format_of(path: str | Path, reference: TableRef) -> str:
    """The format of a file, by its name where nothing is said."""
    if reference.format != "auto":
        return reference.format
    origin = tables.origin_of(path, reference)
    if str(path) == STANDARD_INPUT:
        raise InputError("The format of the standard input is not known. Give --format.")
    return tables.format_of(reference.member or Path(path).name, origin)


def read(
    path: str | Path,
    reference: TableRef,
    records: int = RECORDS,
    characters: int = CHARACTERS,
) -> Iterator[pd.DataFrame]:
    """Tables of at most `records` records, fewer where they have more than `characters`.

    Parameters
    ----------
    path
        `-` is the standard input.
    reference : TableRef
    records, characters : int

    Raises
    ------
    InputError
        As `tables.read`; what was given before is right.
    """
    origin = tables.origin_of(path, reference)
    kind = format_of(path, reference)
    if kind == "parquet" and reference.member is None and Path(path).suffix == ".parquet":
        found = _parquet(Path(path), origin, records, characters)
    elif kind in ("parquet", "excel", "rda"):
        found = _whole(path, reference, kind, records)
    else:
        found = _text(path, reference, kind, origin, records, characters)
    empty = True
    for table in found:
        empty = False
        yield table
    if empty:
        raise InputError(f"{origin}: there are no records.")


class _Pieces(io.RawIOBase):
    """An iterator of bytes as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not len(self._rest):
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _text(
    path: str | Path,
    reference: TableRef,
    kind: str,
    origin: str,
    records: int,
    characters: int,
) -> Iterator[pd.DataFrame]:
    if str(path) == STANDARD_INPUT:
        pieces: Iterable[bytes] = iter(lambda: sys.stdin.buffer.read(2**20), b"")
    else:
        pieces = archives.stream_member(path, reference.member)
    of_table = kind in ("csv", "tsv")
    file = io.TextIOWrapper(
        io.BufferedReader(_Pieces(pieces), 2**20),
        encoding="utf-8-sig",
        newline="" if of_table else None,
    )
    try:
        if of_table:
            separator = reference.separator or ("," if kind == "csv" else "\t")
            rows = record_files.separated(
                file, separator, origin, reference.columns, reference.skip_lines
            )
            header, _ = next(rows)

            def size_of_row(row: Any) -> int:
                return sum(map(len, row[0]))

            for part in _parts(rows, size_of_row, records, characters):
                table = pd.DataFrame([row for row, _ in part], columns=header, dtype=object)
                yield table.assign(line=[line for _, line in part])
            return
        for part in _parts(_records(file, kind, origin), lambda r: len(r[2]), records, characters):
            columns = ["id", "description", "sequence", "line"]
            yield pd.DataFrame(part, columns=columns)
    except UnicodeDecodeError as error:
        raise InputError(f"{origin}: not UTF-8 text: {error.reason}.") from None


def _records(file: io.TextIOWrapper, kind: str, origin: str) -> Iterator[tuple[str, ...]]:
    if kind in ("genbank", "embl"):
        for record, line in record_files.flat(file, kind, origin):
            yield record.id, record.description, str(record.seq), line
        return
    reader = record_files.fasta if kind == "fasta" else record_files.fastq
    for title, sequence, line in reader(file, origin):
        yield record_files.name_in(title), title, sequence, line


def _parts(
    items: Iterable[Any], size_of: Callable[[Any], int], records: int, characters: int
) -> Iterator[list[Any]]:
    part, size = [], 0
    for item in items:
        part.append(item)
        size += size_of(item)
        if len(part) >= records or size >= characters:
            yield part
            part, size = [], 0
    if part:
        yield part


def _whole(
    path: str | Path, reference: TableRef, kind: str, records: int
) -> Iterator[pd.DataFrame]:
    table = tables.read(path, reference.model_copy(update={"format": kind}))
    for start in range(0, len(table), records):
        yield table.iloc[start : start + records].reset_index(drop=True)


def _parquet(path: Path, origin: str, records: int, characters: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            row = max(size // max(file.metadata.num_rows, 1), 1)
            first = 1
            for batch in file.iter_batches(max(1, min(records, characters // row))):
                if batch.num_rows:
                    table = tables.of_parquet(batch.to_pandas(), first)
                    first += len(table)
                    yield table
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{origin}: not a whole Parquet file: {error}.") from None
