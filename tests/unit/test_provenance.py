"""What is written of a run is what the run did."""

import json

import pytest
import report_tables
from biornn import provenance
from biornn.files import sha256

SIZES = {"train": 50, "validation": 50, "test": 50}


@pytest.fixture
def source(tmp_path):
    (tmp_path / "t.csv").write_text("x\n")
    return {"s": str(tmp_path / "t.csv")}


def test_versions_and_machine_name_no_person_and_no_place():
    versions = provenance.software_versions()
    assert {"biornn", "python", "torch", "numpy"} <= set(versions)
    machine = provenance.describe_machine()
    assert set(machine) == {"system", "processor", "cores"}
    assert "/" not in machine["system"]


def test_methods_say_what_was_configured():
    text = provenance.methods_text(report_tables.analysis(), SIZES, 151, "CPU, 1 thread")
    for piece in (
        "151 records", "150 passed", "log10((n + 1) / (m + 1))", "GU has the value 2",
        "equals the column `y`", "50 for training", "diagonal peepholes", "at most 7 epochs",
        "shuffled targets as a negative control", "ridge regression on one-hot letters",
        "histogram gradient boosting", "seeds 1, 2, 3", "9,999 permutations", "CPU, 1 thread",
    ):  # fmt: skip
        assert piece in text, piece
    assert "dropout" not in text and "weight decay" not in text


def test_methods_of_a_plain_column():
    analysis = report_tables.analysis(
        expression=None, target={"column": "y"}, split={"method": "random", "seed": 4}
    )
    text = provenance.methods_text(analysis, SIZES, 150, "CPU")
    assert "The target is the column `y` as it came" in text and "by chance (seed 4)" in text


def test_dome_leaves_to_the_author_what_a_run_can_not_know():
    audit = report_tables.tables(copies=3).audit
    checklist = provenance.dome(report_tables.analysis(), SIZES, audit)
    assert set(checklist) == {"data", "optimization", "model", "evaluation"}
    assert checklist["data"]["availability"]["status"] == "author"
    assert "test: 3 of 50" in checklist["data"]["redundancy_between_splits"]["text"]
    json.dumps(checklist, allow_nan=False)


def test_sources_have_their_checksum(source):
    (row,) = provenance.describe_sources(report_tables.analysis(), source)
    assert row == {
        "name": "s", "origin": "local file", "file": "t.csv", "sha256": sha256(source["s"]),
    }  # fmt: skip


def test_the_crate_names_inputs_outputs_and_software(tmp_path, source):
    results = tmp_path / "results"
    results.mkdir()
    (results / "metrics.tsv").write_text("a\n")
    analysis = report_tables.analysis()
    provenance.write_ro_crate(
        results / "ro-crate-metadata.json", analysis,
        provenance.describe_sources(analysis, source), [results / "metrics.tsv"],
        {"biornn": "1", "torch": "2"},
    )  # fmt: skip
    graph = json.loads((results / "ro-crate-metadata.json").read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert entities["metrics.tsv"]["sha256"] == sha256(results / "metrics.tsv")
    assert entities["./"]["name"] == analysis.title
    assert entities["#run"]["object"] == [{"@id": "#source-s"}]
    assert entities["#run"]["result"] == [{"@id": "metrics.tsv"}]
    assert entities["#source-s"]["sha256"] == sha256(source["s"])
    assert str(tmp_path) not in json.dumps(graph)
