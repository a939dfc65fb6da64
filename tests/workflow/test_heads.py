"""From the analysis file to the report: several labels, and the next value of a series."""

import numpy as np
import pandas as pd

LABELS_AND_NEXT_VALUES = """\
sources: {table: {type: path, path: data/table.csv}}
examples: {sequence: {column: x, alphabet: dna}}
target: {column: sites, task: multilabel, missing_values: [NA]}
models: {gru: {cell: gru, hidden_size: 8}}
training: {seeds: [1], epochs: 12, batch_size: 16, learning_rate: 2e-2, device: cpu}
baselines: {mean: {kind: mean}, linear: {kind: linear}}
evaluation: {resamples: 100, permutations: 199}
variants:
  next:
    examples: {sequence: null, numbers: {column: course}}
    target: {column: null, missing_values: null, task: next_value}
    models: {gru: {loss: gaussian}}
    baselines: {mean: null, persistence: {kind: persistence}}
"""


def test_labels_and_next_values_reach_the_report(workflow):
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(150):
        letters = "".join(generator.choice(list("ACGT"), size=8))
        course = [generator.normal(scale=2)]
        for _ in range(7):
            course.append(0.5 * course[-1] + generator.normal(scale=0.3))
        sites = ";".join(letter for letter in "AG" if letters.count(letter) > 2)
        rows.append((letters, sites, " ".join(f"{10 + value:.4f}" for value in course)))
    table = pd.DataFrame(rows, columns=["x", "sites", "course"])
    table.to_csv(workflow.folder / "data/table.csv", index=False)
    file = workflow.folder / "config/analyses/tiny.yaml"
    file.write_text(LABELS_AND_NEXT_VALUES, encoding="utf-8")
    outcome = workflow.run()
    assert outcome.returncode == 0, outcome.stdout

    results = {name: workflow.folder / "results" / name for name in ("tiny", "tiny_next")}
    scores = {}
    for name, folder in results.items():
        read = pd.read_csv(folder / "metrics.tsv", sep="\t")
        read = read.query("subset == 'test' and seed == 'all'")
        scores[name] = read.set_index(["model", "metric"])["value"]
    assert scores["tiny"]["gru", "auroc_macro"] > 0.7
    assert scores["tiny"]["mean", "auroc_macro"] == 0.5
    assert scores["tiny_next"]["gru", "r2"] > scores["tiny_next"]["persistence", "r2"]
    assert 0.7 < scores["tiny_next"]["gru", "coverage_90"] <= 1

    predictions = pd.read_parquet(results["tiny_next"] / "models/gru/fold0/predictions.parquet")
    values = [[float(word) for word in text.split()] for text in table["course"]]
    for row in predictions.sample(20, random_state=0).itertuples():
        # steps count from one, so that the next one is at the place of the number
        expected = values[int(row.id.removeprefix("ex")) - 1][row.position]
        assert row.target == np.float32(expected) and row.prediction_sd > 0
    assert predictions["position"].max() == 7
    page = (workflow.results / "report.html").read_text(encoding="utf-8")
    assert "AUROC, mean over labels" in page and "tiny_next" in page
