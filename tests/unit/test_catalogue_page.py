"""The page over the published analyses."""

import re
from dataclasses import replace

import made_catalogue
from biornn import catalogue_page
from biornn.comparisons import VERDICT_RULE

TEMPLATES = made_catalogue.TEMPLATES


def page(*analyses):
    return catalogue_page.render(
        analyses, list(TEMPLATES.glob("*.j2")), TEMPLATES / "report.css", TEMPLATES / "page.js"
    )


def test_the_page_has_a_row_a_number_and_a_section_an_analysis():
    one = made_catalogue.repeated("one", gap=(0.2, 0.1, 0.3))
    two = made_catalogue.repeated("two", paper=None)
    two = replace(two, published=two.published.iloc[:0])
    found = page(one, two)
    assert (
        VERDICT_RULE in found and found.count('href="#of-one"') == found.count('id="of-one"') == 1
    )
    assert found.count('href="two/report.html"') == 1
    assert "snakemake --cores all --config &#39;analyses=[one]&#39;" in found
    assert "A random split flatters" in found and "1 nothing published" in found
    # the gap has its columns where it was measured, and no others
    first, second = found.split('<section id="of-one">')[1].split('<section id="of-two">')
    assert "on random folds</th>" in first and "on random folds</th>" not in second
    assert "There is no published value" in second and "None" not in found.split("<body>")[1]


def test_hostile_text_of_a_paper_stays_text():
    found = page(made_catalogue.repeated())
    assert found.count("<script") == 1 and "<script>alert" not in found
    # in the title of the section, the name of the published model, and the five of the paper
    assert found.count("&lt;script&gt;alert") >= 8
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', found)
    assert "unsafe" not in policy
