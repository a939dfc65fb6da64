"""Files: what is read strictly, and what is written whole or not at all.

Source of the write discipline: a temporary file beside the target, flushed to the disk, then
renamed (POSIX rename is atomic within a file system).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import pandas as pd

Location = tuple[str | int, ...]


class InputError(ValueError):
    """Something the user gave is wrong; the message names the file, the record and the way out."""


@contextlib.contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target` that takes its name when the block succeeds.

    On any exception the temporary file is removed and `target` is untouched. The temporary name is
    unique, so two processes that write the same target cannot mix their bytes.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem[:40]}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes files private; results are to be shared as the user's umask says
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: str | Path, value: Any) -> None:
    """Write JSON atomically; NaN is refused, since JSON has no word for it."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read what `write_json` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_tsv(table: pd.DataFrame, target: str | Path) -> None:
    """Write a pandas table as TSV: 10 significant digits, `NA` for missing, Unix line ends."""
    with atomic_path(target) as temporary:
        table.to_csv(
            temporary, sep="\t", index=False, na_rep="NA", float_format="%.10g", lineterminator="\n"
        )


def read_tsv(path: str | Path, **dtypes: Any) -> pd.DataFrame:
    """Read a table that `write_tsv` wrote: only `NA` is missing, other text stays text."""
    import pandas as pd  # here, because Snakemake imports this room before each job

    return pd.read_csv(path, sep="\t", dtype=dtypes or None, keep_default_na=False, na_values="NA")


def write_with(target: str | Path, write: Callable[[Path], Any]) -> None:
    """Call `write(temporary_path)` and give the file its name when the call succeeds."""
    with atomic_path(target) as temporary:
        write(temporary)


def write_parquet(table: pd.DataFrame, target: str | Path) -> None:
    """Write a table without its index."""
    write_with(target, lambda temporary: table.to_parquet(temporary, index=False))


def sha256(path: str | Path) -> str:
    """SHA-256 of a file as 64 lower-case hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check_sha256(path: str | Path, expected: str, origin: str) -> None:
    """Raise InputError when the file is not the one that was asked for."""
    check_digest(sha256(path), expected, origin)


def check_digest(found: str, expected: str, origin: str) -> None:
    """Raise InputError when a SHA-256 is not the one that was asked for."""
    if found != expected.lower():
        raise InputError(
            f"{origin}: checksum mismatch: expected sha256 {expected.lower()}, got {found}. "
            "The file was changed or cut off; nothing was kept. "
            "If the new content is meant, write its sha256 into the analysis file."
        )


class _StrictLoader(yaml.SafeLoader):
    """YAML as its 1.2 core schema reads it: `no`, `on` and `001` are text, `1e-3` is a number."""


_StrictLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _StrictLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )


def read_yaml(path: str | Path) -> tuple[Any, dict[Location, int]]:
    """Read one YAML document strictly.

    Returns
    -------
    value
        Plain dicts, lists and scalars.
    lines : dict of location to int
        The line (from 1) of every key and list item; a location is a tuple of keys and indices.

    Raises
    ------
    InputError
        For a file that is missing, not UTF-8, not YAML, or that gives a key twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read as UTF-8 text: {error}.") from None
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        lines: dict[Location, int] = {}
        if node is not None:
            _collect_lines(node, (), lines, path)
        return (loader.construct_document(node) if node is not None else None), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(f"{where}: not valid YAML: {problem}.") from None


def _collect_lines(
    node: yaml.Node, location: Location, lines: dict[Location, int], path: Path
) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen and key.value != "<<":
                raise InputError(
                    f"{path}, line {line}: the key '{key.value}' is given twice "
                    f"(first on line {seen[key.value]}); keep one."
                )
            seen[key.value] = line
            lines[(*location, key.value)] = line
            _collect_lines(value, (*location, key.value), lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*location, index)] = value.start_mark.line + 1
            _collect_lines(value, (*location, index), lines, path)
