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


def planted(path, **options):
    given = {"lags": [], "motif": "ATGCAAAT", "length": 30, "examples": 60} | options
    return made(path, "planted_motif", **given)


@settings(max_examples=25, deadline=None)
@given(
    motif=st.text("ACGT", min_size=4, max_size=12).filter(lambda motif: len(set(motif)) > 1),
    seed=st.integers(0, 2**31 - 1),
)
def test_the_motif_lies_where_it_is_said_to(tmp_path_factory, motif, seed):
    path = tmp_path_factory.mktemp("made") / "a"
    rows = planted(path, motif=motif, seed=seed)
    assert [row["class"] for row in rows] == ["motif", "none"] * 30
    for row in rows:
        assert len(row["sequence"]) == 30 and set(row["sequence"]) <= set("ACGT")
        if row["class"] == "motif":
            start, end = int(row["start"]), int(row["end"])
            assert row["sequence"][start - 1 : end] == motif
        else:
            assert (row["start"], row["end"]) == ("", "")
            windows = [row["sequence"][at : at + len(motif)] for at in range(31 - len(motif))]
            assert any(sorted(window) == sorted(motif) for window in windows)


def test_letters_of_the_motif_are_wrong_as_often_as_asked(tmp_path):
    rows = planted(tmp_path / "a", purity=0.8, examples=4000)
    found = [row for row in rows if row["class"] == "motif"]
    right = np.mean(
        [
            letter == wanted
            for row in found
            for letter, wanted in zip(
                row["sequence"][int(row["start"]) - 1 : int(row["end"])], "ATGCAAAT", strict=True
            )
        ]
    )
    assert right == pytest.approx(0.8 + 0.2 / 4, abs=0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"motif": None}, "give `motif`"),
        ({"lags": [3]}, "give `motif`"),
        ({"motif": "AAAA"}, "no other order"),
        ({"motif": "ATGCAAAT" * 3, "length": 20}, "longer than length"),
        ({"motif": "ATGN"}, "should match pattern"),
        ({"length": 10_000, "examples": 10_000}, "at most 50,000,000"),
    ],
)
def test_a_motif_that_cannot_be_planted_is_refused(tmp_path, options, said):
    with pytest.raises(ValueError, match=said):
        planted(tmp_path / "a", **options)
