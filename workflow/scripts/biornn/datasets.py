"""Datasets: sequences and targets as tensors, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .encoding import EncodedSequences

#: Batches that are sorted by length together: large enough to keep padding low, small enough that
#: an epoch's batches stay different from the last one's.
BUCKET_BATCHES = 50


class Batch(NamedTuple):
    """One step's examples.

    Attributes
    ----------
    rows : Tensor
        int64 [batch], row numbers in the dataset.
    tokens : Tensor
        int64 [batch, time], padded with the code after the last one of the alphabet.
    lengths : Tensor or None
        int64 [batch]; None when no sequence of the batch is padded.
    targets : Tensor
        float [batch].
    """

    rows: Tensor
    tokens: Tensor
    lengths: Tensor | None
    targets: Tensor


class SequenceDataset:
    """Encoded sequences and their targets on one device.

    Parameters
    ----------
    encoded : EncodedSequences
    targets : numpy.ndarray
        [n], already scaled.
    device : torch.device
    dtype : torch.dtype
        Of the targets.
    """

    def __init__(
        self,
        encoded: EncodedSequences,
        targets: np.ndarray,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.lengths = torch.from_numpy(encoded.lengths.astype(np.int64))
        self.padding = len(encoded.alphabet.codes)
        # a copy, since safetensors gives read-only memory
        self._tokens = torch.from_numpy(encoded.tokens.copy()).to(device)
        self._starts = torch.from_numpy(encoded.offsets[:-1].astype(np.int64))
        self._targets = torch.from_numpy(np.asarray(targets)).to(device=device, dtype=dtype)
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
        tokens = self._tokens[positions.to(self.device)].long()
        if padded:
            tokens = tokens.masked_fill(~inside.to(self.device), self.padding)
        return Batch(
            rows,
            tokens,
            lengths.to(self.device) if padded else None,
            self._targets[rows.to(self.device)],
        )

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
        """Batches from the shortest to the longest sequence, for prediction."""
        order = rows[torch.argsort(self.lengths[rows], stable=True)]
        for group in order.split(batch_size):
            yield self.batch(group)
