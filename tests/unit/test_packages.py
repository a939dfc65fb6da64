"""Source distributions come from the index as they are: none of their code is run."""

import contextlib
import hashlib
import http.server
import io
import json
import tarfile
import threading
from typing import ClassVar

import pytest
from biornn import sources, transfer
from biornn.config_sources import DownloadConfig, PypiSource
from biornn.files import InputError

FILE = "tiny_data-1.0.tar.gz"


def sdist():
    """A distribution whose build would shout."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in (("setup.py", "raise RuntimeError('run')"), ("data.csv", "a,b\n")):
            member = tarfile.TarInfo(f"tiny_data-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


BODY = sdist()
DIGEST = hashlib.sha256(BODY).hexdigest()


class Index(http.server.BaseHTTPRequestHandler):
    """An index with one package, as JSON or as HTML; `busy` answers are counted down."""

    busy: ClassVar[list] = []
    html: ClassVar[bool] = False

    def answer(self, body, kind, status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == f"/files/{FILE}":
            self.answer(BODY, "application/octet-stream")
        elif self.path != "/simple/tiny-data/":
            self.answer(b"no", "text/plain", 404)
        elif Index.busy:
            self.answer(b"later", "text/plain", Index.busy.pop(), Retry_After="9")
        elif Index.html:
            page = f'<!DOCTYPE html><a href="/files/{FILE}#sha256={DIGEST}">{FILE}</a>'
            self.answer(page.encode(), "text/html")
        else:
            file = {"filename": FILE, "url": f"/files/{FILE}", "hashes": {"sha256": DIGEST}}
            page = {"meta": {"api-version": "1.0"}, "name": "tiny-data", "files": [file]}
            self.answer(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def index(monkeypatch):
    """pip is set up for this index alone."""
    Index.busy, Index.html = [], False
    waits = []
    monkeypatch.setattr(transfer.time, "sleep", waits.append)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        yield waits
        with contextlib.suppress(OSError):
            server.shutdown()


def fetch(tmp_path, **change):
    values = {"package": "Tiny_Data", "version": "1.0", "file": FILE, "sha256": DIGEST} | change
    source = PypiSource(type="pypi", **values)
    sources.fetch(source, tmp_path / "s" / "x", DownloadConfig(attempts=2))
    return (tmp_path / "s" / "x").read_bytes()


@pytest.mark.parametrize("html", [False, True])
def test_it_is_found_on_the_pages_of_the_index(tmp_path, html):
    Index.html = html
    assert fetch(tmp_path) == BODY


def test_a_busy_index_is_asked_again_when_it_says(tmp_path, index):
    Index.busy = [503]
    assert fetch(tmp_path) == BODY and index == [9]


def test_a_folder_of_packages_is_looked_at_first(tmp_path, monkeypatch):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / FILE).write_bytes(BODY)
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "links").as_uri())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert fetch(tmp_path) == BODY


def test_an_extra_index(tmp_path, monkeypatch):
    import os

    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", os.environ["PIP_INDEX_URL"])
    monkeypatch.setenv("PIP_INDEX_URL", os.environ["PIP_INDEX_URL"] + "/nothing")
    assert fetch(tmp_path) == BODY


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"package": "other"}, "no index that pip is set up for has it"),
        ({"version": "2.0", "file": "tiny_data-2.0.tar.gz"}, "no index that pip is set up for"),
        ({"file": "tiny-data-1.0.zip"}, r"gave tiny_data-1\.0\.tar\.gz, not 'tiny-data-1\.0\.zip'"),
        ({"sha256": "0" * 64}, "checksum mismatch"),
    ],
)
def test_what_is_not_there_is_said(tmp_path, change, expected):
    with pytest.raises(InputError, match=expected):
        fetch(tmp_path, **change)
    assert list((tmp_path / "s").iterdir()) == []


def test_an_index_that_refuses(tmp_path):
    Index.busy = [403]
    with pytest.raises(InputError, match="the index answered 403"):
        fetch(tmp_path)
