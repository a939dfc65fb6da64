"""Metrics of classes and labels against scikit-learn; resamples are tested with the samples."""

import numpy as np
import pytest
import r_data
from biornn import class_metrics
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk


def scores(n=200, decimals=9, seed=0):
    generator = np.random.default_rng(seed)
    positive = generator.random(n) < 0.3
    return positive, (positive + generator.normal(size=n)).round(decimals)


@pytest.mark.parametrize("decimals", [9, 0])
def test_areas(decimals):
    positive, score = scores(decimals=decimals)
    once = np.ones((200, 1))
    area = sk.roc_auc_score(positive, score)
    assert class_metrics.auroc(positive, score, once)[0] == pytest.approx(area)
    assert class_metrics.auroc_components(positive, score).mean() == pytest.approx(area)
    found = class_metrics.areas(positive, score, once)[1][0]
    assert found == pytest.approx(sk.average_precision_score(positive, score))


def test_one_kind_has_no_area():
    for truth in (np.zeros(5, dtype=bool), np.ones(5, dtype=bool)):
        assert np.isnan(class_metrics.auroc_components(truth, np.arange(5.0))).all()
    nobody = np.zeros(5, dtype=bool)
    assert np.isnan(class_metrics.areas(nobody, np.arange(5.0), np.ones((5, 1)))).all()


def test_areas_of_pROC():
    # R 4.2.2, pROC 1.18.0: auc(aSAH$outcome, aSAH$wfns), auc(aSAH$outcome, aSAH$s100b)
    once = np.ones((len(r_data.POOR), 1))
    for score, area in ((r_data.WFNS, 0.823678861789), (r_data.S100B, 0.731368563686)):
        assert class_metrics.auroc(r_data.POOR, score, once)[0] == pytest.approx(area, abs=1e-11)


@pytest.mark.parametrize("k", [2, 3])
def test_f1_is_that_of_scikit_learn(k):
    y, p = np.random.default_rng(k).integers(k, size=(2, 60))
    found = class_metrics.f1(class_metrics.confusion(y, p, k))
    assert found == pytest.approx(sk.f1_score(y, p, average="binary" if k == 2 else "macro"))
    # a third class that nobody has or was given changes nothing
    wider = class_metrics.f1_of_classes(class_metrics.confusion(y, p, k + 1))
    assert np.isnan(wider[k]) and wider[:k] == pytest.approx(sk.f1_score(y, p, average=None))


def test_the_calibration_error_of_equal_bins():
    # R 4.2.2: sum over the bins rep(1:4, each = 3) of 3/12 * abs(mean(right) - mean(confidence))
    confidence = np.array([0.55, 0.6, 0.62, 0.7, 0.71, 0.8, 0.82, 0.9, 0.91, 0.95, 0.97, 0.99])
    right = np.array([1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1])
    order = np.random.default_rng(0).permutation(12)
    found = class_metrics.calibration_error(confidence[order], right[order], 4)
    assert found == pytest.approx(0.0966666666667)
    # equal confidences are one bin, whatever their order
    assert class_metrics.calibration_error(np.full(12, 0.5), right, 4) == pytest.approx(
        9 / 12 - 0.5
    )


def test_what_says_its_own_chances_is_calibrated():
    generator = np.random.default_rng(0)
    p = generator.random(200_000)
    right = generator.random(200_000) < p
    assert class_metrics.calibration_error(p, right) < 0.01
    assert class_metrics.calibration_error(np.sqrt(p), right) > 0.1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_kappa_and_ranks(pairs):
    y, p = np.array(pairs).T
    table = class_metrics.confusion(y, p, 4)
    np.testing.assert_array_equal(table, sk.confusion_matrix(y, p, labels=range(4)))
    assert class_metrics.rank_errors(y, p).mean() == np.abs(y - p).mean()
    found = class_metrics.quadratic_kappa(table)
    if len(set(y) | set(p)) == 1:
        assert np.isnan(found)
    else:
        expected = sk.cohen_kappa_score(y, p, weights="quadratic", labels=range(4))
        assert found == pytest.approx(expected, abs=1e-12)


def test_log_losses_of_labels():
    y, p = np.random.default_rng(0).random((2, 50, 3))
    y = y < 0.4
    expected = [sk.log_loss(y[:, at], p[:, at]) for at in range(3)]
    assert class_metrics.label_log_losses(y, p).mean() == pytest.approx(np.mean(expected))
    assert np.isfinite(class_metrics.label_log_losses(np.array([[True]]), np.array([[0.0]]))).all()
