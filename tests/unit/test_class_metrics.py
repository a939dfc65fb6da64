"""Metrics of classes and labels against scikit-learn; resamples are tested with the samples."""

import numpy as np
import pytest
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
    found = class_metrics.average_precision(positive, score, once)[0]
    assert found == pytest.approx(sk.average_precision_score(positive, score))


def test_one_kind_has_no_area():
    for truth in (np.zeros(5, dtype=bool), np.ones(5, dtype=bool)):
        assert np.isnan(class_metrics.auroc_components(truth, np.arange(5.0))).all()
    nobody = np.zeros(5, dtype=bool)
    assert np.isnan(class_metrics.average_precision(nobody, np.arange(5.0), np.ones((5, 1)))).all()


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
