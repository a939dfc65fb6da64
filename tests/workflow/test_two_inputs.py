"""Two inputs and weights: from columns of the table to models, predictions and words."""

import json

import numpy as np
import pandas as pd
import pytest
from biornn.prediction import predict

TWO_INPUTS = """\
sources:
  table: {type: path, path: data/table.csv}
  again: {type: path, path: data/again.csv}
examples:
  source: table
  id: name
  sequence: {column: x, alphabet: dna}
  covariates: [warm..salt]
  weight: reads
  incomplete: drop
target: {column: rate}
replicate: {source: again}
split: {method: random, validation: 0.2, test: 0.3}
models: {gru: {cell: gru, hidden_size: 8, beside_size: 8}}
training: {seeds: [1], epochs: 15, batch_size: 16, learning_rate: 2e-2, device: cpu}
baselines: {linear: {kind: linear}}
evaluation: {resamples: 100, permutations: 199}
"""


def test_covariates_and_weights_reach_models_and_report(workflow):
    generator = np.random.default_rng(0)
    n = 160
    table = pd.DataFrame(
        {
            "name": [f"e{row}" for row in range(n)],
            "x": ["".join(generator.choice(list("ACGT"), size=6)) for _ in range(n)],
            "warm": generator.normal(37, 6, size=n).round(2),
            "salt": generator.normal(1e4, 100, size=n).round(1),
            "reads": generator.integers(1, 50, size=n),
        }
    )
    table["rate"] = table["x"].str.count("G") + (table["warm"] - 37) / 3
    # what these say is wrong, and weighs nothing
    wrong = table.index < 30
    table.loc[wrong, ["reads", "rate"]] = 0, -40
    text = table.astype(str)
    text.loc[159, "salt"] = "NA"
    text.to_csv(workflow.folder / "data/table.csv", index=False)
    again = table.assign(rate=table["rate"] + generator.normal(scale=0.1, size=n))[40:]
    other_place = again.assign(warm=again["warm"] + 20, rate=99, name="x" + again["name"])
    pd.concat([again, other_place]).to_csv(workflow.folder / "data/again.csv", index=False)
    file = workflow.folder / "config/analyses/tiny.yaml"
    file.write_text(TWO_INPUTS, encoding="utf-8")
    outcome = workflow.run("results/tiny/report.html")
    assert outcome.returncode == 0, outcome.stdout

    results = workflow.results
    examples = pd.read_parquet(results / "examples.parquet").set_index("id")
    assert len(examples) == n - 1 and examples.loc["e77", "covariate.warm"] == table["warm"][77]
    splits = pd.read_csv(results / "splits.tsv", sep="\t").set_index("id")
    train = examples[(splits["subset"][examples.index] == "train") & (examples["weight"] > 0)]
    folder = results / "models/gru/fold0"
    stored = json.loads((folder / "model.json").read_text())["beside"]
    assert stored["columns"] == ["warm", "salt"]
    covariates = train[["covariate.warm", "covariate.salt"]]
    assert stored["mean"] == pytest.approx(covariates.mean().tolist())
    assert stored["sd"] == pytest.approx(covariates.std(ddof=0).tolist())

    predictions = pd.read_parquet(folder / "predictions.parquet").set_index("id")
    new = table.set_index("name").loc[predictions.index]
    replayed = predict(folder, new["x"], new)
    assert replayed[1].to_numpy() == pytest.approx(predictions["prediction"].to_numpy(), abs=1e-4)
    test = predictions[(predictions["subset"] == "test") & (predictions["target"] > -40)]
    spread = test["target"].var()
    ceiling = pd.read_parquet(results / "replicate/fold0/predictions.parquet").set_index("id")
    assert (ceiling["prediction"] - ceiling["target"]).abs().max() < 1
    for name in ("models/gru", "baselines/linear"):
        said = pd.read_parquet(results / name / "fold0/predictions.parquet").set_index("id")
        error = (said["prediction"] - said["target"])[test.index]
        assert (error**2).mean() < 0.6 * spread, name

    methods = (results / "methods.md").read_text(encoding="utf-8")
    assert "2 covariates of each example (`warm`, `salt`)" in methods
    assert "Examples were weighted by the column `reads`" in methods
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "Beside each 2 covariates (warm, salt)" in page
