"""Training: the networks of several seeds and folds at once, the same digits every time.

All replicates of a model are trained as one stacked batch. What a replicate draws (its first
weights, the order of its rows, dropout) depends on its seed, the epoch and the step alone, so it
learns the same, to rounding, whoever else is in the stack; and a run that goes on from a checkpoint
is bitwise the run that was never stopped (on a CPU).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from . import checkpoints, gradient_flow, models
from .config_models import ModelConfig, TrainingConfig
from .datasets import Batch, SequenceDataset
from .files import InputError
from .folds import FoldData
from .layers import Noise
from .losses import Loss, TargetScaling
from .models import InputScheme, Network, infer

logger = logging.getLogger(__name__)

HISTORY_COLUMNS = [
    "fold", "seed", "epoch", "train_loss", "validation_loss", "learning_rate", "gradient_norm",
    "clipped_steps", "seconds",
]  # fmt: skip
#: Examples in a batch without gradients.
INFERENCE_BATCH = 1024
#: Seconds after which a checkpoint is written in the middle of an epoch.
CHECKPOINT_SECONDS = 300
#: Steps (letters x sequences x replicates) of one stacked batch: what a stack may need of memory.
MAX_STACK = 2**16
_WARM_UP = 0.2


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
    attention : list of numpy.ndarray
        Of each example the weights of its positions; empty without that readout.
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
    attention: list[np.ndarray] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """What `model.json` says of the run."""
        return {
            "seed": self.seed,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": round(self.seconds, 3),
            "cost": {key: round(value, 4) for key, value in self.cost.items()},
        }


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


def stacks(
    model: ModelConfig, config: TrainingConfig, replicates: Sequence[Replicate]
) -> list[list[Replicate]]:
    """Which replicates are trained together.

    Those with the same loss and as many steps in an epoch, as many as fit: a stacked batch has at
    most `MAX_STACK` steps.
    """
    groups: dict[Any, list[Replicate]] = {}
    for replicate in replicates:
        data = replicate.data
        key = (_steps(data, config), Loss.of_fold(data, model, config))
        groups.setdefault(key, []).append(replicate)
    found = []
    for group in groups.values():
        longest = int(max(each.data.inputs.lengths.max() for each in group))
        most = max(MAX_STACK // (config.batch_size * longest), 1)
        found += [group[start : start + most] for start in range(0, len(group), most)]
    return found


def _steps(data: FoldData, config: TrainingConfig) -> int:
    return math.ceil(len(data.rows("train")) / config.batch_size)


def train(
    model: ModelConfig,
    config: TrainingConfig,
    replicates: Sequence[Replicate],
    *,
    fabric: Fabric,
    name: str = "model",
    checkpoint_folder: Path | None = None,
    on_epoch: Callable[[int, list[float]], None] | None = None,
    events: Path | None = None,
) -> list[Run]:
    """Train a network for each replicate, with early stopping on its own validation loss.

    Parameters
    ----------
    model, config
        Architecture and course of the training.
    replicates : sequence of Replicate
    fabric : Fabric
        From `devices.make_fabric`; with several processes each calls this function.
    name : str
        For the progress line.
    checkpoint_folder : Path or None
        Where a checkpoint is written after every epoch, and when the process is told to stop; what
        is there and belongs to this training is continued.
    on_epoch : callable, optional
        Gets the epoch and the validation losses of the replicates that are still trained.
    events : Path or None
        Folder for TensorBoard's event files.

    Returns
    -------
    list of Run
        In the order of the replicates.

    Raises
    ------
    InputError
        When the loss is no longer a finite number.
    """
    found: dict[int, Run] = {}
    for number, group in enumerate(stacks(model, config, replicates)):
        checkpoint = None
        if checkpoint_folder is not None:
            checkpoint = checkpoint_folder / f"stack{number}.pt"
        stack = _Stack(model, config, group, fabric, name, checkpoint, events)
        found |= {id(each): run for each, run in zip(group, stack.train(on_epoch), strict=True)}
    return [found[id(each)] for each in replicates]


class _Stack:
    """Replicates that are trained together, and where they are."""

    def __init__(
        self,
        model: ModelConfig,
        config: TrainingConfig,
        replicates: Sequence[Replicate],
        fabric: Fabric,
        name: str,
        checkpoint: Path | None,
        events: Path | None,
    ) -> None:
        self.model, self.config, self.fabric, self.name = model, config, fabric, name
        self.replicates, self.checkpoint, self.events = list(replicates), checkpoint, events
        self.loss = Loss.of_fold(replicates[0].data, model, config)
        self.scalings = [TargetScaling.of(each.data) for each in replicates]
        self.targets = [
            self._targets(each, scaling)
            for each, scaling in zip(replicates, self.scalings, strict=True)
        ]
        self.runs = [Run(each.seed, each.fold) for each in replicates]
        self.active = list(range(len(replicates)))
        self.epoch, self.step, self.accumulate = 0, 0, config.accumulate
        self.sums: dict[str, Tensor] = {}
        # for the cost: time of the loop, of forward, backward and step in it, steps, with padding
        self.loop_seconds, self.busy_seconds, self.letters, self.cells = 0.0, 0.0, 0, 0
        self.seconds, self.rate, self.n_steps = 0.0, 0.0, 1
        self.key = checkpoints.key_of(
            model.model_dump_json(),
            config.model_dump_json(),
            *(f"{each.fold} {each.seed} {each.data.digest()}" for each in replicates),
        )
        self.dtype = torch.float64 if config.precision == "64-true" else torch.float32
        self._build()

    def _targets(self, replicate: Replicate, scaling: TargetScaling) -> np.ndarray:
        values = scaling.scale(replicate.data.targets)
        if self.model.shuffle_labels:
            values = _shuffle_within_subsets(values, replicate.data, replicate.seed)
        return values

    # -- building ----------------------------------------------------------------------------------

    def _build(self) -> None:
        """Network, optimizer and data of the active replicates."""
        chosen = [self.replicates[index] for index in self.active]
        schemes = [
            InputScheme.fit(each.data.inputs, each.data.subsets == "train") for each in chosen
        ]
        data = chosen[0].data
        n_beside = 0 if data.beside is None else data.beside.shape[1]
        sizes = (data.task, self.loss.n_outputs, n_beside)
        alone = []
        for each, scheme in zip(chosen, schemes, strict=True):
            torch.manual_seed(each.seed)
            alone.append(Network(self.model, scheme, *sizes))
        network = models.stack(alone, Network(self.model, schemes, *sizes))
        self.network = self.fabric.to_device(network.to(self.dtype))
        kind = torch.optim.AdamW if self.config.optimizer == "adamw" else torch.optim.Adam
        self.optimizer = kind(
            self.network.parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
        )
        self.wrapped = self.fabric.setup_optimizers(self.optimizer)
        self._load_data()

    def _load_data(self) -> None:
        chosen = [self.replicates[index] for index in self.active]
        self.dataset = SequenceDataset(
            [each.data for each in chosen],
            [self.targets[index] for index in self.active],
            device=self.fabric.device,
            dtype=self.dtype,
        )
        self.noise = Noise(len(chosen), self.fabric.device)
        self.rows = {
            subset: [torch.from_numpy(each.data.rows(subset)) for each in chosen]
            for subset in ("train", "validation")
        }

    def _leave(self, done: set[int]) -> None:
        """Take replicates out of the stack; the others go on as they are."""
        keep = [at for at, index in enumerate(self.active) if index not in done]
        self.active = [self.active[at] for at in keep]
        if not self.active:
            return
        kept = torch.tensor(keep, device=self.fabric.device)
        old_states = [self.optimizer.state[p] for p in self.network.parameters()]
        old_weights = [p.detach()[kept] for p in self.network.parameters()]
        self._build()
        pairs = zip(self.network.parameters(), old_weights, old_states, strict=True)
        with torch.no_grad():
            for parameter, weight, state in pairs:
                parameter.copy_(weight)
                self.optimizer.state[parameter] = {
                    key: value[kept] if value.dim() else value for key, value in state.items()
                }

    # -- the course --------------------------------------------------------------------------------

    def train(self, on_epoch: Callable[[int, list[float]], None] | None) -> list[Run]:
        """Train until every replicate is done, and predict with the best weights of each."""
        self._restore()
        started = time.monotonic() - self.seconds
        with checkpoints.stopping() as stop:
            while self.active:
                self._epoch(stop, started)
                losses = self._judge(started)
                if on_epoch is not None:
                    on_epoch(self.epoch, losses)
                self._finish()
                self._save(started)
                if stop.signal is not None:
                    self._stop(stop)
        self._predict()
        return self.runs

    def _epoch(self, stop: checkpoints.Stop, started: float) -> None:
        """One pass over the training rows, from where a checkpoint left it."""
        epoch, config = self.epoch + 1, self.config
        own = [self.replicates[index] for index in self.active]
        batches = self.dataset.shuffled(
            self.rows["train"],
            config.batch_size,
            [_seed(each.seed, epoch) for each in own],
            order_seed=epoch,
        )
        if self.step == 0:
            zeros = torch.zeros(len(own), dtype=torch.float64, device=self.fabric.device)
            self.sums = {key: zeros.clone() for key in ("loss", "weight", "norm", "clipped")}
        self.network.train()
        written = time.monotonic()
        begun = time.perf_counter()
        for step in range(self.step, len(batches)):
            progress = (self.epoch * len(batches) + step) / (config.epochs * len(batches))
            rate = config.learning_rate * learning_rate_factor(config.schedule, progress)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            batch = self.dataset.batch(batches[step])
            self._learn(batch, [_seed(each.seed, epoch, step) for each in own])
            self.step = step + 1
            self.letters += batch.letters
            self.cells += batch.rows.numel() * batch.inputs.shape[2]
            if stop.signal is not None and self.step < len(batches):
                self._save(started)
                self._stop(stop)
            if time.monotonic() - written > CHECKPOINT_SECONDS:
                self._save(started)
                written = time.monotonic()
        self.loop_seconds += time.perf_counter() - begun
        self.epoch, self.step = epoch, 0
        self.rate, self.n_steps = rate, len(batches)

    def _learn(self, batch: Batch, seeds: list[int]) -> None:
        """One step of the optimizer, in smaller parts where the memory does not suffice."""
        while True:
            try:
                losses, weight = self._gradients(batch, seeds)
                break
            except torch.OutOfMemoryError:
                if self.accumulate >= batch.rows.shape[1]:
                    raise
            # outside of the handler, which would keep the failed pass's memory
            self.accumulate *= 2
            logger.warning(
                "%s: not enough memory on the device; from now on a batch is trained in %d parts, "
                "with the same gradients", self.name, self.accumulate,
            )  # fmt: skip
            if self.fabric.device.type == "cuda":
                torch.cuda.empty_cache()
        norms, clipped = self._clip()
        started = time.perf_counter()
        self.wrapped.step()
        self.busy_seconds += time.perf_counter() - started
        for key, value in (("loss", losses), ("weight", weight), ("norm", norms),
                           ("clipped", clipped)):  # fmt: skip
            self.sums[key] += value

    def _gradients(self, batch: Batch, seeds: list[int]) -> tuple[Tensor, Tensor]:
        """Gradients of each replicate's mean loss; returns Σ loss · weight and Σ weight of each."""
        self.wrapped.zero_grad()
        n, world, rank = batch.rows.shape[1], self.fabric.world_size, self.fabric.global_rank
        parts = [slice(rank + world * part, n, world * self.accumulate)
                 for part in range(self.accumulate)]  # fmt: skip
        nothing = batch.targets.new_zeros((), dtype=self.dtype)
        no_outputs = nothing.expand(*batch.targets.shape[: 3 if self.network.per_position else 2],
                                    self.loss.n_outputs)  # fmt: skip
        whole = _by_replicate(self.loss(no_outputs, batch.targets, batch.weights)[1])
        scale = torch.where(whole > 0, whole, 1)
        total = torch.zeros_like(whole)
        for part in parts:
            piece = batch.part(part)
            if not piece.rows.numel():
                continue
            self.noise.start(seeds, batch.sizes, part)
            started = time.perf_counter()
            with self.fabric.autocast():
                outputs = self.network(piece.inputs, piece.lengths, piece.beside, self.noise)
            losses, weights = self.loss(outputs.to(self.dtype), piece.targets, piece.weights)
            loss = _by_replicate(losses * weights)
            self.fabric.backward((loss / scale).sum())
            self.busy_seconds += time.perf_counter() - started
            total += loss.detach()
        if world > 1:
            self._add_up([p.grad for p in self.network.parameters() if p.grad is not None])
            self._add_up([total])
        return total, whole

    def _add_up(self, tensors: list[Tensor]) -> None:
        """Sum over the processes, in place and in one message."""
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        summed = self.fabric.all_reduce(flat, reduce_op="sum")
        for tensor, part in zip(tensors, summed.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def _clip(self) -> tuple[Tensor, Tensor]:
        """Clip each replicate's gradients; returns their norms before, and whether it was needed.

        By value first, if asked for, then by norm (Pascanu et al. 2013).
        """
        self.fabric.strategy.precision.unscale_gradients(self.optimizer)
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        squares = [gradient.flatten(1).square().sum(1) for gradient in gradients]
        norms = torch.stack(squares).sum(0).sqrt()
        clipped = norms > self.config.clip_norm
        after = norms
        if (limit := self.config.clip_value) is not None:
            beyond = torch.stack([g.flatten(1).abs().amax(1) for g in gradients]).amax(0)
            clipped = clipped | (beyond > limit)
            for gradient in gradients:
                gradient.clamp_(-limit, limit)
            after = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
        factor = (self.config.clip_norm / (after + 1e-6)).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(factor.view(-1, *([1] * (gradient.dim() - 1))))
        return norms.double(), clipped.double()

    def _judge(self, started: float) -> list[float]:
        """Validate, and write down the epoch of every active replicate."""
        outputs = self._infer(self.network, self.rows["validation"])
        self.seconds = time.monotonic() - started
        sums = {key: value.tolist() for key, value in self.sums.items()}
        found = []
        for at, index in enumerate(self.active):
            replicate, run = self.replicates[index], self.runs[index]
            judged = replicate.data.unit_rows("validation")
            weights = replicate.data.weights
            loss = self.loss.of_arrays(
                outputs[at][judged],
                self.targets[index][judged],
                None if weights is None else weights[replicate.data.units[judged]],
            )
            row = {
                "fold": replicate.fold,
                "seed": replicate.seed,
                "epoch": self.epoch,
                "train_loss": sums["loss"][at] / sums["weight"][at],
                "validation_loss": loss,
                "learning_rate": self.rate,
                "gradient_norm": sums["norm"][at] / self.n_steps,
                "clipped_steps": int(sums["clipped"][at]),
                "seconds": self.seconds,
            }
            if not math.isfinite(row["train_loss"] + loss):
                raise InputError(
                    f"{self.name} seed {replicate.seed}: the loss is not a finite number in epoch "
                    f"{self.epoch} (learning rate {self.rate:g}, largest gradient norm allowed "
                    f"{self.config.clip_norm:g}). Lower training.learning_rate or "
                    "training.clip_norm."
                )
            run.epochs, run.seconds = self.epoch, self.seconds
            run.history.append(row)
            if loss < run.best_loss:
                run.best_loss, run.best_epoch = loss, self.epoch
                run.state = {
                    key: value[at].clone() for key, value in self.network.state_dict().items()
                }
            found.append(loss)
        self._tell()
        return found

    def _finish(self) -> None:
        """Take out the replicates that are done, and look at gradients at the first and last."""
        config = self.config
        done = {
            index
            for index in self.active
            if self.epoch >= config.epochs
            or self.epoch - self.runs[index].best_epoch >= config.patience
        }
        if self.epoch == 1 or done:
            rows = [gradient_flow.probes(rows) for rows in self.rows["train"]]
            tables = gradient_flow.measure(self.network, self.dataset, rows, self.loss)
            for index, table in zip(self.active, tables, strict=True):
                run = self.runs[index]
                if self.epoch == 1 or index in done:
                    common = {"fold": run.fold, "seed": run.seed, "epoch": self.epoch}
                    run.flow += [common | row for row in table]
        if done:
            for index in done:
                self.runs[index].cost = self._cost()
            self._leave(done)

    def _cost(self) -> dict[str, float]:
        cost = {
            "padding_waste": 1 - self.letters / max(self.cells, 1),
            "replicates": float(len(self.replicates)),
        }
        if self.fabric.device.type == "cpu":  # elsewhere the clock does not wait for the device
            cost["loop_overhead"] = max(1 - self.busy_seconds / max(self.loop_seconds, 1e-9), 0)
        return cost

    # -- predicting --------------------------------------------------------------------------------

    def _infer(self, network: Network, rows: list[Tensor]) -> np.ndarray:
        """Outputs [replicate, targets, outputs]; the batches are shared among the processes."""
        world, rank = self.fabric.world_size, self.fabric.global_rank
        batches = self.dataset.by_length(rows, INFERENCE_BATCH)
        own = (batch for at, batch in enumerate(batches) if at % world == rank)
        outputs = infer(network, own, len(self.targets[0]))
        if world == 1:
            return outputs
        there = torch.from_numpy(~np.isnan(outputs)).to(self.fabric.device)
        values = torch.from_numpy(np.nan_to_num(outputs)).to(self.fabric.device)
        values = self.fabric.all_reduce(values, reduce_op="sum")
        there = self.fabric.all_reduce(there.double(), reduce_op="sum") > 0
        return values.masked_fill(~there, torch.nan).cpu().numpy()

    def _predict(self) -> None:
        """Predict everything with the best weights of every replicate."""
        self.active = list(range(len(self.replicates)))
        self._build()
        self.network.load_state_dict(
            {key: torch.stack([run.state[key] for run in self.runs]) for key in self.runs[0].state}
        )
        everything = [torch.arange(len(each.data.inputs)) for each in self.replicates]
        outputs = self._infer(self.network, everything)
        for at, (run, scaling) in enumerate(zip(self.runs, self.scalings, strict=True)):
            run.predictions = self.loss.to_predictions(outputs[at], scaling)
            run.state = {key: value.cpu() for key, value in run.state.items()}
        if self.network.attention is not None:
            self._attend(everything)

    @torch.no_grad()
    def _attend(self, rows: list[Tensor]) -> None:
        found: list[dict[int, np.ndarray]] = [{} for _ in self.runs]
        pool = self.model.convolution.pool if self.model.convolution else 1
        for batch in self.dataset.by_length(rows, INFERENCE_BATCH):
            weights = self.network.attended(batch.inputs, batch.lengths).cpu().numpy()
            for at, own in enumerate(batch.rows.tolist()):
                for row, values in zip(own, weights[at], strict=True):
                    if row >= 0:
                        steps = -(-int(self.replicates[at].data.inputs.lengths[row]) // pool)
                        found[at][row] = values[:steps]
        for run, weights_of in zip(self.runs, found, strict=True):
            run.attention = [weights_of[row] for row in range(len(weights_of))]

    # -- checkpoints -------------------------------------------------------------------------------

    def _save(self, started: float) -> None:
        if not self.fabric.is_global_zero:
            return
        self.seconds = time.monotonic() - started
        runs = [
            {key: value for key, value in vars(run).items() if key not in _AFTERWARDS}
            for run in self.runs
        ]
        state = {name: getattr(self, name) for name in _PROGRESS} | {"runs": runs}
        if self.active:
            state |= {
                "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()
            }  # fmt: skip
        checkpoints.write(self.checkpoint, self.key, state)

    def _restore(self) -> None:
        state = checkpoints.read(self.checkpoint, self.key)
        if state is None:
            return
        for name in _PROGRESS:
            setattr(self, name, state[name])
        self.runs = [Run(**run) for run in state["runs"]]
        if self.active:
            self._build()
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.sums = {
                key: value.to(self.fabric.device) for key, value in self.sums.items()
            }
        logger.info("%s: goes on after epoch %d, step %d", self.name, self.epoch, self.step)

    def _stop(self, stop: checkpoints.Stop) -> None:
        logger.warning(
            "%s: told to stop (signal %d) in epoch %d; the same command goes on from here",
            self.name, stop.signal, self.epoch + 1,
        )  # fmt: skip
        stop.leave()

    def _tell(self) -> None:
        """Progress of the epoch, one line a replicate, and TensorBoard's events."""
        left = self.seconds / self.epoch * (self.config.epochs - self.epoch)
        for index in self.active:
            run = self.runs[index]
            row = run.history[-1]
            logger.info(
                "%s fold %d seed %d: epoch %d/%d, loss %.4f, validation %.4f%s, rate %.2g, "
                "%d steps clipped, at most %d s left",
                self.name, run.fold, run.seed, self.epoch, self.config.epochs, row["train_loss"],
                row["validation_loss"], " (best)" if run.best_epoch == self.epoch else "",
                row["learning_rate"], row["clipped_steps"], left,
            )  # fmt: skip
            if self.events is not None and self.fabric.is_global_zero:
                write_events(self.events / f"fold{run.fold}.seed{run.seed}", row)


#: What a checkpoint holds of a stack, beside its runs, the network and the optimizer.
_PROGRESS = ("active", "epoch", "step", "accumulate", "sums", "seconds", "loop_seconds",
             "busy_seconds", "letters", "cells")  # fmt: skip
#: What a run has only at the end.
_AFTERWARDS = ("predictions", "attention")


def write_events(folder: Path, row: dict[str, float]) -> None:
    """Append one epoch to TensorBoard's event file of a run."""
    from torch.utils.tensorboard import SummaryWriter  # an extra, and slow to import

    with SummaryWriter(str(folder)) as writer:
        for name in ("train_loss", "validation_loss", "learning_rate", "gradient_norm",
                     "clipped_steps"):  # fmt: skip
            writer.add_scalar(name, row[name], int(row["epoch"]))


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _by_replicate(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1).double()


def _shuffle_within_subsets(values: np.ndarray, data: FoldData, seed: int) -> np.ndarray:
    shuffled = values.copy()
    generator = np.random.default_rng([seed, 7])
    for subset in ("train", "validation", "test"):
        rows = data.unit_rows(subset)
        shuffled[rows] = values[generator.permutation(rows)]
    return shuffled


def history_table(runs: Sequence[Run]) -> pd.DataFrame:
    """`history.tsv`: one row an epoch and run."""
    return pd.DataFrame([row for run in runs for row in run.history])[HISTORY_COLUMNS]


def flow_table(runs: Sequence[Run]) -> pd.DataFrame:
    """`gradient_flow.tsv`; no row for networks without recurrence."""
    rows = [row for run in runs for row in run.flow]
    return pd.DataFrame(rows, columns=gradient_flow.COLUMNS)
