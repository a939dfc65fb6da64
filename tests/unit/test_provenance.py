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
