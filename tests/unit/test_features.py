"""Letters, pairs, windows and k-mers, by hand and against a naive count."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from biornn.alphabets import DNA
from biornn.config_models import BoostingBaseline, LinearBaseline
from biornn.encoding import encode
from biornn.features import Features, design_matrix, kmer_counts
from biornn.files import InputError
from hypothesis import given
from hypothesis import strategies as st
from made_data import make_data, make_positions, make_series


def test_letters_and_pairs_by_hand():
    encoded = encode(pd.Series(["ACG", "TTT"]), DNA)
    widths = {"additive": 12, "neighbor": 12 + 32, "pairwise": 12 + 48}
    for features, width in widths.items():
        assert design_matrix(encoded, features).shape == (2, width)
    pairwise = design_matrix(encoded, "pairwise")
    # letters A, C, G; pairs (1,2) = AC, (1,3) = AG, (2,3) = CG, each in a block of 16
    ones = [0, 4 + 1, 8 + 2, 12 + 0 * 4 + 1, 28 + 0 * 4 + 2, 44 + 1 * 4 + 2]
    assert np.flatnonzero(pairwise[0]).tolist() == ones
    neighbor = design_matrix(encoded, "neighbor")
    assert np.flatnonzero(neighbor[0]).tolist() == [0, 5, 10, 12 + 1, 28 + 6]


def test_too_many_features_are_refused():
    encoded = encode(pd.Series(["A" * 60]), DNA)
    with pytest.raises(InputError, match="Use features: additive"):
        design_matrix(encoded, "pairwise")
    with pytest.raises(InputError, match="k: 8 needs 65,536 columns for 4 letters"):
        kmer_counts(encoded, 8)


@given(
    texts=st.lists(st.text("ACGTN", max_size=12), min_size=1, max_size=6),
    k=st.integers(1, 4),
)
def test_kmers_are_counted_as_one_would(texts, k):
    counts = kmer_counts(encode(pd.Series(texts, dtype=object), DNA), k)
    assert counts.shape == (len(texts), 4**k)
    for text, row in zip(texts, counts, strict=True):
        expected = np.zeros(4**k)
        for start in range(len(text) - k + 1):
            word = text[start : start + k]
            if "N" not in word:
                expected[int("".join(str("ACGT".index(letter)) for letter in word), 4)] += 1
        np.testing.assert_array_equal(row, expected)


def test_kmers_are_standardised_by_training_rows_alone():
    data = make_data(100)
    config = LinearBaseline(kind="linear", features="kmers")
    features = Features(config, data)
    every = np.arange(100)
    values = features.of(every)
    train = data.subsets == "train"
    assert (features.k, values.shape) == (4, (100, 256))
    assert values[train].mean(axis=0) == pytest.approx(0)
    sd = values[train].std(axis=0)
    assert ((abs(sd - 1) < 1e-9) | (sd == 0)).all()
    subsets = data.subsets.copy()
    subsets[subsets == "test"] = "unused"
    np.testing.assert_array_equal(
        Features(config, replace(data, subsets=subsets)).of(every), values
    )
    counts = Features(BoostingBaseline(kind="gradient_boosting", features="kmers", k=2), data)
    np.testing.assert_array_equal(counts.of(every), kmer_counts(data.inputs, 2))
    assert counts.categories(16) is None


@pytest.mark.parametrize("make", [make_positions, make_series])
def test_where_there_are_no_kmers_the_plain_features_are(make):
    data = make(20)
    units = np.arange(len(data.targets))
    plain = LinearBaseline(kind="linear")
    kmers = LinearBaseline(kind="linear", features="kmers")
    np.testing.assert_array_equal(Features(kmers, data).of(units), Features(plain, data).of(units))


def test_a_window_ends_with_its_sequence():
    data = make_positions(5)
    config = BoostingBaseline(kind="gradient_boosting", window=2)
    features = Features(config, data).of(np.arange(len(data.targets)))
    first, second = data.inputs.offsets[:2]
    letters = data.inputs.tokens
    assert features[first].tolist() == [15, 15, *letters[first : first + 3]]
    assert features[second - 1].tolist() == [*letters[second - 3 : second], 15, 15]
