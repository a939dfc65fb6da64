"""Batches hold what the rows say, each row once, with little padding."""

import numpy as np
import pytest
import torch
from biornn import datasets
from biornn.datasets import SequenceDataset
from biornn.targets import MASKED
from made_data import make_positions, make_series


@pytest.fixture
def dataset(data):
    return SequenceDataset(data.inputs, data.targets)


def test_a_batch_is_the_padded_table(data, dataset):
    rows = torch.tensor([5, 0, 17])
    batch = dataset.batch(rows)
    longest = data.inputs.lengths[rows.numpy()].max()
    expected = data.inputs.padded(fill=15)[rows.numpy(), :longest]
    np.testing.assert_array_equal(batch.inputs.numpy(), expected)
    np.testing.assert_allclose(batch.targets.numpy(), data.targets[rows.numpy()])
    assert batch.lengths.tolist() == data.inputs.lengths[rows.numpy()].tolist()


def test_lengths_are_left_out_where_nothing_is_padded(data, dataset):
    same = torch.from_numpy(np.flatnonzero(data.inputs.lengths == 6))
    assert dataset.batch(same).lengths is None


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_every_row_is_there_once(data, dataset, batch_size):
    rows = torch.from_numpy(data.rows("train"))
    for batches in (
        dataset.shuffled(rows, batch_size, seed=3),
        dataset.by_length(rows, batch_size),
    ):
        found = torch.cat([batch.rows for batch in batches])
        assert sorted(found.tolist()) == rows.tolist()


def test_the_order_depends_on_the_seed_alone(data, dataset):
    def order(seed):
        return [
            b.rows.tolist()
            for b in dataset.shuffled(torch.from_numpy(data.rows("train")), 16, seed)
        ]

    torch.manual_seed(1)
    first = order(3)
    torch.manual_seed(2)
    assert order(3) == first and order(4) != first


def test_bucketing_keeps_padding_low(data, dataset):
    def waste(batches):
        cells = letters = 0
        for batch in batches:
            cells += batch.inputs.numel()
            letters += int((batch.inputs != 15).sum())
        return 1 - letters / cells

    rows = torch.from_numpy(data.rows("train"))
    unsorted = [dataset.batch(group) for group in rows.split(16)]
    assert waste(dataset.shuffled(rows, 16, 0)) < 0.5 * waste(unsorted)


def test_targets_of_positions_lie_under_their_letters():
    data = make_positions(30)
    dataset = SequenceDataset(data.inputs, data.targets, per_position=True)
    rows = torch.tensor([5, 0, 17])
    batch = dataset.batch(rows)
    for at, row in enumerate(rows.tolist()):
        n = data.inputs.lengths[row]
        begin, end = data.inputs.offsets[row : row + 2]
        assert batch.targets[at, :n].tolist() == data.targets[begin:end].tolist()
        assert batch.places[at, :n].tolist() == list(range(begin, end))
        assert (batch.targets[at, n:] == MASKED).all() and (batch.places[at, n:] == -1).all()


def test_numbers_are_padded_with_zeros():
    data = make_series(30)
    dataset = SequenceDataset(data.inputs, data.targets, dtype=torch.float64, per_position=True)
    batch = dataset.batch(torch.arange(30))
    for row, n in enumerate(data.inputs.lengths):
        begin, end = data.inputs.offsets[row : row + 2]
        np.testing.assert_array_equal(batch.inputs[row, :n].numpy(), data.inputs.values[begin:end])
        assert not batch.inputs[row, n:].any() and batch.targets[row, n:].isnan().all()


def test_long_sequences_are_predicted_in_small_batches(data, dataset, monkeypatch):
    monkeypatch.setattr(datasets, "MAX_STEPS", 40)
    batches = list(dataset.by_length(torch.arange(len(data.inputs)), 100))
    assert all(batch.inputs.numel() <= 40 for batch in batches)
    found = torch.cat([batch.rows for batch in batches])
    assert sorted(found.tolist()) == list(range(len(data.inputs)))
