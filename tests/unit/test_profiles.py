"""The samples of a matrix are examples: values, targets and copies stay with their sample."""

import numpy as np
import pandas as pd
import pytest
from biornn import profiles
from biornn.config import section
from biornn.files import InputError

COUNTS = pd.DataFrame(
    [[5, 0, 1, 2, 9], [0, 7, 1, 3, 1], [4, 0, 2, 2, 8]],
    index=["s-1", "NA", "001"],
    columns=["g1", "g2", "g3", "g4", "g5"],
)
SHEET = "sample,kind,set\nNA,b,test\ns-1,a,train\n001,a,validation\n"


def build(tmp_path, *, counts=COUNTS, sheet=SHEET, target=None, samples=None, **matrix):
    counts.T.to_csv(tmp_path / "counts.csv")
    (tmp_path / "sheet.csv").write_text(sheet)
    config = {
        "matrix": {"source": "m"} | matrix,
        "samples": {"source": "s"} | (samples or {}),
        "profile": {"method": "order", "genes_per_step": 2},
    }
    return profiles.build(
        {"m": tmp_path / "counts.csv", "s": tmp_path / "sheet.csv"},
        section("expression", config),
        section("target", {"column": "kind"} | (target or {})),
        section("split", {"method": "column", "column": "set"}),
    )


def test_samples_are_examples(tmp_path):
    built = build(tmp_path)
    table = built.table.drop(columns="sequence").to_dict("list")
    assert table == {
        "id": ["s-1", "NA", "001"],
        "source_id": ["s-1", "NA", "001"],
        "subset": ["train", "test", "validation"],
        "target": ["a", "b", "a"],
    }
    np.testing.assert_array_equal(built.counts.to_numpy(), COUNTS.to_numpy())
    assert built.counts.columns.tolist() == COUNTS.columns.tolist()
    described = built.description
    assert (described.inputs, described.task.classes) == ("profiles", ("a", "b"))
    assert described.profile == {"method": "order", "genes_per_step": 2, "genes": 5}
    assert any(
        reason.startswith("genes are in rows: 3 of 3 known") for reason in built.qc["reason"]
    )


def test_copies_of_a_profile_can_be_told(tmp_path):
    counts = COUNTS.copy()
    counts.loc["001"] = counts.loc["s-1"]
    sequences = build(tmp_path, counts=counts).table["sequence"]
    assert sequences[0] == sequences[2] != sequences[1]


def test_samples_without_a_target(tmp_path):
    sheet = SHEET.replace("NA,b", "NA,")
    with pytest.raises(InputError, match="record NA: 'kind' is '', no target"):
        build(tmp_path, sheet=sheet)
    sheet = SHEET.replace("001,a", "001,b").replace("NA,b", "NA,?")
    built = build(tmp_path, sheet=sheet, target={"missing": "drop", "missing_values": ["?"]})
    assert built.table["id"].tolist() == ["s-1", "001"]
    np.testing.assert_array_equal(built.counts.to_numpy(), COUNTS.to_numpy()[[0, 2]])


def test_a_sheet_with_other_samples(tmp_path):
    sheet = SHEET.replace("s-1", "s.1") + "x,a,train\n"
    with pytest.raises(InputError, match=r"s-1.*x"):
        build(tmp_path, sheet=sheet)
    sheet = SHEET.replace("s-1,a", "t,a").replace("001,a", "001,c")
    built = build(tmp_path, sheet=sheet, samples={"unmatched": "drop"})
    assert built.table["id"].tolist() == ["NA", "001"]
    np.testing.assert_array_equal(built.counts.to_numpy(), COUNTS.to_numpy()[[1, 2]])


def test_a_column_that_the_samples_do_not_have(tmp_path):
    with pytest.raises(InputError, match=r"no column 'kinds' \(did you mean 'kind'\?\)"):
        build(tmp_path, target={"column": "kinds"})
