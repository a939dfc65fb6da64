"""Provenance: versions, machine, checksums, an RO-Crate."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from . import __version__
from .config import AnalysisConfig
from .config_sources import PathSource, PypiSource
from .files import sha256, write_with
from .origins import describe

_PACKAGES = (
    "snakemake", "torch", "lightning-fabric", "numpy", "pandas", "pyarrow", "anndata",
    "scikit-learn", "scipy", "statsmodels", "safetensors", "optuna",
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
    """Where each source came from and what it was: `name`, `origin`, `file`, `sha256`."""
    rows = []
    for name, source in analysis.sources.items():
        if isinstance(source, PathSource):
            origin = "local file"
        elif isinstance(source, PypiSource):
            origin = f"{source.package} {source.version} (Python package index)"
        else:
            origin = describe(source)
        rows.append(
            {
                "name": name,
                "origin": origin,
                "file": Path(paths[name]).name,
                "sha256": sha256(paths[name]),
            }
        )
    return rows


def write_ro_crate(
    target: str | Path,
    analysis: AnalysisConfig,
    sources: Sequence[Mapping[str, str]],
    outputs: Sequence[str | Path],
    versions: Mapping[str, str],
) -> None:
    """Write `ro-crate-metadata.json` for a results folder.

    Parameters
    ----------
    target
        The file; paths of `outputs` are made relative to its folder.
    sources
        From `describe_sources`.
    """
    target = Path(target)
    crate = ROCrate()
    crate.name, crate.description = analysis.title, analysis.question or analysis.title
    inputs = [
        crate.add(
            ContextEntity(
                crate,
                f"#source-{row['name']}",
                {"@type": "CreativeWork", "name": row["file"], "description": row["origin"],
                 "sha256": row["sha256"]},
            )
        )
        for row in sources
    ]  # fmt: skip
    tools = [
        crate.add(
            ContextEntity(
                crate,
                f"#software-{name}",
                {"@type": "SoftwareApplication", "name": name, "version": version},
            )
        )
        for name, version in versions.items()
    ]
    files = [
        crate.add_file(
            dest_path=str(Path(path).relative_to(target.parent)),
            properties={"sha256": sha256(path), "contentSize": str(Path(path).stat().st_size)},
        )
        for path in outputs
    ]
    action = crate.add(
        ContextEntity(crate, "#run", {"@type": "CreateAction", "name": "biornn analysis"})
    )
    action["object"], action["result"], action["instrument"] = inputs, files, tools[0]
    action["softwareRequirements"] = tools[1:]
    crate.root_dataset["mentions"] = action

    def write(temporary: Path) -> None:
        metadata = crate.metadata.generate()
        temporary.write_text(json.dumps(metadata, indent=2, ensure_ascii=False), encoding="utf-8")

    write_with(target, write)
