"""A matrix is the same from every file; what is wrong with it is named by gene and sample."""

import tempfile
from pathlib import Path

import made_matrices
import numpy as np
import pytest
import scipy.sparse
from biornn import matrices
from biornn.config_expression import MatrixRef
from biornn.files import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(["001", "NA", "no", "1e-3", "nan", "x,y", "SEPT1", "TRUE"]) | st.text(
    "abXY019_.-é ,'", min_size=1, max_size=6
).filter(lambda name: name == name.strip())


def read(path, names=None, known=None, **options):
    return matrices.read(path, MatrixRef(source="s", **options), names, **(known or {}))


def dense(matrix):
    return matrix.X.toarray() if scipy.sparse.issparse(matrix.X) else matrix.X


@st.composite
def made(draw):
    samples = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    genes = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    counts = draw(st.booleans())
    number = st.integers(0, 2**40) if counts else st.floats(-1e9, 1e9, width=32)
    shape = (len(samples), len(genes))
    values = draw(st.lists(number, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    values = np.array(values, dtype=float).reshape(shape)
    values[:, draw(st.integers(0, len(genes) - 1))] = draw(st.integers(1, 9))  # no empty sample
    return values, samples, genes, counts


@pytest.mark.parametrize("place", ["rows", "columns"])
@pytest.mark.parametrize("kind", made_matrices.ENDINGS)
@settings(max_examples=12, deadline=None)
@given(made())
def test_every_format_and_orientation_gives_the_same_matrix(kind, place, case):
    values, samples, genes, counts = case
    if kind == "series_matrix":
        place = "rows"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, options = made_matrices.write(kind, folder, values, samples, genes, place)
        names = made_matrices.names_of_mtx(folder) if kind == "mtx" else None
        matrix = read(path, names=names, values="counts" if counts else "any", **options)
    assert matrix.obs_names.tolist() == samples and matrix.var_names.tolist() == genes
    assert matrix.X.dtype == np.float64
    # a sheet of Excel has 16 digits, the others every bit
    digits = {"rtol": 1e-15 if kind == "excel" else 0, "atol": 0}
    np.testing.assert_allclose(dense(matrix), values, **digits)
    assert matrix.uns["reading"]["format"] == kind
    assert scipy.sparse.issparse(matrix.X) == (kind == "mtx")


@given(made())
@settings(max_examples=20, deadline=None)
def test_what_was_read_can_be_written_and_read_again(case):
    values, samples, genes, _ = case
    with tempfile.TemporaryDirectory() as name:
        path, options = made_matrices.write("csv", Path(name), values, samples, genes)
        matrix = read(path, values="any", **options)
        matrix.write_h5ad(Path(name) / "again.h5ad")
        again = read(Path(name) / "again.h5ad", values="any")
    assert again.obs_names.tolist() == samples and again.var_names.tolist() == genes
    np.testing.assert_array_equal(again.X, values)


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


GENES_IN_ROWS = "gene,s1,s2\ng1,1,2\ng2,3,0\ng3,5,6\n"


# -- which side has the genes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "place", "why"),
    [
        ({}, "rows", "3 rows and 2 columns"),
        ({"genes": "columns"}, "columns", "as the analysis file says"),
    ],
)
def test_the_side_of_the_genes_by_shape_or_configuration(tmp_path, options, place, why, caplog):
    caplog.set_level("INFO")
    path = write(tmp_path / "m.csv", GENES_IN_ROWS)
    matrix = read(path, **options)
    assert matrix.uns["reading"]["genes"] == place and why in matrix.uns["reading"]["why"]
    assert matrix.shape == ((2, 3) if place == "rows" else (3, 2))
    assert f"genes in {place}" in caplog.text and why in caplog.text


@pytest.mark.parametrize(
    ("known", "place"),
    [
        ({"samples": ["g1", "g3", "other"]}, "columns"),
        ({"samples": ["s1"]}, "rows"),
        ({"genes": ["s2"]}, "columns"),
        ({"genes": ["g2", "g9"]}, "rows"),
        # a sheet of samples tells more than a list of genes
        ({"samples": ["g1"], "genes": ["g2"]}, "columns"),
        # names of neither side tell nothing
        ({"samples": ["a", "b"]}, "rows"),
    ],
)
def test_the_side_of_the_genes_by_known_names(tmp_path, known, place):
    path = write(tmp_path / "m.csv", GENES_IN_ROWS)
    assert read(path, known=known).uns["reading"]["genes"] == place


def test_a_square_table_must_be_told(tmp_path):
    path = write(tmp_path / "m.csv", "gene,s1,s2\ng1,1,2\ng2,3,4\n")
    with pytest.raises(InputError, match=r"2 rows and as many columns.*Give `genes: rows`"):
        read(path)
    assert read(path, known={"samples": ["s1"]}).obs_names.tolist() == ["s1", "s2"]


# -- what is refused -------------------------------------------------------------------------------

WIDE = "sample,g1,g2,g3\ns1,1,3,5\ns2,2,0,6\n"


@pytest.mark.parametrize("text", [GENES_IN_ROWS, WIDE], ids=["genes in rows", "genes in columns"])
@pytest.mark.parametrize(
    ("cell", "options", "expected"),
    [
        ("NA", {}, r"there is no value \(1 such values\); set `allow_missing: true`"),
        ("", {}, r"there is no value"),
        ("-3", {}, r"the value is negative \(-3; 1 such values\); give raw counts"),
        ("2.5", {}, r"the value is not a whole number \(2.5; .*`values: any`"),
        ("many", {}, r"'many' is not a finite number \(1 such values\)"),
        ("inf", {"values": "any"}, r"'inf' is not a finite number"),
        ("1e999", {"values": "any"}, r"'1e999' is not a finite number"),
        ("1_0", {}, r"'1_0' is not a finite number"),
        ("٣", {}, r"'٣' is not a finite number"),
        ("NA", {"missing_values": [""], "allow_missing": True}, r"'NA' is not a finite number"),
    ],
)
def test_wrong_values_are_named_by_line_gene_and_sample(tmp_path, text, cell, options, expected):
    path = write(tmp_path / "m.csv", text.replace("6", cell))
    line = 4 if text == GENES_IN_ROWS else 3
    with pytest.raises(
        InputError, match=rf"m\.csv, line {line}, gene 'g3', sample 's2': {expected}"
    ):
        read(path, **options)


def test_missing_values_stay_missing_where_they_may(tmp_path):
    path = write(tmp_path / "m.csv", GENES_IN_ROWS.replace("6", " ? "))
    matrix = read(path, allow_missing=True)
    np.testing.assert_array_equal(matrix.X, [[1, 3, 5], [2, 0, np.nan]])


def test_numbers_of_any_kind_need_to_be_asked_for(tmp_path):
    path = write(tmp_path / "m.csv", GENES_IN_ROWS.replace("6", "-1.5e-3"))
    assert read(path, values="any").X[1, 2] == -1.5e-3


@pytest.mark.parametrize("text", [GENES_IN_ROWS, WIDE], ids=["genes in rows", "genes in columns"])
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("g3", "g1", r"the gene 'g1' is there twice \(.*1 such genes\)"),
        ("s2", "s1", r"the sample 's1' is there twice"),
        ("g2", "  ", r"the gene has no name|column ''"),
    ],
)
def test_names_must_be_there_once(tmp_path, text, old, new, expected):
    with pytest.raises(InputError, match=expected):
        read(write(tmp_path / "m.csv", text.replace(old, new)))


@pytest.mark.parametrize("place", ["rows", "columns"])
@pytest.mark.parametrize("kind", ["csv", "mtx", "h5ad"])
def test_an_all_zero_sample_is_refused(tmp_path, kind, place):
    values = np.array([[1.0, 2, 3], [0, 0, 0]])
    path, options = made_matrices.write(kind, tmp_path, values, ["s1", "s2"], list("abc"), place)
    names = made_matrices.names_of_mtx(tmp_path) if kind == "mtx" else None
    with pytest.raises(InputError, match=r"'s2' is zero or missing for all genes \(1 such"):
        read(path, names=names, **options)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-2, "is negative"), (0.5, "is not a whole"), (np.nan, "is no value"), (np.inf, "infinite")],
)
@pytest.mark.parametrize("kind", ["mtx", "h5ad", "parquet"])
def test_wrong_values_of_binary_and_sparse_files(tmp_path, kind, value, expected):
    values = np.array([[1.0, 0, 3], [4, 5, value]])
    path, options = made_matrices.write(kind, tmp_path, values, ["s1", "s2"], list("abc"))
    names = made_matrices.names_of_mtx(tmp_path) if kind == "mtx" else None
    with pytest.raises(InputError, match=rf"gene 'c', sample 's2': .*{expected}"):
        read(path, names=names, **options)


def test_an_empty_matrix_is_refused(tmp_path):
    with pytest.raises(InputError, match="no rows below the header"):
        read(write(tmp_path / "m.csv", "gene,s1\n"))
    with pytest.raises(InputError, match="empty: there are no columns of values"):
        read(write(tmp_path / "m.csv", "gene\ng1\n"))
    with pytest.raises(InputError, match=r"m.csv"):
        read(write(tmp_path / "m.csv", ""))


def test_genes_that_a_spreadsheet_made_dates_of_are_told(tmp_path, caplog):
    read(write(tmp_path / "m.csv", GENES_IN_ROWS.replace("g2", "2-Sep")))
    assert "1 genes have names such as '2-Sep'" in caplog.text


def test_the_configuration_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="needs gene_names and sample_names"):
        MatrixRef(source="s", format="mtx")
    with pytest.raises(ValueError, match="header_pattern is for records"):
        MatrixRef(source="s", header_pattern="(?P<a>.)")
    with pytest.raises(ValueError, match="format"):
        MatrixRef(source="s", format="fasta")
