"""Allocation: what SLURM tells a process of itself."""

from __future__ import annotations

import os
import socket

#: Set for the processes of one training that run on several nodes (`nodes.spread`).
MARK = "BIORNN_NODES"


def place() -> str:
    """The node that this process runs on, and SLURM's number of its job, for a log."""
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    job = os.environ.get("SLURM_JOB_ID")
    return f"on {node}, SLURM job {job}" if job else f"on {node}"


def rank() -> int | None:
    """Number of this process among those that share a training over nodes; None if there are none.

    The first one, 0, logs and writes the results.
    """
    return int(os.environ["SLURM_PROCID"]) if MARK in os.environ else None
