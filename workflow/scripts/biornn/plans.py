"""Plans: what a run will take, by what earlier runs took.

Snakemake leaves the seconds of each job in `results/{analysis}/benchmarks/{rule}.….tsv`. The jobs
of a plan are counted from the configuration; each takes the mean of its rule, in the same analysis
if it has run before, else in all others.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .files import InputError


class Jobs(NamedTuple):
    """Jobs of one rule in one analysis, and what each of them is given."""

    analysis: str
    rule: str
    count: int
    threads: int = 1
    gpus: int = 0


class Row(NamedTuple):
    """What the jobs of one rule take; `seconds` is None where the rule has never run."""

    analysis: str
    rule: str
    count: int
    seconds: float | None
    cpu_hours: float
    gpu_hours: float
    source: str


def measured(results: str | Path) -> dict[str, dict[str, list[float]]]:
    """Seconds of every job of earlier runs, by rule and analysis.

    Raises
    ------
    InputError
        For a benchmark that is no table of Snakemake.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for path in sorted(Path(results).glob("*/benchmarks/*.tsv")):
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t"))
        try:
            seconds = [float(row["s"]) for row in rows]
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{path}: is no benchmark of Snakemake (a column s with seconds); remove it."
            ) from None
        rule = path.name.split(".")[0]
        found.setdefault(rule, {}).setdefault(path.parents[1].name, []).extend(seconds)
    return found


def plan(jobs: Sequence[Jobs], results: str | Path) -> list[Row]:
    """What some jobs will take.

    Parameters
    ----------
    jobs : sequence of Jobs
    results : str or Path
        Folder with the results of earlier runs; may be missing.

    Returns
    -------
    list of Row
        In the order of the jobs, without rules that have none. Hours are those of the cores and
        GPUs that the jobs hold.
    """
    known, rows = measured(results), []
    for each in jobs:
        if not each.count:
            continue
        of_rule = known.get(each.rule, {})
        own = of_rule.get(each.analysis)
        values = own or [value for other in of_rule.values() for value in other]
        seconds = statistics.fmean(values) if values else None
        hours = (seconds or 0) * each.count / 3600
        source = "never run" if not values else "this analysis" if own else "other analyses"
        rows.append(Row(each.analysis, each.rule, each.count, seconds, hours * each.threads,
                        hours * each.gpus, source))  # fmt: skip
    return rows


def as_text(rows: Sequence[Row]) -> str:
    """The plan as a table of text, with the totals."""
    cells = [("analysis", "rule", "jobs", "s a job", "CPU hours", "GPU hours", "measured in")]
    for row in rows:
        seconds = "?" if row.seconds is None else f"{row.seconds:.1f}"
        cells.append((row.analysis, row.rule, str(row.count), seconds, f"{row.cpu_hours:.2f}",
                      f"{row.gpu_hours:.2f}", row.source))  # fmt: skip
    total = (sum(row.count for row in rows), sum(row.cpu_hours for row in rows),
             sum(row.gpu_hours for row in rows))  # fmt: skip
    cells.append(("all", "", str(total[0]), "", f"{total[1]:.2f}", f"{total[2]:.2f}", ""))
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in cells]  # fmt: skip
    if unknown := sum(row.count for row in rows if row.seconds is None):
        lines.append(
            f"{unknown} jobs of rules that have never run here are not in the hours; run one of "
            "each first (a smaller analysis will do)."
        )
    return "\n".join(lines)
