"""Checkpoints are whole or not there, belong to one training, and hold no code."""

import errno
import fcntl
import hashlib
import io
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from biornn import checkpoints
from biornn.files import InputError


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "x.pt"
    state = {"epoch": 3, "weights": {"a": torch.arange(4.0)}, "runs": [{"seed": 1}]}
    checkpoints.write(path, "key", state)
    found = checkpoints.read(path, "key")
    assert torch.equal(found["weights"].pop("a"), torch.arange(4.0))
    assert found == {"epoch": 3, "weights": {}, "runs": [{"seed": 1}]}
    assert [each.name for each in tmp_path.iterdir()] == ["x.pt"]


def test_of_another_training_or_damaged(tmp_path, caplog):
    path = tmp_path / "x.pt"
    assert checkpoints.read(path, "key") is None and checkpoints.read(None, "key") is None
    checkpoints.write(None, "key", {"epoch": 3})
    checkpoints.write(path, "key", {"epoch": 3})
    assert checkpoints.read(path, "other") is None and "other data or settings" in caplog.text
    for position in (0, 40, -1):
        whole = bytearray(path.read_bytes())
        whole[position] ^= 1
        path.write_bytes(whole)
        caplog.clear()
        assert checkpoints.read(path, "key") is None and "is damaged" in caplog.text
        whole[position] ^= 1
        path.write_bytes(whole)


def test_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/PWNED",)

    buffer = io.BytesIO()
    torch.save({"key": Evil()}, buffer)
    path = tmp_path / "x.pt"
    path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        checkpoints.read(path, "key")
    assert not (tmp_path / "PWNED").exists()


def test_two_jobs_can_not_write_one_checkpoint(tmp_path):
    with checkpoints.lock(tmp_path / "c"):
        with (
            pytest.raises(InputError, match="another job is still training here"),
            checkpoints.lock(tmp_path / "c"),
        ):
            pass
    with checkpoints.lock(tmp_path / "c"):
        pass


def test_a_dead_job_on_another_node_is_waited_for_and_a_living_one_not_disturbed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoints, "BEAT", 0.05)
    monkeypatch.setattr(checkpoints, "LEASE", 0.4)
    (tmp_path / "c").mkdir()
    left = tmp_path / "c/lock"
    left.write_text("on node9, SLURM job 7")  # as a node leaves it that has lost its power
    with checkpoints.lock(tmp_path / "c"):
        assert left.read_text().startswith("on ") and "node9" not in left.read_text()
        before = left.stat().st_mtime_ns
        deadline = time.monotonic() + 10
        while left.stat().st_mtime_ns == before and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left.stat().st_mtime_ns > before  # it shows that it lives
        # to another node, which does not see the kernel's lock, it is taken
        monkeypatch.setenv("SLURMD_NODENAME", "node5")
        monkeypatch.setattr(checkpoints.fcntl, "flock", _no_locks)
        with (
            pytest.raises(InputError, match="is still training here, on "),
            checkpoints.lock(tmp_path / "c"),
        ):
            pass


def test_nobody_enters_between_a_holder_and_its_removal_of_the_file(tmp_path, monkeypatch):
    folder, tried, unlink = tmp_path / "c", [], Path.unlink

    def tried_by_another(path, **options):
        with pytest.raises(InputError, match="still training"), checkpoints.lock(folder):
            pass
        tried.append(path)
        unlink(path, **options)

    with checkpoints.lock(folder):
        monkeypatch.setattr(Path, "unlink", tried_by_another)
    assert tried == [folder / "lock"] and not folder.exists()


@pytest.mark.parametrize("taken", [True, False])
def test_a_lock_on_a_file_that_was_removed_holds_nothing(tmp_path, monkeypatch, taken):
    folder, flock, first, third = tmp_path / "c", fcntl.flock, ExitStack(), ExitStack()
    first.enter_context(checkpoints.lock(folder))

    def late(*arguments):
        # the file is open already when its holder leaves and removes it, and a third one comes
        monkeypatch.setattr(checkpoints.fcntl, "flock", flock)
        first.close()
        assert not folder.exists()
        if taken:
            third.enter_context(checkpoints.lock(folder))
        flock(*arguments)

    monkeypatch.setattr(checkpoints.fcntl, "flock", late)
    with third, ExitStack() as second:
        if taken:
            with pytest.raises(InputError, match="still training"):
                second.enter_context(checkpoints.lock(folder))
        else:
            second.enter_context(checkpoints.lock(folder))
        assert (folder / "lock").read_text().startswith("on ")
    assert not folder.exists()


@pytest.mark.parametrize("leave", [Path.unlink, lambda path: path.write_text("")])
def test_a_holder_on_another_node_that_leaves_is_not_waited_for(tmp_path, monkeypatch, leave):
    monkeypatch.setattr(checkpoints, "BEAT", 0.1)
    monkeypatch.setattr(checkpoints.fcntl, "flock", _no_locks)
    left = tmp_path / "c/lock"
    left.parent.mkdir()
    left.write_text("on node9, SLURM job 7")
    leaving = threading.Timer(0.2, leave, [left])
    leaving.start()
    start = time.monotonic()
    with checkpoints.lock(tmp_path / "c"):
        assert "node9" not in left.read_text()
    leaving.join()
    assert time.monotonic() - start < checkpoints.LEASE / 2


def test_of_two_nodes_that_sign_at_once_the_last_one_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "BEAT", 0.2)
    monkeypatch.setattr(checkpoints.fcntl, "flock", _no_locks)
    signed, over, fsync = tmp_path / "c/lock", threading.Event(), os.fsync

    def lives():
        while not over.wait(0.05):
            signed.touch()

    beats = threading.Thread(target=lives)

    def another_signs(descriptor):
        fsync(descriptor)
        signed.write_text("on node9, SLURM job 7")
        beats.start()

    monkeypatch.setattr(checkpoints.os, "fsync", another_signs)
    with (
        pytest.raises(InputError, match="is still training here, on node9"),
        checkpoints.lock(tmp_path / "c"),
    ):
        pass
    over.set()
    beats.join()
    assert signed.read_text() == "on node9, SLURM job 7"


def _no_locks(*_):
    raise OSError(errno.ENOLCK, "No locks available")


def test_a_folder_is_gone_when_its_training_is_done(tmp_path):
    for clear in (False, True):
        with checkpoints.lock(tmp_path / "c") as folder:
            (folder / "0.5").mkdir(exist_ok=True)
            checkpoints.write(folder / "0.5/x.pt", "key", {"epoch": 3})
            checkpoints.write(folder / "x.pt", "key", {"epoch": 3})
            if clear:
                checkpoints.clear(folder)
        assert (tmp_path / "c").exists() != clear


@pytest.mark.parametrize("number", checkpoints.SIGNALS)
def test_a_signal_asks_and_does_not_kill(number):
    before = signal.getsignal(number)
    with checkpoints.stopping() as stop:
        assert stop.signal is None
        os.kill(os.getpid(), number)
        assert stop.signal == number
        with pytest.raises(SystemExit) as caught:
            stop.leave()
        assert caught.value.code == 128 + number
    assert signal.getsignal(number) == before


def test_a_process_that_does_not_ask_lets_signals_pass():
    with checkpoints.stopping(asks=False) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal is None


def test_outside_of_the_main_thread_signals_are_left_alone():
    found = []

    def run():
        with checkpoints.stopping() as stop:
            found.append(stop.signal)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [None]
