"""What is copied is what the most similar training example says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from biornn import neighbors
from biornn.alphabets import DNA, PROTEIN, reverse_complement
from biornn.baselines import fit_baseline
from biornn.config_models import NearestBaseline
from biornn.encoding import encode
from biornn.folds import FoldData
from biornn.targets import MASKED, Task
from hypothesis import given
from hypothesis import strategies as st
from made_data import make_classes, make_data, make_next_values, make_series
from rapidfuzz.distance import Levenshtein

CONFIG = NearestBaseline(kind="nearest_neighbor")


def means(data, value=0.0):
    return np.full((len(data.targets), data.task.n_values), value)


def test_letters_by_brute_force():
    data = make_data(120, longest=14)
    values, n = neighbors.copied(data, means(data, np.nan), CONFIG)
    texts, train = data.inputs.decode(), data.rows("train")
    assert n == len({texts[row] for row in train})
    for row in np.concatenate([data.rows("test"), data.rows("validation")]):
        similar = [Levenshtein.normalized_similarity(texts[row], texts[at]) for at in train]
        best = train[np.isclose(similar, max(similar), atol=1e-6)]
        assert np.isclose(data.targets[best], values[row, 0]).any() or any(
            texts[a] == texts[b] for a in best for b in best if a != b
        )
    assert values[train, 0] == pytest.approx(data.targets[train])


def test_copies_count_with_their_mean_and_the_other_strand_is_seen():
    texts = ["ACGTACGA", "ACGTACGA", "TTTTGGGG", "ACGTACGT", "CCCCAAAA"]
    data = FoldData(
        encode(pd.Series(texts), DNA), np.array([1.0, 3.0, 9.0, 0.0, 0.0]),
        np.array(["train", "train", "train", "test", "test"]),
    )  # fmt: skip
    values, _ = neighbors.copied(data, means(data), CONFIG)
    assert values[:, 0].tolist() == [1, 3, 9, 2, 9]


def test_strangers_get_the_mean():
    texts = pd.Series(["A" * 10, "A" * 9 + "C", "D" * 10])
    data = FoldData(encode(texts, PROTEIN), np.array([1.0, 2.0, 0.0]),
                    np.array(["train", "train", "test"]))  # fmt: skip
    assert neighbors.copied(data, means(data, 1.5), CONFIG)[0][2, 0] == 1.5


@given(query=st.text("ACGT", min_size=1, max_size=15), reference=st.text("ACGT", max_size=15))
def test_alignments_pair_as_many_equal_letters_as_edits_allow(query, reference):
    for reverse in (False, True):
        here, there = neighbors.aligned(query, reference, DNA, reverse)
        text = reverse_complement(query) if reverse else query
        order = len(query) - 1 - here if reverse else here
        assert (np.diff(order) > 0).all() and (np.diff(there) > 0).all()
        exchanged = sum(text[a] != reference[b] for a, b in zip(order, there, strict=True))
        alone = len(query) + len(reference) - 2 * len(here)
        assert exchanged + alone == Levenshtein.distance(text, reference)


def test_labels_of_positions_are_copied_along_the_alignment():
    texts = pd.Series(["ACDEFG", "ADEFGK", "WWWWWW"])
    task = Task("classification", "position", ("h", "e"))
    codes = np.array([0, 0, 1, 1, 1, MASKED, *([0] * 6), *([1] * 6)])
    data = FoldData(encode(texts, PROTEIN), codes, np.array(["train", "test", "train"]), task)
    values, n = neighbors.copied(data, means(data, 0.5), CONFIG)
    # A C D E F G against A D E F G K: C is left out, K has no partner, G is not labelled
    assert n == 2
    assert values[6:12].tolist() == [[1, 0], [0, 1], [0, 1], [0, 1], [0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("make", [make_series, make_next_values])
def test_numbers_are_compared_by_distance(make):
    data = make(60)
    values, _ = neighbors.copied(data, means(data), CONFIG)
    train = data.unit_rows("train")
    assert set(values[data.unit_rows("test"), 0]) <= set(data.targets[train])


def test_targets_of_the_test_set_have_no_influence_and_a_budget_is_kept(monkeypatch):
    data = make_data(150, longest=14)
    other = replace(data, targets=np.where(data.subsets == "test", 1e6, data.targets))
    one, two = (neighbors.copied(each, means(each), CONFIG)[0] for each in (data, other))
    np.testing.assert_array_equal(one, two)
    monkeypatch.setattr(neighbors, "BUDGET", 20_000)
    values, n = neighbors.copied(data, means(data), CONFIG)
    assert 5 < n < 60 and np.isfinite(values).all()


def test_a_class_is_mixed_with_the_shares_so_that_a_mistake_is_not_endless():
    data = make_classes(300, longest=14)
    fitted = fit_baseline(CONFIG, data)
    assert 0.5 <= fitted.chosen["share"] < 1
    assert fitted.predictions.sum(axis=1) == pytest.approx(1) and fitted.predictions.min() > 0
    copied, _ = neighbors.copied(data, means(data), CONFIG)
    asked = (data.subsets == "test") & (np.ptp(copied, axis=1) == 1)
    assert asked.sum() > 40
    assert (fitted.predictions[asked].argmax(axis=1) == copied[asked].argmax(axis=1)).all()
