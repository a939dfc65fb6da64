"""Runs: a network to train, what became of it, and the tables that say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from . import gradient_flow
from .folds import FoldData

HISTORY_COLUMNS = [
    "fold", "seed", "epoch", "train_loss", "validation_loss", "learning_rate", "gradient_norm",
    "clipped_steps", "seconds",
]  # fmt: skip


@dataclass(frozen=True)
class Replicate:
    """A network to train: one seed on one fold.

    Attributes
    ----------
    data : FoldData
    seed : int
        Decides the initial weights, the order of the batches, dropout, and shuffled labels.
    fold : int
    """

    data: FoldData
    seed: int
    fold: int = 0


@dataclass
class Run:
    """What became of a replicate.

    Attributes
    ----------
    seed, fold : int
    epochs, best_epoch : int
        Epochs that were trained, and the one with the lowest validation loss.
    seconds : float
        Time of training of the whole stack until this replicate was done.
    state : dict
        Weights of the best epoch.
    history : list of dict
        One row of `HISTORY_COLUMNS` an epoch.
    flow : list of dict
        Rows of `gradient_flow.COLUMNS`, of the first and the last epoch.
    cost : dict
        Shares of the stack: `padding_waste` of all steps, `loop_overhead` of the time; `replicates`
        in the stack.
    predictions : numpy.ndarray
        float64 [targets, values], for every example (or position): values in the target's unit, or
        class probabilities.
    attention : dict of numpy.ndarray
        By row, of each test example the weights of its positions; empty without that readout.
    """

    seed: int
    fold: int = 0
    epochs: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    seconds: float = 0.0
    state: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    flow: list[dict[str, Any]] = field(default_factory=list)
    cost: dict[str, float] = field(default_factory=dict)
    predictions: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    attention: dict[int, np.ndarray] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """What `model.json` says of the run."""
        return {
            "seed": self.seed,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": round(self.seconds, 3),
            "cost": {key: round(value, 4) for key, value in self.cost.items()},
        }


def history_table(runs: Sequence[Run]) -> pd.DataFrame:
    """`history.tsv`: one row an epoch and run."""
    return pd.DataFrame([row for run in runs for row in run.history])[HISTORY_COLUMNS]


def flow_table(runs: Sequence[Run]) -> pd.DataFrame:
    """`gradient_flow.tsv`; no row for networks without recurrence."""
    rows = [row for run in runs for row in run.flow]
    return pd.DataFrame(rows, columns=gradient_flow.COLUMNS)


def attention_table(
    ids: pd.Series, data: FoldData, runs: Sequence[Run], pool: int = 1
) -> pd.DataFrame:
    """`attention.parquet`: weights of the positions of each test example; maybe no row.

    `pool` positions have one weight.

    Returns
    -------
    pandas.DataFrame
        `id, fold, seed, position, weight`; the first position is 1. Where neighbouring positions
        were pooled, `position` is the first of them.
    """
    columns = ["id", "fold", "seed", "position", "weight"]
    frames = []
    for run in runs:
        if not run.attention:
            continue
        rows = data.rows("test")
        weights = [run.attention[row] for row in rows]
        lengths = [len(own) for own in weights]
        positions = [np.arange(length) * pool + 1 for length in lengths]
        frames.append(
            pd.DataFrame(
                {
                    "id": np.repeat(ids.to_numpy()[rows], lengths),
                    "fold": run.fold,
                    "seed": run.seed,
                    "position": np.concatenate(positions),
                    "weight": np.concatenate(weights).astype(np.float32),
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def write_events(folder: Path, row: dict[str, float]) -> None:
    """Append one epoch to TensorBoard's event file of a run."""
    from torch.utils.tensorboard import SummaryWriter  # an extra, and slow to import

    with SummaryWriter(str(folder)) as writer:
        for name in ("train_loss", "validation_loss", "learning_rate", "gradient_norm",
                     "clipped_steps"):  # fmt: skip
            writer.add_scalar(name, row[name], int(row["epoch"]))
