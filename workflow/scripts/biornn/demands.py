"""Demands: what a job of each rule asks a cluster for, by the size of its data and its attempt.

Memory and time grow with the data and with every attempt, so that a job that was too large for its
first allocation fits a later one. The numbers are a few times what the analyses of this repository
took (their `results/{analysis}/benchmarks`), since a job that asks too little is killed and one
that asks too much only waits longer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .files import InputError


class Demand(NamedTuple):
    """What a job takes: a floor, and more for each MiB of its data.

    Attributes
    ----------
    mem_mb : float
        MiB without data: Python, the libraries, and on a cluster two Snakemakes around the job.
    mem_per_mb : float
        MiB for each MiB of input files.
    minutes : float
        Minutes without data.
    minutes_per_mb : float
        Minutes for each MiB of input files; of trainings for each MiB, pass and network.
    """

    mem_mb: float
    mem_per_mb: float
    minutes: float
    minutes_per_mb: float


#: Minutes that no job asks for more than: many partitions refuse longer ones, and a training that
#: needs more goes on in its next attempt.
LONGEST = 24 * 60
#: By rule.
DEMANDS = {
    "build_examples": Demand(1000, 30, 15, 0.2),
    "cluster_sequences": Demand(2000, 40, 30, 1),
    "split_examples": Demand(1000, 40, 20, 2),
    "encode_sequences": Demand(800, 20, 10, 0.1),
    "normalize_expression": Demand(1000, 30, 15, 0.5),
    "tune_model": Demand(1800, 40, 60, 0.1),
    "train_model": Demand(1800, 40, 30, 0.1),
    "train_parts": Demand(1800, 40, 30, 0.1),
    "train_baseline": Demand(1200, 60, 30, 5),
    "fit_parts": Demand(1200, 60, 30, 5),
    "measure_ceiling": Demand(1000, 40, 15, 1),
    "evaluate": Demand(1500, 40, 30, 2),
    "evaluate_parts": Demand(1500, 40, 30, 2),
    "explain_model": Demand(1800, 60, 45, 10),
    "render_report": Demand(1500, 20, 20, 0.5),
    "predict": Demand(1500, 10, 30, 0.5),
}


def memory(rule: str, size_mb: float, attempt: int = 1) -> int:
    """Memory of a job.

    Parameters
    ----------
    rule : str
        One of `DEMANDS`.
    size_mb : float
        MiB of the data that the job reads.
    attempt : int
        From 1.

    Returns
    -------
    int
        MiB.

    Raises
    ------
    InputError
        For a rule without a line in `DEMANDS`.
    """
    demand = _of(rule)
    return math.ceil((demand.mem_mb + demand.mem_per_mb * size_mb) * attempt)


def runtime(rule: str, size_mb: float, attempt: int = 1, passes: int = 1) -> int:
    """Time limit of a job, in minutes, at most `LONGEST`; parameters and errors as of `memory`.

    Parameters
    ----------
    passes : int
        Of trainings: passes over the data of all networks together.
    """
    demand = _of(rule)
    minutes = (demand.minutes + demand.minutes_per_mb * size_mb * passes) * attempt
    return math.ceil(min(minutes, LONGEST))


def _of(rule: str) -> Demand:
    if rule not in DEMANDS:
        raise InputError(f"demands.py: the rule {rule} has no line in DEMANDS; add one.")
    return DEMANDS[rule]
