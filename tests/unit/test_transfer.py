"""Transfers from a real server that cuts, delays, redirects and lies."""

import pytest
from biornn import transfer
from biornn.files import InputError
from web_server import BODY, Handler, serve


@pytest.fixture(scope="module")
def server():
    with serve() as address:
        yield address


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """No waiting; the pauses that would have been made."""
    Handler.requests.clear()
    Handler.ranges.clear()
    made = []
    monkeypatch.setattr(transfer.time, "sleep", made.append)
    return made


def get(url, part, attempts=4):
    transfer.with_retries(lambda: transfer.download(url, part), url, attempts)
    return part.read_bytes()


def test_a_whole_file(server, tmp_path):
    assert get(f"{server}/table.csv", tmp_path / "p") == BODY


@pytest.mark.parametrize("path", ["/busy", "/unavailable"])
def test_a_busy_server_is_given_the_time_it_asks_for(server, tmp_path, pauses, path):
    assert get(server + path, tmp_path / "p") == BODY
    assert pauses == [7, 7]


def test_a_date_to_come_back_at_is_capped(server, tmp_path, pauses):
    with pytest.raises(OSError, match="answered 429"):
        get(f"{server}/busy-until", tmp_path / "p", attempts=3)
    assert pauses == [transfer.MAX_PAUSE] * 2 and Handler.requests["/busy-until"] == 3


def test_pauses_grow_where_the_server_names_none(tmp_path, pauses):
    with pytest.raises(OSError):
        get("http://127.0.0.1:9/x", tmp_path / "p", attempts=6)
    assert len(pauses) == 5
    assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(pauses, start=1))


def test_a_cut_transfer_goes_on_where_it_stopped(server, tmp_path):
    assert get(f"{server}/cut-once", tmp_path / "p") == BODY
    whole, rest = Handler.ranges
    assert whole is None and 0 < int(rest[len("bytes=") : -1]) <= len(BODY) // 2


@pytest.mark.parametrize("path", ["/changed", "/wrong-part", "/too-far", "/cut-without-etag"])
def test_what_can_not_be_continued_begins_again(server, tmp_path, path):
    assert get(server + path, tmp_path / "p") == BODY


def test_a_server_that_always_cuts(server, tmp_path):
    with pytest.raises(OSError):
        get(f"{server}/cut-always", tmp_path / "p", attempts=2)
    assert Handler.requests["/cut-always"] == 2


def test_redirects(server, tmp_path):
    assert get(f"{server}/moved", tmp_path / "p") == BODY
    with pytest.raises(OSError, match="redirects"):
        get(f"{server}/circle", tmp_path / "p", attempts=1)


@pytest.mark.parametrize("path", ["/login", "/login-as-data"])
def test_a_web_page_is_not_data(server, tmp_path, path):
    with pytest.raises(InputError, match=r"/login.*a web page, not data .*DOCTYPE html"):
        get(server + path, tmp_path / "p")
    assert Handler.requests[path] == 1


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/missing", transfer.NotThereError, "/missing: the server answered 404 .*nothing here"),
        ("/forbidden", InputError, "/forbidden: the server answered 403 .*members only"),
    ],
)
def test_a_refusal_names_address_status_and_what_came(server, tmp_path, path, kind, expected):
    with pytest.raises(kind, match=expected):
        get(server + path, tmp_path / "p")
    assert Handler.requests[path] == 1  # asking again would not help
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), (" 2.5 ", 2.5), ("40.", 40), ("soon", None), (None, None)]
)
def test_how_long_a_server_asks_to_wait(value, seconds):
    assert transfer.retry_after(value) == seconds
