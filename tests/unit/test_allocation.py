"""What SLURM tells a process of itself."""

import re

from biornn import allocation


def test_the_place_is_the_node_and_the_job_of_slurm(monkeypatch):
    monkeypatch.setenv("SLURMD_NODENAME", "node3")
    monkeypatch.setenv("SLURM_JOB_ID", "11")
    assert allocation.place() == "on node3, SLURM job 11"
    monkeypatch.delenv("SLURM_JOB_ID")
    monkeypatch.delenv("SLURMD_NODENAME")
    assert re.fullmatch(r"on \S+", allocation.place())


def test_only_processes_that_were_started_for_several_nodes_have_a_rank(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "5")
    assert allocation.rank() is None
    monkeypatch.setenv(allocation.MARK, "1")
    assert allocation.rank() == 5
