"""Letters and numbers have one form and one file."""

import numpy as np
import pandas as pd
import pytest
from biornn import encoding, inputs
from biornn.alphabets import DNA
from biornn.files import InputError
from hypothesis import given
from hypothesis import strategies as st

LISTS = st.lists(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5),
    min_size=1,
    max_size=5,
)


@given(LISTS)
def test_numbers_are_read_as_they_are_written(rows):
    series = inputs.read_series(pd.Series([" ".join(map(repr, row)) for row in rows]))
    assert len(series) == len(rows) and series.values.shape[1] == 1
    for row, begin, end in zip(rows, series.offsets, series.offsets[1:], strict=False):
        assert series.values[begin:end, 0].tolist() == row


@given(LISTS, st.integers(1, 3))
def test_channels_are_read_as_they_are_written(rows, channels):
    texts = [inputs.write_numbers([row] * channels) for row in rows]
    series = inputs.read_series(pd.Series(texts))
    assert series.values.shape == (sum(map(len, rows)), channels)
    for at in range(channels):
        assert series.values[:, at].tolist() == [value for row in rows for value in row]


def test_steps_with_other_channels_are_refused():
    with pytest.raises(InputError, match="the same channels"):
        inputs.read_series(pd.Series(["1,2 3,4", "1 2"]))


def test_the_ways_to_write_numbers():
    for text in ("1 -2.5 3e-1", "1,-2.5,3e-1", "1; -2.5;\t3e-1"):
        assert inputs.parse_numbers(text) == [1, -2.5, 0.3]
    with pytest.raises(ValueError, match="could not convert"):
        inputs.parse_numbers("1 x")


def test_dense_tables_are_padded_with_zeros():
    series = inputs.read_series(pd.Series(["1 2 3", "4"]))
    assert inputs.dense(series)[:, :, 0].tolist() == [[1, 2, 3], [4, 0, 0]]
    letters = encoding.encode(pd.Series(["AC", "T"]), DNA)
    np.testing.assert_array_equal(inputs.dense(letters), encoding.one_hot(letters))


@given(LISTS)
def test_the_next_value_is_that_of_the_same_series(rows):
    series = inputs.read_series(pd.Series([" ".join(map(repr, row)) for row in rows]))
    expected = [value for row in rows for value in [*row[1:], np.nan]]
    np.testing.assert_array_equal(inputs.next_values(series), expected)


def test_letters_and_several_channels_have_no_next_value():
    channels = inputs.profile_series(np.ones((2, 6)), 3)
    letters = encoding.encode(pd.Series(["AC", "T"]), DNA)
    for each in (channels, letters, inputs.rank_genes(np.ones((2, 3)), 2)):
        with pytest.raises(InputError, match="next_value is for series of numbers"):
            inputs.next_values(each)


def test_files_of_both_kinds(tmp_path):
    letters = encoding.encode(pd.Series(["AC", "T"]), DNA)
    series = inputs.read_series(pd.Series(["1 2 3", "4"]))
    for each in (letters, series):
        inputs.save(each, tmp_path / "s.safetensors")
        read = inputs.load(tmp_path / "s.safetensors")
        assert type(read) is type(each)
        np.testing.assert_array_equal(inputs.flat(read), inputs.flat(each))
        np.testing.assert_array_equal(read.offsets, each.offsets)


VALUES = st.lists(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), min_size=4, max_size=4),
    min_size=1,
    max_size=5,
)


@given(VALUES, st.integers(1, 6))
def test_genes_are_ranked_as_the_plain_loop_ranks_them(rows, length):
    ranked = inputs.rank_genes(np.array(rows), length)
    assert len(ranked) == len(rows) and ranked.vocabulary == 4
    for row, begin, end in zip(rows, ranked.offsets, ranked.offsets[1:], strict=False):
        wanted = sorted(range(4), key=lambda gene: (-row[gene], gene))
        above = [gene for gene in wanted if row[gene] > 0] or wanted[:1]
        assert ranked.tokens[begin:end].tolist() == above[:length]
    assert inputs.dense(ranked).tolist() == [[row] for row in rows]


def test_a_profile_becomes_a_sequence_in_the_way_that_is_named():
    values = np.array([[3.0, 1.0, 2.0]])
    ranked = inputs.profiles(values, {"method": "rank", "length": 2})
    assert ranked.tokens.tolist() == [0, 2]
    course = inputs.profiles(values, {"method": "time", "pattern": None})
    assert course.values.tolist() == [[3], [1], [2]]
    chunks = inputs.profiles(values, {"method": "order", "by": "file", "genes_per_step": 2})
    assert chunks.values.tolist() == [[3, 1], [2, 0]]
