"""Back-propagation through time by hand, for the cells that torch does not have.

Habits that make it fast (see `benchmarks/recurrent.py`): time runs first, the input projections of
all steps are one product, buffers are views made once and filled in place, weight gradients are one
product after the loop.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


class LSTMFunction(torch.autograd.Function):
    """One direction of one LSTM layer over time; see `cells.LSTM` for the equations.

    Inputs: x [time, batch, input], h0 and c0 [batch, hidden], w_ih [4·hidden, input], w_hh
    [4·hidden, hidden], bias [4·hidden], w_ch [3, hidden], [3·hidden, hidden] or None.
    Outputs: h and c [time, batch, hidden].
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        h0: Tensor,
        c0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        bias: Tensor,
        w_ch: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        steps, batch, _ = x.shape
        size = h0.shape[1]
        # every step's input projection in one product; the loop turns it into gates in place
        gates = torch.addmm(bias, x.reshape(steps * batch, -1), w_ih.t()).view(steps, batch, -1)
        hidden = x.new_empty(steps + 1, batch, size)
        cells = x.new_empty(steps + 1, batch, size)
        tanh_cells = x.new_empty(steps, batch, size)
        hidden[0], cells[0] = h0, c0
        w_hh_t = w_hh.t()
        diagonal = w_ch is not None and w_ch.shape[0] == 3
        full = w_ch is not None and not diagonal
        if full:
            w_if_t, w_o_t = w_ch[: 2 * size].t(), w_ch[2 * size :].t()
        elif diagonal:
            w_i, w_f, w_o = w_ch
        h, c = hidden[0], cells[0]
        # views made once: indexing in the loop costs as much as the arithmetic of a small cell
        views = zip(
            gates.unbind(0), gates[:, :, : 2 * size].unbind(0),
            *(gates[:, :, k * size : (k + 1) * size].unbind(0) for k in range(4)),
            hidden[1:].unbind(0), cells[1:].unbind(0), tanh_cells.unbind(0), strict=True,
        )  # fmt: skip
        for a, i_f, i, f, g, o, h_next, c_next, tanh_c in views:
            a.addmm_(h, w_hh_t)
            if full:
                i_f.addmm_(c, w_if_t)
            elif diagonal:
                i.addcmul_(c, w_i)
                f.addcmul_(c, w_f)
            i_f.sigmoid_()
            g.tanh_()
            torch.mul(f, c, out=c_next)
            c_next.addcmul_(i, g)
            if full:
                o.addmm_(c_next, w_o_t)
            elif diagonal:
                o.addcmul_(c_next, w_o)
            o.sigmoid_()
            torch.tanh(c_next, out=tanh_c)
            torch.mul(o, tanh_c, out=h_next)
            h, c = h_next, c_next
        ctx.save_for_backward(x, w_ih, w_hh, w_ch, gates, hidden, cells, tanh_cells)
        return hidden[1:], cells[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_c: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, w_ch, gates, hidden, cells, tanh_cells = ctx.saved_tensors
        steps, batch, size = tanh_cells.shape
        diagonal = w_ch is not None and w_ch.shape[0] == 3
        full = w_ch is not None and not diagonal
        if full:
            w_if, w_o = w_ch[: 2 * size], w_ch[2 * size :]
        elif diagonal:
            w_i, w_f, w_o = w_ch
        d_gates = torch.empty_like(gates)  # gradients of the pre-activations
        dh, dc = torch.zeros_like(hidden[0]), torch.zeros_like(hidden[0])
        work = torch.empty_like(dh)
        views = list(
            zip(
                *(gates[:, :, k * size : (k + 1) * size].unbind(0) for k in range(4)),
                d_gates.unbind(0), d_gates[:, :, : 2 * size].unbind(0),
                *(d_gates[:, :, k * size : (k + 1) * size].unbind(0) for k in range(4)),
                cells[:-1].unbind(0), tanh_cells.unbind(0), grad_h.unbind(0), grad_c.unbind(0),
                strict=True,
            )
        )  # fmt: skip
        for i, f, g, o, da, da_if, da_i, da_f, da_g, da_o, c_before, tanh_c, gh, gc in reversed(
            views
        ):
            dh.add_(gh)
            dc.add_(gc)
            # o(1 - o), computed as o - o²
            torch.addcmul(o, o, o, value=-1, out=work)
            torch.mul(dh, tanh_c, out=da_o)
            da_o.mul_(work)
            torch.mul(dh, o, out=work)
            dc.add_(work)
            work.mul_(tanh_c).mul_(tanh_c)
            dc.sub_(work)
            if full:
                dc.addmm_(da_o, w_o)
            elif diagonal:
                dc.addcmul_(da_o, w_o)
            torch.addcmul(i, i, i, value=-1, out=work)
            torch.mul(dc, g, out=da_i)
            da_i.mul_(work)
            torch.addcmul(f, f, f, value=-1, out=work)
            torch.mul(dc, c_before, out=da_f)
            da_f.mul_(work)
            torch.mul(dc, i, out=da_g)
            torch.mul(da_g, g, out=work)
            da_g.addcmul_(work, g, value=-1)
            torch.mm(da, w_hh, out=dh)
            dc.mul_(f)
            if full:
                dc.addmm_(da_if, w_if)
            elif diagonal:
                dc.addcmul_(da_i, w_i).addcmul_(da_f, w_f)
        flat = d_gates.view(steps * batch, 4 * size)
        before, after = (states.reshape(steps * batch, size) for states in (cells[:-1], cells[1:]))
        d_peephole = None
        if full:
            d_peephole = torch.cat(
                [flat[:, : 2 * size].t() @ before, flat[:, 3 * size :].t() @ after]
            )
        elif diagonal:
            sees = ((0, before), (1, before), (3, after))
            d_peephole = torch.stack(
                [(flat[:, k * size : (k + 1) * size] * states).sum(0) for k, states in sees]
            )
        return (
            (flat @ w_ih).view_as(x) if ctx.needs_input_grad[0] else None,
            dh,
            dc,
            flat.t() @ x.reshape(steps * batch, -1),
            flat.t() @ hidden[:-1].reshape(steps * batch, size),
            flat.sum(0),
            d_peephole,
        )


class SigmoidFunction(torch.autograd.Function):
    """One direction of one sigmoid RNN layer over time; see `cells.RNN` for the equations.

    Inputs: x [time, batch, input], h0 [batch, hidden], w_ih [hidden, input], w_hh [hidden, hidden],
    bias [hidden]. Output: h [time, batch, hidden].
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor
    ) -> Tensor:
        steps, batch, _ = x.shape
        hidden = x.new_empty(steps + 1, batch, h0.shape[1])
        hidden[0] = h0
        torch.matmul(x, w_ih.t(), out=hidden[1:])
        hidden[1:] += bias
        w_hh_t = w_hh.t()
        h = hidden[0]
        for h_next in hidden[1:].unbind(0):
            h_next.addmm_(h, w_hh_t).sigmoid_()
            h = h_next
        ctx.save_for_backward(x, w_ih, w_hh, hidden)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, hidden = ctx.saved_tensors
        steps, batch, size = grad_h.shape
        # h(1 - h), the derivative of the logistic function, for every step at once
        d_pre = torch.addcmul(hidden[1:], hidden[1:], hidden[1:], value=-1)
        dh = torch.zeros_like(hidden[0])
        for da, gh in zip(reversed(d_pre.unbind(0)), reversed(grad_h.unbind(0)), strict=True):
            da.mul_(dh.add_(gh))
            torch.mm(da, w_hh, out=dh)
        flat = d_pre.view(steps * batch, size)
        return (
            (flat @ w_ih).view_as(x) if ctx.needs_input_grad[0] else None,
            dh,
            flat.t() @ x.reshape(steps * batch, -1),
            flat.t() @ hidden[:-1].reshape(steps * batch, size),
            flat.sum(0),
        )


def run(
    function: type[torch.autograd.Function], x: Tensor, state: tuple[Tensor, ...], *weights: Any
) -> tuple[Tensor, ...]:
    """Run one of our functions, time first inside and batch first outside, in the weights' dtype.

    The gate arithmetic stays in full precision under autocast: a sum over hundreds of steps in
    bfloat16 loses the small updates that the cell is there to keep.
    """
    dtype = weights[0].dtype
    with torch.autocast(x.device.type, enabled=False):
        states = function.apply(
            x.transpose(0, 1).to(dtype), *(s.to(dtype) for s in state), *weights
        )
    states = states if isinstance(states, tuple) else (states,)
    return tuple(s.transpose(0, 1) for s in states)
