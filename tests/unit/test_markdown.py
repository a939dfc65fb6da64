"""Text stays text, whatever it tries to be."""

import pytest
import yaml
from biornn.markdown import header, table, text


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("R² of a-b (x), 5 %!", "R² of a-b (x), 5 %!"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a & b &lt;", "a &amp; b &amp;lt;"),
        ("[x](javascript:1) ![y](z)", r"\[x\](javascript:1) !\[y\](z)"),
        ("`code` **bold** _it_ ~~no~~ $x$", r"\`code\` \*\*bold\*\* \_it\_ \~\~no\~\~ \$x\$"),
        ("a | b", r"a \| b"),
        (r"a \| b", r"a \\\| b"),
        ("one\n\n---\ntwo\r\n# three", r"one --- two \# three"),
        ("see http://x.org or www.x.org, me@x.org", r"see http\://x.org or www\.x.org, me\@x.org"),
        (3.5, "3.5"),
    ],
)
def test_markup_is_shown_as_it_was_written(given, written):
    assert text(given) == written


def test_a_cell_can_not_end_its_row():
    lines = table(("a", "b"), [(text("x | y\n| z"), "1")]).splitlines()
    assert lines == ["| a | b |", "| --- | --- |", r"| x \| y \| z | 1 |"]


@pytest.mark.parametrize(
    "hostile",
    ["a\n---\nlicense: mit", "---", "x: y # z", "'\"", "!!python/object:os.system", "no", "1e-3",
     "long " * 100 + "--- " * 100, "\x00\x85\u2028"],
)  # fmt: skip
def test_a_header_gives_back_what_it_got(hostile):
    value = {"title": hostile, "list": [hostile, {"deep": hostile}]}
    page = header(value) + "\n# page\n"
    assert page.startswith("---\n") and page.splitlines().count("---") == 2
    body, rest = page[4:].split("\n---\n")
    assert rest == "\n# page\n"
    assert yaml.safe_load(body) == value
