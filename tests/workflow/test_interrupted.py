"""A training that is told to stop ends the run, and the same command goes on with it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest


def stop_when_it_learns(log, number, told):
    """Send a signal to the training once its log has an epoch; append the process to `told`."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not told:
        text = log.read_text() if log.exists() else ""
        # the log of the run before is there too, from before this one starts
        start = text.rfind("train_model starts (process ")
        if "epoch 3/" in text[start:] and "/80," in text[start:]:
            process = int(re.match(r"\d+", text[start + 28 :]).group())
            os.kill(process, number)
            told.append(process)
        time.sleep(0.05)


def test_a_training_that_is_told_to_stop_goes_on_when_the_command_is_given_again(again):
    workflow = again()
    workflow.edit(
        "config/analyses/tiny.yaml", "epochs: 4", "epochs: 80, patience: 80, schedule: constant"
    )
    wanted = "results/tiny/models/rnn/fold0/model.json"
    log = workflow.results / "logs/train_model.rnn.fold0.log"
    told: list[int] = []
    watch = threading.Thread(
        target=stop_when_it_learns, args=(log, signal.SIGTERM, told), daemon=True
    )
    watch.start()
    outcome = workflow.run(wanted)
    watch.join()
    assert told and outcome.returncode != 0, outcome.stdout
    assert "told to stop (signal 15)" in log.read_text()
    kept = workflow.results / "checkpoints/rnn/fold0/stack0.pt"
    assert kept.stat().st_size and not (workflow.folder / wanted).exists()

    outcome = workflow.run(wanted)
    assert outcome.returncode == 0, outcome.stdout
    went_on = re.search(r"goes on after epoch (\d+), step \d+", log.read_text())
    assert went_on and int(went_on.group(1)) >= 3
    assert (workflow.folder / wanted).exists() and not kept.exists()


@pytest.mark.slow
def test_two_runs_in_one_directory_and_a_lock_that_is_left(workflow):
    wanted = "results/tiny/splits.tsv"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", wanted]
    running = subprocess.Popen(
        command, cwd=workflow.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    locks = workflow.folder / ".snakemake/locks"
    deadline = time.monotonic() + 120
    while not (locks.exists() and any(locks.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGSTOP)  # it is there, and does not get any further
    second = workflow.run(wanted)
    assert second.returncode != 0 and "Directory cannot be locked" in second.stdout
    running.kill()
    running.wait()
    third = workflow.run(wanted)
    assert third.returncode != 0 and "--unlock" in third.stdout
    assert workflow.run("--unlock").returncode == 0
    outcome = workflow.run(wanted)
    assert outcome.returncode == 0, outcome.stdout
