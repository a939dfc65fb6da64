"""A dry run of very many trainings: `python benchmarks/scale.py`.

Plans analyses of 1,000, 3,000 and 10,000 training jobs (models times folds; the three seeds of
each are inside of a job) by `snakemake -n`, and prints for each the seconds, the processor's
seconds, the peak memory of the process, and these per thousand jobs. Nothing is asserted about
speed. With `--profile FILE` the profile of the smallest is kept (for `python -m pstats`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

ANALYSIS = """\
title: Many
sources: {{table: {{type: path, path: table.csv}}}}
examples: {{sequence: {{column: x, alphabet: rna}}}}
target: {{column: y}}
split: {{method: k_fold, k: {folds}, validation: 0.1}}
models: {{{models}}}
training: {{seeds: [1, 2, 3], device: cpu}}
baselines: {{mean: {{kind: mean}}}}
explain: {{models: []}}
"""


def make(folder: Path, models: int, folds: int) -> None:
    """A folder in which an analysis can be planned."""
    for name in ("Snakefile", "workflow", "envs", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "config/analyses").mkdir(parents=True)
    (folder / "config/config.yaml").write_text("analyses: [many]\n")
    named = ", ".join(f"m{number}: {{cell: gru}}" for number in range(models))
    (folder / "config/analyses/many.yaml").write_text(ANALYSIS.format(folds=folds, models=named))
    (folder / "table.csv").write_text("x,y\nACGU,1\n")


def plan(folder: Path, profile: str | None) -> tuple[float, float, float]:
    """Seconds, processor's seconds and MiB at the peak of a dry run."""
    before = ["-m", "cProfile", "-o", profile] if profile else []
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *before, "-m", "snakemake", "-n", "--quiet", "--cores", "2"],
        cwd=folder, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"snakemake -n ended with {os.waitstatus_to_exitcode(status)}")
    seconds = time.perf_counter() - started
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1000, 3000, 10000])
    parser.add_argument("--folds", type=int, default=100)
    parser.add_argument("--profile")
    options = parser.parse_args()
    print("training jobs  seconds  processor  MiB   processor per 1,000  KiB per job")
    for jobs in options.jobs:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), jobs // options.folds, options.folds)
            kept = options.profile if jobs == options.jobs[0] else None
            seconds, busy, peak = plan(Path(name), kept)
        print(f"{jobs:13,}  {seconds:7.1f}  {busy:9.1f}  {peak:4.0f}  {busy / jobs * 1000:19.2f}"
              f"  {peak * 1024 / jobs:11.0f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
