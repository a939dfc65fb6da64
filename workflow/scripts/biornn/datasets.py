"""Datasets: inputs and targets as tensors, in batches of similar length, for stacked replicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .encoding import EncodedSequences
from .folds import FoldData
from .inputs import Inputs, RankedGenes, flat
from .targets import MASKED

#: Batches that are sorted by length together: large enough to keep padding low, small enough that
#: an epoch's batches stay different from the last one's.
BUCKET_BATCHES = 50
#: Padded steps among all steps of an epoch: with more, longer stretches are sorted together.
MAX_WASTE = 0.04
#: Steps of a batch without gradients, padding included: some hundred MB of states.
MAX_STEPS = 2**17
#: Stands for no row where a replicate's batch is smaller than another's.
NOTHING = -1


class Batch(NamedTuple):
    """One step's examples, for every replicate.

    Attributes
    ----------
    rows : Tensor
        int64 [replicate, batch], row numbers in the replicate's fold; `NOTHING` fills up.
    inputs : Tensor
        Codes or genes int64 [replicate, batch, time], padded with the number after the last of
        them; or numbers float [replicate, batch, time, channel], padded with zeros.
    lengths : Tensor or None
        int64 [replicate, batch]; None when nothing is padded.
    targets : Tensor
        float or int64, [replicate, batch], or [replicate, batch, time] where each position has a
        target (and one more dimension of labels where there are several); padding and positions
        without a label are NaN or `MASKED`.
    places : Tensor
        int64 [replicate, batch(, time)]: where each is in the fold's targets; -1 for padding.
    beside : Tensor or None
        float [replicate, batch, feature], the second input.
    weights : Tensor or None
        float [replicate, batch], weights of the examples.
    sizes : list of (int, int)
        Rows and longest length of each replicate's own batch.
    letters : int
        Steps that are no padding.
    """

    rows: Tensor
    inputs: Tensor
    lengths: Tensor | None
    targets: Tensor
    places: Tensor
    beside: Tensor | None
    weights: Tensor | None
    sizes: list[tuple[int, int]]
    letters: int

    def part(self, rows: slice) -> Batch:
        """Some rows of every replicate."""
        changed = {
            name: value[:, rows]
            for name in ("rows", "inputs", "lengths", "targets", "places", "beside", "weights")
            if (value := getattr(self, name)) is not None
        }
        return self._replace(**changed)


def _joined(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, list[int]]:
    """The arrays one after another, each object once, and where each begins."""
    begins: dict[int, int] = {}
    distinct, total = [], 0
    for array in arrays:
        if id(array) not in begins:
            begins[id(array)] = total
            distinct.append(array)
            total += len(array)
    whole = distinct[0] if len(distinct) == 1 else np.concatenate(distinct)
    return whole, [begins[id(array)] for array in arrays]


class SequenceDataset:
    """Inputs and targets of every replicate, on one device.

    Parameters
    ----------
    data : sequence of FoldData
        One a replicate; what they share is held once.
    targets : sequence of numpy.ndarray, optional
        One a replicate, in place of the folds' own: scaled, or shuffled.
    beside : sequence of numpy.ndarray or None, optional
        One a replicate, in place of the folds' own second inputs: standardised.
    device : torch.device
    dtype : torch.dtype
        Of numbers.
    """

    def __init__(
        self,
        data: Sequence[FoldData],
        targets: Sequence[np.ndarray] | None = None,
        beside: Sequence[np.ndarray | None] | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.device = torch.device(device)
        self.replicates = len(data)
        first: Inputs = data[0].inputs
        self._per_position = data[0].per_position
        distinct = list({id(each.inputs): each.inputs for each in data}.values())
        # a copy, since safetensors gives read-only memory
        steps = np.concatenate([flat(inputs) for inputs in distinct])
        self._steps = torch.from_numpy(steps).to(self.device)
        self._padding: int | None = None
        if isinstance(first, EncodedSequences):
            self._padding = len(first.alphabet.codes)
        elif isinstance(first, RankedGenes):
            self._padding = first.vocabulary
        else:
            self._steps = self._steps.to(dtype)
        # the rows of all distinct inputs are counted through; those of replicate r from _first[r]
        first_row, first_step, begins = 0, 0, {}
        starts = []
        for inputs in distinct:
            begins[id(inputs)] = first_row
            starts.append(inputs.offsets[:-1] + first_step)
            first_row, first_step = first_row + len(inputs), first_step + len(flat(inputs))
        self._first = torch.tensor([begins[id(each.inputs)] for each in data])
        self._starts = torch.from_numpy(np.concatenate(starts).astype(np.int64))
        self._target_starts = torch.from_numpy(
            np.concatenate([inputs.offsets[:-1] for inputs in distinct]).astype(np.int64)
        )
        self._lengths = torch.from_numpy(
            np.concatenate([inputs.lengths for inputs in distinct]).astype(np.int64)
        )
        own = [each.targets for each in data] if targets is None else list(targets)
        values, first_targets = _joined(own)
        self._first_target = torch.tensor(first_targets)
        table = torch.from_numpy(np.array(values))
        kind = table.dtype if table.dtype == torch.int64 else dtype
        self._targets = table.to(device=self.device, dtype=kind)
        self._beside = self._table(
            beside if beside is not None else [each.beside for each in data], dtype
        )
        self._weights = self._table([each.weights for each in data], dtype)

    def _table(
        self, arrays: Sequence[np.ndarray | None], dtype: torch.dtype
    ) -> tuple[Tensor, Tensor] | None:
        there = [array for array in arrays if array is not None]
        if not there:
            return None
        whole, begins = _joined(there)
        table = torch.from_numpy(np.array(whole)).to(device=self.device, dtype=dtype)
        return table, torch.tensor(begins)

    def lengths_of(self, replicate: int, rows: Tensor) -> Tensor:
        """int64: steps of some rows of a replicate."""
        return self._lengths[rows + self._first[replicate]]

    def batch(self, rows: Tensor) -> Batch:
        """Gather rows, int64 [replicate, batch] on the CPU; `NOTHING` where there is none."""
        there = rows != NOTHING
        known = torch.where(there, rows, 0)
        numbers = known + self._first[:, None]
        lengths = torch.where(there, self._lengths[numbers], 1)
        longest = int(lengths.max())
        steps = torch.arange(longest)
        inside = (steps < lengths[..., None]) & there[..., None]
        whole = bool(inside.all())
        positions = self._starts[numbers][..., None] + steps
        if not whole:
            positions = torch.where(inside, positions, 0)
        inputs = self._steps[positions.to(self.device)]
        if self._padding is not None:
            inputs = inputs.long()
        places = known
        if self._per_position:
            places = self._target_starts[numbers][..., None] + steps
        first = self._first_target.view(-1, *([1] * (places.dim() - 1)))
        real = inside if self._per_position else there
        if not whole:
            places = torch.where(real, places, 0)
        targets = self._targets[(places + first).to(self.device)]
        if not whole:
            outside = ~inside.to(self.device)
            if self._padding is not None:
                inputs = inputs.masked_fill(outside, self._padding)
            else:
                inputs = inputs.masked_fill(outside[..., None], 0)
            absent = ~real.to(self.device)
            nothing = MASKED if targets.dtype == torch.int64 else torch.nan
            targets = targets.masked_fill(
                absent.view(*absent.shape, *([1] * (targets.dim() - absent.dim()))), nothing
            )
            places = torch.where(real, places, -1)
        padded = bool((lengths < longest).any())
        return Batch(
            rows,
            inputs,
            lengths.to(self.device) if padded else None,
            targets,
            places,
            self._gather(self._beside, known),
            self._gather(self._weights, known),
            [(int(n), int(top)) for n, top in zip(there.sum(1), lengths.amax(1), strict=True)],
            int(inside.sum()),
        )

    def _gather(self, table: tuple[Tensor, Tensor] | None, rows: Tensor) -> Tensor | None:
        if table is None:
            return None
        values, first = table
        return values[(rows + first[:, None]).to(self.device)]

    def shuffled(
        self, rows: Sequence[Tensor], batch_size: int, seeds: Sequence[int], order_seed: int
    ) -> list[Tensor]:
        """Rows of the batches of an epoch, of similar lengths each: [replicate, batch] a step.

        Which rows a replicate's batches have depends on its rows and its seed alone; which of the
        batches comes when on `order_seed`. So a replicate learns the same in every company, and
        the batches that are stacked have similar lengths.

        Parameters
        ----------
        rows : sequence of Tensor
            int64, one a replicate; the numbers of batches must be the same.
        """
        columns = [
            self._bucketed(replicate, own, batch_size, seed)
            for replicate, (own, seed) in enumerate(zip(rows, seeds, strict=True))
        ]
        generator = torch.Generator().manual_seed(order_seed)
        order = torch.randperm(len(columns[0]), generator=generator).tolist()
        return [stacked_rows([column[index] for column in columns]) for index in order]

    def _bucketed(self, replicate: int, rows: Tensor, batch_size: int, seed: int) -> list[Tensor]:
        """The batches of one replicate, sorted by length within stretches of the shuffled rows.

        A stretch is `BUCKET_BATCHES` batches long, and longer where more than `MAX_WASTE` of the
        steps would be padding.
        """
        generator = torch.Generator().manual_seed(seed)
        rows = rows[torch.randperm(len(rows), generator=generator)]
        lengths = self.lengths_of(replicate, rows)
        stretch = batch_size * BUCKET_BATCHES
        while True:
            groups: list[Tensor] = []
            steps = 0
            for begin in range(0, len(rows), stretch):
                own = lengths[begin : begin + stretch]
                order = torch.argsort(own, stable=True)
                for group in order.split(batch_size):
                    groups.append(rows[begin + group])
                    steps += int(own[group[-1]]) * len(group)
            if stretch >= len(rows) or 1 - int(lengths.sum()) / steps <= MAX_WASTE:
                return groups
            stretch *= 4

    def by_length(self, rows: Sequence[Tensor], batch_size: int) -> Iterator[Batch]:
        """Batches from the shortest to the longest sequence, for prediction.

        Fewer than `batch_size` where sequences are long: at most `MAX_STEPS` with the padding, over
        all replicates.

        Parameters
        ----------
        rows : sequence of Tensor
            int64, one a replicate.
        """
        sorted_rows = [
            own[torch.argsort(self.lengths_of(replicate, own), stable=True)]
            for replicate, own in enumerate(rows)
        ]
        order = stacked_rows(sorted_rows)  # [replicate, rows]
        known = torch.where(order == NOTHING, 0, order) + self._first[:, None]
        lengths = torch.where(order == NOTHING, 1, self._lengths[known]).amax(dim=0)
        limit = max(MAX_STEPS // self.replicates, 1)
        start = 0
        while start < order.shape[1]:
            size = batch_size
            while size > 1:
                longest = int(lengths[start : start + size].max())
                if size * longest <= limit:
                    break
                size //= 2
            yield self.batch(order[:, start : start + size])
            start += size


def stacked_rows(columns: Sequence[Tensor]) -> Tensor:
    """One row a replicate, filled up with `NOTHING`."""
    return torch.nn.utils.rnn.pad_sequence(list(columns), batch_first=True, padding_value=NOTHING)
