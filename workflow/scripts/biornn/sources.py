"""Sources: get a file once, prove by its checksum, where it has one, that it is the right one.

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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import databases, locks, packages, synthesis, transfer
from .config_sources import (
    DatabaseSource,
    DownloadConfig,
    PypiSource,
    SyntheticSource,
    UrlSource,
    checksum_of,
    store_digest,
    stored_name,
)
from .files import InputError, check_sha256, sha256, write_with
from .locks import Row
from .origins import RemoteSource, StoredSource, describe, place_in_mirror, shown

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lock:
    """What a lock file, `path`, says of one source."""

    path: str = ""
    rows: Sequence[Row] = ()

    def check(self, source: RemoteSource, part: Path) -> None:
        """Raise InputError when the file is not what was locked; nothing is said of others."""
        if self.rows and not isinstance(source, UrlSource | PypiSource):
            entries = databases.entries_in(source, part)
            locks.check_content(self.rows, entries, _file(part), self.path)


def fetch(
    source: StoredSource, target: str | Path, config: DownloadConfig, lock: Lock | None = None
) -> None:
    """Put the file of a source at `target`; a synthetic one is made, without network or mirror.

    Parameters
    ----------
    lock
        What the file must be, where nothing else says so.

    Raises
    ------
    InputError
        Naming the source, when it can't be reached, answers with an error or with other content
        than its checksum or its lock says, when it was changed since it was locked, or when it
        would need the network and `offline` forbids that.
    """
    target = Path(target)
    origin = describe(source)
    if isinstance(source, SyntheticSource):
        write_with(target, lambda temporary: synthesis.write(source, temporary))
        logger.info("%s: %d bytes", origin, target.stat().st_size)
        return
    lock = lock or Lock()
    if locks.can_be_locked(source):
        if lock.rows:
            locks.check_request(source, lock.rows, lock.path)
        else:
            again = "`snakemake --cores 1 lock` writes down what it is now"
            logger.warning("%s: may change; %s", origin, again)
    with _part(target) as part:
        # another process may have brought it while this one waited
        digest = checksum_of(source)
        if not (digest and target.exists() and sha256(target) == digest):
            if not _from_mirror(source, part, config, lock):
                _from_origin(source, origin, part, target, config, lock)
            with part.open("rb") as whole:
                os.fsync(whole.fileno())
            part.replace(target)
    logger.info("%s: %d bytes, sha256 %s", origin, target.stat().st_size, sha256(target))


def lock(
    name: str, source: DatabaseSource, config: DownloadConfig, date: str
) -> tuple[list[Row], Path]:
    """Fetch a source as it is now, into the store, and say what to lock of it.

    Returns
    -------
    rows, path
        Lines of the lock, and where the file lies in the store under this lock.

    Raises
    ------
    InputError
        As `fetch`.
    """
    store = Path(config.store)
    now = store / store_digest(source) / stored_name(source)
    # a mirror has what was there once, which is not the question here
    fetch(source, now, config.model_copy(update={"mirror": None}))
    rows = locks.rows_for(name, source, databases.entries_in(source, now), _file(now), date)
    locked = store / store_digest(source, [row.content for row in rows]) / stored_name(source)
    if not (locked.exists() and sha256(locked) == sha256(now)):
        write_with(locked, lambda temporary: shutil.copyfile(now, temporary))
    return rows, locked


def _file(path: Path) -> tuple[str, int]:
    return sha256(path), path.stat().st_size


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


def _from_mirror(source: RemoteSource, part: Path, config: DownloadConfig, lock: Lock) -> bool:
    """Take the file from the mirror; False where there is no mirror, or not this file in it."""
    if config.mirror is None:
        return False
    folder = store_digest(source, [row.content for row in lock.rows])
    place = place_in_mirror(source, config.servers, folder)
    if "://" in config.mirror:
        if config.offline:
            return False
        url = f"{config.mirror.rstrip('/')}/{place}"
        with contextlib.suppress(transfer.NotThereError):
            transfer.with_retries(lambda: transfer.download(url, part), shown(url), config.attempts)
            return _is_right(part, source, lock, f"mirror {shown(url)}")
        return False
    file = Path(config.mirror).expanduser() / place
    if not file.is_file():
        return False
    shutil.copyfile(file, part)
    return _is_right(part, source, lock, f"mirror {file}")


def _is_right(part: Path, source: RemoteSource, lock: Lock, place: str) -> bool:
    try:
        if digest := checksum_of(source):
            check_sha256(part, digest, place)
        lock.check(source, part)
    except InputError as error:
        logger.warning("%s: not the file that was asked for: %s", place, error)
        transfer.forget(part)
        return False
    return True


def _from_origin(
    source: RemoteSource,
    origin: str,
    part: Path,
    target: Path,
    config: DownloadConfig,
    lock: Lock,
) -> None:
    digest = checksum_of(source)
    by_hand = f"put the file at {target} by hand" + (
        f": its sha256 must be {digest}" if digest else ""
    )
    if config.offline:
        where = "in the mirror" if config.mirror else "here"
        raise InputError(
            f"{origin}: not {where}, and download.offline forbids the network. Run `snakemake "
            f"--cores 1 fetch` where there is a network (a login node), or {by_hand}."
        )
    try:
        _bring(source, origin, part, config, lock)
    except (OSError, ftplib.Error) as error:
        raise InputError(
            f"{origin}: could not be downloaded in {config.attempts} tries: {error}. Check the "
            f"network (or the name), then run the same command again; or {by_hand}."
        ) from error
    try:
        if digest:
            check_sha256(part, digest, origin)
        lock.check(source, part)
    except InputError:
        transfer.forget(part)
        raise


def _bring(
    source: RemoteSource, origin: str, part: Path, config: DownloadConfig, lock: Lock
) -> None:
    if isinstance(source, UrlSource):
        url = source.url
        transfer.with_retries(lambda: transfer.download(url, part), origin, config.attempts)
    elif isinstance(source, PypiSource):
        package = source
        transfer.with_retries(lambda: packages.download(package, part), origin, config.attempts)
    else:
        databases.fetch(source, part, config, locks.asked_of(source, lock.rows))
