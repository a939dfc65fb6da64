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


def test_images_are_made_from_the_same_pins_and_the_same_python():
    """Neither names a version of its own: all come from requirements.txt."""
    conda = yaml.safe_load((ROOT / "envs/biornn.yaml").read_text(encoding="utf-8"))
    python = next(each for each in conda["dependencies"] if str(each).startswith("python="))
    image = f"python:{python.removeprefix('python=')}-slim-bookworm"
    docker = (ROOT / "containers/Dockerfile").read_text(encoding="utf-8")
    apptainer = (ROOT / "containers/biornn.def").read_text(encoding="utf-8")
    for text, first in ((docker, f"\nFROM {image}\n"), (apptainer, f"\nFrom: {image}\n")):
        assert first in text
        assert "requirements.txt /opt/biornn/requirements.txt" in text
        assert "-r /opt/biornn/requirements.txt" in text.replace("\\\n", "")
        assert "==" not in text
        # the packages of the system are the same
        assert "install --yes --no-install-recommends gcc libc6-dev libgomp1" in text
    common = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8")
    # beside the workflow, wherever it is run
    assert 'container: None if REMOTE else str(Path(PROJECT) / "containers/biornn.sif")' in common
    assert "containers/biornn.sif containers/biornn.def" in apptainer


def test_every_rule_names_its_environment():
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        text = path.read_text(encoding="utf-8")
        named = text.count('"../../envs/biornn.yaml"') + text.count('"../../envs/mmseqs2.yaml"')
        assert len(re.findall(r"(?m)^ +script:", text)) == named, path
