"""Compiled code is made once, by whoever comes first, where nobody else may write."""

import ctypes
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from biornn import compiling
from biornn.compiling import Unavailable

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "seven.c"
    path.write_text("int seven(void) { return 7; }\n")
    return path


@needs_compiler
def test_it_is_compiled_once(source):
    library = compiling.build(source)
    assert ctypes.CDLL(str(library)).seven() == 7
    before = library.stat().st_mtime_ns
    assert compiling.build(source) == library and library.stat().st_mtime_ns == before
    source.write_text("int seven(void) { return 8; }\n")
    assert compiling.build(source) != library
    assert library.parent.stat().st_mode & 0o777 == 0o700


@needs_compiler
def test_many_at_once(source):
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(compiling.build, [source] * 8))
    (library,) = found
    assert [path.name for path in library.parent.iterdir()] == [library.name]
    assert ctypes.CDLL(str(library)).seven() == 7


@needs_compiler
def test_what_the_compiler_says_is_told_and_nothing_is_left(source):
    source.write_text("int seven(void) { return nothing; }\n")
    with pytest.raises(Unavailable, match="nothing"):
        compiling.build(source)
    assert list(compiling.cache_folder().iterdir()) == []


def test_without_a_compiler(source, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="no C compiler"):
        compiling.build(source)


def test_a_folder_where_others_may_write_is_refused(source):
    folder = compiling.cache_folder()
    folder.chmod(0o777)
    with pytest.raises(Unavailable, match="others may write"):
        compiling.build(source)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_a_folder_of_someone_else_is_refused(source):
    os.chown(compiling.cache_folder(), 12345, -1)
    with pytest.raises(Unavailable, match="others may write"):
        compiling.cache_folder()
