"""Runs: the tables that say what became of them."""

import numpy as np
import pandas as pd
import pytest
from biornn import runs
from biornn.runs import Run
from made_data import make_data


def make_run(seed, epochs=2):
    history = [
        dict.fromkeys(runs.HISTORY_COLUMNS, 0.5) | {"seed": seed, "epoch": epoch}
        for epoch in range(1, epochs + 1)
    ]
    return Run(seed, 4, epochs, 1, history=history, cost={"padding_waste": 0.123456})


def test_history():
    table = runs.history_table([make_run(3), make_run(4)])
    assert list(table.columns) == runs.HISTORY_COLUMNS
    assert table[["seed", "epoch"]].to_numpy().tolist() == [[3, 1], [3, 2], [4, 1], [4, 2]]


def test_summary():
    assert make_run(3).summary() == {
        "seed": 3, "epochs": 2, "best_epoch": 1, "seconds": 0.0, "cost": {"padding_waste": 0.1235},
    }  # fmt: skip


def test_no_flow_is_a_table_without_rows():
    assert list(runs.flow_table([make_run(1)]).columns)[:3] == ["fold", "seed", "epoch"]


@pytest.mark.parametrize("pool", [1, 3])
def test_weights_of_positions(pool):
    data = make_data(20)
    ids = pd.Series([f"x{k}" for k in range(20)])
    run = make_run(7)
    run.attention = {
        row: np.full(-(-n // pool), pool / n) for row, n in enumerate(data.inputs.lengths)
    }
    table = runs.attention_table(ids, data, [run], pool)
    assert set(table["id"]) == {f"x{k}" for k in data.rows("test")}
    first = table[table["id"] == "x4"]
    assert first["position"].tolist() == list(range(1, data.inputs.lengths[4] + 1, pool))
    assert runs.attention_table(ids, data, [make_run(1)]).empty


def test_events_are_appended(tmp_path):
    pytest.importorskip("tensorboard", reason="an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for row in make_run(1, 3).history:
        runs.write_events(tmp_path / "seed1", row)
    read = EventAccumulator(str(tmp_path / "seed1")).Reload()
    assert [event.step for event in read.Scalars("train_loss")] == [1, 2, 3]
    assert [event.value for event in read.Scalars("gradient_norm")] == [0.5] * 3
