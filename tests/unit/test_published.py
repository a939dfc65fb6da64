"""Published models by their own predictions."""

import numpy as np
import pandas as pd
import pytest
from biornn import comparisons, published, statistics
from biornn.files import InputError
from biornn.targets import REGRESSION, Task

FOLDS = pd.DataFrame({"fold": [0], "scheme": ["random"], "repeat": [0]})
N = 120


def entry(**change):
    return {
        "name": "theirs", "source": "paper", "metric": "mse", "subset": "test", "value": None,
        "uncertainty": 0.0, "model": "net", "not_comparable": None, "note": "Known.",
        "predictions": {"column": "p", "factor": -1.0},
    } | change  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    generator = np.random.default_rng(0)
    y = generator.normal(size=N)
    table = pd.DataFrame({"id": [f"ex{i}" for i in range(N)]})
    # with the other sign, as their paper has it
    table["published.p"] = -(y + 0.5 * generator.normal(size=N))
    common = {"id": table["id"], "fold": 0, "subset": np.array(["train", "test"])[np.arange(N) % 2]}
    common |= {"target": y}
    net = [
        pd.DataFrame({"model": "net", "kind": "recurrent", "seed": seed}
                     | common | {"prediction": y + 0.1 * generator.normal(size=N)})
        for seed in (1, 2)
    ]  # fmt: skip
    predictions = pd.concat(net, ignore_index=True)
    few = {"few": set(table["id"][:40])}
    groups = statistics.prepare(predictions, few, FOLDS, task=REGRESSION, n_resamples=100)
    errors = (y + table["published.p"]) ** 2
    path = tmp_path_factory.mktemp("net") / "predictions.parquet"
    predictions.to_parquet(path)
    return path, table, groups, errors.to_numpy()


def scored(run, *entries, task=REGRESSION):
    predictions, table, groups, _ = run
    split = statistics.overall(FOLDS)[0]
    return published.with_predictions(entries, groups, split, table, predictions, task)


def test_the_published_model_is_scored_on_our_test_examples(run):
    errors, test = run[3], np.arange(N) % 2 == 1
    found, of_few, plain = scored(
        run, entry(), entry(subset="test/few"), entry(predictions=None, value=0.3, note="")
    )
    assert found["value"] == pytest.approx(errors[test].mean(), rel=1e-12)
    assert of_few["value"] == pytest.approx(errors[test & (np.arange(N) < 40)].mean(), rel=1e-12)
    assert plain == entry(predictions=None, value=0.3, note="")
    assert found["note"].startswith("Known. The paper's own predictions") and "60" in found["note"]
    scores = statistics.score(run[2])
    judged = comparisons.judge([found], scores, {})
    assert judged["verdict"].item() == "better"
    assert judged["published"].item() == found["value"]


def test_folds_are_taken_together(run):
    path, table, _, errors = run
    one = pd.read_parquet(path)
    # each half is tested by the fold that did not train on it
    other = one.assign(fold=1, subset=one["subset"].map({"train": "test", "test": "train"}))
    folds = pd.DataFrame({"fold": [0, 1], "scheme": "k_fold", "repeat": 0})
    # and each has normalised the targets in its own way
    other["target"] += 0.25
    y = one.drop_duplicates("id")["target"].to_numpy()
    of_other = (y + 0.25 + table["published.p"].to_numpy()) ** 2
    errors = np.where(np.arange(N) % 2 == 1, errors, of_other)
    both = pd.concat([one, other], ignore_index=True)
    groups = statistics.prepare(both, {}, folds, task=REGRESSION, n_resamples=100)
    split = statistics.overall(folds)[0]
    (found,) = published.with_predictions([entry()], groups, split, table, path, REGRESSION)
    assert found["value"] == pytest.approx(errors.mean(), rel=1e-12)


def test_the_number_of_the_paper_must_follow_from_the_column(run):
    whole = run[3].mean()
    found = scored(run, entry(value=round(whole, 3)))[0]
    assert found["value"] != round(whole, 3) and f"on all {N}: {whole:.4g}" in found["note"]
    for wrong in (round(whole, 3) + 0.001, round(whole, 3) - 0.001):
        with pytest.raises(InputError, match=r"column 'p' give a mse of 0\.\d+ on all 120"):
            scored(run, entry(value=wrong))
    with pytest.raises(InputError, match=r"`predictions\.factor`"):
        scored(run, entry(value=round(whole, 3), predictions={"column": "p", "factor": 1.0}))


def test_predictions_without_a_score_are_refused(run):
    path, table, groups, _ = run
    split, flat = statistics.overall(FOLDS)[0], table.assign(**{"published.p": 1.0})
    with pytest.raises(InputError, match="'p' have no pearson that is a number"):
        published.with_predictions(
            [entry(metric="pearson", value=0.63)], groups, split, flat, path, REGRESSION
        )


def test_what_differs_is_said_before_how_it_was_found(run):
    found = scored(run, entry(not_comparable="Other cells", note="Known"))[0]
    said = comparisons.judge([found], statistics.score(run[2]), {})["note"].item()
    assert said.startswith("Other cells. Known. The paper's own predictions, scored on")


@pytest.mark.parametrize(
    ("change", "task", "said"),
    [
        ({"metric": "accuracy"}, REGRESSION, "have no accuracy; there is"),
        ({"subset": "test/none"}, REGRESSION, "no subset 'test/none' among"),
        ({}, Task("classification", "sequence", ("a", "b")), "this one is classification"),
        ({}, Task("regression", "position"), "one number an example"),
    ],
)
def test_what_can_not_be_scored_is_refused(run, change, task, said):
    with pytest.raises(InputError, match=said):
        scored(run, entry(**change), task=task)
