"""Recurrences over time for stacked replicates, forward and back-propagation by hand.

In torch here, and the same in C in `native`, which runs where it can (see `implementation`).

Tensors are [replicate, batch, time, channel] outside. Inside, time comes before the batch, the
input projections of all steps are one product, buffers are filled in place through views that are
made once, and weight gradients are one product after the loop: habits that make small networks fast
(see `benchmarks/recurrent.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from . import native
from .recording import Flow

Record = list[Flow] | None


def _time_first(x: Tensor) -> Tensor:
    """[replicate, batch, time, channel] as [replicate, time, batch, channel], or without the
    replicate where there is one alone: its products are then plain ones.
    """
    x = x.transpose(1, 2)
    return x[0] if len(x) == 1 else x


def _alone(x: Tensor) -> Tensor:
    return x[0] if len(x) == 1 else x


def _batch_first(x: Tensor) -> Tensor:
    return (x[None] if x.dim() == 3 else x).transpose(1, 2)


def _product(like: Tensor) -> Callable[..., Tensor]:
    """In place: out += a w, for one matrix or a stack of them."""
    return torch.Tensor.baddbmm_ if like.dim() == 4 else torch.Tensor.addmm_


def _by_time(x: Tensor) -> tuple[Tensor, ...]:
    return x.unbind(-3)


def _project(x: Tensor, w_ih: Tensor, bias: Tensor) -> Tensor:
    """W_ih x_t + b of all steps: x (time first) to [..., time, batch, gates]."""
    flat = x.flatten(-3, -2)
    if flat.dim() == 2:
        return torch.addmm(bias, flat, w_ih.t()).unflatten(0, x.shape[:2])
    product = torch.baddbmm(bias[:, None], flat, w_ih.transpose(1, 2))
    return product.unflatten(1, x.shape[1:3])


def _with_start(start: Tensor, steps: int) -> Tensor:
    """Room for the states of all steps, `start` before the first."""
    states = start.new_empty(*start.shape[:-2], steps + 1, *start.shape[-2:])
    states.select(-3, 0).copy_(start)
    return states


def _weight_gradients(
    x: Tensor, before: Tensor, d_input: Tensor, d_state: Tensor
) -> tuple[Tensor, ...]:
    """∂L/∂W_ih, ∂L/∂W_hh and ∂L/∂b of the inputs and of the states, summed over time and batch."""
    d_in, d_hh = d_input.flatten(-3, -2), d_state.flatten(-3, -2)
    return (
        d_in.mT @ x.flatten(-3, -2),
        d_hh.mT @ before.flatten(-3, -2),
        d_in.sum(-2),
        d_hh.sum(-2),
    )


def _outside(*gradients: Tensor | None, replicates: int) -> tuple[Tensor | None, ...]:
    """Gradients of states and weights with the dimension of the replicate."""
    if replicates > 1:
        return gradients
    return tuple(None if each is None else each[None] for each in gradients)


class _Norms:
    """Norms of gradients of states, collected from the last step to the first."""

    def __init__(self, wanted: Record) -> None:
        self.wanted, self._norms = wanted, []

    def add(self, gradient: Tensor) -> None:
        if self.wanted is not None:
            self._norms.append(torch.linalg.vector_norm(gradient, dim=-1))

    def stacked(self) -> Tensor | None:
        if not self._norms:
            return None
        norms = torch.stack(self._norms[::-1], dim=-1)  # [..., batch, time]
        return norms[None] if norms.dim() == 2 else norms


class LSTMFunction(torch.autograd.Function):
    """One direction of one LSTM layer; see `cells.LSTM` for the equations."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, h0: Tensor, c0: Tensor, w_ih: Tensor, w_hh: Tensor,
        bias: Tensor, w_ch: Tensor | None, record: Record,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        x, h0, c0, w_ih, w_hh, bias = (_time_first(x), *map(_alone, (h0, c0, w_ih, w_hh, bias)))
        w_ch = None if w_ch is None else _alone(w_ch)
        steps, size = x.shape[-3], h0.shape[-1]
        # every step's input projection in one product; the loop turns it into gates in place
        gates = _project(x, w_ih, bias)
        hidden, cells = _with_start(h0, steps), _with_start(c0, steps)
        tanh_cells = torch.empty_like(cells.narrow(-3, 0, steps))
        product, w_hh_t = _product(x), w_hh.mT
        full, diagonal, w_i, w_f, w_o = _peepholes(w_ch, size)
        h, c = hidden.select(-3, 0), cells.select(-3, 0)
        # views made once: indexing in the loop costs as much as the arithmetic of a small cell
        views = zip(
            _by_time(gates),
            _by_time(gates[..., : 2 * size]),
            *(_by_time(gate) for gate in gates.split(size, -1)),
            _by_time(hidden)[1:],
            _by_time(cells)[1:],
            _by_time(tanh_cells),
            strict=True,
        )
        for a, i_f, i, f, g, o, h_next, c_next, tanh_c in views:
            product(a, h, w_hh_t)
            if full:
                product(i, c, w_i.mT)
                product(f, c, w_f.mT)
            elif diagonal:
                i.addcmul_(c, w_i)
                f.addcmul_(c, w_f)
            i_f.sigmoid_()
            g.tanh_()
            torch.mul(f, c, out=c_next)
            c_next.addcmul_(i, g)
            if full:
                product(o, c_next, w_o.mT)
            elif diagonal:
                o.addcmul_(c_next, w_o)
            o.sigmoid_()
            torch.tanh(c_next, out=tanh_c)
            torch.mul(o, tanh_c, out=h_next)
            h, c = h_next, c_next
        ctx.save_for_backward(x, w_ih, w_hh, w_ch, gates, hidden, cells, tanh_cells)
        ctx.record = record
        return (_batch_first(hidden.narrow(-3, 1, steps)),
                _batch_first(cells.narrow(-3, 1, steps)))  # fmt: skip

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_c: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, w_ch, gates, hidden, cells, tanh_cells = ctx.saved_tensors
        steps, size = x.shape[-3], w_hh.shape[-1]
        replicates = 1 if x.dim() == 3 else len(x)
        product = _product(x)
        full, diagonal, w_i, w_f, w_o = _peepholes(w_ch, size)
        d_gates = torch.empty_like(gates)  # gradients of the pre-activations
        dh, dc = (torch.zeros_like(hidden.select(-3, 0)) for _ in range(2))
        work = torch.empty_like(dh)
        norms_h, norms_c = _Norms(ctx.record), _Norms(ctx.record)
        views = zip(
            *(_by_time(gate) for gate in gates.split(size, -1)),
            _by_time(d_gates),
            *(_by_time(gate) for gate in d_gates.split(size, -1)),
            _by_time(cells)[:-1],
            _by_time(tanh_cells),
            _by_time(_time_first(grad_h)),
            _by_time(_time_first(grad_c)),
            strict=True,
        )
        for i, f, g, o, da, da_i, da_f, da_g, da_o, c_before, tanh_c, gh, gc in reversed(
            list(views)
        ):
            dh.add_(gh)
            dc.add_(gc)
            norms_h.add(dh)
            # o(1 - o), computed as o - o²
            torch.addcmul(o, o, o, value=-1, out=work)
            torch.mul(dh, tanh_c, out=da_o)
            da_o.mul_(work)
            torch.mul(dh, o, out=work)
            dc.add_(work)
            work.mul_(tanh_c).mul_(tanh_c)
            dc.sub_(work)
            if full:
                product(dc, da_o, w_o)
            elif diagonal:
                dc.addcmul_(da_o, w_o)
            norms_c.add(dc)
            torch.addcmul(i, i, i, value=-1, out=work)
            torch.mul(dc, g, out=da_i)
            da_i.mul_(work)
            torch.addcmul(f, f, f, value=-1, out=work)
            torch.mul(dc, c_before, out=da_f)
            da_f.mul_(work)
            torch.mul(dc, i, out=da_g)
            torch.mul(da_g, g, out=work)
            da_g.addcmul_(work, g, value=-1)
            torch.matmul(da, w_hh, out=dh)
            dc.mul_(f)
            if full:
                product(dc, da_i, w_i)
                product(dc, da_f, w_f)
            elif diagonal:
                dc.addcmul_(da_i, w_i).addcmul_(da_f, w_f)
        if ctx.record is not None:
            ctx.record.append(Flow(norms_h.stacked(), norms_c.stacked()))
        before, after = cells.narrow(-3, 0, steps), cells.narrow(-3, 1, steps)
        d_peephole = None
        if w_ch is not None:
            sees = zip(_split(d_gates, size, (0, 1, 3)), (before, before, after), strict=True)
            if full:
                d_peephole = torch.cat(
                    [d.flatten(-3, -2).mT @ c.flatten(-3, -2) for d, c in sees], dim=-2
                )
            else:
                d_peephole = torch.stack([(d * c).sum((-3, -2)) for d, c in sees], dim=-2)
        d_ih, d_hh, d_bias, _ = _weight_gradients(x, hidden.narrow(-3, 0, steps), d_gates, d_gates)
        d_x = _input_gradient(ctx, d_gates, w_ih)
        rest = _outside(dh, dc, d_ih, d_hh, d_bias, d_peephole, replicates=replicates)
        return (d_x, *rest, None)


def _split(x: Tensor, size: int, which: tuple[int, ...]) -> list[Tensor]:
    return [x.narrow(-1, k * size, size) for k in which]


def _peepholes(w_ch: Tensor | None, size: int) -> tuple[Any, ...]:
    """Whether they are full or diagonal, and those of i, f and o."""
    if w_ch is None:
        return False, False, None, None, None
    if w_ch.shape[-2] == 3:  # also of one unit, where both forms are the same numbers
        rows = w_ch.unbind(-2)
        return (False, True, *(row[:, None] if row.dim() == 2 else row for row in rows))
    return (True, False, *w_ch.split(size, -2))


def _input_gradient(ctx: Any, d_gates: Tensor, w_ih: Tensor) -> Tensor | None:
    if not ctx.needs_input_grad[0]:
        return None
    flat = d_gates.flatten(-3, -2) @ w_ih
    return _batch_first(flat.unflatten(-2, d_gates.shape[-3:-1]))


class RNNFunction(torch.autograd.Function):
    """One direction of one RNN layer; see `cells.RNN` for the equations."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor,
        activation: str, record: Record,
    ) -> Tensor:  # fmt: skip
        x, h0, w_ih, w_hh, bias = (_time_first(x), *map(_alone, (h0, w_ih, w_hh, bias)))
        steps = x.shape[-3]
        hidden = _with_start(h0, steps)
        hidden.narrow(-3, 1, steps).copy_(_project(x, w_ih, bias))
        product, w_hh_t = _product(x), w_hh.mT
        function = {
            "tanh": torch.Tensor.tanh_, "relu": torch.Tensor.relu_, "sigmoid": torch.Tensor.sigmoid_
        }[activation]  # fmt: skip
        h, *later = _by_time(hidden)
        for h_next in later:
            function(product(h_next, h, w_hh_t))
            h = h_next
        ctx.save_for_backward(x, w_ih, w_hh, hidden)
        ctx.activation, ctx.record = activation, record
        return _batch_first(hidden.narrow(-3, 1, steps))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, hidden = ctx.saved_tensors
        steps, replicates = x.shape[-3], 1 if x.dim() == 3 else len(x)
        after = hidden.narrow(-3, 1, steps)
        # f′ from h itself, for every step at once
        if ctx.activation == "sigmoid":
            d_gates = torch.addcmul(after, after, after, value=-1)
        elif ctx.activation == "tanh":
            d_gates = torch.addcmul(torch.ones_like(after), after, after, value=-1)
        else:
            d_gates = (after > 0).to(after.dtype)
        dh = torch.zeros_like(hidden.select(-3, 0))
        norms = _Norms(ctx.record)
        gradients = _by_time(_time_first(grad_h))
        for da, gh in zip(reversed(_by_time(d_gates)), reversed(gradients), strict=True):
            dh.add_(gh)
            norms.add(dh)
            da.mul_(dh)
            torch.matmul(da, w_hh, out=dh)
        if ctx.record is not None:
            ctx.record.append(Flow(norms.stacked()))
        d_ih, d_hh, d_bias, _ = _weight_gradients(x, hidden.narrow(-3, 0, steps), d_gates, d_gates)
        d_x = _input_gradient(ctx, d_gates, w_ih)
        return (d_x, *_outside(dh, d_ih, d_hh, d_bias, replicates=replicates), None, None)


class GRUFunction(torch.autograd.Function):
    """One direction of one GRU layer; see `cells.GRU` for the equations."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor,
        b_hh: Tensor, record: Record,
    ) -> Tensor:  # fmt: skip
        x, h0, w_ih, w_hh, b_ih, b_hh = (
            _time_first(x), *map(_alone, (h0, w_ih, w_hh, b_ih, b_hh))
        )  # fmt: skip
        steps, size = x.shape[-3], h0.shape[-1]
        gates = _project(x, w_ih, b_ih)
        hidden = _with_start(h0, steps)
        # W_hh h + b_hh; of the candidate it is needed once more
        states = torch.empty_like(gates)
        states.copy_((b_hh if b_hh.dim() == 1 else b_hh[:, None, None]).expand_as(gates))
        product, w_hh_t = _product(x), w_hh.mT
        h = hidden.select(-3, 0)
        views = zip(
            _by_time(states),
            _by_time(states[..., : 2 * size]),
            _by_time(states[..., 2 * size :]),
            _by_time(gates[..., : 2 * size]),
            *(_by_time(gate) for gate in gates.split(size, -1)),
            _by_time(hidden)[1:],
            strict=True,
        )
        for s, s_rz, s_n, r_z, r, z, n, h_next in views:
            product(s, h, w_hh_t)
            r_z.add_(s_rz).sigmoid_()
            n.addcmul_(r, s_n).tanh_()
            # (1 - z) n + z h = n + z (h - n)
            torch.lerp(n, h, z, out=h_next)
            h = h_next
        ctx.save_for_backward(x, w_ih, w_hh, gates, states, hidden)
        ctx.record = record
        return _batch_first(hidden.narrow(-3, 1, steps))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, gates, states, hidden = ctx.saved_tensors
        steps, size = x.shape[-3], w_hh.shape[-1]
        replicates = 1 if x.dim() == 3 else len(x)
        product = _product(x)
        d_gates, d_states = torch.empty_like(gates), torch.empty_like(gates)
        dh = torch.zeros_like(hidden.select(-3, 0))
        work = torch.empty_like(dh)
        norms = _Norms(ctx.record)
        views = zip(
            *(_by_time(gate) for gate in gates.split(size, -1)),
            *(_by_time(gate) for gate in d_gates.split(size, -1)),
            _by_time(d_states),
            _by_time(d_states[..., : 2 * size]),
            _by_time(d_states[..., 2 * size :]),
            _by_time(d_gates[..., : 2 * size]),
            _by_time(states[..., 2 * size :]),
            _by_time(hidden)[:-1],
            _by_time(_time_first(grad_h)),
            strict=True,
        )
        for r, z, n, da_r, da_z, da_n, ds, ds_rz, ds_n, da_rz, s_n, before, gh in reversed(
            list(views)
        ):
            dh.add_(gh)
            norms.add(dh)
            # δa_z = δh (h_{t-1} - n) z(1 - z)
            torch.sub(before, n, out=da_z)
            torch.addcmul(z, z, z, value=-1, out=work)
            da_z.mul_(work).mul_(dh)
            # δa_n = δh (1 - z)(1 - n²)
            torch.mul(dh, z, out=work)
            torch.sub(dh, work, out=da_n)
            dh.copy_(work)  # δh z goes to the step before
            torch.mul(da_n, n, out=work)
            da_n.addcmul_(work, n, value=-1)
            # δa_r = δa_n (W_hn h + b_hn) r(1 - r)
            torch.addcmul(r, r, r, value=-1, out=work)
            torch.mul(da_n, s_n, out=da_r)
            da_r.mul_(work)
            ds_rz.copy_(da_rz)
            torch.mul(da_n, r, out=ds_n)
            product(dh, ds, w_hh)
        if ctx.record is not None:
            ctx.record.append(Flow(norms.stacked()))
        d_ih, d_hh, d_b_ih, d_b_hh = _weight_gradients(
            x, hidden.narrow(-3, 0, steps), d_gates, d_states
        )
        d_x = _input_gradient(ctx, d_gates, w_ih)
        rest = _outside(dh, d_ih, d_hh, d_b_ih, d_b_hh, replicates=replicates)
        return (d_x, *rest, None)


def _doubled(a: Tensor, b: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t for all t at once, h_{-1} = 0; `a` and `b` are used up.

    After k rounds step t holds the sum of the last 2^k inputs (Hillis & Steele 1986, Commun. ACM
    29:1170): log₂(time) passes in place of one a step. With a in [0, 1] nothing overflows.
    """
    distance, steps = 1, a.shape[2]
    while distance < steps:
        later, earlier = slice(distance, None), slice(None, -distance)
        b[:, :, later] += a[:, :, later] * b[:, :, earlier]
        a[:, :, later] = a[:, :, later] * a[:, :, earlier]
        distance *= 2
    return b


class ScanFunction(torch.autograd.Function):
    """h_t = a_t ⊙ h_{t-1} + b_t; see `cells.MinGRU`."""

    @staticmethod
    def forward(ctx: FunctionCtx, a: Tensor, b: Tensor, h0: Tensor, record: Record) -> Tensor:
        first = b.clone()
        first[:, :, 0] += a[:, :, 0] * h0
        hidden = _doubled(a.clone(), first)
        ctx.save_for_backward(a, h0, hidden)
        ctx.record = record
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        a, h0, hidden = ctx.saved_tensors
        # δh_t = (from the output) + a_{t+1} δh_{t+1}: the same recurrence on the turned sequence
        factors = torch.cat([a[:, :, 1:], torch.zeros_like(a[:, :, :1])], dim=2).flip(2)
        dh = _doubled(factors, grad_h.flip(2)).flip(2)
        if ctx.record is not None:
            ctx.record.append(Flow(torch.linalg.vector_norm(dh, dim=-1)))
        before = torch.cat([h0[:, :, None], hidden[:, :, :-1]], dim=2)
        return dh * before, dh, a[:, :, 0] * dh[:, :, 0], None


def _whole_precision(
    function: Callable[..., Any], tensors: tuple[Tensor, ...], weights: tuple[Any, ...]
) -> Any:
    """Call a function in the dtype of its weights, also under autocast.

    A sum over hundreds of steps in bfloat16 loses the small updates that the cell is there to keep.
    """
    dtype = weights[0].dtype
    with torch.autocast(tensors[0].device.type, enabled=False):
        return function(*(tensor.to(dtype) for tensor in tensors), *weights)


def implementation(x: Tensor, *, full_peepholes: bool = False) -> str:
    """Which code runs a recurrence: the one place where that is decided.

    - `fused`: torch's own kernels (cuDNN), on a GPU, for one replicate after another, where torch
      has the cell and nothing is recorded; `recurrence.Cell` asks for it.
    - `native`: `native.c`, in float32 on a CPU, where it could be compiled; the fastest there at
      every size that `benchmarks/recurrent.py` measures.
    - `torch`: the functions of this module, for everything else: float64, full peepholes, peepholes
      and the sigmoid on a GPU, a CPU without a compiler.

    The results are the same to rounding.
    """
    return "native" if native.available(x) and not full_peepholes else "torch"


def rnn(
    x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, activation: str = "tanh",
    record: Record = None,
) -> Tensor:  # fmt: skip
    """States of an RNN: x [replicate, batch, time, input] to h [replicate, batch, time, hidden].

    Parameters
    ----------
    x, h0 : Tensor
        Input, and state before the first step [replicate, batch, hidden].
    w_ih, w_hh, bias : Tensor
        [replicate, hidden, input], [replicate, hidden, hidden], [replicate, hidden].
    activation : {"tanh", "relu", "sigmoid"}
    record : list, optional
        Gets a `Flow` when the backward pass has run.
    """
    weights = (w_ih, w_hh, bias, activation, record)
    if implementation(w_ih) == "native":
        return _whole_precision(native.rnn, (x, h0), weights)
    return _whole_precision(RNNFunction.apply, (x, h0), weights)


def lstm(
    x: Tensor, h0: Tensor, c0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor,
    w_ch: Tensor | None = None, record: Record = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """States h and c of an LSTM, each [replicate, batch, time, hidden].

    Parameters
    ----------
    x, h0, c0 : Tensor
        Input [replicate, batch, time, input] and states [replicate, batch, hidden].
    w_ih, w_hh, bias : Tensor
        [replicate, 4·hidden, input], [replicate, 4·hidden, hidden], [replicate, 4·hidden], in the
        order i, f, g, o.
    w_ch : Tensor or None
        Peepholes [replicate, 3, hidden] (diagonal) or [replicate, 3·hidden, hidden] (full).
    record : list, optional
        As of `rnn`.
    """
    weights = (w_ih, w_hh, bias, w_ch, record)
    full = w_ch is not None and w_ch.shape[1] != 3
    if implementation(w_ih, full_peepholes=full) == "native":
        return _whole_precision(native.lstm, (x, h0, c0), weights)
    return _whole_precision(LSTMFunction.apply, (x, h0, c0), weights)


def gru(
    x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor,
    record: Record = None,
) -> Tensor:  # fmt: skip
    """States of a GRU, [replicate, batch, time, hidden].

    Parameters
    ----------
    x, h0 : Tensor
        As of `rnn`.
    w_ih, w_hh, b_ih, b_hh : Tensor
        [replicate, 3·hidden, input], [replicate, 3·hidden, hidden], [replicate, 3·hidden] each, in
        the order r, z, n.
    record : list, optional
        As of `rnn`.
    """
    weights = (w_ih, w_hh, b_ih, b_hh, record)
    if implementation(w_ih) == "native":
        return _whole_precision(native.gru, (x, h0), weights)
    return _whole_precision(GRUFunction.apply, (x, h0), weights)


def scan(a: Tensor, b: Tensor, h0: Tensor, record: Record = None) -> Tensor:
    """h_t = a_t ⊙ h_{t-1} + b_t, [replicate, batch, time, hidden].

    Parameters
    ----------
    a, b : Tensor
        [replicate, batch, time, hidden]; `a` in [0, 1].
    h0 : Tensor
        [replicate, batch, hidden].
    record : list, optional
        As of `rnn`.
    """
    with torch.autocast(a.device.type, enabled=False):
        return ScanFunction.apply(a, b, h0.to(a.dtype), record)
