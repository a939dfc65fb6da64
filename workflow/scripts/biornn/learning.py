"""Learning: one step of the optimizer for a stack of replicates, each by its own gradients."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .blocks import Noise
from .config_models import TrainingConfig
from .datasets import Batch
from .devices import OneDevice, unscale
from .losses import Loss
from .models import Network

if TYPE_CHECKING:
    from lightning_fabric import Fabric

logger = logging.getLogger(__name__)


class Learner:
    """A network of stacked replicates and its optimizer.

    Parameters
    ----------
    network : Network
        On the device of `fabric`.
    config : TrainingConfig
    loss : Loss
    fabric : Fabric
        Of several processes each takes its share of every batch, and the gradients are added up.
    accumulate : int
        Parts in which a batch is trained.

    Attributes
    ----------
    busy_seconds : float
        Time of forward and backward passes and of the optimizer.
    """

    def __init__(
        self,
        network: Network,
        config: TrainingConfig,
        loss: Loss,
        fabric: Fabric | OneDevice,
        accumulate: int,
    ) -> None:
        self.network, self.config, self.loss, self.fabric = network, config, loss, fabric
        self.accumulate, self.busy_seconds = accumulate, 0.0
        kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
        self.optimizer = kind(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._wrapped = fabric.setup_optimizers(self.optimizer)
        self._noise = Noise(network.replicates, fabric.device)

    def keep(self, states: list[dict[str, Tensor]], kept: Tensor) -> None:
        """Take over the optimizer's states of some replicates (int64) of another stack."""
        for parameter, state in zip(self.network.parameters(), states, strict=True):
            self.optimizer.state[parameter] = {
                key: value[kept] if value.dim() else value for key, value in state.items()
            }

    def step(self, batch: Batch, rate: float, seeds: list[int]) -> dict[str, Tensor]:
        """Learn from a batch, in smaller parts where the device's memory does not suffice.

        Parameters
        ----------
        batch : Batch
        rate : float
            Learning rate.
        seeds : list of int
            Of dropout, one a replicate.

        Returns
        -------
        dict
            float64 [replicate] each: `loss` (Σ loss · weight), `weight` (Σ weight), `norm` of the
            gradients before clipping, `clipped` (1 where they were).
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
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
                "not enough memory on the device; from now on a batch is trained in %d parts, "
                "with the same gradients", self.accumulate,
            )  # fmt: skip
            if self.fabric.device.type == "cuda":
                torch.cuda.empty_cache()
        norms, clipped = self._clip()
        started = time.perf_counter()
        self._wrapped.step()
        self.busy_seconds += time.perf_counter() - started
        return {"loss": losses, "weight": weight, "norm": norms, "clipped": clipped}

    def _gradients(self, batch: Batch, seeds: list[int]) -> tuple[Tensor, Tensor]:
        """Gradients of each replicate's mean loss; returns Σ loss · weight and Σ weight of each."""
        self._wrapped.zero_grad()
        n, world, rank = batch.rows.shape[1], self.fabric.world_size, self.fabric.global_rank
        stride = world * self.accumulate
        whole = _by_replicate(self.loss.weights(batch.targets, batch.weights))
        scale = torch.where(whole > 0, whole, 1)  # a batch may have no label at all
        total = torch.zeros_like(whole)
        for part in range(self.accumulate):
            own = slice(rank + world * part, n, stride)
            piece = batch if stride == 1 else batch.part(own)
            if not piece.rows.numel():
                continue
            self._noise.start(seeds, batch.sizes, own)
            started = time.perf_counter()
            with self.fabric.autocast():
                outputs = self.network(piece.inputs, piece.lengths, piece.beside, self._noise)
            if outputs.dtype in (torch.bfloat16, torch.float16):
                outputs = outputs.float()
            losses, weights = self.loss(outputs, piece.targets, piece.weights)
            loss = _by_replicate(losses * weights)
            self.fabric.backward((loss / scale).sum())
            self.busy_seconds += time.perf_counter() - started
            total += loss.detach()
        if world > 1:
            self._add_up([p.grad for p in self._trained()])
            self._add_up([total])
        return total, whole

    def _trained(self) -> list[torch.nn.Parameter]:
        for parameter in self.network.parameters():
            if parameter.grad is None:  # this process had no row of the batch
                parameter.grad = torch.zeros_like(parameter)
        return list(self.network.parameters())

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
        unscale(self.fabric, self.optimizer)
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        norms = after = _norms(gradients)
        clipped = norms > self.config.clip_norm
        if (limit := self.config.clip_value) is not None:
            beyond = torch.stack([g.flatten(1).abs().amax(1) for g in gradients]).amax(0)
            clipped = clipped | (beyond > limit)
            torch._foreach_clamp_max_(gradients, limit)
            torch._foreach_clamp_min_(gradients, -limit)
            after = _norms(gradients)
        # waiting for the device to ask whether it is needed costs more than to multiply by one
        factor = (self.config.clip_norm / (after + 1e-6)).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(factor.view(-1, *([1] * (gradient.dim() - 1))))
        return norms.double(), clipped.double()


def _norms(gradients: list[Tensor]) -> Tensor:
    """Euclidean norm over all parameters, [replicate]."""
    parts = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients]
    return torch.linalg.vector_norm(torch.stack(parts), dim=0)


def _by_replicate(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1).double()
