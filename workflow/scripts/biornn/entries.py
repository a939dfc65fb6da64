"""Entries: single records of databases, as text that is written again and as what they are.

What a server sends is checked here: that it is records and nothing else, whole, each once, and
those that were asked for.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .files import InputError
from .transfer import PassingError

logger = logging.getLogger(__name__)

# Lines in which a server says, between or in place of records, what went wrong. The same words
# within a record are behind a '>', a keyword in capitals or the spaces of a continued line.
_TROUBLE = re.compile(
    r"^(?![>\s]|(?-i:[A-Z]+)  ).*?(?:<ERROR>|\bFailed to (?:retrieve|understand|fetch)|"
    r"(?<![^\W_])Error\b *[:%]|^\{\s*\"error\").*$",
    re.IGNORECASE | re.MULTILINE,
)
_LETTERS = re.compile(r"[A-Za-z*.-]+")


@dataclass(frozen=True)
class Entry:
    """One record.

    `accession` with its version where the record names one; `names` are all that it may be asked
    for by; `text` is the record in its file format, ending in a line end.
    """

    accession: str
    names: frozenset[str]
    text: str
    sequence: str = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the upper-case sequence."""
        return hashlib.sha256(self.sequence.upper().encode("ascii")).hexdigest()


def trouble(text: str) -> str | None:
    """What the server says went wrong, if it says so in place of a record."""
    found = _TROUBLE.search(text)
    return found.group().strip()[:300] if found else None


def from_fasta(text: str) -> list[Entry]:
    """Records of FASTA text.

    Raises
    ------
    PassingError
        When the text is not FASTA, or ends within a line: the answer was cut off.
    """
    if not text.strip():
        return []
    from Bio.SeqIO.FastaIO import SimpleFastaParser  # slow to load, and few jobs need it

    if not text.lstrip().startswith(">"):
        raise PassingError(f"the answer is not FASTA, it begins with {text.lstrip()[:80]!r}")
    if not text.endswith("\n"):
        raise PassingError("the answer ends within a line: it was cut off")
    entries = []
    for title, sequence in SimpleFastaParser(io.StringIO(text)):
        if not title.split() or not _LETTERS.fullmatch(sequence):
            raise PassingError(f"the record '{title[:80]}' is no sequence: {sequence[:80]!r}")
        names = _names_in_header(title)
        entries.append(Entry(names[0], _with_bases(names), fasta(title, sequence), sequence))
    return entries


def fasta(title: str, sequence: str) -> str:
    """One record, 60 letters a line; what would end the title's line is a space."""
    lines = textwrap.wrap(sequence, 60) or [""]
    return f">{' '.join(title.split())}\n" + "\n".join(lines) + "\n"


def _names_in_header(title: str) -> list[str]:
    """Accession (with version) first, then others, of the headers of NCBI and of UniProt."""
    first = title.split()[0]
    if "|" not in first:
        return [first]
    parts = [part for part in first.split("|") if part]
    if parts[0] in ("sp", "tr") and (version := re.search(r"\bSV=([0-9]+)\s*$", title)):
        return [f"{parts[1]}.{version.group(1)}"]  # UniProt names the version at the end
    if parts[0] == "pdb":
        return ["_".join(parts[1:3])]
    return sorted(parts[1:] or parts, key=lambda part: not re.search(r"\.[0-9]+$", part))


def from_genbank(text: str) -> list[Entry]:
    """Records of GenBank text; the sequence must have the length of the LOCUS line.

    Raises
    ------
    PassingError
        When the text is not GenBank, or a record does not end: the answer was cut off.
    InputError
        For a record without a sequence.
    """
    if not text.strip():
        return []
    from Bio import BiopythonWarning, SeqIO  # slow to load, and few jobs need it

    parts = re.split(r"(?m)^//[ \t]*\n", text.lstrip())
    if parts.pop().strip():
        raise PassingError("the answer ends within a record: it was cut off")
    entries = []
    for part in parts:
        part = part.lstrip("\n") + "//\n"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BiopythonWarning)
            try:
                record = SeqIO.read(io.StringIO(part), "genbank")
            except ValueError as error:
                raise PassingError(f"the answer is not GenBank ({error}): {part[:80]!r}") from None
        try:
            sequence = str(record.seq)
        except ValueError:  # what Biopython calls undefined
            raise InputError(f"{record.id}: the record has no sequence.") from None
        size = re.match(r"LOCUS\s+\S+\s+([0-9]+)\s", part)
        if size and int(size.group(1)) != len(sequence):
            raise PassingError(
                f"{record.id}: {len(sequence)} letters of {size.group(1)} came: it was cut off"
            )
        names = [record.id, *record.annotations.get("accessions", [])[:1]]
        entries.append(Entry(record.id, _with_bases(names), part, sequence))
    return entries


def _with_bases(names: Sequence[str]) -> frozenset[str]:
    """The names, also without version, in upper case."""
    return frozenset(form.upper() for name in names for form in (name, base(name)))


def base(accession: str) -> str:
    """The accession without its version."""
    return re.sub(r"\.[0-9]+$", "", accession)


def arrange(
    asked: Sequence[str],
    entries: Iterable[Entry],
    missing: Literal["error", "drop"],
    origin: str,
    reasons: Mapping[str, str] | None = None,
    fates: Mapping[str, str] | None = None,
) -> list[Entry]:
    """The entries in the order in which they were asked for, each once.

    Parameters
    ----------
    missing
        What to do about those that did not come.
    reasons
        What the server said of those that it does not have.
    fates
        In a word or two, what became of some of them; each is told with its accession.

    Raises
    ------
    InputError
        Naming all that are missing (with `error`); when none came; for entries that nobody asked
        for, and for two that differ under one accession.
    """
    by_name: dict[str, Entry] = {}
    accessions: dict[str, Entry] = {}
    for entry in entries:
        if accessions.setdefault(entry.accession, entry) != entry:
            raise InputError(f"{origin}: {entry.accession} came twice, with different content.")
        for name in entry.names:
            by_name.setdefault(name, entry)
    found = {name: by_name[name.upper()] for name in asked if name.upper() in by_name}
    there_now = {
        name: by_name[base(name).upper()].accession
        for name in asked
        if name not in found and base(name).upper() in by_name
    }
    notes = {name: f"there is {accession}" for name, accession in there_now.items()}
    notes |= fates or {}
    expected = {entry.accession for entry in found.values()} | set(there_now.values())
    if more := [name for name in accessions if name not in expected]:
        raise InputError(
            f"{origin}: sent records that nobody asked for: {', '.join(more[:20])}. "
            "An accession may have been replaced by these; ask for them by name."
        )
    chosen = list(found.values())
    times = Counter(entry.accession for entry in chosen)
    if twice := [name for name, entry in found.items() if times[entry.accession] > 1]:
        raise InputError(f"{origin}: {', '.join(twice)} are one and the same record; keep one.")
    _tell_missing([name for name in asked if name not in found], notes, missing, origin,
                  reasons or {}, bool(found))  # fmt: skip
    return chosen


def _tell_missing(
    names: Sequence[str],
    notes: Mapping[str, str],
    missing: Literal["error", "drop"],
    origin: str,
    reasons: Mapping[str, str],
    some: bool,
) -> None:
    if not names:
        return
    listed = ", ".join(f"{name} ({notes[name]})" if name in notes else name for name in names)
    said = next((reasons[name] for name in names if reasons.get(name)), "")
    message = f"{origin}: {len(names)} missing or withdrawn: {listed}." + (
        f" It said: {said!r}." if said else ""
    )
    if missing == "drop" and some:
        logger.warning("%s They are left out, as `missing: drop` says.", message)
        return
    raise InputError(
        f"{message} Correct or remove them"
        + (", or set `missing: drop`." if missing == "error" else ": nothing is left.")
    )
