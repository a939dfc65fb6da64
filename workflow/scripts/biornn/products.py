"""Products: the files that a run left in its results folder, and when it made them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from .config import AnalysisConfig
from .config_split import ALL_FOLDS

#: Folders that hold no results: what was said and measured on the way, and what is gone on with.
_ON_THE_WAY = {"logs", "benchmarks", "checkpoints", "tensorboard"}
#: Files that change without a run, or that are about all others.
_NO_PRODUCTS = {"journal.log", "ro-crate-metadata.json"}
#: What the workflow consists of; not what is compiled from it.
_CODE = {".smk", ".py", ".c", ".j2", ".css", ".js", ".rst", ".yaml"}
_FOLD = re.compile(r"fold([0-9]+|all)")


def products(folder: str | Path, analysis: AnalysisConfig) -> list[Path]:
    """Every file of a results folder that belongs to the analysis as it is now, sorted.

    What an earlier form of the analysis left is no result of this one: files of networks,
    baselines and folds that it no longer names, and of steps that it no longer asks for. Hidden
    files, logs, benchmarks, checkpoints and the crate itself are left out.
    """
    folder = Path(folder)
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if parts[0] in _ON_THE_WAY or any(part.startswith(".") for part in parts):
            continue
        if parts[-1] not in _NO_PRODUCTS and _is_of(parts, analysis) and path.is_file():
            found.append(path)
    return sorted(found)


def _is_of(parts: tuple[str, ...], analysis: AnalysisConfig) -> bool:
    """Whether a file with these steps to it is one that the analysis asks for."""
    asked = {
        "clusters.tsv": analysis.split.by_homology,
        "learning_curve.tsv": bool(analysis.parts),
        "learning_curve": bool(analysis.parts),
        "replicate": analysis.replicate is not None,
        "sequences.safetensors": not analysis.has_profiles,
    }
    if not asked.get(parts[0], True):
        return False
    named = {
        "models": set(analysis.models),
        "baselines": set(analysis.baselines),
        "tuning": set(analysis.tune),
        "explanations": set(analysis.explained),
    }
    rooms = parts[1:] if parts[0] == "learning_curve" else parts
    if len(rooms) > 1 and rooms[0] in named and rooms[1] not in named[rooms[0]]:
        return False
    folds = [found[1] for part in parts[:-1] if (found := _FOLD.fullmatch(part))]
    if parts[0] == "folds" and len(parts) > 2:
        folds.append(parts[1])
    return _are_folds_of(folds, analysis)


def _are_folds_of(folds: Iterable[str], analysis: AnalysisConfig) -> bool:
    # how many there are is only known from the data where one job does them all
    return analysis.folds == [ALL_FOLDS] or set(folds) <= set(analysis.folds)


def benchmarks_of(folder: str | Path, analysis: AnalysisConfig) -> list[Path]:
    """The benchmarks in a folder of jobs that the analysis asks for as it is now, sorted.

    Parameters
    ----------
    folder
        Folder with `{rule}.{what}.tsv`; what an earlier form of the analysis left is passed over:
        networks, baselines and folds that it no longer names.
    """
    named = {*analysis.models, *analysis.baselines, "models", "baselines"}
    found = []
    for path in sorted(Path(folder).glob("*.tsv")):
        of = path.stem.split(".")[1:]
        # one that is not a fold or a worker is the name of a model
        names = {part for part in of if not re.fullmatch(r"(fold|worker)?([0-9]+|all)", part)}
        folds = [fold[1] for part in of if (fold := _FOLD.fullmatch(part))]
        if names <= named and _are_folds_of(folds, analysis):
            found.append(path)
    return found


def times(benchmarks: str | Path, analysis: AnalysisConfig) -> tuple[datetime, datetime] | None:
    """When the first job began whose results are here, and when the last one ended; UTC.

    A benchmark is written when its job ends, and says how long that took. Parts of an analysis that
    ran again later count with their last run. None where there are no benchmarks.

    Parameters
    ----------
    benchmarks
        Folder with `{rule}.{what}.tsv`.
    """
    begun, ended = [], []
    for path in benchmarks_of(benchmarks, analysis):
        if path.stem == "describe_run":
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        seconds = [line.split("\t")[0] for line in lines[1:]]
        end = path.stat().st_mtime
        ended.append(end)
        begun.append(end - sum(float(each) for each in seconds if each not in ("-", "NA")))
    if not ended:
        return None
    return tuple(datetime.fromtimestamp(at, UTC) for at in (min(begun), max(ended)))  # type: ignore[return-value]


def keep_code(project: str | Path, target: str | Path) -> list[Path]:
    """Copy the files that the workflow consists of, with their places, and say where they are now.

    Parameters
    ----------
    project
        The folder with `Snakefile`, `workflow/` and `envs/`.
    target
        Folder; what is in it is taken away first.
    """
    project, target = Path(project), Path(target)
    files = [project / "Snakefile"]
    for name in ("workflow", "envs"):
        files += sorted(path for path in (project / name).rglob("*") if path.suffix in _CODE)
    shutil.rmtree(target, ignore_errors=True)
    kept = []
    for file in files:
        copy = target / file.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        kept.append(copy)
    return kept
