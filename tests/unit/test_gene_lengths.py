"""The length of a gene is the number of bases that its exons cover."""

import gzip
import hashlib
import zipfile

import pandas as pd
import pytest
from biornn.config_expression import GeneLengths
from biornn.files import InputError
from biornn.gene_lengths import gene_lengths, gene_places, lengths_of, without_version
from hypothesis import given, settings
from hypothesis import strategies as st


def line(start, end, gene="g1", chromosome="chr1", feature="exon", extra=""):
    attributes = f'transcript_id "t"; gene_id "{gene}";{extra}'
    return f"{chromosome}\tsrc\t{feature}\t{start}\t{end}\t.\t+\t.\t{attributes}\n"


def lengths(path, text, **options):
    path.write_text(text, encoding="utf-8", newline="")
    return gene_lengths(path, GeneLengths(**options))


EXONS = st.lists(
    st.tuples(
        st.sampled_from(["g1", "NA", "001"]),
        st.sampled_from(["1", "X"]),
        st.integers(1, 60),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=25,
)


@given(EXONS)
@settings(max_examples=60, deadline=None)
def test_each_base_is_counted_once(tmp_path_factory, exons):
    path = tmp_path_factory.mktemp("g") / "x.gtf"
    text = "".join(line(s, s + more, g, c) for g, c, s, more in exons)
    bases = {}
    for gene, chromosome, start, more in exons:
        places = {(chromosome, at) for at in range(start, start + more + 1)}
        bases.setdefault(gene, set()).update(places)
    found = lengths(path, text)
    assert list(found.items()) == [(gene, len(places)) for gene, places in bases.items()]
    assert found.dtype == "int64"


def test_other_features_and_attributes(tmp_path):
    text = (
        "#!genome\n\n" + line(1, 99, feature="gene") + line(1, 10, "G.3", extra=' gene_name "A B";')
        + line(21, 25, "G.4", extra=' gene_name "A B"; level 2;').replace("\n", "\r\n")
    )  # fmt: skip
    path = tmp_path / "x.gtf"
    assert lengths(path, text).to_dict() == {"G.3": 10, "G.4": 5}
    assert lengths(path, text, strip_version=True).to_dict() == {"G": 15}
    assert lengths(path, text, attribute="gene_name").to_dict() == {"A B": 15}
    assert lengths(path, text, feature="gene").to_dict() == {"g1": 99}


def test_packed_and_in_an_archive(tmp_path):
    data = gzip.compress(line(1, 4).encode())
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.gtf.gz", data)
    digest = hashlib.sha256(line(1, 4).encode()).hexdigest()
    good = GeneLengths(member="a.gtf.gz", member_sha256=digest)
    assert gene_lengths(path, good).to_dict() == {"g1": 4}
    with pytest.raises(InputError, match="checksum mismatch"):
        gene_lengths(path, GeneLengths(member="a.gtf.gz", member_sha256="0" * 64))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line(1, 9) + "chr1\tsrc\texon\t1\n", "line 2: 4 columns where GTF has 9"),
        (line(5, 4), "line 1: from 5 to 4 there are no bases"),
        (line(0, 4), "line 1: from 0 to 4"),
        (line("x", 4), "line 1: start and end must be whole numbers, they are 'x' and '4'"),
        (line(1, 4, ""), "line 1: the exon has no gene_id"),
        ("1\ts\texon\t1\t2\t.\t+\t.\tgene_id=x\n", "line 1: the exon has no gene_id.*GFF"),
        (line(1, 4, feature="exons"), r"no feature 'exon' \(did you mean 'exons'\?\)"),
        ("", "no feature 'exon'"),
    ],
)
def test_damaged_gtf(tmp_path, text, expected):
    with pytest.raises(InputError, match=f"x.gtf.*{expected}"):
        lengths(tmp_path / "x.gtf", text)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("ENSG00000141956.13", "ENSG00000141956"),
        ("ENSG00000002586.20_PAR_Y", "ENSG00000002586_PAR_Y"),
        ("HLA-A", "HLA-A"),
        ("AC0.1-2", "AC0.1-2"),
    ],
)
def test_versions(name, plain):
    assert without_version(name) == plain


def test_places_are_those_of_the_first_base_by_chromosome(tmp_path):
    exons = [
        (50, 60, "late", "chr2"), (9, 12, "other", "chr1"), (10, 20, "early", "chr2"),
        (70, 80, "early", "chr2"), (1, 5, "late", "chr2"),
    ]  # fmt: skip
    (tmp_path / "x.gtf").write_text("".join(line(*exon) for exon in exons))
    places = gene_places(tmp_path / "x.gtf", GeneLengths())
    assert places == ["late", "early", "other"]


def test_lengths_are_called_by_the_index(tmp_path):
    path = tmp_path / "x.gtf"
    path.write_text(line(1, 10, "E.5") + line(1, 20, "F"), encoding="utf-8")
    genes = pd.Series(["F", "E.5", "other"], index=["ex1", "ex2", "ex3"])
    assert lengths_of(path, GeneLengths(), genes).to_dict() == {"ex1": 20, "ex2": 10}
    genes["ex2"] = "E.7"
    assert lengths_of(path, GeneLengths(), genes).to_dict() == {"ex1": 20}
    stripped = lengths_of(path, GeneLengths(strip_version=True), genes)
    assert stripped.to_dict() == {"ex1": 20, "ex2": 10}
