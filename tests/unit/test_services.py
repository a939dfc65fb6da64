"""Services: the pace of requests, and what is asked again."""

import pytest
from biornn import transfer
from biornn.services import Pace, Service, in_batches, json_of, pace_of, text_of
from biornn.transfer import Answer, PassingError


class Clock:
    """A time that passes only when somebody waits, or when the test says so."""

    def __init__(self):
        self.now, self.waits = 1000.0, []

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("rate", [3, 10])
def test_no_second_has_more_requests_than_it_may(tmp_path, rate):
    clock, times = Clock(), []
    pace = Pace(tmp_path / "pace", rate, clock.time, clock.sleep)
    for _ in range(40):
        pace.wait()
        times.append(clock.now)
    gaps = [later - earlier for earlier, later in zip(times, times[rate:], strict=False)]
    assert min(gaps) >= 1 - 1e-6
    assert clock.now - 1000 == pytest.approx(39 / rate)  # and no slower than that


def test_two_processes_share_a_pace(tmp_path):
    clock = Clock()
    first, second = (Pace(tmp_path / "pace", 2, clock.time, clock.sleep) for _ in range(2))
    first.wait()
    second.wait()
    assert clock.waits == [0.5]


def test_who_comes_late_does_not_wait(tmp_path):
    clock = Clock()
    pace = Pace(tmp_path / "pace", 2, clock.time, clock.sleep)
    pace.wait()
    clock.now += 7
    pace.wait()
    clock.now -= 3600  # a clock that was set back
    pace.wait()
    assert clock.waits == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, [30]),  # Ensembl: seconds
        (
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(2e9 + 45)},
            [45],
        ),  # a date
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3600"}, [transfer.MAX_PAUSE]),
        ({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "30"}, [0.5]),
        ({"X-RateLimit-Remaining": "0"}, [0.5]),
        ({}, [0.5]),
    ],
)
def test_a_count_that_is_used_up_stops_all_processes(tmp_path, headers, expected):
    clock = Clock()
    clock.now = 2e9
    first, second = (Pace(tmp_path / "pace", 2, clock.time, clock.sleep) for _ in range(2))
    first.wait()
    first.heed(headers)
    second.wait()
    assert clock.waits == pytest.approx(expected)


def test_the_count_of_a_server_is_read_from_its_answers(database):
    def last(handler, asked):
        handler.answer("[]", X_RateLimit_Remaining="0", X_RateLimit_Reset="17")

    database.state.trouble = [last]
    clock = Clock()
    pace = Pace(database.folder / "pace", 5, clock.time, clock.sleep)
    service = Service("Ensembl", database.address, pace, 1)
    service.ask("/sequence/id", json_of, json={"ids": ["A"]})
    pace.wait()
    assert clock.waits == [17]


@pytest.mark.parametrize("content", ["", "rubbish"])
def test_a_file_that_says_nothing_is_no_reason_to_wait(tmp_path, content):
    clock = Clock()
    (tmp_path / "pace").write_text(content)
    Pace(tmp_path / "pace", 2, clock.time, clock.sleep).wait()
    assert clock.waits == []


def test_the_pace_of_a_host_is_a_plain_file(tmp_path):
    pace_of(tmp_path / "s", "http://[::1]:80/../x", 5).wait()
    (file,) = (tmp_path / "s").iterdir()
    assert file.name == ".___1__80.pace"


def test_every_try_waits_for_its_turn(database):
    turns = []

    class Turns:
        def wait(self):
            turns.append(1)

        def heed(self, headers):
            pass

    service = Service("Zenodo", database.address, Turns(), 3)
    database.state.trouble = [503, "{"]
    assert service.ask("/api/records/42", json_of)["id"] == 42
    assert len(turns) == 3


def test_bodies_that_are_not_what_they_should_be():
    with pytest.raises(PassingError, match="not text"):
        text_of(Answer(b"\xff\xfe", {}))
    with pytest.raises(PassingError, match="not JSON, it begins with b'<xml>'"):
        json_of(Answer(b"<xml>", {}))


def test_a_form_is_not_sent_on_to_another_address(database):
    def elsewhere(handler, asked):
        handler.answer(b"", 307, Location="/api/records/42")

    database.state.trouble = [elsewhere]
    with pytest.raises(transfer.RefusedError, match="answered 307"):
        transfer.ask(f"{database.address}/x", form={"api_key": "k"})
    assert len(database.state.asked) == 1


def test_secrets_are_hidden_also_as_in_an_address():
    hidden = transfer.hidden("a+b@c.org a%2Bb%40c.org key=k1", ["a+b@c.org", "k1"])
    assert hidden == "*** *** key=***"


def test_a_bar_is_for_terminals(monkeypatch, capsys):
    assert list(in_batches("abcde", 2, "letters")) == [["a", "b"], ["c", "d"], ["e"]]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    list(in_batches("abcde", 2, "letters"))
    assert "letters: 100%" in capsys.readouterr().err
