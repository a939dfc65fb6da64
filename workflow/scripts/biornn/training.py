"""Training: one network a seed, the same digits every time, and nothing lost when it is killed.

What an epoch draws (order of batches, dropout) depends on the seed and the epoch's number alone, so
a run that goes on from a checkpoint is bitwise the run that was never stopped (on a CPU).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import io
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from .config_models import ModelConfig, TrainingConfig
from .datasets import SequenceDataset
from .files import InputError, write_with
from .folds import FoldData
from .losses import Loss, TargetScaling
from .models import InputScheme, Network, infer

logger = logging.getLogger(__name__)

HISTORY_COLUMNS = [
    "fold", "seed", "epoch", "train_loss", "validation_loss", "learning_rate", "gradient_norm",
    "clipped_steps", "seconds",
]  # fmt: skip
#: Examples in a batch without gradients.
INFERENCE_BATCH = 1024
_WARM_UP = 0.2


@dataclass(frozen=True)
class Run:
    """A trained network of one seed.

    Attributes
    ----------
    seed, epochs, best_epoch : int
    seconds : float
        Time of training.
    state : dict
        Weights of the epoch with the lowest validation loss.
    history : list of dict
        One row of `HISTORY_COLUMNS` an epoch.
    predictions : numpy.ndarray
        float64 [targets, values], for every example (or position), from `Loss.to_predictions`.
    """

    seed: int
    epochs: int
    best_epoch: int
    seconds: float
    state: dict[str, Tensor]
    history: list[dict[str, float]]
    predictions: np.ndarray

    def summary(self) -> dict[str, Any]:
        """What `model.json` says of the run."""
        return {
            "seed": self.seed,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": round(self.seconds, 3),
        }


def make_fabric(config: TrainingConfig) -> tuple[Fabric, str]:
    """The device to train on and a sentence that says which and why."""
    torch.set_num_threads(config.threads)
    # as gradients vanish, numbers become denormal and each operation many times slower
    torch.set_flush_denormal(True)
    keep_freed_memory()
    available = torch.cuda.is_available()
    if config.device == "gpu" and not available:
        raise InputError(
            "training.device is gpu, but this job sees no CUDA device. Ask for one "
            "(--resources gpu=1, or the profile's gpu setting), or set training.device: auto."
        )
    if config.device == "cpu" or not available:
        why = "as configured" if config.device == "cpu" else "no GPU was given to this job"
        threads = f"{config.threads} thread{'s' if config.threads > 1 else ''}"
        fabric = Fabric(accelerator="cpu", devices=1, precision=config.precision)
        return fabric, f"CPU, {threads} ({why})"
    fabric = Fabric(accelerator="cuda", devices=1, precision=config.precision)
    return fabric, f"GPU, {torch.cuda.get_device_name(0)}"


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees; True where the C library can (glibc).

    Every training step frees some megabytes and asks for them again. By default glibc gives such
    blocks back to the kernel at once, which must then clear each page anew.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # 32 MiB is the most that glibc takes for the second
    return bool(mallopt(trim_threshold, 2**30)) and bool(mallopt(mmap_threshold, 2**25))


def learning_rate_factor(schedule: str, progress: float) -> float:
    """Learning rate as a fraction of the highest, at `progress` in [0, 1] through training.

    `cosine` falls from 1 to 0 (Loshchilov & Hutter 2017); `one_cycle` first rises linearly over the
    first fifth (after Smith 2018).
    """
    if schedule == "constant":
        return 1.0
    if schedule == "one_cycle":
        if progress < _WARM_UP:
            return 0.04 + 0.96 * progress / _WARM_UP
        progress = (progress - _WARM_UP) / (1 - _WARM_UP)
    return 0.5 * (1 + math.cos(math.pi * progress))


def train(
    model: ModelConfig,
    config: TrainingConfig,
    data: FoldData,
    seed: int,
    *,
    fabric: Fabric,
    scaling: TargetScaling,
    name: str = "model",
    checkpoint: Path | None = None,
) -> Run:
    """Train one network with early stopping on the validation loss.

    The loss is that of `Loss.of_fold`; the validation loss is the same, in double precision.

    Parameters
    ----------
    model, config
        Architecture and course of the training.
    data : FoldData
    seed : int
        Decides the initial weights, the order of the batches, dropout, and shuffled labels.
    fabric : Fabric
        From `make_fabric`.
    scaling : TargetScaling
    name : str
        For the progress line.
    checkpoint : Path or None
        Written after every epoch; when it is there and belongs to this training, it is continued.

    Raises
    ------
    InputError
        When the loss is no longer a finite number.
    """
    started = time.monotonic()
    task = data.task
    targets = scaling.scale(data.targets)
    loss = Loss.of_fold(data, model, config)
    if model.shuffle_labels:
        targets = _shuffle_within_subsets(targets, data, seed)
    torch.manual_seed(seed)
    scheme = InputScheme.fit(data.inputs, data.subsets == "train")
    network = Network(model, scheme, task)
    dtype = torch.float64 if config.precision == "64-true" else torch.float32
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    optimizer = kind(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    wrapped, optimizer = fabric.setup(network, optimizer)
    dataset = SequenceDataset(data.inputs, targets, fabric.device, dtype, data.per_position)
    train_rows, validation_rows = (
        torch.from_numpy(data.rows(subset)) for subset in ("train", "validation")
    )
    judged = data.unit_rows("validation")
    weights = data.unit_weights
    judged_weights = None if weights is None else weights[judged]

    key = _digest(model.model_dump_json(), config.model_dump_json(), str(seed), data.digest())
    state: dict[str, Any] = {"epoch": 0, "best_epoch": 0, "best_loss": math.inf, "best": {},
                             "history": [], "seconds": 0.0}  # fmt: skip
    if restored := _read_checkpoint(checkpoint, key):
        state = restored
        network.load_state_dict(state.pop("network"))
        optimizer.load_state_dict(state.pop("optimizer"))
        logger.info("%s seed %d: goes on after epoch %d", name, seed, state["epoch"])
    before = state["seconds"]

    while state["epoch"] < config.epochs and (
        state["epoch"] - state["best_epoch"] < config.patience
    ):
        epoch = state["epoch"] + 1
        row = _train_epoch(
            wrapped, optimizer, dataset, train_rows, config, fabric, loss=loss,
            example_weights=data.weights, seed=seed, epoch=epoch,
        )  # fmt: skip
        validation = dataset.by_length(validation_rows, INFERENCE_BATCH)
        outputs = infer(wrapped, validation, len(targets))[judged]
        row["validation_loss"] = loss.of_arrays(outputs, targets[judged], judged_weights)
        if not math.isfinite(row["train_loss"] + row["validation_loss"]):
            raise InputError(
                f"{name} seed {seed}: the loss is not a finite number in epoch {epoch} (learning "
                f"rate {row['learning_rate']:g}, largest gradient norm allowed "
                f"{config.clip_norm:g}). Lower training.learning_rate or training.clip_norm."
            )
        state["epoch"] = epoch
        if row["validation_loss"] < state["best_loss"]:
            state["best_loss"], state["best_epoch"] = row["validation_loss"], epoch
            state["best"] = {key: value.clone() for key, value in network.state_dict().items()}
        state["seconds"] = before + time.monotonic() - started
        state["history"].append({"seed": seed, **row, "seconds": state["seconds"]})
        _log_progress(name, seed, row, state, config)
        _write_checkpoint(
            checkpoint,
            key,
            state | {"network": network.state_dict(), "optimizer": optimizer.state_dict()},
        )

    network.load_state_dict(state["best"])
    everything = dataset.by_length(torch.arange(len(data.inputs)), INFERENCE_BATCH)
    predictions = loss.to_predictions(infer(wrapped, everything, len(targets)), scaling)
    best = {key: value.cpu() for key, value in state["best"].items()}
    return Run(
        seed, state["epoch"], state["best_epoch"], state["seconds"], best, state["history"],
        predictions,
    )  # fmt: skip


def _train_epoch(
    network: nn.Module,
    optimizer: Any,
    dataset: SequenceDataset,
    rows: Tensor,
    config: TrainingConfig,
    fabric: Fabric,
    *,
    loss: Loss,
    example_weights: np.ndarray | None,
    seed: int,
    epoch: int,
) -> dict[str, float]:
    """One pass over the training rows; returns what the history says of it."""
    epoch_seed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    torch.manual_seed(epoch_seed)
    network.train()
    n_steps = math.ceil(len(rows) / config.batch_size)
    loss_sum, weight_sum = torch.zeros(2, dtype=torch.float64, device=fabric.device)
    norms = []
    rate = 0.0
    for step, batch in enumerate(dataset.shuffled(rows, config.batch_size, epoch_seed)):
        progress = ((epoch - 1) * n_steps + step) / (config.epochs * n_steps)
        rate = config.learning_rate * learning_rate_factor(config.schedule, progress)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        outputs = network(batch.inputs, batch.lengths)
        weights = None
        if example_weights is not None:
            weights = torch.from_numpy(example_weights[batch.rows.numpy()]).to(outputs)[None]
        losses, weights = loss(outputs[None], batch.targets[None], weights)
        total, weight = (losses * weights).sum(), weights.sum()
        # a batch may have no label at all
        fabric.backward(total / torch.where(weight > 0, weight, 1))
        # error_if_nonfinite waits for the device at every step; the epoch's sums show it too
        norms.append(
            fabric.clip_gradients(
                network, optimizer, max_norm=config.clip_norm, error_if_nonfinite=False
            )
        )
        optimizer.step()
        loss_sum = loss_sum + total.detach()
        weight_sum = weight_sum + weight
    norm = torch.stack(norms)
    return {
        "epoch": epoch,
        "train_loss": (loss_sum / weight_sum).item(),
        "learning_rate": rate,
        "gradient_norm": norm.mean().item(),
        "clipped_steps": int((norm > config.clip_norm).sum()),
    }


def _shuffle_within_subsets(values: np.ndarray, data: FoldData, seed: int) -> np.ndarray:
    shuffled = values.copy()
    generator = np.random.default_rng([seed, 7])
    for subset in ("train", "validation", "test"):
        rows = data.unit_rows(subset)
        shuffled[rows] = values[generator.permutation(rows)]
    return shuffled


def _log_progress(
    name: str, seed: int, row: dict[str, float], state: dict[str, Any], config: TrainingConfig
) -> None:
    per_epoch = state["seconds"] / state["epoch"]
    left = per_epoch * (config.epochs - state["epoch"])
    logger.info(
        "%s seed %d: epoch %d/%d, loss %.4f, validation %.4f%s, rate %.2g, at most %d s left",
        name, seed, row["epoch"], config.epochs, row["train_loss"], row["validation_loss"],
        " (best)" if state["best_epoch"] == row["epoch"] else "", row["learning_rate"], left,
    )  # fmt: skip


def history_table(runs: list[Run], fold: int = 0) -> pd.DataFrame:
    """`history.tsv`: one row an epoch and seed."""
    rows = [{"fold": fold, **row} for run in runs for row in run.history]
    return pd.DataFrame(rows)[HISTORY_COLUMNS]


# -- checkpoints -----------------------------------------------------------------------------------


@contextlib.contextmanager
def checkpoint_lock(folder: str | Path) -> Iterator[Path]:
    """Hold a folder of checkpoints for this process.

    Raises
    ------
    InputError
        When another process holds it: a job of an earlier run that is still alive.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder}: another job is still training here (a stopped Snakemake leaves its "
                "jobs running). Wait for it or stop it, then run the same command again."
            ) from None
        yield folder


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _write_checkpoint(path: Path | None, key: str, state: dict[str, Any]) -> None:
    if path is None:
        return
    buffer = io.BytesIO()
    torch.save({"key": key, **state}, buffer)
    payload = buffer.getvalue()
    # the digest goes first: torch.load accepts a file with a flipped bit
    whole = hashlib.sha256(payload).digest() + payload
    write_with(path, lambda temporary: temporary.write_bytes(whole))


def _read_checkpoint(path: Path | None, key: str) -> dict[str, Any] | None:
    if path is None or not path.exists():
        return None
    whole = path.read_bytes()
    if hashlib.sha256(whole[32:]).digest() != whole[:32]:
        logger.warning("%s is damaged; training starts from the beginning", path)
        return None
    state = torch.load(io.BytesIO(whole[32:]), weights_only=True)
    if state.pop("key") != key:
        logger.warning("%s is of other data or settings; training starts from the beginning", path)
        return None
    return state
