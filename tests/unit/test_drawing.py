"""Figures are SVG without a date, the same bytes every time."""

import xml.etree.ElementTree as ET

from biornn import drawing


def line():
    return drawing.draw(3, 2, lambda figure: figure.subplots().plot([1, 2], [3, 4]))


def test_the_same_drawing_is_the_same_bytes():
    svg = line()
    assert svg == line() and "dc:date" not in svg
    assert ET.fromstring(svg).get("width") == "216pt"


def test_every_kind_of_model_has_a_colour_and_a_marker():
    assert set(drawing.MARKERS) <= set(drawing.COLORS)
    assert len(set(drawing.MARKERS.values())) == len(drawing.MARKERS)
