"""Made data have the answer where they say, and are the same for the same seed."""

import csv

import numpy as np
import pytest
from biornn import synthesis
from biornn.config_sources import SyntheticSource
from hypothesis import given, settings
from hypothesis import strategies as st


def made(path, task, **options):
    given = {"lags": [3, 12], "examples": 20, "seed": 1} | options
    source = SyntheticSource(type="synthetic", task=task, file="made.csv", **given)
    synthesis.write(source, path)
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


@settings(max_examples=25, deadline=None)
@given(
    lags=st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True),
    seed=st.integers(0, 2**31 - 1),
)
def test_the_answer_stands_behind_the_only_cue(tmp_path_factory, lags, seed):
    rows = made(tmp_path_factory.mktemp("made") / "a", "cued_recall", lags=lags, seed=seed)
    assert [int(row["lag"]) for row in rows] == lags * 20
    for row in rows:
        before, _, after = row["sequence"].partition(synthesis.CUE)
        assert len(before) <= synthesis.LONGEST_START and synthesis.CUE not in after
        assert after[0] == row["class"] and len(after) == int(row["lag"]) + 1


@settings(max_examples=25, deadline=None)
@given(
    lags=st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True),
    seed=st.integers(0, 2**31 - 1),
)
def test_the_sum_is_that_of_the_marked_numbers(tmp_path_factory, lags, seed):
    for row in made(tmp_path_factory.mktemp("made") / "a", "adding", lags=lags, seed=seed):
        values = np.array(row["value"].split(), dtype=float)
        markers = np.array(row["marker"].split(), dtype=float)
        assert set(markers) <= {0, 1} and markers.sum() == 2
        assert float(row["sum"]) == pytest.approx(values @ markers, abs=1e-9)
        assert len(values) - 1 - int(markers.argmax()) == int(row["lag"])
        assert values.min() >= 0 and values.max() <= 1


@pytest.mark.parametrize("task", ["cued_recall", "adding"])
def test_a_seed_makes_the_same_bytes_and_another_does_not(tmp_path, task):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        made(tmp_path / name, task, seed=seed)
    one, again, other = ((tmp_path / name).read_bytes() for name in ("one", "again", "other"))
    assert one == again != other


def test_classes_are_as_frequent_as_chance_has_them_and_ids_are_unique(tmp_path):
    rows = made(tmp_path / "a", "cued_recall", examples=1000)
    counts = np.unique([row["class"] for row in rows], return_counts=True)[1]
    # five standard deviations of a count of 2,000 draws with a chance of one in four
    assert len(counts) == 4 and np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)
    assert len({row["id"] for row in rows}) == len(rows)


def test_more_than_fits_and_a_lag_twice_are_refused():
    for options, said in (
        ({"lags": [10_000], "examples": 10_000}, "at most 50,000,000"),
        ({"lags": [5, 5]}, "5 is there twice"),
    ):
        with pytest.raises(ValueError, match=said):
            SyntheticSource(
                type="synthetic", task="adding", file="a.csv",
                **({"lags": [1], "examples": 1, "seed": 1} | options),
            )  # fmt: skip
