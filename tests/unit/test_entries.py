"""Entries: records and nothing else, whole, each once, those that were asked for."""

import hashlib
import logging

import pytest
from biornn.entries import Entry, arrange, base, fasta, from_fasta, from_genbank, trouble
from biornn.files import InputError
from biornn.transfer import PassingError
from database_server import genbank


@pytest.mark.parametrize(
    ("header", "accession", "name"),
    [
        ("NM_1.2 made up", "NM_1.2", "NM_1"),
        ("sp|P04637.4|P53_HUMAN of NCBI", "P04637.4", "P04637"),
        ("sp|P04637|P53_HUMAN x OS=Homo SV=4", "P04637.4", "P04637"),
        ("pdb|1ABC|A Chain", "1ABC_A", "1ABC_A"),
        ("prf||0806162C x", "0806162C", "0806162C"),
        ("ref|NP_1.3| x", "NP_1.3", "NP_1"),
    ],
)
def test_names_in_headers(header, accession, name):
    (entry,) = from_fasta(f">{header}\nMK\nvl\n")
    assert entry.accession == accession and {name, accession} <= entry.names
    assert entry.text == f">{header}\nMKvl\n"
    assert entry.sha256 == hashlib.sha256(b"MKVL").hexdigest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<html>", "not FASTA"),
        (">a\nACG\n>b\nAC", "ends within a line"),
        (">a\nACG\n>b\n", "'b' is no sequence: ''"),
        (">a\nACG\nPlease wait: 7 others\n", "'a' is no sequence"),
        (">\nACG\n", "is no sequence"),
    ],
)
def test_what_is_not_whole_fasta(text, expected):
    with pytest.raises(PassingError, match=expected):
        from_fasta(text)


def test_nothing_is_no_record():
    assert from_fasta("\n") == from_genbank(" \n") == []


def test_genbank_records_keep_their_text():
    both = genbank("AB1.2", "ACGT" * 20) + genbank("AB2.1", "GGCC" * 40)
    first, second = from_genbank(both)
    assert first.accession == "AB1.2" and first.names == {"AB1.2", "AB1"}
    assert first.sequence == "ACGT" * 20 and second.sequence == "GGCC" * 40
    assert first.text == genbank("AB1.2", "ACGT" * 20)[:-1]  # less the empty line
    assert trouble(both) is None


@pytest.mark.parametrize(
    ("change", "kind", "expected"),
    [
        (lambda text: text[:-8], PassingError, "ends within a record"),
        (lambda text: text.replace("       1 acgtacgtac", "       1"), PassingError,
         "AB1.2: 70 letters of 80 came"),
        (lambda text: "what?\n//\n", PassingError, "not GenBank"),
        (lambda text: text[: text.index("ORIGIN")] + "CONTIG      join(X1:1..80)\n//\n",
         InputError, "AB1.2: the record has no sequence"),
    ],
)  # fmt: skip
def test_genbank_that_is_not_whole(change, kind, expected):
    with pytest.raises(kind, match=expected):
        from_genbank(change(genbank("AB1.2", "ACGT" * 20)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<ERROR>Search Backend failed</ERROR>", "<ERROR>Search Backend failed</ERROR>"),
        (">a\nACG\nFailed to retrieve sequence: X1\n", "Failed to retrieve sequence: X1"),
        ('{"error":"API rate limit exceeded"}', '{"error":"API rate limit exceeded"}'),
        ("+Error%3A+CEFetchPApplication", "+Error%3A+CEFetchPApplication"),
        (">a Error: Failed to fetch its partner\nACG\n", None),
        ("COMMENT     Failed to retrieve.\n            Error: none\n", None),
        ("", None),
    ],
)
def test_words_in_place_of_records(text, said):
    assert trouble(text) == said


def test_a_title_stays_on_its_line():
    assert fasta("a b\n>c\rd", "AC" * 35) == f">a b >c d\n{'AC' * 30}\n{'AC' * 5}\n"


# -- order -----------------------------------------------------------------------------------------


def entry(accession, text="x"):
    names = frozenset({accession, base(accession)})
    return Entry(accession, names, text)


def named(entries):
    return [entry.accession for entry in entries]


def test_the_order_is_that_of_the_accessions_and_each_is_there_once():
    came = [entry("B.1"), entry("A.3"), entry("B.1"), entry("C.1")]
    assert named(arrange(["C.1", "a", "B"], came, "error", "db")) == ["C.1", "A.3", "B.1"]


def test_all_that_is_missing_is_named():
    with pytest.raises(InputError, match=r"db: 2 missing or withdrawn: X, A\.1 \(there is A\.3\)"):
        arrange(["X", "A.1", "B"], [entry("A.3"), entry("B.1")], "error", "db")


def test_what_is_missing_can_be_dropped(caplog):
    with caplog.at_level(logging.WARNING):
        kept = arrange(["X", "B", "Y"], [entry("B.1")], "drop", "db", {"X": "gone"})
    assert named(kept) == ["B.1"]
    assert "2 missing or withdrawn: X, Y. It said: 'gone'." in caplog.text


def test_nothing_left_is_an_error_also_when_dropping():
    with pytest.raises(InputError, match=r"1 missing .*: nothing is left"):
        arrange(["X"], [], "drop", "db")


@pytest.mark.parametrize(
    ("asked", "came", "expected"),
    [
        (["A"], [entry("A.1"), entry("Z.1")], "nobody asked for: Z.1"),
        (["A"], [entry("A.1"), entry("A.1", "y")], "A.1 came twice, with different content"),
        (["A", "A.1"], [entry("A.1")], "A, A.1 are one and the same record"),
    ],
)
def test_what_does_not_fit_what_was_asked(asked, came, expected):
    with pytest.raises(InputError, match=expected):
        arrange(asked, came, "drop", "db")
