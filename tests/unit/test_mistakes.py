"""The worst mistakes are those of the predictions, with their inputs and neighbours."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import report_tables
from biornn import mistakes
from biornn.examples import Description
from biornn.targets import Task

CLASSES = Task("classification", "sequence", ("x", "y"))
POSITIONS = Task("classification", "position", ("H", "C"))


def predictions(rows, columns):
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(model="net", kind="recurrent", fold=0, subset="test")


def tables(frame, sequences, task, **changes):
    return replace(
        report_tables.tables(),
        predictions=frame,
        examples=pd.DataFrame(
            {"id": list(sequences), "source_id": [f"<{name}>" for name in sequences],
             "sequence": list(sequences.values())}
        ),
        description=Description("letters", "dna", task),
        **changes,
    )  # fmt: skip


def test_the_surest_wrong_answers_come_first():
    rows = [(name, seed, true, 1 - p, p) for name, true, chances in (
        ("a", "x", (0.9, 0.8)), ("b", "x", (0.99, 0.97)), ("c", "y", (0.99, 0.99)),
        ("d", "x", (0.9, 0.2)), ("e", "x", (0.1, 0.1)),
    ) for seed, p in enumerate(chances)]  # fmt: skip
    frame = predictions(rows, ["id", "seed", "target", "prediction.x", "prediction.y"])
    near = pd.DataFrame({"fold": 0, "id": ["b"], "nearest": ["c"], "identity": [0.75]})
    found = mistakes.find(tables(frame, dict.fromkeys("abcde", "A" * 50), CLASSES, nearest=near))
    assert [row.id for row in found.rows] == ["b", "a", "d"]
    assert found.rows[0].size == pytest.approx(0.98)
    assert [row.agree for row in found.rows] == ["2 of 2", "2 of 2", "1 of 2"]
    assert (found.rows[0].target, found.rows[0].prediction) == ("x", "y")
    assert (found.rows[0].nearest, found.rows[0].identity) == ("c", 0.75)
    assert found.rows[0].nearest_target == "y" and found.rows[1].nearest == ""
    assert found.rows[0].source_id == "<b>" and found.rows[0].sequence == "A" * 50
    assert found.rows[0].short == "A" * 16 + "…" + "A" * 12
    assert "3 of 5 test examples are wrong" in found.said[0]


def test_residuals_are_in_standard_deviations_and_seeds_agree():
    given = report_tables.tables()
    found = mistakes.find(given)
    test = given.predictions.query("model == 'net' and subset == 'test'")
    table = test.pivot(index="id", columns="seed", values="prediction")
    truth = test.drop_duplicates("id").set_index("id")["target"]
    residual = truth - table.mean(axis=1)
    worst = (residual / residual.std()).sort_values(key=abs, ascending=False)
    assert found.rows[0].id == worst.index[0]
    assert found.rows[0].size == pytest.approx(worst.iloc[0])
    assert all(row.agree == "2 of 2" for row in found.rows)
    # seeds that miss in two directions do not count
    frame = predictions(
        [("a", 1, 0.0, 5.0), ("a", 2, 0.0, -9.0), ("b", 1, 0.0, 1.0), ("b", 2, 0.0, 0.5),
         ("c", 1, 0.0, -1.0), ("c", 2, 0.0, -1.5)],
        ["id", "seed", "target", "prediction"],
    )  # fmt: skip
    found = mistakes.find(tables(frame, dict.fromkeys("abc", "AC"), given.description.task))
    assert [row.id for row in found.rows] == ["c", "b"] and found.rows[0].size > 0


def test_counts_are_compared_by_their_logarithms():
    found = mistakes.find(report_tables.of_task("count"))
    assert "ln(1 + count)" in found.said[0] and len(found.rows) == mistakes.MOST


def test_labels_are_given_or_missing():
    found = mistakes.find(report_tables.of_task("multilabel"))
    sizes = [row.size for row in found.rows]
    assert sizes == sorted(sizes, reverse=True) and min(sizes) > 0.5
    for row in found.rows:
        assert {row.target, row.prediction} in ({"a", "not a"}, {"b", "not b"})


def test_sequences_of_positions_have_their_wrong_stretches():
    rows = []
    for name, truth, said in (
        ("good", "HHHHCC", "HHHHCC"), ("bad", "HHCCCC", "CCCCHH"), ("so", "HHHHHH", "HCHHHH"),
    ):  # fmt: skip
        rows += [(name, 1, at, true, 0.9 * (guess == "H"), 0.9 * (guess == "C"))
                 for at, (true, guess) in enumerate(zip(truth, said, strict=True), 1)]  # fmt: skip
    columns = ["id", "seed", "position", "target", "prediction.H", "prediction.C"]
    frame = predictions(rows, columns)
    frame = frame[~((frame["id"] == "bad") & (frame["position"] == 3))]  # no label there
    found = mistakes.find(tables(frame, dict.fromkeys(("good", "bad", "so"), "ACGTAC"), POSITIONS))
    assert [row.id for row in found.rows] == ["bad", "so"]
    assert found.rows[0].stretches == "1 to 2, 5 to 6" and found.rows[0].agree == "4 of 5"
    assert found.rows[0].lines == ((1, "ACGTAC", "HH.CCC", "CC.CHH", "^^  ^^"),)
    assert "5 of 17 test positions are wrong" in found.said[0]
    assert mistakes.find(tables(frame[frame["id"] == "good"], {"good": "A"}, POSITIONS)) is None


def test_numbers_by_position_are_wrong_where_they_are_far_off():
    values = np.zeros(40)
    values[[4, 5]] = 9.0
    rows = [("a", 1, at, value, 0.1) for at, value in enumerate(values, 1)]
    frame = predictions(rows, ["id", "seed", "position", "target", "prediction"])
    task = Task("regression", "position")
    found = mistakes.find(tables(frame, {"a": "A" * 40}, task))
    assert found.rows[0].stretches == "5 to 6" and found.rows[0].lines == ()
