"""The page: an honest verdict, every section, nothing hostile, nothing from outside."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import report_tables
import test_growth
import test_insight
import test_searches
from biornn import comparisons, figures, findings, growth, insight, report, searches, trust

TEMPLATES = Path(__file__).parents[2] / "workflow/report"


def render(tables, searched=(), looked=(), grown=(), **changes):
    analysis = report_tables.analysis(**changes)
    return report.render(
        name="tiny",
        analysis_file="config/analyses/tiny.yaml",
        analysis=analysis,
        tables=tables,
        figures=figures.draw_all(tables, analysis.target.label)
        | searches.draw_all(searched)
        | insight.draw_all(looked)
        | trust.draw_all(tables)
        | growth.draw_all(test_growth.curve((0.1, 0.2, 0.3), (0.1, 0.2, 0.3)), tables),
        methods="# Methods\n\n**Data.** text\n\nmore",
        sources=[{"name": "s", "origin": "x", "file": "t.csv", "sha256": "0" * 64}],
        versions={"biornn": "1"},
        machine={"system": "s", "processor": "p", "cores": "2"},
        variants=[],
        verdict_rule=comparisons.VERDICT_RULE,
        searched=searched,
        looked=looked,
        grown=grown,
        dome={
            "data": {"<i>x</i>": {"status": "run", "text": report_tables.HOSTILE}},
            "new_part": {"open_item": {"status": "author", "text": ""}},
        },
        templates=TEMPLATES.glob("*.j2"),
        css=TEMPLATES / "report.css",
        script=TEMPLATES / "page.js",
    )


@pytest.fixture(scope="module")
def page():
    return render(report_tables.tables())


def test_intervals_are_called_what_they_are():
    tables = replace(report_tables.tables(), confidence=0.9)
    page = render(tables)
    assert "90 % interval" in page and "95 % interval" not in page


class Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.headings = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.links += [values[key] for key in ("src", "href") if key in values]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            assert values["alt"]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("count", ["Deviance explained (D²)", "whose noise grows with"]),
        ("ordinal", ["Mean error of the rank", "in their order, low, mid, high."]),
        ("multilabel", ["AUROC, mean over labels", "The labels are a, b.", "AUROC of every label"]),
        ("gaussian", ["Coverage of the 90 % interval", "intervals of each nominal coverage"]),
    ],
)
def test_pages_of_other_tasks(task, said):
    tables = report_tables.of_task(task)
    page = render(tables)
    text = page[page.index("<body>") :]
    assert [piece for piece in said if piece not in text] == []
    assert "Verdict" in text and "nan" not in text
    parser = Parser()
    parser.feed(page)
    assert tables.ranked_models()[0] == "net"


def test_a_search_has_its_section(page):
    tables = report_tables.tables()
    found = [test_searches.found(), test_searches.found(1, importance=())]
    text = render(tables, found, tune={"net": test_searches.TUNE["net"].model_dump()})
    section = text[text.index('<section id="tuning">') : text.index('<section id="methods">')]
    assert "4 trials" not in section and "8 trials were trained to their end" in section
    assert section.count("<img ") == 2 and "chosen in fold 1" in section
    assert "<td>0.0001 to 0.01, logarithmic</td>" in section and "75 %" in section
    few = render(tables, found[1:], tune={"net": test_searches.TUNE["net"].model_dump()})
    assert "Too few trials were completed" in few and "search_importance" not in few
    assert 'id="tuning"' not in page and "#tuning" not in page


def test_explanations_and_the_curve_have_their_sections(page, tmp_path):
    paths = [test_insight.written(tmp_path / name, genes=name == "genes") for name in
             ("net", "genes")]  # fmt: skip
    analysis = {"explain": {"motifs": {"source": "s"}}}
    text = render(report_tables.tables(), looked=insight.read(paths), grown=["So."], **analysis)
    section = text[text.index('<section id="explanations">') : text.index('<section id="errors">')]
    assert section.count("<img ") == 3 and "G0, G1, G2" in section
    assert "&lt;b&gt;$" in section and "<b>" not in section
    assert '<a href="#explanations">' in text and '<a href="#learning-curve">' in text
    assert "So." in text and 'id="explanations"' not in page and 'id="learning-curve"' not in page


def test_hostile_text_stays_text(page):
    parser = Parser()
    parser.feed(page)
    assert parser.tags.count("script") == 1 and "i" not in parser.tags
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") >= 5


def test_nothing_is_loaded_from_outside(page):
    parser = Parser()
    parser.feed(page)
    for link in parser.links:
        assert link.startswith(
            ("data:image/svg+xml;base64,", "#", "https://doi.org/10.", "../index.html", "figures/")
        ) or re.fullmatch(r"[a-z_.-]+\.(tsv|md|json|yaml)", link)
    assert "default-src &#39;none&#39;; " in page and "url(" not in page


def test_each_figure_has_its_files_beside_it(page):
    drawn = figures.draw_all(report_tables.tables(), "log10 PSI")
    for name in drawn:
        for kind in ("svg", "png", "tsv"):
            assert f'href="figures/{name}.{kind}"' in page


def test_the_page_is_in_its_order(page):
    there = re.findall(r'<section id="([a-z-]+)"', page)
    order = ["verdict", "data", "leakage", "results", "comparison", "calibration", "errors",
             "published", "training", "methods", "checklist", "cite", "reproduce"]  # fmt: skip
    assert there == order
    assert re.findall(r'<li><a href="#([a-z-]+)">', page) == order


def test_errors_are_named_with_their_neighbours():
    tables = report_tables.tables()
    near = tables.nearest.assign(id=[f"ex{at}" for at in range(2, 152, 3)], nearest="ex0")
    page = render(replace(tables, nearest=near))
    section = page[page.index('<section id="errors">') : page.index('<section id="published">')]
    assert section.count("<tr>") == 11 and section.count("<td>ex0<small>measured: 0.126") == 10
    assert "that all seeds make in the same direction" in section
    whole = render(report_tables.of_task("ordinal"))
    section = whole[whole.index('<section id="errors">') :]
    assert "GGGUGGGUGGGUGGGU…GGGUGGGUGGGU" in section and "80 letters" in section


def test_the_checklist_says_what_is_left(page):
    section = page[page.index('<section id="checklist">') : page.index('<section id="cite">')]
    assert "of 2 entries 1 are from the run, and 1 is left for the author" in section
    assert "Open item" in section and "To be written by the author" in section


def test_the_lead_is_the_verdict(page):
    lead = findings.verdict(report_tables.tables())[0]
    assert f'<p class="lead">{lead}</p>' in page.replace("&#39;", "'")


def test_headings_are_in_order(page):
    parser = Parser()
    parser.feed(page)
    assert parser.headings[0] == 1 and parser.headings.count(1) == 1
    steps = np.diff(parser.headings)
    assert steps.max() <= 1
