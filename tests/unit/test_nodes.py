"""One training on several nodes: who starts whom, and who writes."""

import os
import sys

import pytest
from biornn import checkpoints, nodes
from biornn.config_models import TrainingConfig
from biornn.files import InputError

TWO = TrainingConfig(nodes=2, devices=3, threads=4)


def test_one_node_does_the_work_itself(tmp_path, monkeypatch):
    assert not nodes.spread(TrainingConfig(), tmp_path)
    # and so does a process that was started for the others
    monkeypatch.setenv("BIORNN_NODES", "1")
    monkeypatch.setenv("SLURM_PROCID", "5")
    assert not nodes.spread(TWO, tmp_path)


def test_outside_of_slurm_it_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(InputError, match=r"training\.nodes is 2, but this is no job of SLURM"):
        nodes.spread(TWO, tmp_path)


def test_a_process_for_each_device_of_each_node():
    words = nodes.command(TWO, ["train.py"])
    assert {"--nodes=2", "--ntasks=6", "--ntasks-per-node=3", "--cpus-per-task=4"} <= set(words)
    assert words[-2:] == [sys.executable, "train.py"]
    found = nodes.environment({"SLURM_JOB_ID": "7", "SLURM_NNODES": "1", "HOME": "/h"})
    assert nodes.environment({"SLURM_CONF": "/etc/x.conf"})["SLURM_CONF"] == "/etc/x.conf"
    assert found.items() >= {"SLURM_JOB_ID": "7", "HOME": "/h", "BIORNN_NODES": "1"}.items()
    assert "SLURM_NNODES" not in found and found["MASTER_ADDR"]


@pytest.mark.parametrize("code", [0, 3])
def test_the_processes_are_waited_for_while_the_lock_is_held(tmp_path, monkeypatch, code):
    # an srun that looks whether it could take the lock, and ends as it is told
    program = tmp_path / "srun"
    program.write_text(
        f"#!{sys.executable}\nimport fcntl, sys\n"
        f"handle = open({str(tmp_path / 'kept/lock')!r}, 'w')\n"
        "try:\n    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        f"except BlockingIOError:\n    sys.exit({code})\nsys.exit(9)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    if code:
        with pytest.raises(InputError, match="ended with code 3"):
            nodes.spread(TWO, tmp_path / "kept")
    else:
        assert nodes.spread(TWO, tmp_path / "kept")
    with checkpoints.lock(tmp_path / "kept"):
        pass
