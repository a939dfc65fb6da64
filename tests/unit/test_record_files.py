"""Records come one by one, with the line where each starts."""

import io

import pytest
from biornn import record_files
from biornn.files import InputError


def test_fasta_is_read_lazily():
    def lines():
        yield from [">a x\n", "AC GU\n", "\n", "A\n", ">b\n"]
        raise AssertionError("read too far")

    found = record_files.fasta(lines(), "x.fa")
    assert next(found) == ("a x", "ACGUA", 1)
    with pytest.raises(AssertionError, match="read too far"):
        next(found)


def test_names_are_first_words():
    assert [record_files.name_in(t) for t in ("a b", "", "a")] == ["a", "", "a"]


def test_separated_tells_lines_with_line_breaks_inside():
    file = io.StringIO('a, b\n"1\n2",3\n\n4,5\n', newline="")
    rows = list(record_files.separated(file, ",", "x.csv"))
    assert rows == [(["a", "b"], 1), (["1\n2", "3"], 2), (["4", "5"], 5)]
    with pytest.raises(InputError, match=r"x\.csv: the column 'a' is there twice"):
        list(record_files.separated(io.StringIO("a,a\n"), ",", "x.csv"))


def test_fields_may_be_as_long_as_a_genome():
    file = io.StringIO(f"id,sequence\na,{'ACGU' * 50_000}\n", newline="")
    (_, _), (row, _) = record_files.separated(file, ",", "x.csv")
    assert len(row[1]) == 200_000
