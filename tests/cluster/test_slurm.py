"""An analysis on a SLURM that takes jobs away gives what it gives on one machine, in all digits."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import lab
import pandas as pd
import psutil
import pytest
from biornn import progress
from workflow_copy import Workflow, make_workflow

pytestmark = pytest.mark.cluster

ANALYSIS = """\
title: Taken away
sources: {first: {type: path, path: data/tiny.csv}}
examples: {sequence: {column: x, alphabet: rna}}
target: {column: y, label: made up}
split: {method: k_fold, k: 2, validation: 0.2}
models:
  rnn: {cell: rnn, hidden_size: 4}
  lstm: {cell: lstm, hidden_size: 4}
  lstm_peephole: {cell: lstm, peephole: diagonal, hidden_size: 4}
  gru: {cell: gru, hidden_size: 4}
training: {seeds: [1, 2, 3], epochs: 80, patience: 80, batch_size: 16, schedule: constant}
baselines: {mean: {kind: mean}, ridge: {kind: linear}}
explain: {models: []}
evaluation: {resamples: 100, permutations: 199}
"""


#: Seconds between two looks of SLURM at the time limits, and some more.
SLURM_LOOKS_AT_LIMITS = 40
#: Seconds for a run on a machine that has other things to do.
PATIENCE = 3000


def slurm(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def requeue(job: str, node: str, process: int) -> None:
    slurm("scontrol", "requeue", job)


def signal_of(name: str) -> Callable[[str, str, int], None]:
    def send(job: str, node: str, process: int) -> None:
        slurm("scancel", f"--signal={name}", job)

    return send


def out_of_time(job: str, node: str, process: int) -> None:
    # what the profile asks for two minutes before the limit comes now
    slurm("scontrol", "update", f"jobid={job}", "TimeLimit=2")
    # or rather when SLURM looks next, twice a minute; so small a training would be over by then
    training = psutil.Process(process)
    training.suspend()

    def go_on() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            training.resume()

    threading.Timer(SLURM_LOOKS_AT_LIMITS, go_on).start()


def node_dies(job: str, node: str, process: int) -> None:
    jobs = slurm("squeue", "--noheader", "--nodelist", node, "--format", "%A").split()
    lab.kill_node(node, jobs)


def kill(job: str, node: str, process: int) -> None:
    psutil.Process(process).kill()


#: What happens to a training, by model and fold, once, after its third epoch.
MISHAPS = {
    ("rnn", 0): requeue,
    ("rnn", 1): signal_of("USR1"),
    ("lstm", 0): signal_of("TERM"),
    ("lstm", 1): kill,
    ("gru", 0): out_of_time,
    ("gru", 1): node_dies,
}
#: Of those, which leave the training the time to write a checkpoint.
WARNED = {("rnn", 1): 10, ("gru", 0): 10}


class Mishaps(threading.Thread):
    """Watches the logs of a run and does to its trainings what is planned."""

    def __init__(self, workflow: Workflow, planned: dict) -> None:
        super().__init__(daemon=True)
        self.workflow, self.planned, self.over = workflow, dict(planned), threading.Event()
        self.done: dict = {}
        self.told: dict = {}

    def run(self) -> None:
        looked = 0.0
        while not self.over.wait(0.1):
            for (model, fold), mishap in list(self.planned.items()):
                text = self._log(model, fold)
                started = re.search(r"\(process (\d+) on (\S+), SLURM job (\d+)\)", text)
                if started and "epoch 3/" in text:
                    process, node, job = int(started[1]), started[2], started[3]
                    del self.planned[model, fold]
                    mishap(job, node, process)
                    self.done[model, fold] = (job, node)
            # Snakemake removes the log when another attempt starts
            for model, fold in self.done:
                if told := re.search(r"told to stop \(signal (\d+)\)", self._log(model, fold)):
                    self.told[model, fold] = int(told[1])
            if time.monotonic() - looked > 2:
                self._look_after_slurm()
                looked = time.monotonic()

    def _log(self, model: str, fold: int) -> str:
        try:
            log = self.workflow.results / f"logs/train_model.{model}.fold{fold}.log"
            return log.read_text()
        except FileNotFoundError:
            return ""

    def _look_after_slurm(self) -> None:
        """What is requeued would wait two minutes; a node that died comes back once missed."""
        for line in slurm("squeue", "--noheader", "--states=PD", "--format=%A %r").splitlines():
            if line.endswith("BeginTime"):
                slurm("scontrol", "update", f"jobid={line.split()[0]}", "StartTime=now")
        for node in lab.NODES["gpu"]:
            if lab.state(node).startswith("down"):
                lab.start_node(node)

    def stop(self) -> None:
        self.over.set()
        self.join(30)


def on_the_cluster(folder: Path, analysis: str, mishaps: dict, *wanted: str) -> Workflow:
    """Run an analysis with the profile for SLURM while mishaps happen."""
    workflow = make_workflow(folder)
    (workflow.folder / "config/analyses/tiny.yaml").write_text(analysis)
    watch = Mishaps(workflow, mishaps)
    watch.start()
    outcome = workflow.run(
        *wanted, "--profile", "profiles/slurm", "--config", "gpus=true",
        "--slurm-init-seconds-before-status-checks", "5", timeout=PATIENCE,
    )  # fmt: skip
    watch.stop()
    assert outcome.returncode == 0, outcome.stdout
    assert set(watch.done) == set(mishaps), (watch.done, outcome.stdout)
    for model, fold in mishaps:
        log = (workflow.results / f"logs/train_model.{model}.fold{fold}.log").read_text()
        assert "goes on after epoch" in log, log
        if (model, fold) in WARNED:
            assert watch.told.get((model, fold)) == WARNED[model, fold], watch.told
    return workflow


def here(folder: Path, analysis: str, *wanted: str) -> Workflow:
    """Run the same analysis on this machine, undisturbed."""
    workflow = make_workflow(folder)
    (workflow.folder / "config/analyses/tiny.yaml").write_text(analysis)
    outcome = workflow.run(*wanted, timeout=PATIENCE)
    assert outcome.returncode == 0, outcome.stdout
    return workflow


def assert_equal(one: Workflow, two: Workflow) -> None:
    """Every prediction and every metric is the same."""
    names = sorted(
        path.relative_to(one.results) for path in one.results.rglob("predictions.parquet")
    )
    assert names
    for name in names:
        pd.testing.assert_frame_equal(
            pd.read_parquet(one.results / name), pd.read_parquet(two.results / name),
            check_exact=True,
        )  # fmt: skip
    for name in ("metrics.tsv", "comparisons.tsv", "splits.tsv"):
        assert (one.results / name).read_bytes() == (two.results / name).read_bytes(), name


def assert_said_where(workflow: Workflow) -> None:
    """The trainings went to the GPU nodes, and said why they computed elsewhere."""
    nodes = {each.node for each in progress.read(workflow.results)}
    assert nodes and nodes <= set(lab.NODES["gpu"])
    for log in (workflow.results / "logs").glob("train_model.*.log"):
        assert "trains on GPU" in log.read_text() or "was given to this job, but" in log.read_text()


def test_short(cluster, tmp_path):
    """Two models, two mishaps: what CI has time for."""
    analysis = re.sub(r"^  (lstm|lstm_peephole): .*\n", "", ANALYSIS, flags=re.MULTILINE)
    analysis = analysis.replace("method: k_fold, k: 2", "method: random")
    mishaps = {("rnn", 0): requeue, ("gru", 0): signal_of("USR1")}
    wanted = "results/tiny/metrics.tsv"
    quiet = here(tmp_path / "here", analysis, wanted)
    assert_equal(quiet, on_the_cluster(tmp_path / "there", analysis, mishaps, wanted))


def test_four_models_three_seeds_two_folds(cluster, tmp_path):
    """Requeued, told to stop, out of time, killed, on a node that dies: the same digits."""
    quiet = here(tmp_path / "here", ANALYSIS)
    workflow = on_the_cluster(tmp_path / "there", ANALYSIS, MISHAPS)
    assert_equal(quiet, workflow)
    assert_said_where(workflow)
    assert (workflow.results / "report.html").exists()
