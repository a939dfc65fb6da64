"""The audit finds what the plain loop finds."""

import numpy as np
import pandas as pd
import pytest
from biornn import audits
from biornn.alphabets import DNA, PROTEIN, RNA, reverse_complement
from biornn.config import section
from biornn.config_normalization import LogRatio
from biornn.encoding import encode
from biornn.targets import REGRESSION, Task
from hypothesis import given
from hypothesis import strategies as st
from test_similarity import distance
from test_splits import table

CLASSES = Task("classification", "sequence", ("a", "b"))


def splits_of(given_table, *folds):
    """Folds written as letters: t(rain), v(alidation), x (test)."""
    subset = {"t": "train", "v": "validation", "x": "test"}
    return pd.concat(
        [
            pd.DataFrame({"id": given_table["id"], "fold": n, "subset": [subset[c] for c in word]})
            for n, word in enumerate(folds)
        ]
    )


def counts(audited):
    return {
        (row.fold, row.check, row.subset): (row.count_, row.n)
        for row in audited.rename(columns={"count": "count_"}).itertuples()
    }


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


@given(
    st.lists(st.tuples(st.text("ACGTN", max_size=4), st.booleans()), min_size=1, max_size=30),
    st.sampled_from([1, 20, 2**22]),
)
def test_neighbors_equal_the_plain_loop(rows, at_once):
    sequences, train = [row[0] for row in rows], np.array([row[1] for row in rows])
    encoded = encode(pd.Series(sequences, dtype=object), DNA)
    before, audits._HASHES_AT_ONCE = audits._HASHES_AT_ONCE, at_once
    try:
        identical, one = audits.neighbors(encoded, train)
    finally:
        audits._HASHES_AT_ONCE = before
    assert (identical.tolist(), one.tolist()) == plain_neighbors(sequences, train)


@given(
    st.lists(st.text("ACGT", min_size=1, max_size=9), min_size=1, max_size=6),
    st.lists(st.text("ACGT", min_size=1, max_size=9), min_size=1, max_size=6),
)
def test_the_nearest_equals_the_plain_loop(queries, references):
    for alphabet in (DNA, PROTEIN):
        identity, index, strand = audits.nearest(queries, references, alphabet)
        for row, query in enumerate(queries):
            both = [query, reverse_complement(query, DNA)][: 2 if alphabet is DNA else 1]
            plain = max(
                1 - distance(text, reference) / max(len(text), len(reference))
                for text in both
                for reference in references
            )
            assert identity[row] == pytest.approx(plain if plain >= audits.LOWEST else 0, abs=1e-5)
            if identity[row]:
                text, other = both[int(strand[row] == "-")], references[index[row]]
                found = 1 - distance(text, other) / max(len(text), len(other))
                assert found == pytest.approx(plain, abs=1e-5)


def test_the_audit_counts_and_names_the_reference():
    given_table = table(["AAA", "AAA", "AAC", "GGG", "GUG"])
    expression = section(
        "expression",
        {"counts": ["n", "m"], "normalization": [LogRatio(
            method="log_ratio", numerator="n", denominator="m", reference_sequence="GUG"
        ).model_dump()]},
    )  # fmt: skip
    assigned = splits_of(given_table, "txxvx")
    audited, nearest = audits.audit(given_table, assigned, REGRESSION, RNA, expression)
    assert list(audited.columns) == audits.AUDIT_COLUMNS
    assert list(nearest.columns) == audits.NEAREST_COLUMNS
    assert counts(audited) == {
        (0, "size", "train"): (1, 5),
        (0, "size", "validation"): (1, 5),
        (0, "size", "test"): (3, 5),
        (0, "identical_sequence", "validation"): (0, 1),
        (0, "identical_sequence", "test"): (1, 3),
        (0, "identical_seen", "test"): (1, 3),
        (0, "one_mismatch", "validation"): (0, 1),
        (0, "one_mismatch", "test"): (1, 3),
        (0, "similar_sequence", "test"): (1, 3),
        (0, "nearest_identity", "test"): (3, 3),
        (0, "shuffled_identity", "test"): (3, 3),
        (0, "normalization_reference", "test"): (1, 1),
    }
    assert nearest["id"].tolist() == ["ex1", "ex2", "ex4"]
    assert nearest["nearest"].tolist() == ["ex0", "ex0", ""]
    assert nearest["identity"].tolist() == pytest.approx([1, 2 / 3, 0], abs=1e-5)


def test_groups_strands_and_classes():
    given_table = table(
        ["AAAA", "TTTT", "ACGA", "GGCC", "CCAA"],
        group=["p", "q", "q", "r", "s"],
        target=["a", "a", "b", "b", "a"],
    )
    assigned = splits_of(given_table, "txtxv", "ttxxv")
    audited, nearest = audits.audit(given_table, assigned, CLASSES, DNA)
    found = counts(audited)
    assert found[0, "reverse_complement", "test"] == (1, 2)  # TTTT; GGCC is its own
    assert found[0, "shared_group", "test"] == (1, 2)
    assert found[1, "shared_group", "test"] == (1, 2)
    assert nearest["fold"].tolist() == [0, 0, 1, 1]
    assert nearest["strand"].tolist()[0] == "-" and nearest["identity"][0] == 1
    shares = audited[(audited["check"] == "class") & (audited["fold"] == 0)]
    assert shares[["subset", "note", "count"]].to_numpy().tolist()[:2] == [
        ["train", "a", 1], ["train", "b", 1]
    ]  # fmt: skip
    clusters = pd.Series([1, 1, 2, 3, 4], index=given_table["id"])
    by_cluster, _ = audits.audit(given_table, assigned, CLASSES, DNA, clusters=clusters)
    assert counts(by_cluster)[0, "shared_group", "test"] == (1, 2)


def test_what_is_told_where_no_leakage_is_wanted():
    given_table = table(["AAAA", "AAAA", "AAAC", "GGGG"], group=list("pqrp"))
    audited, nearest = audits.audit(
        given_table, splits_of(given_table, "txxv"), REGRESSION, PROTEIN
    )
    strict = section("split", {"method": "random", "max_identity": 0.7})
    assert audits.leaks(audited, nearest, strict) == [
        "1 of 2 test examples have their sequence in training",
        "1 of 1 validation examples have their group in training",
        "2 of 2 test examples have a training sequence of more than 0.7 identity",
    ]
    plain = section("split", {"method": "random"})
    assert len(audits.leaks(audited, nearest, plain)) == 2


def test_large_sets_are_looked_at_in_part(monkeypatch):
    generator = np.random.default_rng(0)
    given_table = table(["".join(generator.choice(list("ACDEF"), 20)) for _ in range(200)])
    assigned = splits_of(given_table, "t" * 100 + "x" * 99 + "v")
    whole = audits.audit(given_table, assigned, REGRESSION, PROTEIN)[1]
    monkeypatch.setattr(audits, "BUDGET", 30 * 100 * 20)
    part = audits.audit(given_table, assigned, REGRESSION, PROTEIN)[1]
    assert len(whole) == 99 and len(part) == 30
    merged = part.merge(whole, on="id")
    assert (merged["identity_x"] == merged["identity_y"]).all()


def test_inputs_that_are_no_letters():
    given_table = table(["1 2", "1 2", "3 4"])
    audited, nearest = audits.audit(given_table, splits_of(given_table, "txv"), REGRESSION, None)
    assert counts(audited)[0, "identical_sequence", "test"] == (1, 1)
    assert nearest.empty and "one_mismatch" not in set(audited["check"])
