"""Intervals, pairing, correction and verdicts."""

import numpy as np
import pandas as pd
import pytest
from biornn import metrics, statistics

N = 150


def predictions(models, n=N, seed=0):
    """Predictions with given errors: models maps a name to (kind, error on validation, on test)."""
    generator = np.random.default_rng(seed)
    tables = []
    target = {subset: generator.normal(size=n) for subset in ("validation", "test")}
    for model, (kind, *errors) in models.items():
        for run in (1, 2, 3) if kind in ("recurrent", "control") else (0,):
            for (subset, y), error in zip(target.items(), errors, strict=True):
                noise = generator.normal(scale=error, size=n) if error else np.zeros(n)
                tables.append(
                    pd.DataFrame(
                        {"model": model, "kind": kind, "id": [f"{subset}{i}" for i in range(n)],
                         "fold": 0, "seed": run, "subset": subset, "target": y,
                         "prediction": y + noise}
                    )
                )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


MODELS = {
    "good": ("recurrent", 0.3, 0.3),
    "fair": ("recurrent", 0.6, 0.6),
    "simple": ("baseline", 0.8, 0.9),
    "lucky": ("baseline", 1.5, 0.5),
}


@pytest.fixture(scope="module")
def table():
    return predictions(MODELS)


@pytest.mark.parametrize("metric", metrics.REGRESSION)
@pytest.mark.parametrize("ties", [False, True])
def test_the_vectorised_bootstrap_equals_the_plain_one(metric, ties):
    generator = np.random.default_rng(3)
    y, p = generator.normal(size=(2, 40))
    if ties:
        y, p = np.round(y), np.round(y + p)
    table = pd.DataFrame({"model": "m", "kind": "baseline", "id": [f"{i:02d}" for i in range(40)],
                          "seed": 0, "target": y, "prediction": p})  # fmt: skip
    sample, key = statistics._Sample(table), (0, 0, "test")
    statistics._resample([sample], [metric], 25, key)
    (counts,) = statistics._draw(40, 25, key)
    assert (counts.sum(axis=0) == 40).all()
    for row, found in zip(counts.T.astype(int), sample.resampled[metric][:, 0], strict=True):
        drawn = np.repeat(np.arange(40), row)
        if metric == "information":
            expected = sample.information_influence[0][drawn].mean()
        else:
            expected = metrics.REGRESSION[metric](y[drawn], p[drawn])
        assert found == pytest.approx(expected, abs=1e-10)


def test_scores_have_a_row_for_everything(table):
    strata = {"half": {f"test{i}" for i in range(N // 2)}}
    scores = statistics.score(table, strata, n_resamples=100)
    assert list(scores.columns) == statistics.METRICS_COLUMNS
    assert len(scores) == (2 * 4 + 2 * 2) * 3 * 5  # (models x (seeds + all)) x subsets x metrics
    assert scores.set_index("subset")["n"].groupby("subset").first().to_dict() == {
        "validation": N, "test": N, "test/half": N // 2,
    }  # fmt: skip
    test = scores[scores["subset"] == "test"]
    assert ((test["ci_low"] <= test["value"] + 1e-9) | (test["metric"] == "information")).all()
    mine = scores.query("model == 'good' and subset == 'test' and metric == 'mse'")
    seeds, overall = mine[mine["seed"] != "all"], mine[mine["seed"] == "all"]
    assert overall["value"].item() == pytest.approx(seeds["value"].mean())


def test_a_result_does_not_depend_on_the_other_models(table):
    alone = statistics.score(table[table["model"] == "good"], {}, n_resamples=100)
    among = statistics.score(table.sample(frac=1, random_state=1), {}, n_resamples=100)
    among = among[among["model"] == "good"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among)


def test_strata_without_examples_are_left_out(table):
    scores = statistics.score(table, {"none": set()}, n_resamples=100)
    assert "test/none" not in set(scores["subset"])


def test_the_best_is_chosen_on_validation_and_not_on_test(table):
    assert statistics.best_on_validation(table, "baseline") == "simple"
    comparisons = statistics.compare(table, {}, n_resamples=100, n_permutations=199)
    against = comparisons[comparisons["model_b"].isin(["simple", "lucky"])]["model_b"]
    assert set(against) == {"simple"}
    with pytest.raises(ValueError, match="no ceiling model"):
        statistics.best_on_validation(table, "ceiling")


def test_clear_differences_are_named_and_equal_models_are_not():
    twin = predictions({"a": ("recurrent", 0.5, 0.5), "base": ("baseline", 0.5, 0.5)})
    copy = twin[twin["model"] == "a"].assign(model="b")
    both = pd.concat([twin, copy])
    rows = statistics.compare(both, {}, n_resamples=200, n_permutations=999)
    same = rows[(rows["model_a"] == "a") & (rows["model_b"] == "b")]
    assert (same["difference"] == 0).all() and (same["p_value"] == 1).all()
    assert (same["better"] == "").all()
    clear = statistics.compare(predictions(MODELS), {}, n_resamples=200, n_permutations=999)
    row = clear[(clear["model_a"] == "good") & (clear["model_b"] == "simple")].iloc[0]
    assert row["better"] == "good" and row["difference"] > 0 and row["ci_low"] > 0
    assert row["p_value"] == pytest.approx(0.001) and row["n"] == N


def test_holm_by_hand(table):
    rows = statistics.compare(table, {}, n_resamples=100, n_permutations=999)
    for _, family in rows.groupby(["fold", "subset", "metric"]):
        p = np.sort(family["p_value"])
        expected = np.minimum(np.maximum.accumulate(p * np.arange(len(p), 0, -1)), 1)
        assert np.sort(family["p_adjusted"]) == pytest.approx(expected)


def test_sign_flips_are_uniform_without_a_difference():
    generator = np.random.default_rng(0)
    p = statistics.sign_flip_p(generator.normal(size=(300, 40)), 199, generator)
    assert abs(np.mean(p < 0.1) - 0.1) < 0.05 and abs(np.mean(p) - 0.5) < 0.06


def test_sign_flips_equal_the_exact_test():
    differences = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    # only the two sign vectors that are all equal are as far from zero: 2 of 64
    p = statistics.sign_flip_p(differences, 20_000, np.random.default_rng(0))
    assert p[0] == pytest.approx(2 / 64, abs=0.004)


def test_models_with_other_examples_get_draws_of_their_own(table):
    part = table[(table["model"] == "simple") & ~table["id"].isin(["test0", "validation0"])]
    both = pd.concat([table, part.assign(model="replicate", kind="ceiling")])
    scores = statistics.score(both, {}, n_resamples=100)
    assert set(scores.query("model == 'replicate'")["n"]) == {N - 1}


def test_seeds_that_predict_other_examples_are_refused(table):
    broken = table[~((table["model"] == "good") & (table["seed"] == 2) & (table["id"] == "test3"))]
    with pytest.raises(ValueError, match="good: the seeds do not predict the same examples"):
        statistics.score(broken, {}, n_resamples=100)


def test_the_place_of_a_file_says_what_it_is(tmp_path):
    table = predictions({"m": ("baseline", 1, 1)}).drop(columns=["model", "kind"])
    places = ["models/lstm", "models/shuffled", "baselines/ridge", "replicate"]
    files = [tmp_path / "results/x" / place / "fold0/predictions.parquet" for place in places]
    for file in files:
        file.parent.mkdir(parents=True)
        table.to_parquet(file)
    read = statistics.read_predictions(files, ["shuffled"])
    assert read.groupby("model")["kind"].first().to_dict() == {
        "lstm": "recurrent", "shuffled": "control", "ridge": "baseline", "replicate": "ceiling",
    }  # fmt: skip


ENTRY = {
    "name": "p", "source": "s", "metric": "r2", "subset": "test", "value": 0.5,
         "uncertainty": 0.0, "model": "best_recurrent", "not_comparable": None, "note": "n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "change", "expected"),
    [
        ((0.5, 0.4, 0.6), {}, "reproduced"),
        ((0.7, 0.6, 0.8), {}, "better"),
        ((0.3, 0.2, 0.4), {}, "worse"),
        ((0.7, 0.6, 0.8), {"uncertainty": 0.1}, "reproduced"),
        ((0.7, 0.61, 0.8), {"uncertainty": 0.1}, "better"),
        ((0.7, 0.6, 0.8), {"metric": "mse"}, "worse"),
        ((0.3, 0.2, 0.4), {"metric": "mse"}, "better"),
        ((0.5, 0.4, 0.6), {"not_comparable": "other split"}, "not comparable"),
    ],
)
def test_verdicts(ours, change, expected):
    entry = ENTRY | change
    row = ("m", "recurrent", 0, "all", "test", entry["metric"], *ours, 9)
    scores = pd.DataFrame([row], columns=statistics.METRICS_COLUMNS)
    (found,) = statistics.judge([entry], scores, {"best_recurrent": "m"}).to_dict("records")
    assert (found["verdict"], found["model"], found["ours"]) == (expected, "m", ours[0])
    assert found["note"] == (entry["not_comparable"] or "n")


def test_the_spread_of_the_information_is_that_of_its_standard_error():
    generator = np.random.default_rng(5)
    y, z = generator.normal(size=(2, 800))
    table = pd.DataFrame({"model": "m", "kind": "baseline", "id": np.arange(800).astype(str),
                          "seed": 0, "target": y, "prediction": y + z})  # fmt: skip
    sample = statistics._Sample(table)
    influence = sample.information_influence[0]
    assert influence.mean() == pytest.approx(sample.information.mean())
    error = metrics.information_error(sample.target, sample.predictions[0], repeats=12)
    assert influence.std() / np.sqrt(800) == pytest.approx(error)
    assert error > 1.05 * sample.information.std() / np.sqrt(800)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["r2", "information"])
def test_a_95_percent_interval_covers_the_truth(metric):
    correlation = 0.7
    truth = {"r2": correlation**2, "information": -0.5 * np.log2(1 - correlation**2)}[metric]
    covered = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        x, z = generator.normal(size=(2, 500))
        y = correlation * x + np.sqrt(1 - correlation**2) * z
        table = pd.DataFrame({"model": "m", "kind": "baseline", "id": np.arange(500).astype(str),
                              "seed": 0, "target": y, "prediction": correlation * x})  # fmt: skip
        sample = statistics._Sample(table)
        statistics._resample([sample], [metric], 400, (seed, 0, "test"))
        low, high = statistics._interval(sample.resampled[metric][:, 0], 0.95)
        covered += low <= truth <= high
    assert 0.90 <= covered / 300 <= 0.985, covered / 300
