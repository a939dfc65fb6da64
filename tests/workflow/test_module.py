"""Another workflow uses this one as a module, from its own folder."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from workflow_copy import ONE_MODEL, ROOT, make_workflow

SNAKEFILE = """\
configfile: "config.yaml"


module biornn:
    snakefile:
        {snakefile}
    config:
        config["biornn"]
    prefix:
        "networks"


use rule * from biornn as biornn_*


use rule train_baseline from biornn as biornn_train_baseline with:
    benchmark:
        "networks/results/{{analysis}}/benchmarks/train_baseline.{{baseline}}.fold{{fold}}.own.tsv"


rule best:
    default_target: True
    input:
        "networks/results/tiny/metrics.tsv",
    output:
        "best.txt",
    shell:
        "head -1 {{input}} > {{output}}"
"""


def project(folder, snakefile):
    """A project that has data and an analysis, and no workflow of ours."""
    copy = make_workflow(folder)
    for name in ("workflow", "profiles", "envs", "Snakefile", "config/config.yaml"):
        path = copy.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (copy.folder / "config/analyses/tiny.yaml").write_text(ONE_MODEL, encoding="utf-8")
    (copy.folder / "config.yaml").write_text("biornn: {analyses: [tiny]}\n", encoding="utf-8")
    (copy.folder / "Snakefile").write_text(SNAKEFILE.format(snakefile=snakefile), encoding="utf-8")
    return copy


def test_a_workflow_that_imports_this_one_runs_it_and_overrides_a_rule(tmp_path):
    copy = project(tmp_path / "other", repr(str(ROOT / "workflow/Snakefile")))
    outcome = copy.run()
    assert outcome.returncode == 0, outcome.stdout
    results = copy.folder / "networks/results/tiny"
    assert (copy.folder / "best.txt").read_text().startswith("model\tkind\tfold")
    assert (results / "benchmarks/train_baseline.mean.fold0.own.tsv").exists()
    assert (results / "logs/train_model.rnn.fold0.log").exists()
    # everything that was made is below the prefix
    made = {path.name for path in copy.folder.iterdir()} - {".snakemake"}
    assert made == {"best.txt", "networks", "config", "config.yaml", "data", "Snakefile"}
    # an analysis that comes with the workflow needs no file in the project
    (copy.folder / "config.yaml").write_text(
        "biornn: {analyses: [tiny, memory], catalogue: [mpsa]}\n"
    )
    again = copy.run("-n")
    assert "Nothing to be done" in again.stdout, again.stdout
    # the inputs of a prediction are the project's, its model is a result
    (copy.folder / "new.fasta").write_text(">a\nACGU\n", encoding="utf-8")
    (copy.folder / "config.yaml").write_text(
        "biornn:\n  analyses: [tiny]\n  predict: {model: results/tiny/models/rnn/fold0, "
        "input: new.fasta, output: p.tsv}\n",
        encoding="utf-8",
    )
    asked = copy.run("-n", "biornn_predict")
    assert asked.returncode == 0, asked.stdout
    assert re.findall(r"^rule (\w+):$", asked.stdout, re.MULTILINE) == ["biornn_predict"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_workflow_that_is_read_from_a_repository_is_planned_and_trains(tmp_path):
    source = tmp_path / "source"
    for name in ("workflow", "envs"):
        shutil.copytree(ROOT / name, source / name)
    shutil.copy(ROOT / "Snakefile", source)
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    where = 'github("example/biornn", path="workflow/Snakefile", tag="v1")'
    copy = project(tmp_path / "other", where)
    environment = os.environ | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{source}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/example/biornn",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    outcome = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2",
         "networks/results/tiny/models/rnn/fold0/model.json"],
        cwd=copy.folder, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False, timeout=500,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stdout
    assert (copy.folder / "networks/results/tiny/models/rnn/fold0/model.json").exists()
