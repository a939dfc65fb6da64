"""What belongs to a run, and when it was made."""

import os
from datetime import UTC, datetime

import report_tables
from biornn import products


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def names_of(folder, analysis):
    return [str(path.relative_to(folder)) for path in products.products(folder, analysis)]


def test_whatever_is_there_is_a_product_but_what_is_on_the_way(tmp_path):
    kept = ["figures/a.png", "figures/a.svg", "metrics.tsv", "models/net/fold0/README.md",
            "models/net/fold0/weights.safetensors", "new/thing.bin"]  # fmt: skip
    write(tmp_path, *kept, "logs/a.log", "benchmarks/a.tsv", "checkpoints/net/x", "tensorboard/e",
          "figures/.snakemake_timestamp", ".half-written.tsv", "ro-crate-metadata.json",
          "tuning/net/fold0/journal.log")  # fmt: skip
    assert names_of(tmp_path, report_tables.analysis()) == kept


def test_what_the_analysis_no_longer_names_is_no_result_of_it(tmp_path):
    own = ["baselines/ridge/fold0/model.json", "examples.json", "explanations/net/genes.tsv",
           "folds/0/normalizer.json", "models/shuffled/fold0/model.json"]  # fmt: skip
    old = ["baselines/gone/fold0/model.json", "models/gone/fold0/model.json",
           "models/net/fold1/model.json", "folds/1/normalizer.json", "clusters.tsv",
           "explanations/shuffled/genes.tsv", "learning_curve.tsv", "tuning/net/fold0/chosen.json",
           "learning_curve/models/net/fold0/predictions.parquet",
           "replicate/fold0/predictions.parquet"]  # fmt: skip
    write(tmp_path, *own, *old)
    assert names_of(tmp_path, report_tables.analysis()) == own
    every = report_tables.analysis(
        learning_curve=[0.5], replicate={"source": "s"}, tune={"net": {}},
        explain={"models": ["net", "shuffled"]},
    )  # fmt: skip
    assert set(names_of(tmp_path, every)) - set(own) == {
        "explanations/shuffled/genes.tsv", "learning_curve.tsv", "tuning/net/fold0/chosen.json",
        "learning_curve/models/net/fold0/predictions.parquet",
        "replicate/fold0/predictions.parquet",
    }  # fmt: skip


def test_folds_that_are_only_known_from_the_data(tmp_path):
    write(tmp_path, "models/net/foldall/model.json", "folds/7/expression.h5ad")
    analysis = report_tables.analysis(split={"method": "leave_one_out"})
    assert len(names_of(tmp_path, analysis)) == 2


def test_a_run_begins_with_its_first_job_and_ends_with_its_last(tmp_path):
    def job(name, end, seconds):
        (tmp_path / f"{name}.tsv").write_text(f"s\th:m:s\n{seconds}\t-\n")
        os.utime(tmp_path / f"{name}.tsv", (end, end))

    assert products.times(tmp_path, report_tables.analysis()) is None
    job("build_examples", 1000, 10.5)
    job("train_model.net.fold0", 1500, 400)
    job("train_parts.models.net.fold0", 1600, 1)
    job("train_model.gone.fold0", 9000, 8900)
    job("train_model.net.fold1", 9000, 8900)
    job("describe_run", 9999, 1)
    job("tune_model.net.fold0.worker0", 1550, "-")
    start, end = products.times(tmp_path, report_tables.analysis())
    assert start == datetime.fromtimestamp(989.5, UTC) and end == datetime.fromtimestamp(1600, UTC)


def test_the_code_is_kept_as_it_lies(tmp_path):
    root, target = tmp_path / "project", tmp_path / "results/code"
    own = ["Snakefile", "workflow/scripts/lib/a.py", "envs/a.yaml"]
    write(root, *own, "README.md", "workflow/scripts/lib/__pycache__/a.pyc", "results/b/c.py")
    write(target, "workflow/scripts/lib/old.py")
    assert products.keep_code(root, target) == [target / name for name in own]
    assert {path.name for path in target.rglob("*") if path.is_file()} == {
        "Snakefile", "a.yaml", "a.py",
    }  # fmt: skip
