"""Sources: get a file once, prove by its checksum that it is the right one.

A mirror is asked first, then the origin. A download lands under its final name only when it is
whole and its checksum is right; until then it is beside it, as `.{name}.part`.
"""

from __future__ import annotations

import contextlib
import fcntl
import ftplib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from . import packages, transfer
from .config_sources import DownloadConfig, PypiSource, UrlSource
from .files import InputError, check_sha256, sha256

logger = logging.getLogger(__name__)


def fetch(source: UrlSource | PypiSource, target: str | Path, config: DownloadConfig) -> None:
    """Put the file of a source at `target`.

    Raises
    ------
    InputError
        Naming the source, when it can't be reached, answers with an error or with other content,
        or when it would need the network and `offline` forbids that.
    """
    target = Path(target)
    origin = describe(source)
    with _part(target) as part:
        # another process may have brought it while this one waited
        if not (target.exists() and sha256(target) == source.sha256):
            if not _from_mirror(source, part, config):
                _from_origin(source, origin, part, target, config)
            with part.open("rb") as whole:
                os.fsync(whole.fileno())
            part.replace(target)
    logger.info("%s: %d bytes, sha256 %s", origin, target.stat().st_size, source.sha256)


def describe(source: UrlSource | PypiSource) -> str:
    """The source in a few words, without secrets."""
    if isinstance(source, UrlSource):
        return transfer.shown(source.url)
    return f"package {source.package}=={source.version}"


def place_in_mirror(source: UrlSource | PypiSource) -> str:
    """Where a mirror keeps the file, as host/path; a package's as `pypi.org/{package}/{file}`.

    Raises
    ------
    InputError
        For an address whose path climbs out of its host.
    """
    if isinstance(source, PypiSource):
        return f"pypi.org/{source.package}/{source.file}"
    parts = urlsplit(source.url)
    steps = [step for step in unquote(parts.path).split("/") if step]
    if any(step in (".", "..") or "\\" in step or "\0" in step for step in steps):
        raise InputError(f"{transfer.shown(source.url)}: the path may not have '.' or '..' steps.")
    return "/".join([parts.hostname or "", *steps])


@contextlib.contextmanager
def _part(target: Path) -> Iterator[Path]:
    """The file for what was received so far, for this process alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    while True:
        with part.open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # who held the lock may have given the file its name, or removed it
            if not (part.exists() and os.path.samestat(os.fstat(handle.fileno()), part.stat())):
                continue
            try:
                yield part
            finally:
                # a beginning that can't be continued is of no use
                if not (_size(part) and transfer.etag_file(part).exists()):
                    transfer.forget(part)
            return


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _from_mirror(source: UrlSource | PypiSource, part: Path, config: DownloadConfig) -> bool:
    """Take the file from the mirror; False where there is no mirror, or not this file in it."""
    if config.mirror is None:
        return False
    place = place_in_mirror(source)
    if "://" in config.mirror:
        if config.offline:
            return False
        url = f"{config.mirror.rstrip('/')}/{place}"
        with contextlib.suppress(transfer.NotThereError):
            transfer.with_retries(
                lambda: transfer.download(url, part), transfer.shown(url), config.attempts
            )
            return _is_right(part, source, f"mirror {transfer.shown(url)}")
        return False
    file = Path(config.mirror).expanduser() / place
    if not file.is_file():
        return False
    shutil.copyfile(file, part)
    return _is_right(part, source, f"mirror {file}")


def _is_right(part: Path, source: UrlSource | PypiSource, place: str) -> bool:
    if sha256(part) == source.sha256:
        return True
    logger.warning("%s: not the file that was asked for (another sha256)", place)
    transfer.forget(part)
    return False


def _from_origin(
    source: UrlSource | PypiSource, origin: str, part: Path, target: Path, config: DownloadConfig
) -> None:
    by_hand = f"put the file at {target} by hand: its sha256 must be {source.sha256}"
    if config.offline:
        where = "in the mirror" if config.mirror else "here"
        raise InputError(
            f"{origin}: not {where}, and download.offline forbids the network. Run `snakemake "
            f"fetch` where there is a network (a login node), or {by_hand}."
        )
    action: Callable[[], None]
    if isinstance(source, UrlSource):
        url = source.url

        def action() -> None:
            transfer.download(url, part)
    else:
        package = source

        def action() -> None:
            packages.download(package, part)

    try:
        transfer.with_retries(action, origin, config.attempts)
    except (OSError, ftplib.Error) as error:
        raise InputError(
            f"{origin}: could not be downloaded in {config.attempts} tries: {error}. Check the "
            f"network (or the name), then run the same command again; or {by_hand}."
        ) from error
    try:
        check_sha256(part, source.sha256, origin)
    except InputError:
        transfer.forget(part)
        raise
