"""Figures of results: what the best models predicted beside what is true."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from . import class_metrics
from .drawing import COLORS, MARKERS, Drawn, long_form, short_name
from .outcome import Tables
from .targets import Task


def predicted_vs_measured(panels: Mapping[str, pd.DataFrame], label: str) -> Drawn:
    """Test examples, measured against predicted, as hexagons of counts; one panel a model."""

    def paint(figure: Figure) -> None:
        axes = np.atleast_1d(figure.subplots(1, len(panels), sharex=True, sharey=True))
        values = np.concatenate(
            [table[["target", "prediction"]].to_numpy().ravel() for table in panels.values()]
        )
        low, high = float(values.min()), float(values.max())
        for at, (title, table) in zip(axes, panels.items(), strict=True):
            at.hexbin(
                table["prediction"], table["target"], gridsize=40, bins="log", mincnt=1,
                cmap="viridis", extent=(low, high, low, high), linewidths=0.1, rasterized=True,
            )  # fmt: skip
            at.plot([low, high], [low, high], color="#555555", lw=0.8, ls="--")
            at.set_title(title, fontsize=9)
            at.set_xlabel("predicted")
            at.set_aspect("equal")
        axes[0].set_ylabel(f"measured: {label}")

    data = pd.concat([table.assign(model=title) for title, table in panels.items()])
    return Drawn(2.9 * len(panels) + 0.4, 3.7, data.reset_index(), paint)


def confusions(panels: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> Drawn:
    """What each class was taken for, as shares of the rows; one panel a model."""
    counted = {}
    for title, table in panels.items():
        counts = pd.crosstab(table["target"], table["predicted"])
        counted[title] = counts.reindex(index=classes, columns=classes, fill_value=0)
    data = pd.concat(
        [counts.rename_axis(index="true", columns="predicted").stack().rename("count")
         .reset_index().assign(model=title) for title, counts in counted.items()]
    )  # fmt: skip

    def paint(figure: Figure) -> None:
        axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
        for at, (title, counts) in zip(axes, counted.items(), strict=True):
            shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
            at.imshow(shares, cmap="cividis", vmin=0, vmax=1)
            if len(classes) <= 12:
                for (row, column), share in np.ndenumerate(shares.to_numpy()):
                    at.text(column, row, f"{share:.2f}".lstrip("0"), ha="center", va="center",
                            fontsize=7, color="white" if share < 0.6 else "black")  # fmt: skip
            short = [short_name(label) for label in classes]
            long = max(map(len, short)) > 3
            at.set_xticks(range(len(classes)), short, rotation=90 if long else 0, fontsize=7)
            at.set_yticks(range(len(classes)), short, fontsize=7)
            at.set_title(title, fontsize=9)
            at.set_xlabel("predicted")
            at.grid(visible=False)
        axes[0].set_ylabel("true class")

    side = max(2.4, 0.32 * len(classes))
    words = min(max(map(len, classes)), 24) * 0.065  # inches that the names need
    return Drawn((side + 0.2) * len(panels) + words + 0.6, side + words + 0.8, data, paint)


def label_areas(panels: Mapping[str, pd.DataFrame], labels: Sequence[str]) -> Drawn:
    """AUROC of every label, a marker a model; `panels` have `target.{label}` and `prediction.…`."""
    kinds = list(MARKERS)
    once = np.ones((len(next(iter(panels.values()))), 1))
    areas = {
        title: [
            class_metrics.auroc(
                table[f"target.{label}"].to_numpy() == 1,
                table[f"prediction.{label}"].to_numpy(),
                once,
            )[0]
            for label in labels
        ]
        for title, table in panels.items()
    }

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for at, (title, each) in enumerate(areas.items()):
            axes.plot(each, -np.arange(len(labels)), MARKERS[kinds[at]], color=COLORS[kinds[at]],
                      label=title)  # fmt: skip
        axes.axvline(0.5, color="#bbbbbb", lw=0.8)
        axes.set_yticks(-np.arange(len(labels)), list(labels))
        axes.set_xlabel("AUROC")
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

    data = long_form(pd.DataFrame(areas, index=list(labels)), "label", "model", "auroc")
    return Drawn(7.6, 1.3 + 0.25 * len(labels), data, paint)


#: Nominal coverages at which calibration is looked at.
_NOMINAL = np.linspace(0.05, 0.95, 19)


def calibration(tables: Mapping[str, pd.DataFrame]) -> Drawn:
    """Share of targets in the central intervals, against what the intervals say.

    Parameters
    ----------
    tables
        By model `target, prediction, prediction_sd` of the test examples, all seeds.
    """
    held = {}
    for model, table in tables.items():
        distance = (table["target"] - table["prediction"]).abs() / table["prediction_sd"]
        # the smallest central interval that holds the target
        needed = 2 * stats.norm.cdf(distance) - 1
        held[model] = (needed[:, None] <= _NOMINAL).mean(axis=0)
    shown = pd.DataFrame(held, index=_NOMINAL)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#555555", lw=0.8, ls="--")
        lines = itertools.cycle(["-", "--", ":", "-."])
        for line, (model, shares) in zip(lines, held.items(), strict=False):
            axes.plot(_NOMINAL, shares, line, color=COLORS["recurrent"], marker=".", label=model)
        axes.set(xlabel="coverage that the model says", ylabel="targets in the interval",
                 xlim=(0, 1), ylim=(0, 1))  # fmt: skip
        axes.set_aspect("equal")
        axes.legend(frameon=False)

    return Drawn(3.6, 3.6, long_form(shown, "coverage", "model", "targets_in_it"), paint)


def draw_all(tables: Tables, label: str) -> dict[str, Drawn]:
    """`predicted_vs_measured`, and `calibration` where standard deviations were predicted."""
    chosen, task = tables.chosen, tables.description.task
    test = tables.predictions[tables.predictions["subset"] == "test"]
    shown = {
        f"{chosen['best_recurrent']} (best network)": chosen["best_recurrent"],
        f"{chosen['best_baseline']} (best baseline)": chosen["best_baseline"],
        "replicate (noise ceiling)": "replicate",
    }
    panels = {}
    for title, model in shown.items():
        rows = test[test["model"] == model]
        if len(rows):
            panels[title] = _mean_over_seeds(rows, task)
    if task.kind == "multilabel":
        drawn = {"predicted_vs_measured": label_areas(panels, task.classes)}
    elif task.classes:
        drawn = {"predicted_vs_measured": confusions(panels, task.classes)}
    elif task.counts:
        panels = {title: np.log1p(table) for title, table in panels.items()}
        drawn = {"predicted_vs_measured": predicted_vs_measured(panels, f"ln(1 + {label})")}
    else:
        drawn = {"predicted_vs_measured": predicted_vs_measured(panels, label)}
    if "prediction_sd" in test:
        sure = test[test["prediction_sd"].notna()]
        drawn["calibration"] = calibration(dict(iter(sure.groupby("model", sort=False))))
    return drawn


def _mean_over_seeds(rows: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Targets and mean predictions of the seeds, and the class `predicted` by their mean."""
    unit = ["id", "position"] if "position" in rows else ["id"]
    groups = rows.groupby(unit, observed=True, sort=False)
    if not task.classes:
        return groups[["target", "prediction"]].mean()
    columns = [f"prediction.{label}" for label in task.classes]
    means = groups[columns].mean()
    if task.kind == "multilabel":
        return means.join(groups[[f"target.{label}" for label in task.classes]].first())
    predicted = np.array(task.classes)[means.to_numpy().argmax(axis=1)]
    return pd.DataFrame({"target": groups["target"].first().astype(str), "predicted": predicted})
