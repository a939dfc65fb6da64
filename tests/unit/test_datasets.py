"""Batches hold what the rows say, each row once, with little padding."""

import numpy as np
import pytest
import torch
from biornn.datasets import SequenceDataset


@pytest.fixture
def dataset(data):
    return SequenceDataset(data.encoded, data.targets)


def test_a_batch_is_the_padded_table(data, dataset):
    rows = torch.tensor([5, 0, 17])
    batch = dataset.batch(rows)
    longest = data.encoded.lengths[rows.numpy()].max()
    expected = data.encoded.padded(fill=dataset.padding)[rows.numpy(), :longest]
    np.testing.assert_array_equal(batch.tokens.numpy(), expected)
    np.testing.assert_allclose(batch.targets.numpy(), data.targets[rows.numpy()])
    assert batch.lengths.tolist() == data.encoded.lengths[rows.numpy()].tolist()


def test_lengths_are_left_out_where_nothing_is_padded(data, dataset):
    same = torch.from_numpy(np.flatnonzero(data.encoded.lengths == 6))
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
            cells += batch.tokens.numel()
            letters += int((batch.tokens != dataset.padding).sum())
        return 1 - letters / cells

    rows = torch.from_numpy(data.rows("train"))
    unsorted = [dataset.batch(group) for group in rows.split(16)]
    assert waste(dataset.shuffled(rows, 16, 0)) < 0.5 * waste(unsorted)
