"""Datasets: inputs and targets as tensors, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .encoding import EncodedSequences
from .inputs import Inputs, RankedGenes, flat
from .targets import MASKED

#: Batches that are sorted by length together: large enough to keep padding low, small enough that
#: an epoch's batches stay different from the last one's.
BUCKET_BATCHES = 50
#: Steps of a batch without gradients, padding included: some hundred MB of states.
MAX_STEPS = 2**17


class Batch(NamedTuple):
    """One step's examples.

    Attributes
    ----------
    rows : Tensor
        int64 [batch], row numbers in the dataset.
    inputs : Tensor
        Codes or genes int64 [batch, time], padded with the number after the last of them; or
        numbers float [batch, time, channel], padded with zeros.
    lengths : Tensor or None
        int64 [batch]; None when no sequence of the batch is padded.
    targets : Tensor
        float or int64, [batch], or [batch, time] where each position has a target; padding and
        positions without a label are NaN or `MASKED`.
    places : Tensor
        int64, in the shape of `targets`: where each is in the dataset's targets; -1 for padding.
    """

    rows: Tensor
    inputs: Tensor
    lengths: Tensor | None
    targets: Tensor
    places: Tensor


class SequenceDataset:
    """Inputs and their targets on one device.

    Parameters
    ----------
    inputs : EncodedSequences, Series or RankedGenes
    targets : numpy.ndarray
        [n], or [total length] where each position has a target; already scaled.
    device : torch.device
    dtype : torch.dtype
        Of numbers.
    per_position : bool
        What `targets` belong to.
    """

    def __init__(
        self,
        inputs: Inputs,
        targets: np.ndarray,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        per_position: bool = False,
    ) -> None:
        self.lengths = torch.from_numpy(inputs.lengths.astype(np.int64))
        # a copy, since safetensors gives read-only memory
        self._steps = torch.from_numpy(flat(inputs).copy()).to(device)
        self._padding: int | None = None
        if isinstance(inputs, EncodedSequences):
            self._padding = len(inputs.alphabet.codes)
        elif isinstance(inputs, RankedGenes):
            self._padding = inputs.vocabulary
        else:
            self._steps = self._steps.to(dtype)
        self._starts = torch.from_numpy(inputs.offsets[:-1].astype(np.int64))
        values = torch.from_numpy(np.asarray(targets))
        kind = values.dtype if values.dtype == torch.int64 else dtype
        self._targets = values.to(device=device, dtype=kind)
        self._per_position = per_position
        self.device = torch.device(device)

    def batch(self, rows: Tensor) -> Batch:
        """Gather some rows (int64 [batch], on the CPU)."""
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        steps = torch.arange(longest)
        positions = self._starts[rows][:, None] + steps[None, :]
        padded = int(lengths.min()) < longest
        if padded:
            inside = steps[None, :] < lengths[:, None]
            positions = torch.where(inside, positions, 0)
        inputs = self._steps[positions.to(self.device)]
        if self._padding is not None:
            inputs = inputs.long()
        places = rows
        targets = self._targets[(positions if self._per_position else rows).to(self.device)]
        if self._per_position:
            places = positions
        if padded:
            outside = ~inside.to(self.device)
            if self._padding is not None:
                inputs = inputs.masked_fill(outside, self._padding)
            else:
                inputs = inputs.masked_fill(outside[:, :, None], 0)
            if self._per_position:
                places = torch.where(inside, positions, -1)
                nothing = MASKED if targets.dtype == torch.int64 else torch.nan
                targets = targets.masked_fill(outside, nothing)
        return Batch(rows, inputs, lengths.to(self.device) if padded else None, targets, places)

    def shuffled(self, rows: Tensor, batch_size: int, seed: int) -> Iterator[Batch]:
        """Batches in an order that depends on `rows` and `seed` alone, of similar lengths each."""
        generator = torch.Generator().manual_seed(seed)
        rows = rows[torch.randperm(len(rows), generator=generator)]
        groups: list[Tensor] = []
        for bucket in rows.split(batch_size * BUCKET_BATCHES):
            by_length = torch.argsort(self.lengths[bucket], stable=True)
            groups.extend(bucket[by_length].split(batch_size))
        for index in torch.randperm(len(groups), generator=generator).tolist():
            yield self.batch(groups[index])

    def by_length(self, rows: Tensor, batch_size: int) -> Iterator[Batch]:
        """Batches from the shortest to the longest sequence, for prediction.

        Fewer than `batch_size` where sequences are long: at most `MAX_STEPS` with the padding.
        """
        order = rows[torch.argsort(self.lengths[rows], stable=True)]
        lengths = self.lengths[order]
        start = 0
        while start < len(order):
            size = batch_size
            while size > 1 and size * int(lengths[min(start + size, len(order)) - 1]) > MAX_STEPS:
                size //= 2
            yield self.batch(order[start : start + size])
            start += size
