"""Model against model, and ours against what was published."""

import numpy as np
import pandas as pd
import pytest
from biornn import comparisons, statistics
from made_predictions import MODELS, ONE_FOLD, N, predictions


@pytest.fixture(scope="module")
def table():
    return predictions(MODELS)


def compared(table, n_resamples):
    groups = statistics.prepare(table, {}, ONE_FOLD, n_resamples=n_resamples)
    return comparisons.compare(groups, n_permutations=999)


def test_the_best_is_chosen_on_validation_and_not_on_test(table):
    groups = statistics.prepare(table, {}, ONE_FOLD, n_resamples=100)
    assert comparisons.best_on_validation(groups, "baseline", "random") == "simple"
    rows = comparisons.compare(groups, n_permutations=199)
    against = rows[rows["model_b"].isin(["simple", "lucky"])]["model_b"]
    assert set(against) == {"simple"}
    with pytest.raises(ValueError, match="no ceiling model"):
        comparisons.best_on_validation(groups, "ceiling", "random")


def test_clear_differences_are_named_and_equal_models_are_not():
    twin = predictions({"a": ("recurrent", 0.5, 0.5), "base": ("baseline", 0.5, 0.5)})
    copy = twin[twin["model"] == "a"].assign(model="b")
    both = pd.concat([twin, copy])
    rows = compared(both, 200)
    same = rows[(rows["model_a"] == "a") & (rows["model_b"] == "b")]
    assert (same["difference"] == 0).all() and (same["p_value"] == 1).all()
    assert (same["better"] == "").all()
    clear = compared(predictions(MODELS), 200)
    row = clear[(clear["model_a"] == "good") & (clear["model_b"] == "simple")].iloc[0]
    assert row["better"] == "good" and row["difference"] > 0 and row["ci_low"] > 0
    assert row["p_value"] == pytest.approx(0.001) and row["n"] == N


def test_holm_by_hand(table):
    rows = compared(table, 100)
    for _, family in rows.groupby(["fold", "subset", "metric"]):
        p = np.sort(family["p_value"])
        expected = np.minimum(np.maximum.accumulate(p * np.arange(len(p), 0, -1)), 1)
        assert np.sort(family["p_adjusted"]) == pytest.approx(expected)


def test_the_correction_may_be_another(table):
    groups = statistics.prepare(table, {}, ONE_FOLD, n_resamples=100)
    options = {"n_permutations": 199, "correction": "benjamini_hochberg"}
    rows = comparisons.compare(groups, **options)
    for _, family in rows.groupby(["fold", "subset", "metric"]):
        p = family["p_value"].to_numpy()
        order = np.argsort(p)
        steps = p[order] * len(p) / np.arange(1, len(p) + 1)
        expected = np.minimum.accumulate(steps[::-1])[::-1]
        assert family["p_adjusted"].to_numpy()[order] == pytest.approx(np.minimum(expected, 1))


def test_the_share_of_examples_on_which_a_model_is_better(table):
    rows = compared(table, 100)
    row = rows.query("model_a == 'good' and model_b == 'simple' and metric == 'r2'").iloc[0]
    test = table[table["subset"] == "test"]
    errors = (test["target"] - test["prediction"]) ** 2
    means = errors.groupby([test["model"], test["id"]]).mean()
    assert row["share_a_better"] == pytest.approx((means["good"] < means["simple"]).mean())
    assert comparisons.share_above_zero(np.array([1.0, 0.0, -1.0, 0.0])) == 0.5


def test_examples_of_a_cluster_flip_together(table):
    copies = pd.concat([table.assign(id=table["id"] + f".{i}") for i in range(5)])
    clusters = copies.drop_duplicates("id").set_index("id", drop=False)["id"].str.split(".").str[0]
    options = {"n_permutations": 999}
    once = comparisons.compare(statistics.prepare(table, {}, ONE_FOLD, n_resamples=100), **options)
    groups = statistics.prepare(copies, {}, ONE_FOLD, clusters=clusters, n_resamples=100)
    often = comparisons.compare(groups, **options)
    mine = once["metric"] == "r2"
    assert often["p_value"][mine].to_numpy() == pytest.approx(once["p_value"][mine], abs=0.01)


ENTRY = {
    "name": "p", "source": "s", "metric": "r2", "subset": "test", "value": 0.5,
         "uncertainty": 0.0, "model": "best_recurrent", "not_comparable": None, "note": "n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "change", "expected"),
    [
        ((0.5, 0.4, 0.6), {}, "reproduced"),
        ((0.7, 0.6, 0.8), {}, "better"),
        ((0.3, 0.2, 0.4), {}, "worse"),
        ((0.7, 0.6, 0.8), {"uncertainty": 0.1}, "reproduced"),
        ((0.7, 0.61, 0.8), {"uncertainty": 0.1}, "better"),
        ((0.7, 0.6, 0.8), {"metric": "mse"}, "worse"),
        ((0.3, 0.2, 0.4), {"metric": "mse"}, "better"),
        ((0.5, np.nan, np.nan), {}, "reproduced"),
        ((0.7, np.nan, np.nan), {"metric": "ece"}, "worse"),
        ((0.5, 0.4, 0.6), {"not_comparable": "other split", "note": ""}, "not comparable"),
    ],
)
def test_verdicts(ours, change, expected):
    entry = ENTRY | change
    row = ("m", "recurrent", 0, "all", "test", entry["metric"], *ours, 9, 9)
    scores = pd.DataFrame([row], columns=statistics.METRICS_COLUMNS)
    (found,) = comparisons.judge([entry], scores, {"best_recurrent": "m"}).to_dict("records")
    assert (found["verdict"], found["model"], found["ours"]) == (expected, "m", ours[0])
    assert found["note"] == (entry["not_comparable"] or "n")


@pytest.mark.parametrize(
    ("differs", "note", "expected"),
    [
        ("other split", "See there.", "other split. See there."),
        ("Other split.", "See there", "Other split. See there"),
        # as the entry of a column of predictions has it
    ],
)
def test_a_note_is_shown_beside_what_differs(differs, note, expected):
    row = ("m", "recurrent", 0, "all", "test", "r2", 0.5, 0.4, 0.6, 9, 9)
    scores = pd.DataFrame([row], columns=statistics.METRICS_COLUMNS)
    entry = ENTRY | {"not_comparable": differs, "note": note}
    assert comparisons.judge([entry], scores, {"best_recurrent": "m"})["note"].item() == expected
