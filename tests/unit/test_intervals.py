"""BED, GFF3 and GTF become one table; what is wrong is named with its line."""

import gzip

import pytest
from biornn.config_genome import WindowsConfig
from biornn.files import InputError
from biornn.intervals import read_intervals

BED = """\
browser position chr1:1-100
track name="peaks" description="x"
# a comment
chr1\t0\t10\tfirst\t5\t+\t0.25
chr2\t3\t4\tsecond\t.\t-\t1e3

"""

GFF = """\
##gff-version 3
chr1\t.\tregion\t1\t99\t.\t.\t.\t.
chr%201\tme\tCDS\t1\t10\t0.5\t+\t0\tID=c1;Note=a%3Bb%2C c;source=lab;
chr1\tme\tCDS\t3\t3\t.\t?\t.\tID=c2; Parent=g1,g2
##FASTA
>chr1
ACGT
"""

GTF = """\
#!genome-build x
chr1\ths\texon\t5\t9\t.\t-\t.\tgene_id "G;1"; exon_number 2; tag "a"; tag "b \\"q\\"";
"""


def read(text, name="x.bed", **options):
    return read_intervals(text.encode(), WindowsConfig(source="s", **options), name)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_bed(newline):
    assert read(BED.replace("\n", newline)).to_dict("list") == {
        "chromosome": ["chr1", "chr2"], "strand": ["+", "-"], "name": ["first", "second"],
        "score": ["5", "."], "column7": ["0.25", "1e3"], "start": [0, 3], "end": [10, 4],
        "line": [4, 5],
    }  # fmt: skip


def test_bed_of_three_columns_and_spaces():
    expected = {"chromosome": ["1"], "strand": ["."], "start": [5], "end": [9], "line": [1]}
    assert read("1 5  9").to_dict("list") == expected


def test_gff():
    table = read(GFF, "x.gff3", feature="CDS")
    assert table["chromosome"].tolist() == ["chr 1", "chr1"]
    assert table[["start", "end"]].to_numpy().tolist() == [[0, 10], [2, 3]]
    assert table["strand"].tolist() == ["+", "?"] and table["line"].tolist() == [3, 4]
    assert table["ID"].tolist() == ["c1", "c2"] and table["Parent"].tolist() == ["", "g1,g2"]
    assert table["Note"].tolist() == ["a;b, c", ""]
    # an attribute can't take the place of a column
    assert table["source"].tolist() == ["me", "me"]
    assert table["attribute.source"].tolist() == ["lab", ""]
    assert len(read(GFF, "x.gff")) == 3


def test_gtf():
    (row,) = read(GTF, "x.gtf").to_dict("records")
    assert (row["start"], row["end"], row["strand"], row["line"]) == (4, 9, "-", 2)
    assert row["gene_id"] == "G;1" and row["exon_number"] == "2" and row["tag"] == 'a,b "q"'


def test_packed_files(tmp_path):
    path = tmp_path / "x.gtf.gz"
    path.write_bytes(gzip.compress(GTF.encode()))
    assert len(read_intervals(path, WindowsConfig(source="s"), str(path))) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c\t1\n", "line 1: 2 columns where 3 are needed"),
        ("c\t1\t2\tn\nc\t1\t2\n", "line 2: 3 columns where 4 are needed"),
        ("c\tx\t2\n", "line 1: the start is 'x', not a whole number"),
        ("c\t1\t2.0\n", "the end is '2.0', not a whole number"),
        ("c\t1\t²\n", "the end is '²', not a whole number"),
        ("c\t-1\t2\n", "the start is -1; positions are counted from 0"),
        ("c\t7\t7\n", "the interval from 7 to 7 has no bases"),
        ("c\t9\t7\n", "from 9 to 7 has no bases"),
        ("c\t1\t2\tn\t0\tplus\n", "the strand is 'plus'; it must be one of"),
        ("c\t1\t2\tn\t0\t\n", "the strand is ''"),
        ("# nothing\n", "there are no intervals"),
    ],
)
def test_what_is_wrong_in_bed_is_named(text, message):
    with pytest.raises(InputError, match=rf"x\.bed.*{message}"):
        read(text)


def gff_line(start="1", end="9", strand="+", attributes="ID=a"):
    return f"c\ts\tCDS\t{start}\t{end}\t.\t{strand}\t0\t{attributes}\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.gff", "c\ts\tCDS\t1\t9\n", "line 1: 5 columns where GFF has 9"),
        ("x.gff", gff_line() + gff_line(start="0"), "line 2: the start is 0; .* counted from 1"),
        ("x.gff", gff_line(start="4", end="3"), "from 4 to 3 has no bases"),
        ("x.gff", gff_line(strand="1"), "the strand is '1'"),
        ("x.gff", gff_line(attributes='Note="a;b"'), "attribute 'b\"' is not .*%3B"),
        ("x.gff", gff_line(attributes='gene_id "x";'), "set `format: gtf`"),
        ("x.gff", gff_line(attributes="Note=%ff"), "not UTF-8"),
        ("x.gtf", gff_line(), "set `format: gff`"),
        ("x.gtf", gff_line(attributes='a "b"; c "d'), "can't be read from 'c \"d' on"),
        ("x.gff", "##FASTA\n>c\n", "there are no intervals"),
        ("x.txt", "", "Give `format`: one of bed, gff, gtf"),
    ],
)
def test_what_is_wrong_in_gff_is_named(name, text, message):
    with pytest.raises(InputError, match=message):
        read(text.replace("\\t", "\t"), name)


def test_a_feature_that_is_not_there():
    with pytest.raises(InputError, match=r"no feature 'cds' \(did you mean 'CDS'\?\)"):
        read(gff_line(), "x.gff", feature="cds")
    with pytest.raises(InputError, match="BED has no feature types"):
        read("c\t1\t2\n", feature="CDS")


def test_binary_content_is_refused():
    with pytest.raises(InputError, match=r"not UTF-8 text \(byte 2\)"):
        read_intervals(b"c\t\xff", WindowsConfig(source="s"), "x.bed")
