"""The crate says what was read, what was made, by what; and a validator agrees."""

import json
from datetime import UTC, datetime

import crate_validator
import pytest
import report_tables
from biornn import crate, products, provenance
from biornn.files import sha256

VERSIONS = {"biornn": "1", "python": "3.11.7", "torch": "2.13.0+cpu", "snakemake": "9.27.1"}


@pytest.fixture
def made(tmp_path):
    """A results folder with its crate: `results`, and the entities by their id."""
    project, results = tmp_path / "project", tmp_path / "results"
    for name in ("Snakefile", "workflow/rules/train.smk", "workflow/scripts/x.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(f"# {name}\n")
    for name in ("metrics.tsv", "config.yaml", "models/net/fold0/weights.safetensors",
                 "models/net/fold0/model.json", "figures/a b.svg"):  # fmt: skip
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(f"{name}\n")
    (tmp_path / "t.csv").write_text("x\n")
    (tmp_path / "u.csv").write_text("y\n")
    url = {"type": "url", "url": "https://me:secret@data.example/u.csv", "file": "u.csv",
           "sha256": "0" * 64}  # fmt: skip
    analysis = report_tables.analysis(
        sources={"s": {"type": "path", "path": "t.csv"}, "u": url, "again": url}
    )
    paths = {"s": tmp_path / "t.csv", "u": tmp_path / "u.csv", "again": tmp_path / "u.csv"}
    crate.write_ro_crate(
        results / "ro-crate-metadata.json",
        analysis,
        sources=provenance.describe_sources(analysis, {k: str(v) for k, v in paths.items()}),
        config=results / "config.yaml",
        code=products.keep_code(project, results / "code"),
        products=products.products(results, analysis),
        versions=VERSIONS,
        devices=["CPU, 1 thread"],
        times=(datetime(2026, 1, 2, 3, tzinfo=UTC), datetime(2026, 1, 2, 4, tzinfo=UTC)),
    )
    text = (results / "ro-crate-metadata.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text and "secret" not in text
    return results, {entity["@id"]: entity for entity in json.loads(text)["@graph"]}, analysis


def ids(entity, key):
    value = entity[key]
    return [each["@id"] for each in (value if isinstance(value, list) else [value])]


def test_a_validator_finds_nothing(made, tmp_path):
    results, entities, _ = made
    assert crate_validator.problems(results, tmp_path / "cache") == []
    # and it would find something
    written = json.loads((results / "ro-crate-metadata.json").read_text())
    for entity in written["@graph"]:
        if entity["@id"] == "#run":
            del entity["instrument"]
    (results / "ro-crate-metadata.json").write_text(json.dumps(written))
    found = crate_validator.problems(results, tmp_path / "cache")
    assert any("instrument" in problem for problem in found)
    assert entities["#run"]["instrument"] == {"@id": "code/Snakefile"}


def test_the_root_names_its_profiles_and_the_workflow(made):
    _, entities, analysis = made
    root = entities["./"]
    assert set(ids(root, "conformsTo")) == set(crate.PROFILES)
    assert ids(root, "mainEntity") == ["code/Snakefile"] and ids(root, "mentions") == ["#run"]
    assert root["name"] == analysis.title and "No licence" in root["license"]
    assert root["datePublished"]
    workflow = entities["code/Snakefile"]
    assert workflow["@type"] == ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
    assert entities[ids(workflow, "programmingLanguage")[0]]["name"] == "Snakemake"
    assert ids(workflow, "hasPart") == [
        "code/workflow/rules/train.smk",
        "code/workflow/scripts/x.py",
    ]
    software = [entities[each] for each in ids(workflow, "softwareRequirements")]
    assert {each["name"]: each["softwareVersion"] for each in software} == {
        key: value for key, value in VERSIONS.items() if key != "biornn"
    }
    assert "https://pypi.org/project/torch/2.13.0/" in entities


def test_the_run_has_what_went_in_and_what_came_out(made):
    results, entities, _ = made
    run = entities["#run"]
    assert set(ids(run, "result")) == {
        "metrics.tsv", "models/net/fold0/weights.safetensors", "models/net/fold0/model.json",
        "figures/a%20b.svg",
    }  # fmt: skip
    for name in ids(run, "result"):
        path = results / name.replace("%20", " ")
        assert entities[name]["sha256"] == sha256(path)
        assert entities[name]["contentSize"] == str(path.stat().st_size)
    files = [entities[each] for each in ids(run, "object") if entities[each]["@type"] == "File"]
    assert [each["name"] for each in files] == ["t.csv", "u.csv", "config.yaml"]
    local, remote, config = files
    assert local["@id"].startswith("ni:///sha-256;") and "url" not in local
    assert remote["@id"] == "https://data.example/u.csv"
    assert all(len(each["sha256"]) == 64 and each["contentSize"] for each in files)
    # one file that two sources read
    assert ids(remote, "exampleOfWork") == ["#input-u", "#input-again"]
    assert ids(config, "exampleOfWork") == ["#input-analysis"]
    assert run["startTime"] == "2026-01-02T03:00:00+00:00" < run["endTime"]
    assert "agent" not in run and "CPU, 1 thread" in run["description"]


def test_settings_are_values_of_parameters(made):
    _, entities, analysis = made
    seeds = entities["#setting-training.seeds"]
    assert seeds["value"] == "[1, 2, 3]" and ids(seeds, "exampleOfWork") == [
        "#parameter-training.seeds"
    ]
    assert entities["#setting-training.epochs"]["value"] == analysis.training.epochs
    assert entities["#parameter-training.epochs"]["additionalType"] == "Integer"
    assert json.loads(entities["#setting-models"]["value"]) == ["net", "shuffled"]
    workflow = entities["code/Snakefile"]
    for key in ("input", "output"):
        for name in ids(workflow, key):
            formal = entities[name]
            assert formal["@type"] == "FormalParameter"
            for example in ids(formal, "workExample"):
                assert name in ids(entities[example], "exampleOfWork")
    assert "#output-models" in ids(workflow, "output")
    assert len(entities["#output-models"]["workExample"]) == 2


def test_software_is_what_the_networks_were_trained_with(tmp_path):
    for name in ("config.yaml", "Snakefile"):
        (tmp_path / name).write_text("a")
    crate.write_ro_crate(
        tmp_path / "ro-crate-metadata.json", report_tables.analysis(), sources=[],
        config=tmp_path / "config.yaml", code=[tmp_path / "Snakefile"], products=[],
        versions=VERSIONS,
        trained_with={"biornn": ["0"], "torch": ["2.9.0+cpu", "2.9.0+cu128", "2.8.0"]},
    )  # fmt: skip
    graph = json.loads((tmp_path / "ro-crate-metadata.json").read_text())["@graph"]
    torch = [each["softwareVersion"] for each in graph if each.get("name") == "torch"]
    assert sorted(torch) == ["2.8.0", "2.9.0+cpu, 2.9.0+cu128"]
    (workflow,) = (each for each in graph if each["@id"] == "Snakefile")
    assert workflow["version"] == "1"  # that of the code


def test_a_workflow_without_its_main_file_is_no_workflow(tmp_path):
    (tmp_path / "config.yaml").write_text("a")
    with pytest.raises(ValueError, match="Snakefile"):
        crate.write_ro_crate(
            tmp_path / "ro-crate-metadata.json", report_tables.analysis(), sources=[],
            config=tmp_path / "config.yaml", code=[], products=[], versions=VERSIONS,
        )  # fmt: skip
