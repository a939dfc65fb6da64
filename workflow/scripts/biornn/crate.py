"""Crate: a run as a Workflow Run RO-Crate, the record that other programs can read.

The profile is Workflow Run Crate 0.5 (Leo et al., PLoS ONE 19:e0309210, 2024;
https://w3id.org/ro/wfrun/workflow/0.5), which asks for what Process Run Crate 0.5 and Workflow
RO-Crate 1.0 ask for; all three build on RO-Crate 1.1.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.data_entity import DataEntity
from rocrate.rocrate import ROCrate

from .config import AnalysisConfig
from .files import sha256, write_with

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_FORMAL = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
_WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
#: RO-Crate 1.1 has no word for the checksum; this is the one of the profile.
_TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
_UNLICENSED = (
    "No licence of these results is stated; whoever publishes them has to name one. The workflow "
    "itself is under the MIT licence."
)
_FORMATS = {
    ".c": "text/x-c",
    ".css": "text/css",
    ".csv": "text/csv",
    ".h5ad": "application/x-hdf5",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".rst": "text/x-rst",
    ".smk": "text/plain",
    ".svg": "image/svg+xml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".whl": "application/zip",
    ".yaml": "application/yaml",
    ".zip": "application/zip",
}
#: Sections of the analysis whose settings are parameters of their own; the others are in the file.
_PARAMETERS = ("split", "training", "evaluation")


class _Crate:
    """A crate that is being filled."""

    def __init__(self, folder: Path, analysis: AnalysisConfig) -> None:
        self.folder, self.analysis = folder, analysis
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_terms.update(_TERMS)
        self.formals: list[ContextEntity] = []

    def about(self, identifier: str, kind: str | list[str], **properties: Any) -> ContextEntity:
        """Add something that is no file."""
        return self.crate.add(
            ContextEntity(self.crate, identifier, {"@type": kind, **_given(properties)})
        )

    def file(self, path: Path, **properties: Any) -> DataEntity:
        """Add a file of the folder, with its size and checksum."""
        properties |= {"sha256": sha256(path), "contentSize": str(path.stat().st_size),
                       "encodingFormat": _format(path)}  # fmt: skip
        place = path.relative_to(self.folder)
        return self.crate.add_file(dest_path=place, properties=_given(properties))

    def formal(
        self, identifier: str, kind: str, examples: Sequence[Any], **properties: Any
    ) -> None:
        """Add a parameter of the workflow, linked with what it was in this run, to `formals`."""
        formal = self.about(
            identifier, "FormalParameter", additionalType=kind, conformsTo={"@id": _FORMAL},
            **properties,
        )  # fmt: skip
        formal["workExample"] = examples[0] if len(examples) == 1 else list(examples)
        for example in examples:
            # one value is no list in JSON-LD; a file may be the input of two sources
            others = example.get("exampleOfWork") or []
            known = others if isinstance(others, list) else [others]
            example["exampleOfWork"] = [*known, formal] if known else formal
        self.formals.append(formal)


def _format(path: str | Path) -> str:
    return _FORMATS.get(Path(path).suffix, "application/octet-stream")


def _given(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if value not in (None, "")}


def write_ro_crate(
    target: str | Path,
    analysis: AnalysisConfig,
    *,
    sources: Sequence[Mapping[str, str]],
    config: str | Path,
    products: Sequence[str | Path],
    code: Sequence[str | Path],
    versions: Mapping[str, str],
    trained_with: Mapping[str, Sequence[str]] | None = None,
    devices: Sequence[str] = (),
    times: tuple[datetime, datetime] | None = None,
) -> None:
    """Write `ro-crate-metadata.json` for a results folder.

    Memory grows with the number of files, not with their size: checksums are made piece by piece.

    Parameters
    ----------
    target
        The file; all other files but the sources lie in its folder or below.
    sources
        From `provenance.describe_sources`.
    config
        The resolved analysis.
    products
        From `products.products`; `config` and `code` may be among them.
    code
        From `products.keep_code`: the workflow as it ran, with its `Snakefile`.
    versions
        From `provenance.software_versions`.
    trained_with
        From `training_words.versions_of`: of what the networks were trained with, in the place of
        `versions`; the workflow itself has the version of its `code`.
    devices
        What the networks were trained on, in words.
    times
        From `products.times`.

    Raises
    ------
    ValueError
        When there is no Snakefile in `code`.
    """
    target = Path(target)
    made = _Crate(target.parent, analysis)
    root = made.crate.root_dataset
    root["name"], root["license"] = analysis.title, _UNLICENSED
    root["description"] = analysis.question or analysis.title
    root["conformsTo"] = [
        made.about(address, "CreativeWork", name=name, version=version)
        for address, (name, version) in PROFILES.items()
    ]
    workflow = _workflow(made, [Path(path) for path in code], versions, trained_with or {})
    read = _inputs(made, sources, Path(config))
    settings = _settings(made)
    kept = {Path(config), *map(Path, code), target}
    results = [path for path in map(Path, products) if path not in kept]
    files = {path: made.file(path, name=path.name) for path in results}
    workflow["input"], made.formals = made.formals, []
    _outputs(made, files)
    workflow["output"] = made.formals
    action = made.about(
        "#run", "CreateAction",
        name=f"Run of {analysis.title}",
        description=_action_in_words(devices, times),
        actionStatus="http://schema.org/CompletedActionStatus",
    )  # fmt: skip
    action["instrument"] = workflow
    action["object"], action["result"] = [*read, *settings], list(files.values())
    if times is not None:
        action["startTime"], action["endTime"] = (
            time.isoformat(timespec="seconds") for time in times
        )
    root["mentions"] = action

    def write(temporary: Path) -> None:
        metadata = made.crate.metadata.generate()
        temporary.write_text(json.dumps(metadata, indent=2, ensure_ascii=False), encoding="utf-8")

    write_with(target, write)


def _action_in_words(devices: Sequence[str], times: tuple[datetime, datetime] | None) -> str:
    said = "Snakemake ran the workflow on the files and settings that `object` names."
    if devices:
        said += f" Networks were trained on: {'; '.join(devices)}."
    if times is not None:
        said += (
            " Begin and end are those of the jobs whose results are here, by their benchmarks; "
            "there may be pauses between them."
        )
    return said


def _workflow(
    made: _Crate,
    code: Sequence[Path],
    versions: Mapping[str, str],
    trained_with: Mapping[str, Sequence[str]],
) -> DataEntity:
    """The main workflow, the rules and scripts that it consists of, and what it runs on."""
    mains = [path for path in code if path.name == "Snakefile"]
    if not mains:
        raise ValueError("the workflow has no Snakefile")
    main = min(mains, key=lambda path: len(path.parts))
    workflow = made.crate.add_workflow(
        dest_path=main.relative_to(made.folder), main=True, lang="snakemake",
        lang_version=versions.get("snakemake"), gen_cwl=False,
        properties={"name": "biornn", "version": versions["biornn"],
                    "sha256": sha256(main), "contentSize": str(main.stat().st_size),
                    "encodingFormat": "text/plain", "conformsTo": {"@id": _WORKFLOW},
                    "description": "Trains recurrent networks on biological sequences and "
                    "expression profiles and compares them with simple models."},
    )  # fmt: skip
    workflow["license"] = made.about(
        "https://spdx.org/licenses/MIT", "CreativeWork", name="MIT License"
    )
    workflow["hasPart"] = [made.file(path, name=path.name) for path in code if path != main]
    # builds of one release have one address
    found: dict[tuple[str, str], list[str]] = {}
    for name, now in versions.items():
        if name != "biornn":
            for version in trained_with.get(name, [now]):
                found.setdefault((name, _address(name, version)), []).append(version)
    workflow["softwareRequirements"] = [
        made.about(address, "SoftwareApplication", name=name,
                   softwareVersion=", ".join(builds), url=address)
        for (name, address), builds in found.items()
    ]  # fmt: skip
    return workflow


def _address(package: str, version: str) -> str:
    if package == "python":
        return f"https://www.python.org/downloads/release/python-{version.replace('.', '')}/"
    # what stands behind + is a build of the same release
    return f"https://pypi.org/project/{package}/{version.split('+')[0]}/"


def _inputs(
    made: _Crate, sources: Sequence[Mapping[str, str]], config: Path
) -> list[DataEntity | ContextEntity]:
    """The files that were read: those of the sources by address or content, and the analysis."""
    read: dict[str, DataEntity | ContextEntity] = {}
    for row in sources:
        # a file without an address is named by its content (RFC 6920)
        digest = base64.urlsafe_b64encode(bytes.fromhex(row["sha256"])).decode().rstrip("=")
        identifier = row.get("url") or f"ni:///sha-256;{digest}"
        properties = {"@type": "File", "name": row["file"], "description": row["origin"],
                      "sha256": row["sha256"], "contentSize": row.get("size"),
                      "encodingFormat": _format(row["file"]),
                      "url": row.get("page") or row.get("url")}  # fmt: skip
        if identifier not in read:
            entity = DataEntity(made.crate, identifier, _given(properties))
            read[identifier] = made.crate.add(entity)
        made.formal(f"#input-{row['name']}", "File", [read[identifier]], name=row["name"],
                    description="A file that the analysis reads.")  # fmt: skip
    written = made.file(config, name=config.name, description="The analysis, with all defaults.")
    made.formal("#input-analysis", "File", [written], name="analysis",
                description="Settings of the analysis.")  # fmt: skip
    return [*read.values(), written]


def _settings(made: _Crate) -> list[ContextEntity]:
    """The main settings as parameters of their own: numbers, texts, and lists as JSON."""
    whole = made.analysis.model_dump(mode="json")
    values: dict[str, Any] = {key: list(whole[key]) for key in ("models", "baselines")} | {
        f"{part}.{key}": value for part in _PARAMETERS for key, value in whole[part].items()
    }
    found = []
    for key, value in values.items():
        if value is None:
            continue
        kind = {bool: "Boolean", int: "Integer", float: "Float"}.get(type(value), "Text")
        plain = value if isinstance(value, str | int | float) else json.dumps(value)
        setting = made.about(f"#setting-{key}", "PropertyValue", name=key, value=plain)
        made.formal(f"#parameter-{key}", kind, [setting], name=key)
        found.append(setting)
    return found


def _outputs(made: _Crate, files: Mapping[Path, DataEntity]) -> None:
    """A parameter for each file at the top of the folder, and one for each folder in it."""
    groups: dict[str, list[DataEntity]] = {}
    for path, entity in files.items():
        groups.setdefault(path.relative_to(made.folder).parts[0], []).append(entity)
    for name, members in groups.items():
        made.formal(f"#output-{name}", "File", members, name=name)
