"""Pages escape what is foreign, and allow their own script and style by hash."""

import base64
import hashlib
import re
from pathlib import Path

import pandas as pd
from biornn import pages
from biornn.drawing import Drawn

TEMPLATES = Path(__file__).parents[2] / "workflow/report"


def rendered(tmp_path, body="{{ text }}", **values):
    template = tmp_path / "one.html.j2"
    template.write_text(
        '{% extends "page.html.j2" %}{% block body %}' + body + "{% endblock %}", encoding="utf-8"
    )
    return pages.render(
        "one.html.j2", [TEMPLATES / "page.html.j2", template], TEMPLATES / "report.css",
        TEMPLATES / "page.js", **values,
    )  # fmt: skip


def test_values_are_escaped(tmp_path):
    page = rendered(tmp_path, text="<img src=x onerror=alert(1)>")
    assert "<img" not in page and "&lt;img src=x" in page


def test_the_policy_names_the_script_and_the_style_that_are_there(tmp_path):
    page = rendered(tmp_path, text="x")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for kind in ("script", "style"):
        (content,) = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_prose_has_bold_and_code_and_no_other_markup():
    text = pages.prose("**Data.** `a<b` & <b>no</b> ** alone")
    assert text == (
        "<strong>Data.</strong> <code>a&lt;b</code> &amp; &lt;b&gt;no&lt;/b&gt; ** alone"
    )


def test_a_large_figure_is_shown_as_png(monkeypatch):
    figure = Drawn(2, 1, pd.DataFrame(), lambda figure: figure.subplots().plot([1, 2]))
    assert pages.image(figure).startswith("data:image/svg+xml;base64,")
    monkeypatch.setattr(pages, "LARGEST_SVG", 100)
    assert pages.image(figure).startswith("data:image/png;base64,")
