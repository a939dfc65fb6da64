"""Where trainings are, as their logs tell."""

import re
from datetime import datetime, timedelta

import pytest
from biornn import progress
from biornn.files import InputError

LOG = """\
2026-01-02 10:00:00 INFO train_model starts (process 7 on node3, SLURM job 11)
2026-01-02 10:00:00 INFO gru: trains on CPU, 1 thread (as configured)
2026-01-02 10:00:10 INFO gru fold 0 seed 1: epoch 1/9, loss 0.9000, validation 0.8000 (best), \
rate 0.01, 0 steps clipped, at most 80 s left
2026-01-02 10:00:10 INFO gru fold 0 seed 2: epoch 1/9, loss 0.9000, validation 0.7000 (best), \
rate 0.01, 0 steps clipped, at most 80 s left
2026-01-02 10:00:40 WARNING gru: told to stop (signal 15) in epoch 2; the same command goes on
"""
SECOND = """\
2026-01-02 11:00:00 INFO train_model starts (process 8 on node4, SLURM job 12)
2026-01-02 11:00:00 INFO gru: goes on after epoch 1, step 3
2026-01-02 11:00:30 INFO gru fold 0 seed 1: epoch 2/9, loss 0.9000, validation 0.8500, rate 0.01, \
0 steps clipped, at most 70 s left
2026-01-02 11:01:30 INFO gru fold 0 seed 1: epoch 4/9, loss 0.9000, validation 0.7500 (best), \
rate 0.01, 0 steps clipped, at most 3661 s left
"""


@pytest.fixture
def results(tmp_path):
    (tmp_path / "made/logs").mkdir(parents=True)
    (tmp_path / "made/logs/train_model.gru.fold0.log").write_text(LOG)
    return tmp_path


def test_a_stopped_training_and_one_that_goes_on_elsewhere(results):
    one, two = progress.read(results)
    assert (one.seed, one.epoch, one.epochs, one.state) == (1, 1, 9, "stopped")
    assert (two.seed, two.best, two.node, two.job) == (2, 0.7, "node3", "11")
    with (results / "made/logs/train_model.gru.fold0.log").open("a") as log:
        log.write(SECOND)
    now = datetime(2026, 1, 2, 11, 2, 0)
    one, _ = progress.read(results / "made", now)
    assert (one.state, one.node, one.job) == ("training", "node4", "12")
    assert (one.validation, one.best, one.left) == (0.75, 0.75, 3661)
    assert one.per_minute == 2  # two epochs in the minute since the first of this attempt
    row = progress.main_table(results, now).splitlines()[1]
    assert re.split(r"\s{2,}", row) == [
        "made", "gru", "0", "1", "training", "4/9", "0.7500", "0.7500", "2.0", "1:01:01",
        "0:00:30", "node4", "12",
    ]  # fmt: skip


def test_a_job_that_was_killed_is_silent_after_a_while(results, monkeypatch):
    log = results / "made/logs/train_model.gru.fold0.log"
    log.write_text(SECOND)  # 12 minutes an epoch are expected
    last = datetime(2026, 1, 2, 11, 1, 30)
    for minutes, state in [(35, "training"), (40, "silent")]:
        (one,) = progress.read(results, last + timedelta(minutes=minutes))
        assert (one.state, one.age) == (state, 60 * minutes)
    table = progress.main_table(results, last + timedelta(hours=1))
    assert table.endswith("\n1 silent") and "1:00:00" in table and "1:01:01" not in table
    # a log that Snakemake removes while all are read
    monkeypatch.setattr(progress.Path, "glob", lambda self, pattern: [log.with_suffix(".gone")])
    assert progress.read(results) == []


def test_what_is_done_and_what_failed(results):
    log = results / "made/logs/train_model.gru.fold0.log"
    log.write_text(LOG + SECOND + "2026-01-02 11:02:00 INFO train_model is done\n")
    assert {each.state for each in progress.read(results)} == {"done"}
    assert progress.main_table(results).endswith("\n2 done")
    log.write_text(LOG + SECOND + "2026-01-02 11:02:00 ERROR train_model: no memory\nTraceback\n")
    assert {each.state for each in progress.read(results)} == {"stopped"}


def test_nothing_to_tell(tmp_path):
    assert "no training has finished an epoch" in progress.main_table(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        progress.read(tmp_path / "none")
