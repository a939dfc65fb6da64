"""The metrics of numbers and counts in every resample are those of the drawn examples."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from biornn import metrics
from biornn.number_samples import (
    CountPerPositionSample,
    CountSample,
    NumberPerPositionSample,
    NumberSample,
)
from made_samples import SIZES, draw, numbers, positions
from sklearn import metrics as sk


@pytest.mark.parametrize("metric", metrics.REGRESSION)
@pytest.mark.parametrize("ties", [False, True])
def test_numbers(metric, ties):
    generator = np.random.default_rng(3)
    y, p = generator.normal(size=(2, 40))
    if ties:
        y, p = np.round(y), np.round(y + p)
    sample, drawn = NumberSample(numbers(y, p)), draw(40)
    for row, found in zip(drawn.counts.T.astype(int), sample.weighted(metric, drawn), strict=True):
        rows = np.repeat(np.arange(40), row)
        if metric == "information":
            expected = sample.information_influence[0][rows].mean()
        elif metric == "c_index":
            right, pairs = sample.order_counts[0] @ (2 * np.bincount(rows, minlength=40) - 1)
            expected = right / pairs
        else:
            expected = metrics.REGRESSION[metric](y[rows], p[rows])
        assert found[0] == pytest.approx(expected, abs=1e-10)


def test_the_spread_of_the_information_is_that_of_its_standard_error():
    generator = np.random.default_rng(5)
    y, z = generator.normal(size=(2, 800))
    table = pd.DataFrame({"model": "m", "kind": "baseline", "id": np.arange(800).astype(str),
                          "seed": 0, "target": y, "prediction": y + z})  # fmt: skip
    sample = NumberSample(table)
    influence = sample.information_influence[0]
    assert influence.mean() == pytest.approx(sample.information.mean())
    error = metrics.information_error(sample.target, sample.predictions[0], repeats=12)
    assert influence.std() / np.sqrt(800) == pytest.approx(error)
    assert error > 1.05 * sample.information.std() / np.sqrt(800)


@pytest.mark.parametrize("metric", NumberPerPositionSample.metrics)
def test_numbers_of_positions_are_drawn_together(metric):
    y, p = np.random.default_rng(3).normal(size=(2, 60))
    sample, drawn = NumberPerPositionSample(positions(numbers(y, y + p), SIZES)), draw(len(SIZES))
    found = sample.weighted(metric, drawn)[:, 0]
    for row, value in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), np.repeat(row, SIZES))
        assert value == pytest.approx(metrics.REGRESSION[metric](y[rows], (y + p)[rows]), abs=1e-10)


def test_the_linear_c_index_spreads_as_the_index_of_the_drawn_examples():
    generator = np.random.default_rng(7)
    y, z = generator.normal(size=(2, 200))
    sample, drawn = NumberSample(numbers(y, y + z)), draw(200, 600)
    found = sample.weighted("c_index", drawn)[:, 0]
    rows = [np.repeat(np.arange(200), row) for row in drawn.counts.T.astype(int)]
    exact = [metrics.c_index(y[row], (y + z)[row]) for row in rows]
    assert np.corrcoef(found, exact)[0, 1] > 0.98
    assert found.std() == pytest.approx(np.std(exact), rel=0.05)
    assert found.mean() == pytest.approx(np.mean(exact), abs=0.002)
    assert sample.values("c_index")[0] == pytest.approx(metrics.c_index(y, y + z))


def counts(n, seed=3):
    generator = np.random.default_rng(seed)
    rates = np.exp(generator.normal(size=n))
    return generator.poisson(rates).astype(float), rates * np.exp(0.3 * generator.normal(size=n))


def expected_of(metric, y, p):
    if metric == "d2":
        return sk.d2_tweedie_score(y, p, power=1)
    if metric == "poisson_deviance":
        return sk.mean_poisson_deviance(y, p)
    return metrics.REGRESSION[metric](y, p)


@pytest.mark.parametrize("metric", [m for m in CountSample.metrics if m != "c_index"])
def test_counts(metric):
    y, p = counts(40)
    sample, drawn = CountSample(numbers(y, p)), draw(40)
    for row, found in zip(drawn.counts.T.astype(int), sample.weighted(metric, drawn), strict=True):
        rows = np.repeat(np.arange(40), row)
        assert found[0] == pytest.approx(expected_of(metric, y[rows], p[rows]), abs=1e-10)
    assert sample.values(metric)[0] == pytest.approx(expected_of(metric, y, p))


@pytest.mark.parametrize("metric", CountPerPositionSample.metrics)
def test_counts_of_positions_are_drawn_together(metric):
    y, p = counts(60)
    sample, drawn = CountPerPositionSample(positions(numbers(y, p), SIZES)), draw(len(SIZES))
    found = sample.weighted(metric, drawn)[:, 0]
    for row, value in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), np.repeat(row, SIZES))
        assert value == pytest.approx(expected_of(metric, y[rows], p[rows]), abs=1e-10)


def test_equal_counts_explain_nothing():
    y = np.full(10, 3.0)
    sample = CountSample(numbers(y, y + np.arange(10)))
    assert np.isnan(sample.values("d2")).all() and np.isnan(sample.weighted("d2", draw(10))).all()


@pytest.mark.parametrize("kind", [CountSample, NumberSample])
def test_contributions_add_up_to_the_metric(kind):
    y, p = counts(60)
    sample = kind(numbers(y, p))
    for metric, expected in (("d2", "poisson_deviance"), ("r2", "mse")):
        if metric in sample.compared:
            found = sample.contributions(metric)
            errors = {"poisson_deviance": sk.mean_poisson_deviance, "mse": sk.mean_squared_error}
            assert found.mean() == pytest.approx(-errors[expected](y, p)) and len(found) == 60
    losses = sk.mean_poisson_deviance(y, p) if kind is CountSample else sk.mean_squared_error(y, p)
    assert sample.loss == pytest.approx(losses)


def test_a_spread_that_is_right_covers_what_it_says():
    generator = np.random.default_rng(0)
    p, sd = generator.normal(size=900), np.exp(generator.normal(size=900))
    y = p + sd * generator.normal(size=900)
    sample = NumberSample(numbers(y, p).assign(prediction_sd=sd))
    assert sample.values("coverage_90")[0] == pytest.approx(0.9, abs=0.03)
    expected = -scipy.stats.norm.logpdf(y, p, sd).mean()
    assert sample.values("gaussian_nll")[0] == pytest.approx(expected)
    drawn = draw(900, 5)
    weighted = sample.weighted("gaussian_nll", drawn)[:, 0]
    rows = [np.repeat(np.arange(900), row) for row in drawn.counts.T.astype(int)]
    means = [-scipy.stats.norm.logpdf(y[r], p[r], sd[r]).mean() for r in rows]
    np.testing.assert_allclose(weighted, means)
    timid = NumberSample(numbers(y, p).assign(prediction_sd=2 * sd))
    assert timid.values("coverage_90")[0] > 0.97
    # other models of the same table say none
    assert NumberSample(numbers(y, p).assign(prediction_sd=np.nan)).metrics == NumberSample.metrics
