"""Locks: what a database had once is what a fetch must bring."""

import hashlib
import logging

import pytest
from biornn import locks, sources
from biornn.config_sources import (
    EnsemblSource,
    GeoSource,
    NcbiSource,
    PathSource,
    UniprotSource,
    ZenodoSource,
)
from biornn.files import InputError
from biornn.locks import LOCKED, MISSING, Row
from database_server import MATRIX, ZIP, sequence

DATE = "2020-02-29"
RECORDS = {"NM_1": 1, "NM_2": 5, "P00001": 3, "P00002": 1, "ENSG1": 7, "ENSG2": 1}
NCBI = NcbiSource(type="ncbi", database="nuccore", accessions=["NM_2", "NM_1"], file="x.fasta")
GENBANK = NCBI.model_copy(update={"format": "genbank", "file": "x.gb"})
UNIPROT = UniprotSource(type="uniprot", accessions=["P00002", "P00001"], file="x.fasta")
ENSEMBL = EnsemblSource(type="ensembl", ids=["ENSG2", "ENSG1"], file="x.fasta")
TABLE = UNIPROT.model_copy(update={"format": "tsv", "file": "x.tsv"})
GEO = GeoSource(type="geo", series="GSE12345", file="series_matrix")
ZENODO = ZenodoSource(type="zenodo", record=42, file="data.zip")


@pytest.fixture
def world(database):
    database.state.records = dict(RECORDS)
    return database


def lock(world, source):
    return sources.lock("s", source, world.config(), DATE)[0]


def fetch(world, source, rows, **change):
    target = world.folder / "d" / "file"
    sources.fetch(source, target, world.config(**change), sources.Lock("a.lock.tsv", rows))
    return target.read_bytes()


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("source", [NCBI, GENBANK])
def test_a_line_for_each_record(world, source):
    rows = lock(world, source)
    assert [row.accession for row in rows] == ["NM_2.5", "NM_1.1"]
    bases = sequence("NM_2.5")
    assert rows[0] == Row("s", "NM_2.5", digest(bases), "130", DATE, LOCKED, rows[1].request)
    # the letters count, not their case (GenBank has small ones)
    assert rows[0].sha256 == lock(world, NCBI)[0].sha256


@pytest.mark.parametrize(("source", "content"), [(GEO, MATRIX), (ZENODO, ZIP)])
def test_a_line_for_a_whole_file(world, source, content):
    (row,) = lock(world, source)
    expected = ("", hashlib.sha256(content).hexdigest(), str(len(content)))
    assert (row.accession, row.sha256, row.length) == expected


def test_a_table_is_a_whole_file(world):
    (row,) = lock(world, TABLE)
    assert row.accession == "" and row.status == LOCKED


def test_what_was_dropped_is_written_down(world):
    source = UNIPROT.model_copy(
        update={"accessions": ["P00009", "P00001", "P00002.8"], "missing": "drop"}
    )
    rows = lock(world, source)
    assert [(row.accession, row.status) for row in rows] == [
        ("P00001.3", LOCKED), ("P00009", MISSING), ("P00002.8", MISSING),
    ]  # fmt: skip
    # and is still left out when the database has it
    world.state.records["P00009"] = 1
    assert b"P00009" not in fetch(world, source, rows)


def test_a_lock_reads_as_it_was_written(world, tmp_path):
    rows = lock(world, NCBI) + lock(world, GEO)
    locks.write(tmp_path / "l" / "x.tsv", rows)
    assert locks.read(tmp_path / "l" / "x.tsv") == {"s": rows}
    assert locks.read(tmp_path / "none.tsv") == {}
    assert (tmp_path / "l" / "x.tsv").read_text().splitlines()[0].split("\t")[:6] == [
        "source", "accession", "sha256", "length", "date", "status",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: text.replace("sha256", "md5"), 1),
        (lambda text: text.replace("NM_1.1", "NM_1.1&db=x"), 3),
        (lambda text: text.replace("NM_2.5", "../NM_2.5"), 2),
        (lambda text: text[:-4], 3),
        (lambda text: text.replace("\t130", "\t"), 2),
        (lambda text: text.replace("locked", "perhaps"), 2),
        (lambda text: "", 1),
    ],
)
def test_a_lock_that_was_damaged_is_told_by_line(world, tmp_path, change, line):
    path = tmp_path / "x.tsv"
    locks.write(path, lock(world, NCBI))
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=rf"x\.tsv, line {line}: .*snakemake --cores 1 lock"):
        locks.read(path)


def test_a_record_whose_name_is_none_is_not_locked(tmp_path):
    row = Row("s", "a\tb", "0" * 64, "1", DATE, LOCKED, "0" * 16)
    with pytest.raises(InputError, match=r"'a\\tb' is no accession"):
        locks.write(tmp_path / "x.tsv", [row])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("source", [NCBI, GENBANK, UNIPROT, TABLE, ENSEMBL, GEO, ZENODO])
def test_a_locked_fetch_brings_what_was_locked(world, source):
    rows, place = sources.lock("s", source, world.config(), DATE)
    world.state.shuffle = source is not ZENODO
    assert fetch(world, source, rows) == place.read_bytes()


def test_the_locked_versions_are_asked_for(world):
    rows = lock(world, NCBI)
    world.state.asked.clear()
    fetch(world, NCBI, rows)
    (asked,) = [values["id"] for _, _, values in world.state.asked]
    assert asked == "NM_2.5,NM_1.1"


def test_a_locked_query_does_not_search_again(world):
    world.state.records = {"P00001": 3, "P00002": 1}
    source = UniprotSource(type="uniprot", query="x", file="x.fasta")
    rows = lock(world, source)
    before = fetch(world, source, rows)
    world.state.records = {"P00000": 1} | world.state.records
    assert fetch(world, source, rows) == before
    assert len(lock(world, source)) == 3


@pytest.mark.parametrize(
    ("source", "name"), [(NCBI, "NM_1.1"), (UNIPROT, "P00001.3"), (ENSEMBL, "ENSG1.7")]
)
@pytest.mark.parametrize("change", ["version", "gone", "content", "length"])
def test_all_that_changed_is_named(world, source, name, change):
    rows = lock(world, source)
    base = name.split(".")[0]
    key = name if source is NCBI else base
    letters = "ACDEFGHIK" if source is UNIPROT else "ACGT"
    if change == "version":
        world.state.records[base] += 1
    elif change == "gone":
        del world.state.records[base]
    elif change == "content":
        world.state.sequences[key] = sequence("another", letters)
    else:
        world.state.sequences[key] = sequence(key, letters)[:-1]
    with pytest.raises(InputError) as caught:
        fetch(world, source, rows)
    said = "another sequence" if change in ("content", "length") else "missing"
    assert f"not what a.lock.tsv says of 's': {name} ({said})" in str(caught.value)
    assert "snakemake --cores 1 lock" in str(caught.value)
    assert not list((world.folder / "d").iterdir())


def test_every_record_that_changed_is_named(world):
    rows = lock(world, NCBI)
    world.state.sequences = {"NM_1.1": "ACGT", "NM_2.5": "ACGT"}
    with pytest.raises(InputError, match=r"NM_2\.5 \(another sequence\), NM_1\.1 \(another"):
        fetch(world, NCBI, rows)


def test_a_file_that_changed(world):
    (row,) = lock(world, GEO)
    other = Row(**{**row.__dict__, "sha256": "0" * 64})
    with pytest.raises(InputError, match="the file is another"):
        fetch(world, GEO, [other])
    assert not list((world.folder / "d").iterdir())


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"accessions": ["NM_2"]}, True),
        ({"database": "protein"}, True),
        ({"file": "other.fasta"}, False),
        ({"missing": "drop"}, False),
    ],
)
def test_a_source_that_was_changed_is_not_locked_any_more(world, change, stale):
    rows = lock(world, NCBI)
    world.state.asked.clear()
    changed = NCBI.model_copy(update=change)
    if stale:
        with pytest.raises(
            InputError, match=r"'s' was changed since it was locked.*snakemake --cores 1 lock"
        ):
            fetch(world, changed, rows)
        assert not world.state.asked
    else:
        assert fetch(world, changed, rows)


def test_without_a_lock_there_is_a_warning(world, caplog):
    rows = lock(world, NCBI)
    for given, warned in (((), True), (rows, False)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            fetch(world, NCBI, given)
        assert ("snakemake --cores 1 lock" in caplog.text) == warned


def test_a_mirror_is_believed_only_as_far_as_the_lock(world):
    rows, place = sources.lock("s", NCBI, world.config(), DATE)
    right, mirror = place.read_bytes(), world.folder / "mirror"
    copy = mirror / "127.0.0.1" / place.parent.name / "x.fasta"
    copy.parent.mkdir(parents=True)
    for content in (right, right.replace(b"A", b"C"), b"no records", right + right):
        copy.write_bytes(content)
        world.state.asked.clear()
        assert fetch(world, NCBI, rows, mirror=str(mirror)) == right
        assert bool(world.state.asked) == (content != right)


def test_the_date_is_no_reason_to_fetch_again(world):
    first = sources.lock("s", NCBI, world.config(), DATE)
    second = sources.lock("s", NCBI, world.config(), "2021-01-01")
    assert first[0] != second[0] and first[1] == second[1]
    world.state.records["NM_1"] = 2
    assert sources.lock("s", NCBI, world.config(), DATE)[1] != first[1]


def test_a_lock_is_of_what_is_there_now_and_needs_the_network(world):
    with pytest.raises(InputError, match="offline forbids the network"):
        sources.lock("s", NCBI, world.config(offline=True), DATE)


def test_what_says_itself_what_it_is_needs_no_lock():
    assert not locks.can_be_locked(PathSource(type="path", path="x"))
    assert not locks.can_be_locked(GEO.model_copy(update={"sha256": "0" * 64}))
    assert locks.can_be_locked(GEO) and locks.can_be_locked(NCBI)
