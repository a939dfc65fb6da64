"""Gradient flow: how far back in a sequence what a network is told still reaches.

At a state h_t the gradient of the loss is a product of one Jacobian a step between the output and t
(Bengio et al. 1994, IEEE Trans. Neural Netw. 5:157; Pascanu et al. 2013, ICML). Its norm by the
distance from the output shows whether that product vanishes, explodes or neither.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .datasets import SequenceDataset, stacked_rows
from .losses import Loss
from .models import Network
from .recurrence import Recorded
from .targets import MASKED

COLUMNS = ["fold", "seed", "epoch", "layer", "direction", "state", "distance", "norm"]
#: Examples whose gradients are looked at.
PROBES = 64
#: Distances in the table; of longer sequences some are left out, more of the far ones.
MOST_DISTANCES = 400


def probes(rows: Tensor) -> Tensor:
    """Up to `PROBES` of some rows (int64), at even steps through them."""
    if len(rows) <= PROBES:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, PROBES).long()]


def measure(
    network: Network, dataset: SequenceDataset, rows: list[Tensor], loss: Loss
) -> list[list[dict[str, float | int | str]]]:
    """Norms of ∂L/∂h_t and ∂L/∂c_t, L the loss of one example, by distance from the output.

    Where each position has a target, L is the loss at the last position that has one: the others
    would show how far their own output is, which is no distance at all. With the readout `last`
    every gradient comes through time; the other readouts also reach each state directly.

    Parameters
    ----------
    network : Network
        Recurrent; its weights and their gradients are left as they are.
    dataset : SequenceDataset
    rows : list of Tensor
        int64, one a replicate.
    loss : Loss

    Returns
    -------
    list of list of dict
        For each replicate, rows of `COLUMNS` from `layer` on; the mean over the examples. Distance
        0 is the state that the direction reaches last.
    """
    if network.recurrent is None:
        return [[] for _ in rows]
    network.eval()
    batch = dataset.batch(stacked_rows(rows))
    targets = _last_only(batch.targets) if network.per_position else batch.targets
    record: list[Recorded] = []
    before = [parameter.grad for parameter in network.parameters()]
    with torch.enable_grad():
        outputs = network(batch.inputs, batch.lengths, batch.beside, record=record)
        losses, weights = loss(outputs, targets, None)
        (losses * (weights > 0)).sum().backward()
    for parameter, gradient in zip(network.parameters(), before, strict=True):
        parameter.grad = gradient
    steps = record[0].flows[0].h.shape[2]
    lengths = torch.full(batch.rows.shape, steps)
    if batch.lengths is not None:
        pool = network.convolution.pool if network.convolution is not None else 1
        lengths = torch.div(batch.lengths.cpu() + pool - 1, pool, rounding_mode="floor")
    # an example that fills up, or that has no label, has no gradient to be counted
    there = (weights > 0).reshape(*batch.rows.shape, -1).any(dim=2).cpu()
    return [_table(record, lengths[r], there[r], r) for r in range(len(rows))]


def _last_only(targets: Tensor) -> Tensor:
    """Targets [replicate, batch, time] with the last label of each sequence alone."""
    labelled = targets != MASKED if targets.dtype == torch.int64 else ~targets.isnan()
    later = labelled.flip(2).cumsum(2).flip(2)
    nothing = MASKED if targets.dtype == torch.int64 else torch.nan
    return targets.masked_fill(~(labelled & (later == 1)), nothing)


def _table(
    record: list[Recorded], lengths: Tensor, there: Tensor, replicate: int
) -> list[dict[str, float | int | str]]:
    rows: list[dict[str, float | int | str]] = []
    time = torch.arange(record[0].flows[0].h.shape[2])
    # distance [batch, time]: the state that is reached last has 0; beyond the length there is none
    distance = lengths[:, None] - 1 - time
    inside = (distance >= 0) & there[:, None]
    found = distance[inside].numpy()
    if not len(found):
        return rows
    counts = np.bincount(found)
    kept = _kept(len(counts))
    for layer, direction, flows in record:
        for state, norms in (("h", flows[0].h), ("c", flows[0].c)):
            if norms is None:
                continue
            values = norms[replicate].cpu()[inside].double().numpy()
            means = np.bincount(found, values) / np.maximum(counts, 1)
            rows += [
                {"layer": layer, "direction": direction, "state": state, "distance": int(at),
                 "norm": float(means[at])}
                for at in kept
            ]  # fmt: skip
    return rows


def _kept(n: int) -> np.ndarray:
    if n <= MOST_DISTANCES:
        return np.arange(n)
    return np.unique(np.geomspace(1, n, MOST_DISTANCES).astype(int) - 1)
