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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from . import checkpoints, gradient_flow, models
from .config_models import ModelConfig, TrainingConfig
from .datasets import SequenceDataset
from .devices import OneDevice
from .files import InputError
from .folds import FoldData
from .learning import Learner
from .losses import Loss, TargetScaling
from .models import InputScheme, Network, infer
from .runs import Replicate, Run, write_events

if TYPE_CHECKING:
    from lightning_fabric import Fabric

logger = logging.getLogger(__name__)

#: Examples in a batch without gradients.
INFERENCE_BATCH = 1024
#: Seconds after which a checkpoint is written in the middle of an epoch.
CHECKPOINT_SECONDS = 300
#: Steps (letters x sequences x replicates) of one stacked batch: what a stack may need of memory.
MAX_STACK = 2**16
_WARM_UP = 0.2


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
    fabric: Fabric | OneDevice,
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
        fabric: Fabric | OneDevice,
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
        # one table for all seeds of a fold
        folds = {id(each.data): each.data for each in replicates}
        self.beside = {key: _standardised(data) for key, data in folds.items()}
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
            values = replicate.data.shuffled(values, replicate.seed, replicate.fold)
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
        sizes = (data.task, n_beside)
        alone = []
        for each, scheme in zip(chosen, schemes, strict=True):
            torch.manual_seed(each.seed)
            alone.append(Network(self.model, scheme, *sizes))
        network = models.stack(alone, Network(self.model, schemes, *sizes))
        self.network = network.to(device=self.fabric.device, dtype=self.dtype)
        self.learner = Learner(self.network, self.config, self.loss, self.fabric, self.accumulate)
        self.dataset = SequenceDataset(
            [each.data for each in chosen],
            [self.targets[index] for index in self.active],
            [self.beside[id(each.data)] for each in chosen],
            device=self.fabric.device,
            dtype=self.dtype,
        )
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
        states = [self.learner.optimizer.state[p] for p in self.network.parameters()]
        weights = {name: value[kept] for name, value in self.network.state_dict().items()}
        self._build()
        self.network.load_state_dict(weights)
        self.learner.keep(states, kept)

    # -- the course --------------------------------------------------------------------------------

    def train(self, on_epoch: Callable[[int, list[float]], None] | None) -> list[Run]:
        """Train until every replicate is done, and predict with the best weights of each."""
        self._restore()
        started = time.monotonic() - self.seconds
        with checkpoints.stopping(self.fabric.is_global_zero) as stop:
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

        def rate_of(step: int) -> float:
            progress = (self.epoch * len(batches) + step) / (config.epochs * len(batches))
            return config.learning_rate * learning_rate_factor(config.schedule, progress)

        for step in range(self.step, len(batches)):
            rate = rate_of(step)
            batch = self.dataset.batch(batches[step])
            found = self.learner.step(batch, rate, [_seed(each.seed, epoch, step) for each in own])
            for key, value in found.items():
                self.sums[key] += value
            self.step = step + 1
            self.letters += batch.letters
            self.cells += batch.rows.numel() * batch.inputs.shape[2]
            if self.step == len(batches):
                break  # what is saved next is the whole epoch, once it is judged
            if stop.signal is not None:
                self._save(started)
                self._stop(stop)
            if time.monotonic() - written > CHECKPOINT_SECONDS:
                self._save(started)
                written = time.monotonic()
        self.loop_seconds += time.perf_counter() - begun
        self.busy_seconds += self.learner.busy_seconds
        self.learner.busy_seconds, self.accumulate = 0.0, self.learner.accumulate
        self.rate, self.n_steps = rate_of(len(batches) - 1), len(batches)
        self.epoch, self.step = epoch, 0

    def _judge(self, started: float) -> list[float]:
        """Validate, and write down the epoch of every active replicate."""
        outputs = self._infer(self.network, self.rows["validation"])
        self.seconds = time.monotonic() - started
        sums = {key: value.tolist() for key, value in self.sums.items()}
        found = []
        for at, index in enumerate(self.active):
            replicate, run = self.replicates[index], self.runs[index]
            judged = replicate.data.unit_rows("validation")
            weights = replicate.data.unit_weights
            loss = self.loss.of_arrays(
                outputs[at][judged],
                self.targets[index][judged],
                None if weights is None else weights[judged],
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
            test = [torch.from_numpy(each.data.rows("test")) for each in self.replicates]
            self._attend(test)

    @torch.no_grad()
    def _attend(self, rows: list[Tensor]) -> None:
        """Weights of the positions, of the best network of every replicate."""
        pool = self.model.convolution.pool if self.model.convolution else 1
        for batch in self.dataset.by_length(rows, INFERENCE_BATCH):
            weights = self.network.attended(batch.inputs, batch.lengths).cpu().numpy()
            for at, own in enumerate(batch.rows.tolist()):
                for row, values in zip(own, weights[at], strict=True):
                    if row >= 0:
                        steps = -(-int(self.replicates[at].data.inputs.lengths[row]) // pool)
                        self.runs[at].attention[row] = values[:steps]

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
            state["network"] = self.network.state_dict()
            state["optimizer"] = self.learner.optimizer.state_dict()
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
            self.learner.optimizer.load_state_dict(state["optimizer"])
            self.sums = {key: value.to(self.fabric.device) for key, value in self.sums.items()}
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


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _standardised(data: FoldData) -> np.ndarray | None:
    scaling = data.beside_scaling()
    return None if scaling is None or data.beside is None else scaling.apply(data.beside)
