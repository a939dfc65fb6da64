"""Batches hold what the rows say, each row once, with little padding, for every replicate."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from biornn import datasets
from biornn.datasets import NOTHING, SequenceDataset
from biornn.targets import MASKED
from made_data import make_data, make_positions, make_ranks, make_series


@pytest.fixture
def dataset(data):
    return SequenceDataset([data])


def rows_of(*rows):
    return torch.tensor([rows])


def test_a_batch_is_the_padded_table(data, dataset):
    batch = dataset.batch(rows_of(5, 0, 17))
    rows = batch.rows[0].numpy()
    expected = data.inputs.padded(fill=15)[rows, : data.inputs.lengths[rows].max()]
    np.testing.assert_array_equal(batch.inputs[0].numpy(), expected)
    np.testing.assert_allclose(batch.targets[0].numpy(), data.targets[rows])
    assert batch.lengths.tolist() == [data.inputs.lengths[rows].tolist()]
    assert batch.sizes == [(3, data.inputs.lengths[rows].max())]
    assert batch.letters == data.inputs.lengths[rows].sum()


def test_lengths_are_left_out_where_nothing_is_padded(data, dataset):
    same = torch.from_numpy(np.flatnonzero(data.inputs.lengths == 6))
    assert dataset.batch(same[None]).lengths is None


@pytest.mark.parametrize("make", [make_data, make_positions, make_series, make_ranks])
def test_each_replicate_has_its_own_rows_of_its_own_fold(make):
    """Stacked, a replicate's batch is the one that it would have alone, filled up."""
    one = replace(make(30, seed=0), weights=np.arange(30.0), beside=np.ones((30, 2)))
    other = replace(make(30, seed=1), weights=np.arange(30.0) + 50, beside=np.zeros((30, 2)))
    data = [one, other, one]
    targets = [one.targets, other.targets, one.targets[::-1].copy()]
    chosen = [[3, 9, 12], [29, 0], [5]]
    stacked = SequenceDataset(data, targets).batch(
        datasets.stacked_rows([torch.tensor(rows) for rows in chosen])
    )
    for at, (rows, each, own) in enumerate(zip(chosen, data, targets, strict=True)):
        alone = SequenceDataset([each], [own]).batch(torch.tensor([rows]))
        n, steps = len(rows), alone.inputs.shape[2]
        assert stacked.sizes[at] == alone.sizes[0] == (n, steps)
        assert torch.equal(stacked.inputs[at, :n, :steps], alone.inputs[0])
        inside = (at, slice(n), slice(steps)) if each.per_position else (at, slice(n))
        for name in ("targets", "places"):
            torch.testing.assert_close(
                getattr(stacked, name)[inside], getattr(alone, name)[0], equal_nan=True
            )
        assert stacked.weights[at, :n].tolist() == each.weights[rows].tolist()
        assert stacked.beside[at, :n].tolist() == each.beside[rows].tolist()
        filling = stacked.targets[at, n:]
        assert ((filling == MASKED) | filling.isnan()).all()
        assert (stacked.rows[at, n:] == NOTHING).all() and (stacked.lengths[at, n:] == 1).all()


def test_some_rows_of_a_batch(dataset):
    batch = dataset.batch(rows_of(5, 0, 17, 3, 8))
    part = batch.part(slice(1, None, 2))
    assert part.rows.tolist() == [[0, 3]] and part.beside is None
    assert torch.equal(part.inputs, batch.inputs[:, 1::2])
    assert part.sizes == batch.sizes


def batches_of(dataset, rows, batch_size, seed, order_seed=0):
    return [b[0] for b in dataset.shuffled([rows], batch_size, [seed], order_seed)]


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_every_row_is_there_once(data, dataset, batch_size):
    rows = torch.from_numpy(data.rows("train"))
    by_length = [batch.rows[0] for batch in dataset.by_length([rows], batch_size)]
    for batches in (batches_of(dataset, rows, batch_size, 3), by_length):
        assert sorted(torch.cat(batches).tolist()) == rows.tolist()


def test_the_order_depends_on_the_seeds_alone(data, dataset):
    rows = torch.from_numpy(data.rows("train"))

    def order(*seeds):
        return [batch.tolist() for batch in batches_of(dataset, rows, 16, *seeds)]

    torch.manual_seed(1)
    first = order(3)
    torch.manual_seed(2)
    assert order(3) == first and order(4) != first
    assert sorted(order(3, 9)) == sorted(first) and order(3, 9) != first


def test_in_a_stack_a_replicate_has_the_batches_that_it_has_alone(data, dataset):
    rows = torch.from_numpy(data.rows("train"))
    stacked = SequenceDataset([data] * 3).shuffled([rows] * 3, 16, [3, 4, 5], 1)
    for at, seed in enumerate((3, 4, 5)):
        alone = batches_of(dataset, rows, 16, seed, 1)
        assert [batch[at].tolist() for batch in stacked] == [each.tolist() for each in alone]


def waste(dataset, batches):
    found = [dataset.batch(rows) for rows in batches]
    steps = sum(batch.rows.numel() * batch.inputs.shape[2] for batch in found)
    return 1 - sum(batch.letters for batch in found) / steps


def test_padding_is_bounded_also_in_a_stack():
    data = make_data(3000, shortest=20, longest=400)
    rows = torch.from_numpy(data.rows("train"))
    dataset = SequenceDataset([data] * 4)
    assert waste(dataset, torch.stack([rows] * 4).split(16, dim=1)) > 0.4
    assert waste(dataset, dataset.shuffled([rows] * 4, 16, [1, 2, 3, 4], 0)) < 0.05


def test_short_stretches_grow_until_the_waste_is_small(data, dataset, monkeypatch):
    monkeypatch.setattr(datasets, "BUCKET_BATCHES", 1)
    rows = torch.from_numpy(data.rows("train"))
    monkeypatch.setattr(datasets, "MAX_WASTE", 1.0)
    unsorted = waste(dataset, dataset.shuffled([rows], 8, [1], 0))
    monkeypatch.setattr(datasets, "MAX_WASTE", 0.08)
    assert waste(dataset, dataset.shuffled([rows], 8, [1], 0)) <= 0.08 < unsorted


def test_targets_of_positions_lie_under_their_letters():
    data = make_positions(30)
    batch = SequenceDataset([data]).batch(rows_of(5, 0, 17))
    for at, row in enumerate((5, 0, 17)):
        n = data.inputs.lengths[row]
        begin, end = data.inputs.offsets[row : row + 2]
        assert batch.targets[0, at, :n].tolist() == data.targets[begin:end].tolist()
        assert batch.places[0, at, :n].tolist() == list(range(begin, end))
        assert (batch.targets[0, at, n:] == MASKED).all() and (batch.places[0, at, n:] == -1).all()


def test_numbers_are_padded_with_zeros():
    data = make_series(30)
    batch = SequenceDataset([data], dtype=torch.float64).batch(torch.arange(30)[None])
    for row, n in enumerate(data.inputs.lengths):
        begin, end = data.inputs.offsets[row : row + 2]
        values = data.inputs.values[begin:end]
        np.testing.assert_array_equal(batch.inputs[0, row, :n].numpy(), values)
        assert not batch.inputs[0, row, n:].any() and batch.targets[0, row, n:].isnan().all()


def test_long_sequences_are_predicted_in_small_batches(data, dataset, monkeypatch):
    monkeypatch.setattr(datasets, "MAX_STEPS", 40)
    everything = torch.arange(len(data.inputs))
    batches = list(dataset.by_length([everything], 100))
    assert all(batch.inputs.numel() <= 40 for batch in batches)
    found = torch.cat([batch.rows[0] for batch in batches])
    assert sorted(found.tolist()) == everything.tolist()
