"""The real workflow on tiny data, from the table to the report."""

import hashlib
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from workflow_copy import ONE_MODEL, ROOT, make_workflow

MODELS = ["rnn", "lstm", "lstm_peephole", "gru", "shuffled"]
BASELINES = ["mean", "ridge", "boosting"]


def planned(text: str) -> set[str]:
    """Rules that a dry run would run."""
    return set(re.findall(r"^(?:local)?rule (\w+):", text, flags=re.MULTILINE))


def table(workflow, name):
    return pd.read_csv(workflow.results / name, sep="\t")


def test_every_file_of_the_contract_is_there(finished):
    wanted = [
        "examples.parquet", "expression.h5ad", "examples.qc.tsv", "splits.tsv", "split_audit.tsv",
        "sequences.safetensors", "folds/0/expression.h5ad", "folds/0/normalizer.json",
        "metrics.tsv", "comparisons.tsv", "published.tsv", "chosen.json", "report.html",
        "tests.tsv", "classes.tsv", "calibration.tsv", "temperature.tsv", "variance.tsv",
        "ro-crate-metadata.json", "methods.md", "dome.json", "config.yaml",
        "replicate/fold0/predictions.parquet",
    ]  # fmt: skip
    for model in MODELS:
        wanted += [
            f"models/{model}/fold0/{file}"
            for file in ("model.json", "weights.safetensors", "history.tsv", "predictions.parquet")
        ]
    for baseline in BASELINES:
        wanted += [f"baselines/{baseline}/fold0/{f}" for f in ("model.json", "predictions.parquet")]
    assert [name for name in wanted if not (finished.results / name).is_file()] == []
    assert not (finished.results / "checkpoints/lstm/fold0").exists()


def test_every_rule_has_a_log_and_a_benchmark(finished):
    logs = {path.stem.split(".")[0] for path in (finished.results / "logs").glob("*.log")}
    benchmarks = {path.stem.split(".")[0] for path in (finished.results / "benchmarks").iterdir()}
    rules = {
        "build_examples", "split_examples", "encode_sequences", "normalize_expression",
        "train_model", "train_baseline", "measure_ceiling", "explain_model", "evaluate",
        "describe_run", "render_report",
    }  # fmt: skip
    assert logs == rules and benchmarks == rules
    log = (finished.results / "logs/train_model.lstm.fold0.log").read_text()
    assert "lstm fold 0 seed 2: epoch 4/4, loss" in log and "s left" in log


def test_the_tables_agree_with_each_other(finished):
    metrics, audit = table(finished, "metrics.tsv"), table(finished, "split_audit.tsv")
    comparisons, published = table(finished, "comparisons.tsv"), table(finished, "published.tsv")
    chosen = json.loads((finished.results / "chosen.json").read_text())
    assert list(metrics.columns) == [
        "model", "kind", "fold", "seed", "subset", "metric", "value", "ci_low", "ci_high", "n",
        "n_drawn",
    ]  # fmt: skip
    kinds = metrics.groupby("kind")["model"].unique().map(sorted).to_dict()
    assert kinds == {
        "recurrent": sorted(MODELS[:-1]), "control": ["shuffled"],
        "baseline": sorted(BASELINES), "ceiling": ["replicate"],
    }  # fmt: skip
    size = audit[(audit["check"] == "size") & (audit["subset"] == "test")]["count"].item()
    test = metrics[metrics["subset"] == "test"]
    assert set(test["n"]) == {size}
    overall = test[test["seed"] == "all"].set_index(["model", "metric"])["value"]
    row = comparisons[(comparisons["subset"] == "test") & (comparisons["metric"] == "r2")].iloc[0]
    assert row["model_b"] == chosen["best_baseline"]
    assert row["value_a"] == pytest.approx(overall[row["model_a"], "r2"], rel=1e-8)
    assert row["difference"] == pytest.approx(row["value_a"] - row["value_b"], rel=1e-6)
    assert published["model"].item() == chosen["best_recurrent"]
    assert published["ours"].item() == pytest.approx(
        overall[chosen["best_recurrent"], "information"], rel=1e-8
    )


def test_metrics_follow_from_the_predictions_alone(finished):
    metrics = table(finished, "metrics.tsv")
    for model in ("lstm", "gru"):
        predictions = pd.read_parquet(
            finished.results / f"models/{model}/fold0/predictions.parquet"
        )
        rows = predictions[(predictions["seed"] == 2) & (predictions["subset"] == "test")]
        mse = float(np.mean((rows["target"] - rows["prediction"]) ** 2))
        found = metrics[
            (metrics["model"] == model) & (metrics["seed"] == "2")
            & (metrics["subset"] == "test") & (metrics["metric"] == "mse")
        ]  # fmt: skip
        assert found["value"].item() == pytest.approx(mse, rel=1e-8)


def test_a_second_run_has_nothing_to_do(finished):
    outcome = finished.run("-n")
    assert outcome.returncode == 0 and "Nothing to be done" in outcome.stdout, outcome.stdout


def test_the_plan_counts_the_jobs_that_a_run_has_and_the_status_shows_them_done(finished):
    outcome = finished.run("plan", "status", "--nolock")
    assert outcome.returncode == 0, outcome.stdout
    line = r"^tiny +(\w+) +(\d+) .* this analysis$"
    planned_jobs = dict(re.findall(line, outcome.stdout, re.MULTILINE))
    ran = [path.name.split(".")[0] for path in (finished.results / "benchmarks").iterdir()]
    assert planned_jobs == {rule: str(ran.count(rule)) for rule in ran}
    done = re.findall(r"^tiny +(\w+) +0 +(\d) +done +4/4 ", outcome.stdout, re.MULTILINE)
    assert sorted(done) == sorted((model, seed) for model in MODELS for seed in "12")


def test_the_end_says_where_the_report_is(again):
    workflow = again()
    (workflow.results / "report.html").unlink()
    assert "Report: results/tiny/report.html" in workflow.run().stdout


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("metrics", {"evaluate", "render_report", "describe_run", "all"}),
        ("report", {"render_report", "describe_run", "all"}),
        (
            "cells",
            {"train_model", "train_baseline", "measure_ceiling", "explain_model", "evaluate",
             "render_report", "describe_run", "all"},
        ),
    ],
)  # fmt: skip
def test_an_edited_module_reruns_what_depends_on_it(again, module, expected):
    workflow = again()
    path = workflow.folder / f"workflow/scripts/biornn/{module}.py"
    path.write_text(path.read_text() + "\n# edited\n")
    outcome = workflow.run("-n")
    assert planned(outcome.stdout) <= expected and "render_report" in planned(outcome.stdout)
    assert ("evaluate" in planned(outcome.stdout)) == ("evaluate" in expected)


def test_an_edited_setting_reruns_what_uses_it(again):
    workflow = again()
    workflow.edit("config/analyses/tiny.yaml", "resamples: 100", "resamples: 101")
    rules = planned(workflow.run("-n").stdout)
    assert "evaluate" in rules and not rules & {"train_model", "build_examples", "train_baseline"}


def test_the_same_digits_whatever_the_cores(finished, tmp_path):
    other = make_workflow(tmp_path / "other")
    outcome = other.run("results/tiny/metrics.tsv", cores=1)
    assert outcome.returncode == 0, outcome.stdout
    names = sorted(
        str(path.relative_to(other.results)) for path in other.results.rglob("predictions.parquet")
    )
    assert len(names) == len(MODELS) + len(BASELINES) + 1
    for name in names:
        one, two = pd.read_parquet(finished.results / name), pd.read_parquet(other.results / name)
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    for name in ("metrics.tsv", "splits.tsv", "split_audit.tsv"):
        assert (finished.results / name).read_bytes() == (other.results / name).read_bytes()


def test_snakemake_s_own_report(finished, tmp_path):
    outcome = finished.run("--report", str(tmp_path / "report.zip"))
    assert outcome.returncode == 0 and (tmp_path / "report.zip").is_file(), outcome.stdout


def test_a_table_with_a_column_as_target_needs_no_expression(workflow):
    path = workflow.folder / "config/analyses/tiny.yaml"
    text = ONE_MODEL
    start, end = text.index("expression:"), text.index("target:")
    text = text[:start] + text[end:].replace("target: {", "target: {column: y, ")
    text = text.replace("method: column, column: set, train: [training]", "method: random")
    text = text.replace("replicate: {source: second}\n", "")
    path.write_text(text)
    outcome = workflow.run("results/tiny/report.html")
    assert outcome.returncode == 0, outcome.stdout
    assert not (workflow.results / "folds").exists()
    shutil.rmtree(workflow.folder)


def test_fetch_and_then_a_run_without_a_network(workflow):
    place = workflow.folder / "mirror/data.example"
    place.mkdir(parents=True)
    table = workflow.folder / "data/tiny.csv"
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    table.rename(place / "tiny.csv")
    (workflow.folder / "config/analyses/tiny.yaml").write_text(ONE_MODEL)
    workflow.edit(
        "config/analyses/tiny.yaml",
        "first: {type: path, path: data/tiny.csv}",
        "first: {type: url, url: 'https://data.example/tiny.csv', file: tiny.csv, "
        f"sha256: {digest}}}",
    )
    fetched = workflow.run("fetch", "--config", 'download={"mirror": "mirror"}')
    assert fetched.returncode == 0, fetched.stdout
    assert not workflow.results.exists()  # the downloads and nothing else
    shutil.rmtree(place)
    wanted = "results/tiny/splits.tsv"
    outcome = workflow.run(wanted, "--config", 'download={"offline": true}')
    assert outcome.returncode == 0, outcome.stdout
    assert (workflow.folder / wanted).exists()


def test_the_explanation_adds_up_and_is_in_the_report(finished):
    folder = finished.results / "explanations/rnn"
    contributions = pd.read_parquet(folder / "contributions.parquet")
    checks = json.loads((folder / "checks.json").read_text())
    assert checks["examples"] == contributions["id"].nunique() == 20
    assert checks["missed_share"] <= 0.01 and set(contributions["subset"]) == {"test"}
    mutations = pd.read_parquet(folder / "mutations.parquet")
    assert len(mutations) == 5 * 6 * 3 and not (finished.results / "explanations/lstm").exists()
    report = (finished.results / "report.html").read_text(encoding="utf-8")
    assert 'id="explanations"' in report
    assert (finished.results / "figures/profile_rnn.svg").exists()


def run_block_of_readme(workflow, begins, wanted="all"):
    """Run an analysis of the README, with a short training, up to what is wanted."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```yaml\n({re.escape(begins)}.*?)```", readme, re.DOTALL)
    block = re.sub(r"^training: .*\n", "", block, flags=re.MULTILINE)
    if "models:" not in block:
        block += "models: {lstm: {cell: lstm}}\n"  # in place of the four by default
    (workflow.folder / "config/analyses/tiny.yaml").write_text(
        block + "training: {seeds: [1], epochs: 3, device: cpu}\n", encoding="utf-8"
    )
    outcome = workflow.run(wanted)
    assert outcome.returncode == 0, outcome.stdout
    scores = table(workflow, "metrics.tsv").query("subset == 'test' and seed == 'all'")
    return scores.set_index(["model", "metric"])["value"]


def test_the_fasta_analysis_of_the_readme_runs(workflow):
    generator = np.random.default_rng(0)
    for name, first in (("active", "K"), ("inactive", "E")):
        records = [
            f">{name}{n}\n{first}{''.join(generator.choice(list('ACDGLV'), size=8))}\n"
            for n in range(60)
        ]
        (workflow.folder / f"data/{name}.fasta").write_text("".join(records))
    scores = run_block_of_readme(workflow, "title: My peptides")
    qc = table(workflow, "examples.qc.tsv")
    assert qc.set_index("reason")["count"]["records kept"] == 120
    assert scores["logistic", "accuracy"] > 0.95  # one letter tells
    assert scores["mean", "balanced_accuracy"] == 0.5
    report = (workflow.results / "report.html").read_text(encoding="utf-8")
    assert "names the right class for" in report and "Balanced accuracy" in report


def test_the_count_matrix_of_the_readme_runs(workflow):
    generator = np.random.default_rng(0)
    sick = generator.random(80) < 0.5
    means = np.where(sick[:, None] & (np.arange(50) < 5), 60, 20)
    counts = pd.DataFrame(generator.poisson(means).T, columns=[f"s{n}" for n in range(80)])
    counts.insert(0, "Geneid", [f"g{n}" for n in range(50)])
    for column in ("Chr", "Start", "End", "Strand", "Length"):
        counts.insert(1, column, "1")
    counts.to_csv(workflow.folder / "data/counts.tsv", sep="\t", index=False)
    sheet = pd.DataFrame(
        {"sample": counts.columns[6:], "condition": np.where(sick, "sick", "well")}
    )
    sheet.sample(frac=1, random_state=1).to_csv(workflow.folder / "data/samples.csv", index=False)
    scores = run_block_of_readme(workflow, "title: My samples")
    assert scores["logistic", "accuracy"] > 0.9
    assert not (workflow.results / "sequences.safetensors").exists()
    normalizer = json.loads((workflow.results / "folds/0/normalizer.json").read_text())["0"]
    assert normalizer["columns"] == [f"g{n}" for n in range(50)]
    assert [step["config"]["method"] for step in normalizer["steps"]] == ["cpm", "log1p", "z_score"]


def test_a_table_of_inputs_and_outputs_runs(workflow):
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(90):
        letters = generator.choice(["K", "L"], size=generator.integers(3, 9))
        rows.append((" ".join(letters), " ".join("H" if x == "K" else "C" for x in letters)))
    frame = pd.DataFrame(rows, columns=["input", "output"])
    frame.to_csv(workflow.folder / "data/table.csv", index=False)
    # the whole of a run is that of the other blocks
    begins = "sources: {table: {type: path, path: data/table.csv}}"
    scores = run_block_of_readme(workflow, begins, "results/tiny/metrics.tsv")
    assert scores["linear", "accuracy"] > 0.99
    predictions = pd.read_parquet(workflow.results / "models/rnn/fold0/predictions.parquet")
    assert predictions["position"].min() == 1


def test_a_table_of_numbers_runs(workflow):
    generator = np.random.default_rng(0)
    rows = [generator.normal(size=generator.integers(3, 9)).round(3) for _ in range(90)]
    frame = pd.DataFrame({"input": [" ".join(map(str, row)) for row in rows],
                          "output": [" ".join(map(str, 2 * row)) for row in rows]})  # fmt: skip
    frame.to_csv(workflow.folder / "data/table.csv", index=False)
    (workflow.folder / "config/analyses/tiny.yaml").write_text(
        "sources: {table: {type: path, path: data/table.csv}}\n", encoding="utf-8"
    )
    # one baseline is enough to see that the whole chain reads numbers; the rooms test the rest
    folder = "results/tiny/baselines/linear/fold0"
    outcome = workflow.run(f"{folder}/predictions.parquet")
    assert outcome.returncode == 0, outcome.stdout
    predictions = pd.read_parquet(workflow.folder / folder / "predictions.parquet")
    np.testing.assert_allclose(predictions["prediction"], predictions["target"], atol=0.05)
