"""Recurrence: layers and directions over padded sequences of stacked replicates.

A module holds the weights of several replicates (networks of different seeds or folds), each with
torch's parameter names, shapes and gate order after a leading dimension [replicate]. The arithmetic
over time, forward and backward, is in `kernels`; on a GPU torch's fused kernels run where torch has
the cell.

Padding is dealt with by masks and not by packed sequences, which are many times slower on a CPU:
inputs at padded steps are set to zero, so that every state is finite; outputs there are set to
zero, so that no gradient comes from them; final states are read at each sequence's last step.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from . import kernels
from .blocks import Noise, drop


class Recorded(NamedTuple):
    """Where the norms of gradients of one direction of one layer come from.

    Attributes
    ----------
    layer : int
    direction : str
        `forward` or `backward`.
    flows : list of kernels.Flow
        Filled by the backward pass: norms of ∂L/∂h_t and ∂L/∂c_t, [replicate, batch, time], time in
        the order in which this direction reads.
    """

    layer: int
    direction: str
    flows: list[kernels.Flow]


class Cell(nn.Module):
    """What the cells share: layers and directions over padded sequences.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    replicates : int
        Networks in the stack.
    dropout : float
        Between layers, when `noise` is given.
    over_time : bool
        One mask of dropout for all steps (Gal & Ghahramani 2016).
    residual : bool
        From the second layer on, a layer's input is added to its output (He et al. 2016).
    bidirectional : bool
    """

    #: Gates in `weight_ih`, and states that a step hands to the next.
    gates, states = 1, 1
    #: The kernel of torch that computes the same on a GPU.
    fused: str | None = None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        replicates: int = 1,
        dropout: float = 0.0,
        over_time: bool = False,
        residual: bool = False,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.replicates, self.dropout, self.over_time = replicates, dropout, over_time
        self.residual, self.bidirectional = residual, bidirectional
        self.directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            width = input_size if layer == 0 else self.directions * hidden_size
            for suffix in ("", "_reverse")[: self.directions]:
                for name, shape in self._shapes(width).items():
                    weight = torch.empty(replicates, *shape)
                    nn.init.uniform_(weight, -(hidden_size**-0.5), hidden_size**-0.5)
                    self.register_parameter(f"{name}_l{layer}{suffix}", nn.Parameter(weight))

    def _shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        """Parameters of one direction of a layer with `width` inputs, without the replicate."""
        rows = self.gates * self.hidden_size
        return {
            "weight_ih": (rows, width),
            "weight_hh": (rows, self.hidden_size),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }

    def _run(
        self, x: Tensor, state: tuple[Tensor, ...], suffix: str, record: list[kernels.Flow] | None
    ) -> tuple[Tensor, ...]:
        """One direction of one layer: x [replicate, batch, time, input], state [replicate, batch,
        hidden] each.

        Returns the states after every step, each [replicate, batch, time, hidden].
        """
        raise NotImplementedError(type(self).__name__)

    def _weights(self, suffix: str) -> list[Tensor]:
        return [getattr(self, f"{name}_{suffix}") for name in self._shapes(1)]

    def _fused(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        """`_run` by the kernel of torch, one replicate after another; h alone."""
        kernel = getattr(torch, str(self.fused))
        weights = self._weights(suffix)
        outputs = []
        for replicate in range(len(x)):
            start = tuple(s[replicate][None].contiguous() for s in state)
            given = start if self.states == 2 else start[0]
            own = [weight[replicate].contiguous() for weight in weights]
            outputs.append(
                kernel(x[replicate], given, own, True, 1, 0.0, self.training, False, True)[0]
            )
        return (torch.stack(outputs),)

    def forward(
        self,
        x: Tensor,
        hx: tuple[Tensor, ...] | None = None,
        lengths: Tensor | None = None,
        *,
        noise: Noise | None = None,
        record: list[Recorded] | None = None,
        whole_state: bool = True,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Hidden states and final states.

        Parameters
        ----------
        x : Tensor
            [replicate, batch, time, input].
        hx : tuple of Tensor, optional
            h_0 (and c_0 of an LSTM), each [layers x directions, replicate, batch, hidden]; zeros
            when absent.
        lengths : Tensor, optional
            int [replicate, batch], from 1 to time. What x holds beyond has no influence.
        noise : Noise, optional
            For dropout; there is none without it.
        record : list, optional
            Gets a `Recorded` for every layer and direction, filled by the backward pass.
        whole_state : bool
            False where only h_n of the final state is wanted, which lets a GPU use torch's kernel
            (that does not give the cell at each sequence's last step).

        Returns
        -------
        output : Tensor
            [replicate, batch, time, directions x hidden], zero beyond each length.
        state : tuple of Tensor
            h_n (and c_n), each [layers x directions, replicate, batch, hidden]: forward after the
            last step of each sequence, backward after its first.

        Raises
        ------
        ValueError
            When `lengths` or `hx` does not fit x.
        """
        if x.dim() != 4 or len(x) != self.replicates:
            raise ValueError(
                f"x must be [replicate, batch, time, input] for {self.replicates} replicates, not "
                f"{tuple(x.shape)}"
            )
        lengths = _check_lengths(lengths, x)
        replicates, batch, steps, _ = x.shape
        expected = (self.num_layers * self.directions, replicates, batch, self.hidden_size)
        if hx is None:
            hx = (x.new_zeros(expected),) * self.states
        if len(hx) != self.states:
            raise ValueError(f"hx must have {self.states} states, not {len(hx)}")
        for each in hx:
            if each.shape != expected:  # would be broadcast, or read in part, in silence
                raise ValueError(f"hx must have shape {expected}, not {tuple(each.shape)}")
        outside = backwards = None
        if lengths is not None:
            time = torch.arange(steps, device=x.device)
            ends = lengths[:, :, None]
            outside = (time >= ends)[..., None]
            backwards = torch.where(time < ends, ends - 1 - time, time)
            x = x.masked_fill(outside, 0)
        torch_runs = (
            self.fused is not None and x.is_cuda and record is None
            and (lengths is None or self.states == 1 or not whole_state)
        )  # fmt: skip
        finals: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.directions):
                index = layer * self.directions + direction
                suffix = f"l{layer}{'_reverse' if direction else ''}"
                turned = _turn(x, backwards) if direction else x
                start = tuple(s[index] for s in hx)
                if torch_runs:
                    states = self._fused(turned, start, suffix)
                else:
                    flows: list[kernels.Flow] | None = None
                    if record is not None:
                        flows = []
                        name = "backward" if direction else "forward"
                        record.append(Recorded(layer, name, flows))
                    states = self._run(turned, start, suffix, flows)
                finals.append(tuple(_last(s, lengths) for s in states))
                output = _turn(states[0], backwards) if direction else states[0]
                outputs.append(output if outside is None else output.masked_fill(outside, 0))
            output = torch.cat(outputs, dim=3) if len(outputs) > 1 else outputs[0]
            x = output + x if self.residual and layer else output
            if layer + 1 < self.num_layers:
                x = drop(x, self.dropout, noise, over_time=self.over_time)
        return x, tuple(torch.stack(each) for each in zip(*finals, strict=True))


def _turn(x: Tensor, backwards: Tensor | None) -> Tensor:
    """Reverse every sequence of [replicate, batch, time, channel] within its own length."""
    if backwards is None:
        return x.flip(2)
    return x.gather(2, backwards[..., None].expand_as(x))


def _last(states: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return states[:, :, -1]
    index = (lengths - 1)[:, :, None, None].expand(-1, -1, 1, states.shape[3])
    return states.gather(2, index).squeeze(2)


def _check_lengths(lengths: Tensor | None, x: Tensor) -> Tensor | None:
    """`lengths` where something is padded, None where nothing is."""
    if lengths is None:
        return None
    if lengths.dim() != 2 or lengths.dtype.is_floating_point or lengths.dtype == torch.bool:
        raise ValueError("lengths must be whole numbers [replicate, batch]")
    if lengths.shape != x.shape[:2]:
        raise ValueError(
            f"lengths for {tuple(lengths.shape)} sequences were given for {tuple(x.shape[:2])}"
        )
    if lengths.numel() == 0:
        return None
    if torch.compiler.is_exporting():  # there are no numbers to look at, only shapes
        return lengths
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest < 1 or longest > x.shape[2]:
        raise ValueError(
            f"lengths must be from 1 to {x.shape[2]}, but are from {shortest} to {longest}"
        )
    return None if shortest == x.shape[2] else lengths.to(x.device)
