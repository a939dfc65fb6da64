"""NCBI: records of GenBank and RefSeq by the E-utilities.

All requests are POST: a key and an address of a person are then in no URL, log or proxy.
Source: Entrez Programming Utilities Help, NCBI Bookshelf NBK25501 (rates: NBK25497).
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import transfer
from .config_sources import NcbiSource, ServersConfig
from .entries import Entry, arrange, base, from_fasta, from_genbank, trouble
from .files import InputError
from .services import Service, bar, in_batches, json_of, pace_of, text_of
from .transfer import Answer, PassingError

logger = logging.getLogger(__name__)

BATCH = 200
_PAGE = 5000  # accessions that a search gives at a time
_PATH = "/entrez/eutils/{}.fcgi"
_WITHDRAWN = frozenset({"suppressed", "withdrawn", "dead"})
# Where a search names the words that it did not use.
_UNKNOWN = {
    "errorlist": ("phrasesnotfound", "fieldsnotfound"),
    "warninglist": ("quotedphrasesnotfound",),
}


def service(servers: ServersConfig, store: str | Path, attempts: int) -> Service:
    """The E-utilities, asked 3 times a second, or 10 times with a key."""
    key, email = _secret("NCBI_API_KEY"), _secret("NCBI_EMAIL")
    return Service(
        "NCBI",
        servers.ncbi,
        pace_of(store, servers.ncbi, 10 if key else 3),
        attempts,
        tuple(secret for secret in (key, email) if secret),
    )


def _secret(name: str) -> str:
    return os.environ.get(name, "").strip()


def fetch(source: NcbiSource, asked: Sequence[str] | None, eutils: Service) -> list[Entry]:
    """The records of a source in the order of its accessions, or sorted where it has a query.

    Parameters
    ----------
    asked
        Accessions in place of the source's own.

    Raises
    ------
    InputError
        For what is missing, withdrawn or replaced by another accession (all are named), an empty
        result, a query that finds too much or has words that the server does not know, a refusal.
    OSError
        When all tries are used up.
    """
    names = list(asked or source.accessions or _search(source, eutils))
    found: list[Entry] = []
    fates: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for batch in in_batches(names, BATCH, source.file):
        came = _records(source, batch, eutils, reasons)
        # the server leaves out what it does not have, and what it could not get just now
        there = {name for entry in came for name in entry.names}
        rest = [name for name in batch if name.upper() not in there and name not in reasons]
        came += _records(source, rest, eutils, reasons) if rest else []
        # what a lock or a search names is what it is; only a list of a person may be out of date
        gone = {} if asked or source.query else _fates(source, batch, came, eutils)
        fates |= gone
        found += [entry for entry in came if entry.names.isdisjoint(map(str.upper, gone))]
    return arrange(names, found, source.missing, f"NCBI {source.database}", reasons, fates)


def _common(**values: Any) -> dict[str, Any]:
    own = {"api_key": _secret("NCBI_API_KEY"), "email": _secret("NCBI_EMAIL")}
    return values | {"tool": "biornn"} | {key: value for key, value in own.items() if value}


def _search(source: NcbiSource, eutils: Service) -> list[str]:
    """Accessions with versions that the query finds, sorted."""
    origin = f"NCBI {source.database}, query {source.query!r}"
    found: list[str] = []
    total = None
    progress = bar(f"{source.file}: search")
    while total is None or len(found) < total:
        form = _common(
            db=source.database, term=source.query, retmode="json", idtype="acc",
            retmax=_PAGE, retstart=len(found),
        )  # fmt: skip
        count, page = eutils.ask(_PATH.format("esearch"), _read_search, form=form)
        if total is None:
            total = count
            if total == 0:
                raise InputError(f"{origin}: found nothing. Try the query on NCBI's web site.")
            if total > source.limit:
                raise InputError(
                    f"{origin}: found {total:,} records, more than `limit` ({source.limit:,}). "
                    "Narrow the query, or raise the limit if so many are meant."
                )
        if count != total or not page:
            raise InputError(
                f"{origin}: {len(found) + len(page)} of {total} accessions came, and the server "
                f"now counts {count}. Run the same command again."
            )
        found += page
        progress.update(len(page))
    progress.close()
    if len(found) != total or len(set(found)) != total:
        raise InputError(
            f"{origin}: {len(set(found))} accessions came, not {total}. Run the command again."
        )
    return sorted(found)


def _fates(
    source: NcbiSource, batch: Sequence[str], came: Sequence[Entry], eutils: Service
) -> dict[str, str]:
    """What became of accessions whose record is still given, but no longer stands.

    An old version that was asked for by its number is what was meant.
    """
    if not came:
        return {}
    form = _common(
        db=source.database, id=",".join(entry.accession for entry in came), retmode="json"
    )
    states = eutils.ask(_PATH.format("esummary"), _read_states, form=form)
    fates = {}
    for name in batch:
        entry = next((entry for entry in came if name.upper() in entry.names), None)
        status, successor = states.get(entry.accession if entry else "", ("", ""))
        if status in _WITHDRAWN:
            fates[name] = status
        elif status == "replaced" and "." not in name and base(successor) != base(name):
            fates[name] = f"replaced by {successor}" if successor else "replaced"
    return fates


def _read_states(answer: Answer) -> dict[str, tuple[str, str]]:
    """Status and successor of each record of a summary, by its accession with version."""
    value = json_of(answer)
    result = value.get("result") if isinstance(value, dict) else None
    if not isinstance(result, dict) or not isinstance(result.get("uids"), list):
        raise PassingError(f"the summary failed: {answer.body[:200]!r}")
    items = [result.get(str(uid)) for uid in result["uids"]]
    return {
        str(item["accessionversion"]): (
            str(item.get("status") or "").lower(),
            str(item.get("replacedby") or ""),
        )
        for item in items
        if isinstance(item, dict) and "accessionversion" in item
    }


def _read_search(answer: Answer) -> tuple[int, list[str]]:
    text = text_of(answer)
    # JSON repeats the query, which may have any words
    if not text.lstrip().startswith("{") and (said := trouble(text)):
        raise PassingError(f"the search failed: {said}")
    value = json_of(answer)
    result = value.get("esearchresult") if isinstance(value, dict) else None
    if not isinstance(result, dict) or not str(result.get("count", "")).isdecimal():
        raise PassingError(f"the search failed: {answer.body[:200]!r}")
    # the server goes on without words and fields that it does not know: another search
    unknown = [
        str(word)
        for part, keys in _UNKNOWN.items()
        for key in keys
        for word in (result.get(part) or {}).get(key) or []
    ]
    if unknown:
        raise InputError(
            f"the search knows nothing of {', '.join(map(repr, unknown))} and would go on without. "
            "Correct or remove it in `query`."
        )
    page = result.get("idlist", [])
    # they are sent back in a request: take nothing for one that could not be one
    if not all(isinstance(name, str) and re.fullmatch(r"[\w.|]{1,60}", name) for name in page):
        raise PassingError(f"the search gave no accessions: {page[:3]!r}")
    return int(result["count"]), page


def _records(
    source: NcbiSource, batch: Sequence[str], eutils: Service, reasons: dict[str, str]
) -> list[Entry]:
    """What the server has of a batch; `reasons` tells of the others in the server's words.

    A batch is refused, or breaks off, when it names one that is not there: halves are asked for
    until it is found.
    """
    kind = {"nuccore": "gbwithparts", "protein": "gp"}[source.database]
    form = _common(
        db=source.database, id=",".join(batch), retmode="text",
        rettype="fasta" if source.format == "fasta" else kind,
    )  # fmt: skip

    def read(answer: Answer) -> list[Entry]:
        text = text_of(answer)
        if said := trouble(text):
            said = transfer.hidden(said, eutils.secrets)
            if len(batch) > 1 and _names_one(said, batch):
                raise transfer.RefusedError(f"{eutils.origin}: {said}", 200, said)
            raise _TroubleError(f"the server says {said!r}", said)
        return from_fasta(text) if source.format == "fasta" else from_genbank(text)

    try:
        return eutils.ask(_PATH.format("efetch"), read, form=form)
    except transfer.RefusedError as error:
        said = error.said
        if error.status not in (200, 400, 404) or not _is_about_records(said, batch):
            raise  # all halves would be refused as well
    except _TroubleError as error:
        if len(batch) > 1 or not _names_one(error.said, batch):
            raise
        said = error.said
    if len(batch) == 1:
        reasons[batch[0]] = said.strip()
        return []
    half = len(batch) // 2
    return [
        *_records(source, batch[:half], eutils, reasons),
        *_records(source, batch[half:], eutils, reasons),
    ]


class _TroubleError(PassingError):
    """Words in place of records; perhaps only now."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


def _is_about_records(said: str, batch: Sequence[str]) -> bool:
    """Whether a refusal is about single records, not about the request."""
    if re.search(r"api[ _-]?key", said, re.IGNORECASE):
        return False
    about = r"notfound|noitems|empty|understand|retrieve|cannotget|invaliduid"
    return _names_one(said, batch) or bool(re.search(about, said.replace(" ", ""), re.IGNORECASE))


def _names_one(said: str, batch: Sequence[str]) -> bool:
    words = {word.upper() for word in re.findall(r"[\w.]*\w", said)}
    # some of its messages have a space between all letters
    words.add(said.replace(" ", "").strip().rpartition(":")[2].upper())
    return any(name.upper() in words for name in batch)
