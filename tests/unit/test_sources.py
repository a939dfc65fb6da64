"""Downloads from a real server on loopback, wheels through a real pip, archives that bite."""

import gzip
import hashlib
import http.server
import io
import threading
import zipfile

import pytest
from biornn import sources
from biornn.files import InputError

BODY = b"id,sequence\n1,ACGU\n" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    failures_left = 0

    def do_GET(self):
        if self.path == "/flaky" and Handler.failures_left:
            Handler.failures_left -= 1
            self.send_error(503)
        elif self.path == "/missing":
            self.send_error(404)
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY[:100])
        else:
            body = b"<html>please log in</html>" if self.path == "/login" else BODY
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)


def test_a_download_lands_whole(server, tmp_path):
    sources.fetch_url(f"{server}/table.csv", tmp_path / "d" / "table.csv", DIGEST)
    assert (tmp_path / "d" / "table.csv").read_bytes() == BODY
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["table.csv"]


def test_a_passing_failure_is_tried_again(server, tmp_path):
    Handler.failures_left = 2
    sources.fetch_url(f"{server}/flaky", tmp_path / "x", DIGEST)
    assert (tmp_path / "x").read_bytes() == BODY


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/missing", "404"),
        ("/login", "checksum mismatch: expected sha256 " + DIGEST),
        ("/cut", "could not be downloaded|checksum mismatch"),
    ],
)
def test_a_failed_download_leaves_nothing(server, tmp_path, path, expected):
    with pytest.raises(InputError, match=expected):
        sources.fetch_url(server + path, tmp_path / "x", DIGEST)
    assert not list(tmp_path.iterdir())


def test_no_network_says_so_and_how_to_go_on(tmp_path):
    with pytest.raises(InputError, match=r"Check the network .* or put the file at"):
        sources.fetch_url("http://127.0.0.1:9/x", tmp_path / "x", DIGEST)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes packages from, with one wheel that would shout if it were run."""
    folder = tmp_path / "index"
    folder.mkdir()
    name = "tinydata-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("tinydata/__init__.py", "raise RuntimeError('this code was run')")
        wheel.writestr("tinydata/data.csv.gz", gzip.compress(BODY))
        wheel.writestr(
            "tinydata-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\nRequires-Dist: not-there\n",
        )
        wheel.writestr("tinydata-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tinydata-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder / name


def test_a_wheel_is_fetched_and_a_member_read_without_running_it(index, tmp_path):
    digest = hashlib.sha256(index.read_bytes()).hexdigest()
    sources.fetch_pypi("tinydata", "1.0", index.name, tmp_path / "store" / "w.whl", digest)
    assert sources.read_member(tmp_path / "store" / "w.whl", "tinydata/data.csv.gz") == BODY


def test_a_package_that_is_not_there_is_named(index, tmp_path):
    with pytest.raises(InputError, match=r"package nosuch==1\.0: could not be downloaded"):
        sources.fetch_pypi("nosuch", "1.0", "x.whl", tmp_path / "w", "0" * 64)


def test_another_file_than_expected_is_named(index, tmp_path):
    with pytest.raises(InputError, match=r"gave tinydata-1\.0.*, not 'other\.whl'"):
        sources.fetch_pypi("tinydata", "1.0", "other.whl", tmp_path / "w", "0" * 64)


def test_a_wheel_with_another_checksum_is_not_kept(index, tmp_path):
    with pytest.raises(InputError, match="checksum mismatch"):
        sources.fetch_pypi("tinydata", "1.0", index.name, tmp_path / "s" / "w", "0" * 64)
    assert not list((tmp_path / "s").iterdir())


def test_a_missing_member_names_a_near_one(index):
    with pytest.raises(InputError, match=r"no member 'data\.csv\.gz'.*'tinydata/data\.csv\.gz'"):
        sources.read_member(index, "data.csv.gz")


def test_truncated_archives_are_refused(index, tmp_path):
    (tmp_path / "cut.whl").write_bytes(index.read_bytes()[:-30])
    with pytest.raises(InputError, match="not a whole zip archive"):
        sources.read_member(tmp_path / "cut.whl", "tinydata/data.csv.gz")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(BODY)[:-10])
    with pytest.raises(InputError, match="not a whole gzip file"):
        sources.read_member(tmp_path / "cut.csv.gz")


@pytest.mark.parametrize("packed", ["gzip", "zip"])
def test_bombs_are_refused(tmp_path, monkeypatch, packed):
    monkeypatch.setattr(sources, "MAX_UNPACKED", 10_000)
    bomb = bytes(1_000_000)
    if packed == "gzip":
        path, member = tmp_path / "bomb.csv.gz", None
        path.write_bytes(gzip.compress(bomb))
    else:
        path, member = tmp_path / "bomb.zip", "zeros"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", bomb)
    with pytest.raises(InputError, match="refused"):
        sources.read_member(path, member)


def test_a_hostile_member_name_writes_nothing(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil", b"x")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    assert sources.read_member(tmp_path / "a.zip", "../../evil") == b"x"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: can't be read: No such file"):
        sources.read_member(tmp_path / "none.csv")
