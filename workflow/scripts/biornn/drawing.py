"""Drawing: figures on white, the same bytes for the same numbers, colours that all eyes tell apart.

The colours are those of Okabe & Ito (2008), one a kind of model; kinds also differ by marker.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from .files import write_text, write_tsv, write_with

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
_DPI = 150


@dataclass(frozen=True)
class Drawn:
    """A figure: how it is painted, and the numbers that it shows.

    Attributes
    ----------
    width, height : float
        Inches.
    data : pandas.DataFrame
        What is shown, a row a point, bar or line end.
    paint : callable
        Fills an empty figure.
    """

    width: float
    height: float
    data: pd.DataFrame
    paint: Callable[[Figure], None]

    def _saved(self, format: str, metadata: dict[str, None]) -> bytes:
        with mpl.rc_context(_STYLE):
            figure = Figure(figsize=(self.width, self.height), layout="constrained")
            self.paint(figure)
            stream = io.BytesIO()
            # no date and no version: the same numbers give the same bytes
            figure.savefig(stream, format=format, dpi=_DPI, metadata=metadata)
        return stream.getvalue()

    @cached_property
    def svg(self) -> str:
        """The SVG; its text is text."""
        return self._saved("svg", {"Date": None}).decode("utf-8")

    @cached_property
    def png(self) -> bytes:
        """The PNG."""
        return self._saved("png", {"Software": None})


def write_all(drawn: Mapping[str, Drawn], folder: str | Path) -> None:
    """Write `{name}.svg`, `{name}.png` and `{name}.tsv` of each figure."""
    for name, figure in drawn.items():
        path = Path(folder) / name
        write_text(path.with_name(f"{name}.svg"), figure.svg)
        png = figure.png
        write_with(path.with_name(f"{name}.png"), lambda place, png=png: place.write_bytes(png))
        write_tsv(figure.data, path.with_name(f"{name}.tsv"))
