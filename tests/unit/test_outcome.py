"""What a run left is read as it is meant."""

from dataclasses import replace

import pandas as pd
import report_tables
from biornn import outcome
from biornn.files import write_json
from biornn.records import NOT_DRAWN
from biornn.targets import Task


def test_benchmarks_are_read_as_snakemake_writes_them(tmp_path):
    (tmp_path / "train_model.net.fold0.tsv").write_text("s\th:m:s\tmax_rss\n1.5\t0:00:01\t-\n")
    (row,) = outcome.read_benchmarks(tmp_path, report_tables.analysis()).to_dict("records")
    assert (row["rule"], row["of"], row["seconds"]) == ("train_model", "net.fold0", 1.5)
    assert pd.isna(row["memory"])


def test_benchmarks_are_those_of_the_analysis_and_not_empty(tmp_path):
    header, line = "s\th:m:s\tmax_rss\n", "1.5\t0:00:01\t9\n"
    for name in ("train_model.net.fold0", "train_model.gone.fold0", "train_model.net.fold1",
                 "evaluate"):  # fmt: skip
        (tmp_path / f"{name}.tsv").write_text(header + line)
    (tmp_path / "train_model.shuffled.fold0.tsv").write_text("")
    (tmp_path / "split_examples.tsv").write_text(header)
    rows = outcome.read_benchmarks(tmp_path, report_tables.analysis())
    assert list(rows["rule"] + "." + rows["of"]) == ["evaluate.", "train_model.net.fold0"]


def test_baselines_say_what_they_chose_over_the_folds(tmp_path):
    paths = [tmp_path / "models/net/fold0/predictions.parquet"]
    for fold, penalty in ((0, 1.0), (1, 10.0)):
        paths.append(tmp_path / f"baselines/ridge/fold{fold}/predictions.parquet")
        value = {"name": "ridge", "kind": "baseline", "chosen": {str(fold): {"penalty": penalty}}}
        write_json(paths[-1].parent / "model.json", value)
    (row,) = outcome.read_baselines(paths)
    assert row["name"] == "ridge" and row["chosen"] == {
        "0": {"penalty": 1.0}, "1": {"penalty": 10.0},
    }  # fmt: skip


def test_an_example_may_be_called_na():
    nearest = pd.DataFrame({"id": ["NA", "b", None], "nearest": ["a", None, None],
                            "identity": [0.5, 0.7, None]})  # fmt: skip
    named = outcome.named(nearest)
    assert named["id"].tolist() == ["NA", "b", "NA"]
    assert named["nearest"].tolist()[:2] == ["a", "NA"] and named["nearest"].isna()[2]


def test_models_are_ranked_by_the_main_metric():
    tables = report_tables.tables()
    assert tables.main == "r2" and tables.ranked_models()[:3] == ["replicate", "net", "ridge"]
    assert outcome.n_read(tables) == 151 and outcome.n_not_drawn(tables) == 0
    sampled = replace(tables, qc=tables.qc.iloc[:1].assign(reason=NOT_DRAWN, count=7))
    assert outcome.n_not_drawn(sampled) == 7


def test_the_accuracy_of_secondary_structure_has_its_own_name():
    plain = report_tables.of_task("ordinal")
    assert plain.labels["accuracy"] == "Accuracy"
    task = Task("classification", "position", ("H", "E", "C"))
    structure = replace(plain, description=replace(plain.description, task=task))
    assert structure.labels["accuracy"] == "Accuracy (Q3)"
