"""Configuration of the sources: where files come from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from .config_base import FileName, Section, Sha256

# What goes into a request or a header line: nothing that could end either.
Accession = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]{0,39}(\.[0-9]{1,4})?$")
]
UniprotAccession = Annotated[
    str,
    StringConstraints(
        pattern=r"^([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9]([A-Z][A-Z0-9]{2}[0-9]){1,2})"
        r"(\.[0-9]{1,4})?$"
    ),
]
EnsemblId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
RemoteName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f\x7f.][^/\\\x00-\x1f\x7f]*$",
                                              max_length=200)]  # fmt: skip
Query = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=4000)]
Server = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]


class PathSource(Section):
    """A file that is already here; the path is relative to the working directory."""

    type: Literal["path"]
    path: str = Field(min_length=1, description="Path of the file.")
    sha256: Sha256 | None = Field(None, description="Checksum; checked when given.")


class UrlSource(Section):
    """A file behind an http, https or ftp address."""

    type: Literal["url"]
    url: str = Field(pattern=r"^(https?|ftp)://[^\s]+$", description="Address of the file.")
    file: FileName = Field(description="Name under which the file is stored.")
    sha256: Sha256 = Field(description="Checksum of the file.")


class PypiSource(Section):
    """A distribution of the Python package index: fetched and read, never installed or run."""

    type: Literal["pypi"]
    package: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        description="Name of the package."
    )
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][A-Za-z0-9.+!_-]*$")] = Field(
        description="Exact version."
    )
    file: FileName = Field(description="Name of the wheel, or of the source distribution.")
    sha256: Sha256 = Field(description="Checksum of this file.")


class _Records(Section):
    """What sources of single records share."""

    file: FileName = Field(description="Name under which the records are stored.")
    missing: Literal["error", "drop"] = Field(
        "error",
        description="What to do about accessions that the database does not have: stop and name "
        "them all, or go on without them and warn.",
    )


class _Searched(_Records):
    """Records by accession, or all that a query finds."""

    accessions: list[Accession] | None = Field(
        None,
        min_length=1,
        description="Records, in this order; with a version (`.1`) just this one.",
    )
    query: Query | None = Field(
        None, description="A search in the database's own words, in place of `accessions`."
    )
    limit: int = Field(
        10_000, ge=1, le=1_000_000, description="A query that finds more than this is refused."
    )

    @model_validator(mode="after")
    def _one_way_to_name_them(self) -> _Searched:
        if (self.accessions is None) == (self.query is None):
            raise ValueError("give either `accessions` or `query`")
        _once("accessions", self.accessions or [])
        return self


class NcbiSource(_Searched):
    """Records of NCBI's GenBank and RefSeq, by the E-utilities.

    The environment variables NCBI_API_KEY and NCBI_EMAIL are sent along where they are set.
    """

    type: Literal["ncbi"]
    database: Literal["nuccore", "protein"] = Field(description="Nucleotides or proteins.")
    format: Literal["fasta", "genbank"] = Field("fasta", description="Format of the records.")


class UniprotSource(_Searched):
    """Entries of UniProtKB."""

    type: Literal["uniprot"]
    accessions: list[UniprotAccession] | None = Field(
        None,
        min_length=1,
        description="Entries, in this order; with a sequence version (`.1`) just this one.",
    )
    format: Literal["fasta", "tsv"] = Field("fasta", description="Sequences, or a table.")
    fields: list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]] = Field(
        ["id", "protein_name", "organism_name", "length", "sequence"],
        min_length=1,
        description="Columns of a table (UniProt's names of them), after the accession.",
    )

    @model_validator(mode="after")
    def _fields_fit(self) -> UniprotSource:
        _once("fields", self.fields)
        if self.format == "tsv" and any("." in name for name in self.accessions or []):
            raise ValueError("accessions: a table has no versions; leave out what follows the dot")
        return self


class EnsemblSource(_Records):
    """Sequences of Ensembl, as FASTA."""

    type: Literal["ensembl"]
    ids: list[EnsemblId] = Field(min_length=1, description="Stable ids, in this order.")
    sequence: Literal["genomic", "cdna", "cds", "protein"] = Field(
        "genomic", description="Which sequence of the gene, transcript or protein."
    )

    @model_validator(mode="after")
    def _ids_once(self) -> EnsemblSource:
        _once("ids", self.ids)
        return self


class GeoSource(Section):
    """A file of a series of the Gene Expression Omnibus."""

    type: Literal["geo"]
    series: Annotated[str, StringConstraints(pattern=r"^GSE[1-9][0-9]{0,8}$")] = Field(
        description="The series, `GSE` and a number."
    )
    file: RemoteName = Field(
        description="`series_matrix`, or the name of a matrix file (of a series with several "
        "platforms) or of a supplementary file."
    )
    sha256: Sha256 | None = Field(None, description="Checksum; checked when given.")

    @property
    def remote_file(self) -> str:
        """Name of the file on the server."""
        if self.file == "series_matrix":
            return f"{self.series}_series_matrix.txt.gz"
        return self.file


class ZenodoSource(Section):
    """A file of a Zenodo record; the checksum that the record names is always checked."""

    type: Literal["zenodo"]
    record: int = Field(ge=1, description="Number of the record (of one version).")
    file: RemoteName = Field(description="Name of the file.")
    sha256: Sha256 | None = Field(None, description="Checksum; checked when given.")


class SyntheticSource(Section):
    """A table that is made here: a task with a known answer, from a seed."""

    type: Literal["synthetic"]
    task: Literal["cued_recall", "adding", "planted_motif"] = Field(
        description="`cued_recall`: random amino acids; the class is the letter that follows the "
        "only W. `adding` (Hochreiter & Schmidhuber 1997): random numbers, two of them marked; the "
        "target is the sum of the two. `planted_motif`: random DNA; the class is whether the motif "
        "is in it, or its letters in another order. Columns: `id`, and `lag`, `sequence`, `class`; "
        "or `lag`, `value`, `marker`, `sum`; or `sequence`, `start`, `end`, `class`."
    )
    lags: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(
        [],
        max_length=50,
        description="Steps between what must be remembered (the first of the marked numbers) and "
        "the end of the sequence.",
    )
    motif: Annotated[str, StringConstraints(pattern="^[ACGT]{4,30}$")] | None = Field(
        None, description="What is planted, for `planted_motif`."
    )
    length: int = Field(60, ge=8, le=10_000, description="Letters of a sequence with a motif.")
    purity: float = Field(
        1.0, gt=0, le=1, description="Chance of each letter of the motif to be as it should be."
    )
    examples: int = Field(ge=1, le=1_000_000, description="Examples, of each lag or in all.")
    seed: int = Field(ge=0, lt=2**31, description="Seed of the random numbers.")
    file: FileName = Field(description="Name under which the table is stored, as CSV.")

    @model_validator(mode="after")
    def _lags_once(self) -> SyntheticSource:
        _once("lags", list(map(str, self.lags)))
        planted = self.task == "planted_motif"
        if planted == bool(self.lags) or planted != bool(self.motif):
            raise ValueError("give `motif` with task: planted_motif, and `lags` with the others")
        if self.motif and len(self.motif) > self.length:
            raise ValueError("motif is longer than length")
        if self.motif and len(set(self.motif)) == 1:
            raise ValueError("motif has one kind of letter, and no other order of them")
        steps = self.length if planted else sum(self.lags)
        if (steps := steps * self.examples) > 50_000_000:
            raise ValueError(f"the examples have {steps:,} steps; at most 50,000,000")
        return self


#: Sources that are single records of a database.
RecordSource = NcbiSource | UniprotSource | EnsemblSource
#: Sources that are asked of a database, by their type.
DatabaseSource = RecordSource | GeoSource | ZenodoSource
Source = Annotated[
    PathSource | UrlSource | PypiSource | NcbiSource | UniprotSource | EnsemblSource
    | GeoSource | ZenodoSource | SyntheticSource,
    Field(discriminator="type"),
]  # fmt: skip


class ServersConfig(Section):
    """Where the databases are asked: another address for a mirror of a whole service."""

    ncbi: Server = Field("https://eutils.ncbi.nlm.nih.gov", description="NCBI's E-utilities.")
    uniprot: Server = Field("https://rest.uniprot.org", description="UniProt.")
    ensembl: Server = Field(
        "https://rest.ensembl.org",
        description="Ensembl; of plants, fungi and others too, or of one release.",
    )
    geo: Server = Field("https://ftp.ncbi.nlm.nih.gov", description="GEO's files.")
    zenodo: Server = Field("https://zenodo.org", description="Zenodo.")


class DownloadConfig(Section):
    """Where downloads come from and where they go."""

    store: str = Field("resources/downloads", min_length=1, description="Folder of the downloads.")
    mirror: str | None = Field(
        None,
        min_length=1,
        description="A folder or an address, laid out as host/path, that is asked first.",
    )
    offline: bool = Field(
        False, description="Forbid the network: only the store and a mirror folder are used."
    )
    attempts: int = Field(5, ge=1, description="Tries before a download is given up.")
    servers: ServersConfig = Field(ServersConfig(), description="Addresses of the databases.")


def checksum_of(source: Any) -> str | None:
    """The SHA-256 that the file of a source must have, where the analysis says it."""
    return getattr(source, "sha256", None)


def stored_name(source: Any) -> str:
    """Name of a source's file in the store: letters, digits and `. _ + -` only."""
    name = source.remote_file if isinstance(source, GeoSource) else source.file
    safe = re.sub(r"[^A-Za-z0-9._+-]", "_", name)
    return safe if safe[0].isalnum() else f"f{safe}"


def store_digest(source: Any, locked: Sequence[Sequence[str]] = ()) -> str:
    """Folder of a source in the store: 16 hexadecimal digits.

    They are those of the file's checksum where the analysis says it, else of what is asked for
    and of the lock's rows: another request, or another lock, is another file.
    """
    if digest := checksum_of(source):
        return digest[:16]
    asked = source.model_dump(mode="json", exclude_defaults=True)
    value = [asked, [list(row) for row in locked]] if locked else asked
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _once(key: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    twice = {name for name in names if name.upper() in seen or seen.add(name.upper())}
    if twice:
        raise ValueError(f"{key}: {', '.join(sorted(twice))} is there twice; keep one")
