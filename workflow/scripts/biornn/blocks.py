"""Building blocks of stacked replicates: every weight has a leading dimension [replicate].

Small networks leave a processor idle; several of them, trained as one stacked batch, do not. Inputs
are [replicate, batch, ..., channel], and no replicate sees another: each learns what it would have
learned alone. What a layer draws at random comes from `Noise`, which has a generator of its own for
every replicate.

References
----------
Srivastava et al. 2014, JMLR 15:1929 (dropout); Gal & Ghahramani 2016, NeurIPS (one mask for all
steps); Bahdanau et al. 2015, ICLR (additive attention); Vaswani et al. 2017, NeurIPS (multi-head
self-attention, positional encoding); Xiong et al. 2020, ICML (normalisation before each block);
Quang & Xie 2016, Nucleic Acids Res. 44:e107 (convolution in front of an LSTM).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Noise:
    """Random numbers of each replicate, the same whoever else is in the stack.

    Parameters
    ----------
    device : torch.device
    replicates : int
    """

    def __init__(self, replicates: int, device: torch.device | str = "cpu") -> None:
        self._generators = [torch.Generator(device) for _ in range(replicates)]
        self._sizes: Sequence[tuple[int, int]] = []
        self._part = slice(None)

    def start(
        self, seeds: Sequence[int], sizes: Sequence[tuple[int, int]], part: slice = slice(None)
    ) -> None:
        """Begin a step.

        Parameters
        ----------
        seeds : sequence of int
            One a replicate.
        sizes : sequence of (int, int)
            Rows and longest length of each replicate's own batch, without what fills the stack up.
        part : slice
            The rows of the batch that are at hand, where a step is done in parts or by several
            processes; what is drawn for a row does not depend on it.
        """
        self._sizes, self._part = sizes, part
        for generator, seed in zip(self._generators, seeds, strict=True):
            generator.manual_seed(seed)

    def pooled(self, width: int) -> None:
        """From now on there is one step for every `width` that there were."""
        self._sizes = [(rows, -(-steps // width)) for rows, steps in self._sizes]

    def keep(self, x: Tensor, p: float, *, over_time: bool = False) -> Tensor:
        """Mask of dropout: 0 with probability p, else 1 / (1 - p).

        Parameters
        ----------
        x : Tensor
            [replicate, batch, channel] or [replicate, batch, time, channel].
        p : float
        over_time : bool
            One mask for all steps.

        Returns
        -------
        Tensor
            In the shape of x, or [replicate, batch, 1, channel].
        """
        timed = x.dim() == 4
        shape = (*x.shape[:2], 1, x.shape[3]) if timed and over_time else x.shape
        mask = x.new_ones(shape)
        for replicate, generator in enumerate(self._generators):
            rows, steps = self._sizes[replicate]
            middle = ((1 if over_time else steps),) if timed else ()
            drawn = torch.rand(
                (rows, *middle, x.shape[-1]),
                generator=generator,
                device=x.device,
                dtype=torch.float32,  # the same draws in any precision
            )[self._part]
            kept = (drawn >= p).to(x.dtype).div_(1 - p)
            if timed:
                n = min(kept.shape[1], shape[2])
                mask[replicate, : len(kept), :n] = kept[:, :n]
            else:
                mask[replicate, : len(kept)] = kept
        return mask


def drop(x: Tensor, p: float, noise: Noise | None, *, over_time: bool = False) -> Tensor:
    """x with dropout; as it is without `noise`, which is how prediction runs."""
    if noise is None or p == 0:
        return x
    return x * noise.keep(x, p, over_time=over_time)


def _uniform(*shape: int, fan_in: int) -> nn.Parameter:
    bound = fan_in**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


class Linear(nn.Module):
    """y = W x + b: x [replicate, ..., in] to [replicate, ..., out]; weight [replicate, out, in]."""

    def __init__(self, inputs: int, outputs: int, replicates: int = 1) -> None:
        super().__init__()
        self.weight = _uniform(replicates, outputs, inputs, fan_in=inputs)
        self.bias = _uniform(replicates, outputs, fan_in=inputs)

    def forward(self, x: Tensor) -> Tensor:
        """The product for each replicate."""
        flat = torch.baddbmm(
            self.bias[:, None], x.reshape(len(x), -1, x.shape[-1]), self.weight.transpose(1, 2)
        )
        return flat.view(*x.shape[:-1], -1)


class Embedding(nn.Module):
    """A vector for each code: codes [replicate, batch, time] to [..., size]; the last is zero."""

    def __init__(self, codes: int, size: int, replicates: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(replicates, codes, size))

    def forward(self, codes: Tensor) -> Tensor:
        """Vectors; code `codes` (padding) has zeros."""
        replicates, n, size = self.weight.shape
        table = torch.cat([self.weight, self.weight.new_zeros(replicates, 1, size)], dim=1)
        first = torch.arange(replicates, device=codes.device)[:, None, None] * (n + 1)
        return nn.functional.embedding(codes + first, table.flatten(0, 1))


class Normalization(nn.Module):
    """Layer normalisation over the channels (Ba et al. 2016)."""

    def __init__(self, size: int, replicates: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(replicates, size))
        self.bias = nn.Parameter(torch.zeros(replicates, size))

    def forward(self, x: Tensor) -> Tensor:
        """x [replicate, batch, time, size] with mean 0 and variance 1 at each step, then scaled."""
        normal = nn.functional.layer_norm(x, x.shape[-1:])
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


class Convolution(nn.Module):
    """Convolution over time, ReLU and max pooling: what a motif scanner sees (as in DanQ).

    Parameters
    ----------
    inputs, filters, width, pool : int
        `width` is odd, so that step t is the middle of what its filter sees; `pool` steps become
        one.
    replicates : int
    """

    def __init__(self, inputs: int, filters: int, width: int, pool: int, replicates: int) -> None:
        super().__init__()
        self.pool = pool
        self.weight = _uniform(replicates, filters, inputs, width, fan_in=inputs * width)
        self.bias = _uniform(replicates, filters, fan_in=inputs * width)

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Filters [replicate, batch, time / pool, filter] and the lengths after pooling.

        What is beyond a length counts as zero before the convolution, and is never the maximum.
        """
        replicates, batch, steps, channels = x.shape
        filters, width = self.weight.shape[1], self.weight.shape[3]
        if lengths is not None:
            outside = torch.arange(steps, device=x.device) >= lengths[:, :, None]
            x = x.masked_fill(outside[..., None], 0)
        stacked = x.permute(1, 0, 3, 2).reshape(batch, replicates * channels, steps)
        scanned = nn.functional.conv1d(
            stacked,
            self.weight.view(replicates * filters, channels, width),
            self.bias.view(-1),
            padding=width // 2,
            groups=replicates,
        ).relu()
        if self.pool > 1:
            # a ReLU is never below zero, so that zeros beyond the length change no maximum
            if lengths is not None:
                beyond = outside.transpose(0, 1)[:, :, None, :]
                scanned = scanned.view(batch, replicates, filters, steps).masked_fill(beyond, 0)
                scanned = scanned.reshape(batch, replicates * filters, steps)
                lengths = torch.div(lengths + self.pool - 1, self.pool, rounding_mode="floor")
            scanned = self._pooled(scanned)
        return scanned.view(batch, replicates, filters, -1).permute(1, 0, 3, 2), lengths

    def _pooled(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool1d(x, self.pool, ceil_mode=True)


class AdditiveAttention(nn.Module):
    """One vector of all steps: c = Σ_t α_t h_t, α = softmax_t(v · tanh(W h_t + b)).

    Parameters
    ----------
    size : int
        Of h_t and of the hidden layer.
    replicates : int
    """

    def __init__(self, size: int, replicates: int = 1) -> None:
        super().__init__()
        self.hidden = Linear(size, size, replicates)
        self.vector = _uniform(replicates, size, fan_in=size)

    def forward(self, hidden: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """c [replicate, batch, size] and α [replicate, batch, time], which sums to 1."""
        scores = (torch.tanh(self.hidden(hidden)) * self.vector[:, None, None]).sum(dim=3)
        if lengths is not None:
            outside = torch.arange(hidden.shape[2], device=hidden.device) >= lengths[:, :, None]
            scores = scores.masked_fill(outside, -torch.inf)
        weights = scores.softmax(dim=2)
        return (weights[:, :, None] @ hidden).squeeze(2), weights


class SelfAttention(nn.Module):
    """Multi-head self-attention with a residual: x + W_o [softmax(q kᵀ / √d) v] of normalised x.

    Parameters
    ----------
    size, heads : int
        `size` is a multiple of `heads`.
    replicates : int
    dropout : float
    """

    def __init__(self, size: int, heads: int, replicates: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before = Normalization(size, replicates)
        self.query, self.key, self.value, self.output = (
            Linear(size, size, replicates) for _ in range(4)
        )

    def forward(
        self, x: Tensor, lengths: Tensor | None, noise: Noise | None = None, causal: bool = False
    ) -> Tensor:
        """x [replicate, batch, time, size] in, the same shape out.

        With `causal` a step sees itself and what came before it.
        """
        replicates, batch, steps, size = x.shape
        normal = self.before(x)
        heads = [
            layer(normal).view(replicates * batch, steps, self.heads, -1).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        ]
        time = torch.arange(steps, device=x.device)
        seen = None
        if lengths is not None:
            seen = (time < lengths.reshape(-1, 1))[:, None, None, :]
        if causal:
            past = time[None, :] <= time[:, None]
            seen = past if seen is None else seen & past
        mixed = nn.functional.scaled_dot_product_attention(*heads, attn_mask=seen)
        mixed = mixed.transpose(1, 2).reshape(replicates, batch, steps, size)
        return x + drop(self.output(mixed), self.dropout, noise)


class Encoder(nn.Module):
    """Self-attention in place of a recurrence: attention and feed-forward blocks on positions.

    Parameters
    ----------
    inputs, size, layers, heads : int
    replicates : int
    dropout : float
    """

    def __init__(
        self, inputs: int, size: int, layers: int, heads: int, replicates: int = 1,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.dropout = dropout
        self.project = Linear(inputs, size, replicates)
        self.attention = nn.ModuleList(
            SelfAttention(size, heads, replicates, dropout) for _ in range(layers)
        )
        self.before = nn.ModuleList(Normalization(size, replicates) for _ in range(layers))
        self.wide = nn.ModuleList(Linear(size, 2 * size, replicates) for _ in range(layers))
        self.narrow = nn.ModuleList(Linear(2 * size, size, replicates) for _ in range(layers))
        self.after = Normalization(size, replicates)

    def forward(
        self, x: Tensor, lengths: Tensor | None, noise: Noise | None = None, causal: bool = False
    ) -> Tensor:
        """States [replicate, batch, time, size], zero beyond each length."""
        x = self.project(x)
        x = x + positions(x.shape[2], x.shape[3]).to(x)
        blocks = zip(self.attention, self.before, self.wide, self.narrow, strict=True)
        for attention, before, wide, narrow in blocks:
            x = attention(x, lengths, noise, causal)
            inner = drop(nn.functional.gelu(wide(before(x))), self.dropout, noise)
            x = x + narrow(inner)
        x = self.after(x)
        if lengths is not None:
            outside = torch.arange(x.shape[2], device=x.device) >= lengths[:, :, None]
            x = x.masked_fill(outside[..., None], 0)
        return x


def positions(steps: int, size: int) -> Tensor:
    """Sines and cosines of the position, wavelengths from 2π to 20,000π: [steps, size]."""
    time = torch.arange(steps, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, size, 2) * (-math.log(10_000.0) / size))
    table = torch.zeros(steps, size)
    table[:, 0::2] = torch.sin(time * rate)
    table[:, 1::2] = torch.cos(time * rate[: size // 2])
    return table
