"""Tests of differences, against R, published examples and what they promise."""

import numpy as np
import pandas as pd
import pytest
import r_data
from biornn import comparisons, paired_tests, statistics
from biornn.targets import Task
from made_predictions import MODELS, ONE_FOLD, predictions


def test_delong_is_that_of_pROC():
    # R 4.2.2, pROC 1.18.0: roc.test(aSAH$outcome, aSAH$wfns, aSAH$s100b)
    found = paired_tests.delong(r_data.POOR, r_data.WFNS[None], r_data.S100B[None])
    assert found == pytest.approx((0.823678861789 - 0.731368563686, 2.20898359144, 0.0271757822292))
    # seeds that agree are one
    twice = paired_tests.delong(r_data.POOR, np.stack([r_data.WFNS] * 2), r_data.S100B[None])
    assert twice == pytest.approx(found)
    same = paired_tests.delong(r_data.POOR, r_data.WFNS[None], r_data.WFNS[None])
    assert same[0] == 0 and np.isnan(same[2])


def test_delong_of_clusters():
    alone = np.arange(113)
    found = paired_tests.delong(r_data.POOR, r_data.WFNS[None], r_data.S100B[None])
    ones = paired_tests.delong(r_data.POOR, r_data.WFNS[None], r_data.S100B[None], alone)
    assert ones[:2] == pytest.approx(found[:2], rel=0.01)
    # copies in clusters tell nothing more, copies as examples of their own do
    copies = [np.repeat(values, 4) for values in (r_data.POOR, r_data.WFNS, r_data.S100B, alone)]
    z = paired_tests.delong(copies[0], copies[1][None], copies[2][None], copies[3])[1]
    assert z == pytest.approx(ones[1])
    assert paired_tests.delong(copies[0], copies[1][None], copies[2][None])[1] > 1.9 * z


def test_mcnemar_of_a_published_example():
    # Fagerland, Lydersen & Laake 2013, airway hyper-responsiveness before and after a transplant:
    # discordant pairs 1 and 7, exact p 0.070, mid-p 0.039
    a = np.r_[np.ones(13, bool), True, np.zeros(7, bool)]
    b = np.r_[np.ones(13, bool), False, np.ones(7, bool)]
    assert paired_tests.mcnemar_mid_p(a, b) == (1, 7, pytest.approx(0.0390625))
    # R 4.2.2: binom.test(12, 40)$p.value - dbinom(12, 40, 0.5)
    a, b = np.arange(60) < 12, (np.arange(60) >= 12) & (np.arange(60) < 40)
    assert paired_tests.mcnemar_mid_p(a, b)[2] == pytest.approx(0.0115077897353)
    assert paired_tests.mcnemar_mid_p(a, a) == (0, 0, 1.0)
    # as many on both sides: nothing could be less extreme
    a, b = np.array([True, True, False, False]), np.array([False, False, True, True])
    assert paired_tests.mcnemar_mid_p(a, b) == (2, 2, pytest.approx(1.0))


def test_the_corrected_t_test():
    # R 4.2.2: d <- c(.02, .05, -.01, .03, .04); t <- mean(d) / sqrt((1/5 + .25) * var(d));
    # 2 * pt(-abs(t), 4), the formula of Nadeau & Bengio 2003
    differences = np.array([0.02, 0.05, -0.01, 0.03, 0.04])
    found = paired_tests.corrected_resampled_t(differences, 0.25)
    assert found == pytest.approx((0.026, 1.68356216142, 0.167553221479))
    assert np.isnan(paired_tests.corrected_resampled_t(np.ones(3), 0.25)[2])


def test_adjusted_p_values():
    # R 4.2.2: p.adjust(c(.01, .02, .03, .04, .5), "holm") and "BH"
    p = np.array([0.01, 0.02, 0.03, 0.04, 0.5])
    holm, by_share = [0.05, 0.08, 0.09, 0.09, 0.5], [0.05, 0.05, 0.05, 0.05, 0.5]
    assert paired_tests.adjusted(p, "holm") == pytest.approx(holm)
    assert paired_tests.adjusted(p, "benjamini_hochberg") == pytest.approx(by_share)
    some = paired_tests.adjusted(np.r_[p, np.nan], "holm")
    assert some[:5] == pytest.approx(holm) and np.isnan(some[5])
    assert np.isnan(paired_tests.adjusted(np.full(2, np.nan), "holm")).all()


def test_sign_flips_are_uniform_without_a_difference():
    generator = np.random.default_rng(0)
    p = paired_tests.sign_flip_p(generator.normal(size=(300, 40)), 199, generator)
    assert abs(np.mean(p < 0.1) - 0.1) < 0.05 and abs(np.mean(p) - 0.5) < 0.06


def test_sign_flips_equal_the_exact_test():
    differences = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    # only the two sign vectors that are all equal are as far from zero: 2 of 64
    p = paired_tests.sign_flip_p(differences, 20_000, np.random.default_rng(0))
    assert p[0] == pytest.approx(2 / 64, abs=0.004)


def classified(n=120, k=2):
    """Two networks and a baseline of known quality on two classes."""
    generator = np.random.default_rng(0)
    truth = generator.integers(k, size=n)
    names = [f"c{code}" for code in range(k)]
    frames = []
    for model, kind, signal, seeds in (
        ("good", "recurrent", 3.0, (1, 2)), ("fair", "recurrent", 1.0, (1, 2)),
        ("simple", "baseline", 0.5, (0,)),
    ):  # fmt: skip
        for seed in seeds:
            scores = signal * np.eye(k)[truth] + generator.normal(size=(n, k))
            p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            for subset in ("validation", "test"):
                frames.append(
                    pd.DataFrame({"model": model, "kind": kind, "fold": 0, "seed": seed,
                                  "id": [f"e{i:03d}" for i in range(n)], "subset": subset,
                                  "target": np.array(names)[truth],
                                  **{f"prediction.{c}": p[:, i] for i, c in enumerate(names)}})
                )  # fmt: skip
    return pd.concat(frames, ignore_index=True), Task("classification", "sequence", tuple(names))


def table_of(table, folds, **options):
    groups = statistics.prepare(table, {}, folds, n_resamples=100, **options)
    return paired_tests.table_of(comparisons.pairs_of(groups), groups, folds, "holm"), groups


@pytest.mark.parametrize(("k", "tests"), [(2, {"delong", "mcnemar"}), (3, {"mcnemar"})])
def test_the_tests_of_classes(k, tests):
    table, task = classified(k=k)
    found, groups = table_of(table, ONE_FOLD, task=task)
    assert list(found.columns) == paired_tests.TEST_COLUMNS and set(found["test"]) == tests
    metric = "auroc" if k == 2 else "accuracy"
    row = found[found["metric"] == metric].set_index(["model_a", "model_b"]).loc["good", "simple"]
    assert row["difference"] > 0 and row["p_value"] <= row["p_adjusted"] < 0.01
    assert len(found) == 3 * len(tests)
    if k == 2:
        scores = statistics.score(groups).query("subset == 'test' and seed == 'all'")
        area = scores[scores["metric"] == "auroc"].set_index("model")["value"]
        assert row["difference"] == pytest.approx(area["good"] - area["simple"])


def test_cases_of_one_cluster_are_no_independent_cases():
    table, task = classified()
    ids = table["id"].unique()
    clusters = pd.Series(np.arange(len(ids)) // 4, index=ids)
    found, _ = table_of(table, ONE_FOLD, task=task, clusters=clusters)
    assert set(found["test"]) == {"delong"}


def test_folds_are_compared_together():
    table = predictions(MODELS)
    parts = [table.assign(fold=fold, id=table["id"] + str(fold)) for fold in range(3)]
    noise = np.random.default_rng(0)
    parts = [p.assign(prediction=p["prediction"] + noise.normal(scale=0.1, size=len(p)))
             for p in parts]  # fmt: skip
    folds = pd.DataFrame({"fold": range(3), "scheme": "k_fold", "repeat": 0, "train": 300,
                          "validation": 150, "test": 150})  # fmt: skip
    found, groups = table_of(pd.concat(parts), folds)
    assert set(found["test"]) == {"corrected_t"} and set(found["fold"]) == {"all"}
    assert set(found["metric"]) == {"r2", "information"} and set(found["n"]) == {3}
    scores = statistics.score(groups).query(
        "subset == 'test' and seed == 'all' and metric == 'r2' and fold != 'all'"
    )
    wide = scores.pivot(index="fold", columns="model", values="value")
    expected = paired_tests.corrected_resampled_t((wide["fair"] - wide["good"]).to_numpy(), 0.5)
    row = found.query("model_a == 'fair' and model_b == 'good' and metric == 'r2'")
    row = row[["difference", "statistic", "p_value"]].iloc[0]
    assert tuple(row) == pytest.approx(expected)


def test_numbers_of_one_fold_have_no_other_tests():
    found, _ = table_of(predictions(MODELS), ONE_FOLD)
    assert found.empty and list(found.columns) == paired_tests.TEST_COLUMNS
