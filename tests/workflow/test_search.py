"""A search for hyperparameters, from the analysis file to the report."""

import json

import pandas as pd
from workflow_copy import ONE_MODEL

TUNE = """\
learning_curve: [0.5, 1.0]
tune:
  rnn:
    trials: 3
    workers: 2
    pruner: none
    search: {hidden_size: [3, 5], learning_rate: {low: 1e-3, high: 1e-1, log: true}}
"""


def test_a_search_by_two_jobs_is_trained_with_and_can_be_gone_on_with(workflow):
    analysis = workflow.folder / "config/analyses/tiny.yaml"
    analysis.write_text(ONE_MODEL + TUNE)
    outcome = workflow.run()
    assert outcome.returncode == 0, outcome.stdout
    folder = workflow.results / "tuning/rnn/fold0"
    trials = pd.read_csv(folder / "trials.tsv", sep="\t")
    assert sorted(trials["worker"]) == [0, 0, 1]
    assert set(trials["state"]) == {"complete"}
    best = trials.loc[trials["value"].idxmin()]
    chosen = json.loads((folder / "chosen.json").read_text())
    assert chosen["trial"] == best["number"]
    model = json.loads((workflow.results / "models/rnn/fold0/model.json").read_text())
    assert model["tuned"] == chosen["settings"]
    assert model["training"]["learning_rate"] == chosen["settings"]["learning_rate"]
    page = (workflow.results / "report.html").read_text()
    assert 'id="tuning"' in page and "Akiba" in (workflow.results / "methods.md").read_text()

    # parts are trained with the settings that were found on the whole
    curve = pd.read_csv(workflow.results / "learning_curve.tsv", sep="\t")
    sizes = curve.groupby("share")["n_train"].first()
    assert sizes[0.5] == round(sizes[1.0] / 2) and set(curve["model"]) == {"rnn", "mean", "ridge"}
    whole = curve[(curve["share"] == 1) & (curve["metric"] == "r2")].set_index("model")["value"]
    scores = pd.read_csv(workflow.results / "metrics.tsv", sep="\t")
    scores = scores.query("subset == 'test' and seed == 'all' and metric == 'r2'")
    assert whole.to_dict() == scores.set_index("model")["value"][whole.index].to_dict()
    assert (
        'id="learning-curve"' in page and (workflow.results / "figures/learning_curve.svg").exists()
    )

    # more trials: what was tried is kept
    workflow.edit("config/analyses/tiny.yaml", "trials: 3", "trials: 4")
    outcome = workflow.run("results/tiny/tuning/rnn/fold0/chosen.json")
    assert outcome.returncode == 0, outcome.stdout
    again = pd.read_csv(folder / "trials.tsv", sep="\t")
    assert len(again) == 4
    pd.testing.assert_frame_equal(again[:3], trials)
