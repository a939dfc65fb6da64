"""Samples of matrix and sheet: both differences are told, near misses are hinted at."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from biornn.config_expression import SampleSheet
from biornn.files import InputError
from biornn.joining import join_genes, join_samples
from hypothesis import given
from hypothesis import strategies as st


def matrix_of(samples):
    values = np.arange(len(samples) * 2, dtype=float).reshape(-1, 2)
    obs = pd.DataFrame(index=pd.Index(samples, dtype=object))
    return ad.AnnData(values, obs=obs, var=pd.DataFrame(index=["g1", "g2"]))


def sheet_of(samples):
    lines = range(2, len(samples) + 2)
    return pd.DataFrame({"sample": samples, "class": [f"c{s}" for s in samples], "line": lines})


@given(st.permutations(["001", "NA", "no", "s-1"]), st.permutations(["001", "NA", "no", "s-1"]))
def test_the_sheet_takes_the_order_of_the_matrix(samples, others):
    matrix, sheet = join_samples(matrix_of(samples), sheet_of(others), "sample")
    assert matrix.obs_names.tolist() == samples == sheet.index.tolist()
    assert sheet["class"].tolist() == [f"c{s}" for s in samples]


@given(
    st.lists(st.sampled_from("abcdef"), unique=True, min_size=1),
    st.lists(st.sampled_from("abcdef"), unique=True, min_size=1),
)
def test_dropping_keeps_what_both_have(samples, others):
    both = [name for name in samples if name in others]
    if not both:
        with pytest.raises(InputError, match="share no sample; is `id` the right column"):
            join_samples(matrix_of(samples), sheet_of(others), "sample", "drop")
        return
    whole = matrix_of(samples)
    matrix, sheet = join_samples(whole, sheet_of(others), "sample", "drop")
    assert matrix.obs_names.tolist() == both == sheet.index.tolist()
    np.testing.assert_array_equal(matrix.X, whole[both].X)
    assert sheet["class"].tolist() == [f"c{s}" for s in both]


def test_both_differences_are_told_with_counts(caplog):
    matrix, sheet = matrix_of([*"abcdefg", "same"]), sheet_of(["same", "z"])
    with pytest.raises(InputError) as raised:
        join_samples(matrix, sheet, "sample", origin="sheet.csv")
    assert str(raised.value) == (
        "sheet.csv: its samples are not those of the matrix. Only in the matrix (7): 'a', 'b', "
        "'c', 'd', 'e', …; only in the sheet (1): 'z'. Rename them, or set `unmatched: drop` to "
        "leave them out."
    )
    join_samples(matrix, sheet, "sample", "drop", origin="sheet.csv")
    assert "8 samples are left out, 1 stay. Only in the matrix (7)" in caplog.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TCGA.01", "TCGA-01"),
        ("s_1", "s 1"),
        ("S1", "s1"),
        ("X1.a", "1-a"),
        ("s1 ", "s1"),
    ],
)
def test_near_misses(one, other):
    for here, there in ((one, other), (other, one)):
        with pytest.raises(InputError) as raised:
            join_samples(matrix_of([here, "a"]), sheet_of(["a", there]), "sample")
        assert f"Nearly alike (1): '{here}' and '{there}'." in str(raised.value)


def test_what_is_not_alike_is_no_near_miss():
    with pytest.raises(InputError) as raised:
        join_samples(matrix_of(["s11", "Xa", "a"]), sheet_of(["a", "s1-1", "b"]), "sample")
    assert "Nearly alike" not in str(raised.value)


def test_a_sheet_with_mistakes():
    with pytest.raises(InputError, match=r"no column 'sampel' \(did you mean 'sample'\?\)"):
        join_samples(matrix_of(["a"]), sheet_of(["a"]), "sampel")
    with pytest.raises(InputError, match=r"t.csv, line 4: 'a' is there twice"):
        join_samples(matrix_of(["a", "b"]), sheet_of(["a", "b", "a"]), "sample", origin="t.csv")
    assert SampleSheet(source="s").unmatched == "error"
    with pytest.raises(ValueError, match="unmatched"):
        SampleSheet(source="s", unmatched="keep")


def test_genes_with_and_without_versions(caplog):
    left, right = ["ENSG2.1", "ENSG1.4", "x"], ["ENSG1.5", "y", "ENSG2.7", "z"]
    found = join_genes(left, right, strip_version=True)
    assert found.left.tolist() == [0, 1] and found.right.tolist() == [2, 0]
    assert found.only_left == ["x"] and found.only_right == ["y", "z"]
    assert "2 genes are shared. Only in the first list (1): 'x'" in caplog.text
    with pytest.raises(InputError, match=r"share no gene.*set `strip_version: true`"):
        join_genes(left, right)
    with pytest.raises(InputError, match=r"share no gene.*Nearly alike \(1\): 'Abc' and 'abc'"):
        join_genes(["Abc"], ["abc", "d"])


def test_genes_that_become_one():
    with pytest.raises(InputError, match=r"'a\.1' and 'a\.2' of the second list have one name"):
        join_genes(["a.1"], ["a.1", "a.2"], strip_version=True)
    assert join_genes(["a.1"], ["a.1", "a.2"]).right.tolist() == [0]
