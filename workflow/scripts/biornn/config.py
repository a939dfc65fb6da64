"""The analysis file: what may be written in it, what it means, and what is said when it is wrong.

One pydantic model (`AnalysisConfig`) is the source of three things: the check of every analysis
file, the JSON schema that editors complete from, and the reference in `config/README.md` (see
`config_reference`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from .checking import nearest, validate
from .config_analysis import AnalysisConfig
from .config_base import Section
from .config_predict import PredictConfig
from .config_sources import DownloadConfig
from .files import InputError, read_yaml


class RunConfig(Section):
    """`config/config.yaml`: which analyses to run, how to download, what to predict, which GPUs."""

    analyses: list[str] = Field(
        min_length=1,
        description="Names of files in `config/analyses/` (without .yaml), or paths that end in .yaml.",  # noqa: E501
    )
    catalogue: list[str] = Field(
        [],
        description="The same of what `snakemake published` runs: analyses of published work, each "
        "with its `paper` and its `published` numbers. Other commands do not run them, unless "
        "`analyses` has them too, but check their files: one that is missing or wrong stops every "
        "command.",
    )
    download: DownloadConfig = DownloadConfig()
    predict: PredictConfig | None = Field(
        None, description="What `snakemake predict` predicts, and by which model."
    )
    gpus: Literal["auto"] | bool = Field(
        "auto",
        description="Whether trainings with `device: auto` ask for GPUs: where the machine that "
        "starts the run has one, or `true` or `false`, as on a cluster whose login node tells "
        "nothing.",
    )


def section(key: str, value: Any) -> Any:
    """One checked top-level section from the plain values that a rule hands to a script."""
    field = AnalysisConfig.model_fields[key]
    return TypeAdapter(Annotated[field.annotation, field]).validate_python(value)


# -- reading ---------------------------------------------------------------------------------------


def load_analysis(path: str | Path) -> AnalysisConfig:
    """Read and check an analysis file.

    Raises
    ------
    InputError
        One line a problem: file, line, key, what is wrong and, for an unknown key, the nearest
        key that exists.
    """
    return load_variants(path)[""]


def load_variants(path: str | Path) -> dict[str, AnalysisConfig]:
    """Read and check an analysis file: the analysis itself (`""`) and its variants, by name.

    Raises
    ------
    InputError
        As `load_analysis`; also for a variant whose `like` is no variant above it.
    """
    value, lines = read_yaml(path)
    found = {"": validate(AnalysisConfig, value, str(path), lines)}
    values = {"": {key: part for key, part in value.items() if key != "variants"}}
    for name, changes in found[""].variants.items():
        like = changes.get("like", "")
        if like not in values:
            raise InputError(
                f"{path}, line {lines['variants', name]}: variants.{name}.like is '{like}', which "
                f"is no variant above it{nearest(str(like), values)}."
            )
        changes = {key: part for key, part in changes.items() if key != "like"}
        values[name] = _changed(values[like], changes)
        # what the variant says itself is told by its own lines
        inside = {key[2:]: at for key, at in lines.items() if key[:2] == ("variants", name)}
        origin = f"{path}, variant {name}"
        found[name] = validate(AnalysisConfig, values[name], origin, lines | inside)
    return found


def _changed(value: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`value` with what `changes` says in its place, key by key."""
    result = dict(value)
    for key, change in changes.items():
        if change is None:
            result.pop(key, None)
        elif isinstance(change, dict) and isinstance(result.get(key), dict):
            result[key] = _changed(result[key], change)
        else:
            result[key] = change
    return result
