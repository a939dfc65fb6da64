"""Growth: what more training examples bring, in a figure and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from .drawing import Drawn
from .files import read_tsv
from .findings import number
from .metrics import LOWER_IS_BETTER
from .outcome import Tables
from .reach import legend, lines_of


def read(paths: Sequence[str | Path], tables: Tables) -> pd.DataFrame | None:
    """The main metric in `learning_curve.tsv`; None where no curve was asked for."""
    if not paths:
        return None
    curve = read_tsv(paths[0])
    return curve[curve["metric"] == tables.main]


def sentences(curve: pd.DataFrame, tables: Tables) -> list[str]:
    """What the best network gained last, and from when on it is ahead of the best simple model."""
    best, simple = tables.chosen["best_recurrent"], tables.chosen["best_baseline"]
    own = curve[curve["model"] == best].sort_values("n_train")
    label, sign = tables.labels[tables.main], -1 if tables.main in LOWER_IS_BETTER else 1
    said = []
    if len(own) > 1:
        before, last = own.iloc[-2], own.iloc[-1]
        gained = sign * (last["value"] - before["value"])
        apart = last["ci_low"] > before["ci_high"] or last["ci_high"] < before["ci_low"]
        said.append(
            f"From {before['n_train']:,} to {last['n_train']:,} training examples {best} goes from "
            f"{number(before['value'])} to {number(last['value'])} ({label}): "
            + (
                "more examples would probably help."
                if gained > 0 and apart
                else "within the uncertainty of both."
                if not apart
                else "it became worse, so that its settings fit a smaller set."
            )
        )
    both = own.merge(curve[curve["model"] == simple], on="n_train", suffixes=("", "_simple"))
    both = both.sort_values("n_train")
    ahead = both[sign * (both["value"] - both["value_simple"]) > 0]["n_train"]
    sizes = [f"{size:,}" for size in both["n_train"]]
    if len(ahead) == len(both):
        said.append(f"{best} is ahead of {simple} at every size that was tried.")
    elif ahead.empty:
        said.append(f"{best} is behind {simple} at every size that was tried.")
    else:
        at = ", ".join(f"{size:,}" for size in ahead)
        said.append(
            f"Of {', '.join(sizes)} training examples, {best} is ahead of {simple} at {at}."
        )
    return said


def draw_all(curve: pd.DataFrame | None, tables: Tables) -> dict[str, Drawn]:
    """`learning_curve`: the main metric by the number of training examples."""
    if curve is None or curve.empty:
        return {}
    ranked = [model for model in tables.ranked_models() if model in set(curve["model"])]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        lines = lines_of(tables, ranked)
        for model, line in lines.items():
            mine = curve[curve["model"] == model].sort_values("n_train")
            axes.plot(mine["n_train"], mine["value"], marker="o", ms=3.5, lw=1.4, **line)
            axes.fill_between(mine["n_train"], mine["ci_low"], mine["ci_high"], alpha=0.12, lw=0,
                              color=line["color"])  # fmt: skip
        sizes = sorted(curve["n_train"].unique())
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="training examples", ylabel=tables.labels[tables.main])
        legend(figure, lines)

    return {"learning_curve": Drawn(7.6, 3.4, curve, paint)}
