"""Sources: get a file once, prove by its checksum that it is the right one, read a member of it.

A download lands under its final name only when it is whole and its checksum is right.
"""

from __future__ import annotations

import ftplib
import gzip
import io
import logging
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pooch

from .files import InputError, atomic_path, check_sha256

logger = logging.getLogger(__name__)

#: An archive member may not unpack to more than this (bytes), nor to more than `MAX_RATIO` times
#: its packed size: a bomb must not fill the memory.
MAX_UNPACKED = 4 * 2**30
MAX_RATIO = 2000
ATTEMPTS = 3


def fetch_url(url: str, target: str | Path, sha256: str) -> None:
    """Download a file, check its SHA-256 and put it at `target`.

    Raises
    ------
    InputError
        Naming the address, when it can't be reached, answers with an error or with other content.
    """

    def download(folder: Path) -> Path:
        downloader = pooch.FTPDownloader if url.startswith("ftp:") else pooch.HTTPDownloader
        received = folder / "download"
        downloader(progressbar=sys.stderr.isatty())(url, str(received), None)
        return received

    _fetch(url, download, target, sha256)


def fetch_pypi(package: str, version: str, file: str, target: str | Path, sha256: str) -> None:
    """Fetch one wheel from the Python package index without installing it or running its code.

    pip does the transfer, so the user's own index, proxy and certificates are honoured.
    """
    origin = f"package {package}=={version}"

    def download(folder: Path) -> Path:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-input", "--no-deps", "--only-binary=:all:", f"--dest={folder}",
            "--", f"{package}=={version}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
            raise OSError(next((line for line in lines if line.startswith("ERROR")), lines[-1]))
        received = folder / file
        if not received.is_file():
            found = ", ".join(sorted(path.name for path in folder.iterdir()))
            raise InputError(f"{origin}: the index gave {found}, not '{file}'. Correct `file`.")
        return received

    _fetch(origin, download, target, sha256)


def _fetch(origin: str, download: Callable[[Path], Path], target: str | Path, sha256: str) -> None:
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    # beside the target, so that the last step is a rename within one file system
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                received = download(Path(folder))
                break
            except (OSError, ftplib.Error) as error:
                if attempt == ATTEMPTS:
                    raise InputError(
                        f"{origin}: could not be downloaded after {ATTEMPTS} attempts: {error}. "
                        "Check the network (or the name), then run the same command again; or put "
                        f"the file at {target} by hand: its sha256 must be {sha256}."
                    ) from error
                logger.warning("%s: attempt %d failed: %s", origin, attempt, error)
                time.sleep(2**attempt)
        check_sha256(received, sha256, origin)
        with atomic_path(target) as temporary:
            received.replace(temporary)
    logger.info("%s: %d bytes, sha256 %s", origin, target.stat().st_size, sha256)


def read_member(path: str | Path, member: str | None = None) -> bytes:
    """Bytes of a file, or of one member of a zip archive or wheel; `.gz` is unpacked.

    Nothing is written to the disk, so a hostile member name can't escape a folder.
    """
    path = Path(path)
    if member is None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: can't be read: {error.strerror}.") from None
        name = path.name
    else:
        data, name = _read_zip_member(path, member), member
    return (
        _gunzip(data, f"{path}{f' ({member})' if member else ''}") if name.endswith(".gz") else data
    )


def _read_zip_member(path: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            try:
                info = archive.getinfo(member)
            except KeyError:
                last = member.rsplit("/", 1)[-1]
                alike = [name for name in archive.namelist() if name.endswith(last)]
                hint = f" Did you mean '{alike[0]}'?" if alike else ""
                raise InputError(f"{path}: there is no member '{member}'.{hint}") from None
            if info.file_size > MAX_UNPACKED or info.file_size > MAX_RATIO * max(
                info.compress_size, 1
            ):
                raise InputError(
                    f"{path}: '{member}' would unpack to {info.file_size} bytes: refused."
                )
            return archive.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path}: not a whole zip archive: {error}.") from None


def _gunzip(data: bytes, origin: str) -> bytes:
    limit = min(MAX_UNPACKED, MAX_RATIO * len(data))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unpacked = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{origin}: not a whole gzip file: {error}.") from None
    if len(unpacked) > limit:
        raise InputError(f"{origin}: unpacks to more than {limit} bytes: refused.")
    return unpacked
