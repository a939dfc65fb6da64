"""Intervals, pairing, correction and verdicts."""

import numpy as np
import pandas as pd
import pytest
from biornn import bootstrap, comparisons, statistics
from biornn.files import write_tsv
from biornn.samples import sample_of
from made_predictions import MODELS, ONE_FOLD, N, predictions


def scored(table, strata):
    return statistics.score(statistics.prepare(table, strata, ONE_FOLD, n_resamples=100))


@pytest.fixture(scope="module")
def table():
    return predictions(MODELS)


def test_scores_have_a_row_for_everything(table):
    strata = {"half": {f"test{i}" for i in range(N // 2)}}
    scores = scored(table, strata)
    assert list(scores.columns) == statistics.METRICS_COLUMNS
    assert len(scores) == (2 * 4 + 2 * 2) * 3 * 7  # (models x (seeds + all)) x subsets x metrics
    assert scores.set_index("subset")["n"].groupby("subset").first().to_dict() == {
        "validation": N, "test": N, "test/half": N // 2,
    }  # fmt: skip
    test = scores[scores["subset"] == "test"]
    assert ((test["ci_low"] <= test["value"] + 1e-9) | (test["metric"] == "information")).all()
    mine = scores.query("model == 'good' and subset == 'test' and metric == 'mse'")
    seeds, overall = mine[mine["seed"] != "all"], mine[mine["seed"] == "all"]
    assert overall["value"].item() == pytest.approx(seeds["value"].mean())


def test_a_result_does_not_depend_on_the_other_models(table):
    alone = statistics.score(
        statistics.prepare(table[table["model"] == "good"], {}, ONE_FOLD, n_resamples=100)
    )
    among = statistics.score(
        statistics.prepare(table.sample(frac=1, random_state=1), {}, ONE_FOLD, n_resamples=100)
    )
    among = among[among["model"] == "good"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among)


def test_strata_without_examples_are_left_out(table):
    scores = scored(table, {"none": set()})
    assert "test/none" not in set(scores["subset"])


def test_models_with_other_examples_get_draws_of_their_own(table):
    part = table[(table["model"] == "simple") & ~table["id"].isin(["test0", "validation0"])]
    both = pd.concat([table, part.assign(model="replicate", kind="ceiling")])
    scores = scored(both, {})
    assert set(scores.query("model == 'replicate'")["n"]) == {N - 1}


def test_seeds_that_predict_other_examples_are_refused(table):
    broken = table[~((table["model"] == "good") & (table["seed"] == 2) & (table["id"] == "test3"))]
    with pytest.raises(ValueError, match="good: the seeds do not predict the same examples"):
        scored(broken, {})


def test_the_place_of_a_file_says_what_it_is(tmp_path):
    table = predictions({"m": ("baseline", 1, 1)}).drop(columns=["model", "kind"])
    table = pd.concat([table, table.head(3).assign(subset="train")])
    places = ["models/lstm", "models/shuffled", "baselines/ridge", "replicate"]
    files = [tmp_path / "results/x" / place / "fold0/predictions.parquet" for place in places]
    for file in files:
        file.parent.mkdir(parents=True)
        table.to_parquet(file)
    read = statistics.read_predictions(files, ["shuffled"])
    assert read.groupby("model")["kind"].first().to_dict() == {
        "lstm": "recurrent", "shuffled": "control", "ridge": "baseline", "replicate": "ceiling",
    }  # fmt: skip
    assert set(read["subset"]) == {"validation", "test"}  # those of training are not scored


@pytest.mark.slow
def test_a_95_percent_interval_of_the_information_covers_it():
    truth = -0.5 * np.log2(1 - 0.7**2)
    covered = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        x, z = generator.normal(size=(2, 500))
        y = 0.7 * x + np.sqrt(1 - 0.7**2) * z
        table = pd.DataFrame({"model": "m", "kind": "baseline", "id": np.arange(500).astype(str),
                              "seed": 0, "target": y, "prediction": 0.7 * x})  # fmt: skip
        sample = sample_of(table)
        sample.metrics = ("information",)
        bootstrap.resample([sample], 400, (seed, 0, "test"))
        low, high = bootstrap.percentile(sample.resampled["information"][:, 0], 0.95)
        covered += low <= truth <= high
    assert 0.90 <= covered / 300 <= 0.985, covered / 300


def test_parts_are_scored_by_the_main_metrics_and_not_compared(table):
    scored = {"identity-0.9-1": {f"test{i}" for i in range(40)}}
    groups = statistics.prepare(table, {}, ONE_FOLD, scored=scored, n_resamples=100)
    scores = statistics.score(groups)
    mine = scores[scores["subset"] == "test/identity-0.9-1"]
    assert set(mine["metric"]) == {"r2", "information"} and set(mine["n"]) == {40}
    assert set(mine["fold"]) == {"0"}
    assert set(comparisons.compare(groups, n_permutations=99)["subset"]) == {"test"}


def test_clusters_widen_intervals_where_examples_are_alike(table):
    # ten copies of each example, under other names
    copies = pd.concat([table.assign(id=table["id"] + f".{i}") for i in range(10)])
    clusters = copies.drop_duplicates("id").set_index("id", drop=False)["id"].str.split(".").str[0]
    widths = []
    for known in (None, clusters):
        groups = statistics.prepare(copies, {}, ONE_FOLD, clusters=known, n_resamples=300)
        rows = statistics.score(groups).query(
            "model == 'simple' and subset == 'test' and metric == 'mse' and seed == 'all'"
        )
        widths.append((rows["ci_high"] - rows["ci_low"]).item())
        assert rows["n_drawn"].item() == (N * 10 if known is None else N)
        assert rows["n"].item() == N * 10
    assert widths[1] == pytest.approx(widths[0] * np.sqrt(10), rel=0.25)


def test_the_clusters_of_an_analysis(tmp_path):
    plain = pd.DataFrame({"id": ["1", "b"], "sequence": ["A", "C"]})
    assert statistics.read_clusters([], plain) is None
    grouped = statistics.read_clusters([], plain.assign(group=["x", "y"]))
    assert grouped.to_dict() == {"1": "x", "b": "y"}
    write_tsv(pd.DataFrame({"id": ["1", "b"], "cluster": [7, 7]}), tmp_path / "clusters.tsv")
    read = statistics.read_clusters([tmp_path / "clusters.tsv"], plain)
    assert read.to_dict() == {"1": 7, "b": 7}


# -- several folds ---------------------------------------------------------------------------------


def two_rounds():
    """Two rounds of two folds, and beside them one round of two random folds."""
    folds = pd.DataFrame(
        {"fold": range(6), "scheme": ["k_fold by homology"] * 4 + ["random"] * 2,
         "repeat": [0, 0, 1, 1, 0, 0]}
    )  # fmt: skip
    generator = np.random.default_rng(0)
    target = pd.Series(generator.normal(size=60), index=[f"ex{i}" for i in range(60)])
    rows = []
    for fold in folds.itertuples():
        ids = target.index[np.arange(60) % 2 == fold.fold % 2]
        error = 0.2 if fold.scheme == "random" else 1.0
        for model, kind, seeds in (("net", "recurrent", (1, 2)), ("mean", "baseline", (0,))):
            for seed in seeds:
                for subset in ("validation", "test"):
                    noise = generator.normal(scale=error, size=len(ids)) * (model == "net")
                    rows.append(
                        pd.DataFrame(
                            {"model": model, "kind": kind, "id": ids, "fold": fold.fold,
                             "seed": seed, "subset": subset, "target": target[ids].to_numpy(),
                             "prediction": target[ids].to_numpy() * (model == "net") + noise}
                        )
                    )  # fmt: skip
    return pd.concat(rows, ignore_index=True), folds


def test_folds_are_judged_one_by_one_and_all_together():
    table, folds = two_rounds()
    assert [tuple(name) for name in statistics.overall(folds)] == [
        ("k_fold by homology", "all"), ("random", "random")
    ]  # fmt: skip
    groups = statistics.prepare(table, {}, folds, n_resamples=100)
    scores = statistics.score(groups)
    assert set(scores["fold"]) == {"0", "1", "2", "3", "4", "5", "all", "random"}
    pooled = scores[(scores["fold"] == "all") & (scores["metric"] == "mse")]
    assert set(pooled["n"]) == {60} and set(pooled["subset"]) == {"test"}
    # two seeds in each of two rounds
    assert len(pooled[pooled["model"] == "net"]) == 5
    own = table[(table["fold"] < 4) & (table["subset"] == "test") & (table["model"] == "net")]
    mse = np.mean((own["target"] - own["prediction"]) ** 2)
    found = pooled.query("model == 'net' and seed == 'all'")["value"].item()
    assert found == pytest.approx(mse)


def test_the_memorisation_gap():
    table, folds = two_rounds()
    groups = statistics.prepare(table, {}, folds, n_resamples=200)
    gaps = statistics.memorization(groups, folds, 0.95).set_index(["model", "metric"])
    row = gaps.loc["net", "r2"]
    assert row["value_random"] > 0.9 > 0.5 > row["value"]
    assert row["ci_low"] < row["gap"] < row["ci_high"] and row["ci_low"] > 0.2
    assert row["gap"] == pytest.approx(row["value_random"] - row["value"])
    one = statistics.prepare(predictions(MODELS), {}, ONE_FOLD, n_resamples=100)
    assert statistics.memorization(one, ONE_FOLD, 0.95).empty


def test_leaving_one_out_has_metrics_only_together():
    table, _ = two_rounds()
    table = table[(table["fold"] < 2) & (table["subset"] == "test")].copy()
    table["fold"] = table["id"].str.removeprefix("ex").astype(int)
    folds = pd.DataFrame({"fold": range(60), "scheme": "leave_one_out", "repeat": 0})
    scores = statistics.score(statistics.prepare(table, {}, folds, n_resamples=100))
    assert set(scores["fold"]) == {"all"} and set(scores["n"]) == {60}
