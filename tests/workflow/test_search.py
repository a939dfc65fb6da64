"""A search for hyperparameters, from the analysis file to the report."""

import json

import pandas as pd
from workflow_copy import ONE_MODEL

TUNE = """\
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

    # more trials: what was tried is kept
    workflow.edit("config/analyses/tiny.yaml", "trials: 3", "trials: 4")
    outcome = workflow.run("results/tiny/tuning/rnn/fold0/chosen.json")
    assert outcome.returncode == 0, outcome.stdout
    again = pd.read_csv(folder / "trials.tsv", sep="\t")
    assert len(again) == 4
    pd.testing.assert_frame_equal(again[:3], trials)
