"""The page over all analyses is made from small files, each the summary of one."""

import math
from pathlib import Path

import pytest
import report_tables
from biornn import findings, summary
from biornn.files import write_json

TEMPLATES = Path(__file__).parents[2] / "workflow/report"


def of(tables, name="tiny", **changes):
    return summary.summarize(name, report_tables.analysis(**changes), tables)


def index(summaries):
    return summary.render_index(
        summaries, list(TEMPLATES.glob("*.j2")), TEMPLATES / "report.css", TEMPLATES / "page.js"
    )


def test_a_summary_says_what_the_tables_say(tmp_path):
    tables = report_tables.tables(copies=3)
    found = of(tables)
    assert found["answer"] == "network" and found["lead"] == findings.verdict(tables)[0]
    assert found["warnings"] == findings.warnings(tables) and "3 of 50" in found["warnings"][0]
    assert found["network"]["model"] == "net" and found["baseline"]["model"] == "ridge"
    assert found["network"]["ci_low"] < found["network"]["value"] < found["network"]["ci_high"]
    assert found["difference"]["value"] == pytest.approx(
        found["network"]["value"] - found["baseline"]["value"]
    )
    assert (found["metric"], found["n"], found["lower_is_better"]) == ("R²", 50, False)
    write_json(tmp_path / "summary.json", found)
    assert summary.read([tmp_path / "summary.json"]) == [found]


@pytest.mark.parametrize(
    ("error", "answer"), [(0.3, "network"), (0.6, "unclear"), (1.5, "baseline")]
)
def test_the_answer_is_that_of_the_comparison(error, answer):
    assert of(report_tables.tables(network_error=error))["answer"] == answer


def test_what_is_missing_is_none():
    tables = report_tables.tables()
    tables.metrics.loc[:, "ci_low"] = math.nan
    assert of(tables)["network"]["ci_low"] is None
    assert "–" in index([of(tables)])


def test_the_index_has_a_row_an_analysis_and_hostile_text_stays_text():
    page = index([of(report_tables.tables()), of(report_tables.of_task("ordinal"), "other")])
    assert page.count('href="tiny/report.html"') == page.count('href="other/report.html"') == 1
    assert page.count("&lt;script&gt;alert") == 2 and page.count("<script") == 1
    assert "less is better" in page and "nan" not in page.split("<body>")[1]
