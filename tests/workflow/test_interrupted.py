"""A training that is told to stop ends the run, and the same command goes on with it."""

import os
import re
import signal
import threading
import time


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
