"""Each normaliser: its arithmetic, the training rows alone, one row at a time, the replay."""

import json

import numpy as np
import pandas as pd
import pytest
from biornn.expression import Normalizer
from biornn.files import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
from made_counts import COUNTS, SEQUENCES, STEPS, TRAIN, chain, fitted

every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


def test_quantiles_of_every_sample_are_those_of_training():
    values = fitted(STEPS["quantile"]).transform(COUNTS + np.linspace(0, 0.9, 30))  # no equals
    expected = np.sort(COUNTS[TRAIN].to_numpy(), axis=1).mean(axis=0)
    for row in values.to_numpy():
        np.testing.assert_allclose(np.sort(row), expected)


def test_robust_scale_equals_scikit_learn():
    from sklearn.preprocessing import RobustScaler

    expected = RobustScaler().fit(COUNTS[TRAIN]).transform(COUNTS)
    np.testing.assert_allclose(
        fitted(STEPS["robust_scale"]).transform(COUNTS), expected, rtol=1e-12
    )


def test_genes_are_chosen_in_training():
    values = fitted(STEPS["low_counts"]).transform(COUNTS)
    kept = [g for g in COUNTS if (COUNTS.loc[TRAIN, g] >= 50).sum() >= 2]
    assert list(values.columns) == kept and 0 < len(kept) < 30
    values = fitted(STEPS["highly_variable"]).transform(COUNTS)
    largest = COUNTS[TRAIN].var().nlargest(7).index
    assert set(values.columns) == set(largest)
    assert list(values.columns) == [g for g in COUNTS if g in set(largest)]
    with pytest.raises(InputError, match="low_counts: no gene is left"):
        fitted({"method": "low_counts", "min_count": 1e9})


def test_missing_values():
    holes = COUNTS.copy()
    holes.loc["s0", "g1"] = holes.loc["s5", "g2"] = np.nan
    with pytest.raises(InputError, match="'g2' is complete in training, but not in s5"):
        fitted(STEPS["missing"], holes).transform(holes)
    values = fitted(STEPS["missing"], holes).transform(holes.drop(index="s5"))
    assert "g1" not in values and not values.isna().any().any()
    filled = fitted({"method": "missing", "fill": "median", "max_missing": 0.3}, holes)
    values = filled.transform(holes)
    assert values.loc["s0", "g1"] == COUNTS.loc[["s1", "s2", "s3"], "g1"].median()
    assert values.loc["s5", "g2"] == COUNTS.loc[TRAIN, "g2"].median()
    assert "g1" not in fitted({"method": "missing", "fill": "median"}, holes).transform(holes)


def test_neighbours_are_those_of_scikit_learn_among_the_training_rows():
    from sklearn.impute import KNNImputer

    holes = COUNTS.copy()
    holes.loc["s0", "g1"] = holes.loc["s5", "g2"] = holes.loc["s4", "g7"] = np.nan
    step = {"method": "missing", "fill": "knn", "neighbors": 2, "max_missing": 0.3}
    expected = KNNImputer(n_neighbors=2).fit(holes[TRAIN]).transform(holes)
    np.testing.assert_allclose(fitted(step, holes).transform(holes), expected, rtol=1e-12)
    other = holes.copy()
    other.loc["s4"] *= 7
    assert fitted(step, other).to_dict() == fitted(step, holes).to_dict()
    stored = json.loads(json.dumps(fitted(step, holes).to_dict(), allow_nan=False))
    again = Normalizer.from_dict(stored)
    np.testing.assert_allclose(again.transform(holes), expected, rtol=1e-12)
    one = again.transform(holes.loc[["s5"]])
    pd.testing.assert_frame_equal(one, again.transform(holes).loc[["s5"]], check_exact=True)


def test_neighbours_of_too_much_data_are_refused(monkeypatch):
    monkeypatch.setattr("biornn.normalizers._MOST_STORED", 100)
    with pytest.raises(InputError, match="would store 120 training values"):
        fitted({"method": "missing", "fill": "knn"})


@pytest.mark.parametrize(
    "method", ["tmm", "upper_quartile", "median_of_ratios", "cpm", "fpkm", "vst"]
)
def test_a_sample_without_counts_is_named(method):
    empty = COUNTS.copy()
    empty.loc["s5"] = 0
    with pytest.raises(InputError, match="s5"):
        fitted(STEPS[method]).transform(empty)


@every_step
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_other_row_reaches_the_fitted_normaliser(step, data):
    other = COUNTS.copy()
    drawn = data.draw(st.lists(st.integers(0, 10**6), min_size=60, max_size=60))
    other.loc[~TRAIN] = np.array(drawn, dtype=float).reshape(2, 30) + 1
    assert fitted(step, other).to_dict() == fitted(step).to_dict()


@every_step
def test_a_row_does_not_depend_on_the_rows_beside_it(step):
    normalizer = fitted(step)
    together = normalizer.transform(COUNTS)
    for name in COUNTS.index:
        one = normalizer.transform(COUNTS.loc[[name]])
        pd.testing.assert_frame_equal(one, together.loc[[name]], rtol=1e-12)


@every_step
def test_a_saved_normaliser_gives_the_same_values(step):
    normalizer = fitted(step)
    again = Normalizer.from_dict(json.loads(json.dumps(normalizer.to_dict(), allow_nan=False)))
    pd.testing.assert_frame_equal(again.transform(COUNTS), normalizer.transform(COUNTS))


@every_step
def test_other_genes_are_refused(step):
    with pytest.raises(InputError, match="it can't be used on"):
        fitted(step).transform(COUNTS.drop(columns="g7"))


def test_a_chain():
    steps = [STEPS[name] for name in ("low_counts", "tmm", "log1p", "highly_variable", "z_score")]
    values = chain(*steps).fit(COUNTS, TRAIN, SEQUENCES).transform(COUNTS)
    assert values.shape == (6, 7)
    np.testing.assert_allclose(values[TRAIN].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(values[TRAIN].std(ddof=0), 1)
