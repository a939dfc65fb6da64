"""Metrics against other people's implementations and closed forms."""

import numpy as np
import pytest
import r_data
import scipy.stats
import sklearn.metrics
from biornn import metrics
from biornn.samples import KINDS
from hypothesis import given
from hypothesis import strategies as st


def pair(n=400, correlation=0.8, seed=0):
    x, z = np.random.default_rng(seed).normal(size=(2, n))
    return x, correlation * x + np.sqrt(1 - correlation**2) * z


def test_reference_implementations():
    y, p = pair()
    p = np.round(p, 1)  # with ties
    assert metrics.mse(y, p) == pytest.approx(sklearn.metrics.mean_squared_error(y, p))
    assert metrics.r2(y, p) == pytest.approx(sklearn.metrics.r2_score(y, p))
    assert metrics.pearson(y, p) == pytest.approx(scipy.stats.pearsonr(y, p)[0])
    assert metrics.spearman(y, p) == pytest.approx(scipy.stats.spearmanr(y, p)[0])


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9])
def test_information_of_gaussians(correlation):
    # I = -log2(1 - rho²) / 2
    estimates = [metrics.information(*pair(2000, correlation, seed)) for seed in range(4)]
    assert np.mean(estimates) == pytest.approx(-0.5 * np.log2(1 - correlation**2), abs=0.03)


def test_information_does_not_change_when_predictions_are_stretched():
    y, p = pair(2000)
    plain = metrics.information(y, p)
    assert metrics.information(y, np.exp(p)) == pytest.approx(plain, abs=0.05)
    assert metrics.information(y, 3 * p + 7) == pytest.approx(plain, abs=1e-6)


def test_information_equals_the_plain_loop():
    from scipy.special import digamma

    y, p = pair(60)
    y, p = (y - y.mean()) / y.std(), (p - p.mean()) / p.std()
    total = 0.0
    for i in range(60):
        dx, dy = np.abs(y - y[i]), np.abs(p - p[i])
        radius = np.sort(np.maximum(dx, dy))[5]
        total -= digamma((dx < radius).sum()) + digamma((dy < radius).sum())
    expected = (total / 60 + digamma(5) + digamma(60)) / np.log(2)
    assert metrics.information(y, p) == pytest.approx(expected, abs=1e-6)


def test_concordance_and_order_of_r():
    # R 4.2.2, y = mtcars$mpg, x = 40 - 5.5 * wt + 0.01 * hp: Lin's coefficient by its formula with
    # v = function(a) mean((a - mean(a))^2), and the pairs counted by a double loop
    y, x = r_data.MPG, 40 - 5.5 * r_data.WEIGHT + 0.01 * r_data.HP
    assert metrics.ccc(y, x) == pytest.approx(0.665953779971, abs=1e-11)
    assert metrics.c_index(y, x) == pytest.approx(0.829243353783, abs=1e-11)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=60))
def test_pairs_in_the_right_order_are_counted(pairs):
    y, p = np.array(pairs, dtype=float).T
    sides = np.sign(y[:, None] - y) * np.sign(p[:, None] - p)
    possible = y[:, None] != y
    right, n_pairs = metrics.order_counts(y, p)
    np.testing.assert_array_equal(n_pairs, possible.sum(axis=1))
    np.testing.assert_array_equal(right, ((sides + 1) / 2 * possible).sum(axis=1))
    if possible.any() and np.ptp(p):
        # Somers' D is that of the share of pairs, from -1 to 1
        with np.errstate(invalid="ignore"):  # of its test, which is not asked
            d = scipy.stats.somersd(y, p).statistic
        assert metrics.c_index(y, p) == pytest.approx((d + 1) / 2)
    if not possible.any():
        assert np.isnan(metrics.c_index(y, p))


def test_a_scale_and_a_shift_lower_the_concordance_alone():
    y, _ = pair()
    assert metrics.ccc(y, y) == pytest.approx(1)
    assert metrics.ccc(y, 2 * y + 1) < 0.8 and metrics.pearson(y, 2 * y + 1) == pytest.approx(1)
    assert np.isnan(metrics.ccc(np.ones(3), np.ones(3)))


def test_a_constant_prediction():
    y, _ = pair()
    constant = np.full(len(y), y.mean())
    assert metrics.r2(y, constant) == pytest.approx(0)
    assert metrics.information(y, constant) == 0
    assert metrics.ccc(y, constant) == pytest.approx(0) and metrics.c_index(y, constant) == 0.5
    assert np.isnan(metrics.pearson(y, constant)) and np.isnan(metrics.spearman(y, constant))


def test_few_examples():
    assert np.isnan(metrics.information(np.arange(5.0), np.arange(5.0)))
    assert np.isnan(metrics.r2(np.ones(3), np.ones(3)))


def test_counts_and_spreads():
    generator = np.random.default_rng(0)
    p = np.exp(generator.normal(size=200))
    y = generator.poisson(p).astype(float)
    assert metrics.d2(y, p) == pytest.approx(sklearn.metrics.d2_tweedie_score(y, p, power=1))
    deviance = sklearn.metrics.mean_poisson_deviance(y, p)
    assert metrics.poisson_deviance(y, p) == pytest.approx(deviance)
    assert np.isfinite(metrics.poisson_deviances(y, np.zeros(200))).all()
    sd = p + 0.1
    expected = -scipy.stats.norm.logpdf(y, p, sd)
    np.testing.assert_allclose(metrics.gaussian_losses(y, p, sd), expected)
    low, high = scipy.stats.norm.interval(0.8, p, sd)
    assert (metrics.covered(y, p, sd, 0.8) == ((y >= low) & (y <= high))).all()


@given(st.sampled_from(list(metrics.REGRESSION)), st.sampled_from([np.nan, np.inf]))
def test_values_that_are_no_numbers_are_refused(name, value):
    y, p = pair(20)
    p[3] = value
    with pytest.raises(ValueError, match="1 values of the prediction are not finite"):
        metrics.REGRESSION[name](y, p)
    with pytest.raises(ValueError, match="do not fit"):
        metrics.REGRESSION[name](y, p[:-1])


def test_every_metric_has_a_label():
    asked = {metric for kinds in KINDS.values() for kind in kinds for metric in kind.metrics}
    asked |= {"coverage_90", "gaussian_nll"}  # of models that predict a spread
    assert set(metrics.LABELS) == asked
    assert set(metrics.LABELS) >= metrics.LOWER_IS_BETTER | set(metrics.CHANCE)


def test_the_main_metric_of_a_task_is_its_first():
    for kinds in KINDS.values():
        for kind in kinds:
            first = next(metric for metric in metrics.LABELS if metric in kind.metrics)
            assert first == kind.compared[0]


def test_the_error_of_the_information_is_the_spread_over_samples():
    estimates, errors = [], []
    for seed in range(40):
        x, z = np.random.default_rng(seed).normal(size=(2, 400))
        estimates.append(metrics.information(x + z, x))
        errors.append(metrics.information_error(x + z, x))
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.25)


def test_too_few_examples_for_an_error():
    assert np.isnan(metrics.information_error(np.arange(20.0), np.arange(20.0)))
