"""Letters and numbers have one form and one file."""

import numpy as np
import pandas as pd
import pytest
from biornn import encoding, inputs
from biornn.alphabets import DNA
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


def test_files_of_both_kinds(tmp_path):
    letters = encoding.encode(pd.Series(["AC", "T"]), DNA)
    series = inputs.read_series(pd.Series(["1 2 3", "4"]))
    for each in (letters, series):
        inputs.save(each, tmp_path / "s.safetensors")
        read = inputs.load(tmp_path / "s.safetensors")
        assert type(read) is type(each)
        np.testing.assert_array_equal(inputs.flat(read), inputs.flat(each))
        np.testing.assert_array_equal(read.offsets, each.offsets)
