"""Drawing: SVG on white, the same bytes for the same numbers, colours that all eyes tell apart.

The colours are those of Okabe & Ito (2008), one a kind of model; kinds also differ by marker.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import matplotlib as mpl
from matplotlib.figure import Figure

COLORS = {
    "recurrent": "#0072B2",
    "baseline": "#D55E00",
    "control": "#666666",
    "ceiling": "#009E73",
    "train": "#0072B2",
    "validation": "#E69F00",
    "test": "#CC79A7",
}
MARKERS = {"recurrent": "o", "baseline": "s", "control": "X", "ceiling": "D"}
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    # a name is a name, whatever it has between dollars
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "biornn",
}


def draw(width: float, height: float, paint: Callable[[Figure], None]) -> str:
    """The SVG of a figure (inches) that `paint` fills."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        stream = io.StringIO()
        # no date: the same numbers give the same bytes
        figure.savefig(stream, format="svg", dpi=150, metadata={"Date": None})
    return stream.getvalue()
