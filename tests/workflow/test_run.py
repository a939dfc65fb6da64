"""The real workflow on tiny data, from the table to the report."""

import hashlib
import json
import re
import shutil

import crate_validator
import numpy as np
import pandas as pd
import pytest
import yaml
from predicting import predict, reproduces
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
        "replicate/fold0/predictions.parquet", "code/Snakefile", "code/workflow/rules/train.smk",
        "code/workflow/scripts/biornn/cells.py", "code/envs/biornn.yaml",
    ]  # fmt: skip
    for model in MODELS:
        wanted += [
            f"models/{model}/fold0/{file}"
            for file in (
                "model.json",
                "weights.safetensors",
                "history.tsv",
                "predictions.parquet",
                "README.md",
            )
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
        "describe_run", "render_report", "describe_models",
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
    assert set(published["model"]) == {chosen["best_recurrent"]}
    assert published["metric"].tolist() == ["information", "r2"]
    for row in published.to_dict("records"):
        assert row["ours"] == pytest.approx(overall[row["model"], row["metric"]], rel=1e-8)
    # the second is the score of a column of the table, on the same test examples
    assert published["published"].tolist() == [0.5, pytest.approx(1)]
    assert (
        f"the same {size} examples" in published["note"][1] and published["verdict"][1] == "worse"
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


def test_the_command_line_reproduces_the_test_predictions(finished, tmp_path):
    # the table that the model was trained from, as it came, with the columns named as it was
    for model in ("lstm", "lstm_peephole"):
        folder = finished.results / f"models/{model}/fold0"
        found = predict(folder, finished.folder / "data/tiny.csv", tmp_path / "x.tsv")
        assert reproduces(folder, found) > 20
    assert (found["warning"] != "").mean() < 0.02
    described = json.loads((folder / "model.json").read_text())
    assert described["temperatures"] == {"1": None, "2": None}
    assert set(described["data_sha256"]) == {"examples", "splits"} and described["versions"]


def test_snakemake_predicts_by_a_model_that_it_has_or_trains(again):
    workflow = again()
    examples = pd.read_parquet(workflow.results / "examples.parquet")
    records = [f">{name}\n{text}\n" for name, text in zip(examples["id"], examples["sequence"],
                                                          strict=True)]  # fmt: skip
    (workflow.folder / "new.fasta").write_text("".join(records))
    wanted = {"model": "results/tiny/models/gru/fold0", "input": "new.fasta", "output": "p.tsv",
              "seeds": True}  # fmt: skip
    config = ("predict", "--config", f"predict={json.dumps(wanted)}")
    outcome = workflow.run(*config)
    assert outcome.returncode == 0, outcome.stdout
    assert planned(outcome.stdout) == {"predict"}
    assert reproduces(workflow.results / "models/gru/fold0",
                      pd.read_csv(workflow.folder / "p.tsv", sep="\t")) > 20  # fmt: skip
    shutil.rmtree(workflow.results / "models/gru")
    (workflow.folder / "p.tsv").unlink()
    assert planned(workflow.run(*config, "-n").stdout) == {"predict", "train_model"}
    assert "predict: name the model" in workflow.run("predict", "-n").stdout
    wrong = workflow.run("predict", "-n", "--config", 'predict={"modell": "x", "input": "y"}')
    assert "unknown key 'predict.modell' (did you mean 'model'?)" in wrong.stdout


def test_a_card_tells_what_the_tables_tell(finished):
    metrics = table(finished, "metrics.tsv").query(
        "model == 'gru' and subset == 'test' and seed == 'all' and metric == 'r2'"
    )
    _, head, page = (finished.results / "models/gru/fold0/README.md").read_text().split("---\n", 2)
    (found,) = (
        each for each in yaml.safe_load(head)["model-index"][0]["results"][0]["metrics"]
        if each["type"] == "r2"
    )  # fmt: skip
    assert found["value"] == metrics["value"].item()
    assert found["args"]["ci_low"] == metrics["ci_low"].item()
    digest = hashlib.sha256((finished.folder / "data/tiny.csv").read_bytes()).hexdigest()
    assert digest in page and "python -m biornn export" in page
    control = (finished.results / "models/shuffled/fold0/README.md").read_text()
    assert "**Not for use.**" in control


def test_the_crate_holds_all_that_is_there_and_a_validator_agrees(finished, tmp_path):
    assert crate_validator.problems(finished.results, tmp_path / "cache") == []
    graph = json.loads((finished.results / "ro-crate-metadata.json").read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    there = {
        str(path.relative_to(finished.results))
        for path in finished.results.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    known = {name for name in there if name in entities}
    assert {name.split("/")[0] for name in there - known} <= {"logs", "benchmarks"}
    results = {each["@id"] for each in entities["#run"]["result"]}
    assert results == {name for name in known if not name.startswith("code/")} - {
        "config.yaml", "ro-crate-metadata.json",
    }  # fmt: skip
    for name in ("models/gru/fold0/weights.safetensors", "report.html", "code/Snakefile"):
        found = hashlib.sha256((finished.results / name).read_bytes()).hexdigest()
        assert entities[name]["sha256"] == found
    snakefile = (finished.results / "code/Snakefile").read_bytes()
    assert snakefile == (finished.folder / "Snakefile").read_bytes()
    assert entities["#run"]["startTime"] < entities["#run"]["endTime"]


def test_the_words_are_about_this_run(finished):
    text = (finished.results / "methods.md").read_text(encoding="utf-8")
    for piece in ("batches of 32; 4 epochs.", "the seeds 1 and 2", "`lstm` 4 (", "(chosen: ",
                  "at most 20 rounds", "**References.**", "Kingma DP, Ba J."):  # fmt: skip
        assert piece in text, piece
    checklist = json.loads((finished.results / "dome.json").read_text())
    assert "`lstm` 913" in checklist["optimization"]["parameters"]["text"]
    assert "CPU, 1 thread" in checklist["model"]["execution_time"]["text"]


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
    said = workflow.run().stdout
    assert "Report: results/tiny/report.html" in said and "All analyses: results/index.html" in said


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (
            "metrics",
            {"evaluate", "render_report", "render_index", "describe_run", "describe_models_tiny",
             "all"},
        ),
        ("report", {"render_report", "render_index", "describe_run", "all"}),
        (
            "cells",
            {"train_model", "train_baseline", "measure_ceiling", "explain_model", "evaluate",
             "render_report", "render_index", "describe_run", "describe_models_tiny", "all"},
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
    for kind in ("svg", "png", "tsv"):
        assert (finished.results / f"figures/profile_rnn.{kind}").exists()


def test_the_index_has_a_row_of_the_analysis(finished):
    page = (finished.results.parent / "index.html").read_text(encoding="utf-8")
    summary = json.loads((finished.results / "summary.json").read_text(encoding="utf-8"))
    assert page.count('href="tiny/report.html"') == 1 and summary["lead"] in page
    assert summary["network"]["model"] in MODELS and summary["baseline"]["model"] in BASELINES


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
    # raw counts, with samples and genes in another order, as samples by genes
    folder = workflow.results / "models/lstm/fold0"
    new = counts.set_index("Geneid")[counts.columns[:5:-1]].T[::2]
    new[new.columns[::-1]].to_csv(workflow.folder / "new.csv")
    whole = workflow.folder / "data/counts.tsv"
    found = predict(folder, whole, workflow.folder / "x.tsv")
    assert reproduces(folder, found) > 20
    half = predict(folder, workflow.folder / "new.csv", workflow.folder / "y.tsv")
    same = found.set_index("id").loc[half["id"]].reset_index()
    pd.testing.assert_frame_equal(half, same, rtol=1e-5)
    # the temperature that is kept is the one that the evaluation tells
    told = table(workflow, "temperature.tsv").query("model == 'lstm'").set_index("seed")
    kept = json.loads((folder / "model.json").read_text())["temperatures"]
    assert kept == {"1": pytest.approx(told["temperature"].loc[1])}


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
    folder = workflow.results / "models/rnn/fold0"
    found = predict(folder, workflow.folder / "data/table.csv", workflow.folder / "x.tsv")
    assert reproduces(folder, found) > 20 and found["id"].nunique() == 90


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
