"""Tables of any writer: R, featureCounts, spreadsheets, Orange; cut-off rows are named."""

import numpy as np
import pandas as pd
import pytest
from biornn import matrix_files
from biornn.config_expression import MatrixRef
from biornn.files import InputError
from biornn.matrix_tables import Numbers
from hypothesis import given
from hypothesis import strategies as st

EXPECTED = [[1, 2], [3, 4]]


def read(path, **options):
    return matrix_files.read(path, MatrixRef(source="s", **options))[0]


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("m.csv", "gene,s1,s2\na,1,2\nb,3,4\n", {}),
        ("m.csv", "\ufeffgene,s1,s2\r\na,1,2\r\n\r\nb,3,4", {}),
        ("m.csv", '"","s1","s2"\n"a",1,2\n"b",3,4\n', {}),
        ("m.csv", "gene, s1, s2\na, 1, 2\nb, 3, 4\n", {}),
        ("m.txt", "s1\ts2\na\t1\t2\nb\t3\t4\n", {}),
        ("m.csv", "gene;s1;s2\na;1;2\nb;3;4\n", {"separator": ";"}),
        ("m.csv", "# made by hand\ngene,s1,s2\na,1,2\nb,3,4\n", {"skip_lines": 1}),
        ("m.csv", "a,1,2\nb,3,4\n", {"columns": ["gene", "s1", "s2"]}),
        ("m.csv", "s1,symbol,s2\n1,a,2\n3,b,4\n", {"names": "symbol"}),
        ("m.csv", "Chr,gene,s1,Length,s2\n1,a,1,9,2\n1,b,3,9,4\n", {"drop": ["Chr", "Length"]}),
    ],
    ids=["plain", "windows", "quoted", "spaces", "R", "semicolons", "comment", "no header",
         "names", "drop"],
)  # fmt: skip
def test_separated(tmp_path, name, text, options):
    matrix = read(write(tmp_path / name, text), **options)
    assert matrix.rows == ["a", "b"] and matrix.columns == ["s1", "s2"]
    assert matrix.values.tolist() == EXPECTED
    lines = text.splitlines()
    assert ["a" in lines[at - 1] or "b" in lines[at - 1] for at in matrix.lines] == [True, True]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("gene,s1,s2\na,1,2\nb,3\n", {}, "line 3: 2 fields where the header has 3.*cut off"),
        ("#made by\ngene,s1,s2\na,1,2\n", {}, "line 1: this is no header. Set `skip_lines`"),
        ("gene,s1\na,1\n", {"names": "gen"}, r"no column 'gen' \(did you mean 'gene'\?\)"),
        ("gene,s1\na,1\n", {"drop": ["x"]}, "no column 'x'"),
        ("gene,s1\na,1\n", {"drop": ["gene", "s1"]}, "no column is left"),
        ("gene,s1\na,1\n", {"columns": ["gene"]}, "line 1: 2 fields where the header has 1"),
        ('gene,s1\n"a,1\n', {}, "line 2: "),
        ("Geneid,Chr,Start,End,Strand,Length,s1\na,1,1,2,+,2,5\n", {},
         r"Set `drop: \[Chr, End, Length, Start, Strand\]`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table(tmp_path, text, options, expected):
    with pytest.raises(InputError, match=expected):
        read(write(tmp_path / "m.csv", text), **options)


def test_text_that_is_not_utf8(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"gene,s1\na,1\nb\xff,2\n")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read(tmp_path / "m.csv")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_numbers_are_read_to_the_last_bit(numbers):
    rows = Numbers(["NA"])
    rows.add([repr(number) for number in numbers])
    rows.add([*(f" {number!r}" for number in numbers[1:]), " NA "])
    assert rows.wrong is None
    np.testing.assert_array_equal(rows.values(len(numbers)), [numbers, [*numbers[1:], np.nan]])


@pytest.mark.parametrize("names", ["index", "column"])
def test_parquet(tmp_path, names):
    frame = pd.DataFrame({"s1": [1, 3], "s2": pd.array([2, None], dtype="Int64")})
    frame.insert(0, "gene", ["001", "NA"])
    if names == "index":
        frame = frame.set_index("gene")
    frame.to_parquet(tmp_path / "m.parquet")
    matrix = read(tmp_path / "m.parquet")
    assert matrix.rows == ["001", "NA"] and matrix.columns == ["s1", "s2"]
    np.testing.assert_array_equal(matrix.values, [[1, 2], [3, np.nan]])


def test_parquet_with_text_for_numbers(tmp_path):
    frame = pd.DataFrame({"gene": ["a", "b"], "s1": ["1", "x"], "s2": ["NA", None]})
    frame.to_parquet(tmp_path / "m.parquet")
    matrix = read(tmp_path / "m.parquet")
    np.testing.assert_array_equal(matrix.values, [[1, np.nan], [np.nan, np.nan]])
    assert matrix.wrong == (1, 0, "x") and matrix.lines is None
    (tmp_path / "m.parquet").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a whole Parquet file"):
        read(tmp_path / "m.parquet")


ORANGE = (
    "s1\ts2\tclass\tgene\tage\tunused\n"
    "continuous\tc\tyes no\tstring\tcontinuous\tcontinuous\n"
    "\t\tclass\tmeta\tmeta\ti\n"
    "1\t2\tyes\ta\t40\t7\n"
    "3\t?\tno\tNA\t?\t8\n"
)


def test_orange(tmp_path):
    path = write(tmp_path / "m.tab", ORANGE)
    matrix = read(path)
    assert matrix.rows == ["a", "NA"] and matrix.columns == ["s1", "s2"]
    np.testing.assert_array_equal(matrix.values, [[1, 2], [3, np.nan]])
    assert matrix.row_notes.to_dict("list") == {"class": ["yes", "no"], "age": ["40", "?"]}
    assert matrix.lines == [4, 5]
    other = read(path, names="class", drop=["age"])
    assert other.rows == ["yes", "no"] and other.row_notes.columns.tolist() == ["gene"]


def test_orange_rows_without_text_are_numbered(tmp_path):
    matrix = read(write(tmp_path / "m.tab", ORANGE), drop=["gene"])
    assert matrix.rows == ["row1", "row2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s1\ts2\n1\t2\n3\t4\n5\t6\n", "not an Orange table"),
        (ORANGE[:-5], "line 5: 4 fields where the header has 6"),
        (ORANGE.replace("\tmeta\ti\n", "\tmeta\n"), "the three header lines differ in length"),
    ],
)
def test_what_is_wrong_with_orange(tmp_path, text, expected):
    with pytest.raises(InputError, match=expected):
        read(write(tmp_path / "m.tab", text), format="orange_tab")


def test_a_plain_table_that_ends_in_tab_is_no_orange_table(tmp_path):
    path = write(tmp_path / "m.tab", "gene\ts1\na\t1\nb\t2\nc\t3\n")
    assert matrix_files.read(path, MatrixRef(source="s"))[1] == "tsv"
