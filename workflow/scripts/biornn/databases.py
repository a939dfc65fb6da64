"""Databases: what UniProt, Ensembl, GEO and Zenodo are asked, and one way to all of them.

Rates, in requests a second: Ensembl allows 15, Zenodo 60 a minute to guests, UniProt and GEO name
none; we stay below.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import requests.utils

from . import ncbi, transfer
from .config_sources import (
    DatabaseSource,
    DownloadConfig,
    EnsemblSource,
    GeoSource,
    NcbiSource,
    RecordSource,
    UniprotSource,
    ZenodoSource,
)
from .entries import Entry, arrange, base, fasta, from_fasta, from_genbank, trouble
from .files import InputError
from .origins import describe, geo_path, server_of
from .services import Service, bar, in_batches, json_of, pace_of, text_of
from .transfer import Answer, PassingError

_RATES = {"uniprot": 5, "ensembl": 10, "geo": 1, "zenodo": 1}
_NAMES = {"uniprot": "UniProt", "ensembl": "Ensembl", "geo": "GEO", "zenodo": "Zenodo"}
_PAGE = 500  # entries of UniProt at a time, the most that it gives
_TERMS = 100  # accessions in one query to UniProt
_IDS = 50  # ids in one request to Ensembl, the most that it takes


def fetch(
    source: DatabaseSource, part: Path, config: DownloadConfig, asked: Sequence[str] | None = None
) -> None:
    """Bring what a database has into `part`.

    Parameters
    ----------
    asked
        Accessions in place of the source's own: those of a lock, which judges what is missing.

    Raises
    ------
    InputError
        For what is missing, an empty result, wrong totals, a refusal.
    OSError
        When all tries are used up.
    """
    if isinstance(source, GeoSource):
        _service(source, config).download(f"/{geo_path(source)}", part)
    elif isinstance(source, ZenodoSource):
        _fetch_zenodo(source, part, _service(source, config))
    else:
        if asked is not None:
            source = source.model_copy(update={"missing": "drop"})
        text = _records_text(source, config, asked)
        part.write_text(text, encoding="utf-8", newline="\n")


def entries_in(source: DatabaseSource, path: Path) -> list[Entry] | None:
    """Records of a file that was fetched; None where it is no list of records.

    Raises
    ------
    InputError
        For a file that is not in the source's format.
    """
    if not isinstance(source, RecordSource) or getattr(source, "format", "") == "tsv":
        return None
    read = from_genbank if getattr(source, "format", "") == "genbank" else from_fasta
    try:
        return read(path.read_text(encoding="utf-8"))
    except (PassingError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not the records that were asked for: {error}.") from None


def _service(source: DatabaseSource, config: DownloadConfig) -> Service:
    server = server_of(source, config.servers)
    pace = pace_of(config.store, server, _RATES[source.type])
    return Service(_NAMES[source.type], server, pace, config.attempts)


def _records_text(
    source: NcbiSource | UniprotSource | EnsemblSource,
    config: DownloadConfig,
    asked: Sequence[str] | None,
) -> str:
    if isinstance(source, NcbiSource):
        eutils = ncbi.service(config.servers, config.store, config.attempts)
        return "".join(entry.text for entry in ncbi.fetch(source, asked, eutils))
    if isinstance(source, EnsemblSource):
        entries = _fetch_ensembl(source, list(asked or source.ids), _service(source, config))
        return "".join(entry.text for entry in entries)
    return _fetch_uniprot(source, asked, _service(source, config))


# -- UniProt ---------------------------------------------------------------------------------------


def _fetch_uniprot(source: UniprotSource, asked: Sequence[str] | None, service: Service) -> str:
    names = list(asked or source.accessions or [])
    headers: set[str] = set()
    entries: list[Entry] = []
    # entries that were withdrawn are counted but not given, unless we say so
    queries = [
        f"(active:true) AND ({' OR '.join(f'accession:{base(name)}' for name in batch)})"
        for batch in (names[start : start + _TERMS] for start in range(0, len(names), _TERMS))
    ]
    with bar(source.file, len(names) or None) as progress:
        for query in queries or [str(source.query)]:
            for page in _pages(query, source, service, headers, None if names else source.limit):
                entries += page
                progress.update(len(page))
    if not names and not entries:
        raise InputError(f"{describe(source)}: found nothing. Try the query on its web site.")
    names = names or sorted(entry.accession for entry in entries)
    entries = arrange(names, entries, source.missing, "UniProtKB")
    if len(headers) > 1:
        raise InputError(f"{describe(source)}: the pages have different columns: {headers}.")
    return "".join([*headers, *(entry.text for entry in entries)])


def _pages(
    query: str, source: UniprotSource, service: Service, headers: set[str], limit: int | None
) -> Iterator[list[Entry]]:
    """The pages of a search, as long as they lead on; then their sum must be the total."""
    columns = ["accession", *(name for name in source.fields if name != "accession")]
    question = {"query": query, "format": source.format, "size": _PAGE}
    if source.format == "tsv":
        question["fields"] = ",".join(columns)
    cursors: set[str] = set()
    cursor: str | None = ""
    came = 0

    def read(answer: Answer) -> tuple[list[Entry], int, str | None]:
        text = text_of(answer)
        if source.format == "fasta" and (said := trouble(text)):
            raise PassingError(f"the server says {said!r}")
        total = answer.headers.get("X-Total-Results", "")
        if not total.isdecimal():
            raise PassingError("the answer does not say how many there are (X-Total-Results)")
        if source.format == "fasta":
            return from_fasta(text), int(total), _next_cursor(answer)
        header, page = _from_table(text, len(columns))
        headers.add(header)
        return page, int(total), _next_cursor(answer)

    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page, total, cursor = service.ask("/uniprotkb/search", read, query=question | more)
        if limit is not None and total > limit:
            raise InputError(
                f"{describe(source)}: found {total:,} entries, more than `limit` ({limit:,}). "
                "Narrow the query, or raise the limit if so many are meant."
            )
        came += len(page)
        yield page
        if cursor in cursors or (cursor is not None and not page) or came > total:
            break
        cursors.add(cursor or "")
    if cursor is not None or came != total:
        raise InputError(
            f"{describe(source)}: {came} entries came, but UniProt counts {total}. "
            "It may be changing just now; run the same command again."
        )


def _next_cursor(answer: Answer) -> str | None:
    """The cursor alone: the address of the next page is ours, wherever the server points to."""
    for link in requests.utils.parse_header_links(answer.headers.get("Link", "")):
        if link.get("rel") == "next":
            found = parse_qs(urlsplit(link["url"]).query).get("cursor")
            if not found:
                raise PassingError("the link to the next page has no cursor")
            return found[0]
    return None


def _from_table(text: str, width: int) -> tuple[str, list[Entry]]:
    """Header line and rows of a table; a row is one entry, named by its first cell."""
    if not text.endswith("\n"):
        raise PassingError("the table ends within a line: it was cut off")
    header, *rows = text[:-1].replace("\r\n", "\n").split("\n")
    if header.count("\t") + 1 != width:
        raise PassingError(f"the answer is not a table of {width} columns: {header[:80]!r}")
    entries = []
    for row in rows:
        cells = row.split("\t")
        if len(cells) != width or not re.fullmatch(r"[A-Z0-9]{6,10}", cells[0]):
            raise PassingError(f"a row does not fit the table: {row[:80]!r}")
        entries.append(Entry(cells[0], frozenset(cells[:1]), f"{row}\n"))
    return f"{header}\n", entries


# -- Ensembl ---------------------------------------------------------------------------------------


def _fetch_ensembl(source: EnsemblSource, ids: list[str], service: Service) -> list[Entry]:
    found: list[Entry] = []
    reasons: dict[str, str] = {}
    for batch in in_batches(ids, _IDS, source.file):
        found += _sequences(source, batch, service, reasons)
    return arrange(ids, found, source.missing, "Ensembl", reasons)


def _sequences(
    source: EnsemblSource, batch: list[str], service: Service, reasons: dict[str, str]
) -> list[Entry]:
    try:
        return service.ask(
            "/sequence/id",
            _read_sequences,
            query={"type": source.sequence},
            json={"ids": batch},
            accept="application/json",
        )
    except transfer.RefusedError as error:
        # one id that is not there may spoil the whole batch
        unknown = re.search(r"not found|no (?:results|sequence|stable)", error.said, re.IGNORECASE)
        if error.status not in (400, 404) or not unknown:
            raise
        if len(batch) == 1:
            reasons[batch[0]] = error.said.strip()
            return []
    half = len(batch) // 2
    return [
        *_sequences(source, batch[:half], service, reasons),
        *_sequences(source, batch[half:], service, reasons),
    ]


def _read_sequences(answer: Answer) -> list[Entry]:
    value = json_of(answer)
    if not isinstance(value, list):
        raise PassingError(f"the answer is no list of sequences: {answer.body[:80]!r}")
    entries = []
    for item in value:
        if not isinstance(item, dict):
            raise PassingError(f"this is no sequence: {str(item)[:200]}")
        asked, name, sequence = (item.get(key) for key in ("query", "id", "seq"))
        version = item.get("version")
        if not (name and sequence and re.fullmatch(r"[A-Za-z*.-]+", str(sequence))):
            raise PassingError(f"this is no sequence: {str(item)[:200]}")
        accession = str(name) if version is None else f"{name}.{version}"
        # an id with another version than the one asked for is not the one asked for
        names = {str(name), accession}
        if base(str(asked)) != str(name):
            names.add(str(asked or name))
        title = f"{accession} {item.get('desc') or ''}"
        entries.append(
            Entry(
                accession,
                frozenset(name.upper() for name in names),
                fasta(title, str(sequence)),
                str(sequence),
            )
        )
    return entries


# -- Zenodo ----------------------------------------------------------------------------------------


def _fetch_zenodo(source: ZenodoSource, part: Path, service: Service) -> None:
    origin = describe(source)

    def read(answer: Answer) -> tuple[str, dict[str, dict[str, object]]]:
        value = json_of(answer)
        try:
            return str(value["id"]), {str(file["key"]): file for file in value["files"]}
        except (KeyError, TypeError):
            raise PassingError(f"the answer is no record: {answer.body[:80]!r}") from None

    number, files = service.ask(f"/api/records/{source.record}", read, accept="application/json")
    if number != str(source.record):
        raise InputError(
            f"{origin}: {source.record} stands for all versions of the record. Name one: the "
            f"newest is {number}."
        )
    if source.file not in files:
        names = ", ".join(sorted(files)[:20]) or "none that are public"
        raise InputError(f"{origin}: there is no such file in the record; there are: {names}.")
    checksum = str(files[source.file].get("checksum", ""))
    if not re.fullmatch(r"md5:[0-9a-f]{32}", checksum):
        raise InputError(f"{origin}: the record names no md5 of the file, but {checksum!r}.")
    path = f"/api/records/{source.record}/files/{quote(source.file, safe='')}/content"
    service.download(path, part)
    with part.open("rb") as handle:
        digest = hashlib.file_digest(handle, "md5").hexdigest()
    if f"md5:{digest}" != checksum:
        transfer.forget(part)
        raise InputError(
            f"{origin}: checksum mismatch: the record says {checksum}, this is md5:{digest}. "
            "Nothing was kept; run the same command again."
        )
