"""Compiling: C code of the library, built when it is first needed, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

#: No -ffast-math: it would change the arithmetic of the whole process, and allow any order of sums.
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")


class Unavailable(RuntimeError):
    """The native code can't be used, and why."""


def cache_folder() -> Path:
    """Where compiled code is kept: a folder that this user alone may write to.

    Raises
    ------
    Unavailable
        When the folder is someone else's, or others may write there.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "biornn"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unavailable(f"others may write to {folder}")
    return folder


def build(source: Path) -> Path:
    """Compile `source`, unless that was done before, and return the shared library.

    Many jobs may come here at once: each compiles for itself, and the file gets its name at the
    end, so that there is no lock to be left behind.

    Raises
    ------
    Unavailable
        Without a compiler, or when it fails.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unavailable("there is no C compiler (cc)")
    folder = cache_folder()
    text = source.read_bytes()
    parts = (text, " ".join(FLAGS).encode(), _run([compiler, "--version"]).encode(), _processor())
    target = folder / f"{source.stem}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:24]}.so"
    if not target.exists():
        handle, name = tempfile.mkstemp(dir=folder, suffix=".so")
        os.close(handle)
        try:
            _run([compiler, *FLAGS, "-o", name, str(source), "-lm"])
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
    return target


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"the C compiler failed: {error.stderr.strip()[:300]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"the C compiler failed: {error}") from None
    return done.stdout


def _processor() -> bytes:
    """What -march=native depends on: code for one node must not run on another."""
    lines = [platform.machine()]
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as handle:
            lines += [
                line for line in handle if line.startswith(("model name", "flags", "Features"))
            ][:2]
    except OSError:
        lines.append(platform.processor())
    return "".join(lines).encode()
