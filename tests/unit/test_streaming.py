"""A file in pieces is the file; what is damaged is named when it is met."""

import gzip
import io
import sys

import pandas as pd
import pytest
import zstandard
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from biornn import streaming, tables
from biornn.config_tables import TableRef
from biornn.files import InputError
from hypothesis import given
from hypothesis import strategies as st

TABLE = pd.DataFrame(
    {"id": [f"r{n}" for n in range(9)], "sequence": ["ACGU" * n for n in range(9)]}
)


def write(folder, kind):
    path = folder / f"x.{kind}"
    fasta = "".join(f">{i} more\n{s}\n" for i, s in TABLE.itertuples(index=False))
    if kind.startswith("fa") and kind != "fastq":
        packed = {"fa": bytes, "fa.gz": gzip.compress,
                  "fa.zst": zstandard.ZstdCompressor().compress}[kind]  # fmt: skip
        path.write_bytes(packed(fasta.encode()))
    elif kind == "fastq":
        path.write_text("".join(f"@{i}\n{s}\n+\n{'I' * len(s)}\n" for i, s in
                                TABLE.itertuples(index=False)))  # fmt: skip
    elif kind in ("gb", "embl"):
        records = [SeqRecord(Seq("ACGT" * (n + 1)), id=f"AB{n}.1", name=f"AB{n}",
                             annotations={"molecule_type": "DNA"}) for n in range(5)]  # fmt: skip
        SeqIO.write(records, path, "genbank" if kind == "gb" else "embl")
    elif kind == "parquet":
        TABLE.to_parquet(path)
    elif kind == "xlsx":
        TABLE.to_excel(path, index=False)
    else:
        TABLE.to_csv(path, index=False, sep="," if kind == "csv" else "\t")
    return path


@pytest.mark.parametrize(
    "kind",
    ["fa", "fa.gz", "fa.zst", "fastq", "gb", "embl", "csv", "tsv", "parquet", "xlsx"],
)
def test_pieces_are_the_whole(tmp_path, kind):
    path = write(tmp_path, kind)
    whole = tables.read(path, TableRef())
    for records, characters in ((2, 10**6), (100, 1), (100, 10**6)):
        parts = list(streaming.read(path, TableRef(), records, characters))
        assert all(len(part) <= records for part in parts)
        found = pd.concat(parts, ignore_index=True)
        pd.testing.assert_frame_equal(found, whole[list(found)], check_dtype=False)
    assert len(list(streaming.read(path, TableRef(), 2))) == -(-len(whole) // 2)


@pytest.mark.parametrize("index", [["id"], ["id", "batch"], ["sequence"]])
def test_an_index_of_a_parquet_file_is_read(tmp_path, index):
    frame = TABLE.assign(batch=[1, 1, 1, 2, 2, 2, 3, 3, 3])
    frame.set_index(index).to_parquet(tmp_path / "x.parquet")
    whole = tables.read(tmp_path / "x.parquet", TableRef())
    parts = streaming.read(tmp_path / "x.parquet", TableRef(), 4)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    for name in frame:
        assert whole[name].tolist() == frame[name].astype(str).tolist()
    frame.rename_axis("row").to_parquet(tmp_path / "y.parquet")
    assert list(tables.read(tmp_path / "y.parquet", TableRef())) == [*frame, "line"]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=8),
       st.integers(1, 4))  # fmt: skip
def test_any_text_in_a_table(tmp_path_factory, values, records):
    path = tmp_path_factory.mktemp("x") / "x.csv"
    frame = pd.DataFrame({"a": [f"x{value}" for value in values], "b": "1"})
    frame.to_csv(path, index=False, lineterminator="\n")
    if not values:
        with pytest.raises(InputError, match="there are no records"):
            list(streaming.read(path, TableRef()))
        return
    try:
        whole = tables.read(path, TableRef())
    except InputError:
        with pytest.raises(InputError):
            list(streaming.read(path, TableRef(), records))
        return
    found = pd.concat(streaming.read(path, TableRef(), records), ignore_index=True)
    assert found["a"].tolist() == whole["a"].tolist()


def test_the_standard_input_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b">a\nAC\n>b\nGU\n")))
    (table,) = streaming.read("-", TableRef(format="fasta"))
    assert table["sequence"].tolist() == ["AC", "GU"]
    with pytest.raises(InputError, match="Give --format"):
        next(streaming.read("-", TableRef()))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.fa", b"ACGU\n", "not FASTA"),
        ("x.fa", b"", "there are no records"),
        ("x.csv", b"a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2"),
        ("x.fa", b">a\n\xff\n", "not UTF-8 text"),
        ("x.fa.gz", gzip.compress(b">a\nAC\n" * 9999)[:-12], "not a whole gzip file"),
        ("x.fa.zst", zstandard.compress(b">a\nAC\n" * 9999)[:-3], "not a whole zstandard file"),
        ("x.parquet", b"PAR1", "not a whole Parquet file"),
        ("x.what", b"", "does not tell the format"),
    ],
)
def test_what_is_damaged_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(streaming.read(path, TableRef()))
    with pytest.raises(InputError, match="can't be read"):
        list(streaming.read(tmp_path / "none.fa", TableRef()))
