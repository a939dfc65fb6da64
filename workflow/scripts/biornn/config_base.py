"""What all sections of the configuration share: names that are safe, and strictness."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Names become folders and wildcards. In the patterns of pydantic and of JSON schema `$` is
# the very end; Python's own would accept a trailing newline.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", to_lower=True)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the file: unknown keys are refused, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression; ValueError says what is wrong with it."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


def spelled_out(columns: Iterable[str]) -> list[str]:
    """Names of columns, with ranges such as `c1..c9` as the nine that they stand for."""
    names: list[str] = []
    for name in columns:
        found = re.fullmatch(r"(.*?)([0-9]{1,6})\.\.\1([0-9]{1,6})", name)
        if found is None:
            names.append(name)
            continue
        first, last = int(found[2]), int(found[3])
        if not first <= last < first + 100_000:
            raise ValueError(f"'{name}' is no range of columns")
        names += [f"{found[1]}{number}" for number in range(first, last + 1)]
    return names
