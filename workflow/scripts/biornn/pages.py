"""Pages: HTML files that need nothing else and in which nothing foreign can act.

Every value is escaped by the template engine; figures are images, so that no text of theirs can
act; the one script and the one style sheet are ours and named by their hashes in the page's
content security policy, which lets no request out.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from .drawing import Drawn
from .findings import interval, number, p_value

#: Bytes of an SVG above which a page shows the PNG.
LARGEST_SVG = 150_000
_BOLD, _CODE = re.compile(r"\*\*(.+?)\*\*"), re.compile(r"`([^`]+)`")


def image(figure: Drawn) -> str:
    """A figure as a data address for `<img>`, where nothing in it can act."""
    svg = figure.svg.encode()
    kind, content = ("svg+xml", svg) if len(svg) <= LARGEST_SVG else ("png", figure.png)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def prose(text: str) -> Markup:
    """Text with `**bold**` and code between backticks as HTML; all else of it stays text."""
    marked = _BOLD.sub(r"<strong>\1</strong>", str(escape(text)))
    return Markup(_CODE.sub(r"<code>\1</code>", marked))


def policy(script: str, css: str) -> str:
    """The content security policy of a page: this script, this style, images within the page."""
    allowed = [
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode('ascii')}'"
        for each in (script, css)
    ]
    return (
        f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def render(
    template: str, files: Sequence[str | Path], css: str | Path, script: str | Path, **values: Any
) -> str:
    """A page.

    Parameters
    ----------
    template
        Name of the template among `files`.
    files
        Paths of the template and of those that it is made of; they know each other by name.
    css, script
        Paths of the style sheet and of the script.
    **values
        What the template shows.
    """
    texts = {Path(path).name: Path(path).read_text(encoding="utf-8") for path in files}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(texts),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "p_value": p_value, "image": image, "prose": prose}
    environment.globals["interval"] = interval
    style, code = (Path(path).read_text(encoding="utf-8") for path in (css, script))
    return environment.get_template(template).render(
        css=style, script=code, policy=policy(code, style), **values
    )
