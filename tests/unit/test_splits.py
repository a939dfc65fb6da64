"""Every split is a partition; the audit finds what the plain loop finds."""

import numpy as np
import pandas as pd
import pytest
from biornn import splits
from biornn.alphabets import DNA, RNA
from biornn.config import section
from biornn.config_expression import LogRatio
from biornn.encoding import encode
from biornn.files import InputError
from hypothesis import given
from hypothesis import strategies as st


def table(sequences, subsets=None):
    frame = pd.DataFrame(
        {"id": [f"ex{i}" for i in range(len(sequences))], "sequence": list(sequences)}
    )
    return frame if subsets is None else frame.assign(subset=subsets)


COLUMN = section(
    "split",
    {"method": "column", "column": "set", "train": ["tr", "more"], "validation": ["va"],
     "test": ["te"]},
)  # fmt: skip


def test_the_shipped_column():
    given = table(["A", "C", "G", "T"], ["tr", "te", "va", "more"])
    assigned = splits.assign(given, COLUMN)
    assert assigned["subset"].tolist() == ["train", "test", "validation", "train"]
    assert assigned["fold"].unique().tolist() == [0]


def test_values_without_a_meaning_are_named():
    with pytest.raises(
        InputError, match="'set' has the values holdout, which are none of more, te"
    ):
        splits.assign(table(["A"], ["holdout"]), COLUMN)


def test_an_empty_subset_is_refused():
    with pytest.raises(InputError, match="no example is in test"):
        splits.assign(table(["A", "C"], ["tr", "va"]), COLUMN)


def test_a_value_with_two_meanings_is_refused():
    split = COLUMN.model_copy(update={"test": ["tr"]})
    with pytest.raises(InputError, match="'tr' means both train and test"):
        splits.assign(table(["A"], ["tr"]), split)


@given(
    st.lists(st.text("ACGT", min_size=1, max_size=3), min_size=60, max_size=90),
    st.integers(0, 2**31),
)
def test_a_random_split_is_a_partition_that_keeps_copies_together(sequences, seed):
    split = section("split", {"method": "random", "validation": 0.3, "test": 0.3, "seed": seed})
    given_table = table(sequences)
    if given_table["sequence"].nunique() < 10:
        return
    assigned = splits.assign(given_table, split)
    assert assigned["id"].tolist() == given_table["id"].tolist()
    assert set(assigned["subset"]) == set(splits.SUBSETS)
    together = assigned.assign(sequence=sequences).groupby("sequence")["subset"].nunique()
    assert (together == 1).all()


def test_a_random_split_does_not_depend_on_the_order_of_the_file():
    split = section("split", {"method": "random"})
    given_table = table([f"{i:b}".replace("0", "A").replace("1", "C") for i in range(50)])
    one = splits.assign(given_table, split).set_index("id")["subset"]
    other = splits.assign(given_table[::-1].reset_index(drop=True), split).set_index("id")["subset"]
    assert one.equals(other.reindex(one.index))
    assert (one == "test").sum() == 10 and (one == "validation").sum() == 5


def plain_neighbors(sequences, train):
    identical, one = [], []
    for i, a in enumerate(sequences):
        differences = [
            sum(x != y for x, y in zip(a, b, strict=True)) if len(a) == len(b) else None
            for j, b in enumerate(sequences)
            if train[j] and j != i
        ]
        identical.append(0 in differences)
        one.append(1 in differences)
    return identical, one


@given(st.lists(st.tuples(st.text("ACGTN", max_size=4), st.booleans()), min_size=1, max_size=30))
def test_neighbors_equal_the_plain_loop(rows):
    sequences, train = [row[0] for row in rows], np.array([row[1] for row in rows])
    identical, one = splits.neighbors(encode(pd.Series(sequences, dtype=object), DNA), train)
    assert (identical.tolist(), one.tolist()) == plain_neighbors(sequences, train)


def test_the_audit_counts_and_names_the_reference():
    given = table(["AAA", "AAA", "AAC", "GGG", "GUG"], ["tr", "te", "te", "va", "te"])
    assigned = splits.assign(given, COLUMN)
    expression = section(
        "expression",
        {"counts": ["n", "m"], "normalization": [LogRatio(
            method="log_ratio", numerator="n", denominator="m", reference_sequence="GUG"
        ).model_dump()]},
    )  # fmt: skip
    audit = splits.audit(given, assigned, RNA, expression)
    assert list(audit.columns) == splits.AUDIT_COLUMNS
    found = {(row.check, row.subset): (row.count_, row.n) for row in audit.rename(
        columns={"count": "count_"}).itertuples()}  # fmt: skip
    assert found == {
        ("size", "train"): (1, 5),
        ("size", "validation"): (1, 5),
        ("size", "test"): (3, 5),
        ("identical_sequence", "validation"): (0, 1),
        ("identical_sequence", "test"): (1, 3),
        ("one_mismatch", "validation"): (0, 1),
        ("one_mismatch", "test"): (1, 3),
        ("normalization_reference", "test"): (1, 1),
    }


def test_subsets_are_read_in_the_order_of_the_ids(tmp_path):
    assigned = pd.DataFrame(
        {"id": ["NA", "001", "a"] * 2, "fold": [0] * 3 + [1] * 3,
         "subset": ["train", "test", "validation", "test", "train", "train"]}
    )  # fmt: skip
    assigned.to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    subsets = splits.read_subsets(tmp_path / "s.tsv", 1, pd.Series(["a", "NA", "001"]))
    assert subsets.tolist() == ["train", "test", "train"]
