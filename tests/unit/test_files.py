"""Files are read strictly, and written whole or not at all."""

import hashlib
import os

import pandas as pd
import pytest
from biornn.files import (
    InputError,
    atomic_path,
    check_sha256,
    read_yaml,
    sha256,
    write_json,
    write_text,
    write_tsv,
)


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "a" / "result.tsv"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["result.tsv"]


def test_a_written_file_has_the_permissions_of_the_umask(tmp_path):
    umask = os.umask(0o027)
    try:
        write_text(tmp_path / "x", "y")
    finally:
        os.umask(umask)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_tsv_round_trip(tmp_path):
    table = pd.DataFrame({"a": [1 / 3, None], "b": ["x", "ü"]})
    write_tsv(table, tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_bytes() == "a\tb\n0.3333333333\tx\nNA\tü\n".encode()


def test_sha256_of_known_content(tmp_path):
    (tmp_path / "x").write_bytes(b"biornn")
    assert sha256(tmp_path / "x") == hashlib.sha256(b"biornn").hexdigest()
    check_sha256(tmp_path / "x", sha256(tmp_path / "x").upper(), "x")
    with pytest.raises(InputError, match=r"expected sha256 0{64}, got [0-9a-f]{64}"):
        check_sha256(tmp_path / "x", "0" * 64, "x")


def yaml(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    return read_yaml(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("001", "001"), ("0o7", "0o7"),
        ("1_000", "1_000"), ("12:30", "12:30"), ("NA", "NA"), ("2026-11-23", "2026-11-23"),
        ("1e-3", 1e-3), ("3E2", 300.0), (".5", 0.5), ("-7", -7), ("0", 0), ("true", True),
        ("False", False), ("~", None), ("null", None), ("'1'", "1"), ("-", "-"),
    ],
)  # fmt: skip
def test_scalars_mean_what_a_person_reads(tmp_path, written, meant):
    if written == "-":
        written = '"-"'
    (value,) = yaml(tmp_path, f"key: {written}\n")[0].values()
    assert value == meant and type(value) is type(meant)


def test_lines_are_known(tmp_path):
    value, lines = yaml(tmp_path, "a: 1\nb:\n  c: [x,\n      y]\n")
    assert value == {"a": 1, "b": {"c": ["x", "y"]}}
    assert lines[("b", "c")] == 3 and lines[("b", "c", 1)] == 4


def test_a_key_given_twice_is_refused_with_both_lines(tmp_path):
    with pytest.raises(InputError, match=r"line 3: the key 'x' is given twice \(first on line 2\)"):
        yaml(tmp_path, "a:\n  x: 1\n  x: 2\n")


def test_anchors_merge(tmp_path):
    value, _ = yaml(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert value["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\ta: 1", "!!python/object:os.system {}"])
def test_what_is_not_yaml_is_refused_with_its_line(tmp_path, text):
    with pytest.raises(InputError, match=r"a\.yaml, line 1"):
        yaml(tmp_path, text)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_yaml(tmp_path / "b.yaml")


def test_an_empty_file_is_none(tmp_path):
    assert yaml(tmp_path, "")[0] is None
