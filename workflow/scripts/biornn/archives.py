"""Archives: one file out of a packed one, in memory or piece by piece, with limits.

Nothing is written to the disk, so a hostile member name can't escape a folder.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from .files import InputError

#: What is unpacked may not have more bytes than this, nor more than `MAX_RATIO` times its packed
#: size, nor an archive more members: a bomb must not fill the memory.
MAX_UNPACKED = 4 * 2**30
MAX_RATIO = 2000
MAX_MEMBERS = 100_000

_STREAMS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    ".gz": lambda packed: gzip.GzipFile(fileobj=packed),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_KINDS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstandard"}
#: Bytes of a piece of a stream; packed ones fewer: four of them may stand for 128 KiB.
_PIECE, _PACKED_PIECE = 2**20, 1024
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def read_member(path: str | Path, member: str | None = None) -> bytes:
    """Bytes of a file, or of one member of a zip archive, wheel or tar archive.

    What ends in .gz, .bz2, .xz or .zst (the file, or the member) is unpacked.

    Raises
    ------
    InputError
        When the file can't be read, is cut off, has no such member, or unpacks to too much.
    """
    path = Path(path)
    if member is not None and zipfile.is_zipfile(path):
        return _unpack(_from_zip(path, member), member, f"{path} ({member})")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}.") from None
    name = f"{path.name[:-4]}.tar.gz" if path.suffix.lower() == ".tgz" else path.name
    data = _unpack(data, name, str(path))
    if member is None:
        return data
    return _unpack(_from_tar(path, data, member), member, f"{path} ({member})")


def stream_member(path: str | Path, member: str | None = None) -> Iterator[bytes]:
    """The same bytes as `read_member` in pieces, so that a file may be larger than the memory.

    A member of an archive is held whole. What is packed may be of any size, but not of any ratio.

    Raises
    ------
    InputError
        As `read_member`; what was given before is right.
    """
    path = Path(path)
    if member is not None:
        yield read_member(path, member)
        return
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            if suffix == ".zst":
                pieces = _pieces_of_zstandard(file)
            elif suffix in _STREAMS:
                unpacked = _STREAMS[suffix](file)
                pieces = iter(lambda: unpacked.read(_PIECE), b"")
            else:
                yield from iter(lambda: file.read(_PIECE), b"")
                return
            size = 0
            for piece in pieces:
                size += len(piece)
                if size > MAX_RATIO * max(file.tell(), _PIECE):
                    raise InputError(f"{path}: unpacks to more than {MAX_RATIO} times its size.")
                yield piece
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path}: can't be read: {error.strerror}.") from None
        raise InputError(f"{path}: not a whole {_KINDS[suffix]} file: {error}.") from None


def _pieces_of_zstandard(file: BinaryIO) -> Iterator[bytes]:
    """What a file of zstandard frames unpacks to; EOFError where the last one was cut off."""
    rest, frame = b"", None
    while rest or (rest := file.read(_PACKED_PIECE)):
        if frame is None:
            frame = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        yield frame.decompress(rest)
        rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise EOFError("the end is missing")


def _unpack(data: bytes, name: str, origin: str) -> bytes:
    suffix = Path(name).suffix.lower()
    limit = min(MAX_UNPACKED, MAX_RATIO * len(data))
    try:
        if suffix == ".zst":
            unpacked = _unpack_zstandard(data, limit)
        elif suffix in _STREAMS:
            with _STREAMS[suffix](io.BytesIO(data)) as stream:
                unpacked = stream.read(limit + 1)
        else:
            return data
    except _DAMAGE as error:
        raise InputError(f"{origin}: not a whole {_KINDS[suffix]} file: {error}.") from None
    if len(unpacked) > limit:
        raise InputError(f"{origin}: unpacks to more than {limit} bytes: refused.")
    return unpacked


def _unpack_zstandard(data: bytes, limit: int) -> bytes:
    # the library's own stream reader ends in silence where a frame was cut off
    parts: list[bytes] = []
    size = 0
    rest = data
    while rest:
        frame = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        # little by little: four packed bytes may stand for 128 KiB
        step = 1024
        for start in range(0, len(rest), step):
            parts.append(frame.decompress(rest[start : start + step]))
            size += len(parts[-1])
            if size > limit:
                return b"".join(parts)
            if frame.eof:
                rest = frame.unused_data + rest[start + step :]
                break
        else:
            raise EOFError("the end is missing")
    return b"".join(parts)


def _from_zip(path: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            _check_count(path, len(names))
            if member not in names:
                raise InputError(_no_member(path, member, names))
            info = archive.getinfo(member)
            _check_size(path, member, info.file_size, info.compress_size)
            return archive.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{path}: not a whole zip archive: {error}.") from None


def _from_tar(path: Path, data: bytes, member: str) -> bytes:
    names: list[str] = []
    try:
        # "r:" and not "r": what was packed is unpacked already, within the limits
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for info in archive:
                names.append(info.name)
                _check_count(path, len(names))
                if info.name == member and info.isreg():
                    stream = archive.extractfile(info)
                    assert stream is not None  # a regular file has content
                    content = stream.read()
                    if len(content) < info.size:
                        raise tarfile.ReadError("the end is missing")
                    return content
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{path}: not a whole zip or tar archive: {error}.") from None
    raise InputError(_no_member(path, member, names))


def _no_member(path: Path, member: str, names: list[str]) -> str:
    last = member.rsplit("/", 1)[-1]
    alike = [name for name in names if name.endswith(last)]
    hint = f" Did you mean '{alike[0]}'?" if alike else ""
    return f"{path}: there is no member '{member}'.{hint}"


def _check_count(path: Path, count: int) -> None:
    if count > MAX_MEMBERS:
        raise InputError(f"{path}: an archive of more than {MAX_MEMBERS} members: refused.")


def _check_size(path: Path, member: str, unpacked: int, packed: int) -> None:
    if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(packed, 1):
        raise InputError(f"{path}: '{member}' would unpack to {unpacked} bytes: refused.")
