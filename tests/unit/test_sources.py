"""Sources: from the origin or a mirror, whole and with the right checksum, or not at all."""

import gzip
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from biornn import sources, transfer
from biornn.config_sources import DownloadConfig, PypiSource, SyntheticSource, UrlSource
from biornn.files import InputError
from web_server import BODY, DIGEST, Handler, serve

LIBRARY = Path(__file__).parents[2] / "workflow/scripts"


@pytest.fixture(scope="module")
def server():
    with serve() as address:
        yield address


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    Handler.requests.clear()
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: None)


def source(url, sha256=DIGEST):
    return UrlSource(type="url", url=url, file="x", sha256=sha256)


def fetch(url, target, **config):
    sources.fetch(source(url), target, DownloadConfig(**config))


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_download_lands_whole(server, tmp_path):
    fetch(f"{server}/table.csv", tmp_path / "d" / "x")
    assert (tmp_path / "d" / "x").read_bytes() == BODY
    assert left_in(tmp_path) == ["x"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/missing", "answered 404"),
        ("/login", "a web page"),
        ("/other", "checksum mismatch: expected sha256 " + DIGEST),
        ("/cut-always", "could not be downloaded in 2 tries"),
    ],
)
def test_a_failed_download_leaves_nothing(server, tmp_path, path, expected):
    with pytest.raises(InputError, match=expected):
        fetch(server + path, tmp_path / "x", attempts=2)
    assert left_in(tmp_path) == []


def test_a_later_run_goes_on_where_the_last_one_was_cut_off(server, tmp_path):
    with pytest.raises(InputError, match="could not be downloaded in 1 tries"):
        fetch(f"{server}/cut-once", tmp_path / "x", attempts=1)
    assert left_in(tmp_path) == [".x.part", ".x.part.etag"]
    Handler.ranges.clear()
    fetch(f"{server}/cut-once", tmp_path / "x", attempts=1)
    assert (tmp_path / "x").read_bytes() == BODY and left_in(tmp_path) == ["x"]
    (rest,) = Handler.ranges
    assert 0 < int(rest[len("bytes=") : -1]) <= len(BODY) // 2


def test_two_processes_do_not_mix_their_bytes(server, tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(LIBRARY)!r})\n"
        "from biornn import sources; from biornn.config_sources import DownloadConfig, UrlSource\n"
        f"source = UrlSource(type='url', url='{server}/table.csv', file='x', sha256='{DIGEST}')\n"
        f"sources.fetch(source, {str(tmp_path / 'x')!r}, DownloadConfig())"
    )
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert (tmp_path / "x").read_bytes() == BODY and left_in(tmp_path) == ["x"]


def test_no_network_says_so_and_how_to_go_on(tmp_path):
    with pytest.raises(InputError, match=r"Check the network .* or put the file at"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", attempts=2)
    assert left_in(tmp_path) == []


# -- mirrors ---------------------------------------------------------------------------------------

URL = "https://data.example/sets/a%20b.csv?version=2"


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror"
    (folder / "data.example/sets").mkdir(parents=True)
    (folder / "data.example/sets/a b.csv").write_bytes(BODY)
    return folder


@pytest.mark.parametrize("offline", [False, True])
def test_a_mirror_folder_is_asked_first(mirror, tmp_path, offline):
    fetch(URL, tmp_path / "d" / "x", mirror=str(mirror), offline=offline)
    assert (tmp_path / "d" / "x").read_bytes() == BODY


def test_a_mirror_address_is_asked_first(server, tmp_path):
    fetch("https://data.example/moved", tmp_path / "x", mirror=server)
    assert (tmp_path / "x").read_bytes() == BODY and Handler.requests["/data.example/moved"] == 1


def test_what_a_mirror_does_not_have_comes_from_the_origin(server, mirror, tmp_path):
    fetch(f"{server}/table.csv", tmp_path / "x", mirror=str(mirror))
    fetch(f"{server}/table.csv", tmp_path / "y", mirror=f"{server}/moved/../missing?")
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes() == BODY


def test_a_mirror_with_other_content_is_not_believed(server, mirror, tmp_path):
    host = server.removeprefix("http://").split(":")[0]
    (mirror / host).mkdir()
    (mirror / host / "table.csv").write_bytes(b"stale")
    fetch(f"{server}/table.csv", tmp_path / "x", mirror=str(mirror))
    assert (tmp_path / "x").read_bytes() == BODY


def test_offline_asks_no_server(server, tmp_path):
    for mirror in (None, server):
        expected = "offline forbids the network. Run `snakemake --cores 1 fetch`"
        with pytest.raises(InputError, match=expected):
            fetch(f"{server}/table.csv", tmp_path / "x", mirror=mirror, offline=True)
    assert not Handler.requests and left_in(tmp_path) == []


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/a/%2e%2e/b", "/a%5C..%5Cb"])
def test_an_address_can_not_climb_out_of_a_mirror(path):
    with pytest.raises(InputError, match=r"may not have"):
        sources.place_in_mirror(source(f"https://data.example{path}"))


# -- the Python package index ----------------------------------------------------------------------


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


def package(index, **change):
    values = {"package": "tinydata", "version": "1.0", "file": index.name,
              "sha256": hashlib.sha256(index.read_bytes()).hexdigest()}  # fmt: skip
    return PypiSource(type="pypi", **values | change)


def test_a_wheel_is_fetched_without_running_it(index, tmp_path):
    sources.fetch(package(index), tmp_path / "store" / "w.whl", DownloadConfig())
    assert (tmp_path / "store" / "w.whl").read_bytes() == index.read_bytes()
    assert left_in(tmp_path / "store") == ["w.whl"]


def test_a_wheel_from_a_mirror(index, tmp_path):
    place = tmp_path / "mirror/pypi.org/tinydata"
    place.mkdir(parents=True)
    index.rename(place / index.name)
    wheel = package(place / index.name)
    config = DownloadConfig(mirror=str(tmp_path / "mirror"), offline=True)
    sources.fetch(wheel, tmp_path / "w.whl", config)
    assert (tmp_path / "w.whl").read_bytes() == (place / index.name).read_bytes()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"package": "nosuch"}, r"package nosuch==1\.0: could not be downloaded"),
        ({"file": "other.whl"}, r"gave tinydata-1\.0.*, not 'other\.whl'"),
        ({"sha256": "0" * 64}, "checksum mismatch"),
    ],
)
def test_a_wheel_that_is_not_the_one(index, tmp_path, change, expected):
    with pytest.raises(InputError, match=expected):
        sources.fetch(package(index, **change), tmp_path / "s" / "w", DownloadConfig(attempts=2))
    assert left_in(tmp_path / "s") == []


def test_made_data_need_no_network_and_no_mirror(tmp_path):
    wanted = {"lags": [3], "examples": 2, "seed": 1, "file": "made.csv"}
    made = SyntheticSource(type="synthetic", task="adding", **wanted)
    # a mirror that has another file in its place is not asked
    mirror = tmp_path / "mirror" / "made.csv"
    mirror.parent.mkdir()
    mirror.write_text("other")
    config = DownloadConfig(offline=True, mirror=str(mirror.parent))
    sources.fetch(made, tmp_path / "store" / "made.csv", config)
    assert left_in(tmp_path / "store") == ["made.csv"]
    assert (tmp_path / "store" / "made.csv").read_text().startswith("id,lag,value,marker,sum\n")
