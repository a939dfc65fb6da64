"""GEO series: the series matrix files of the Gene Expression Omnibus."""

from __future__ import annotations

import re

import pandas as pd

from .config_expression import MatrixRef
from .files import InputError
from .matrix_tables import RawMatrix, from_rows


def read_series(data: bytes, reference: MatrixRef, origin: str) -> RawMatrix:
    """A series matrix: values of the table, and what the header says about each sample.

    `!Sample_characteristics` become a column for each key, with `_ch2` for a second channel.

    Raises
    ------
    InputError
        When the table has no begin or no end, or fits the header's samples not.
    """
    if reference.genes == "columns":
        raise InputError(f"{origin}: a series matrix has its genes in rows. Correct `genes`.")
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{origin}: not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    marks = {line.strip(): at for at, line in enumerate(lines) if line.startswith("!series_matrix")}
    begin, end = (marks.get(f"!series_matrix_table_{word}") for word in ("begin", "end"))
    if begin is None:
        raise InputError(
            f"{origin}: there is no !series_matrix_table_begin. Is the file cut off, or is it no "
            "series matrix of GEO?"
        )
    if end is None:
        raise InputError(
            f"{origin}: there is no !series_matrix_table_end: the file is cut off. Download it "
            "again."
        )
    # not by the csv module: GEO doesn't double the quotes within quotes
    rows = [
        (at + 1, [_unquoted(cell) for cell in lines[at].split("\t")])
        for at in range(begin + 1, end) if lines[at].strip()
    ]  # fmt: skip
    if len(rows) < 2:
        raise InputError(
            f"{origin}, line {begin + 1}: the table is empty. The series has its values in another "
            "file (supplementary, or a series matrix of each platform)."
        )
    matrix = from_rows(rows[0][1], rows[1:], reference, origin)
    matrix.column_notes = _characteristics(lines[:begin], matrix.columns, origin)
    matrix.genes, matrix.why = "rows", "a series matrix has them in rows"
    return matrix


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _characteristics(lines: list[str], samples: list[str], origin: str) -> pd.DataFrame:
    """Title, source and each `key: value` of the samples, as text; empty where there is none."""
    notes: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        name, *cells = (_unquoted(cell) for cell in line.rstrip("\r").split("\t"))
        found = re.fullmatch(
            r"!Sample_(title|geo_accession|source_name(_ch\d+)?|characteristics_ch(\d+))", name
        )
        if found is None:
            continue
        if len(cells) != len(samples):
            raise InputError(
                f"{origin}, line {number}: {name} is given for {len(cells)} samples, but the table "
                f"has {len(samples)}. Is the file cut off?"
            )
        channel = found[3]
        for at, cell in enumerate(cells):
            key, value = found[1], cell
            if channel:
                # the same line may have other keys for other samples
                before, colon, after = cell.partition(":")
                key = before.strip() if colon else "characteristics"
                value = after.strip() if colon else cell
                key += f"_ch{channel}" if channel != "1" else ""
            if value:
                column = notes.setdefault(key, [""] * len(samples))
                column[at] = f"{column[at]}; {value}" if column[at] else value
    accessions = notes.get("geo_accession", samples)
    for accession, sample in zip(accessions, samples, strict=True):
        if accession != sample:
            raise InputError(
                f"{origin}: the table has the sample '{sample}' where !Sample_geo_accession has "
                f"'{accession}'. The file was changed; download it again."
            )
    return pd.DataFrame(notes, dtype=object)
