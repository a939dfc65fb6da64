"""Mistakes that users make: one clear message, before any training, nothing half-written."""

import re

import pytest


def run_and_fail(workflow) -> str:
    outcome = workflow.run()
    assert outcome.returncode != 0
    assert "rule train_model" not in outcome.stdout
    assert not (workflow.results / "models").exists()
    assert not [path for path in workflow.folder.rglob(".*-*") if path.is_file()]
    return outcome.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("config/analyses/tiny.yaml", "column: x,", "column: sequence,",
         "data/tiny.csv: there is no column 'sequence'"),
        ("config/analyses/tiny.yaml", "epochs: 4", "epoch: 4",
         "tiny.yaml, line 24: unknown key 'training.epoch' (did you mean 'epochs'?)"),
        ("config/analyses/tiny.yaml", "second: {type: path, path: data/tiny_replicate.csv}",
         "second: {type: path, path: data/gone.csv}", "data/gone.csv"),
        ("config/config.yaml", "tiny", "tinny", "analyses/tinny.yaml: there is no such file"),
        ("config/config.yaml", "[tiny]", "[tiny]\ncatalogue: [gone]",
         "config/analyses/gone.yaml: there is no such file"),
        ("config/config.yaml", "[tiny]", "[tiny]\ncatalogue: [tiny, config/analyses/tiny.yaml]",
         "catalogue: 'tiny' is there twice."),
        ("data/tiny.csv", "CGUUUA", "CGTUUA", "line 2, record ex000001: the letter 'T'"),
        ("data/tiny.csv", "training,208,5,", "training,208,-5,",
         "line 3, record ex000002: the count 'ex_ct' is negative (-5"),
        ("data/tiny.csv", "training,208,5,", "training,208,,",
         "line 3, record ex000002: 'ex_ct' is ''"),
        ("data/tiny.csv", "training,208,5,", "training,208,6,",
         "the normalised value of ex000002 is"),
        ("data/tiny.csv", "\ntraining,208", "\nholdout,208", "column 'set' has the values holdout"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(workflow, file, old, new, expected):
    workflow.edit(file, old, new)
    assert expected in run_and_fail(workflow)


def test_a_checksum_that_does_not_match(workflow):
    workflow.edit(
        "config/analyses/tiny.yaml",
        "path: data/tiny.csv",
        f"path: data/tiny.csv, sha256: {'0' * 64}",
    )
    assert re.search(
        r"checksum mismatch: expected sha256 0{64}, got \w{64}", run_and_fail(workflow)
    )


def test_a_table_that_was_cut_off(workflow):
    path = workflow.folder / "data/tiny.csv"
    path.write_bytes(path.read_bytes()[:-25])
    assert "Is the file cut off" in run_and_fail(workflow)


def test_no_network(workflow):
    workflow.edit(
        "config/analyses/tiny.yaml",
        "first: {type: path, path: data/tiny.csv}",
        "first: {type: url, url: 'http://127.0.0.1:9/tiny.csv', file: t.csv, sha256: "
        f"{'0' * 64}}}",
    )
    workflow.edit("config/config.yaml", "[tiny]", "[tiny]\ndownload: {attempts: 1}")
    message = run_and_fail(workflow)
    assert "http://127.0.0.1:9/tiny.csv: could not be downloaded in 1 tries" in message
    assert "Check the network" in message
    assert not list((workflow.folder / "resources").rglob("t.csv"))


def test_hostile_values_reach_no_shell_and_no_path(workflow):
    workflow.edit("config/config.yaml", "[tiny]", '["../../x; touch PWNED"]')
    assert "can't name a results folder" in run_and_fail(workflow)
    workflow.edit("config/config.yaml", '["../../x; touch PWNED"]', "[tiny]")
    workflow.edit("config/analyses/tiny.yaml", "  rnn:", "  'rnn; touch PWNED':")
    assert "models" in run_and_fail(workflow)
    assert not list(workflow.folder.parent.rglob("PWNED*"))
