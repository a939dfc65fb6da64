"""Reliability curves and temperatures of predictions whose faults are known."""

import numpy as np
import pandas as pd
import pytest
from biornn import calibration, statistics
from biornn.samples import sample_of
from biornn.targets import Task
from made_predictions import MODELS, ONE_FOLD, predictions
from scipy import special
from sklearn.calibration import calibration_curve

TASK = Task("classification", "sequence", ("a", "b", "c"))
LABELS = Task("multilabel", "sequence", ("a", "b"))


def overconfident(temperature, n=4000, fold=0, seed=0):
    """Classes drawn from softmax(z), predicted as softmax(z * temperature)."""
    generator = np.random.default_rng(fold)
    z = 1.5 * generator.normal(size=(n, 3))
    truth = (generator.random(n)[:, None] > special.softmax(z, axis=1).cumsum(axis=1)).sum(axis=1)
    p = special.softmax(z * temperature, axis=1)
    subset = np.where(np.arange(n) % 2, "validation", "test")
    return pd.DataFrame(
        {"model": "m", "kind": "recurrent", "id": [f"{fold}.{i:05d}" for i in range(n)],
         "fold": fold, "seed": seed, "subset": subset,
         "target": np.array(list("abc"))[np.minimum(truth, 2)],
         **{f"prediction.{c}": p[:, i] for i, c in enumerate("abc")}}
    )  # fmt: skip


def groups_of(table, folds=ONE_FOLD, task=TASK):
    return statistics.prepare(table, {}, folds, task=task, n_resamples=100)


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_of_probabilities_that_were_sharpened_is_found(true):
    groups = groups_of(overconfident(true))
    curves, found = calibration.tables(groups, "random")
    row = found.iloc[0]
    assert list(found.columns) == calibration.TEMPERATURE_COLUMNS
    assert row["temperature"] == pytest.approx(true, rel=0.1)
    assert row["log_loss_scaled"] <= row["log_loss"] + 0.001 and row["ece_scaled"] < 0.05
    if true != 1:
        assert row["ece"] > 0.1 and row["log_loss"] > row["log_loss_scaled"] + 0.01
    raw, scaled = (curves[curves["scaled"] == is_scaled] for is_scaled in (False, True))
    assert raw["n"].sum() == scaled["n"].sum() == 2000 and len(raw) == len(scaled) == 10
    gap = (raw["observed"] - raw["predicted"]).mean()
    assert gap < -0.1 if true > 1 else gap > 0.1 if true < 1 else abs(gap) < 0.03
    assert abs((scaled["observed"] - scaled["predicted"]).mean()) < 0.03
    # what was fitted for one table is in no other
    scores = statistics.score(groups).query("subset == 'test' and seed == '0'")
    losses = scores.set_index("metric")["value"]
    assert losses["log_loss"] == pytest.approx(row["log_loss"])
    assert losses["ece"] == pytest.approx(row["ece"])


def test_the_most_probable_class_stays():
    table = overconfident(2.0, n=200)
    sample = sample_of(table, TASK)
    for temperature in (0.1, 1.0, 9.0):
        p = calibration.scaled(sample, sample.probabilities, temperature)
        assert (p.argmax(axis=2) == sample.predicted).all()
        np.testing.assert_allclose(p.sum(axis=2), 1)
    same = calibration.scaled(sample, sample.probabilities, 1.0)
    np.testing.assert_allclose(same, sample.probabilities)


def test_curves_are_those_of_scikit_learn():
    table = overconfident(2.0)
    sample = sample_of(table[table["subset"] == "test"], TASK)
    said, right = sample.probabilities[0].max(axis=1), sample.predicted[0] == sample.target
    rows = calibration.curve(said, right)
    observed, predicted = calibration_curve(right, said, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([row[1] for row in rows], predicted, atol=0.005)
    np.testing.assert_allclose([row[2] for row in rows], observed, atol=0.03)


def test_equal_probabilities_have_no_temperature():
    table = overconfident(1.0, n=200)
    table[[f"prediction.{c}" for c in "abc"]] = 1 / 3
    curves, found = calibration.tables(groups_of(table), "random")
    assert found["temperature"].item() == 1.0
    assert len(curves) == 2  # one bin, before and after


def test_folds_have_temperatures_of_their_own_and_one_curve():
    folds = pd.DataFrame({"fold": [0, 1, 2], "scheme": ["k_fold"] * 2 + ["random"], "repeat": 0})
    table = pd.concat(
        [overconfident(t, n=2000, fold=fold, seed=seed)
         for fold, t in ((0, 3.0), (1, 0.5), (2, 1.0)) for seed in (0, 1)]
    )  # fmt: skip
    curves, found = calibration.tables(groups_of(table, folds), "k_fold")
    assert set(found["fold"]) == {"0", "1"} and len(found) == 4
    means = found.groupby("fold")["temperature"].mean()
    assert means["0"] == pytest.approx(3.0, rel=0.15) and means["1"] == pytest.approx(0.5, rel=0.15)
    assert curves.groupby("scaled")["n"].sum().to_dict() == {False: 4000, True: 4000}


def test_labels_are_scaled_each():
    generator = np.random.default_rng(0)
    z = 1.5 * generator.normal(size=(4000, 2))
    truth = generator.random((4000, 2)) < special.expit(z)
    p = special.expit(2.5 * z)
    table = pd.DataFrame(
        {"model": "m", "kind": "recurrent", "id": [f"{i:05d}" for i in range(4000)], "fold": 0,
         "seed": 0, "subset": np.where(np.arange(4000) % 2, "validation", "test"),
         **{f"target.{c}": truth[:, i].astype(int) for i, c in enumerate("ab")},
         **{f"prediction.{c}": p[:, i] for i, c in enumerate("ab")}}
    )  # fmt: skip
    curves, found = calibration.tables(groups_of(table, task=LABELS), "random")
    assert found["temperature"].item() == pytest.approx(2.5, rel=0.1)
    assert curves[~curves["scaled"]]["n"].sum() == 4000  # 2,000 examples with two labels
    sample = sample_of(table, LABELS)
    same = calibration.scaled(sample, sample.probabilities, 1.0)
    np.testing.assert_allclose(same, sample.probabilities, atol=1e-9)


def test_numbers_have_curves_and_no_temperatures():
    curves, found = calibration.tables(groups_of(predictions(MODELS), task=None), "random")
    assert found.empty and list(found.columns) == calibration.TEMPERATURE_COLUMNS
    good = curves[curves["model"] == "good"]
    assert list(good["bin"]) == list(range(1, 11)) and good["n"].sum() == 450
    assert np.corrcoef(good["predicted"], good["observed"])[0, 1] > 0.97
    assert not curves["scaled"].any()
