"""Every format becomes the same table of text; what is damaged is named."""

import hashlib
import io
import zipfile

import pandas as pd
import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from biornn import tables
from biornn.config_tables import TableRef
from biornn.files import InputError
from hypothesis import given
from hypothesis import strategies as st


def read(path, **options):
    return tables.read(path, TableRef(source="s", **options))


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


FASTA = ">a first one\nACGU\nAC\n>b\nGG\n"


@pytest.mark.parametrize(
    "change",
    [str, lambda text: text.replace("\n", "\r\n"), str.rstrip, lambda text: "\n" + text],
    ids=["plain", "windows", "no final newline", "leading blank line"],
)
def test_fasta(tmp_path, change):
    table = read(write(tmp_path / "x.fa", change(FASTA)))
    assert table["id"].tolist() == ["a", "b"]
    assert table["description"].tolist() == ["a first one", "b"]
    assert table["sequence"].tolist() == ["ACGUAC", "GG"]
    assert (table["line"].diff().dropna() == 3).all()


@given(
    st.lists(
        st.tuples(
            st.text("abcXYZ019_|", min_size=1, max_size=9),
            st.text("ACGU", min_size=1, max_size=200),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 80),
)
def test_fasta_of_any_width(records, width):
    text = "".join(
        f">{name}\n" + "".join(f"{seq[i : i + width]}\n" for i in range(0, len(seq), width))
        for name, seq in records
    )
    table = tables._read_fasta(text.encode(), TableRef(source="s"), "t")
    assert list(zip(table["id"], table["sequence"], strict=True)) == records


def test_fastq(tmp_path):
    text = "@a x\nACGU\n+\nIIII\n@b\nGG\n+\nII\n"
    table = read(write(tmp_path / "x.fastq", text))
    assert table["id"].tolist() == ["a", "b"] and table["sequence"].tolist() == ["ACGU", "GG"]
    with pytest.raises(InputError, match="not a whole FASTQ file"):
        read(write(tmp_path / "x.fq", text[:-3]))


@pytest.mark.parametrize(("kind", "name"), [("genbank", "x.gb"), ("embl", "x.embl")])
def test_flat_files(tmp_path, kind, name):
    records = [
        SeqRecord(Seq("ACGTAC"), id=f"AB00000{n}.1", name=f"AB00000{n}", description="made up",
                  annotations={"molecule_type": "DNA", "organism": "Nobody known"})
        for n in (1, 2)
    ]  # fmt: skip
    text = io.StringIO()
    SeqIO.write(records, text, kind)
    table = read(write(tmp_path / name, text.getvalue()))
    assert table["id"].tolist() == ["AB000001.1", "AB000002.1"]
    assert set(table["organism"]) == {"Nobody known"} and set(table["sequence"]) == {"ACGTAC"}
    first, second = table["line"]
    assert text.getvalue().splitlines()[second - 1].startswith(("LOCUS", "ID ")) and first == 1
    with pytest.raises(InputError, match=r"cut off|not a whole"):
        read(write(tmp_path / name, text.getvalue()[:-5]))


def test_columns_from_the_header(tmp_path):
    path = write(tmp_path / "x.fa", ">a|er x\nAC\n>b|golgi\nGG\n")
    table = read(path, header_pattern=r"^(?P<id>\w+)\|(?P<place>\w+)")
    assert table["id"].tolist() == ["a", "b"] and table["place"].tolist() == ["er", "golgi"]
    with pytest.raises(
        InputError, match=r"line 3: header_pattern does not fit the header 'b|golgi'"
    ):
        read(path, header_pattern=r"(?P<place>er)")
    with pytest.raises(InputError, match="header_pattern is for"):
        read(write(tmp_path / "x.csv", "a\n1\n"), header_pattern="(?P<b>.)")


def test_a_table_without_a_header_line(tmp_path):
    path = write(tmp_path / "x.csv", "5200,1,UniProt\nACGU, 1\nGG, 0\n")
    table = read(path, skip_lines=1, columns=["seq", "y"])
    assert table.to_dict("list") == {"seq": ["ACGU", "GG"], "y": [" 1", " 0"], "line": [2, 3]}


def test_what_separates_goes_by_the_name(tmp_path):
    expected = {"a": ["1"], "b": ["x,y"], "line": [2]}
    assert read(write(tmp_path / "x.tsv", "a\tb\n1\tx,y\n")).to_dict("list") == expected
    path = write(tmp_path / "x.csv", "a;b\n1;x,y\n")
    assert read(path, separator=";").to_dict("list") == expected


TYPED = pd.DataFrame({"name": ["001", "NA", "no"], "n": [1, 2, 3], "x": [0.5, None, 3.0]})


def test_parquet_and_excel(tmp_path):
    TYPED.to_parquet(tmp_path / "x.parquet")
    TYPED.to_excel(tmp_path / "x.xlsx", index=False)
    parquet, excel = read(tmp_path / "x.parquet"), read(tmp_path / "x.xlsx")
    for table in (parquet, excel):
        assert table["name"].tolist() == ["001", "NA", "no"] and table["n"].tolist() == list("123")
    assert parquet["x"].tolist() == ["0.5", "", "3.0"] and parquet["line"].tolist() == [1, 2, 3]
    assert excel["line"].tolist() == [2, 3, 4]


@pytest.mark.parametrize("name", ["x.parquet", "x.xlsx", "x.rda"])
def test_damaged_files(tmp_path, name):
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(InputError, match=rf"{name}: (not a whole|can't be read)"):
        read(tmp_path / name)


def test_r_data(tmp_path):
    pyreadr = pytest.importorskip("pyreadr")
    frame = pd.DataFrame({"seq": ["AC", "GG"], "n": [1.0, 2.0]})
    pyreadr.write_rdata(str(tmp_path / "x.rda"), frame, df_name="d", compress="gzip")
    table = read(tmp_path / "x.rda")
    assert table.to_dict("list") == {"seq": ["AC", "GG"], "n": ["1", "2"], "line": [1, 2]}
    with pytest.raises(InputError, match="one of the data frames d"):
        read(tmp_path / "x.rda", object="other")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.fa", "", "there are no records"),
        ("x.fa", "ACGU\n", "does not begin with '>'"),
        ("x.csv", "a,b\n", "there are no records"),
        ("x.csv", "a,a\n1,2\n", "'a' is there twice"),
        ("x.csv", "a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2"),
        ("x.dat", "a\n", "Give `format`"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, name, text, expected):
    with pytest.raises(InputError, match=expected):
        read(write(tmp_path / name, text))


def test_binary_content_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"seq\n\xff\xfe\n")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read(tmp_path / "t.csv")


def test_a_member_that_is_another_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("t.csv", "a,b\n1,2\n")
    digest = hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    right = TableRef(member="t.csv", member_sha256=digest)
    assert tables.read(tmp_path / "a.zip", right)["b"].tolist() == ["2"]
    wrong = TableRef(member="t.csv", member_sha256="0" * 64)
    with pytest.raises(InputError, match=r"a\.zip \(t\.csv\): checksum mismatch"):
        tables.read(tmp_path / "a.zip", wrong)


def test_spaces_around_column_names_do_not_count(tmp_path):
    (tmp_path / "t.csv").write_text("input, output\nA,1\n")
    assert list(tables.read(tmp_path / "t.csv", TableRef())) == ["input", "output", "line"]
