"""The metrics of classes and labels in every resample are those of the drawn examples."""

import numpy as np
import pandas as pd
import pytest
from biornn import class_metrics, metrics
from biornn.class_samples import (
    ClassPerPositionSample,
    ClassSample,
    LabelSample,
    OrderedPerPositionSample,
    OrderedSample,
)
from biornn.paired_tests import sign_flip_p
from made_samples import SIZES, classes, draw, positions
from sklearn import metrics as sk


def exact(kind):
    """What is resampled, and not to first order only."""
    return [m for m in kind.metrics if m not in kind.unresampled | {"c_index"}]


def expected_of(metric, y, p, k):
    given = p.argmax(axis=1)
    if metric == "accuracy":
        return sk.accuracy_score(y, given)
    if metric == "balanced_accuracy":
        return sk.balanced_accuracy_score(y, given)
    if metric == "mcc":
        return sk.matthews_corrcoef(y, given)
    if metric == "rank_error":
        return np.abs(y - given).mean()
    if metric == "kappa":
        return sk.cohen_kappa_score(y, given, weights="quadratic", labels=range(k))
    if metric == "log_loss":
        return sk.log_loss(y, p, labels=range(k))
    if metric == "brier":
        return ((p - np.eye(k)[y]) ** 2).sum(axis=1).mean()
    if metric == "f1":
        labels = np.unique(np.concatenate([y, given]))
        return sk.f1_score(y, given, average="binary" if k == 2 else "macro",
                           labels=None if k == 2 else labels)  # fmt: skip
    if metric == "average_precision":
        codes = [1] if k == 2 else range(k)
        return np.mean([sk.average_precision_score(y == c, p[:, c]) for c in codes])
    if k == 2:
        return sk.roc_auc_score(y, p[:, 1])
    return np.mean([sk.roc_auc_score(y == c, p[:, c]) for c in range(k)])


@pytest.mark.parametrize(
    ("kind", "metric"),
    [(kind, metric) for kind in (ClassSample, OrderedSample) for metric in exact(kind)],
)
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_classes_are_scored_as_scikit_learn_does(kind, metric, k):
    table, codes = classes(60, k)
    sample, drawn = kind(table.sample(frac=1, random_state=1)), draw(60)
    assert sample.seeds == [1, 2]
    found = sample.weighted(metric, drawn)
    for row, values in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), row)
        for p, value in zip(sample.probabilities, values, strict=True):
            assert value == pytest.approx(expected_of(metric, codes[rows], p[rows], k), abs=1e-10)
    plain = [expected_of(metric, codes, p, k) for p in sample.probabilities]
    np.testing.assert_allclose(sample.values(metric), plain, atol=1e-10)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        (kind, metric)
        for kind in (ClassPerPositionSample, OrderedPerPositionSample)
        for metric in exact(kind)
    ],
)
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_positions_of_an_example_are_drawn_together(kind, metric):
    table, codes = classes(60, 3)
    sample, drawn = kind(positions(table, SIZES)), draw(len(SIZES))
    assert sample.n == len(SIZES)
    found = sample.weighted(metric, drawn)
    for row, values in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), np.repeat(row, SIZES))
        for p, value in zip(sample.probabilities, values, strict=True):
            assert value == pytest.approx(expected_of(metric, codes[rows], p[rows], 3), abs=1e-10)


def test_classes_that_are_not_there():
    table, _ = classes(60, 3)
    table = table[table["target"] == "c1"]
    sample = ClassSample(table)
    assert np.isnan(sample.values("auroc")).all() and (sample.values("mcc") == 0).all()
    right = sample.values("accuracy")
    np.testing.assert_allclose(sample.values("balanced_accuracy"), right)


@pytest.mark.parametrize("per_position", [False, True])
def test_contributions_add_up_to_the_metric(per_position):
    table, _ = classes(60, 3)
    for kind in (ClassSample, OrderedSample):
        sample = kind(positions(table, SIZES) if per_position else table)
        for metric in sample.compared:
            sign = 1 if metric == "accuracy" else -1
            found = sample.contributions(metric)
            assert len(found) == sample.n
            assert found.mean() == pytest.approx(sign * sample.values(metric).mean())


def labels(n, signal=1.0, seed=0, seeds=(1, 2)):
    """Predictions of three labels of which the last is rare."""
    generator = np.random.default_rng(seed)
    truth = (generator.random((n, 3)) < [0.5, 0.3, 0.15]).astype(int)
    frames = []
    for run in seeds:
        score = signal * truth + generator.normal(size=(n, 3))
        p = (1 / (1 + np.exp(-score))).round(2)  # with ties
        frames.append(
            pd.DataFrame({"model": "m", "kind": "recurrent", "id": [f"{i:04d}" for i in range(n)],
                          "seed": run}
                         | {f"target.{name}": truth[:, at] for at, name in enumerate("abc")}
                         | {f"prediction.{name}": p[:, at] for at, name in enumerate("abc")})
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True), truth


def expected_of_labels(metric, y, p):
    given = (p > 0.5).astype(int)
    if metric == "auroc_macro":
        return sk.roc_auc_score(y, p, average="macro")
    if metric == "auroc_micro":
        return sk.roc_auc_score(y, p, average="micro")
    if metric == "average_precision":
        return sk.average_precision_score(y, p, average="macro")
    if metric == "f1":
        return sk.f1_score(y, given, average="macro")
    if metric == "exact_match":
        return sk.accuracy_score(y, given)
    if metric == "hamming_loss":
        return sk.hamming_loss(y, given)
    return np.mean([sk.log_loss(y[:, at], p[:, at], labels=[0, 1]) for at in range(3)])


@pytest.mark.parametrize("metric", exact(LabelSample))
def test_labels_are_scored_as_scikit_learn_does(metric):
    table, truth = labels(60)
    sample, drawn = LabelSample(table.sample(frac=1, random_state=1)), draw(60)
    found = sample.weighted(metric, drawn)
    for row, values in zip(drawn.counts.T.astype(int), found, strict=True):
        rows = np.repeat(np.arange(60), row)
        for p, value in zip(sample.probabilities, values, strict=True):
            expected = expected_of_labels(metric, truth[rows], p[rows])
            assert value == pytest.approx(expected, abs=1e-10)
    plain = [expected_of_labels(metric, truth, p) for p in sample.probabilities]
    np.testing.assert_allclose(sample.values(metric), plain, atol=1e-10)


def test_contributions_of_labels_add_up_and_spread_as_the_metric_does():
    sample = LabelSample(labels(400)[0])
    for metric in sample.compared:
        sign = -1 if metric == "log_loss" else 1
        found = sample.contributions(metric)
        assert found.mean() == pytest.approx(sign * sample.values(metric).mean())
    drawn = sample.weighted("auroc_macro", draw(400, 2000)).mean(axis=1)
    error = sample.contributions("auroc_macro").std() / np.sqrt(400)
    assert error == pytest.approx(drawn.std(), rel=0.1)


def test_the_paired_test_of_areas_keeps_its_level_and_sees_a_difference():
    p_values = []
    for other in (1.0, 2.0):
        found = []
        for seed in range(200):
            one, two = (
                LabelSample(labels(80, signal, seed, seeds)[0])
                for signal, seeds in ((1.0, (1,)), (other, (1, 2)))
            )
            # the second seed of the same truth: an independent model
            two.probabilities = two.probabilities[1:]
            two.seeds = [2]
            difference = one.contributions("auroc_macro") - two.contributions("auroc_macro")
            found.append(sign_flip_p(difference[None], 199, np.random.default_rng(seed))[0])
        p_values.append(np.array(found))
    assert (p_values[0] <= 0.05).mean() < 0.1 and (p_values[1] <= 0.05).mean() > 0.8


def test_a_label_that_no_example_has_is_left_out_of_the_means():
    table, _ = labels(60)
    table["target.b"] = 0
    sample = LabelSample(table)
    rest = LabelSample(table.drop(columns=["target.b", "prediction.b"]))
    for metric in ("auroc_macro", "average_precision"):
        np.testing.assert_allclose(sample.values(metric), rest.values(metric))
    assert np.isfinite(sample.contributions("auroc_macro")).all()


def test_the_calibration_error_is_that_of_the_most_probable_class():
    table, codes = classes(60, 3)
    sample = ClassSample(table)
    for p, found in zip(sample.probabilities, sample.values("ece"), strict=True):
        right = p.argmax(axis=1) == codes
        assert found == class_metrics.calibration_error(p.max(axis=1), right)
    table, truth = labels(60)
    found = LabelSample(table).values("ece")[0]
    p = LabelSample(table).probabilities[0]
    assert found == class_metrics.calibration_error(p.ravel(), truth.ravel())


def test_the_order_of_classes_is_judged_by_their_mean_rank():
    table, codes = classes(60, 4)
    sample = OrderedSample(table)
    ranks = sample.probabilities @ np.arange(4)
    expected = [metrics.c_index(codes, r.round(12)) for r in ranks]
    np.testing.assert_allclose(sample.values("c_index"), expected)
    assert "c_index" not in OrderedPerPositionSample.metrics
