"""Progress: where the trainings of a run are, as their logs tell, also while they run elsewhere.

A log is appended to by every attempt of a job, on whichever node it runs; so the files of a shared
results directory are all that is needed, and nothing is asked of a process or a cluster.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .files import InputError

_FORMAT = "%Y-%m-%d %H:%M:%S"
_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (\w+) (.*)")
_START = re.compile(r"(\w+) starts \(process \d+(?: on (\S+?)(?:, SLURM job (\S+))?)?\)")
_EPOCH = re.compile(
    r"(.+) fold (\d+) seed (\d+): epoch (\d+)/(\d+), loss \S+, validation (\S+?)( \(best\))?, "
    r".*at most (\d+) s left"
)
_LOGS = ("train_model.*.log", "train_parts.*.log", "tune_model.*.log")
COLUMNS = ("analysis", "model", "fold", "seed", "state", "epoch", "validation", "best",
           "epochs/min", "left", "last line", "node", "job")  # fmt: skip
STATES = ("training", "silent", "stopped", "done")
#: A training whose log has no new line for so many seconds, and for so many epochs, is silent.
_SILENT_SECONDS, _SILENT_EPOCHS = 600, 3


@dataclass
class Training:
    """Where the network of one seed and fold is.

    Attributes
    ----------
    analysis, model : str
    fold, seed, epoch, epochs : int
        `epoch` of at most `epochs` is done.
    validation, best : float
        Validation loss of that epoch, and the lowest so far.
    state : str
        `training`, `silent` (nothing for ten minutes and three epochs, as of a job that was killed
        or has lost its node), `stopped` (told to, or by an error) or `done`.
    per_minute : float
        Epochs a minute since the present attempt started; nan before its second epoch.
    left : float
        Seconds that the rest takes at most.
    age : float
        Seconds since the last line of its log.
    node, job : str
        Where it runs, and SLURM's number of the job, if it has one.
    """

    analysis: str
    model: str
    fold: int
    seed: int
    epoch: int
    epochs: int
    validation: float
    best: float
    state: str
    per_minute: float
    left: float
    age: float
    node: str
    job: str


def read(results: str | Path, now: datetime | None = None) -> list[Training]:
    """All trainings that have finished an epoch, of the analyses below a folder.

    Parameters
    ----------
    results : str or Path
        `results`, or the folder of one analysis in it.
    now : datetime, optional
        Local time, as in the logs; the present one unless given.

    Returns
    -------
    list of Training
        By analysis, model, fold and seed.

    Raises
    ------
    InputError
        When there is no such folder.
    """
    results = Path(results)
    if not results.is_dir():
        raise InputError(f"{results}: there is no such folder; give the one with the results.")
    found = []
    for pattern in _LOGS:
        for path in {*results.glob(f"logs/{pattern}"), *results.glob(f"*/logs/{pattern}")}:
            # Snakemake removes the log of a job before its next attempt
            with suppress(FileNotFoundError):
                found += _of_log(path, now or datetime.now())
    return sorted(found, key=lambda each: (each.analysis, each.model, each.fold, each.seed))


def _of_log(path: Path, now: datetime) -> list[Training]:
    """The trainings of one job, after its last attempt."""
    rows: dict[tuple[str, int, int], Training] = {}
    firsts: dict[tuple[str, int, int], tuple[datetime, int]] = {}
    node, job, state, last = "", "", "training", now
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        matched = _LINE.fullmatch(line)
        if not matched:
            continue
        level, text = matched[2], matched[3]
        last = datetime.strptime(matched[1], _FORMAT)
        if begun := _START.fullmatch(text):
            node, job, state, firsts = begun[2] or "", begun[3] or "", "training", {}
        elif text.endswith(" is done"):
            state = "done"
        elif level == "ERROR" or "told to stop" in text:
            state = "stopped"
        elif epoch := _EPOCH.fullmatch(text):
            key = (epoch[1], int(epoch[2]), int(epoch[3]))
            number, loss = int(epoch[4]), float(epoch[6])
            best = loss if epoch[7] or key not in rows else min(rows[key].best, loss)
            first, at = firsts.setdefault(key, (last, number))
            minutes = (last - first).total_seconds() / 60
            rows[key] = Training(
                path.parents[1].name, *key, number, int(epoch[5]), loss, best, state,
                (number - at) / minutes if minutes > 0 else math.nan, float(epoch[8]), 0, node, job,
            )  # fmt: skip
    for row in rows.values():
        row.state, row.age = state, max((now - last).total_seconds(), 0)
        if state == "done":
            row.left = 0.0
        each = row.left / max(row.epochs - row.epoch, 1)
        if state == "training" and row.age > max(_SILENT_SECONDS, _SILENT_EPOCHS * each):
            row.state = "silent"
    return list(rows.values())


def main_table(results: str | Path, now: datetime | None = None) -> str:
    """The trainings below a folder as a table of text, with a line that counts them.

    Parameters, errors
        As of `read`.
    """
    trainings = read(results, now)
    if not trainings:
        return f"{results}: no training has finished an epoch yet."
    cells = [COLUMNS, *(_cells(each) for each in trainings)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    counts = {state: sum(each.state == state for each in trainings) for state in STATES}
    lines.append(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    return "\n".join(lines)


def _cells(each: Training) -> tuple[str, ...]:
    rate = "" if math.isnan(each.per_minute) else f"{each.per_minute:.1f}"
    left = _duration(each.left) if each.state == "training" else ""
    age = _duration(each.age) if each.state in ("training", "silent") else ""
    return (
        each.analysis, each.model, str(each.fold), str(each.seed), each.state,
        f"{each.epoch}/{each.epochs}", f"{each.validation:.4f}", f"{each.best:.4f}", rate, left,
        age, each.node, each.job,
    )  # fmt: skip


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
