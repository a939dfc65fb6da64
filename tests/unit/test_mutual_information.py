"""Mutual information: of whole numbers against another implementation and exact values."""

import numpy as np
import pytest
from biornn import metrics, mutual_information
from scipy import stats
from scipy.integrate import quad
from scipy.special import digamma


def bins_and_numbers(n, seed, step, n_bins=10):
    """A bin for each example, and normal numbers around `step` times it."""
    generator = np.random.default_rng(seed)
    bins = generator.integers(0, n_bins, n)
    return bins.astype(float), step * bins + generator.normal(size=n)


def exact(step, n_bins=10):
    """Entropy of the mixture less that of a normal distribution, in bits."""

    def density(x):
        return np.mean(stats.norm.pdf(x, step * np.arange(n_bins)))

    ends = (-8, step * (n_bins - 1) + 8)
    entropy = quad(lambda x: -density(x) * np.log2(density(x) + 1e-300), *ends, limit=300)[0]
    return entropy - 0.5 * np.log2(2 * np.pi * np.e)


@pytest.mark.parametrize("step", [0.0, 0.3, 1.0])
def test_whole_numbers_give_the_exact_value_and_that_of_scikit_learn(step):
    from sklearn.feature_selection import mutual_info_classif

    found, theirs = [], []
    for seed in range(12):
        bins, numbers = bins_and_numbers(1500, seed, step)
        found.append(metrics.information(bins, numbers))
        other = mutual_info_classif(
            numbers[:, None], bins, discrete_features=False, n_neighbors=5, random_state=0
        )
        theirs.append(other[0] / np.log(2))
    assert np.mean(found) == pytest.approx(exact(step), abs=0.025)
    # theirs is held above zero
    np.testing.assert_allclose(np.maximum(found, 0), theirs, atol=1e-6)


def censored(seed, n=1500):
    """A number and what is seen of it, each of which many examples share at its lower end."""
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=n)
    return np.maximum(signal, 0), np.maximum(signal + generator.normal(size=n), -1)


def test_values_that_many_share_are_counted_as_scikit_learn_counts_them():
    from sklearn.feature_selection import mutual_info_regression

    for seed in range(3):
        target, _ = censored(seed, 3000)
        numbers = target + np.random.default_rng(100 + seed).normal(size=len(target))
        other = mutual_info_regression(numbers[:, None], target, n_neighbors=5, random_state=0)
        found = metrics.information(target, numbers)
        assert found == pytest.approx(other[0] / np.log(2), abs=3e-3)


def test_neighbors_are_counted_one_by_one():
    """A margin around the radius must be narrower than the noise that breaks ties."""
    for seed in range(3):
        noise = np.random.default_rng(200 + seed).normal(scale=1e-10, size=(2, 1500))
        x, y = np.stack(censored(seed)) + noise
        from_x, from_y = (np.abs(values[:, None] - values) for values in (x, y))
        radius = np.sort(np.maximum(from_x, from_y), axis=1)[:, 5, None]
        nearer = digamma((from_x < radius).sum(1)) + digamma((from_y < radius).sum(1))
        wanted = digamma(5) + digamma(1500) - nearer
        found = mutual_information._of_continuous(x, y, 5)
        # the rounding of a difference may move a neighbor that lies on the radius
        assert found.mean() == pytest.approx(wanted.mean(), abs=2e-4)


def test_a_few_means_between_the_bins_are_no_information():
    # 1.6 % with half a bin more, by chance: they say nothing of the numbers
    found, plain = [], []
    for seed in range(12):
        bins, numbers = bins_and_numbers(1500, seed, 0.0)
        plain.append(metrics.information(bins, numbers))
        bins[np.random.default_rng(100 + seed).random(1500) < 0.016] += 0.5
        found.append(metrics.information(bins, numbers))
    assert np.mean(found) == pytest.approx(np.mean(plain), abs=0.012)
    assert np.mean(found) == pytest.approx(0, abs=0.02)


def test_whole_numbers_on_both_sides():
    # right with .7 + .3 / 4, each other answer with .3 / 4
    right, wrong = 0.7 + 0.3 / 4, 0.3 / 4
    expected = 2 + right * np.log2(right) + 3 * wrong * np.log2(wrong)
    found = []
    for seed in range(12):
        generator = np.random.default_rng(seed)
        truth = generator.integers(0, 4, 600)
        guess = np.where(generator.random(600) < 0.7, truth, generator.integers(0, 4, 600))
        found.append(metrics.information(truth.astype(float), guess.astype(float)))
    assert np.mean(found) == pytest.approx(expected, abs=0.03)


def test_without_repeated_values_it_is_the_estimator_of_kraskov():
    x, z = np.random.default_rng(4).normal(size=(2, 80))
    y = 0.6 * x + 0.8 * z
    a, b = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    for i, value in enumerate(mutual_information.pointwise(x, y, 3)):
        dx, dy = np.abs(a - a[i]), np.abs(b - b[i])
        radius = np.sort(np.maximum(dx, dy))[3]
        counts = digamma((dx < radius).sum()) + digamma((dy < radius).sum())
        assert value == pytest.approx((digamma(3) + digamma(80) - counts) / np.log(2), abs=1e-9)


def test_a_target_that_none_or_few_share():
    generator = np.random.default_rng(5)
    target = np.r_[np.repeat([0.0, 1.0], 30), 7.0, 8.0, 8.0]
    values = mutual_information.pointwise(target, generator.normal(size=63), 5)
    assert np.isfinite(values).all()
    assert values[60] == pytest.approx(np.delete(values, 60).mean())
    assert (values[61:] != values[60]).all()


def test_targets_between_the_bins_that_tell_as_much_do_not_lower_it():
    found, plain = [], []
    for seed in range(6):
        bins, numbers = bins_and_numbers(2000, seed, 3.0)
        plain.append(metrics.information(bins, numbers))
        generator = np.random.default_rng(100 + seed)
        moved = generator.random(2000) < 0.05
        bins[moved] += generator.uniform(-0.3, 0.3, moved.sum())
        found.append(metrics.information(bins, numbers))
    assert np.mean(found) == pytest.approx(np.mean(plain), abs=0.03)


@pytest.mark.parametrize("share", [0.02, 0.09])
def test_predictions_that_are_there_once_tell_nothing(share):
    found = []
    for seed in range(6):
        generator = np.random.default_rng(seed)
        bins, guess = generator.integers(0, 10, 2000), generator.integers(0, 2, 2000).astype(float)
        rare = generator.random(2000) < share
        guess[rare] = generator.random(rare.sum())
        found.append(metrics.information(bins.astype(float), guess))
    assert np.mean(found) == pytest.approx(0, abs=0.02)


def test_few_repeats_are_ties_to_be_broken():
    """A measured ratio of small counts: neither estimator finds what is not there."""
    found = []
    for seed in range(12):
        generator = np.random.default_rng(seed)
        ratio = np.log10((generator.poisson(20, 800) + 1) / (generator.poisson(30, 800) + 1))
        found.append(metrics.information(ratio, generator.normal(size=800)))
    assert 0 < np.unique(ratio, return_counts=True)[1].max() - 1
    assert np.mean(found) == pytest.approx(0, abs=0.02)
