"""Draws and intervals: whole clusters, BCa limits as R has them, and what they cover."""

import numpy as np
import pandas as pd
import pytest
import r_data
import scipy.stats
from biornn import bootstrap
from biornn.samples import sample_of
from made_samples import numbers

KEY = (0, 0, "test")


def skewness(values):
    centred = values - values.mean(axis=-1, keepdims=True)
    return (centred**3).mean(axis=-1) / (centred**2).mean(axis=-1) ** 1.5


@pytest.mark.parametrize(
    ("statistic", "bca", "plain"),
    [
        # R 4.2.2, boot 1.3-28.1: set.seed(1); b <- boot(mtcars$hp, function(d, i) mean(d[i]),
        # R = 20000); boot.ci(b, type = c("bca", "perc"), L = empinf(b, type = "jack"))
        (lambda values: values.mean(axis=-1), (125.406, 173.094), (124.094, 171.406)),
        # sqrt(mean((z - mean(z))^2)), R = 100000, L less its mean
        (lambda values: values.std(axis=-1), (54.507, 90.565), (49.432, 82.739)),
    ],
)
def test_limits_are_those_of_boot(statistic, bca, plain):
    values = r_data.HP
    drawn = np.random.default_rng(0).integers(32, size=(40_000, 32))
    resampled = statistic(values[drawn])
    jackknife = np.array([statistic(np.delete(values, at)) for at in range(32)])
    found = bootstrap.accelerated(resampled, statistic(values), jackknife, 0.95)
    # two sets of resamples: some hundredths of the width is their noise
    noise = 0.02 * (bca[1] - bca[0])
    assert found == pytest.approx(bca, abs=noise)
    assert bootstrap.percentile(resampled, 0.95) == pytest.approx(plain, abs=noise)


def test_limits_are_those_of_scipy():
    values = np.random.default_rng(1).exponential(size=60)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(2)
    )
    jackknife = np.array([np.delete(values, at).mean() for at in range(60)])
    ours = bootstrap.accelerated(
        theirs.bootstrap_distribution, values.mean(), jackknife, confidence=0.95
    )
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=1e-9)


def test_groups_of_a_jackknife_accelerate_as_single_examples_do():
    values = np.random.default_rng(3).exponential(size=1000)
    out = bootstrap.left_out(1000, KEY)
    assert out.shape == (1000, 200) and (out.sum(axis=0) == 995).all()
    assert (out.sum(axis=1) == 199).all()  # each example is left out once
    of_groups = values @ out / out.sum(axis=0)
    deviations = of_groups.mean() - of_groups
    found = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    # of a mean: its skewness over 6 sqrt(n) (Efron 1987)
    assert found == pytest.approx(skewness(values) / (6 * np.sqrt(1000)), rel=0.5)
    assert bootstrap.left_out(300, KEY).shape == (300, 150)


def test_where_bca_limits_cannot_be_had_they_are_percentiles():
    values = np.random.default_rng(0).normal(size=500)
    plain = bootstrap.percentile(values, 0.95)
    jackknife = np.arange(10.0)
    assert bootstrap.accelerated(values, 9.0, jackknife, 0.95) == plain
    assert bootstrap.accelerated(values, 0.0, np.ones(10), 0.95) == plain
    broken = np.append(values, np.nan)
    limits = bootstrap.accelerated(broken, 0.0, jackknife, 0.95)
    assert limits == bootstrap.percentile(broken, 0.95)
    assert np.isnan(bootstrap.percentile(np.full(9, np.nan), 0.95)).all()


def test_a_symmetric_statistic_has_percentile_limits():
    values = np.linspace(-1, 1, 1001)
    found = bootstrap.accelerated(values, 0.0, np.array([-1.0, 0, 1]), 0.95)
    assert found == pytest.approx(bootstrap.percentile(values, 0.95), abs=1e-6)


# -- clusters --------------------------------------------------------------------------------------


def test_clusters_are_drawn_whole():
    clusters = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 6])
    counts = np.concatenate(list(bootstrap.draws(21, 500, KEY, clusters)), axis=1)
    assert counts.shape == (21, 500)
    first = np.searchsorted(clusters, np.arange(6))
    assert (counts == counts[first][clusters]).all()
    assert (counts[first].sum(axis=0) == 6).all() and len(np.unique(counts.sum(axis=0))) > 5
    plain = np.concatenate(list(bootstrap.draws(21, 500, KEY)), axis=1)
    assert (plain.sum(axis=0) == 21).all()
    out = bootstrap.left_out(21, KEY, clusters)
    assert sorted(21 - out.sum(axis=0)) == [1, 2, 3, 4, 5, 6]


def test_what_is_a_cluster():
    ids = np.array([f"e{i}" for i in range(12)])
    pairs = pd.Series(np.repeat(list("abcdef"), 2), index=ids)
    codes = bootstrap.codes_of_clusters(ids, pairs)
    assert (codes == np.repeat(np.arange(6), 2)).all()
    # the first two are strangers to the table: each is one of its own
    assert len(np.unique(bootstrap.codes_of_clusters(ids, pairs.iloc[2:]))) == 7
    assert bootstrap.codes_of_clusters(ids, None) is None
    assert bootstrap.codes_of_clusters(ids, pd.Series(ids, index=ids)) is None
    few = pd.Series(np.repeat(list("abcd"), 3), index=ids)
    assert bootstrap.codes_of_clusters(ids, few) is None


def test_copies_of_examples_tell_nothing_more():
    y, z = np.random.default_rng(0).normal(size=(2, 80))
    once = sample_of(numbers(y, y + z))
    often = sample_of(numbers(np.repeat(y, 5), np.repeat(y + z, 5)))
    often.clusters = np.repeat(np.arange(80), 5)
    for sample in (once, often):
        bootstrap.resample([sample], 2000, KEY)
    assert often.n == 400 and often.n_units == 80 and once.n_units == 80
    for metric in ("r2", "mse", "pearson", "spearman", "ccc", "c_index"):
        wide, same = (sample.resampled[metric].std() for sample in (once, often))
        assert same == pytest.approx(wide, rel=0.1), metric
    assert set(often.left_out) == {"mse"}


# -- coverage --------------------------------------------------------------------------------------


def population(task, n_units, generator, clustered):
    """Examples of known truth; in clusters of one to nine half of the variance is shared."""
    cluster = np.arange(n_units)
    if clustered:
        cluster = np.repeat(cluster, generator.integers(1, 10, size=n_units))
    n = len(cluster)
    shared, own = generator.normal(size=(n_units, 3))[cluster], generator.normal(size=(n, 3))
    a = np.sqrt(0.5) * (shared + own) if clustered else own
    base = {"model": "m", "kind": "baseline", "id": [f"e{i:06d}" for i in range(n)], "seed": 0}
    if task == "numbers":
        columns = {"target": 0.8 * a[:, 0] + 0.6 * a[:, 1], "prediction": 0.7 * a[:, 0]}
    else:
        p = 1 / (1 + np.exp(1 - 2 * a[:, 1] - 1.2 * a[:, 2]))
        positive = 0.3 * a[:, 0] + a[:, 1] > 0.5
        columns = {"target": np.where(positive, "b", "a"), "prediction.a": 1 - p, "prediction.b": p}
    sample = sample_of(pd.DataFrame(base | columns))
    sample.clusters = cluster if clustered else None
    return sample


@pytest.mark.slow
@pytest.mark.parametrize(("n", "clustered"), [(150, False), (300, False), (200, True)])
@pytest.mark.parametrize(
    ("task", "metrics"), [("numbers", ("r2",)), ("classes", ("accuracy", "auroc"))]
)
def test_a_95_percent_interval_covers_the_truth(task, metrics, n, clustered):
    truth = population(task, 60_000, np.random.default_rng(99), clustered)
    truth = {metric: truth.values(metric)[0] for metric in metrics}
    covered = dict.fromkeys(metrics, 0)
    repeats = 1000
    for repeat in range(repeats):
        sample = population(task, n, np.random.default_rng([7, repeat]), clustered)
        sample.metrics = metrics
        bootstrap.resample([sample], 1000, (repeat, 0, "test"))
        for metric in metrics:
            observed = float(sample.values(metric)[0])
            low, high = bootstrap.limits(sample, metric, observed, 0.95, KEY, 0)
            covered[metric] += low - 1e-9 <= truth[metric] <= high + 1e-9
    assert all(0.93 <= times / repeats <= 0.97 for times in covered.values()), covered
