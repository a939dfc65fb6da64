"""Reach: how far back in a sequence networks learn, from their gradients and from their scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .config_data import Stratum
from .drawing import Drawn
from .examples import values_of
from .files import read_tsv
from .outcome import Tables

#: A gradient below this share of the largest one of its network moves its weights no more.
SHARE = 0.01
_RANGE = re.compile(r"([0-9.]+)-([0-9.]+)")
#: Lines of networks: the colours of Okabe & Ito (2008), told apart by their dashes too.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", "-.", ":")


class Line(TypedDict):
    """Colour and dashes, in matplotlib's words."""

    color: str
    ls: str


def read(paths: Sequence[str | Path], folds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """`gradient_flow.tsv` of each model, of the first of these folds that it was trained in.

    Models without a recurrence have none. The model is named by the folder of its folds.
    """
    flows: dict[str, pd.DataFrame] = {}
    for path in map(Path, paths):
        table = read_tsv(path)
        table = table[table["fold"].isin(folds)]
        if len(table):
            flows.setdefault(path.parent.parent.name, table[table["fold"] == table["fold"].min()])
    return flows


def profiles(flow: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Norm of ∂L/∂h by distance from the output, at the first and at the last epoch of each seed.

    Those of the upper layer, which is the one that the output is read from: the mean over the
    directions, and over seeds the geometric mean, since seeds differ by factors.
    """
    flow = flow[(flow["layer"] == flow["layer"].max()) & (flow["state"] == "h")]
    epochs = flow.groupby("seed")["epoch"]
    found = []
    for chosen in (epochs.transform("min"), epochs.transform("max")):
        part = flow[flow["epoch"] == chosen]
        by_seed = part.groupby(["seed", "distance"])["norm"].mean()
        # a gradient can underflow to nothing, and has no logarithm then
        logs = np.log(by_seed.clip(lower=np.finfo(float).tiny))
        found.append(np.exp(logs.groupby("distance").mean()))
    return found[0], found[1]


def reach(profile: pd.Series) -> int:
    """The largest distance at which the norm is at least `SHARE` of the largest one."""
    return int(profile.index[profile >= SHARE * profile.max()].max())


def sentences(flows: Mapping[str, pd.DataFrame], readouts: Mapping[str, str]) -> list[str]:
    """One a network: how far back the gradient of the loss reaches.

    Parameters
    ----------
    flows
        From `read`.
    readouts
        Readout of each model: all but `last` reach every state directly.
    """
    said = []
    for model, flow in flows.items():
        first, last = profiles(flow)
        far = int(last.index.max())
        if readouts.get(model, "last") != "last":
            said.append(
                f"{model} reads every state directly (readout {readouts[model]}): the gradient "
                "need not come back through time."
            )
            continue
        there, before = reach(last), reach(first)
        whole = there >= 0.99 * far
        place = f"all {far:,} steps" if whole else f"{there:,} of {far:,} steps"
        said.append(
            f"{model}: after training the gradient reaches {place} back from the output "
            f"({before:,} after the first epoch)."
        )
    return said


def gradient_flow(flows: Mapping[str, pd.DataFrame], lines: Mapping[str, Line]) -> Drawn:
    """Norm of ∂L/∂h by distance from the output, after the first and the last epoch."""
    both = {model: profiles(flow) for model, flow in flows.items()}
    longest = max(last.index.max() for _, last in both.values())
    highest = max(part.max() for parts in both.values() for part in parts)

    def paint(figure: Figure) -> None:
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, title, at in zip(panels, ("first epoch", "last epoch"), (0, 1), strict=True):
            for model, parts in both.items():
                axes.plot(parts[at].index, parts[at], lw=1.4, **lines[model])
            axes.set_title(title, fontsize=9)
            axes.set(yscale="log", xlim=(0, max(1, longest)), xlabel="steps before the output")
        # below eight digits under the highest single precision has nothing to say
        panels[0].set(ylim=(highest * 1e-8, highest * 3), ylabel="norm of ∂L/∂h")
        legend(figure, {model: lines[model] for model in both})

    data = pd.concat(
        [part.rename("norm").reset_index().assign(model=model, epoch=epoch)
         for model, parts in both.items()
         for epoch, part in zip(("first", "last"), parts, strict=True)]
    )  # fmt: skip
    return Drawn(7.6, 3.2, data, paint)


def by_value(tables: Tables, stratum: Stratum) -> Drawn | None:
    """The main metric on the test examples of each value of a column, or of each range of values.

    None where they are texts.
    """
    scores = _scores_by_value(tables, stratum)
    if scores is None:
        return None

    def paint(figure: Figure) -> None:
        axes: Axes = figure.subplots()
        ranked = [model for model in tables.ranked_models() if model in set(scores["model"])]
        lines = lines_of(tables, ranked)
        for model, line in lines.items():
            mine = scores[scores["model"] == model].sort_values("at")
            axes.plot(mine["at"], mine["value"], marker="o", ms=3.5, lw=1.4, **line)
            axes.fill_between(mine["at"], mine["ci_low"], mine["ci_high"], alpha=0.12, lw=0,
                              color=line["color"])  # fmt: skip
        values = np.sort(scores["at"].unique())
        if values.min() > 0 and values.max() > 10 * values.min():
            axes.set_xscale("log")
        names = scores.drop_duplicates("at").set_index("at")["name"]
        axes.set_xticks(values, [names[value] for value in values])
        axes.minorticks_off()
        axes.set(xlabel=stratum.column, ylabel=tables.labels[tables.main])
        if tables.main in ("r2", "accuracy"):
            axes.set_ylim(min(-0.05, max(-0.5, scores["value"].min() - 0.05)), 1.05)
        legend(figure, lines)

    return Drawn(7.6, 3.4, scores, paint)


def _scores_by_value(tables: Tables, stratum: Stratum) -> pd.DataFrame | None:
    prefix = f"test/{stratum.name}-"
    rows = tables.metrics[
        tables.metrics["subset"].str.startswith(prefix)
        & (tables.metrics["metric"] == tables.main)
        & (tables.metrics["seed"] == "all")
        & tables.metrics["kind"].isin(("recurrent", "baseline"))
    ]
    texts = rows["subset"].str.removeprefix(prefix)
    ranges = {text: _RANGE.fullmatch(text) for text in texts.unique()}
    if all(ranges.values()):
        # a range lies at its middle
        ends = {text: (float(m[1]), float(m[2])) for text, m in ranges.items() if m}
        numbers = {text: (low + high) / 2 for text, (low, high) in ends.items()}
        names = {text: f"{low:g} to {high:g}" for text, (low, high) in ends.items()}
    else:
        numbers = values_of(texts.unique())
        names = {text: f"{value:g}" for text, value in numbers.items()}
    if len(numbers) < 2:
        return None
    return rows.assign(at=texts.map(numbers), name=texts.map(names))


def draw_all(
    tables: Tables, flows: Mapping[str, pd.DataFrame], strata: Sequence[Stratum]
) -> dict[str, Drawn]:
    """The figures of this room, by name: `gradient_flow`, and `by_{stratum}` of columns."""
    drawn = {"gradient_flow": gradient_flow(flows, _lines(tables))} if flows else {}
    for stratum in strata:
        figure = by_value(tables, stratum) if stratum.column else None
        if figure is not None:
            drawn[f"by_{stratum.name}"] = figure
    return drawn


def _lines(tables: Tables) -> dict[str, Line]:
    """How each network is drawn in every figure of this room."""
    networks = dict.fromkeys(description["name"] for description in tables.descriptions)
    return {
        model: Line(color=_COLORS[n % len(_COLORS)], ls=_DASHES[n % len(_DASHES)])
        for n, model in enumerate(networks)
    }


def lines_of(tables: Tables, models: Sequence[str]) -> dict[str, Line]:
    """The same, and after them simple models in grey."""
    own = _lines(tables)
    others = [model for model in models if model not in own]
    grey = {model: _grey_line(number) for number, model in enumerate(others)}
    return {model: own[model] for model in models if model in own} | grey


def _grey_line(number: int) -> Line:
    return Line(color="#777777", ls=_DASHES[(number + 1) % len(_DASHES)])


def legend(figure: Figure, lines: Mapping[str, Line]) -> None:
    """Beside the axes, so that it hides nothing."""
    handles = [Line2D([], [], lw=1.4, **line) for line in lines.values()]
    figure.legend(handles, list(lines), loc="outside right upper", frameon=False, fontsize=8,
                  handlelength=2.6)  # fmt: skip
