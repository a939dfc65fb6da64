"""Origins: where a source comes from, in words and as a place."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from .config_sources import (
    DatabaseSource,
    EnsemblSource,
    GeoSource,
    NcbiSource,
    PypiSource,
    ServersConfig,
    SyntheticSource,
    UniprotSource,
    UrlSource,
    ZenodoSource,
    store_digest,
    stored_name,
)
from .files import InputError

#: Sources that are brought from elsewhere.
RemoteSource = UrlSource | PypiSource | DatabaseSource
#: Sources whose file is in the store.
StoredSource = RemoteSource | SyntheticSource


def shown(url: str) -> str:
    """The address without user name and password, for messages."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]))


def describe(source: StoredSource) -> str:
    """The source in a few words, without secrets."""
    if isinstance(source, SyntheticSource):
        return f"made data, task {source.task}, seed {source.seed}"
    if isinstance(source, UrlSource):
        return shown(source.url)
    if isinstance(source, PypiSource):
        return f"package {source.package}=={source.version}"
    if isinstance(source, GeoSource):
        return f"GEO {source.series}, {source.remote_file}"
    if isinstance(source, ZenodoSource):
        return f"Zenodo record {source.record}, {source.file}"
    if isinstance(source, EnsemblSource):
        return f"Ensembl, {source.sequence}, {_some(source.ids, 'ids')}"
    if isinstance(source, NcbiSource):
        name = f"NCBI {source.database}"
    else:
        name = "UniProtKB"
    if source.query is not None:
        return f"{name}, query {source.query!r}"
    return f"{name}, {_some(source.accessions or [], 'accessions')}"


def _some(names: Sequence[str], noun: str) -> str:
    if len(names) <= 3:
        return ", ".join(names)
    return f"{len(names)} {noun} ({names[0]} to {names[-1]})"


def server_of(source: DatabaseSource, servers: ServersConfig) -> str:
    """Address of the source's database."""
    addresses = {
        NcbiSource: servers.ncbi,
        UniprotSource: servers.uniprot,
        EnsemblSource: servers.ensembl,
        GeoSource: servers.geo,
        ZenodoSource: servers.zenodo,
    }
    return addresses[type(source)]


def geo_path(source: GeoSource) -> str:
    """Where GEO keeps the file, below its server's address."""
    folder = f"GSE{source.series[3:-3]}nnn"
    kind = "matrix" if source.remote_file.endswith("_series_matrix.txt.gz") else "suppl"
    return f"geo/series/{folder}/{source.series}/{kind}/{quote(source.remote_file, safe='')}"


def place_in_mirror(
    source: RemoteSource, servers: ServersConfig | None = None, digest: str | None = None
) -> str:
    """Where a mirror keeps the file, as host/path; a package's as `pypi.org/{package}/{file}`.

    Records of a database are `{host}/{digest}/{file}`, as in the store: a request has no path.

    Parameters
    ----------
    digest
        Folder in the store; by default that of `store_digest`.

    Raises
    ------
    InputError
        For an address whose path climbs out of its host.
    """
    if isinstance(source, PypiSource):
        return f"pypi.org/{source.package}/{source.file}"
    url = source.url if isinstance(source, UrlSource) else None
    if url is None:
        server = server_of(source, servers or ServersConfig()).rstrip("/")
        if isinstance(source, GeoSource):
            path = geo_path(source)
        elif isinstance(source, ZenodoSource):
            path = f"records/{source.record}/files/{quote(source.file, safe='')}"
        else:
            path = f"{digest or store_digest(source)}/{stored_name(source)}"
            server = f"https://{urlsplit(server).netloc}"
        url = f"{server}/{path}"
    parts = urlsplit(url)
    steps = [step for step in unquote(parts.path).split("/") if step]
    if any(step in (".", "..") or "\\" in step or "\0" in step for step in steps):
        raise InputError(f"{shown(url)}: the path may not have '.' or '..' steps.")
    return "/".join([parts.hostname or "", *steps])
