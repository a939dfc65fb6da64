"""A temperature that was put in is found, on validation rows alone."""

from dataclasses import replace

import numpy as np
import pytest
from biornn import temperatures
from made_data import make_classes, make_data, make_labels
from scipy import special


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("labels", [False, True])
def test_what_was_sharpened_is_found(true, labels):
    generator = np.random.default_rng(0)
    z = 1.5 * generator.normal(size=(6000, 3))
    if labels:
        truth = generator.random(z.shape) < special.expit(z)
        given = special.expit(z * true)
    else:
        p = special.softmax(z, axis=1).cumsum(axis=1)
        truth = np.minimum((generator.random(6000)[:, None] > p).sum(axis=1), 2)
        given = special.softmax(z * true, axis=1)
    found = temperatures.fit(truth, given, labels=labels)
    assert found == pytest.approx(true, rel=0.1)
    mended = temperatures.scaled(given, found, labels=labels)
    np.testing.assert_allclose(mended, (special.expit if labels else special.softmax)(
        z * true / found, **({} if labels else {"axis": 1})), atol=1e-6)  # fmt: skip
    losses = [temperatures.log_loss(truth, p, labels=labels) for p in (given, mended)]
    assert losses[1] <= losses[0]


def test_extreme_probabilities_stay_probabilities():
    given = np.array([[1.0, 0.0], [0.5, 0.5], [1e-300, 1.0]])
    for temperature in (0.05, 20.0):
        for labels in (False, True):
            found = temperatures.scaled(given, temperature, labels=labels)
            assert np.isfinite(found).all() and (found >= 0).all() and (found <= 1).all()
    assert temperatures.fit(np.array([0, 1]), np.full((2, 2), 0.5)) == 1.0


@pytest.mark.parametrize("make", [make_classes, make_labels])
def test_a_fold_is_fitted_on_its_validation_targets(make):
    data = make(200)
    generator = np.random.default_rng(0)
    p = generator.dirichlet(np.ones(3), size=200)
    found = temperatures.fit_fold(data, p)
    elsewhere = np.where(
        (data.subsets == "validation")[:, None], p, generator.dirichlet(np.ones(3), size=200)
    )
    assert temperatures.fit_fold(data, elsewhere) == found
    assert temperatures.fit_fold(data, p[::-1]) != found


def test_numbers_have_none():
    data = make_data(50)
    assert temperatures.fit_fold(data, np.zeros((50, 1))) is None
    nothing = replace(make_classes(50), subsets=np.full(50, "train"))
    assert temperatures.fit_fold(nothing, np.full((50, 3), 1 / 3)) is None
