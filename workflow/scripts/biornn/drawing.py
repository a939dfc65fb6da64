"""Drawing: figures on white, the same bytes for the same numbers, colours that all eyes tell apart.

The colours are those of Okabe & Ito (2008), one a kind of model; kinds also differ by marker.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, NullFormatter

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

    @cached_property
    def _figure(self) -> Figure:
        figure = Figure(figsize=(self.width, self.height), layout="constrained")
        self.paint(figure)
        _plain_powers(figure)
        return figure

    def _saved(self, kind: str, metadata: dict[str, None]) -> bytes:
        stream = io.BytesIO()
        with mpl.rc_context(_STYLE):
            # no date and no version: the same numbers give the same bytes
            self._figure.savefig(stream, format=kind, dpi=_DPI, metadata=metadata)
        return stream.getvalue()

    @cached_property
    def svg(self) -> str:
        """The SVG; its text is text."""
        return self._saved("svg", {"Date": None}).decode("utf-8")

    @cached_property
    def png(self) -> bytes:
        """The PNG."""
        # a layout depends on the one before: the SVG always comes first
        assert self.svg
        return self._saved("png", {"Software": None})


def long_form(table: pd.DataFrame, row: str, column: str, value: str) -> pd.DataFrame:
    """A table with a row a cell, whatever its rows and columns are called."""
    return pd.DataFrame(
        {
            row: np.repeat(table.index.to_numpy(), table.shape[1]),
            column: np.tile(table.columns.to_numpy(), len(table)),
            value: table.to_numpy().ravel(),
        }
    )


def short_name(name: str, most: int = 24) -> str:
    """A name that leaves a figure its room."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _power(value: float, _: int | None = None) -> str:
    """`10⁻³`; what is no power of ten as it is."""
    exponent = round(math.log10(value)) if value > 0 else 0
    power = math.isclose(value, 10.0**exponent)
    return f"10{str(exponent).translate(_RAISED)}" if power else f"{value:g}"


def _plain_powers(figure: Figure) -> None:
    """Ticks of logarithmic axes without mathematical markup, which names are not read as."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
                low, high = axis.get_view_interval()
                decades = math.log10(high / low)
                form = FuncFormatter(_power if decades > 3 else lambda value, _: f"{value:g}")
                axis.set_major_formatter(form)
                # within few powers of ten there may be no other ticks
                axis.set_minor_formatter(form if decades < 1.5 else NullFormatter())


def write_all(drawn: Mapping[str, Drawn], folder: str | Path) -> None:
    """Write `{name}.svg`, `{name}.png` and `{name}.tsv` of each figure."""
    for name, figure in drawn.items():
        path = Path(folder) / name
        write_text(path.with_name(f"{name}.svg"), figure.svg)
        png = figure.png
        write_with(path.with_name(f"{name}.png"), lambda place, png=png: place.write_bytes(png))
        write_tsv(figure.data, path.with_name(f"{name}.tsv"))
