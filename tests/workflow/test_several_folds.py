"""Several folds, all folds in one job, variants: from the table to the report."""

import numpy as np
import pandas as pd
import pytest
from biornn import homology
from biornn.files import InputError
from predicting import predict

ANALYSIS = """\
title: Families
sources: {table: {type: path, path: data/proteins.csv}}
examples: {sequence: {column: protein, alphabet: protein}, id: name}
target: {column: class, label: active or not}
split: {method: random, validation: 0.2, test: 0.4, stratify: true, groups: {by: homology},
        compare_random: true}
models: {gru: {cell: gru, hidden_size: 4}}
training: {seeds: [1], epochs: 2, batch_size: 16, device: cpu}
baselines: {mean: {kind: mean}}
explain: {models: []}
paper: {name: "Nobody <i>2026</i>", asked: "Is <script>alert('x')</script> text?", task: a, data: b,
        protocol: c}
published:
  - {name: theirs, metric: accuracy, value: 0.5, uncertainty: 0.2, model: best_recurrent,
     source: nowhere}
evaluation: {resamples: 100, permutations: 199}
variants:
  alone:
    title: Each family once
    published: []
    split: {method: leave_one_out, test: null, compare_random: null}
"""


def test_folds_by_homology_beside_random_ones_and_each_family_once(workflow):
    try:
        homology.executable()
    except InputError:
        pytest.skip("MMseqs2 is not installed")
    generator = np.random.default_rng(0)
    rows = []
    for family in range(10):
        parent = generator.choice(list("ACDEFGHIKLMNPQRSTVWY"), 60)
        for member in range(6):
            child = np.where(generator.random(60) < 0.1, "K", parent)
            rows.append((f"f{family}m{member}", "".join(child), "ab"[family % 2]))
    frame = pd.DataFrame(rows, columns=["name", "protein", "class"])
    frame.to_csv(workflow.folder / "data/proteins.csv", index=False)
    # an analysis of the catalogue, with its variant, while another is asked for
    (workflow.folder / "config/analyses/tiny.yaml").rename(
        workflow.folder / "config/analyses/other.yaml"
    )
    (workflow.folder / "config/analyses/tiny.yaml").write_text(ANALYSIS)
    (workflow.folder / "config/config.yaml").write_text("analyses: [other]\ncatalogue: [tiny]\n")
    card = "results/tiny_alone/models/gru/foldall/README.md"
    outcome = workflow.run("published")
    assert outcome.returncode == 0, outcome.stdout
    assert "Published analyses: results/published.html" in outcome.stdout
    assert {path.name for path in workflow.results.parent.iterdir()} == {
        "tiny", "tiny_alone", "published.tsv", "published.html", "logs", "benchmarks",
    }  # fmt: skip
    rows = pd.read_csv(workflow.results.parent / "published.tsv", sep="\t")
    assert rows["analysis"].tolist() == ["tiny", "tiny_alone"]
    assert rows["verdict"].tolist()[1] == "nothing published" and (rows["job_minutes"] > 0).all()
    assert (
        rows["published"][0] == 0.5 and rows["ci_low"][0] <= rows["ours"][0] <= rows["ci_high"][0]
    )
    assert rows["command"].tolist() == [
        "snakemake --cores all --config 'analyses=[tiny]'",
        "snakemake --cores all results/tiny_alone/report.html --config 'analyses=[tiny]'",
    ]
    page = (workflow.results.parent / "published.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1 and "Is &lt;script&gt;alert" in page
    assert 'href="tiny_alone/report.html"' in page and "on random folds</th>" in page
    # what is asked for is left to itself, and so is the catalogue
    planned = workflow.run("-n", "results/index.html").stdout
    assert "results/other/summary.json" in planned and "results/tiny/" not in planned
    assert (
        "catalogue: name the analyses"
        in workflow.run("published", "-n", "--config", "catalogue=[]").stdout
    )

    metrics = pd.read_csv(workflow.results / "metrics.tsv", sep="\t", dtype=str)
    assert set(metrics["fold"]) == {"0", "1"}
    gap = pd.read_csv(workflow.results / "memorization.tsv", sep="\t")
    assert set(gap["model"]) == {"gru", "mean"}
    page = (workflow.results / "report.html").read_text()
    for text in (
        "Memorisation gap: on random folds",
        "nearly equal: 24 for training",
        "tiny_alone",
    ):
        assert text in page

    said = (workflow.folder / card).read_text()
    assert "(fold 0 to 9)" in said and "on 60 test examples" in said and "--fold 0" in said
    alone = workflow.folder / "results/tiny_alone"
    folds = pd.read_csv(alone / "folds.tsv", sep="\t")
    assert folds["test"].tolist() == [6] * 10
    predictions = pd.read_parquet(alone / "models/gru/foldall/predictions.parquet")
    tested = predictions[predictions["subset"] == "test"]
    assert len(tested) == 60 and tested["id"].is_unique
    metrics = pd.read_csv(alone / "metrics.tsv", sep="\t", dtype=str)
    assert set(metrics[metrics["fold"] == "all"]["n"]) == {"60"}
    # one fold of the many in a folder is used when it is named
    model = alone / "models/gru/foldall"
    file = workflow.folder / "data/proteins.csv"
    found = predict(model, file, workflow.folder / "x.tsv", "--fold", "3").set_index("id")
    third = predictions[(predictions["fold"] == 3) & (predictions["subset"] == "test")]
    same = [found.loc[name, "prediction"] for name in third["id"]]
    likely = third[["prediction.a", "prediction.b"]].idxmax(axis=1)
    assert same == likely.str.removeprefix("prediction.").tolist()
