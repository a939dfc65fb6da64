"""One training on two nodes learns what it learns in one process."""

import json
import re

import lab
import numpy as np
import pandas as pd
import pytest
from test_slurm import ANALYSIS, PATIENCE, here
from workflow_copy import make_workflow

pytestmark = pytest.mark.cluster

ONE_MODEL = re.sub(r"^  (rnn|lstm|lstm_peephole): .*\n", "", ANALYSIS, flags=re.MULTILINE)
ONE_MODEL = ONE_MODEL.replace("method: k_fold, k: 2", "method: random").replace(
    "epochs: 80, patience: 80", "epochs: 4, precision: 64-true, device: cpu"
)
WANTED = "results/tiny/models/gru/fold0/model.json"


def test_two_nodes_with_gloo(cluster, tmp_path):
    quiet = here(tmp_path / "here", ONE_MODEL, WANTED)
    workflow = make_workflow(tmp_path / "there")
    (workflow.folder / "config/analyses/tiny.yaml").write_text(
        ONE_MODEL.replace("device: cpu", "device: cpu, nodes: 2")
    )
    outcome = workflow.run(
        WANTED,
        "--profile",
        "profiles/slurm",
        "--slurm-init-seconds-before-status-checks",
        "5",
        timeout=PATIENCE,
    )
    assert outcome.returncode == 0, outcome.stdout
    log = (workflow.results / "logs/train_model.gru.fold0.log").read_text()
    assert "2 nodes, 1 processes on each" in log and "on each of 2 nodes" in log, log
    assert set(re.findall(r"process \d+ on (\S+), SLURM", log)) <= set(lab.NODES["cpu"])
    assert log.count("seed 1: epoch 4/4") == 1  # one voice for both
    assert not (workflow.results / "checkpoints/gru/fold0").exists()
    one, two = (
        pd.read_parquet(each.results / "models/gru/fold0/predictions.parquet")
        for each in (quiet, workflow)
    )
    np.testing.assert_allclose(one["prediction"], two["prediction"], rtol=1e-9)
    note = json.loads((workflow.folder / WANTED).read_text())["device_note"]
    assert note == "CPU, 1 thread on each of 2 nodes (as configured)"
