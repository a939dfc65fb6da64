"""NCBI: batches, searches, trouble of all kinds, and keys that stay secret."""

import json
import logging
import re

import pytest
from biornn import ncbi
from biornn.config_sources import NcbiSource, ServersConfig
from biornn.entries import from_fasta, from_genbank
from biornn.files import InputError
from database_server import sequence

KEY, EMAIL = "s3cr3tK3y", "me+lab@example.org"


def source(*accessions, **values):
    if accessions:
        values["accessions"] = list(accessions)
    return NcbiSource(**{"type": "ncbi", "database": "nuccore", "file": "x.fasta"} | values)


def records(count, version=1):
    return {f"NM_{n:06}": version for n in range(count)}


def names_in(data):
    return re.findall(r"^>(\S+)", data.decode(), re.MULTILINE)


def efetches(database):
    return [asked for _, path, asked in database.state.asked if "efetch" in path]


def test_records_come_in_the_order_of_the_accessions(database):
    database.state.records, database.state.shuffle = records(5), True
    asked = ["NM_000003", "NM_000001.1", "NM_000004"]
    data = database.fetch(source(*asked))
    assert names_in(data) == ["NM_000003.1", "NM_000001.1", "NM_000004.1"]
    assert from_fasta(data.decode())[0].sequence == sequence("NM_000003.1")
    assert database.fetch(source(*asked)) == data


@pytest.mark.parametrize(("kind", "rettype"), [("nuccore", "gbwithparts"), ("protein", "gp")])
def test_genbank(database, kind, rettype):
    database.state.records, database.state.shuffle = records(3), True
    wanted = source("NM_000002", "NM_000000", database=kind, format="genbank", file="x.gb")
    entries = from_genbank(database.fetch(wanted).decode())
    assert [entry.accession for entry in entries] == ["NM_000002.1", "NM_000000.1"]
    assert efetches(database)[0]["rettype"] == rettype


def test_many_are_asked_for_in_batches(database):
    database.state.records = records(401)
    data = database.fetch(source(*database.state.records))
    assert len(names_in(data)) == 401
    assert [len(asked["id"].split(",")) for asked in efetches(database)] == [200, 200, 1]
    assert {method for method, _, _ in database.state.asked} == {"POST"}


def test_a_query_brings_all_pages_sorted(database, monkeypatch):
    monkeypatch.setattr(ncbi, "_PAGE", 100)
    database.state.records = dict(reversed(records(250).items()))
    data = database.fetch(source(query="made up[title]"))
    assert names_in(data) == [f"NM_{n:06}.1" for n in range(250)]
    searches = [asked for _, path, asked in database.state.asked if "esearch" in path]
    assert [asked["retstart"] for asked in searches] == ["0", "100", "200"]
    assert searches[0]["term"] == "made up[title]"


@pytest.mark.parametrize(
    ("values", "off", "expected"),
    [
        ({"query": "nothing"}, 0, "query 'nothing': found nothing"),
        ({"query": "x", "limit": 249}, 0, r"found 250 records, more than `limit` \(249\)"),
        ({"query": "x"}, 1, "200 of 250 accessions came, and the server now counts 251"),
    ],
)
def test_a_query_that_does_not_add_up(database, monkeypatch, values, off, expected):
    monkeypatch.setattr(ncbi, "_PAGE", 100)
    database.state.records, database.state.total_off = records(250), off
    with pytest.raises(InputError, match=expected):
        database.fetch(source(**values))
    assert not efetches(database)


@pytest.mark.parametrize(
    "page", [["NM_1.1&id=2"], ["a b"], [7], [""]], ids=["ampersand", "space", "number", "empty"]
)
def test_accessions_of_a_search_are_not_believed(database, page):
    body = json.dumps({"esearchresult": {"count": "1", "idlist": page}})
    database.state.trouble = [body] * 3
    with pytest.raises(InputError, match="the search gave no accessions"):
        database.fetch(source(query="x"))
    assert not efetches(database)


# -- missing records -------------------------------------------------------------------------------


@pytest.mark.parametrize("says", ["silent", "words", "status", "spaced"])
def test_all_missing_accessions_are_named(database, says):
    database.state.records, database.state.says_missing = records(30), says
    asked = [*records(30), "GONE_1", "NM_000007.9"]
    with pytest.raises(InputError, match="missing or withdrawn") as caught:
        database.fetch(source(*asked[:7], *asked[8:]))
    assert "2 missing or withdrawn: GONE_1, NM_000007.9" in str(caught.value)


@pytest.mark.parametrize("says", ["silent", "words", "status", "spaced"])
def test_missing_accessions_can_be_dropped(database, caplog, says):
    database.state.records, database.state.says_missing = records(3), says
    asked = ["NM_000002", "GONE_1", "NM_000000", "GONE_2"]
    with caplog.at_level(logging.WARNING):
        data = database.fetch(source(*asked, missing="drop"))
    assert names_in(data) == ["NM_000002.1", "NM_000000.1"]
    assert "2 missing or withdrawn: GONE_1, GONE_2" in caplog.text


def test_another_version_is_not_taken_for_the_one_asked_for(database):
    database.state.records = {"NM_1": 3}
    database.state.trouble = [">NM_1.3 newer\nACGT\n"]  # as if versions were not looked at
    with pytest.raises(InputError, match=r"missing or withdrawn: NM_1\.2 \(there is NM_1\.3\)"):
        database.fetch(source("NM_1.2"))


def test_what_the_server_left_out_once_is_asked_for_again(database):
    database.state.records = records(3)
    database.state.trouble = [">NM_000001.1 x\nACGT\n"]
    data = database.fetch(source(*database.state.records))
    assert len(names_in(data)) == 3
    assert efetches(database)[1]["id"] == "NM_000000,NM_000002"


@pytest.mark.parametrize("status", ["suppressed", "withdrawn", "dead"])
def test_records_that_were_withdrawn_are_named(database, caplog, status):
    database.state.records = records(3)
    database.state.status = {"NM_000001.1": (status, ""), "NM_000002.1": (status, "")}
    asked = ["NM_000002", "NM_000000", "NM_000001.1", "GONE_1"]
    expected = rf"3 missing or withdrawn: NM_000002 \({status}\), NM_000001\.1 \({status}\), GONE_1"
    with pytest.raises(InputError, match=expected):
        database.fetch(source(*asked))
    with caplog.at_level(logging.WARNING):
        assert names_in(database.fetch(source(*asked, missing="drop"))) == ["NM_000000.1"]
    assert re.search(expected, caplog.text)


def test_a_record_that_another_replaced_is_named_with_it(database):
    database.state.records = {"NM_1": 2, "NM_2": 1}
    database.state.status = {"NM_1.2": ("replaced", "NM_9.1")}
    expected = r"1 missing or withdrawn: NM_1 \(replaced by NM_9\.1\)\. Correct"
    with pytest.raises(InputError, match=expected):
        database.fetch(source("NM_1", "NM_2"))


def test_an_old_version_that_is_asked_for_is_meant(database):
    database.state.records = {"NM_1": 2}
    database.state.status = {"NM_1.2": ("replaced", "NM_1.3")}
    assert names_in(database.fetch(source("NM_1.2"))) == ["NM_1.2"]


def test_the_state_is_asked_of_a_list_and_not_of_a_search(database, monkeypatch):
    monkeypatch.setattr(ncbi, "BATCH", 2)
    database.state.records = records(3)
    database.state.status = {"NM_000001.1": ("suppressed", "")}
    assert len(names_in(database.fetch(source(query="x")))) == 3
    assert not [path for _, path, _ in database.state.asked if "esummary" in path]
    database.state.status = {}
    database.fetch(source(*database.state.records))
    states = [asked["id"] for _, path, asked in database.state.asked if "esummary" in path]
    assert states == ["NM_000000.1,NM_000001.1", "NM_000002.1"]


@pytest.mark.parametrize("answer", ["{}", "[]", '{"result": {}}', '{"error": "backend"}', "<x/>"])
def test_a_summary_that_fails_is_asked_for_again(database, answer):
    database.state.records = records(1)
    database.state.status = {"NM_000000.1": ("withdrawn", "")}
    database.state.trouble = [None, answer]  # the first request is for the record
    with pytest.raises(InputError, match=r"NM_000000 \(withdrawn\)"):
        database.fetch(source("NM_000000"))
    assert len(database.state.asked) == 3


@pytest.mark.parametrize(
    "unknown",
    [
        {"errorlist": {"phrasesnotfound": ["lngX"], "fieldsnotfound": []}},
        {"errorlist": {"phrasesnotfound": [], "fieldsnotfound": ["lngX"]}},
        {"warninglist": {"phrasesignored": ["the"], "quotedphrasesnotfound": ["lngX"]}},
    ],
)
def test_words_that_a_search_does_not_know_are_not_ignored(database, unknown):
    database.state.records, database.state.unknown = records(2), unknown
    with pytest.raises(InputError, match=r"knows nothing of 'lngX' and would go on without"):
        database.fetch(source(query="human AND lngX"))
    assert not efetches(database) and len(database.state.asked) == 1


def test_common_words_that_every_search_ignores_are_no_error(database):
    database.state.records = records(2)
    database.state.unknown = {"warninglist": {"phrasesignored": ["the"]}, "errorlist": {}}
    assert len(names_in(database.fetch(source(query="the records")))) == 2


# -- trouble ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [500, 503, "429", "cut", "cut in line", "<ERROR>Backend failed</ERROR>",
     "Failed to retrieve sequences", "\xff", ">NM_000001.1 x\n\n"],
)  # fmt: skip
def test_what_may_pass_is_tried_again(database, trouble):
    database.state.records = records(2)
    database.state.trouble = [trouble.encode("latin-1")] * 2 if trouble == "\xff" else [trouble] * 2
    assert len(names_in(database.fetch(source(*database.state.records)))) == 2
    waits = [pause for pause in database.pauses if pause > 0.4]  # shorter ones are the pace
    assert len(waits) == 2
    if trouble == "429":
        assert waits == [2, 2]


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (500, r"could not be downloaded in 3 tries: .*answered 500"),
        ("<ERROR>Backend failed</ERROR>", r"in 3 tries: .*Backend failed"),
        ("html", "a web page, not data .*Is the service being maintained"),
        (400, "answered 400 .*I can not: 400"),
        (403, "answered 403 .*I can not: 403"),
        (404, "answered 404 .*I can not: 404"),
        ("echo", "API key invalid"),
    ],
)
def test_trouble_that_stays_is_told(database, trouble, expected):
    database.state.records, database.state.trouble = records(2), [trouble] * 3
    with pytest.raises(InputError, match=expected):
        database.fetch(source(*database.state.records))
    assert len(database.state.asked) == (3 if "tries" in expected else 1)
    assert not list((database.folder / "d").iterdir())


def test_a_search_that_fails(database):
    database.state.records = records(1)
    failed = '{"esearchresult": {"ERROR": "Backend failed", "count": ""}}'
    database.state.trouble = [failed, "<ERROR>x</ERROR>"]
    assert names_in(database.fetch(source(query="x"))) == ["NM_000000.1"]


def test_words_of_a_query_are_not_taken_for_trouble(database):
    database.state.records = records(1)
    result = {"count": "1", "idlist": ["NM_000000.1"], "querytranslation": "Error: none"}
    database.state.trouble = [json.dumps({"esearchresult": result})]
    assert names_in(database.fetch(source(query="Error: none"))) == ["NM_000000.1"]
    assert len(database.state.asked) == 2


# -- keys and rates --------------------------------------------------------------------------------


def test_the_rate_goes_with_the_key(tmp_path, monkeypatch):
    for key, interval in (("", 1 / 3), (KEY, 1 / 10)):
        monkeypatch.setenv("NCBI_API_KEY", key)
        eutils = ncbi.service(ServersConfig(), tmp_path, 1)
        waits = []
        eutils.pace._clock, eutils.pace._sleep = (lambda: 5.0), waits.append
        eutils.pace.wait()
        eutils.pace.wait()
        assert waits[-1] == pytest.approx(interval)


@pytest.mark.parametrize(
    "trouble", ["echo", 500, "html", "<ERROR>for s3cr3tK3y</ERROR>", '["s3cr3tK3y"]', "nothing"]
)
@pytest.mark.parametrize("values", [{"query": "x"}, {"accessions": ["NM_000000", "GONE_1"]}])
def test_keys_are_sent_and_never_shown(database, monkeypatch, caplog, capsys, trouble, values):
    monkeypatch.setenv("NCBI_API_KEY", KEY)
    monkeypatch.setenv("NCBI_EMAIL", EMAIL)
    caplog.set_level(logging.DEBUG)  # also what the libraries say
    database.state.records, database.state.trouble = records(2), [trouble] * 3
    said = ""
    try:
        database.fetch(source(**values))
    except InputError as error:
        while error:
            said, error = said + str(error), error.__cause__ or error.__context__
    assert said  # each of these ends in an error
    asked = database.state.asked
    assert asked[0][2]["api_key"] == KEY and asked[0][2]["email"] == EMAIL
    output = capsys.readouterr()
    everything = [said, caplog.text, output.out, output.err, *(path for _, path, _ in asked)]
    for secret in (KEY, EMAIL, "me%2Blab%40example.org"):
        assert not any(secret in text for text in everything)


def test_nothing_is_sent_of_what_is_not_set(database):
    database.state.records = records(1)
    database.fetch(source("NM_000000"))
    assert {"api_key", "email"}.isdisjoint(efetches(database)[0])
