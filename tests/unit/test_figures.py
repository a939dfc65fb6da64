"""Figures are SVG, the same bytes every time, and hold what they should."""

import xml.etree.ElementTree as ET

import pandas as pd
import pytest
import report_tables
from biornn import figures


@pytest.fixture(scope="module")
def drawn():
    return figures.draw_all(report_tables.tables(), "log10 PSI")


def test_every_figure_is_svg_of_bounded_size(drawn):
    assert set(drawn) == {
        "target_distribution", "input_composition", "forest", "predicted_vs_measured",
        "training_curves", "nearest_identity",
    }  # fmt: skip
    for svg in drawn.values():
        assert ET.fromstring(svg).tag.endswith("svg") and len(svg) < 500_000


def test_the_same_numbers_give_the_same_bytes(drawn):
    assert figures.draw_all(report_tables.tables(), "log10 PSI") == drawn


def test_the_forest_names_every_model_and_published_value(drawn):
    for text in ("net", "ridge", "shuffled", "replicate", "alert("):
        assert text in drawn["forest"]
    assert "<script" not in drawn["forest"]


def test_sequences_of_several_lengths_get_a_histogram():
    svg = figures.letter_composition(pd.Series(["A", "ACG", "AC"]))
    assert "letters" in svg and "position" not in svg
