"""Temporary: plain autograd."""

from typing import NamedTuple

import torch
from torch import Tensor


class Flow(NamedTuple):
    h: Tensor
    c: Tensor | None


class _Rec:
    def __init__(self, hs, cs, record):
        self.hs, self.cs = hs, cs
        self.gh, self.gc = {}, {}
        for t, h in enumerate(hs):
            h.register_hook(lambda g, t=t: self._got(self.gh, t, g, record))
        for t, c in enumerate(cs or []):
            c.register_hook(lambda g, t=t: self.gc.__setitem__(t, g.norm(dim=-1)))

    def _got(self, store, t, g, record):
        store[t] = g.norm(dim=-1)
        if t == 0:
            zero = torch.zeros_like(store[t])
            h = torch.stack([store.get(k, zero) for k in range(len(self.hs))], 2)
            c = (
                torch.stack([self.gc.get(k, zero) for k in range(len(self.cs))], 2)
                if self.cs
                else None
            )
            record.append(Flow(h, c))


def _mm(x, w):
    return torch.einsum("rbi,roi->rbo", x, w)


def rnn(x, h0, w_ih, w_hh, bias, activation="tanh", record=None):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}[activation]
    h, hs = h0, []
    for t in range(x.shape[2]):
        h = f(_mm(x[:, :, t], w_ih) + _mm(h, w_hh) + bias[:, None])
        hs.append(h)
    if record is not None:
        _Rec(hs, None, record)
    return torch.stack(hs, 2)


def lstm(x, h0, c0, w_ih, w_hh, bias, w_ch=None, record=None):
    h, c, hs, cs = h0, c0, [], []
    H = h0.shape[-1]

    def peep(k, c):
        if w_ch is None:
            return 0
        return (
            w_ch[:, k][:, None] * c if w_ch.shape[1] == 3 else _mm(c, w_ch[:, k * H : (k + 1) * H])
        )

    for t in range(x.shape[2]):
        a = _mm(x[:, :, t], w_ih) + _mm(h, w_hh) + bias[:, None]
        i, f, g, o = a.chunk(4, -1)
        i, f, g = (i + peep(0, c)).sigmoid(), (f + peep(1, c)).sigmoid(), g.tanh()
        c = f * c + i * g
        o = (o + peep(2, c)).sigmoid()
        h = o * c.tanh()
        hs.append(h)
        cs.append(c)
    if record is not None:
        _Rec(hs, cs, record)
    return torch.stack(hs, 2), torch.stack(cs, 2)


def gru(x, h0, w_ih, w_hh, b_ih, b_hh, record=None):
    h, hs = h0, []
    for t in range(x.shape[2]):
        xr, xz, xn = (_mm(x[:, :, t], w_ih) + b_ih[:, None]).chunk(3, -1)
        hr, hz, hn = (_mm(h, w_hh) + b_hh[:, None]).chunk(3, -1)
        r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
        n = (xn + r * hn).tanh()
        h = (1 - z) * n + z * h
        hs.append(h)
    if record is not None:
        _Rec(hs, None, record)
    return torch.stack(hs, 2)


def scan(a, b, h0, record=None):
    h, hs = h0, []
    for t in range(a.shape[2]):
        h = a[:, :, t] * h + b[:, :, t]
        hs.append(h)
    if record is not None:
        _Rec(hs, None, record)
    return torch.stack(hs, 2)
