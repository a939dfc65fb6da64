"""The genes of a matrix and the examples are joined by name; what differs is told."""

import numpy as np
import pandas as pd
import pytest
from biornn import examples, gene_values
from biornn.config import section
from biornn.files import InputError
from biornn.records import Log

MATRIX = pd.DataFrame(
    [[5, 0, 1], [0, 7, 1], [4, 0, 2], [3, 3, 3]],
    index=["NA", "001", "ENSG01.5", "x"],
    columns=["s 1", "s2", "s3"],
)
SEQUENCES = {"ENSG01.7": "ACGT", "001": "TTTT", "NA": "GGCC"}


def configured(**target):
    return section("expression", {"matrix": {"source": "m"}, "target": target})


def read(tmp_path, ids, matrix=MATRIX, **target):
    matrix.to_csv(tmp_path / "m.csv")
    return gene_values.read(pd.Series(ids), {"m": tmp_path / "m.csv"}, configured(**target), Log())


def test_values_are_those_of_the_gene(tmp_path):
    values, found = read(tmp_path, ["x", "001", "ENSG01.5", "NA"])
    assert found.all() and list(values.columns) == ["s 1", "s2", "s3"]
    expected = MATRIX.loc[["x", "001", "ENSG01.5", "NA"]].to_numpy()
    np.testing.assert_array_equal(values, expected)


def test_differences_are_listed(tmp_path):
    with pytest.raises(InputError) as error:
        read(tmp_path, ["NA", "001", "X"])
    message = str(error.value)
    assert "Only in the examples (1): 'X'" in message
    assert "m.csv (2): 'ENSG01.5', 'x'" in message
    assert "Nearly alike (1): 'X' and 'x'" in message and "`unmatched: drop`" in message
    values, found = read(tmp_path, ["NA", "001", "X"], unmatched="drop")
    assert found.tolist() == [True, True, False]
    assert values.loc[2].isna().all() and values.loc[1].tolist() == [0, 7, 1]


def test_versions_may_differ(tmp_path):
    ids = ["ENSG01.7", "001", "NA", "x"]
    with pytest.raises(InputError, match=r"ENSG01\.7"):
        read(tmp_path, ids)
    values, found = read(tmp_path, ids, strip_version=True)
    assert found.all() and values.loc[0].tolist() == [4, 0, 2]


def test_some_samples_may_be_named(tmp_path):
    ids = list(MATRIX.index)
    values, _ = read(tmp_path, ids, samples=["s3", "s 1"])
    assert list(values.columns) == ["s3", "s 1"]
    np.testing.assert_array_equal(values, MATRIX[["s3", "s 1"]])
    with pytest.raises(InputError, match=r"no sample 's1'.*did you mean 's.?1'.*1 of 2 are not"):
        read(tmp_path, ids, samples=["s1", "s2"])


def build(tmp_path, **target):
    MATRIX.to_csv(tmp_path / "m.csv")
    (tmp_path / "x.fasta").write_text("".join(f">{n}\n{s}\n" for n, s in SEQUENCES.items()))
    return examples.build(
        {"m": tmp_path / "m.csv", "x": tmp_path / "x.fasta"},
        section("examples", {"source": "x", "id": "id", "sequence": {"alphabet": "dna"}}),
        section("target", {}),
        section("split", {"method": "random"}),
        configured(**target),
    )


def test_sequences_get_the_values_of_their_genes(tmp_path):
    built = build(tmp_path, unmatched="drop")
    assert built.table["source_id"].tolist() == ["001", "NA"]
    assert built.table["sequence"].tolist() == ["TTTT", "GGCC"]
    assert "target" not in built.table and built.description.task.kind == "regression"
    np.testing.assert_array_equal(built.counts, MATRIX.loc[["001", "NA"]])
    qc = built.qc.set_index("reason")
    assert qc.loc["the matrix does not have the gene", "record"] == "ENSG01.7"
    assert qc.loc["genes of the matrix without an example, left out", "count"] == 2
    built = build(tmp_path, unmatched="drop", strip_version=True)
    np.testing.assert_array_equal(built.counts, MATRIX.loc[["ENSG01.5", "001", "NA"]])
