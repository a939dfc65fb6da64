"""Expression matrices: samples by genes from any file, every name and value checked."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse

from . import matrix_files, tables
from .config_expression import MatrixRef
from .files import InputError
from .matrix_tables import RawMatrix

logger = logging.getLogger(__name__)

#: Key of `uns` with how a matrix was read: `format`, `genes` (rows or columns) and `why`.
READING = "reading"
#: What spreadsheets make of the names of genes such as SEPT1 and MARCH1.
_DATE = re.compile(
    r"\d{1,2}-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|\d{4}-\d\d-\d\d 00:00:00"
)


def read(
    path: str | Path,
    reference: MatrixRef,
    names: Mapping[str, str | Path] | None = None,
    samples: Collection[str] = (),
    genes: Collection[str] = (),
    *,
    allow_empty: bool = False,
) -> ad.AnnData:
    """Read and check an expression matrix.

    Parameters
    ----------
    path
        The file, packed or not, or an archive with `reference.member`.
    reference : MatrixRef
    names
        For mtx: the files of `gene_names` and `sample_names`; `path` itself where one is absent.
    samples, genes
        Names that are known from other files; they tell which side of the table has which.
    allow_empty : bool
        Whether samples may be zero or missing for all genes (`empty_samples` finds them).

    Returns
    -------
    anndata.AnnData
        obs = samples, var = genes, X [samples, genes] float64 or sparse (CSR) as it came, NaN where
        a value is missing. Names are as in the file. Annotations of the file are in obs and var.
        `uns["reading"]` says what was detected, and why.

    Raises
    ------
    InputError
        Naming the file, the line, the gene, the sample and the way out.
    """
    origin = tables.origin_of(path, reference)
    raw, kind = matrix_files.read(path, reference, names)
    for count, what in ((len(raw.rows), "rows"), (len(raw.columns), "columns of values")):
        if not count:
            raise InputError(f"{origin}: the matrix is empty: there are no {what}.")
    place, why = _orientation(raw, reference, samples, genes, origin)
    logger.info("%s: %s, genes in %s: %s.", origin, kind, place, why)
    _Check(raw, place == "rows", origin).all(reference, allow_empty)
    reading = {"format": kind, "genes": place, "why": why}
    rows, columns = _notes(raw.rows, raw.row_notes), _notes(raw.columns, raw.column_notes)
    values = raw.values.T if place == "rows" else raw.values
    if scipy.sparse.issparse(values):
        values = values.tocsr()
    else:
        values = np.ascontiguousarray(values)
    obs, var = (columns, rows) if place == "rows" else (rows, columns)
    return ad.AnnData(values, obs=obs, var=var, uns={READING: reading})


def empty_samples(matrix: ad.AnnData) -> np.ndarray:
    """Boolean [samples]: those that are zero or missing for all genes."""
    return ~_used(matrix.X, 1)


def _used(values: np.ndarray | scipy.sparse.spmatrix, axis: int) -> np.ndarray:
    """Boolean: the rows (axis 1) or columns (axis 0) with a value that is not zero."""
    if scipy.sparse.issparse(values):
        values = values.copy()
        values.data = np.nan_to_num(values.data)
        return np.asarray((values != 0).sum(axis=axis)).ravel() > 0
    return (np.nan_to_num(values) != 0).any(axis=axis)


def read_source(
    paths: Mapping[str, str | Path],
    reference: MatrixRef,
    samples: Collection[str] = (),
    genes: Collection[str] = (),
) -> ad.AnnData:
    """As `read`, from the file of each source by name."""
    names = {
        key: paths[named.source]
        for key in ("gene_names", "sample_names")
        if (named := getattr(reference, key)) and named.source
    }
    return read(paths[str(reference.source)], reference, names, samples, genes)


def _notes(names: list[str], notes: pd.DataFrame) -> pd.DataFrame:
    index = pd.Index(names, dtype=object)
    return notes.set_axis(index, axis=0) if len(notes.columns) else pd.DataFrame(index=index)


def _orientation(
    raw: RawMatrix,
    reference: MatrixRef,
    samples: Collection[str],
    genes: Collection[str],
    origin: str,
) -> tuple[str, str]:
    """Where the genes are, and why."""
    if reference.genes != "detect":
        return reference.genes, "as the analysis file says"
    if raw.genes:
        return raw.genes, raw.why
    for known, what in ((set(samples), "samples"), (set(genes), "genes")):
        in_rows, in_columns = len(known & set(raw.rows)), len(known & set(raw.columns))
        if in_rows != in_columns:
            count, place = max((in_rows, "rows"), (in_columns, "columns"))
            found = "rows" if (place == "rows") == (what == "genes") else "columns"
            return found, f"{count} of {len(known)} known {what} are in its {place}"
    rows, columns = len(raw.rows), len(raw.columns)
    if rows == columns:
        raise InputError(
            f"{origin}: {rows} rows and as many columns: which are the genes can't be told. "
            "Give `genes: rows` or `genes: columns`."
        )
    found = "rows" if rows > columns else "columns"
    return found, f"there are {rows} rows and {columns} columns, and mostly more genes than samples"


class _Check:
    """The checks of a matrix, in words of genes and samples."""

    def __init__(self, raw: RawMatrix, genes_in_rows: bool, origin: str) -> None:
        self.raw, self.origin = raw, origin
        self.words = ("gene", "sample") if genes_in_rows else ("sample", "gene")
        self.genes_in_rows = genes_in_rows

    def all(self, reference: MatrixRef, allow_empty: bool) -> None:
        """Every check, in the order in which a user would mend what is wrong."""
        for names, word, lines in (
            (self.raw.rows, self.words[0], self.raw.lines),
            (self.raw.columns, self.words[1], None),
        ):
            self.names(names, word, lines)
        self.numbers(reference)
        if not allow_empty:
            self.samples()

    def names(self, names: list[str], word: str, lines: list[int] | None) -> None:
        """No name is empty or there twice."""
        text = pd.Series(names, dtype=object)

        def place(at: int) -> str:
            return f"line {lines[at]}" if lines else f"number {at + 1}"

        empty = np.flatnonzero(text.str.strip() == "")
        if len(empty):
            raise InputError(
                f"{self.origin}, {place(empty[0])}: the {word} has no name ({len(empty)} such "
                f"{word}s). Name it, or leave it out."
            )
        twice = text.duplicated()
        if twice.any():
            at = int(twice.to_numpy().argmax())
            first = names.index(names[at])
            raise InputError(
                f"{self.origin}: the {word} '{names[at]}' is there twice ({place(first)} and "
                f"{place(at)}; {text[twice].nunique()} such {word}s). Keep one of each, sum them, "
                "or name the column with unique names in `names`."
            )
        dates = text[text.str.fullmatch(_DATE)] if word == "gene" else text[:0]
        if len(dates):
            logger.warning(
                "%s: %d genes have names such as '%s': a spreadsheet made dates of them.",
                self.origin, len(dates), dates.iloc[0],
            )  # fmt: skip

    def numbers(self, reference: MatrixRef) -> None:
        """Values are numbers, and counts where there must be."""
        if self.raw.wrong:
            row, column, text = self.raw.wrong
            raise InputError(
                f"{self._cell(row, column)}: {text!r} is not a finite number "
                f"({self.raw.wrong_count} such values). Correct it; name a column that is no "
                "expression in `drop`, and a text for missing values in `missing_values`."
            )
        missing, infinite, counts = (
            "set `allow_missing: true`",
            "correct it",
            "give raw counts, or set `values: any` if these are no counts",
        )
        checks = [(np.isinf, "the value is infinite", infinite)]
        if not reference.allow_missing:
            checks.insert(0, (np.isnan, "there is no value", missing))
        if reference.values == "counts":
            checks.append((lambda values: values < 0, "the value is negative", counts))
            checks.append(
                (
                    lambda values: (values != np.rint(values)) & ~np.isnan(values),
                    "the value is not a whole number",
                    counts,
                )
            )
        stored = self._stored()
        for fails, what, way_out in checks:
            wrong = fails(stored)
            if wrong.any():
                row, column = self._position(wrong)
                value = self.raw.values[row, column]
                shown = "" if np.isnan(value) else f"{value:g}; "
                raise InputError(
                    f"{self._cell(row, column)}: {what} ({shown}{int(wrong.sum())} such values); "
                    f"{way_out}."
                )

    def samples(self) -> None:
        """No sample is zero throughout, or without any value."""
        axis = 0 if self.genes_in_rows else 1
        names = self.raw.columns if self.genes_in_rows else self.raw.rows
        used = _used(self.raw.values, axis)
        if not used.all():
            at = int(np.flatnonzero(~used)[0])
            line = (
                "" if self.genes_in_rows or not self.raw.lines else f", line {self.raw.lines[at]}"
            )
            raise InputError(
                f"{self.origin}{line}: the sample '{names[at]}' is zero or missing for all genes "
                f"({int((~used).sum())} such samples). Leave it out of the table."
            )

    def _stored(self) -> np.ndarray:
        values = self.raw.values
        return values.data if scipy.sparse.issparse(values) else values

    def _position(self, wrong: np.ndarray) -> tuple[int, int]:
        """Row and column of the first wrong value."""
        if scipy.sparse.issparse(self.raw.values):
            places = self.raw.values.tocoo()
            at = int(np.flatnonzero(wrong)[0])
            return int(places.row[at]), int(places.col[at])
        row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
        return int(row), int(column)

    def _cell(self, row: int, column: int) -> str:
        line = f", line {self.raw.lines[row]}" if self.raw.lines else ""
        names = {self.words[0]: self.raw.rows[row], self.words[1]: self.raw.columns[column]}
        return f"{self.origin}{line}, gene '{names['gene']}', sample '{names['sample']}'"
