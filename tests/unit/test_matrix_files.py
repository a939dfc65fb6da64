"""Matrix Market and h5ad: what is cut off, out of range or not what it says is refused."""

import gzip
import hashlib
import zipfile

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from biornn import archives, matrices, matrix_files
from biornn.config_expression import MatrixRef, NamesRef
from biornn.files import InputError

MTX = "%%MatrixMarket matrix coordinate integer general\n%by hand\n3 2 3\n1 1 5\n2 2 1\n3 1 2\n"
NAMES = {"gene_names": NamesRef(), "sample_names": NamesRef()}


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.fixture
def names(tmp_path):
    genes = write(tmp_path / "genes.tsv", "001\tA\nNA\tB\nno\tC\n")
    return {"gene_names": genes, "sample_names": write(tmp_path / "barcodes.tsv", "AC-1\nGT-1\n")}


def read(path, names, **options):
    return matrices.read(path, MatrixRef(source="s", **(NAMES | options)), names)


@pytest.mark.parametrize("pack", [False, True])
def test_mtx_with_names_beside_it(tmp_path, names, pack):
    path = write(tmp_path / "m.mtx", MTX)
    if pack:
        path = tmp_path / "m.mtx.gz"
        path.write_bytes(gzip.compress(MTX.encode()))
    matrix = read(path, names)
    assert matrix.obs_names.tolist() == ["AC-1", "GT-1"]
    assert matrix.var_names.tolist() == ["001", "NA", "no"]
    assert scipy.sparse.issparse(matrix.X) and matrix.X.format == "csr"
    assert matrix.X.toarray().tolist() == [[5, 0, 2], [0, 1, 0]]
    assert dict(matrix.uns["reading"])["genes"] == "rows"


def test_mtx_with_samples_in_rows_is_seen_by_the_lists(tmp_path, names):
    path = write(tmp_path / "m.mtx", MTX)
    turned = {"gene_names": names["sample_names"], "sample_names": names["gene_names"]}
    assert read(path, turned).obs_names.tolist() == ["001", "NA", "no"]


def test_mtx_and_names_as_members_of_one_archive(tmp_path, names):
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("f/matrix.mtx", MTX)
        for key, file in names.items():
            archive.write(file, f"f/{key}.tsv")
    references = {key: NamesRef(member=f"f/{key}.tsv") for key in names}
    matrix = read(path, None, member="f/matrix.mtx", **references)
    assert matrix.shape == (2, 3)


def test_names_from_another_column(tmp_path, names):
    assert matrix_files.read_names(names["gene_names"], NamesRef(position=2)) == ["A", "B", "C"]
    path = write(tmp_path / "t.csv", "n,symbol\n1,NA\n2,x\n")
    assert matrix_files.read_names(path, NamesRef(column="symbol")) == ["NA", "x"]
    with pytest.raises(InputError, match="line 1: 2 columns, but `position` is 3"):
        matrix_files.read_names(names["gene_names"], NamesRef(position=3))
    with pytest.raises(InputError, match="there are no names"):
        matrix_files.read_names(write(tmp_path / "e.tsv", ""), NamesRef())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("3 1 2\n", "", r"cut off: the header \(line 3\) says 3 entries, at most 2 are there"),
        ("3 2 3", "3 2 999999999999", "says 999999999999 entries"),
        ("3 1 2", "4 1 2", "Row index out of bounds"),
        ("3 1 2", "3 0 2", "index out of bounds"),
        ("3 1 2", "3 1 x", "not a whole Matrix Market file: Line 6"),
        ("3 1 2\n", "3 1 2\n3 2 2\n", "Too many lines"),
        ("3 1 2", "1 1 2", "1 entries give a value that is given already"),
        ("3 2 3", "30 2 3", "30 rows and 2 columns, but there are names of 3 genes and 2 samples"),
        ("3 2 3", "3 2", "line 3: no sizes"),
        ("%%Mat", "%%Cat", "no %%MatrixMarket on line 1"),
        ("integer", "pattern", "line 1: the values are 'pattern'"),
        (MTX, "", "no %%MatrixMarket on line 1"),
    ],
)
def test_damaged_mtx(tmp_path, names, old, new, expected):
    with pytest.raises(InputError, match=f"m.mtx.*{expected}"):
        read(write(tmp_path / "m.mtx", MTX.replace(old, new)), names)


def test_mtx_needs_names(tmp_path):
    with pytest.raises(InputError, match="Give gene_names and sample_names"):
        matrices.read(write(tmp_path / "m.mtx", MTX), MatrixRef(source="s"))


@pytest.fixture
def container():
    obs = pd.DataFrame({"type": pd.Categorical(["B", "T"]), "age": [40, 50]}, index=["001", "NA"])
    var = pd.DataFrame({"symbol": ["a", "b", "c"]}, index=["g1", "g2", "g3"])
    full = ad.AnnData(np.array([[9.0, 9, 9], [8, 8, 8]]), obs=obs, var=var)
    result = full[:, :2].copy()
    result.raw = full
    result.layers["spliced"] = scipy.sparse.csc_matrix(np.array([[1, 0], [2, 3]]))
    return result


def test_h5ad_keeps_annotations_and_sparseness(tmp_path, container):
    container.write_h5ad(tmp_path / "m.h5ad")
    for layer, expected in {
        "X": [[9, 9], [8, 8]], "raw": [[9, 9, 9], [8, 8, 8]], "spliced": [[1, 0], [2, 3]],
    }.items():  # fmt: skip
        matrix = matrices.read(tmp_path / "m.h5ad", MatrixRef(source="s", layer=layer))
        sparse = scipy.sparse.issparse(matrix.X)
        assert sparse == (layer == "spliced") and matrix.X.dtype == np.float64
        assert (matrix.X.toarray() if sparse else matrix.X).tolist() == expected
        assert matrix.obs_names.tolist() == ["001", "NA"]
        assert matrix.obs["type"].dtype == "category" and matrix.obs["age"].tolist() == [40, 50]
        assert matrix.var["symbol"].tolist() == list("abc")[: len(expected[0])]
    with pytest.raises(InputError, match=r"no layer 'splice' \(did you mean 'spliced'\?\)"):
        matrices.read(tmp_path / "m.h5ad", MatrixRef(source="s", layer="splice"))


def test_h5ad_that_is_none(tmp_path, container):
    container.write_h5ad(tmp_path / "m.h5ad")
    whole = (tmp_path / "m.h5ad").read_bytes()
    for damaged in (b"nonsense", whole[: len(whole) // 2], b""):
        (tmp_path / "x.h5ad").write_bytes(damaged)
        with pytest.raises(InputError, match=r"x.h5ad: not a whole h5ad file"):
            matrices.read(tmp_path / "x.h5ad", MatrixRef(source="s"))
    with h5py.File(tmp_path / "other.h5ad", "w") as file:
        file["something"] = [1, 2]
    with pytest.raises(InputError, match=r"other.h5ad"):
        matrices.read(tmp_path / "other.h5ad", MatrixRef(source="s"))


@pytest.mark.parametrize("what", ["link", "storage", "virtual", "size"])
def test_h5ad_that_reaches_for_other_files_or_all_memory(tmp_path, container, monkeypatch, what):
    path = tmp_path / "m.h5ad"
    container.write_h5ad(path)
    (tmp_path / "secret").write_bytes(b"12345678")
    expected = "points to another file: refused"
    with h5py.File(path, "a") as file:
        if what == "link":
            file["obs/secret"] = h5py.ExternalLink(str(tmp_path / "secret"), "/")
        elif what == "storage":
            file.create_dataset(
                "layers/secret", (1,), "f8", external=[(str(tmp_path / "secret"), 0, 8)]
            )
        elif what == "virtual":
            layout = h5py.VirtualLayout((2, 2), "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "X", (2, 2))
            file.create_virtual_dataset("layers/secret", layout)
        else:
            monkeypatch.setattr(matrix_files, "MAX_UNPACKED", 1000)
            file.create_dataset("layers/big", (10, 100), "f8", chunks=True)
            expected = "unpacks to 8000 bytes: refused"
    with pytest.raises(InputError, match=expected):
        matrices.read(path, MatrixRef(source="s"))


def test_h5ad_of_text_is_refused(tmp_path):
    with h5py.File(tmp_path / "m.h5ad", "w") as file:
        ad.io.write_elem(file, "X", np.array([["a"]], dtype=object))
        for key, name in (("obs", "s1"), ("var", "g1")):
            ad.io.write_elem(file, key, pd.DataFrame(index=[name]))
    with pytest.raises(InputError, match="the values are of type object, not numbers"):
        matrices.read(tmp_path / "m.h5ad", MatrixRef(source="s"))


def test_a_member_is_checked_against_its_checksum(tmp_path):
    text = b"gene,s1\na,1\nb,2\n"
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m.csv", text)
    good = {"member": "m.csv", "member_sha256": hashlib.sha256(text).hexdigest()}
    assert matrices.read(path, MatrixRef(source="s", **good)).shape == (1, 2)
    with pytest.raises(InputError, match="checksum mismatch"):
        matrices.read(path, MatrixRef(source="s", **(good | {"member_sha256": "0" * 64})))


def test_formats_that_hold_no_matrix(tmp_path):
    with pytest.raises(InputError, match=r"can't be read from fasta.*series_matrix"):
        matrices.read(write(tmp_path / "x.fa", ">a\nAC\n"), MatrixRef(source="s"))
    with pytest.raises(InputError, match="`drop` is for columns of tables, not for mtx"):
        read(write(tmp_path / "m.mtx", MTX), None, drop=["x"])


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1000)
    (tmp_path / "m.csv.gz").write_bytes(gzip.compress(b"gene,s1\n" + b"a,1\n" * 1000))
    with pytest.raises(InputError, match="unpacks to more than 1000 bytes"):
        matrices.read(tmp_path / "m.csv.gz", MatrixRef(source="s"))
