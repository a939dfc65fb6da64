"""Figures are SVG and PNG without a date, the same bytes every time, with the data beside them."""

import xml.etree.ElementTree as ET

import pandas as pd
from biornn import drawing
from biornn.files import read_tsv

DATA = pd.DataFrame({"x": [1, 2], "y": [3.5, 4.25], "name": ["<b>", "NA"]})


def line():
    return drawing.Drawn(3, 2, DATA, lambda figure: figure.subplots().plot(DATA["x"], DATA["y"]))


def test_the_same_drawing_is_the_same_bytes():
    figure, again = line(), line()
    assert figure.svg == again.svg and "dc:date" not in figure.svg
    assert ET.fromstring(figure.svg).get("width") == "216pt"
    assert figure.png == again.png and figure.png.startswith(b"\x89PNG")
    assert b"matplotlib" not in figure.png.lower()


def test_a_figure_is_written_with_its_data(tmp_path):
    drawing.write_all({"a": line()}, tmp_path / "figures")
    files = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert files == ["a.png", "a.svg", "a.tsv"]
    assert (tmp_path / "figures/a.svg").read_text(encoding="utf-8") == line().svg
    assert (tmp_path / "figures/a.png").read_bytes() == line().png
    found = read_tsv(tmp_path / "figures/a.tsv")
    pd.testing.assert_frame_equal(found[["x", "y"]], DATA[["x", "y"]])


def test_every_kind_of_model_has_a_colour_and_a_marker():
    assert set(drawing.MARKERS) <= set(drawing.COLORS)
    assert len(set(drawing.MARKERS.values())) == len(drawing.MARKERS)


def test_powers_of_ten_are_written_without_markup():
    def paint(figure):
        axes = figure.subplots()
        axes.plot([1, 2], [1e-6, 1.0])
        axes.set_yscale("log")

    svg = drawing.Drawn(3, 2, DATA, paint).svg
    assert "mathdefault" not in svg and "10⁻⁴" in svg
