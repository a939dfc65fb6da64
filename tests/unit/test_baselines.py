"""Baselines: the features by hand, the choice on validation rows, nothing from test rows."""

import numpy as np
import pandas as pd
import pytest
from biornn import baselines
from biornn.alphabets import DNA
from biornn.config import section
from biornn.config_data import LogRatio
from biornn.encoding import encode
from biornn.examples import Examples
from biornn.files import InputError
from made_data import make_data
from sklearn.linear_model import Ridge

CONFIGS = {
    "mean": {"kind": "mean"},
    "additive": {"kind": "ridge", "features": "additive"},
    "neighbor": {"kind": "ridge", "features": "neighbor"},
    "pairwise": {"kind": "ridge", "features": "pairwise"},
    "boosting": {"kind": "gradient_boosting", "max_iterations": 50},
}
CONFIGS = section("baselines", CONFIGS)
every_baseline = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def test_features_by_hand():
    encoded = encode(pd.Series(["ACG", "TTT"]), DNA)
    widths = {"additive": 12, "neighbor": 12 + 32, "pairwise": 12 + 48}
    for features, width in widths.items():
        assert baselines.design_matrix(encoded, features).shape == (2, width)
    pairwise = baselines.design_matrix(encoded, "pairwise")
    # letters A, C, G; pairs (1,2) = AC, (1,3) = AG, (2,3) = CG, each in a block of 16
    ones = [0, 4 + 1, 8 + 2, 12 + 0 * 4 + 1, 28 + 0 * 4 + 2, 44 + 1 * 4 + 2]
    assert np.flatnonzero(pairwise[0]).tolist() == ones
    neighbor = baselines.design_matrix(encoded, "neighbor")
    assert np.flatnonzero(neighbor[0]).tolist() == [0, 5, 10, 12 + 1, 28 + 6]


def test_too_many_features_are_refused():
    encoded = encode(pd.Series(["A" * 60]), DNA)
    with pytest.raises(InputError, match="Use features: additive"):
        baselines.design_matrix(encoded, "pairwise")


def test_ridge_equals_scikit_learn_with_the_penalty_of_the_best_validation_row(data):
    fitted = baselines.fit_baseline(CONFIGS["additive"], data)
    features = baselines.design_matrix(data.encoded, "additive")
    train, validation = data.subsets == "train", data.subsets == "validation"
    losses = {}
    for penalty in (0.1, 1.0, 10.0, 100.0):
        model = Ridge(alpha=penalty).fit(features[train], data.targets[train])
        losses[penalty] = np.mean((model.predict(features) - data.targets)[validation] ** 2)
    best = min(losses, key=losses.get)
    assert fitted.chosen == {"penalty": best, "n_features": 36}
    model = Ridge(alpha=best).fit(features[train], data.targets[train])
    np.testing.assert_allclose(fitted.predictions, model.predict(features))


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
        name: np.mean((baselines.fit_baseline(config, data).predictions - data.targets)[test] ** 2)
        for name, config in CONFIGS.items()
    }
    assert losses["mean"] == pytest.approx(data.targets[test].var(), rel=0.1)
    assert all(losses[name] < 0.4 * losses["mean"] for name in CONFIGS if name != "mean")


def test_boosting_says_how_many_trees_the_validation_rows_allowed(data):
    assert 1 <= baselines.fit_baseline(CONFIGS["boosting"], data).chosen["iterations"] <= 50


def test_the_replicate_is_joined_by_sequence_and_has_its_own_scale():
    replicate = Examples(
        pd.DataFrame({"sequence": ["GU", "AC", "AC"]}),
        pd.DataFrame({"n": [9.0, 99.0, 9.0], "m": [99.0, 99.0, 99.0]}),
        pd.DataFrame(),
    )
    step = LogRatio(method="log_ratio", numerator="n", denominator="m", reference_sequence="GU")
    config = section("expression", {"counts": ["n", "m"], "normalization": [step.model_dump()]})
    values = baselines.replicate_predictions(pd.Series(["AC", "UU", "GU"]), replicate, config)
    np.testing.assert_allclose(values, [0.5, np.nan, 0.0], atol=1e-15)
    without = Examples(replicate.table.assign(target=[1.0, 2.0, 4.0]), None, pd.DataFrame())
    np.testing.assert_allclose(
        baselines.replicate_predictions(pd.Series(["AC"]), without, None), [3.0]
    )
