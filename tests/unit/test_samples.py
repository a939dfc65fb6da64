"""The metrics of a sample in every resample are those of the drawn examples."""

import numpy as np
import pandas as pd
import pytest
from biornn import metrics
from biornn.samples import (
    ClassPerPositionSample,
    ClassSample,
    Draw,
    NumberPerPositionSample,
    NumberSample,
    sample_of,
)
from sklearn import metrics as sk


def numbers(y, p):
    ids = [f"{i:03d}" for i in range(len(y))]
    return pd.DataFrame({"model": "m", "kind": "baseline", "id": ids, "seed": 0, "target": y,
                         "prediction": p})  # fmt: skip


def draw(n, resamples=25):
    drawn = np.random.default_rng(9).integers(n, size=(resamples, n))
    return Draw(np.array([np.bincount(row, minlength=n) for row in drawn], dtype=float).T)


@pytest.mark.parametrize("metric", metrics.REGRESSION)
@pytest.mark.parametrize("ties", [False, True])
def test_numbers(metric, ties):
    generator = np.random.default_rng(3)
    y, p = generator.normal(size=(2, 40))
    if ties:
        y, p = np.round(y), np.round(y + p)
    sample, drawn = sample_of(numbers(y, p)), draw(40)
    assert type(sample) is NumberSample
    for row, found in zip(drawn.counts.T.astype(int), sample.weighted(metric, drawn), strict=True):
        rows = np.repeat(np.arange(40), row)
        if metric == "information":
            expected = sample.information_influence[0][rows].mean()
        else:
            expected = metrics.REGRESSION[metric](y[rows], p[rows])
        assert found[0] == pytest.approx(expected, abs=1e-10)


def test_the_spread_of_the_information_is_that_of_its_standard_error():
    generator = np.random.default_rng(5)
    y, z = generator.normal(size=(2, 800))
    table = pd.DataFrame({"model": "m", "kind": "baseline", "id": np.arange(800).astype(str),
                          "seed": 0, "target": y, "prediction": y + z})  # fmt: skip
    sample = sample_of(table)
    influence = sample.information_influence[0]
    assert influence.mean() == pytest.approx(sample.information.mean())
    error = metrics.information_error(sample.target, sample.predictions[0], repeats=12)
    assert influence.std() / np.sqrt(800) == pytest.approx(error)
    assert error > 1.05 * sample.information.std() / np.sqrt(800)


def classes(n, k, seed=0):
    generator = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(k)]
    codes = generator.integers(k, size=n)
    frames = []
    for run in (1, 2):
        table = generator.dirichlet(np.ones(k), size=n).round(2)
        table[np.arange(n), codes] += 0.3
        table /= table.sum(axis=1, keepdims=True)
        columns = {f"prediction.{name}": table[:, at] for at, name in enumerate(names)}
        frames.append(
            pd.DataFrame({"model": "m", "kind": "recurrent", "id": [f"{i:03d}" for i in range(n)],
                          "seed": run, "target": np.array(names)[codes], **columns})
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True), codes


def expected_of(metric, y, p, k):
    given = p.argmax(axis=1)
    if metric == "accuracy":
        return sk.accuracy_score(y, given)
    if metric == "balanced_accuracy":
        return sk.balanced_accuracy_score(y, given)
    if metric == "mcc":
        return sk.matthews_corrcoef(y, given)
    if metric == "log_loss":
        return sk.log_loss(y, p, labels=range(k))
    if metric == "brier":
        return ((p - np.eye(k)[y]) ** 2).sum(axis=1).mean()
    if k == 2:
        return sk.roc_auc_score(y, p[:, 1])
    return np.mean([sk.roc_auc_score(y == c, p[:, c]) for c in range(k)])


@pytest.mark.parametrize("metric", ClassSample.metrics)
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_classes_are_scored_as_scikit_learn_does(metric, k):
    table, codes = classes(60, k)
    sample, drawn = sample_of(table.sample(frac=1, random_state=1)), draw(60)
    assert type(sample) is ClassSample and sample.seeds == [1, 2]
    found = sample.weighted(metric, drawn)
    for row, values in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), row)
        for p, value in zip(sample.probabilities, values, strict=True):
            assert value == pytest.approx(expected_of(metric, codes[rows], p[rows], k), abs=1e-10)
    plain = [expected_of(metric, codes, p, k) for p in sample.probabilities]
    np.testing.assert_allclose(sample.values(metric), plain, atol=1e-10)


def positions(table, sizes):
    """The rows of each seed as positions of fewer examples."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    place = np.concatenate([np.arange(1, size + 1) for size in sizes])
    n_seeds = table["seed"].nunique()
    names = np.char.add("p", np.char.zfill(owner.astype(str), 3))
    return table.assign(id=np.tile(names, n_seeds), position=np.tile(place, n_seeds))


SIZES = np.array([1, 9, 4, 16, 2, 8, 20])


@pytest.mark.parametrize("metric", ClassPerPositionSample.metrics)
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_positions_of_an_example_are_drawn_together(metric):
    table, codes = classes(60, 3)
    sample, drawn = sample_of(positions(table, SIZES)), draw(len(SIZES))
    assert type(sample) is ClassPerPositionSample and sample.n == len(SIZES)
    found = sample.weighted(metric, drawn)
    for row, values in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), np.repeat(row, SIZES))
        for p, value in zip(sample.probabilities, values, strict=True):
            assert value == pytest.approx(expected_of(metric, codes[rows], p[rows], 3), abs=1e-10)


@pytest.mark.parametrize("metric", NumberPerPositionSample.metrics)
def test_numbers_of_positions_are_drawn_together(metric):
    y, p = np.random.default_rng(3).normal(size=(2, 60))
    sample, drawn = sample_of(positions(numbers(y, y + p), SIZES)), draw(len(SIZES))
    assert type(sample) is NumberPerPositionSample
    found = sample.weighted(metric, drawn)[:, 0]
    for row, value in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), np.repeat(row, SIZES))
        assert value == pytest.approx(metrics.REGRESSION[metric](y[rows], (y + p)[rows]), abs=1e-10)


@pytest.mark.parametrize("per_position", [False, True])
def test_contributions_add_up_to_the_metric(per_position):
    table, _ = classes(60, 3)
    y, p = np.random.default_rng(3).normal(size=(2, 60))
    tables = {"accuracy": table, "log_loss": table, "r2": numbers(y, p)}
    for metric, each in tables.items():
        sample = sample_of(positions(each, SIZES) if per_position else each)
        expected = {"accuracy": "accuracy", "log_loss": "log_loss", "r2": "mse"}[metric]
        sign = 1 if metric == "accuracy" else -1
        assert len(sample.contributions(metric)) == sample.n
        assert sample.contributions(metric).mean() == pytest.approx(
            sign * sample.values(expected).mean()
        )


def test_classes_that_are_not_there():
    table, _ = classes(60, 3)
    table = table[table["target"] == "c1"]
    sample = sample_of(table)
    assert np.isnan(sample.values("auroc")).all() and (sample.values("mcc") == 0).all()
    right = sample.values("accuracy")
    np.testing.assert_allclose(sample.values("balanced_accuracy"), right)


def test_seeds_with_other_examples_are_refused():
    table, _ = classes(10, 2)
    with pytest.raises(ValueError, match="m: the seeds do not predict the same examples"):
        sample_of(table.iloc[:-1])
    with pytest.raises(ValueError, match="m: the seeds do not predict the same examples"):
        sample_of(pd.concat([table.iloc[:-1], table.iloc[[0]].assign(seed=2)]))
