"""Transfer: bytes from an address, into a file or as an answer, and again when the line breaks.

A transfer that was cut off goes on where it stopped, if the server gave the content a name (a
strong ETag) and still has the same (RFC 9110, sections 13.1.5 and 14).
"""

from __future__ import annotations

import email.utils
import ftplib
import logging
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import pooch
import requests
import tenacity
from tqdm import tqdm

from . import __version__
from .files import InputError
from .origins import shown

logger = logging.getLogger(__name__)

#: Longest pause between two tries, also when a server asks for more (seconds).
MAX_PAUSE = 120.0
#: Statuses of a server that may answer later.
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 2**16
_TIMEOUT = (15, 60)  # to connect, between two packets (seconds)
_SHOWN = 300  # of what a server says in its own words (bytes)

Result = TypeVar("Result")


class PassingError(OSError):
    """Something that may be gone at the next try."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class RefusedError(InputError):
    """The server says no; asking the same again would not help."""

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status, self.said = status, said


class NotThereError(RefusedError):
    """The server says that there is nothing at the address."""


@dataclass(frozen=True)
class Answer:
    """What a server said, whole; the names of `headers` are the same in any case."""

    body: bytes
    headers: Mapping[str, str]


def with_retries(action: Callable[[], Result], origin: str, attempts: int) -> Result:
    """Run a transfer until it succeeds, fails for good, or `attempts` tries are used up.

    Between tries: the pause that the server asks for (Retry-After), else one that doubles, with a
    random part, so that many clients don't come back together.

    Raises
    ------
    OSError
        The last one.
    """

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "pause", None)
        wished = 2**state.attempt_number * random.uniform(0.5, 1) if asked is None else asked
        seconds = min(wished, MAX_PAUSE)
        logger.warning(
            "%s: try %d of %d failed (%s); again in %.0f s",
            origin, state.attempt_number, attempts, error, seconds,
        )  # fmt: skip
        return seconds

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts),
        wait=pause,
        retry=tenacity.retry_if_exception_type((OSError, ftplib.Error)),
        sleep=lambda seconds: time.sleep(seconds),
        reraise=True,
    )(action)


def download(url: str, part: Path) -> None:
    """Bring the content of an http, https or ftp address into `part`, or the rest of it.

    Raises
    ------
    NotThereError
        404 or 410.
    InputError
        Another refusal, or a web page in place of data.
    OSError
        What may pass: no connection, a busy server, a transfer that was cut off.
    """
    if url.startswith("ftp:"):
        pooch.FTPDownloader(progressbar=sys.stderr.isatty())(url, str(part), None)
    else:
        _download_http(url, part)


def ask(
    url: str,
    *,
    query: Mapping[str, Any] | None = None,
    form: Mapping[str, Any] | None = None,
    json: Any = None,
    accept: str = "*/*",
    secrets: Sequence[str] = (),
) -> Answer:
    """Ask a web service: by GET, or by POST where there is a form or JSON to send.

    A form is not followed to another address: it may carry a key.

    Parameters
    ----------
    secrets
        What no message may show, whatever the server says.

    Raises
    ------
    NotThereError
        404 or 410.
    RefusedError
        Another refusal, with its status and the server's words.
    InputError
        A web page in place of data.
    OSError
        What may pass: no connection, a busy server, an answer that was cut off.
    """
    headers = {"User-Agent": f"biornn/{__version__}", "Accept": accept}
    posts = form is not None or json is not None
    with requests.request(
        "POST" if posts else "GET",
        url,
        params=query,
        data=form,
        json=json,
        headers=headers,
        timeout=_TIMEOUT,
        stream=True,
        allow_redirects=not posts,
    ) as response:
        _check_status(url, response, secrets)
        body = response.content
        _refuse_web_page(url, response, body[:_SHOWN], "Is the service being maintained?", secrets)
        return Answer(body, response.headers)


def hidden(text: str, secrets: Sequence[str]) -> str:
    """The text without the secrets, also where they are written as in an address."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(form, "***")
    return text


def etag_file(part: Path) -> Path:
    """Where the name of the content lies whose beginning is in `part`."""
    return part.with_name(part.name + ".etag")


def forget(part: Path) -> None:
    """Remove what was received."""
    part.unlink(missing_ok=True)
    etag_file(part).unlink(missing_ok=True)


def _download_http(url: str, part: Path) -> None:
    name = etag_file(part)
    start = part.stat().st_size if part.exists() and name.exists() else 0
    # data as it lies there: what is packed for the way would have another length
    headers = {"User-Agent": f"biornn/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": name.read_text(encoding="ascii")}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == 416:  # what is here is not the beginning of what is there
            forget(part)
            raise PassingError("the part that is here does not fit what the server has")
        _check_status(url, response)
        goes_on = response.status_code == 206
        if goes_on and not _fits(response, start, headers["If-Range"]):
            forget(part)
            raise PassingError("the server sent another part than the one asked for")
        _remember(response, name)
        chunks = response.iter_content(_CHUNK)
        first = next(chunks, b"")
        if not goes_on:
            _refuse_web_page(url, response, first)
        length = response.headers.get("Content-Length")
        packed = response.headers.get("Content-Encoding", "identity") != "identity"
        expected = int(length) if length and length.isdecimal() and not packed else None
        received = 0
        with (
            part.open("ab" if goes_on else "wb") as file,
            tqdm(
                total=expected and expected + (start if goes_on else 0),
                initial=start if goes_on else 0,
                unit="B", unit_scale=True, desc=part.name, disable=not sys.stderr.isatty(),
            ) as bar,
        ):  # fmt: skip
            while first:
                file.write(first)
                received += len(first)
                bar.update(len(first))
                first = next(chunks, b"")
    if expected is not None and received != expected:
        raise PassingError(f"{received} of {expected} bytes came")


def _check_status(url: str, response: requests.Response, secrets: Sequence[str] = ()) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    message = f"{shown(url)}: the server answered {status} {response.reason}"
    if status in BUSY:
        raise PassingError(message, retry_after(response.headers.get("Retry-After")))
    first = next(response.iter_content(_SHOWN), b"")
    said = _words(first, secrets)
    kind = NotThereError if status in (404, 410) else RefusedError
    raise kind(f"{message}, beginning with {said!r}. Check the address.", status, said)


def _words(first: bytes, secrets: Sequence[str]) -> str:
    return hidden(first.decode("utf-8", "replace"), secrets)


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", value.strip()):  # Ensembl gives fractions
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def _fits(response: requests.Response, start: int, etag: str) -> bool:
    content_range = response.headers.get("Content-Range", "")
    return content_range.startswith(f"bytes {start}-") and response.headers.get("ETag") == etag


def _remember(response: requests.Response, name: Path) -> None:
    etag = response.headers.get("ETag", "")
    if etag.startswith('"') and etag.isascii():  # a weak one (W/"…") may not be continued
        name.write_text(etag, encoding="ascii")
    else:
        name.unlink(missing_ok=True)


def _refuse_web_page(
    url: str,
    response: requests.Response,
    first: bytes,
    hint: str = "Is it a page to log in, or to click through? Give the address of the file itself.",
    secrets: Sequence[str] = (),
) -> None:
    declared = response.headers.get("Content-Type", "").lower().startswith("text/html")
    begins = first.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))
    if declared or begins:
        raise InputError(
            f"{shown(url)}: the server sent a web page, not data (status {response.status_code}, "
            f"beginning with {_words(first[:80], secrets)!r}). {hint}"
        )
