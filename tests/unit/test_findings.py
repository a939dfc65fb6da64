"""Sentences that say what the tables say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import report_tables
from biornn import findings, statistics


def test_a_network_that_wins():
    text = findings.verdict(report_tables.tables())
    assert text[0].startswith("Yes. net, the best network, predicts better than ridge")
    assert text[0].endswith("simple model.") and text[1].startswith("R² is 0.")
    assert "95 % interval" in text[1]


def test_a_network_that_loses_is_said_to_lose():
    tables = report_tables.tables(network_error=1.5)
    assert findings.verdict(tables)[0].startswith(
        "No. ridge, the best simple model, predicts better"
    )


def test_no_clear_difference_is_said():
    tables = report_tables.tables(network_error=0.6)
    assert findings.verdict(tables)[0].startswith("Not clearly. ")


@pytest.mark.parametrize(
    ("task", "name", "does"),
    [
        ("count", "D²", "% of the deviance"),
        ("ordinal", "the mean error of the rank", "classes off on average"),
        ("multilabel", "the mean AUROC of the labels", "above one without it in"),
        ("gaussian", "R²", "% of the variance"),
    ],
)
def test_verdicts_of_other_tasks(task, name, does):
    tables = report_tables.of_task(task)
    text = findings.verdict(tables)
    assert text[0].startswith("Yes. net, the best network, predicts better than ridge")
    assert text[1].startswith(f"{name[:1].upper()}{name[1:]} is ") and does in text[2]
    assert tables.main == tables.comparisons["metric"].iloc[0]


def test_a_control_of_labels_is_held_against_chance():
    tables = report_tables.of_task("multilabel")
    assert not [text for text in findings.warnings(tables) if "control" in text]
    kind = tables.metrics["kind"].where(tables.metrics["model"] != "net", "control")
    found = findings.warnings(replace(tables, metrics=tables.metrics.assign(kind=kind)))
    assert any("The negative control net" in text and "at 0.5." in text for text in found)


def test_warnings_of_leaks_controls_and_references():
    assert len(findings.warnings(report_tables.tables())) == 1  # the reference in the test set
    found = " ".join(findings.warnings(report_tables.tables(control=0.9, copies=3)))
    assert "3 of 50 test sequences are also training sequences" in found
    assert "The negative control shuffled" in found and "GU sets the zero point" in found


@pytest.mark.parametrize(
    ("value", "shown"), [(0.12345, "0.123"), (-0.5, "−0.500"), (-0.0001, "0.000"), (np.nan, "–")]
)
def test_numbers(value, shown):
    assert findings.number(value) == shown


def test_p_values_and_intervals():
    assert findings.p_value(0.0001) == "p < 0.001" and findings.p_value(0.0123) == "p = 0.012"
    assert findings.interval(-0.1, 0.2) == "−0.100 to 0.200" and findings.interval(np.nan, 1) == "–"


def test_the_headline_of_the_audit():
    assert findings.leakage(report_tables.tables()) == (
        "Leakage: none of the 50 test inputs is also in training or validation; 10.0 % have a "
        "training sequence of at least 90 % identity. The median identity to the nearest training "
        "sequence is 50 %; that of shuffled sequences is 40 %."
    )
    tables = report_tables.tables(copies=3)
    assert findings.leakage(tables).startswith("Leakage: 3 of the 50 test inputs are also in")
    audit = tables.audit
    profiles = replace(tables, audit=audit[audit["check"].isin(["size", "identical_seen"])])
    assert (
        findings.leakage(profiles)
        == "Leakage: 3 of the 50 test inputs are also in training or validation."
    )


def test_counts_are_summed_over_the_folds():
    tables = report_tables.tables(copies=2)
    two = pd.concat([tables.audit, tables.audit.assign(fold=1)])
    folds = pd.concat([tables.folds, tables.folds.assign(fold=1)])
    tables = replace(tables, audit=two, folds=folds)
    assert findings.counted(tables, "identical_sequence", "test") == (4, 100)
    assert findings.counted(tables, "reverse_complement", "test") is None
    assert "4 of the 100 test inputs of all folds" in findings.leakage(tables)
    assert findings.audit_sentences(tables)[1] == (
        "Test: 4 of 100 inputs are identical to one of training; 20 (20.0 %) differ from one by a "
        "single letter."
    )


def test_the_memorisation_gap_is_told():
    tables = report_tables.tables()
    assert findings.memorization(tables) is None
    rows = [
        ("net", "recurrent", "r2", 0.5, 0.8, 0.3, 0.2, 0.4, 50, 50),
        ("trees", "baseline", "r2", 0.1, 0.9, 0.8, 0.7, 0.9, 50, 50),
    ]
    gap = pd.DataFrame(rows, columns=statistics.MEMORIZATION_COLUMNS)
    said = findings.memorization(replace(tables, memorization=gap))
    assert said.startswith("Memorisation gap: on random folds net would seem to have 0.800")
    assert "a gap of 0.300 (95 % interval 0.200 to 0.400)" in said and "that of trees" in said
    assert said in findings.verdict(replace(tables, memorization=gap))
