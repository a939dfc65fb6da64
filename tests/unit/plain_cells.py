"""The equations of the cells, one step at a time and by autograd: what the kernels must equal."""

import torch
from torch import Tensor

FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def times(x: Tensor, weight: Tensor) -> Tensor:
    """W x for each replicate: x [replicate, batch, in], weight [replicate, out, in]."""
    return torch.einsum("rbi,roi->rbo", x, weight)


def rnn(x, h, w_ih, w_hh, bias, activation="tanh"):
    """Lists of the states of every step."""
    states = []
    for step in x.unbind(2):
        h = FUNCTIONS[activation](times(step, w_ih) + times(h, w_hh) + bias[:, None])
        states.append(h)
    return [states]


def lstm(x, h, c, w_ih, w_hh, bias, w_ch=None):
    """States and cells of every step; W_ci and W_cf see the cell before, W_co the one after."""
    size, hidden, cells = h.shape[-1], [], []

    def peephole(gate, cell):
        if w_ch is None:
            return 0
        if w_ch.shape[1] == 3:
            return w_ch[:, gate, None] * cell
        return times(cell, w_ch[:, gate * size : (gate + 1) * size])

    for step in x.unbind(2):
        i, f, g, o = (times(step, w_ih) + times(h, w_hh) + bias[:, None]).chunk(4, dim=-1)
        i, f = torch.sigmoid(i + peephole(0, c)), torch.sigmoid(f + peephole(1, c))
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + peephole(2, c)) * torch.tanh(c)
        hidden.append(h)
        cells.append(c)
    return [hidden, cells]


def gru(x, h, w_ih, w_hh, b_ih, b_hh):
    """The reset gate comes after the product, as in torch."""
    states = []
    for step in x.unbind(2):
        x_r, x_z, x_n = (times(step, w_ih) + b_ih[:, None]).chunk(3, dim=-1)
        h_r, h_z, h_n = (times(h, w_hh) + b_hh[:, None]).chunk(3, dim=-1)
        z = torch.sigmoid(x_z + h_z)
        h = (1 - z) * torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n) + z * h
        states.append(h)
    return [states]


def scan(a, b, h):
    """h_t = a_t h_{t-1} + b_t."""
    states = []
    for factor, value in zip(a.unbind(2), b.unbind(2), strict=True):
        h = factor * h + value
        states.append(h)
    return [states]


def random_inputs(
    name, replicates, batch, steps, inputs, size, peephole=None, dtype=torch.float64, seed=0
):
    """Tensors for a cell, in the order of its function's parameters."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        values = torch.randn(*shape, generator=generator, dtype=torch.float64) / 2
        return values.to(dtype).requires_grad_()

    state = (replicates, batch, size)
    if name == "scan":
        a = torch.rand(replicates, batch, steps, size, generator=generator, dtype=torch.float64)
        a = a.to(dtype).requires_grad_()
        return [a, draw(replicates, batch, steps, size), draw(*state)]
    rows = {"rnn": 1, "lstm": 4, "gru": 3}[name] * size
    found = [draw(replicates, batch, steps, inputs), draw(*state)]
    found += [draw(*state)] if name == "lstm" else []
    found += [draw(replicates, rows, inputs), draw(replicates, rows, size), draw(replicates, rows)]
    found += [draw(replicates, rows)] if name == "gru" else []
    if peephole:
        found.append(draw(replicates, 3 if peephole == "diagonal" else 3 * size, size))
    return found
