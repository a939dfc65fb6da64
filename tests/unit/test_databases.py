"""UniProt, Ensembl, GEO and Zenodo; what the configuration refuses; mirrors and offline runs."""

import hashlib
import logging
import re

import pytest
from biornn import sources
from biornn.config import AnalysisConfig
from biornn.config_sources import (
    EnsemblSource,
    GeoSource,
    NcbiSource,
    UniprotSource,
    ZenodoSource,
    store_digest,
    stored_name,
)
from biornn.entries import from_fasta
from biornn.files import InputError
from database_server import MATRIX, ZIP, sequence
from pydantic import TypeAdapter, ValidationError

SOURCES = TypeAdapter(AnalysisConfig.model_fields["sources"].annotation)


def uniprot(*accessions, **values):
    if accessions:
        values["accessions"] = list(accessions)
    return UniprotSource(**{"type": "uniprot", "file": "x"} | values)


def ensembl(*ids, **values):
    return EnsemblSource(type="ensembl", ids=list(ids), file="x.fasta", **values)


def geo(series, file, **values):
    return GeoSource(type="geo", series=series, file=file, **values)


def zenodo(**values):
    return ZenodoSource(**{"type": "zenodo", "record": 42, "file": "data.zip"} | values)


def entries(count, version=1):
    return {f"P{n:05}": version for n in range(count)}


def names_in(data):
    return re.findall(r"^>(\S+)", data.decode(), re.MULTILINE)


# -- UniProt ---------------------------------------------------------------------------------------


def test_uniprot_follows_the_cursors(database):
    database.state.records, database.state.shuffle = entries(1203), True
    data = database.fetch(uniprot(query="reviewed:true"))
    assert names_in(data) == [f"sp|{name}|X_HUMAN" for name in sorted(database.state.records)]
    asked = [values for _, _, values in database.state.asked]
    assert [values.get("cursor") for values in asked] == [None, "c500", "c1000"]
    # not to the host that the link named, and with our own query
    assert {values["query"] for values in asked} == {"reviewed:true"}


def test_uniprot_by_accession_in_order(database):
    database.state.records, database.state.shuffle = entries(300), True
    wanted = [f"P{n:05}" for n in reversed(range(0, 300, 2))]
    data = database.fetch(uniprot(*wanted))
    assert [name.split("|")[1] for name in names_in(data)] == wanted
    assert len(database.state.asked) == 2  # a hundred in a query


def test_a_table_of_uniprot(database):
    database.state.records = entries(600)
    data = database.fetch(uniprot(query="x", format="tsv", fields=["sequence", "length"]))
    lines = data.decode().splitlines()
    assert lines[0] == "Entry\tsequence\tlength" and lines[1:3] == ["P00000\tx\tx", "P00001\tx\tx"]
    assert len(lines) == 601
    assert database.state.asked[0][2]["fields"] == "accession,sequence,length"


@pytest.mark.parametrize("off", [-1, 1, 700])
def test_totals_must_be_what_came(database, off):
    database.state.records, database.state.total_off = entries(501), off
    with pytest.raises(InputError, match=rf"501 entries came, but UniProt counts {501 + off}"):
        database.fetch(uniprot(query="x"))


def test_a_page_that_points_to_itself_ends(database):
    page = ">sp|P00000|X A SV=1\nMK\n"
    database.state.records = entries(501)

    def answer(handler, asked):
        link = '<https://x/?cursor=c0>; rel="next"'
        handler.answer(page, X_Total_Results="9", Link=link)

    database.state.trouble = [answer] * 9
    with pytest.raises(InputError, match="2 entries came, but UniProt counts 9"):
        database.fetch(uniprot(query="x"))


def test_limits_and_empty_results_of_uniprot(database):
    database.state.records = entries(600)
    with pytest.raises(InputError, match=r"found 600 entries, more than `limit` \(599\)"):
        database.fetch(uniprot(query="x", limit=599))
    assert len(database.state.asked) == 1
    with pytest.raises(InputError, match="query 'nothing': found nothing"):
        database.fetch(uniprot(query="nothing"))


def test_missing_entries_and_versions_of_uniprot(database, caplog):
    database.state.records = {"P00001": 2, "P00002": 1}
    asked = ["P00003", "P00002", "P00001.1"]
    expected = r"2 missing or withdrawn: P00003, P00001\.1 \(there is P00001\.2\)"
    with pytest.raises(InputError, match=expected):
        database.fetch(uniprot(*asked))
    with caplog.at_level(logging.WARNING):
        assert names_in(database.fetch(uniprot(*asked, missing="drop"))) == ["sp|P00002|X_HUMAN"]
    assert re.search(expected, caplog.text)
    assert names_in(database.fetch(uniprot("P00001.2"))) == ["sp|P00001|X_HUMAN"]


@pytest.mark.parametrize("trouble", [500, 503, "429", "cut", "cut in line", "Error: busy"])
def test_uniprot_is_asked_again(database, trouble):
    database.state.records, database.state.trouble = entries(2), [trouble, trouble]
    assert len(names_in(database.fetch(uniprot("P00000", "P00001")))) == 2
    assert len(database.state.asked) == 3


def test_a_table_that_was_cut_off_is_asked_for_again(database):
    database.state.records = entries(2)

    def cut(handler, asked):
        handler.answer("Entry\tx\nP00000\tx\nP00001", X_Total_Results="2")

    def crooked(handler, asked):
        handler.answer("Entry\tx\nP00000\tx\ty\n", X_Total_Results="2")

    def words(handler, asked):
        handler.answer("Error: busy\n", X_Total_Results="2")

    database.state.trouble = [cut, crooked, words]
    data = database.fetch(uniprot("P00001", "P00000", format="tsv", fields=["x"]), attempts=4)
    assert data == b"Entry\tx\nP00001\tx\nP00000\tx\n"


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (400, "answered 400 .*I can not: 400"),
        (404, "answered 404"),
        ("html", "a web page, not data"),
    ],
)
@pytest.mark.parametrize("wanted", [uniprot(query="x"), zenodo()], ids=["uniprot", "zenodo"])
def test_refusals(database, trouble, expected, wanted):
    database.state.records, database.state.trouble = entries(2), [trouble]
    with pytest.raises(InputError, match=expected):
        database.fetch(wanted)
    assert len(database.state.asked) == 1


# -- Ensembl ---------------------------------------------------------------------------------------


def test_ensembl_in_batches_and_in_order(database):
    database.state.records = {f"ENST{n:03}": n % 3 + 1 for n in range(120)}
    asked = list(reversed(database.state.records))
    data = database.fetch(ensembl(*asked, sequence="cdna"))
    assert names_in(data) == [f"{name}.{database.state.records[name]}" for name in asked]
    assert from_fasta(data.decode())[0].sequence == sequence("ENST119")
    assert b">ENST119.3 chromosome:1 cdna\n" in data
    sent = database.state.asked
    assert [len(values["ids"]) for _, _, values in sent] == [50, 50, 20]
    assert {(method, path) for method, path, _ in sent} == {("POST", "/sequence/id?type=cdna")}


@pytest.mark.parametrize("says", ["silent", "status"])
def test_missing_ids_of_ensembl(database, caplog, says):
    database.state.records = {"ENSG1": 5, "ENSG2": 1, "AT1G01010": 1}
    database.state.says_missing = says
    asked = ["ENSG1.4", "ENSG2.1", "ENSG9", "ENSG8"]
    expected = r"3 missing or withdrawn: ENSG1\.4 \(there is ENSG1\.5\), ENSG9, ENSG8"
    with pytest.raises(InputError, match=expected):
        database.fetch(ensembl(*asked))
    with caplog.at_level(logging.WARNING):
        assert names_in(database.fetch(ensembl(*asked, missing="drop"))) == ["ENSG2.1"]
    assert re.search(expected, caplog.text)


@pytest.mark.parametrize(
    "trouble", [500, "429", "cut", '{"error":"x"}', "[7]", '[{"id": "ENSG1", "seq": ""}]']
)
def test_ensembl_is_asked_again(database, trouble):
    database.state.records, database.state.trouble = {"ENSG1": 1}, [trouble]
    assert names_in(database.fetch(ensembl("ENSG1"))) == ["ENSG1.1"]
    assert len(database.state.asked) == 2


def test_a_refusal_that_names_no_id_is_told_at_once(database):
    database.state.trouble = [b'{"error":"type is not valid"}']

    def refuse(handler, asked):
        handler.answer(b'{"error":"type is not valid"}', 400)

    database.state.trouble = [refuse]
    with pytest.raises(InputError, match="type is not valid"):
        database.fetch(ensembl("ENSG1", "ENSG2"))
    assert len(database.state.asked) == 1


# -- GEO and Zenodo --------------------------------------------------------------------------------


def test_files_of_geo(database):
    assert database.fetch(geo("GSE12345", "series_matrix")) == MATRIX
    assert database.fetch(geo("GSE7", "GSE7_a (1).txt")) == b"counts\n"
    with pytest.raises(InputError, match="answered 404"):
        database.fetch(geo("GSE7", "GSE7_b.txt"))


def test_checksums_of_geo_and_zenodo_are_checked_where_given(database):
    for wanted, content in ((geo("GSE12345", "series_matrix"), MATRIX), (zenodo(), ZIP)):
        right = hashlib.sha256(content).hexdigest()
        data = database.fetch(wanted.model_copy(update={"sha256": right}))
        assert data == content
        (database.folder / "d/file").unlink()
        with pytest.raises(InputError, match=r"checksum mismatch: expected sha256 0{64}"):
            database.fetch(wanted.model_copy(update={"sha256": "0" * 64}))


def test_geo_goes_on_after_trouble(database):
    database.state.trouble = [503, "cut"]
    assert database.fetch(geo("GSE12345", "series_matrix")) == MATRIX


def test_a_file_of_zenodo(database):
    assert database.fetch(zenodo()) == ZIP
    with pytest.raises(InputError, match=r"no such file in the record; there are: data\.zip"):
        database.fetch(zenodo(file="other.zip"))


def test_the_md5_of_zenodo_is_checked(database):
    database.state.total_off = 1
    with pytest.raises(InputError, match=r"checksum mismatch: the record says md5:0{32}"):
        database.fetch(zenodo())


def test_a_record_of_zenodo_that_stands_for_all_versions(database):
    database.state.shuffle = True
    with pytest.raises(InputError, match=r"42 stands for all versions .* the newest is 43"):
        database.fetch(zenodo())


# -- mirrors, offline, names -----------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [uniprot(query="x"), ensembl("ENSG1"), zenodo()])
def test_offline_asks_no_database_but_takes_what_a_mirror_has(database, wanted):
    with pytest.raises(InputError, match="offline forbids the network"):
        database.fetch(wanted, offline=True)
    mirror = database.folder / "mirror"
    place = mirror / sources.place_in_mirror(wanted, database.config().servers)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"what was mirrored\n")
    data = database.fetch(wanted, offline=True, mirror=str(mirror))
    assert data == b"what was mirrored\n" and not database.state.asked


def test_the_store_is_ordered_by_what_is_asked_for():
    first, second = uniprot("P00001"), uniprot("P00002")
    assert store_digest(first) == store_digest(uniprot("P00001", missing="error"))
    assert len({store_digest(s) for s in (first, second, uniprot("P00001", missing="drop"))}) == 3
    assert store_digest(first, [["a"]]) != store_digest(first)
    assert re.fullmatch("[0-9a-f]{16}", store_digest(first))
    assert store_digest(zenodo(sha256="ab" * 32)) == "ab" * 8
    assert stored_name(geo("GSE7", "é a/b"[:3])) == "f__a"
    assert stored_name(geo("GSE7", "series_matrix")) == "GSE7_series_matrix.txt.gz"


@pytest.mark.parametrize(
    "values",
    [
        {"type": "ncbi", "database": "nuccore", "file": "x", "accessions": [hostile]}
        for hostile in ("A&db=x", "A,B", "A\nB", "A B", "../A", "A.1.1", "", "$(id)", "A\n", "<a>")
    ]
    + [
        {"type": "ncbi", "database": "nuccore", "file": "x"},
        {"type": "ncbi", "database": "nuccore", "file": "x", "accessions": ["A"], "query": "b"},
        {"type": "ncbi", "database": "nuccore", "file": "../x", "accessions": ["A"]},
        {"type": "ncbi", "database": "gene", "file": "x", "accessions": ["A"]},
        {"type": "ncbi", "database": "nuccore", "file": "x", "accessions": ["A", "a"]},
        {"type": "ncbi", "database": "nuccore", "file": "x", "query": "a\nb"},
        {"type": "uniprot", "file": "x", "accessions": ["P00001 OR reviewed:true"]},
        {"type": "uniprot", "file": "x", "accessions": ["P00001)"]},
        {"type": "uniprot", "file": "x", "accessions": ["P00001.1"], "format": "tsv"},
        {"type": "uniprot", "file": "x", "query": "a", "fields": ["a&b"]},
        {"type": "uniprot", "file": "x", "query": "a", "fields": ["a", "a"]},
        {"type": "ensembl", "file": "x", "ids": ["a/b"]},
        {"type": "ensembl", "file": "x", "ids": ["a", "a"]},
        {"type": "geo", "series": "GSE1/..", "file": "x"},
        {"type": "geo", "series": "GSE1", "file": "../x"},
        {"type": "geo", "series": "GSE1", "file": ".."},
        {"type": "zenodo", "record": "4/2", "file": "x"},
        {"type": "zenodo", "record": 4, "file": "a\\b"},
        {"type": "zenodo", "record": 4, "file": "x", "sha256": "00"},
    ],
)
def test_the_configuration_refuses_what_could_break_out(values):
    with pytest.raises(ValidationError):
        SOURCES.validate_python({"s": values})


def test_a_source_of_every_kind_is_accepted():
    kinds = SOURCES.validate_python(
        {
            "a": {"type": "ncbi", "database": "protein", "file": "x", "query": "p53[gene]"},
            "b": {"type": "uniprot", "file": "x", "accessions": ["P04637.4", "A0A024R1R8"]},
            "c": {"type": "ensembl", "file": "x", "ids": ["YAL001C-A", "AT1G01010.1"]},
            "d": {"type": "geo", "series": "GSE1", "file": "GSE1_RAW.tar"},
            "e": {"type": "zenodo", "record": 42, "file": "a (1).zip"},
        }
    )
    assert isinstance(kinds["a"], NcbiSource) and isinstance(kinds["e"], ZenodoSource)
