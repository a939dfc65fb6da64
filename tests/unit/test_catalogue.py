"""The catalogue: a row for each published number, from the files of the runs."""

from dataclasses import replace

import made_catalogue
import pytest
import report_tables
from biornn import catalogue


def test_a_folder_is_read_as_the_run_left_it(tmp_path):
    analysis = made_catalogue.write(tmp_path)
    found = catalogue.read("tiny", analysis, "snakemake", tmp_path)
    assert set(found.metrics["fold"]) == {"0"} and found.main == "r2"
    # what an earlier form of the analysis left is not counted
    assert found.job_seconds == 120 and len(found.date) == len("2026-11-27")
    assert found.versions == {"torch": ["2"], "biornn": ["0.1.0"]}
    (row,) = catalogue.rows_of(found)
    published = report_tables.tables().published.iloc[0]
    for key in ("published", "uncertainty", "ours", "ci_low", "ci_high"):
        assert row[key] == pytest.approx(published[key], rel=1e-9)
    assert (row["verdict"], row["note"]) == (published["verdict"], published["note"])
    assert row["model"] == published["name"] and row["our_model"] == "net"
    assert (row["job_minutes"], row["n"], row["seeds"]) == (2.0, 50, 2)


def test_the_table_has_a_row_a_published_number_in_the_order_of_the_catalogue():
    one, two = made_catalogue.repeated("one"), made_catalogue.repeated("two", paper=None)
    entries = one.published.loc[[0, 0]].assign(metric=["information", "r2"])
    table = catalogue.table_of([replace(one, published=entries), two])
    assert list(table.columns) == catalogue.CATALOGUE_COLUMNS
    assert table["analysis"].tolist() == ["one", "one", "two"]
    assert table["metric"].tolist() == ["information", "r2", "information"]
    assert table["paper"].tolist() == [made_catalogue.PAPER["name"]] * 2 + [""]
    assert table["command"][2] == "snakemake --cores all --config 'analyses=[two]'"
    assert set(table["torch"]) == {"2.13.0+cpu"} and set(table["job_minutes"]) == {1.5}


def test_an_analysis_without_published_values_has_a_row_of_its_best_network():
    one = made_catalogue.repeated()
    (row,) = catalogue.rows_of(replace(one, published=one.published.iloc[:0]))
    assert row["verdict"] == catalogue.NOTHING_PUBLISHED and row["published"] is None
    assert (row["our_model"], row["metric"]) == ("net", "r2")
    assert row["ours"] == one.summary["network"]["value"]
    assert set(row) == set(catalogue.CATALOGUE_COLUMNS)


def test_every_network_and_the_best_simple_model_are_listed_best_first():
    found = catalogue.models_of(made_catalogue.repeated(gap=(0.2, 0.1, 0.3)))
    # no control, no other baseline, no ceiling
    assert [row["model"] for row in found] == ["net", "ridge"]
    assert all(row["chosen"] for row in found) and found[0]["value"] > found[1]["value"]
    assert found[0]["gap"]["gap"] == 0.2 and found[1]["gap"] is None
    ordinal = made_catalogue.repeated(tables=report_tables.of_task("ordinal"))
    values = [row["value"] for row in catalogue.models_of(ordinal)]
    assert ordinal.summary["lower_is_better"] and values == sorted(values)
