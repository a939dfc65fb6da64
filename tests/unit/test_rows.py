"""Rows hold what the tables of a run say, whatever a checklist has."""

import pandas as pd
import pytest
import report_tables
from biornn import rows


def test_models_come_best_first_with_their_intervals():
    tables = report_tables.tables()
    found = rows.ranked(tables, "test")
    assert [row["model"] for row in found] == tables.ranked_models()
    net = next(row for row in found if row["model"] == "net")
    assert list(net["cells"]) == list(tables.labels) and net["n"] == 50
    score = tables.metrics.query(
        "model == 'net' and subset == 'test' and metric == 'r2' and seed == 'all'"
    ).iloc[0]
    value, limits = net["cells"]["r2"]
    assert float(value) == pytest.approx(score["value"], abs=5e-4)
    assert limits == f"{score['ci_low']:.3f} to {score['ci_high']:.3f}"


def test_networks_have_their_costs():
    (row,) = rows.networks(report_tables.tables())
    assert (row["name"], row["parameters"], row["epochs"]) == ("net", "1,234", "3")
    assert row["clipped"] == "18" and row["waste"] == "–"
    assert rows.folds(report_tables.tables()) == []  # there is one


def test_reasons_are_counted_with_their_first_record():
    changed = pd.DataFrame(
        [("a", 3, "dropped", "letters"), ("b", 4, "dropped", "letters"), ("c", 5, "changed", "u")],
        columns=["record", "line", "action", "reason"],
    )
    assert rows.by_reason(changed) == [
        {"action": "dropped", "reason": "letters", "count": 2, "record": "a", "line": 3},
        {"action": "changed", "reason": "u", "count": 1, "record": "c", "line": 5},
    ]


def test_a_checklist_of_any_sections_has_its_rows():
    found = rows.checklist(
        {"data": {"dataset_splits": {"status": "run", "text": "so"}},
         "other": {"x": {"status": "author", "text": "", "more": 1}}}
    )  # fmt: skip
    assert found["n"] == 2 and found["left"] == 1
    assert found["parts"][0] == (
        "Data", [{"item": "Dataset splits", "author": False, "text": "so"}]
    )  # fmt: skip
