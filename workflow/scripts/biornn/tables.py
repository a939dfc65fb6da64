"""Tables: records of any common format as one table of text, nothing guessed.

`001`, `NA` and `no` stay what they are; every record keeps the line (or number) that finds it.
The readers import what they need themselves: most jobs read no such file, and all would wait.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from . import record_files
from .archives import read_member
from .checking import listed, nearest
from .config_tables import TableRef
from .files import InputError, check_digest
from .record_files import Record, name_in

if TYPE_CHECKING:
    from Bio.SeqRecord import SeqRecord

#: File name endings of each format, without what packs them.
ENDINGS = {
    "csv": (".csv",),
    "tsv": (".tsv", ".tab", ".txt"),
    "parquet": (".parquet",),
    "excel": (".xlsx",),
    "rda": (".rda", ".rdata", ".rds"),
    "fasta": (".fasta", ".fa", ".fna", ".faa", ".ffn", ".fas"),
    "fastq": (".fastq", ".fq"),
    "genbank": (".gb", ".gbk", ".gbff", ".genbank"),
    "embl": (".embl",),
}
_PACKED = (".gz", ".bz2", ".xz", ".zst")
#: Formats of records with a header, which `header_pattern` takes apart.
_RECORDS = ("fasta", "fastq", "genbank", "embl")


def origin_of(path: str | Path, reference: TableRef) -> str:
    """The table in a message: the file, and the member of an archive."""
    return f"{path} ({reference.member})" if reference.member else str(path)


def read(path: str | Path, reference: TableRef) -> pd.DataFrame:
    """All columns as text, and `line`: the line where the record starts, or its number.

    FASTA and FASTQ have the columns `id`, `description` (all of the header) and `sequence`; GenBank
    and EMBL also `organism`. Named groups of `header_pattern` are columns too.

    Raises
    ------
    InputError
        Naming the file, the line and the way out.
    """
    origin = origin_of(path, reference)
    kind = reference.format
    if kind == "auto":
        kind = format_of(reference.member or Path(path).name, origin)
    data = read_member(path, reference.member)
    if reference.member_sha256:
        check_digest(hashlib.sha256(data).hexdigest(), reference.member_sha256, origin)
    table = _READERS[kind](data, reference, origin)
    if not len(table):
        raise InputError(f"{origin}: there are no records.")
    if reference.header_pattern:
        if kind not in _RECORDS:
            raise InputError(f"{origin}: header_pattern is for {listed(_RECORDS)}, not for {kind}.")
        table = _take_apart(table, reference.header_pattern, origin)
    return table


def select(table: pd.DataFrame, columns: list[str], origin: str) -> pd.DataFrame:
    """The named columns and `line`.

    Raises
    ------
    InputError
        For a column that is not there, with the nearest that is.
    """
    there = [column for column in table.columns if column != "line"]
    missing = [column for column in columns if column not in there]
    if missing:
        raise InputError(
            f"{origin}: there is no column '{missing[0]}'{nearest(missing[0], there)}. "
            f"The columns are {listed(there)}. Correct the name in the analysis file."
        )
    return table[[*dict.fromkeys(columns), "line"]]


def format_of(name: str, origin: str, endings: Mapping[str, tuple[str, ...]] = ENDINGS) -> str:
    """The format that a file's name stands for."""
    path = Path(name.lower())
    suffix = path.with_suffix("").suffix if path.suffix in _PACKED else path.suffix
    for kind, known in endings.items():
        if suffix in known:
            return kind
    raise InputError(
        f"{origin}: the name does not tell the format. Give `format`: one of {listed(endings)}."
    )


def text_of(data: bytes, origin: str) -> str:
    """UTF-8 text, without a byte order mark; InputError if it is none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{origin}: not UTF-8 text (byte {error.start}).") from None


def _read_separated(data: bytes, reference: TableRef, origin: str, default: str) -> pd.DataFrame:
    stream = io.StringIO(text_of(data, origin), newline="")
    found = record_files.separated(
        stream, reference.separator or default, origin, reference.columns, reference.skip_lines
    )
    header, _ = next(found)
    rows, lines = [], []
    for row, line in found:
        rows.append(row)
        lines.append(line)
    return pd.DataFrame(rows, columns=header, dtype=str).assign(line=lines)


def _read_csv(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
    return _read_separated(data, reference, origin, ",")


def _read_tsv(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
    return _read_separated(data, reference, origin, "\t")


def as_text(frame: pd.DataFrame, first_line: int) -> pd.DataFrame:
    """Typed columns as text: whole numbers without a point, missing values empty."""
    if len(set(frame.columns)) != len(frame.columns):
        raise InputError("a column name is there twice")
    columns = {}
    for name, values in frame.items():
        if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
            values = values.astype("Int64")
        text = values.astype(object).where(values.notna(), "")
        columns[str(name)] = text.map(lambda value: value if isinstance(value, str) else str(value))
    table = pd.DataFrame(columns).reset_index(drop=True)
    return table.assign(line=np.arange(first_line, first_line + len(table)))


def of_parquet(frame: pd.DataFrame, first_line: int) -> pd.DataFrame:
    """As `as_text`, with the named levels of an index, such as ids, as columns.

    Of a range, which numbers the rows, nothing is told: Parquet files do not store it.
    """
    index = frame.index
    if not isinstance(index, pd.RangeIndex):
        named = [name for name in index.names if name is not None and name not in frame]
        frame = frame.reset_index(named) if named else frame
    return as_text(frame, first_line)


def _read_parquet(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(data))
    except (OSError, ValueError) as error:
        raise InputError(f"{origin}: not a whole Parquet file: {error}.") from None
    return of_parquet(frame, 1)


def _read_excel(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
    try:
        frame = pd.read_excel(
            io.BytesIO(data), sheet_name=reference.object or 0, dtype=str, keep_default_na=False,
            skiprows=reference.skip_lines, header=None if reference.columns else 0,
            names=reference.columns, engine="openpyxl",
        )  # fmt: skip
    except Exception as error:  # openpyxl lets errors of zip, XML and its own through
        raise InputError(f"{origin}: can't be read as an Excel sheet: {error}.") from None
    return as_text(frame, reference.skip_lines + (1 if reference.columns else 2))


def _read_rda(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
    import pyreadr

    with tempfile.NamedTemporaryFile(suffix=".rda") as file:  # the library reads paths alone
        file.write(data)
        file.flush()
        try:
            objects = pyreadr.read_r(file.name)
        except Exception as error:  # the library has errors of its own, and raises others too
            raise InputError(f"{origin}: can't be read as R data: {error}.") from None
    frames = {str(name): frame for name, frame in objects.items() if frame is not None}
    name = reference.object or (next(iter(frames)) if len(frames) == 1 else None)
    if name not in frames:
        raise InputError(f"{origin}: give `object`, one of the data frames {listed(frames)}.")
    return as_text(frames[name], 1)


def _records(found: Iterable[Record]) -> pd.DataFrame:
    columns = [list(column) for column in zip(*found, strict=True)] or [[], [], []]
    return pd.DataFrame(
        {
            "id": [name_in(title) for title in columns[0]],
            **dict(zip(("description", "sequence", "line"), columns, strict=True)),
        }
    )


def _read_fasta(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
    return _records(record_files.fasta(io.StringIO(text_of(data, origin)), origin))


def _read_fastq(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
    return _records(record_files.fastq(io.StringIO(text_of(data, origin)), origin))


def flat_records(text: str, kind: str, origin: str) -> list[SeqRecord]:
    """The records of a GenBank or EMBL file (`kind`), each whole; InputError if one is not."""
    return [record for record, _ in record_files.flat(io.StringIO(text), kind, origin)]


def flat_table(text: str, kind: str, records: list[SeqRecord]) -> pd.DataFrame:
    """`id, description, organism, sequence, line` of the records."""
    return pd.DataFrame(
        {
            "id": [record.id for record in records],
            "description": [record.description for record in records],
            "organism": [str(record.annotations.get("organism", "")) for record in records],
            "sequence": [str(record.seq) for record in records],
            "line": [
                number
                for number, line in enumerate(text.splitlines(), start=1)
                if line.startswith("LOCUS" if kind == "genbank" else "ID ")
            ],
        }
    )


def _flat_file(kind: str) -> Callable[[bytes, TableRef, str], pd.DataFrame]:
    def read_flat(data: bytes, reference: TableRef, origin: str) -> pd.DataFrame:
        text = text_of(data, origin)
        return flat_table(text, kind, flat_records(text, kind, origin))

    return read_flat


_READERS: dict[str, Callable[[bytes, TableRef, str], pd.DataFrame]] = {
    "csv": _read_csv,
    "tsv": _read_tsv,
    "parquet": _read_parquet,
    "excel": _read_excel,
    "rda": _read_rda,
    "fasta": _read_fasta,
    "fastq": _read_fastq,
    "genbank": _flat_file("genbank"),
    "embl": _flat_file("embl"),
}


def _take_apart(table: pd.DataFrame, pattern: str, origin: str) -> pd.DataFrame:
    found = [re.search(pattern, header) for header in table["description"]]
    for match, header, line in zip(found, table["description"], table["line"], strict=True):
        if match is None:
            raise InputError(
                f"{origin}, line {line}: header_pattern does not fit the header {header!r}."
            )
    groups = pd.DataFrame([match.groupdict(default="") for match in found if match is not None])
    return table.drop(columns=[name for name in groups if name in table]).join(groups)
