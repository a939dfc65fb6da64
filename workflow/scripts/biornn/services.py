"""Services: web services of databases, asked at a polite pace and again when they are busy."""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar
from urllib.parse import urlsplit

from tqdm import tqdm

from . import transfer
from .files import InputError
from .origins import shown
from .transfer import MAX_PAUSE, Answer, PassingError

_UNIX_TIME = 1e9  # no server lets one wait for so many seconds: it means a date

Result = TypeVar("Result")


class Pace:
    """At most so many requests a second to a host, over all processes that share a store.

    Parameters
    ----------
    file
        Where the time is kept at which the next request may be made.
    per_second
        Requests a second.
    clock, sleep
        The time, and the way to wait, in seconds.
    """

    def __init__(
        self,
        file: Path,
        per_second: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = lambda seconds: time.sleep(seconds),
    ) -> None:
        self._file, self._interval = file, 1 / per_second
        self._clock, self._sleep = clock, sleep

    def wait(self) -> None:
        """Return when the next request may be made."""
        with self._turn() as handle:
            left = _number(handle.read()) - self._clock()
            if 0 < left <= max(self._interval, MAX_PAUSE):  # more: the clock was set back
                self._sleep(left)
            self._write(handle, self._interval)

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so long, at most `MAX_PAUSE`."""
        with self._turn() as handle:
            self._write(handle, min(seconds, MAX_PAUSE))

    @contextlib.contextmanager
    def _turn(self) -> Iterator[TextIO]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a+", encoding="ascii") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # the others wait for their turn here
            handle.seek(0)
            yield handle

    def _write(self, handle: TextIO, seconds: float) -> None:
        handle.truncate(0)
        handle.write(repr(self._clock() + seconds))

    def heed(self, headers: Mapping[str, str]) -> None:
        """Hold where a server counts requests (X-RateLimit-…) and none is left.

        Until the end of its count is given in seconds (Ensembl) or as Unix time (Zenodo).
        """
        reset = _number(headers.get("X-RateLimit-Reset", ""))
        if headers.get("X-RateLimit-Remaining", "").strip() == "0" and reset > 0:
            self.hold(max(0.0, reset - self._clock()) if reset > _UNIX_TIME else reset)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("-inf")


@dataclass(frozen=True)
class Service:
    """One web service: its name in messages, its address, and how it may be asked."""

    name: str
    server: str
    pace: Pace
    attempts: int
    secrets: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Name and address, for messages."""
        return f"{self.name} ({shown(self.server)})"

    def ask(self, path: str, read: Callable[[Answer], Result], **request: Any) -> Result:
        """Ask, and read the answer; again where either says that the trouble may pass.

        Parameters
        ----------
        path
            What follows the server's address.
        read
            Makes the answer into a value; a `PassingError` of it is a reason to ask again.
        request
            As for `transfer.ask`.

        Raises
        ------
        InputError, OSError
            As `transfer.ask`; OSError when all tries are used up.
        """
        url = f"{self.server.rstrip('/')}{path}"

        def action() -> Result:
            self.pace.wait()
            answer = transfer.ask(url, secrets=self.secrets, **request)
            self.pace.heed(answer.headers)
            try:
                return read(answer)
            except (OSError, InputError) as error:  # it may quote what the server repeats
                error.args = (transfer.hidden(str(error), self.secrets),)
                raise

        return transfer.with_retries(action, self.origin, self.attempts)

    def download(self, path: str, part: Path) -> None:
        """Bring a file into `part`, or the rest of it; raises as `ask`."""
        url = f"{self.server.rstrip('/')}{path}"

        def action() -> None:
            self.pace.wait()
            transfer.download(url, part)

        transfer.with_retries(action, self.origin, self.attempts)


def pace_of(store: str | Path, server: str, per_second: float) -> Pace:
    """The pace for a server, kept in the download store."""
    host = re.sub(r"[^A-Za-z0-9.]", "_", urlsplit(server).netloc.rsplit("@", 1)[-1])
    return Pace(Path(store) / f".{host}.pace", per_second)


def text_of(answer: Answer) -> str:
    """The body as text; `PassingError` when it is none."""
    try:
        return answer.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PassingError(f"the answer is not text: {error}") from None


def json_of(answer: Answer) -> Any:
    """The body's JSON; `PassingError` when it is none, as of a server that fails half-way."""
    try:
        return json.loads(text_of(answer), strict=False)  # NCBI repeats a query as it came
    except ValueError:
        raise PassingError(f"the answer is not JSON, it begins with {answer.body[:80]!r}") from None


def bar(title: str, total: int | None = None) -> tqdm:
    """A bar of records that came, on a terminal."""
    return tqdm(total=total, unit="record", desc=title, disable=not sys.stderr.isatty())


def in_batches(names: Sequence[str], size: int, title: str) -> Iterable[list[str]]:
    """The names, so many at a time, with a bar on a terminal."""
    with bar(title, len(names)) as progress:
        for start in range(0, len(names), size):
            batch = list(names[start : start + size])
            yield batch
            progress.update(len(batch))
