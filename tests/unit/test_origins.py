"""Origins: words without secrets, and places in a mirror."""

import pytest
from biornn.config_sources import (
    EnsemblSource,
    GeoSource,
    NcbiSource,
    ServersConfig,
    UniprotSource,
    UrlSource,
    ZenodoSource,
    store_digest,
)
from biornn.files import InputError
from biornn.origins import describe, geo_path, place_in_mirror, shown

NCBI = NcbiSource(type="ncbi", database="nuccore", accessions=["NM_1.2", "NM_2"], file="x.fasta")
ZENODO = ZenodoSource(type="zenodo", record=42, file="a b.zip")


def test_passwords_are_not_shown():
    assert shown("https://me:secret@host:8080/a?b") == "https://host:8080/a?b"
    url = UrlSource(type="url", url="ftp://me:secret@host/a", file="x", sha256="0" * 64)
    assert describe(url) == "ftp://host/a"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (NCBI, "NCBI nuccore, NM_1.2, NM_2"),
        (UniprotSource(type="uniprot", query="gene:x", file="x"), "UniProtKB, query 'gene:x'"),
        (
            EnsemblSource(type="ensembl", ids=[f"E{n}" for n in range(9)], file="x"),
            "Ensembl, genomic, 9 ids (E0 to E8)",
        ),
        (GeoSource(type="geo", series="GSE7", file="t.gz"), "GEO GSE7, t.gz"),
        (ZENODO, "Zenodo record 42, a b.zip"),
    ],
)
def test_a_source_in_words(source, words):
    assert describe(source) == words


@pytest.mark.parametrize(
    ("series", "file", "path"),
    [
        ("GSE7", "series_matrix", "GSEnnn/GSE7/matrix/GSE7_series_matrix.txt.gz"),
        ("GSE12345", "GSE12345-GPL1_series_matrix.txt.gz",
         "GSE12nnn/GSE12345/matrix/GSE12345-GPL1_series_matrix.txt.gz"),
        ("GSE100000", "a b?.gz", "GSE100nnn/GSE100000/suppl/a%20b%3F.gz"),
    ],
)  # fmt: skip
def test_where_geo_keeps_a_file(series, file, path):
    assert geo_path(GeoSource(type="geo", series=series, file=file)) == f"geo/series/{path}"


def test_places_in_a_mirror():
    servers = ServersConfig(ncbi="http://near.example:80/e")
    place = f"{store_digest(NCBI)}/x.fasta"
    assert place_in_mirror(NCBI) == f"eutils.ncbi.nlm.nih.gov/{place}"
    assert place_in_mirror(NCBI, servers) == f"near.example/{place}"
    assert place_in_mirror(NCBI, servers, "0" * 16) == f"near.example/{'0' * 16}/x.fasta"
    assert place_in_mirror(ZENODO) == "zenodo.org/records/42/files/a b.zip"
    series = GeoSource(type="geo", series="GSE7", file="a%2F..%2Fb")
    assert place_in_mirror(series).endswith("/suppl/a%2F..%2Fb")  # its own letters, not steps


def test_an_address_can_not_climb_out_of_a_mirror():
    url = UrlSource(type="url", url="https://h.example/a/%2e%2e/b", file="x", sha256="0" * 64)
    with pytest.raises(InputError, match="may not have"):
        place_in_mirror(url)
