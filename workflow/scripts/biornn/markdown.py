"""Markdown: text that stays text, tables, and the YAML header of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

#: What may begin or end something other than text, within a line (CommonMark and GitHub's tables,
#: formulas, mentions and addresses that become links by themselves).
_SPECIAL = re.compile(r"([\\`*_\[\]|~#$^])")
_LINKS = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)|(?<=\w)(@)(?=\w)")


def text(value: object) -> str:
    """A value within a line as it is read: no markup, no HTML, no line breaks, no links.

    It must not stand at the beginning of a line, where a dash or a number would make a list.
    """
    one_line = " ".join(str(value).split())
    escaped = _SPECIAL.sub(r"\\\1", one_line)
    escaped = _LINKS.sub(lambda found: "\\" + found.group(), escaped)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; heads and cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def header(values: Mapping[str, Any]) -> str:
    """The YAML block at the top of a page, from plain values; text can't end it."""
    # every line of a value is indented, so that none is the mark of the end
    body = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    return f"---\n{body}---\n"
