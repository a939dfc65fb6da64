"""Nodes: one training by processes on several nodes of a SLURM allocation.

The job that Snakemake starts runs on the first node. It starts itself again, once for each device
of each node, by `srun`; SLURM's variables tell each of these processes which one it is, and torch's
process group does the rest.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from . import checkpoints
from .allocation import MARK, rank
from .config_models import TrainingConfig
from .files import InputError

logger = logging.getLogger(__name__)


def command(config: TrainingConfig, arguments: list[str]) -> list[str]:
    """How `srun` starts a process for each device of each node."""
    return [
        "srun", "--overlap", f"--nodes={config.nodes}", f"--ntasks={config.nodes * config.devices}",
        f"--ntasks-per-node={config.devices}", f"--cpus-per-task={config.threads}",
        "--cpu-bind=none", "--kill-on-bad-exit=1", sys.executable, *arguments,
    ]  # fmt: skip


def environment(found: Mapping[str, str]) -> dict[str, str]:
    """Environment of these processes: the allocation, without what this step alone was given.

    `SLURM_CONF`, which a site may set, says where the cluster's own settings are.
    """
    step = ("SLURM_", "SRUN_", "SBATCH_")
    kept = {
        key: value
        for key, value in found.items()
        if not key.startswith(step) or key in ("SLURM_JOB_ID", "SLURM_CONF")
    }
    return kept | {MARK: "1", "MASTER_ADDR": socket.gethostname()}


def spread(config: TrainingConfig, folder: str | Path) -> bool:
    """Run this very script on all nodes, where more than one is asked for, and wait for them.

    Parameters
    ----------
    config : TrainingConfig
    folder : str or Path
        Checkpoints of the training; the lock on it is held for all processes.

    Returns
    -------
    bool
        True when the work is done; False when it is this process that is to do it.

    Raises
    ------
    InputError
        Outside of a job of SLURM, or when a process ended with an error.
    """
    if config.nodes == 1 or rank() is not None:
        return False
    if "SLURM_JOB_ID" not in os.environ:
        raise InputError(
            f"training.nodes is {config.nodes}, but this is no job of SLURM. Run with --profile "
            "profiles/slurm, or set training.nodes: 1 and training.devices."
        )
    with checkpoints.lock(folder), checkpoints.stopping() as stop:
        logger.info("%d nodes, %d processes on each", config.nodes, config.devices)
        started = subprocess.Popen(command(config, sys.argv), env=environment(os.environ))
        while started.poll() is None:
            try:
                started.wait(1)
            except subprocess.TimeoutExpired:
                if stop.signal is not None:  # SLURM tells every step; others told us alone
                    started.send_signal(signal.SIGUSR1)
                    started.wait()
        if stop.signal is not None and started.returncode:
            stop.leave()
    if started.returncode:
        raise InputError(
            f"a process of this training ended with code {started.returncode}; what it said is "
            "above in this log, or in the log of the SLURM job."
        )
    return True
