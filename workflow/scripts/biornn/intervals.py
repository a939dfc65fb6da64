"""Intervals: BED, GFF3 and GTF as one table, every line of which is checked.

Starts and ends are counted as BED does: from 0, the end not included. GFF and GTF count from 1,
the end included; their starts are one less here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from . import tables
from .archives import read_member
from .checking import listed, nearest
from .config_genome import WindowsConfig
from .files import InputError

#: File name endings of each format, without what packs them.
ENDINGS = {
    "bed": (".bed", ".narrowpeak", ".broadpeak"),
    "gff": (".gff", ".gff3"),
    "gtf": (".gtf",),
}
#: Columns that a window has of itself; an attribute of such a name becomes `attribute.NAME`.
OWN_COLUMNS = (
    "id", "sequence", "chromosome", "start", "end", "strand", "window_start", "window_end",
    "source", "type", "score", "phase", "line",
)  # fmt: skip
_BED_COLUMNS = ("name", "score", "strand")
_GFF_COLUMNS = 9
_GTF_ATTRIBUTE = re.compile(r'\s*([^\s";=]+)\s+("(?:[^"\\]|\\.)*"|[^\s";]+)\s*(?:;|$)')


def read_intervals(
    intervals: str | Path | bytes, config: WindowsConfig, origin: str
) -> pd.DataFrame:
    """All intervals of a file, in its order.

    Parameters
    ----------
    intervals
        The file (packed or not, or an archive with `config.member`), or its bytes.
    config
        `format`, `member` and `feature` count here.
    origin
        The file in messages; with bytes and `format: auto`, also the name that tells the format.

    Returns
    -------
    pandas.DataFrame
        `chromosome`, `start`, `end` (int64, from 0, the end not included), `strand` (as in the
        file; `.` if it has none), `line` (int64) and the file's own columns as text. BED: `name`,
        `score`, then `column7` and so on. GFF and GTF: `source`, `type`, `score`, `phase` and each
        attribute; several values of one attribute are joined by a comma, a missing one is empty.

    Raises
    ------
    InputError
        Naming the file, the line and the way out.
    """
    if isinstance(intervals, bytes):
        data, name = intervals, config.member or origin
    else:
        data = read_member(intervals, config.member)
        name = config.member or Path(intervals).name
    kind = tables.format_of(name, origin, ENDINGS) if config.format == "auto" else config.format
    # not splitlines(): a value may have other characters that Unicode takes for line ends
    lines = tables.text_of(data, origin).replace("\r\n", "\n").split("\n")
    if kind == "bed":
        if config.feature:
            raise InputError(f"{origin}: BED has no feature types; take `feature` out.")
        rows = list(_bed_rows(lines, origin))
    else:
        rows = list(_gff_rows(lines, kind, config.feature, origin))
    if not rows:
        raise InputError(f"{origin}: there are no intervals.")
    table = pd.DataFrame(rows)
    numbers = ["start", "end", "line"]
    text = table.drop(columns=numbers).fillna("")
    return text.join(table[numbers])


def _bed_rows(lines: list[str], origin: str) -> Iterator[dict[str, object]]:
    columns = 0
    for number, line in enumerate(lines, start=1):
        where = f"{origin}, line {number}"
        if not line.strip() or re.match(r"#|(track|browser)(\s|$)", line):
            continue
        # BED may be separated by spaces
        fields = line.split("\t") if "\t" in line else line.split()
        if len(fields) < max(columns, 3):
            raise InputError(
                f"{where}: {len(fields)} columns where {max(columns, 3)} are needed "
                "(chromosome, start, end and what the lines before have). Is the file cut off?"
            )
        columns = columns or len(fields)
        row: dict[str, object] = {"chromosome": fields[0], "strand": "."}
        row |= _place(fields[1], fields[2], 0, where)
        row |= dict(zip(_BED_COLUMNS, fields[3:6], strict=False))
        row |= {f"column{at}": value for at, value in enumerate(fields[6:], start=7)}
        _check_strand(str(row["strand"]), "+-.", where)
        yield row | {"line": number}


def _gff_rows(
    lines: list[str], kind: str, feature: str | None, origin: str
) -> Iterator[dict[str, object]]:
    types: dict[str, None] = {}
    found = False
    for number, line in enumerate(lines, start=1):
        if line.startswith(("##FASTA", ">")):
            break  # the genome itself may follow
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{origin}, line {number}"
        fields = line.split("\t")
        if len(fields) != _GFF_COLUMNS:
            raise InputError(
                f"{where}: {len(fields)} columns where {kind.upper()} has {_GFF_COLUMNS}, "
                "separated by tabs. Is the file cut off, or is `format` another one?"
            )
        chromosome, source, name, start, end, score, strand, phase, attributes = fields
        types[name] = None
        if feature not in (None, name):
            continue
        found = True
        row: dict[str, object] = {
            "chromosome": unquote(chromosome) if kind == "gff" else chromosome,
            **_place(start, end, 1, where),
            "strand": strand, "source": source, "type": name, "score": score, "phase": phase,
        }  # fmt: skip
        _check_strand(strand, "+-.?", where)
        parse = _gff_attributes if kind == "gff" else _gtf_attributes
        for key, value in parse(attributes, where):
            key = f"attribute.{key}" if key in OWN_COLUMNS else key
            row[key] = f"{row[key]},{value}" if key in row else value
        yield row | {"line": number}
    if feature and types and not found:
        raise InputError(
            f"{origin}: there is no feature '{feature}'{nearest(feature, types)}. "
            f"The types are {listed(types)}. Correct `feature` in the analysis file."
        )


def _place(start: str, end: str, first: int, where: str) -> dict[str, int]:
    """`start` and `end` from 0, the end not included; the file counts from `first`."""
    numbers = []
    for name, text in (("start", start), ("end", end)):
        if not re.fullmatch(r"-?[0-9]+", text):
            raise InputError(f"{where}: the {name} is {text!r}, not a whole number. Correct it.")
        numbers.append(int(text))
    begin, stop = numbers[0] - first, numbers[1]
    if begin < 0:
        raise InputError(
            f"{where}: the start is {start}; positions are counted from {first} and none is "
            "negative. Correct it, or is `format` another one?"
        )
    if begin >= stop:
        raise InputError(
            f"{where}: the interval from {start} to {end} has no bases. Does the file give the "
            "strand by the order of start and end? Put the smaller first and name the strand."
        )
    return {"start": begin, "end": stop}


def _check_strand(strand: str, allowed: str, where: str) -> None:
    if len(strand) != 1 or strand not in allowed:
        raise InputError(
            f"{where}: the strand is {strand!r}; it must be one of {' '.join(allowed)}."
        )


def _gff_attributes(text: str, where: str) -> Iterator[tuple[str, str]]:
    for piece in text.split(";"):
        key, equals, value = piece.partition("=")
        if piece.strip() in ("", "."):
            continue
        if not equals or not key.strip():
            raise InputError(
                f"{where}: the attribute {piece.strip()!r} is not written as key=value. A "
                "semicolon in a value must be written as %3B; if the attributes look like "
                'gene_id "x";, set `format: gtf`.'
            )
        try:
            yield unquote(key.strip(), errors="strict"), unquote(value.strip(), errors="strict")
        except UnicodeDecodeError:
            raise InputError(
                f"{where}: {piece.strip()!r} has escapes that are not UTF-8."
            ) from None


def _gtf_attributes(text: str, where: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.strip()
    while at < len(text) and text != ".":
        match = _GTF_ATTRIBUTE.match(text, at)
        if match is None:
            raise InputError(
                f"{where}: the attributes can't be read from {text[at : at + 40].strip()!r} on; "
                'each is key "value"; in GTF. If they look like key=value, set `format: gff`.'
            )
        value = match[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        yield match[1], value
        at = match.end()
