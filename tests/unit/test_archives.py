"""Members are read out of archives; what is cut off, or bites, is refused."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
import zstandard
from biornn import archives
from biornn.files import InputError

BODY = b"id,sequence\n1,ACGU\n" * 1000
PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
packers = pytest.mark.parametrize("suffix", PACKERS)


def make_tar(path, mode, *names):
    with tarfile.open(path, mode) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(BODY)
            archive.addfile(info, io.BytesIO(BODY))


@packers
def test_packed_files(tmp_path, suffix):
    path = tmp_path / f"x.csv.{suffix}"
    path.write_bytes(PACKERS[suffix](BODY))
    assert archives.read_member(path) == BODY


@packers
def test_endings_in_capitals(tmp_path, suffix):
    path = tmp_path / f"X.CSV.{suffix.upper()}"
    path.write_bytes(PACKERS[suffix](BODY))
    assert archives.read_member(path) == b"".join(archives.stream_member(path)) == BODY


@packers
def test_files_packed_in_several_pieces(tmp_path, suffix):
    path = tmp_path / f"x.csv.{suffix}"
    path.write_bytes(PACKERS[suffix](BODY[:5000]) + PACKERS[suffix](BODY[5000:]))
    assert archives.read_member(path) == BODY


@packers
def test_truncated_files(tmp_path, suffix):
    path = tmp_path / f"x.csv.{suffix}"
    path.write_bytes(PACKERS[suffix](BODY)[:-10])
    with pytest.raises(InputError, match=r"x\.csv.*not a whole \w+ file"):
        archives.read_member(path)


@packers
def test_a_stream_is_the_whole_or_an_error(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(archives, "_PIECE", 700)
    path = tmp_path / f"x.csv.{suffix}"
    packed = PACKERS[suffix](BODY[:5000]) + PACKERS[suffix](BODY[5000:])
    path.write_bytes(packed)
    pieces = list(archives.stream_member(path))
    assert b"".join(pieces) == BODY and (len(pieces) > 1)
    path.write_bytes(packed[:-10])
    with pytest.raises(InputError, match=r"x\.csv.*not a whole \w+ file"):
        list(archives.stream_member(path))
    monkeypatch.setattr(archives, "MAX_RATIO", 20)
    path.write_bytes(PACKERS[suffix](bytes(5_000_000)))
    with pytest.raises(InputError, match="unpacks to more than 20 times its size"):
        list(archives.stream_member(path))


def test_streams_of_plain_files_and_members(tmp_path):
    (tmp_path / "x").write_bytes(BODY)
    assert b"".join(archives.stream_member(tmp_path / "x")) == BODY
    make_tar(tmp_path / "x.tar", "w", "a")
    assert b"".join(archives.stream_member(tmp_path / "x.tar", "a")) == BODY
    with pytest.raises(InputError, match="can't be read: No such file"):
        list(archives.stream_member(tmp_path / "none"))


@packers
def test_bombs(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 10_000)
    path = tmp_path / f"bomb.{suffix}"
    path.write_bytes(PACKERS[suffix](bytes(5_000_000)))
    with pytest.raises(InputError, match="unpacks to more than 10000 bytes: refused"):
        archives.read_member(path)


def test_a_bomb_in_a_zip(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 10_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1_000_000))
    with pytest.raises(InputError, match="would unpack to 1000000 bytes: refused"):
        archives.read_member(tmp_path / "bomb.zip", "zeros")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_many_members(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    path = tmp_path / f"x.{kind}"
    if kind == "tar":
        make_tar(path, "w", "a", "b", "c")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name in "abc":
                archive.writestr(name, b"")
    with pytest.raises(InputError, match="more than 2 members: refused"):
        archives.read_member(path, "c")


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.tar.xz"])
def test_a_member_of_a_tar(tmp_path, name):
    mode = {"tar": "w", "gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
    make_tar(tmp_path / name, mode[name.rsplit(".", 1)[-1]], "d/a.csv", "d/b.csv")
    assert archives.read_member(tmp_path / name, "d/b.csv") == BODY
    with pytest.raises(InputError, match=r"no member 'b\.csv'.*'d/b\.csv'"):
        archives.read_member(tmp_path / name, "b.csv")


def test_a_truncated_tar(tmp_path):
    make_tar(tmp_path / "x.tar", "w", "a.csv")
    (tmp_path / "x.tar").write_bytes((tmp_path / "x.tar").read_bytes()[:2000])
    with pytest.raises(InputError, match="not a whole zip or tar archive"):
        archives.read_member(tmp_path / "x.tar", "a.csv")


def test_a_link_in_a_tar_leads_nowhere(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InputError, match="no member 'link'"):
        archives.read_member(tmp_path / "x.tar", "link")


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "tinydata-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tinydata/data.csv.gz", gzip.compress(BODY))
    return path


def test_a_packed_member_of_a_wheel(wheel):
    assert archives.read_member(wheel, "tinydata/data.csv.gz") == BODY


def test_a_missing_member_names_a_near_one(wheel):
    with pytest.raises(InputError, match=r"no member 'data\.csv\.gz'.*'tinydata/data\.csv\.gz'"):
        archives.read_member(wheel, "data.csv.gz")


def test_a_truncated_wheel(wheel):
    wheel.write_bytes(wheel.read_bytes()[:-30])
    with pytest.raises(InputError, match="not a whole zip or tar archive"):
        archives.read_member(wheel, "tinydata/data.csv.gz")


@pytest.mark.parametrize("name", ["../../evil", "/evil"])
def test_a_hostile_member_name_writes_nothing(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    assert archives.read_member(tmp_path / "a.zip", name) == b"x"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: can't be read: No such file"):
        archives.read_member(tmp_path / "none.csv")
