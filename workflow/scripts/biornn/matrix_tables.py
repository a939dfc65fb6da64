"""Matrices in tables: CSV, TSV, Excel, Parquet and Orange's .tab as values with named rows.

What is a gene and what a sample is decided in `matrices`, and the values are checked there.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy.sparse

from .checking import listed, nearest
from .config_expression import MatrixRef
from .config_tables import TableRef
from .files import InputError

#: What the second and the third header line of an Orange table may say.
_ORANGE_TYPES = {"", "continuous", "c", "discrete", "d", "string", "s", "time", "t"}
_ORANGE_FLAGS = {"", "class", "c", "meta", "m", "ignore", "i", "weight", "w"}
#: Columns that would be taken for samples: most of them are numbers.
_FEATURE_COUNTS = {"Chr", "Start", "End", "Strand", "Length"}
_DECIMAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


@dataclass
class RawMatrix:
    """What a file says.

    Attributes
    ----------
    values
        float64 [rows, columns], or sparse; NaN where there is no value.
    rows, columns : list of str
        Names as they stand in the file.
    row_notes, column_notes : pandas.DataFrame
        Annotations of the rows and of the columns, in the same order.
    lines : list of int or None
        Line of each row, where the file has lines.
    wrong
        Row, column and text of the first value that is no finite number; `wrong_count` counts them.
    genes, why
        Where the genes are and what says so, where the format does.
    """

    values: np.ndarray | scipy.sparse.csr_matrix
    rows: list[str]
    columns: list[str]
    row_notes: pd.DataFrame = field(default_factory=pd.DataFrame)
    column_notes: pd.DataFrame = field(default_factory=pd.DataFrame)
    lines: list[int] | None = None
    wrong: tuple[int, int, str] | None = None
    wrong_count: int = 0
    genes: str | None = None
    why: str = ""


class Numbers:
    """Rows of text that become rows of numbers.

    What is no number is remembered and not raised: the message is to name gene and sample, and
    which is which is not known before the last row.
    """

    def __init__(self, missing: Iterable[str]) -> None:
        self._missing = {text.strip() for text in missing}
        self._rows: list[np.ndarray] = []
        self.wrong: tuple[int, int, str] | None = None
        self.wrong_count = 0

    def add(self, cells: Sequence[str]) -> None:
        """One more row."""
        try:
            row = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            row = None
        # Python reads `1_0`, `inf` and the digits of any script as numbers
        joined = "".join(cells)
        if row is None or not np.isfinite(row).all() or "_" in joined or not joined.isascii():
            row = np.array([self._number(cell, at) for at, cell in enumerate(cells)])
        self._rows.append(row)

    def _number(self, cell: str, column: int) -> float:
        text = cell.strip()
        if text in self._missing:
            return math.nan
        value = float(text) if _DECIMAL.fullmatch(text) else math.nan
        if math.isfinite(value):
            return value
        self.wrong = self.wrong or (len(self._rows), column, cell)
        self.wrong_count += 1
        return math.nan

    def values(self, columns: int) -> np.ndarray:
        """float64 [rows, columns]."""
        return np.vstack(self._rows) if self._rows else np.empty((0, columns))


def read_rows(
    data: bytes, reference: TableRef, origin: str, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """The line and the fields of each row that is not blank, the header's included.

    Raises
    ------
    InputError
        For text that is not UTF-8, and for quotes that do not close.
    """
    # decoded piece by piece: a matrix may have hundreds of megabytes
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    skipped = reference.skip_lines
    reader = csv.reader(stream, delimiter=reference.separator or separator, strict=True)
    try:
        for _ in range(skipped):
            stream.readline()
        start = skipped + 1
        for row in reader:
            if row:
                yield start, row
            start = skipped + reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{origin}, line {skipped + reader.line_num}: {error}.") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{origin}, near line {skipped + reader.line_num + 1}: not UTF-8 text. Save it as "
            "UTF-8."
        ) from None


def read_separated(data: bytes, reference: MatrixRef, origin: str, separator: str) -> RawMatrix:
    """CSV and TSV. The header may leave out the name of the first column, as R's tables do."""
    rows = read_rows(data, reference, origin, separator)
    if reference.columns:
        return from_rows(reference.columns, rows, reference, origin)
    number, header = next(rows, (0, []))
    # some write a space after each comma
    header = [name.strip() for name in header]
    first = next(rows, None)
    if first is None:
        raise InputError(f"{origin}: there are no rows below the header.")
    if len(first[1]) == len(header) + 1:
        header = ["", *header]
    elif len(header) == 1 and len(first[1]) > 1:
        raise InputError(
            f"{origin}, line {number}: this is no header. Set `skip_lines` to leave out what comes "
            "before it."
        )

    def all_rows() -> Iterator[tuple[int, list[str]]]:
        yield first
        yield from rows

    return from_rows(header, all_rows(), reference, origin)


def from_rows(
    header: Sequence[str],
    rows: Iterable[tuple[int, Sequence[str]]],
    reference: MatrixRef,
    origin: str,
) -> RawMatrix:
    """The matrix of a table of text: a column of names, and numbers but for what is dropped."""
    named, kept = _columns(header, reference, origin)
    return _collect(header, rows, named, kept, reference, origin)


def _collect(
    header: Sequence[str],
    rows: Iterable[tuple[int, Sequence[str]]],
    named: int | None,
    kept: list[int],
    reference: MatrixRef,
    origin: str,
    noted: Sequence[int] = (),
) -> RawMatrix:
    """The columns `kept` as numbers, `named` as names (or row numbers), `noted` as annotations."""
    numbers, names, lines, notes = Numbers(reference.missing_values), [], [], []
    # a slice where there is one, for speed: there may be thousands of columns
    together = kept == list(range(kept[0], kept[-1] + 1)) if kept else False
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{origin}, line {line}: {len(row)} fields where the header has {len(header)}. "
                "Is the file cut off, or is `separator` another one?"
            )
        lines.append(line)
        names.append(f"row{len(lines)}" if named is None else row[named])
        notes.append([row[column] for column in noted])
        numbers.add(row[kept[0] : kept[-1] + 1] if together else [row[column] for column in kept])
    return RawMatrix(
        values=numbers.values(len(kept)),
        rows=names,
        columns=[header[column] for column in kept],
        row_notes=pd.DataFrame(notes, columns=[header[column] for column in noted], dtype=object),
        lines=lines,
        wrong=numbers.wrong,
        wrong_count=numbers.wrong_count,
    )


def _columns(header: Sequence[str], reference: MatrixRef, origin: str) -> tuple[int, list[int]]:
    """Which column has the names of the rows, and which have numbers."""
    wanted = [*reference.drop, *([reference.names] if reference.names else [])]
    for name in wanted:
        if name not in header:
            raise InputError(
                f"{origin}: there is no column '{name}'{nearest(name, header)}. The columns are "
                f"{listed(header[:12])}{' and more' if len(header) > 12 else ''}."
            )
    if _FEATURE_COUNTS <= set(header) - set(wanted):
        raise InputError(
            f"{origin}: some columns annotate the genes, as featureCounts writes them. Set "
            f"`drop: [{', '.join(sorted(_FEATURE_COUNTS))}]`."
        )
    rest = [column for column, name in enumerate(header) if name not in reference.drop]
    if not rest:
        raise InputError(f"{origin}: no column is left; `drop` names them all.")
    named = header.index(reference.names) if reference.names else rest[0]
    return named, [column for column in rest if column != named]


def read_parquet(data: bytes, reference: MatrixRef, origin: str) -> RawMatrix:
    """Parquet; where a pandas table was written with names as its index, these are the first."""
    try:
        frame = pd.read_parquet(io.BytesIO(data))
    except (OSError, ValueError) as error:
        raise InputError(f"{origin}: not a whole Parquet file: {error}.") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    header = [str(name) for name in frame.columns]
    named, kept = _columns(header, reference, origin)
    parts = [frame.iloc[:, column] for column in kept]
    if all(pd.api.types.is_numeric_dtype(part.dtype) for part in parts):
        values = np.empty((len(frame), len(kept)))
        for at, part in enumerate(parts):
            values[:, at] = part.to_numpy(dtype=np.float64, na_value=np.nan)
        return RawMatrix(values, _text(frame.iloc[:, named]), [header[at] for at in kept])
    cells = zip(*(_text(frame.iloc[:, column]) for column in range(len(header))), strict=True)
    matrix = from_rows(header, enumerate(cells, start=1), reference, origin)
    matrix.lines = None
    return matrix


def _text(values: pd.Series) -> list[str]:
    return values.astype(object).where(values.notna(), "").map(str).tolist()


def looks_like_orange(data: bytes) -> bool:
    """Whether the second and the third line are those of an Orange table."""
    lines = data[: 2**22].split(b"\n", 3)
    if len(lines) < 4:
        return False
    types, flags = (
        [cell.strip() for cell in line.decode("utf-8", "replace").split("\t")]
        for line in lines[1:3]
    )
    return (
        any(cell in _ORANGE_TYPES - {""} for cell in types)
        # a discrete column may list its values, with spaces between
        and all(cell in _ORANGE_TYPES or " " in cell for cell in types)
        and all(cell in _ORANGE_FLAGS or "=" in cell for cell in flags)
    )


def read_orange(data: bytes, reference: MatrixRef, origin: str) -> RawMatrix:
    """Orange's .tab: names, types and flags in three lines.

    Columns of numbers without a flag are the matrix, the others annotate the rows. Rows without a
    column of text are named by their number.
    """
    if not looks_like_orange(data):
        raise InputError(
            f"{origin}: not an Orange table: the second line must have types (continuous, "
            "discrete, string), the third flags (class, meta)."
        )
    rows = read_rows(data, reference, origin, "\t")
    (_, header), (_, types), (line, flags) = (next(rows) for _ in range(3))
    if not len(header) == len(types) == len(flags):
        raise InputError(f"{origin}, line {line}: the three header lines differ in length.")
    _columns(header, reference, origin)  # that the columns of the configuration are there
    used = [
        column for column, name in enumerate(header)
        if name not in reference.drop and flags[column].strip() not in ("ignore", "i")
    ]  # fmt: skip
    if reference.names:
        named = header.index(reference.names)
    else:
        named = next((at for at in used if types[at].strip() in ("string", "s")), None)
    kept = [
        at for at in used
        if types[at].strip() in ("continuous", "c") and not flags[at].strip() and at != named
    ]  # fmt: skip
    noted = [at for at in used if at not in kept and at != named]
    return _collect(header, rows, named, kept, reference, origin, noted)
