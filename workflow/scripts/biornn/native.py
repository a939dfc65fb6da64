"""Recurrences over time in C: the same results as `kernels`, in single precision on a CPU.

`native.c` is compiled when it is first needed, with the C compiler of the system, and kept in the
user's cache under a name that has all in it that decides what it does. Without a compiler, or where
anything goes wrong, `available` is False and says why in the log, once; the functions of `kernels`
in torch then run, with the same results to rounding.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .compiling import Unavailable, build
from .recording import Flow

logger = logging.getLogger(__name__)

SOURCE = Path(__file__).with_suffix(".c")
#: Set to 0, it keeps the native code from being used.
SWITCH = "BIORNN_NATIVE"
KINDS = {"tanh": 0, "relu": 1, "sigmoid": 2, "lstm": 3, "peephole": 4, "gru": 5}


class _Job(ctypes.Structure):
    """`Job` of native.c, field by field."""

    _fields_ = [
        (name, ctypes.c_int64 if kind == "i" else ctypes.c_void_p)
        for kind, names in (
            ("i", "rows steps inputs size padded kind"),
            ("p", "x"),
            ("i", "x_row x_step"),
            ("p", "w_x w_h bias w_back peephole gates tanh_c hidden cells"),
            ("i", "state_step"),
            ("p", "grad_h"),
            ("i", "gh_row gh_step"),
            ("p", "grad_c"),
            ("i", "gc_row gc_step"),
            ("p", "d_gates d_states seen d_weights d_state_weights dh dc d_peephole"),
            ("p", "norm_h norm_c scratch"),
        )
        for name in names.split()
    ]  # fmt: skip


@functools.cache
def _library() -> ctypes.CDLL | None:
    """The library, or None after a line in the log that says why there is none."""
    if os.environ.get(SWITCH) == "0":
        logger.info("recurrences run in torch: %s is 0", SWITCH)
        return None
    try:
        library = ctypes.CDLL(str(build(SOURCE)))
        library.biornn_scratch.restype = ctypes.c_int64
        library.biornn_scratch.argtypes = [ctypes.c_int64, ctypes.c_int64]
        for name in ("biornn_forward", "biornn_backward"):
            getattr(library, name).restype = None
            getattr(library, name).argtypes = [ctypes.c_void_p]
        library.biornn_pack.restype = library.biornn_pack_back.restype = None
        library.biornn_pack.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_int] * 4
        library.biornn_pack_back.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_int] * 3
    except (Unavailable, OSError, AttributeError) as error:
        logger.info("recurrences run in torch, which is slower: %s", error)
        return None
    return library


def available(x: Tensor) -> bool:
    """Whether the functions here can run on a tensor: float32, on a CPU, with compiled code."""
    return x.dtype == torch.float32 and x.device.type == "cpu" and _library() is not None


# -- calling ---------------------------------------------------------------------------------------


def _inner(x: Tensor) -> Tensor:
    """x with its last dimension without gaps; the others may have any stride.

    What was expanded (the gradient of a sum) stays so, but for the last dimension.
    """
    if x.stride(-1) == 1 or x.shape[-1] == 1:
        return x
    distinct = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in x.stride()[:-1])
    return x[distinct].contiguous().expand(x.shape)


class _Call:
    """One direction of one layer: its sizes, packed weights, and the blocks that it is done in."""

    def __init__(self, kind: int, x: Tensor, w_hh: Tensor) -> None:
        library = _library()
        assert library is not None
        self.library, self.kind = library, kind
        self.replicates, self.batch, self.steps, self.inputs = x.shape
        self.size = w_hh.shape[2]
        panel, rows = library.biornn_panel(), library.biornn_rows()
        self.padded = -(-self.size // panel) * panel
        #: gates in the weights, and what is kept of each step
        self.in_weights = w_hh.shape[1] // self.size
        self.gates = 1 if kind < KINDS["lstm"] else 4
        self.blocks = [
            (replicate, slice(start, min(start + rows, self.batch)))
            for replicate in range(self.replicates)
            for start in range(0, self.batch, rows)
        ]
        self.threads = max(min(torch.get_num_threads(), len(self.blocks)), 1)

    def pack(self, weights: Tensor) -> Tensor:
        """[replicate, gates·size, inputs] for products with inputs or states."""
        inputs = weights.shape[2]
        packed = torch.empty(self.replicates, self.in_weights * self.padded * inputs)
        for one, other in zip(weights.contiguous(), packed, strict=True):
            self.library.biornn_pack(
                one.data_ptr(), other.data_ptr(), self.in_weights, self.size, self.padded, inputs
            )
        return packed

    def pack_back(self, weights: Tensor) -> Tensor:
        """[replicate, gates·size, size] for products with gradients of the gates."""
        packed = torch.empty(self.replicates, self.in_weights * self.padded**2)
        for one, other in zip(weights.contiguous(), packed, strict=True):
            self.library.biornn_pack_back(
                one.data_ptr(), other.data_ptr(), self.in_weights, self.size, self.padded
            )
        return packed

    def pad(self, vectors: Tensor) -> Tensor:
        """[replicate, n, size] with zeros to [replicate, n, padded]."""
        return torch.nn.functional.pad(vectors, (0, self.padded - self.size)).contiguous()

    def states(self, start: Tensor) -> Tensor:
        """Room for the states of all steps [replicate, time + 1, batch, size], `start` first."""
        states = start.new_empty(self.replicates, self.steps + 1, self.batch, self.size)
        states[:, 0] = start
        return states

    def kept(self, gates: int) -> list[Tensor]:
        """Room for something of every gate, step and row, block by block.

        In pieces: the C library gives blocks above 32 MiB back to the system each time, and the
        system clears them anew.
        """
        width = gates * self.padded
        return [torch.empty(self.steps, rows.stop - rows.start, width) for _, rows in self.blocks]

    def jobs(self, **tensors: Tensor | list[Tensor] | None) -> list[_Job]:
        """A job for every block; tensors by the names of the job's fields.

        A list has one tensor a block; of `x` and of gradients each row has its place and strides;
        of states each row; of everything else there is one a replicate.
        """
        found = []
        for number, (replicate, rows) in enumerate(self.blocks):
            job = _Job(
                rows=rows.stop - rows.start, steps=self.steps, inputs=self.inputs,
                size=self.size, padded=self.padded, kind=self.kind,
                state_step=self.batch * self.size,
            )  # fmt: skip
            for name, value in tensors.items():
                if value is None:
                    continue
                if isinstance(value, list):
                    place = value[number]
                elif name in ("hidden", "cells"):
                    place = value[replicate, :, rows]
                elif name in _BY_ROW:
                    place = value[replicate, rows]
                else:
                    place = value[replicate]
                setattr(job, name, place.data_ptr())
                if name in _STRIDES:
                    row, step = _STRIDES[name]
                    setattr(job, row, place.stride(0))
                    setattr(job, step, place.stride(1))
            found.append(job)
        return found

    def room(self, width: int) -> list[Tensor]:
        """Room for something of every step and row of a block, one for each thread."""
        rows = max((rows.stop - rows.start for _, rows in self.blocks), default=0)
        return [torch.empty(self.steps * rows, width) for _ in range(self.threads)]

    def in_turn(self, rooms: list[Tensor] | None) -> list[Tensor] | None:
        """The room of the thread that does a block, for every block."""
        if rooms is None:
            return None
        return [rooms[number % self.threads] for number in range(len(self.blocks))]

    def groups(self, function: Any, jobs: list[_Job]) -> Iterator[range]:
        """Do the jobs, as many at a time as there are threads; yields the numbers of those done."""
        scratch = torch.empty(self.threads, self.library.biornn_scratch(self.inputs, self.padded))
        with ThreadPoolExecutor(self.threads) as pool:
            for start in range(0, len(jobs), self.threads):
                own = range(start, min(start + self.threads, len(jobs)))
                for number in own:
                    jobs[number].scratch = scratch[number - start].data_ptr()
                places = [ctypes.addressof(jobs[number]) for number in own]
                if len(places) == 1:
                    function(places[0])
                else:  # ctypes lets go of the interpreter
                    list(pool.map(function, places))
                yield own

    def over_blocks(self, parts: list[Tensor]) -> Iterator[Tensor]:
        """Sums over the blocks of each replicate, one block after another."""
        per = len(parts) // max(self.replicates, 1)
        for replicate in range(self.replicates):
            total, *rest = parts[replicate * per : (replicate + 1) * per]
            for part in rest:
                total += part
            yield total

    def of_weights(self, parts: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """∂L/∂W_ih, ∂L/∂W_hh and ∂L/∂b from the sums of the blocks."""
        rows, end = self.in_weights * self.size, self.size + self.inputs
        d_ih = torch.empty(self.replicates, rows, self.inputs)
        d_hh = torch.empty(self.replicates, rows, self.size)
        d_bias = torch.empty(self.replicates, rows)
        for replicate, whole in enumerate(self.over_blocks(parts)):
            own = whole
            if self.size != self.padded:
                gates = whole.unflatten(1, (self.in_weights, self.padded))
                own = gates[..., : self.size].flatten(1)
            # one matrix at a time, which torch turns much faster than a stack of them
            d_ih[replicate].copy_(own[self.size : end].t())
            d_hh[replicate].copy_(own[: self.size].t())
            d_bias[replicate] = own[end]
        return d_ih, d_hh, d_bias


#: Fields that begin at the row of a block, and those that have strides of rows and steps.
_BY_ROW = {"x", "grad_h", "grad_c", "dh", "dc", "norm_h", "norm_c"}
_STRIDES = {
    "x": ("x_row", "x_step"), "grad_h": ("gh_row", "gh_step"), "grad_c": ("gc_row", "gc_step")
}  # fmt: skip


class _Recurrence(torch.autograd.Function):
    """One direction of one layer; `kind` of `KINDS`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, h0: Tensor, c0: Tensor | None, w_ih: Tensor, w_hh: Tensor,
        bias: Tensor, b_hh: Tensor | None, w_ch: Tensor | None, kind: int,
        record: list[Flow] | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        x = _inner(x)
        call = _Call(kind, x, w_hh)
        hidden = call.states(h0)
        cells = None if c0 is None else call.states(c0)
        gates = tanh_c = None
        if any(ctx.needs_input_grad):
            gates = call.kept(call.gates)
            tanh_c = None if cells is None else call.kept(1)
        biases = bias.view(call.replicates, -1, call.size)
        if b_hh is not None:
            # r and z see both in one sum; the candidate keeps them apart
            of_states = b_hh.view(call.replicates, -1, call.size)
            biases = torch.cat(
                [biases[:, :2] + of_states[:, :2], biases[:, 2:], of_states[:, 2:]], dim=1
            )
        biases = call.pad(biases)
        peephole = None if w_ch is None else call.pad(w_ch)
        w_x, w_h = call.pack(w_ih), call.pack(w_hh)
        jobs = call.jobs(
            x=x, w_x=w_x, w_h=w_h, bias=biases, peephole=peephole, gates=gates, tanh_c=tanh_c,
            hidden=hidden, cells=cells,
        )  # fmt: skip
        for _ in call.groups(call.library.biornn_forward, jobs):
            pass
        ctx.save_for_backward(x, w_ih, w_hh, hidden, cells, peephole)
        ctx.call, ctx.record, ctx.gates, ctx.tanh_c = call, record, gates, tanh_c
        ctx.set_materialize_grads(False)
        outputs = [hidden] if cells is None else [hidden, cells]
        return tuple(states[:, 1:].transpose(1, 2) for states in outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor | None, grad_c: Tensor | None = None) -> Any:
        x, w_ih, w_hh, hidden, cells, peephole = ctx.saved_tensors
        call: _Call = ctx.call
        if grad_h is None:
            grad_h = x.new_zeros(call.replicates, call.batch, call.steps, call.size)
        # by names, since a job knows but the address of what must not be freed before it is done
        grad_h = _inner(grad_h)
        grad_c = None if grad_c is None else _inner(grad_c)
        gru = call.kind == KINDS["gru"]
        d_gates = call.room(call.in_weights * call.padded)
        d_states = call.room(call.in_weights * call.padded) if gru else None
        seen = call.room(call.size + call.inputs + 1)
        shape = (-(-(call.size + call.inputs + 1) // 6) * 6, call.in_weights * call.padded)
        d_weights = [torch.empty(shape) for _ in call.blocks]
        d_state_weights = [torch.empty(shape) for _ in call.blocks] if gru else None
        d_peephole = None
        if peephole is not None:
            d_peephole = [torch.empty(3, call.padded) for _ in call.blocks]
        dh = torch.empty(call.replicates, call.batch, call.size)
        dc = None if cells is None else torch.empty_like(dh)
        norm_h = norm_c = None
        if ctx.record is not None:
            norm_h = torch.empty(call.replicates, call.batch, call.steps)
            norm_c = None if cells is None else torch.empty_like(norm_h)
        w_back = call.pack_back(w_hh)
        jobs = call.jobs(
            x=x, w_back=w_back, peephole=peephole, gates=ctx.gates, tanh_c=ctx.tanh_c,
            hidden=hidden, cells=cells, grad_h=grad_h,
            grad_c=grad_c, dh=dh, dc=dc,
            d_gates=call.in_turn(d_gates), d_states=call.in_turn(d_states),
            seen=call.in_turn(seen), d_weights=d_weights, d_state_weights=d_state_weights,
            d_peephole=d_peephole, norm_h=norm_h, norm_c=norm_c,
        )  # fmt: skip
        d_x = torch.empty(x.shape) if ctx.needs_input_grad[0] else None
        for done in call.groups(call.library.biornn_backward, jobs):
            if d_x is None:
                continue
            for place, number in enumerate(done):
                replicate, rows = call.blocks[number]
                n = call.steps * (rows.stop - rows.start)
                gates = d_gates[place][:n].unflatten(1, (call.in_weights, call.padded))
                part = gates[..., : call.size].reshape(n, -1) @ w_ih[replicate]
                d_x[replicate, rows] = part.view(call.steps, -1, call.inputs).transpose(0, 1)
        if ctx.record is not None:
            ctx.record.append(Flow(norm_h, norm_c))
        d_w_ch = None
        if d_peephole is not None:
            d_w_ch = torch.stack(list(call.over_blocks(d_peephole)))[..., : call.size]
        d_ih, d_hh, d_bias = call.of_weights(d_weights)
        d_b_hh = None
        if d_state_weights is not None:
            _, d_hh, d_b_hh = call.of_weights(d_state_weights)
        return d_x, dh, dc, d_ih, d_hh, d_bias, d_b_hh, d_w_ch, None, None


def rnn(
    x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, activation: str = "tanh",
    record: list[Flow] | None = None,
) -> Tensor:  # fmt: skip
    """As `kernels.rnn`."""
    kind = KINDS[activation]
    return _Recurrence.apply(x, h0, None, w_ih, w_hh, bias, None, None, kind, record)[0]


def lstm(
    x: Tensor, h0: Tensor, c0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor,
    w_ch: Tensor | None = None, record: list[Flow] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As `kernels.lstm`, without peepholes or with diagonal ones."""
    kind = KINDS["lstm" if w_ch is None else "peephole"]
    return _Recurrence.apply(x, h0, c0, w_ih, w_hh, bias, None, w_ch, kind, record)


def gru(
    x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor,
    record: list[Flow] | None = None,
) -> Tensor:  # fmt: skip
    """As `kernels.gru`."""
    return _Recurrence.apply(
        x, h0, None, w_ih, w_hh, b_ih, b_hh, None, KINDS["gru"], record
    )[0]  # fmt: skip
