"""A card tells what the tables tell, and what is hostile stays text."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import sha256, write_parquet
from biornn.model_card import card
from made_models import BESIDE, TASKS, make_model
from report_tables import HOSTILE, analysis, of_task
from test_evidence import evidence

SAID = {
    "training": TrainingConfig(seeds=[1, 2]).model_dump(mode="json"),
    "device_note": "CPU, 1 thread",
    "data_sha256": {"examples": "cd" * 32},
    "tuned": None,
    "profile": None,
    "normalizer": None,
}


def make(folder, task=TASKS["regression"], **options):
    """A folder of the network `net`, as a run leaves it."""
    config = options.pop("config", ModelConfig(cell="lstm", peephole="diagonal", hidden_size=4))
    make_model(folder, config, task, **(SAID | options))
    values = pd.DataFrame({"subset": ["train"] * 3 + ["test"], "target": [1.0, -2.5, 3.0, 99.0]})
    write_parquet(values, folder / "predictions.parquet")


def parts(page):
    """The header, read, and the rest."""
    assert page.startswith("---\n")
    head, rest = page[4:].split("\n---\n", 1)
    return yaml.safe_load(head), rest


def test_the_numbers_are_those_of_the_tables(tmp_path):
    make(tmp_path, beside=BESIDE)
    found = evidence()
    head, page = parts(card(found, tmp_path))
    (result,) = head["model-index"][0]["results"]
    rows = found.metrics.query("model == 'net' and subset == 'test' and seed == 'all'")
    rows = rows.set_index("metric")
    assert {each["type"] for each in result["metrics"]} == set(rows.index)
    for each in result["metrics"]:
        row = rows.loc[each["type"]]
        assert each["value"] == row["value"] and each["args"]["n"] == row["n"]
        if not np.isnan(row["ci_low"]):
            assert each["args"]["ci_low"] == row["ci_low"]
            assert each["args"]["ci_high"] == row["ci_high"]
            assert each["args"]["confidence"] == 0.95
    assert head["library_name"] == "biornn" and "license" not in head
    assert head["datasets"] == ["s"] and {"rna", "lstm"} <= set(head["tags"])
    row = found.comparisons.query("model_a == 'net' and metric == 'r2' and subset == 'test'").iloc[
        0
    ]
    assert f"against {row['value_b']:.3f} of `ridge`" in page
    assert f"a difference of {row['difference']:.3f}" in page and "The network is better." in page
    assert "training targets go from -2.5 to 3." in page  # and not to that of a test example
    assert sha256(tmp_path / "weights.safetensors") in page and "ab" * 32 in page
    assert "| covariate year | a number; in training 2000 ± 9 |" in page
    train = found.assigned.loc[found.assigned["subset"] == "train", "id"]
    lengths = found.lengths[train]
    assert f"have {lengths.min()} to {lengths.max()} letters" in page


@pytest.mark.parametrize("better", [None, "ridge"])
def test_a_simple_model_that_does_as_well_is_recommended(tmp_path, better):
    make(tmp_path)
    found = evidence()
    found.comparisons["better"] = better
    _, page = parts(card(found, tmp_path))
    assert ("take that one" if better else "the simple model will do") in page
    assert "The network is better" not in page


def test_hostile_text_stays_text(tmp_path):
    evil = f"T\n---\nlicense: mit\n# {HOSTILE} | `x` [a](b)"
    task = TASKS["classification"].__class__("classification", "sequence", (evil, "| b"))
    make(tmp_path, task, target_label=evil, device_note=evil)
    made = analysis(title=evil, question=evil)
    tasks = of_task("ordinal")
    sources = [{"name": "s", "origin": evil, "file": evil, "sha256": "ab"}]
    found = evidence(
        analysis=made, sources=sources, metrics=tasks.metrics, comparisons=tasks.comparisons
    )
    head, page = parts(card(found, tmp_path))
    assert head["model-index"][0]["results"][0]["dataset"]["name"] == evil
    assert "license" not in head
    assert "<script>" not in page and "<" not in page.replace("<https://doi.org/", "")
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert len(heads) == 10 and "license: mit" not in page.splitlines()
    for line in page.splitlines():
        if line.startswith("|"):  # two to five cells, whatever is in them
            assert 2 <= line.replace(r"\|", "").count("|") - 1 <= 5, line
    assert "[a](" not in page and "<https://doi.org/10.1186/s13059-022-02661-7>" in page


def test_a_control_is_not_for_use_and_a_fold_to_compare_with_says_so(tmp_path):
    config = ModelConfig(cell="rnn", hidden_size=4, shuffle_labels=True)
    make(tmp_path, config=config, folds=(1,), tuned={"hidden_size": 4})
    random = pd.concat([evidence().folds, evidence().folds.assign(fold=1, scheme="random")])
    audit = evidence().audit
    found = evidence(folds=random, audit=pd.concat([audit, audit.assign(fold=1)]))
    head, page = parts(card(found, tmp_path))
    assert "negative-control" in head["tags"] and "model-index" not in head
    for said in ("**Not for use.**", "(fold 1)", "is of the split 'random'", "hidden\\_size 4",
                 "too few test examples"):  # fmt: skip
        assert said in page


def test_many_networks_are_counted_and_not_listed(tmp_path):
    make(tmp_path, folds=tuple(range(20)))
    folds = pd.concat([evidence().folds.assign(fold=fold) for fold in range(20)])
    audit = pd.concat([evidence().audit.assign(fold=fold) for fold in range(20)])
    metrics = evidence().metrics.assign(fold="all")
    _, page = parts(card(evidence(folds=folds, audit=audit, metrics=metrics), tmp_path))
    assert "40 networks were trained" in page and "(fold 0 to 19)" in page and "--fold 0" in page
    assert json.loads((tmp_path / "model.json").read_text())["folds"]
