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
    for figure in drawn.values():
        assert ET.fromstring(figure.svg).tag.endswith("svg") and len(figure.svg) < 500_000
        assert len(figure.data) and not figure.data.isna().all().any()


def test_the_same_numbers_give_the_same_bytes(drawn):
    again = figures.draw_all(report_tables.tables(), "log10 PSI")
    assert {name: each.svg for name, each in again.items()} == {
        name: each.svg for name, each in drawn.items()
    }


def test_the_data_behind_a_figure_are_what_it_shows(drawn):
    tables = report_tables.tables()
    widths = drawn["target_distribution"].data.eval("density * (to - `from`)")
    shown = drawn["target_distribution"].data
    assert widths.groupby(shown["subset"]).sum().to_numpy() == pytest.approx(1)
    assert drawn["nearest_identity"].data["test_examples"].sum() == len(tables.nearest)
    shares = drawn["input_composition"].data
    assert shares.groupby("position")["share"].sum().to_numpy() == pytest.approx(1)
    assert set(shares["position"]) == {1, 2, 3, 4}
    forest = drawn["forest"].data
    assert set(forest["model"]) == {"net", "ridge", "mean", "shuffled", "replicate",
                                    report_tables.HOSTILE}  # fmt: skip
    assert len(drawn["predicted_vs_measured"].data) == 3 * 50
    assert set(drawn["training_curves"].data["model"]) == {"net", "shuffled"}


def test_the_forest_names_every_model_and_published_value(drawn):
    for text in ("net", "ridge", "shuffled", "replicate", "alert("):
        assert text in drawn["forest"].svg
    assert "<script" not in drawn["forest"].svg


def test_long_names_are_cut_and_a_value_is_named_once():
    tables = report_tables.tables()
    first = tables.published.iloc[:1].assign(metric="r2", published=0.5, name="a " * 40)
    table = pd.concat([first, first.assign(name="the same"), first.assign(name="b", published=0.6)])
    drawn = figures.forest(tables.metrics, table, list(tables.metrics["model"].unique()))
    assert ("a " * 18).strip() + "…" in drawn.svg and "the same" not in drawn.svg
    assert {"a " * 40, "the same", "b"} <= set(drawn.data["model"])


def test_sequences_of_several_lengths_get_a_histogram():
    drawn = figures.letter_composition(pd.Series(["A", "ACG", "AC"]))
    svg = drawn.svg
    assert drawn.data["sequences"].sum() == 3
    assert "letters" in svg and "position" not in svg


def test_classes_may_have_any_name():
    shares = pd.DataFrame([[0.25, 0.75], [0.5, 0.5]], index=["train", "test"],
                          columns=["share", "subset"])  # fmt: skip
    data = figures.class_shares(shares, {"train": 4, "test": 2}).data
    assert data["share"].tolist() == [0.25, 0.75, 0.5, 0.5]
    assert data["class"].tolist() == ["share", "subset"] * 2
    assert data["examples"].tolist() == [4, 4, 2, 2]
