"""Trust: how far scores can be relied on, in sentences, rows and a figure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from .config_data import Stratum
from .drawing import COLORS, Drawn
from .findings import interval, number
from .metrics import LOWER_IS_BETTER
from .outcome import Tables
from .parts import IDENTITIES

#: Parts of the test set that are drawn as strata of a column are.
_DRAWN = (
    Stratum(name="length", column="length"),
    Stratum(name="identity", column="identity to the nearest training sequence"),
)
#: Kinds of parts that are not asked for, with what they are in words.
_KINDS = {
    "length": "length",
    "identity": "identity to the nearest training sequence",
    "group": "group",
}


def bests(tables: Tables) -> dict[str, str]:
    """What the two best models are called, `best network` and `best baseline`, by model."""
    return {
        tables.chosen["best_recurrent"]: "best network",
        tables.chosen["best_baseline"]: "best baseline",
    }


def drawn_together(tables: Tables) -> str | None:
    """What intervals draw whole, in a sentence; None where they draw examples."""
    row = tables.metrics.query("subset == 'test'").iloc[0]
    if row["n_drawn"] == row["n"]:
        return None
    return (
        f"The {row['n']:,} test examples lie in {row['n_drawn']:,} groups: "
        "intervals draw whole groups, and tests flip their signs together, since members "
        "of a group are no independent witnesses."
    )


def drawn(strata: Sequence[Stratum]) -> list[Stratum]:
    """What scores are drawn against: the strata that are asked for, and then the parts."""
    asked = {stratum.name for stratum in strata}
    return [*strata, *(stratum for stratum in _DRAWN if stratum.name not in asked)]


def is_automatic(subset: str, asked: Sequence[str]) -> bool:
    """Whether a subset is one of these parts, and no stratum that the analysis asks for."""
    name = subset.removeprefix("test/")
    if any(name == other or name.startswith(f"{other}-") for other in asked):
        return False
    kind, dash, _ = name.partition("-")
    return kind in _KINDS and bool(dash)


def parts(tables: Tables, asked: Sequence[str]) -> list[dict[str, Any]]:
    """The main metric on the parts of the test set, best models: a table a kind of parts.

    Parameters
    ----------
    asked
        Names of the strata that the analysis asks for.

    Returns
    -------
    list of dict
        `what`, and `rows` of `part, n, cells`, a cell (value, interval) for the best network and
        the best baseline.
    """
    rows = tables.metrics[
        (tables.metrics["metric"] == tables.main) & (tables.metrics["seed"] == "all")
    ]
    lines: dict[str, list[dict[str, Any]]] = {}
    for subset in (each for each in rows["subset"].unique() if is_automatic(each, asked)):
        kind, _, name = subset.removeprefix("test/").partition("-")
        part = rows[rows["subset"] == subset].set_index("model")
        cells = [
            (number(part["value"].get(model)),
             interval(part["ci_low"].get(model), part["ci_high"].get(model)))
            for model in bests(tables)
        ]  # fmt: skip
        said = name if kind == "group" else name.replace("-", " to ")
        row = {"part": said, "n": int(part["n"].iloc[0]), "cells": cells}
        lines.setdefault(kind, []).append(row)
    return [{"what": _KINDS[kind], "rows": found} for kind, found in lines.items()]


def relatives(tables: Tables) -> str | None:
    """Whether the best network is better on test examples with near relatives in training."""
    best = tables.chosen["best_recurrent"]
    rows = tables.metrics.query(
        "metric == @tables.main and seed == 'all' and model == @best"
    ).set_index("subset")
    names = [f"test/identity-{low:g}-{high:g}" for low, high in itertools.pairwise(IDENTITIES)]
    there = [name for name in names if name in rows.index]
    if len(there) < 2:
        return None
    far, near = rows.loc[there[0]], rows.loc[there[-1]]
    sign = -1 if tables.main in LOWER_IS_BETTER else 1
    if sign * near["value"] > sign * far["value"]:
        apart = near["ci_low"] > far["ci_high"] or near["ci_high"] < far["ci_low"]
        verdict = "is better" if apart else "seems better, but not clearly,"
    else:
        apart = near["ci_low"] > far["ci_high"] or near["ci_high"] < far["ci_low"]
        verdict = "is worse" if apart else "is not better"

    def told(row: pd.Series, name: str) -> str:
        low, high = name.removeprefix("test/identity-").split("-")
        limits = interval(row["ci_low"], row["ci_high"])
        return f"{number(row['value'])} ({limits}) at identities of {low} to {high}, n = {row['n']}"

    return (
        f"{best} {verdict} on test examples with near relatives in training: "
        f"{tables.labels[tables.main]} {told(near, there[-1])}, against {told(far, there[0])}."
    )


def calibration(tables: Tables) -> list[str]:
    """What the probabilities of the best models are worth as such, and what a temperature does."""
    sentences = []
    rows = tables.temperature
    for model, what in bests(tables).items():
        mine = rows[rows["model"] == model]
        if mine.empty:
            continue
        means = mine[["temperature", "ece", "ece_scaled", "log_loss", "log_loss_scaled"]].mean()
        sure = "too sure" if means["temperature"] > 1 else "not sure enough"
        said = (
            f"{model}, the {what}: the calibration error is {number(means['ece'])}; with a "
            f"temperature of {number(means['temperature'], 2)}, fitted on validation examples "
            f"(mean over seeds{' and folds' if mine['fold'].nunique() > 1 else ''}), it is "
            f"{number(means['ece_scaled'])}, and the log loss {number(means['log_loss_scaled'])} "
            f"instead of {number(means['log_loss'])}"
        )
        about_one = abs(means["temperature"] - 1) < 0.05
        sentences.append(said + ("." if about_one else f": its probabilities are {sure}."))
    return sentences


def spread(tables: Tables) -> str | None:
    """How far the score of the best network would move with other examples, seeds and folds."""
    best = tables.chosen["best_recurrent"]
    rows = tables.variance.query("metric == @tables.main and model == @best")
    if rows.empty:
        return None
    row = rows.iloc[0]
    parts = [f"{number(row['sd_examples'])} from the choice of the {row['n']:,} test examples"]
    if pd.notna(row["sd_seeds"]):
        parts.append(f"{number(row['sd_seeds'])} from the seed ({row['n_seeds']} trainings)")
    if pd.notna(row["sd_folds"]):
        parts.append(
            f"{number(row['sd_folds'])} between folds ({row['n_folds']}, each with other training "
            "and other test examples)"
        )
    if len(parts) == 1:
        return None
    return (
        f"Where the spread of {best}'s {tables.labels[tables.main]} comes from, as standard "
        f"deviations: {'; '.join(parts)}."
    )


def class_rows(tables: Tables) -> list[dict[str, Any]]:
    """Each class or label as the best network and the best baseline tell it."""
    rows = []
    for name in tables.classes["class"].unique():
        of_class = tables.classes[tables.classes["class"] == name].set_index("model")
        cells = [of_class.loc[model] for model in bests(tables) if model in of_class.index]
        rows.append({"name": name, "n": int(of_class["n"].iloc[0]), "cells": cells})
    return rows


def reliability(tables: Tables) -> Drawn | None:
    """Reliability curves of the best network, before and after scaling, and the best baseline."""
    curves = tables.calibration
    lines = []
    for (model, what), color in zip(
        bests(tables).items(), (COLORS["recurrent"], COLORS["baseline"]), strict=False
    ):
        for scaled in (False, True):
            mine = curves[(curves["model"] == model) & (curves["scaled"] == scaled)]
            # the baseline is there to be compared with as it is
            if len(mine) and not (scaled and what == "best baseline"):
                name = f"{model} ({what}{', scaled' if scaled else ''})"
                lines.append((mine, name, color, "--" if scaled else "-"))
    if not lines:
        return None
    classes = bool(tables.description.task.classes)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        values = pd.concat([line[0][["predicted", "observed"]] for line in lines]).to_numpy()
        ends = (0.0, 1.0) if classes else (float(values.min()), float(values.max()))
        axes.plot(ends, ends, color="#555555", lw=0.8, ls=":")
        for mine, name, color, dashes in lines:
            axes.plot(mine["predicted"], mine["observed"], dashes, color=color, marker=".",
                      mfc="white" if dashes == "--" else color, label=name)  # fmt: skip
        share = "share that is right" if not _labelled(tables) else "share that has the label"
        axes.set(
            xlabel="mean probability that was given" if classes else "mean prediction of the bin",
            ylabel=share if classes else "mean measurement of the bin",
        )
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

    data = pd.concat([mine.assign(line=name) for mine, name, *_ in lines])
    return Drawn(6.8, 3.4, data, paint)


def _labelled(tables: Tables) -> bool:
    return tables.description.task.kind == "multilabel"


def draw_all(tables: Tables) -> dict[str, Drawn]:
    """The figure of this room, by name: `reliability`."""
    figure = reliability(tables)
    return {"reliability": figure} if figure else {}
