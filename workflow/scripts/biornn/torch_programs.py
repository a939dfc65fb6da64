"""Networks as programs of `torch.export`, which run without biornn.

A recurrence is a loop over steps in Python, which an exported program would have unrolled for one
number of them: here it is `scan`, torch's own operator for loops, so that time has any length.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan_op

from .blocks import Convolution
from .cells import GRU, LSTM, RNN, MinGRU
from .losses import Loss, TargetScaling
from .models import Network
from .recurrence import Cell

States = tuple[Tensor, ...]
#: A code that no table has: to look it up is an error.
NOWHERE = 2**31


def loop(cell: Cell, x: Tensor, state: States, suffix: str, record: object = None) -> States:
    """`Cell._run` as a loop of torch's: what each cell's docstring says, step by step."""
    if isinstance(cell, MinGRU):
        return _scanned(_gated_sum, state, cell.terms(x, suffix), ())
    w_ih, w_hh, b_ih, b_hh, *w_ch = cell._weights(suffix)
    bias = b_ih if isinstance(cell, GRU) else b_ih + b_hh
    flat = torch.baddbmm(bias[:, None], x.flatten(1, 2), w_ih.transpose(1, 2))
    gates = (flat.view(*x.shape[:3], -1),)
    turned = w_hh.transpose(1, 2)
    if isinstance(cell, RNN):
        return _scanned(_RNN_STEPS[cell.activation], state, gates, (turned,))
    if isinstance(cell, GRU):
        return _scanned(_gru, state, gates, (turned, b_hh[:, None]))
    assert isinstance(cell, LSTM)
    if cell.peephole is None:
        return _scanned(_lstm, state, gates, (turned,))
    if cell.peephole == "diagonal":
        return _scanned(_diagonal_lstm, state, gates, (turned, *w_ch[0].split(1, dim=1)))
    full = [each.transpose(1, 2) for each in w_ch[0].split(cell.hidden_size, dim=1)]
    return _scanned(_full_lstm, state, gates, (turned, *full))


def _scanned(step: Callable[..., States], state: States, inputs: States, fixed: States) -> States:
    """States after every step, each [replicate, batch, time, hidden].

    `step` takes the states, one step of each input, and `fixed`.
    """

    def combine(*given: Tensor) -> list[Tensor]:
        found = step(*given)
        # what is carried and what is gathered must not be one tensor
        return [*found, *(each.clone() for each in found)]

    by_time = [each.permute(2, 0, 1, 3) for each in inputs]
    # the operator itself: what stands around it would compile each step for the sizes at hand
    results = scan_op(combine, list(state), by_time, fixed)
    return tuple(each.permute(1, 2, 0, 3) for each in results[len(state) :])


def _gated_sum(h: Tensor, kept: Tensor, taken: Tensor) -> States:
    return (kept * h + taken,)


def _rnn(f: Callable[[Tensor], Tensor]) -> Callable[..., States]:
    return lambda h, gates, w_hh: (f(gates + h @ w_hh),)


_RNN_STEPS = {name: _rnn(getattr(torch, name)) for name in ("tanh", "relu", "sigmoid")}


def _gru(h: Tensor, gates: Tensor, w_hh: Tensor, b_hh: Tensor) -> States:
    size = h.shape[-1]
    r, z, n = gates.split(size, dim=-1)
    of_r, of_z, of_n = (h @ w_hh + b_hh).split(size, dim=-1)
    r, z = torch.sigmoid(r + of_r), torch.sigmoid(z + of_z)
    return ((1 - z) * torch.tanh(n + r * of_n) + z * h,)


def _lstm(h: Tensor, c: Tensor, gates: Tensor, w_hh: Tensor) -> States:
    i, f, g, o = (gates + h @ w_hh).split(h.shape[-1], dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _peephole_lstm(see: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., States]:
    def step(
        h: Tensor, c: Tensor, gates: Tensor, w_hh: Tensor, w_i: Tensor, w_f: Tensor, w_o: Tensor
    ) -> States:
        i, f, g, o = (gates + h @ w_hh).split(h.shape[-1], dim=-1)
        kept = torch.sigmoid(f + see(c, w_f)) * c
        c = kept + torch.sigmoid(i + see(c, w_i)) * torch.tanh(g)
        return torch.sigmoid(o + see(c, w_o)) * torch.tanh(c), c

    return step


_diagonal_lstm, _full_lstm = _peephole_lstm(torch.mul), _peephole_lstm(torch.matmul)


def pooled(layer: Convolution, x: Tensor) -> Tensor:
    """`Convolution._pooled` for any number of steps; a ReLU leaves nothing below zero.

    One step of padding more stands at the end: of one step alone torch would make a special case.
    """
    steps = x.shape[2]
    n = (steps + layer.pool - 1) // layer.pool + 1
    filled = nn.functional.pad(x, (0, n * layer.pool - steps))
    return filled.view(*x.shape[:2], n, layer.pool).amax(dim=3)


def _replace(module: nn.Module, name: str, function: Callable[..., Any]) -> None:
    """A method of one object; its class stays as it is."""
    setattr(module, name, types.MethodType(function, module))


class Program(nn.Module):
    """Networks of several seeds with their heads, from codes or values to what is predicted.

    Parameters
    ----------
    network : Network
        Float32, one replicate a seed; its recurrence is replaced by a loop of torch's.
    seeds : sequence of int
    loss : Loss
    scaling : TargetScaling
    padding : int or None
        The code of padding; None where steps are numbers.
    beside : tuple of sequences of float, optional
        Mean and standard deviation of the second input.
    fitted : sequence of float, optional
        Temperature of the probabilities of each seed.
    """

    beside_mean: Tensor
    beside_sd: Tensor

    def __init__(
        self,
        network: Network,
        seeds: Sequence[int],
        loss: Loss,
        scaling: TargetScaling,
        padding: int | None,
        beside: tuple[Sequence[float], Sequence[float]] | None = None,
        fitted: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.network, self.seeds, self.loss = network.eval(), list(seeds), loss
        self.scaling, self.padding, self.fitted = scaling, padding, fitted
        if network.recurrent is not None:
            _replace(network.recurrent, "_run", loop)
        if network.convolution is not None:
            _replace(network.convolution, "_pooled", pooled)
        if beside is not None:
            for name, values in zip(("beside_mean", "beside_sd"), beside, strict=True):
                self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

    def forward(
        self, steps: Tensor, lengths: Tensor, beside: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Inputs and outputs are those that `exporting` names."""
        n, per_position = len(self.seeds), self.network.per_position
        inside = torch.arange(steps.shape[1], device=steps.device) < lengths[:, None]
        if self.padding is None:
            steps = steps.masked_fill(~inside[..., None], 0)
        else:
            wrong = (steps < 0) | (steps > self.padding)
            steps = steps.masked_fill(wrong, NOWHERE).masked_fill(~inside, self.padding)
        if beside is not None:
            known = self.beside_sd > 0
            scaled = (beside.double() - self.beside_mean) / torch.where(known, self.beside_sd, 1)
            beside = torch.where(known, scaled, 0).float().expand(n, -1, -1)
        z = self.network(steps.expand(n, *steps.shape), lengths.expand(n, -1), beside)
        values = self.loss.predicted(z, self.scaling, self.fitted)
        if per_position:
            values = values.masked_fill(~inside[..., None], 0)
        found = self._named(values.mean(dim=0))
        if n > 1 and "sd" in found:
            spread = values[..., 0].var(dim=0, correction=0)
            found["sd"] = (values[..., 1].square().mean(dim=0) + spread).sqrt()
        if n > 1:
            for seed, own in zip(self.seeds, values, strict=True):
                found |= {f"{key}_seed{seed}": value for key, value in self._named(own).items()}
        return found

    def _named(self, values: Tensor) -> dict[str, Tensor]:
        if self.loss.task.kind != "regression":
            return {"probability": values}
        names = ("prediction", "sd")[: values.shape[-1]]
        return {name: values[..., at].clone() for at, name in enumerate(names)}


def traced(program: Program, example: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    """The program for batches of any size, of any number of steps.

    `example` is one batch: steps, lengths and, where the network has one, the second input.
    """
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    shapes = [{0: batch, 1: time}, {0: batch}, {0: batch}][: len(example)]
    with torch.no_grad():
        return torch.export.export(
            program, example, dynamic_shapes=tuple(shapes),
            prefer_deferred_runtime_asserts_over_guards=True,
        )  # fmt: skip
