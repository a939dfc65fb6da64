"""The alphabet is taken from the letters; labels stay under their letters."""

import numpy as np
import pandas as pd
import pytest
from biornn import letters
from biornn.alphabets import DNA, PROTEIN, RNA
from biornn.config import section
from biornn.records import Log
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        (["ACGT", "NNA"], DNA),
        (["ACGU"], RNA),
        (["ACG"], DNA),
        (["MKV", "ACGT"], PROTEIN),
        (["ACRT"], PROTEIN),  # may be nucleotides with an ambiguity code: then it must be said
        (["AC-T"], None),
        (["12"], None),
    ],
)
def test_the_smallest_alphabet_with_all_letters(sequences, expected):
    assert letters.detect_alphabet(pd.Series(sequences)) is expected


def table_of(sequences, labels):
    return pd.DataFrame(
        {
            "source_id": [f"r{i}" for i in range(len(sequences))],
            "line": range(len(sequences)),
            "origin": "t",
            "sequence": sequences,
            "labels": pd.Series(labels, dtype=object),
        }
    )


def check(table, **options):
    config = section("examples", {"source": "s", "sequence": options}).sequence
    return letters.check(table, config, DNA, np.ones(len(table), dtype=bool), Log())


@given(
    st.lists(st.text("ACGT-", min_size=1, max_size=12), min_size=1, max_size=5),
    st.sampled_from(["crop_start", "crop_end", "crop_both"]),
    st.booleans(),
)
def test_labels_stay_under_their_letters(sequences, policy, words):
    # the label of a letter is the letter itself
    labels = [tuple(text) if words else text for text in sequences]
    table = table_of(sequences, labels)
    check(table, remove="-", max_length=4, too_long=policy, too_short="drop")
    for text, label in zip(table["sequence"], table["labels"], strict=True):
        assert "".join(label) == text and len(text) <= 4 and "-" not in text


def test_white_space_is_taken_out_and_said():
    table, log = table_of(["a C\tg", "ACG"], ["", ""]), Log()
    letters.spell_out(table, section("examples", {"source": "s"}).sequence, log)
    assert table["sequence"].tolist() == ["ACG", "ACG"]
    assert [row[0] for row in log.rows] == ["r0"]


def test_a_start_is_taken_off_once_with_its_labels():
    table = table_of(["AAC", "CA", "A"], [list("abc"), list("de"), list("f")])
    keep = check(table, strip_start="a", too_short="drop")
    assert table["sequence"].tolist() == ["AC", "CA", ""] and keep.tolist() == [True, True, False]
    assert [list(each) for each in table["labels"]] == [list("bc"), list("de"), []]
