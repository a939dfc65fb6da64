"""Scores of single classes are scikit-learn's; spreads are those that were put in."""

import numpy as np
import pandas as pd
import pytest
from biornn import breakdown, statistics
from biornn.targets import Task
from made_predictions import MODELS, ONE_FOLD, predictions
from made_samples import SIZES, classes, positions
from sklearn import metrics as sk
from test_class_samples import labels
from test_statistics import two_rounds

SPLIT = statistics.Overall("random", "0")


def groups_of(table, task=None, folds=ONE_FOLD):
    table = table.assign(fold=0, subset="test") if "fold" not in table else table
    return statistics.prepare(table, {}, folds, task=task, n_resamples=100)


def test_single_classes():
    table, codes = classes(60, 3)
    found = breakdown.classes(groups_of(table), SPLIT)
    assert list(found.columns) == breakdown.CLASS_COLUMNS and list(found["class"]) == [
        "c0", "c1", "c2",
    ]  # fmt: skip
    expected = []
    for seed in (1, 2):
        p = table.loc[table["seed"] == seed, [f"prediction.c{code}" for code in range(3)]]
        p = p.to_numpy()
        each = sk.precision_recall_fscore_support(codes, p.argmax(axis=1), zero_division=np.nan)
        areas = [sk.roc_auc_score(codes == code, p[:, code]) for code in range(3)]
        expected.append(np.column_stack([*each[:3], areas]))
    np.testing.assert_allclose(
        found[["precision", "recall", "f1", "auroc"]], np.mean(expected, axis=0)
    )
    assert list(found["n"]) == list(np.bincount(codes)) and found["n_given"].sum() == 60


def test_single_labels_and_those_that_nobody_has():
    table, truth = labels(60)
    found = breakdown.classes(groups_of(table, Task("multilabel", classes=tuple("abc"))), SPLIT)
    assert list(found["class"]) == list("abc") and list(found["n"]) == list(truth.sum(axis=0))
    p = table.loc[table["seed"] == 1, "prediction.a"]
    q = table.loc[table["seed"] == 2, "prediction.a"]
    areas = [sk.roc_auc_score(truth[:, 0], each) for each in (p, q)]
    assert found["auroc"].iloc[0] == pytest.approx(np.mean(areas))
    table["target.b"] = 0
    found = breakdown.classes(groups_of(table, Task("multilabel", classes=tuple("abc"))), SPLIT)
    nobody = found.iloc[1]
    assert nobody["n"] == 0 and np.isnan(nobody["recall"]) and np.isnan(nobody["auroc"])


def test_positions_have_no_areas_and_numbers_no_classes():
    table, codes = classes(60, 3)
    found = breakdown.classes(groups_of(positions(table, SIZES)), SPLIT)
    assert found["auroc"].isna().all() and found["f1"].notna().all()
    assert list(found["n"]) == list(np.bincount(codes))
    assert breakdown.classes(groups_of(predictions(MODELS)), SPLIT).empty


def test_the_spread_over_examples_and_seeds():
    table = predictions({"net": ("recurrent", 0.5, 0.5), "mean": ("baseline", 1.0, 1.0)}, n=400)
    groups = groups_of(table)
    found = breakdown.variance(groups, "random").set_index(["model", "metric"])
    assert list(found.reset_index().columns[:2]) == ["model", "metric"]
    row = found.loc["net", "mse"]
    scores = statistics.score(groups).query(
        "model == 'net' and metric == 'mse' and subset == 'test' and seed != 'all'"
    )
    assert row["sd_seeds"] == pytest.approx(scores["value"].std()) and row["n_seeds"] == 3
    # errors of three seeds are independent: (y - ŷ)² has a deviation of sqrt(2) 0.25 each
    expected = np.sqrt(2) * 0.25 / np.sqrt(3 * 400)
    assert row["sd_examples"] == pytest.approx(expected, rel=0.3)
    assert np.isnan(row["sd_folds"]) and np.isnan(found.loc["mean", "mse"]["sd_seeds"])


def test_the_spread_over_folds():
    table, folds = two_rounds()
    groups = groups_of(table, folds=folds)
    found = breakdown.variance(groups, "k_fold by homology").set_index(["model", "metric"])
    row = found.loc["net", "mse"]
    assert row["n_folds"] == 4 and row["n_seeds"] == 4 and row["n"] == 60
    scores = statistics.score(groups).query(
        "model == 'net' and metric == 'mse' and subset == 'test' and seed == 'all'"
    )
    singles = scores[scores["fold"].isin(list("0123"))]["value"]
    assert row["sd_folds"] == pytest.approx(singles.std())


def test_what_has_no_interval_has_no_spread_over_examples():
    table, _ = classes(60, 3)
    found = breakdown.variance(groups_of(table), "random").set_index("metric")
    assert np.isnan(found.loc["ece", "sd_examples"]) and found.loc["ece", "sd_seeds"] > 0
    assert isinstance(found, pd.DataFrame)
