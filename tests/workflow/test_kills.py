"""Twenty processes of a run are killed at random; the same command goes on, and nothing differs."""

import os
import random
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
from workflow_copy import Workflow, make_workflow

pytestmark = pytest.mark.slow

KILLS = 20
SEED = 20261127
ANALYSIS = """\
title: Killed
sources: {first: {type: path, path: data/tiny.csv}}
examples: {sequence: {column: x, alphabet: rna}}
target: {column: y, label: made up}
split: {method: k_fold, k: 2, validation: 0.2}
models: {rnn: {cell: rnn, hidden_size: 4}, gru: {cell: gru, hidden_size: 4}}
training: {seeds: [1, 2], epochs: 150, patience: 150, batch_size: 8, schedule: constant,
           device: cpu}
baselines: {mean: {kind: mean}, ridge: {kind: linear}}
explain: {models: []}
evaluation: {resamples: 100, permutations: 199}
"""
WANTED = ("results/tiny/metrics.tsv", "results/tiny/comparisons.tsv")


def fresh(folder) -> Workflow:
    workflow = make_workflow(folder)
    (workflow.folder / "config/analyses/tiny.yaml").write_text(ANALYSIS)
    return workflow


def start(workflow: Workflow) -> subprocess.Popen:
    """The command of the README after a crash: unlock, then the same again."""
    assert workflow.run("--unlock").returncode == 0
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "2", *WANTED], cwd=workflow.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"XDG_CONFIG_HOME": str(workflow.folder / "none")},
    )  # fmt: skip


def ours(workflow: Workflow) -> list[psutil.Process]:
    """Every process that works in this folder, orphans too, by number."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(workflow.folder.resolve()) and process.status() != "zombie":
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return sorted(found, key=lambda process: process.pid)


def test_twenty_random_kills(tmp_path):
    quiet = fresh(tmp_path / "quiet")
    outcome = quiet.run(*WANTED)
    assert outcome.returncode == 0, outcome.stdout

    workflow, chance = fresh(tmp_path / "killed"), random.Random(SEED)
    killed: list[str] = []
    starts, finished = 0, 0
    while len(killed) < KILLS:
        running = start(workflow)
        starts += 1
        # Snakemake itself takes some seconds before there is anything else to kill
        time.sleep(chance.uniform(1, 12))
        while running.poll() is None and len(killed) < KILLS:
            processes = ours(workflow)
            # most of a run is not Snakemake alone: let it come that far more often than not
            if len(processes) > 1 or (processes and chance.random() < 0.2):
                victim = chance.choice(processes)
                try:
                    words = victim.cmdline()
                    victim.kill()
                except psutil.NoSuchProcess:
                    continue
                killed.append(" ".join(words))
            time.sleep(chance.uniform(0.5, 4))
        if running.poll() == 0:  # too quick for the rest of the kills: another round
            finished += 1
            for path in workflow.results.rglob("*"):
                if path.is_file() and path.name in ("predictions.parquet", "metrics.tsv"):
                    path.unlink()
        assert starts < 4 * KILLS
    if running.poll() is None:
        running.wait(300)
    # an orphan may still hold a checkpoint; it ends or is waited for
    psutil.wait_procs(ours(workflow), timeout=120)
    for process in ours(workflow):
        process.kill()
    workflow.run("--unlock")
    outcome = workflow.run(*WANTED)
    assert outcome.returncode == 0, (killed, outcome.stdout)
    assert any("train_model.py" in command for command in killed), killed
    assert any("-m snakemake" in command for command in killed), killed
    for name in WANTED:
        assert (workflow.folder / name).read_bytes() == (quiet.folder / name).read_bytes(), killed
    for path in quiet.results.rglob("predictions.parquet"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(path),
            pd.read_parquet(workflow.results / path.relative_to(quiet.results)),
            check_exact=True,
        )
    assert not list(workflow.results.rglob("checkpoints/*/*/stack*.pt"))
