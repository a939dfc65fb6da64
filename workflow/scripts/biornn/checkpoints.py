"""Checkpoints: training that is killed, pre-empted or told to stop goes on where it was."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any

import torch

from . import allocation
from .files import InputError, write_with

logger = logging.getLogger(__name__)

#: What a cluster sends before it takes a node away, or before the time is over.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


#: Seconds after which the holder of a lock shows that it is alive, and after which one on another
#: node that did not is taken for dead (file systems may show the time of a file a minute late).
BEAT, LEASE = 15.0, 90.0
#: How often a file is opened that others remove at the same time.
_TRIES = 100
_TAKEN = (
    "{}: another job is still training here{} (a stopped Snakemake leaves its jobs running). Wait "
    "for it or stop it, then run the same command again."
)


@contextlib.contextmanager
def lock(folder: str | Path, held: bool = False) -> Iterator[Path]:
    """Hold a folder of checkpoints for this process; or not, when its parent has it `held`.

    On one machine the kernel's lock decides. Between nodes it may not be seen: there the file says
    who holds it, and its time that the holder lives. A folder without checkpoints is removed at the
    end.

    Raises
    ------
    InputError
        When another process holds it: a job of an earlier run that is still alive.
    """
    folder = Path(folder)
    if held:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    path, over = folder / "lock", threading.Event()
    try:
        with _enter(path) as handle:
            beat = threading.Thread(target=_beat, args=(handle.fileno(), over), daemon=True)
            beat.start()
            try:
                yield folder
            finally:
                over.set()
                beat.join()
                if not _other_node(path):  # which took this one for dead
                    _leave(handle, path)
    finally:
        # after it is closed: network file systems keep a removed file until then
        with contextlib.suppress(OSError):  # there are checkpoints, or the next holder
            folder.rmdir()


def _leave(handle: IO[str], path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # somebody has removed the folder
        if [each.name for each in path.parent.iterdir()] == ["lock"]:
            path.unlink()  # while it is held: later it may be the next one's
        else:
            handle.truncate(0)


def _enter(path: Path) -> IO[str]:
    """Open, lock and sign the file, again where it was removed or signed by another meanwhile."""
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("a+")
        except (FileNotFoundError, FileExistsError):  # the holder before removes the folder
            if path.parent.is_file():
                raise
            continue
        try:
            if _sign(handle, path):
                return handle
        except BaseException:
            handle.close()
            raise
        handle.close()
    raise InputError(_TAKEN.format(path.parent, ""))


def _sign(handle: IO[str], path: Path) -> bool:
    """Lock an open file and write into it who holds it; whether that is still so after it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        doubt = False
    except BlockingIOError:
        raise InputError(_TAKEN.format(path.parent, "")) from None
    except OSError as error:  # a file system without locks
        logger.info("%s: the file system has no locks (%s)", path.parent, error.strerror)
        doubt = True
    doubt |= _await_other_node(path)
    if not _is_at(handle, path):
        return False
    handle.truncate(0)
    handle.write(allocation.place())
    handle.flush()
    os.fsync(handle.fileno())
    if doubt:  # the kernel's lock is not seen by other nodes: who signs last, holds it
        time.sleep(min(1.0, BEAT / 2))
    return _is_at(handle, path) and not _other_node(path)


def _is_at(handle: IO[str], path: Path) -> bool:
    """Whether an open file is the one at a path: one that was removed can be locked too."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _other_node(path: Path) -> str:
    """Who holds the file, by its name in it, if that is on another node."""
    try:
        holder = path.read_text()
    except FileNotFoundError:
        return ""
    return holder if holder.split(",")[0] != allocation.place().split(",")[0] else ""


def _await_other_node(path: Path) -> bool:
    """Wait until a holder on another node has left or is taken for dead; whether there was one."""
    try:
        holder, seen = _other_node(path), path.stat().st_mtime_ns
        if not holder:
            return False
        logger.info("%s: was held %s; waiting %g s for a sign of life", path.parent, holder, LEASE)
        deadline = time.monotonic() + LEASE
        while time.monotonic() < deadline:
            time.sleep(min(1.0, BEAT / 2))
            # the time goes first: who leaves changes it too, and the name is gone then
            lives = path.stat().st_mtime_ns != seen
            now = path.read_text()
            if not now:
                break
            if lives:
                raise InputError(_TAKEN.format(path.parent, f", {now}"))
    except FileNotFoundError:
        pass  # who held it has removed it
    return True


def _beat(descriptor: int, over: threading.Event) -> None:
    while not over.wait(BEAT):
        os.utime(descriptor)


def clear(folder: Path) -> None:
    """Remove the checkpoints of a training that is done, from a folder that is locked."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def key_of(*parts: str) -> str:
    """A name for all that decides what a training does: a checkpoint belongs to one."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def write(path: Path | None, key: str, state: dict[str, Any]) -> None:
    """Write tensors and plain values, whole or not at all; nothing where there is no path."""
    if path is None:
        return
    buffer = io.BytesIO()
    torch.save({"key": key, **state}, buffer)
    payload = buffer.getvalue()
    # the digest goes first: torch.load accepts a file with a flipped bit
    whole = hashlib.sha256(payload).digest() + payload
    write_with(path, lambda temporary: temporary.write_bytes(whole))


def read(path: Path | None, key: str) -> dict[str, Any] | None:
    """What `write` wrote; None where there is none, or one that is damaged or of something else."""
    if path is None or not path.exists():
        return None
    whole = path.read_bytes()
    if hashlib.sha256(whole[32:]).digest() != whole[:32]:
        logger.warning("%s is damaged; training starts from the beginning", path)
        return None
    state = torch.load(io.BytesIO(whole[32:]), weights_only=True)
    if state.pop("key") != key:
        logger.warning("%s is of other data or settings; training starts from the beginning", path)
        return None
    return state


class Stop:
    """Whether this process was told to stop; training asks after every step."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def _ask(self, number: int, _: FrameType | None) -> None:
        self.signal = number

    def leave(self) -> None:
        """End the process as the shell would name it: 128 and the number of the signal."""
        assert self.signal is not None
        raise SystemExit(128 + self.signal)


@contextlib.contextmanager
def stopping(asks: bool = True) -> Iterator[Stop]:
    """Let `SIGTERM` and `SIGUSR1` ask for a checkpoint in place of ending the process at once.

    Of processes that share a training one `asks`, which writes the checkpoint. The others let the
    signals pass and end when it has left: if each stopped for itself, they would wait for each
    other.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may change what a signal does
        return
    handler = stop._ask if asks else signal.SIG_IGN
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
