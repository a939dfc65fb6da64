"""Locks: which records, of which version and content, an analysis was made with.

Databases change under the same accessions. A lock file is kept with the analysis and says what a
fetch must bring: a line a record, or a line for a file that is no list of records.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config_sources import DatabaseSource, EnsemblSource, checksum_of
from .files import InputError, write_text

if TYPE_CHECKING:
    from .entries import Entry

#: Status of a record that is there, and of one that `missing: drop` left out.
LOCKED, MISSING = "locked", "missing"
_PATTERNS = {
    "source": r"[a-z][a-z0-9_]{0,63}",
    # it goes into requests: nothing that could end one
    "accession": r"([A-Za-z0-9][A-Za-z0-9_.-]{0,79})?",
    "sha256": r"([0-9a-f]{64})?",
    "length": r"[0-9]{0,15}",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "status": rf"{LOCKED}|{MISSING}",
    "request": r"[0-9a-f]{16}",
}


@dataclass(frozen=True)
class Row:
    """One line of a lock file.

    `accession` is empty for a whole file; `sha256` and `length` are those of the upper-case
    sequence, or of the file; `request` tells when the source was changed since it was locked.
    """

    source: str
    accession: str
    sha256: str
    length: str
    date: str
    status: str
    request: str

    @property
    def content(self) -> list[str]:
        """The cells without the date: a lock that is as before is no reason to fetch again."""
        return list(astuple(replace(self, date="")))


COLUMNS = [field.name for field in fields(Row)]


def path_of(analysis: str) -> str:
    """The lock file of an analysis."""
    return f"config/locks/{analysis}.lock.tsv"


def can_be_locked(source: Any) -> bool:
    """Whether what a source gives may change, and nothing in the analysis would tell."""
    return source.type not in ("path", "url", "pypi", "synthetic") and checksum_of(source) is None


def request_of(source: DatabaseSource) -> str:
    """16 digits that stand for what is asked for."""
    asked = source.model_dump(
        mode="json", exclude={"file", "missing", "limit"}, exclude_defaults=True
    )
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def read(path: str | Path) -> dict[str, list[Row]]:
    """The rows of a lock file by source; empty where there is no file.

    Raises
    ------
    InputError
        Naming the line that is none of a lock.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read as UTF-8 text: {error}.") from None
    again = "Take it from version control, or remove it and run `snakemake --cores 1 lock`."
    header, *lines = text.splitlines() or [""]
    if header.split("\t") != COLUMNS:
        raise InputError(f"{path}, line 1: expected the columns {', '.join(COLUMNS)}. {again}")
    rows: dict[str, list[Row]] = {}
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        fits = len(cells) == len(COLUMNS) and all(
            re.fullmatch(_PATTERNS[name], cell) for name, cell in zip(COLUMNS, cells, strict=True)
        )
        row = Row(*cells) if fits else None
        if row is None or (row.status == LOCKED and not (row.sha256 and row.length)):
            raise InputError(
                f"{path}, line {number}: not a line of a lock: {line[:120]!r}. {again}"
            )
        rows.setdefault(row.source, []).append(row)
    return rows


def write(path: str | Path, rows: Iterable[Row]) -> None:
    """Write a lock file atomically.

    Raises
    ------
    InputError
        For a record whose accession is none.
    """
    lines = ["\t".join(COLUMNS)]
    for row in rows:
        for name in COLUMNS:
            if not re.fullmatch(_PATTERNS[name], getattr(row, name)):
                raise InputError(
                    f"{path}: source '{row.source}': {getattr(row, name)!r} is no {name}, the "
                    "records can't be locked."
                )
        lines.append("\t".join(astuple(row)))
    write_text(path, "\n".join(lines) + "\n")


def rows_for(
    name: str,
    source: DatabaseSource,
    entries: Sequence[Entry] | None,
    file: tuple[str, int],
    date: str,
) -> list[Row]:
    """What is locked of a source that was just fetched.

    Parameters
    ----------
    entries
        Its records; None for a file that is no list of records.
    file
        SHA-256 and size of the file.
    """
    request = request_of(source)
    if entries is None:
        return [Row(name, "", file[0], str(file[1]), date, LOCKED, request)]
    there = {form for entry in entries for form in entry.names}
    gone = [asked for asked in _named(source) if asked.upper() not in there]
    return [
        Row(name, entry.accession, entry.sha256, str(len(entry.sequence)), date, LOCKED, request)
        for entry in entries
    ] + [Row(name, asked, "", "", date, MISSING, request) for asked in gone]


def _named(source: DatabaseSource) -> Sequence[str]:
    if isinstance(source, EnsemblSource):
        return source.ids
    return getattr(source, "accessions", None) or []


def asked_of(source: DatabaseSource, rows: Sequence[Row]) -> list[str] | None:
    """What to ask a database for under a lock; None to ask as the source says.

    Ensembl is asked by id alone, since an id may itself end in what looks like a version.
    """
    locked = [row.accession for row in rows if row.status == LOCKED and row.accession]
    if not locked:
        return None
    if isinstance(source, EnsemblSource):
        gone = {row.accession for row in rows if row.status == MISSING}
        return [name for name in source.ids if name not in gone]
    return locked


def check_request(source: DatabaseSource, rows: Sequence[Row], path: str) -> None:
    """Raise InputError when a source is not the one that was locked."""
    if any(row.request != request_of(source) for row in rows):
        raise InputError(
            f"{path}: the source '{rows[0].source}' was changed since it was locked. Run "
            "`snakemake --cores 1 lock`, and look at what that changes."
        )


def check_content(
    rows: Sequence[Row], entries: Sequence[Entry] | None, file: tuple[str, int], path: str
) -> None:
    """Raise InputError naming all that is not as the lock says.

    Parameters
    ----------
    entries, file
        As for `rows_for`.
    """
    if entries is None:
        said = [(row.accession, row.sha256, row.length) for row in rows]
        problems = [] if said == [("", file[0], str(file[1]))] else ["the file is another"]
    else:
        problems = _differing([row for row in rows if row.status == LOCKED], entries)
    if problems:
        raise InputError(
            f"not what {path} says of '{rows[0].source}': {', '.join(problems)}. Nothing was kept. "
            "If the change is meant, run `snakemake --cores 1 lock` and look at what it changes."
        )


def _differing(rows: Sequence[Row], entries: Sequence[Entry]) -> list[str]:
    there: Mapping[str, Entry] = {entry.accession: entry for entry in entries}
    problems = []
    for row in rows:
        entry = there.get(row.accession)
        if entry is None:
            problems.append(f"{row.accession} (missing)")
        elif (entry.sha256, str(len(entry.sequence))) != (row.sha256, row.length):
            problems.append(f"{row.accession} (another sequence)")
    locked = {row.accession for row in rows}
    problems += [f"{name} (not in the lock)" for name in there if name not in locked]
    if not problems and [row.accession for row in rows] != [entry.accession for entry in entries]:
        problems.append("the order of the records")
    return problems
