"""One set of versions, wherever the workflow runs."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def pinned() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_conda_gets_the_same_versions_as_pip():
    environment = yaml.safe_load((ROOT / "envs/biornn.yaml").read_text(encoding="utf-8"))
    assert set(environment["dependencies"][-1]["pip"]) == pinned()
    environment = yaml.safe_load((ROOT / "envs/mmseqs2.yaml").read_text(encoding="utf-8"))
    assert set(environment["dependencies"][-1]["pip"]) < pinned()


def test_every_version_is_exact():
    assert all("==" in line for line in pinned())


def test_every_rule_names_its_environment():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        text = path.read_text(encoding="utf-8")
        named = text.count('"../../envs/biornn.yaml"') + text.count('"../../envs/mmseqs2.yaml"')
        assert len(re.findall(r"(?m)^ +script:", text)) == named, path
