"""Baselines: the features by hand, the choice on validation rows, nothing from test rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from biornn import baselines, features
from biornn.alphabets import RNA
from biornn.config import section
from biornn.config_normalization import LogRatio
from biornn.encoding import encode
from biornn.examples import Description, Examples
from biornn.files import InputError
from biornn.folds import FoldData
from biornn.targets import REGRESSION, Task
from made_data import (
    make_classes,
    make_counts,
    make_data,
    make_labels,
    make_next_values,
    make_ordered,
    make_positions,
    make_series,
)
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_poisson_deviance
from statsmodels.genmod.families import family as families
from statsmodels.genmod.generalized_linear_model import GLM

CONFIGS = {
    "mean": {"kind": "mean"},
    "additive": {"kind": "linear", "features": "additive"},
    "neighbor": {"kind": "linear", "features": "neighbor"},
    "pairwise": {"kind": "linear", "features": "pairwise"},
    "boosting": {"kind": "gradient_boosting", "max_iterations": 50},
    "kmers": {"kind": "linear", "features": "kmers", "k": 2},
    "boosted_kmers": {"kind": "gradient_boosting", "features": "kmers", "k": 1,
                      "max_iterations": 50},
    "nearest": {"kind": "nearest_neighbor"},
}  # fmt: skip
CONFIGS = section("baselines", CONFIGS)
DESCRIPTION = Description("letters", "rna", REGRESSION)
every_baseline = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def test_ridge_equals_scikit_learn_with_the_penalty_of_the_best_validation_row(data):
    fitted = baselines.fit_baseline(CONFIGS["additive"], data)
    letters = features.design_matrix(data.inputs, "additive")
    train, validation = data.subsets == "train", data.subsets == "validation"
    losses = {}
    for penalty in (0.1, 1.0, 10.0, 100.0):
        model = Ridge(alpha=penalty).fit(letters[train], data.targets[train])
        losses[penalty] = np.mean((model.predict(letters) - data.targets)[validation] ** 2)
    best = min(losses, key=losses.get)
    assert fitted.chosen == {"penalty": best, "n_features": 36}
    model = Ridge(alpha=best).fit(letters[train], data.targets[train])
    np.testing.assert_allclose(fitted.predictions[:, 0], model.predict(letters))


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_from_sums_over_parts_is_the_same(monkeypatch, weighted):
    data = make_data(200)
    if weighted:
        data = replace(data, weights=np.random.default_rng(1).uniform(0, 2, size=200))
    whole = baselines.fit_baseline(CONFIGS["additive"], data)
    monkeypatch.setattr(baselines, "MAX_ELEMENTS", 0)
    monkeypatch.setattr(features, "_CHUNK_ELEMENTS", 36 * 7)  # seven rows a part
    parts = baselines.fit_baseline(CONFIGS["additive"], data)
    assert parts.chosen == whole.chosen
    np.testing.assert_allclose(parts.predictions, whole.predictions, rtol=1e-9)


@every_baseline
def test_test_targets_have_no_influence(config):
    data, other = make_data(), make_data()
    other.targets[other.subsets == "test"] = 1e6
    np.testing.assert_array_equal(
        baselines.fit_baseline(config, data).predictions,
        baselines.fit_baseline(config, other).predictions,
    )


@every_baseline
def test_predictions_repeat_themselves(data, config):
    one, two = (baselines.fit_baseline(config, data).predictions for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_each_learns_more_than_the_mean():
    data = make_data(600, shortest=6, longest=6)
    test = data.subsets == "test"
    losses = {
        name: np.mean(
            (baselines.fit_baseline(config, data).predictions[:, 0] - data.targets)[test] ** 2
        )
        for name, config in CONFIGS.items()
    }
    assert losses["mean"] == pytest.approx(data.targets[test].var(), rel=0.1)
    # words wherever they lie, and the nearest of all, do not see what is last
    loosely = dict.fromkeys(("kmers", "boosted_kmers", "nearest"), 0.8)
    for name in set(CONFIGS) - {"mean"}:
        assert losses[name] < loosely.get(name, 0.4) * losses["mean"], name


def test_boosting_says_how_many_trees_the_validation_rows_allowed(data):
    assert 1 <= baselines.fit_baseline(CONFIGS["boosting"], data).chosen["iterations"] <= 50


def test_the_replicate_is_joined_by_sequence_and_has_its_own_scale():
    replicate = Examples(
        pd.DataFrame({"sequence": ["GU", "AC", "AC"]}),
        pd.DataFrame({"n": [9.0, 99.0, 9.0], "m": [99.0, 99.0, 99.0]}),
        pd.DataFrame(),
        DESCRIPTION,
    )
    step = LogRatio(method="log_ratio", numerator="n", denominator="m", reference_sequence="GU")
    config = section("expression", {"counts": ["n", "m"], "normalization": [step.model_dump()]})
    own = pd.DataFrame({"sequence": ["AC", "UU", "GU"]})
    values = baselines.replicate_predictions(own, replicate, config)
    np.testing.assert_allclose(values[:, 0], [0.5, np.nan, 0.0], atol=1e-15)
    table = replicate.table.assign(target=[1.0, 2.0, 4.0])
    without = Examples(table, None, pd.DataFrame(), DESCRIPTION)
    np.testing.assert_allclose(baselines.replicate_predictions(own[:1], without, None), [[3.0]])
    # the same letters in other circumstances are another measurement
    warm = replace(DESCRIPTION, covariates=("warm",))
    there = Examples(table.assign(**{"covariate.warm": [20, 37, 20]}), None, pd.DataFrame(), warm)
    own_warm = pd.DataFrame({"sequence": ["AC", "AC", "GU"], "covariate.warm": [20.0, 37, 37]})
    np.testing.assert_array_equal(
        baselines.replicate_predictions(own_warm, there, None), [[4.0], [2.0], [np.nan]]
    )
    classes = Description("letters", "rna", Task("classification", "sequence", ("a", "b")))
    with pytest.raises(InputError, match="a second measurement is for a number"):
        baselines.replicate_predictions(own, Examples(table, None, pd.DataFrame(), classes), None)


@every_baseline
@pytest.mark.parametrize(
    "make",
    [make_classes, make_positions, make_series, make_labels, make_ordered, make_counts,
     make_next_values],
)  # fmt: skip
def test_other_tasks_and_test_targets_without_influence(config, make):
    data, other = make(60), make(60)
    rows = other.unit_rows("test")
    other.targets[rows] = 1e6 if other.task.kind == "regression" else 0
    found = [baselines.fit_baseline(config, each).predictions for each in (data, other)]
    np.testing.assert_array_equal(*found)
    assert found[0].shape == (len(data.targets), data.task.n_values)
    if data.task.kind == "classification":
        np.testing.assert_allclose(found[0].sum(axis=1), 1)
    if data.task.counts:
        assert (found[0] > 0).all()
    if data.task.kind == "multilabel":
        assert (found[0] >= 0).all() and (found[0] <= 1).all()


@pytest.mark.parametrize(("make", "window"), [(make_classes, 7), (make_positions, 9)])
def test_classes_are_learned(make, window):
    data = make(500, shortest=6, longest=6)
    test = data.unit_rows("test")

    def accuracy(name):
        config = CONFIGS[name].model_copy(update={"window": window})
        predicted = baselines.fit_baseline(config, data).predictions.argmax(axis=1)
        return (predicted == data.targets)[test].mean()

    assert accuracy("mean") < 0.75
    assert accuracy("pairwise") > 0.85 and accuracy("boosting") > 0.85


def test_labels_are_learned_one_by_one():
    data = make_labels(500, shortest=6, longest=6)
    data.targets[:, 2] = 1.0  # what all agree on needs no model
    test = data.unit_rows("test")
    for name in ("pairwise", "boosting"):
        fitted = baselines.fit_baseline(CONFIGS[name], data)
        right = (fitted.predictions > 0.5) == (data.targets > 0.5)
        assert right[test].mean() > 0.85 and (fitted.predictions[:, 2] == 1).all()


def test_counts_are_learned_as_counts():
    data = make_counts(600, shortest=6, longest=6)
    test = data.unit_rows("test")
    deviance = {
        name: mean_poisson_deviance(
            data.targets[test], baselines.fit_baseline(config, data).predictions[test, 0]
        )
        for name, config in CONFIGS.items()
    }
    # what the Poisson distribution itself leaves is about one
    assert deviance["additive"] < 1.3 and deviance["boosting"] < 3 < deviance["mean"]


def test_the_poisson_regression_is_that_of_statsmodels():
    data = make_counts(200, shortest=6, longest=6)
    config = CONFIGS["additive"].model_copy(update={"penalties": [1e-8]})
    fitted = baselines.fit_baseline(config, data).predictions[:, 0]
    letters = features.design_matrix(data.inputs, "additive")
    # the last letter of each position follows from the others
    x = np.column_stack([np.ones(200), letters[:, np.arange(24) % 4 < 3]])
    train = data.unit_rows("train")
    model = GLM(data.targets[train], x[train], family=families.Poisson()).fit()
    np.testing.assert_allclose(fitted, model.predict(x), rtol=0.02)


def test_the_future_is_not_seen():
    data, other = make_next_values(100), make_next_values(100)
    begin, end = data.inputs.offsets[4:6]  # a test series
    other.inputs.values[begin + 2 : end] += 5
    configs = CONFIGS | section("baselines", {"persistence": {"kind": "persistence"}})
    for name, config in configs.items():
        before, after = (
            baselines.fit_baseline(config, each).predictions[begin:end, 0] for each in (data, other)
        )
        np.testing.assert_array_equal(before[:2], after[:2])
        changed = before[2:] != after[2:]
        assert name == "mean" or (changed.any() if name == "nearest" else changed.all())
    np.testing.assert_array_equal(after, other.inputs.values[begin:end, 0])


def test_a_weight_of_two_is_an_example_twice():
    data = make_data(100, shortest=6, longest=6)
    twice = np.flatnonzero(data.subsets == "train")[::2]
    rows = np.sort(np.r_[np.arange(100), twice])
    weights = np.ones(100)
    weights[twice] = 2
    doubled = encode(pd.Series(data.inputs.decode()).iloc[rows].reset_index(drop=True), RNA)
    repeated = FoldData(doubled, data.targets[rows], data.subsets[rows])
    for name in ("mean", "additive"):
        one = baselines.fit_baseline(CONFIGS[name], replace(data, weights=weights)).predictions
        other = baselines.fit_baseline(CONFIGS[name], repeated).predictions
        np.testing.assert_allclose(one[rows], other)
        assert (one != baselines.fit_baseline(CONFIGS[name], data).predictions).any()


def test_a_class_that_training_does_not_have_is_given_no_chance():
    data = make_classes(60)
    data.targets[(data.targets == 2) & (data.subsets == "train")] = 0
    for name in ("mean", "additive", "boosting"):
        predictions = baselines.fit_baseline(CONFIGS[name], data).predictions
        assert (predictions[:, 2] == 0).all()


def test_shuffled_targets_teach_nothing():
    data = make_data(600, shortest=6, longest=6)
    test = data.subsets == "test"
    for name in ("additive", "nearest"):
        config = CONFIGS[name].model_copy(update={"shuffle_labels": True})
        predicted = baselines.fit_baseline(config, data).predictions[:, 0]
        assert abs(np.corrcoef(predicted[test], data.targets[test])[0, 1]) < 0.25
        plain = baselines.fit_baseline(CONFIGS[name], data).predictions[:, 0]
        assert np.corrcoef(plain[test], data.targets[test])[0, 1] > 0.6
