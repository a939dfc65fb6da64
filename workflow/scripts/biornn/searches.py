"""Searches: what the tuning of each network tried and found, in rows, figures and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .config_tune import Range, TuneConfig
from .drawing import COLORS, Drawn
from .files import read_json, read_tsv

#: Folds of which the history is drawn.
_SHOWN = 6


@dataclass(frozen=True)
class FoundSearch:
    """A search on one fold, as `tuning` left it.

    Attributes
    ----------
    model : str
    fold : int
    trials : pandas.DataFrame
        `trials.tsv`.
    importance : pandas.DataFrame
        `parameter, importance`; no row where too few trials were completed.
    value : float
        The lowest validation loss.
    settings : dict
        What was chosen, by key.
    """

    model: str
    fold: int
    trials: pd.DataFrame
    importance: pd.DataFrame
    value: float
    settings: Mapping[str, Any]

    def count(self, state: str) -> int:
        """Trials with a state of `trials.tsv`."""
        return int((self.trials["state"] == state).sum())


def read(chosen: Iterable[str | Path], folds: Iterable[int]) -> list[FoundSearch]:
    """The searches on some folds, from their `chosen.json` and the tables beside them."""
    found, wanted = [], set(folds)
    for path in map(Path, chosen):
        value = read_json(path)
        if value["fold"] in wanted:
            found.append(
                FoundSearch(
                    value["model"],
                    value["fold"],
                    read_tsv(path.parent / "trials.tsv", state=str, note=str),
                    read_tsv(path.parent / "importance.tsv", parameter=str, importance=float),
                    value["value"],
                    value["settings"],
                )
            )
    return found


def by_model(searches: Sequence[FoundSearch]) -> dict[str, list[FoundSearch]]:
    """The searches of each network, in the order of the folds."""
    names = dict.fromkeys(search.model for search in searches)
    ordered = sorted(searches, key=lambda search: search.fold)
    return {name: [search for search in ordered if search.model == name] for name in names}


# -- rows ------------------------------------------------------------------------------------------


def rows(searches: Sequence[FoundSearch], tune: Mapping[str, TuneConfig]) -> list[dict[str, Any]]:
    """One entry a network for the page.

    Returns
    -------
    list of dict
        `model`; `said`, a sentence about the trials; `settings`, a row a parameter with `key`,
        `space`, `importance` and the chosen `values` of the folds; `folds` and `losses` likewise;
        `unsaid`, why there are no importances, or empty.
    """
    found = []
    for model, own in by_model(searches).items():
        shares = importances(own)
        found.append(
            {
                "model": model,
                "said": _trials_in_words(own, tune[model]),
                "folds": [search.fold for search in own],
                "losses": [search.value for search in own],
                "settings": [
                    {
                        "key": key,
                        "space": _space_in_words(space),
                        "importance": None if shares.empty else float(shares.get(key, 0.0)),
                        "values": [_value(search.settings[key]) for search in own],
                    }
                    for key, space in tune[model].search.items()
                ],
                "unsaid": _UNSAID if shares.empty else "",
            }
        )
    return found


_UNSAID = (
    "Too few trials were completed, or all with one loss, to say which setting matters; ten or "
    "more are needed."
)


def importances(searches: Sequence[FoundSearch]) -> pd.Series:
    """Importance by parameter, mean over the folds that have any, the largest first."""
    tables = [search.importance for search in searches if len(search.importance)]
    if not tables:
        return pd.Series(dtype=float)
    means = pd.concat(tables).groupby("parameter")["importance"].sum() / len(tables)
    return means.sort_values(ascending=False, kind="stable")


def _trials_in_words(searches: Sequence[FoundSearch], tune: TuneConfig) -> str:
    counts = {
        state: sum(search.count(state) for search in searches)
        for state in ("complete", "pruned", "failed", "stopped")
    }
    words = [f"{counts['complete']} trials were trained to their end"]
    words += [f"{counts['pruned']} were ended early"] if counts["pruned"] else []
    words += [f"{counts['failed']} failed"] if counts["failed"] else []
    if counts["stopped"]:
        words += [f"{counts['stopped']} were stopped with their job and taken up again"]
    asked = tune.trials * len(searches)
    folds = f" over {len(searches)} folds" if len(searches) > 1 else ""
    short = ""
    done = counts["complete"] + counts["pruned"] + counts["failed"]
    if done < asked:
        short = f"; {asked} were asked for"
    return f"{', '.join(words)}{folds}{short}."


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return {None: "none", True: "true", False: "false"}.get(value, str(value))


def _space_in_words(space: Any) -> str:
    if isinstance(space, Range):
        return f"{space.low:g} to {space.high:g}{', logarithmic' if space.log else ''}"
    return ", ".join(map(_value, space))


def in_words(searches: Sequence[FoundSearch], tune: Mapping[str, TuneConfig]) -> str:
    """A paragraph for the methods; empty where nothing was searched."""
    if not searches:
        return ""
    parts = []
    for model, own in by_model(searches).items():
        spaces = ", ".join(f"{key} ({_space_in_words(s)})" for key, s in tune[model].search.items())
        chosen = []
        for search in own:
            where = f"fold {search.fold}: " if len(own) > 1 else ""
            values = ", ".join(f"{key} {_value(value)}" for key, value in search.settings.items())
            chosen.append(f"{where}{values}")
        parts.append(f"`{model}`: {tune[model].trials} trials over {spaces}; {'; '.join(chosen)}")
    pruned = {tune[model].pruner for model in by_model(searches)}
    stopped = ""
    if "median" in pruned:
        stopped = (
            " A trial whose lowest loss was above the median of the others at its epoch was ended."
        )
    return (
        "Some settings of networks were not set but chosen, in place of what is said above, by the "
        "tree-structured Parzen estimator (Bergstra et al. 2011) of Optuna (Akiba et al. 2019): "
        "those of the lowest validation loss of one network. Each fold has a search of its own, "
        f"which its test examples are not part of.{stopped} {'. '.join(parts)}."
    )


# -- figures ---------------------------------------------------------------------------------------


def history(searches: Sequence[FoundSearch]) -> Drawn:
    """Validation loss of every trial and the lowest so far, a panel a fold."""
    shown = searches[:_SHOWN]

    def panel(axes: Axes, search: FoundSearch) -> None:
        table = search.trials[search.trials["value"].notna()]
        values = table["value"].to_numpy(float)
        low, middle = values.min(), np.median(values)
        # trials that went wrong are drawn at the upper edge, so that the others can be told apart
        top = min(values.max(), middle + 2 * (middle - low)) if middle > low else values.max()
        for state, fill in (("complete", COLORS["validation"]), ("pruned", "white")):
            here = (table["state"] == state).to_numpy()
            for inside, marker in ((values <= top, "o"), (values > top, "^")):
                part = here & inside
                axes.plot(
                    table["number"].to_numpy()[part], np.minimum(values, top)[part], marker,
                    ms=4.5, mfc=fill, mec=COLORS["validation"], ls="none",
                )  # fmt: skip
        complete = table[table["state"] == "complete"]
        axes.step(
            complete["number"], np.minimum(complete["value"].cummin(), top), where="post",
            color=COLORS["recurrent"], lw=1.4,
        )  # fmt: skip
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(searches) > 1:
            axes.set_title(f"fold {search.fold}", fontsize=9)

    def paint(figure: Figure) -> None:
        columns = min(3, len(shown))
        grid = np.atleast_1d(figure.subplots(-(-len(shown) // columns), columns)).ravel()
        for axes, search in zip(grid, shown, strict=False):
            panel(axes, search)
        for axes in grid[len(shown) :]:
            axes.set_visible(False)
        figure.supylabel("validation loss", fontsize=9)
        figure.supxlabel("trial", fontsize=9)

    width = 5.2 if len(shown) == 1 else 7.6
    data = pd.concat([search.trials.assign(fold=search.fold) for search in shown])
    return Drawn(width, 2.3 * -(-len(shown) // 3) + 0.4, data, paint)


def importance_bars(searches: Sequence[FoundSearch]) -> Drawn:
    """Share of each parameter in the variance of the loss; small strokes are single folds."""
    means = importances(searches)
    places = {parameter: -at for at, parameter in enumerate(means.index)}

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.barh(list(places.values()), means, height=0.6, color=COLORS["recurrent"])
        tables = [search.importance for search in searches if len(search.importance)]
        for table in tables if len(tables) > 1 else []:
            axes.plot(
                table["importance"], table["parameter"].map(places), "|", color="#333333", ms=8
            )
        axes.set_yticks(list(places.values()), list(places))
        axes.set(xlabel="share in the variance of the validation loss", xlim=(0, 1))
        axes.grid(visible=False, axis="y")

    data = pd.concat([search.importance.assign(fold=search.fold) for search in searches])
    return Drawn(5.2, 0.7 + 0.28 * len(places), data, paint)


def draw_all(searches: Sequence[FoundSearch]) -> dict[str, Drawn]:
    """`search_history_{model}`, and `search_importance_{model}` where importances are known."""
    drawn = {}
    for model, own in by_model(searches).items():
        drawn[f"search_history_{model}"] = history(own)
        if len(importances(own)):
            drawn[f"search_importance_{model}"] = importance_bars(own)
    return drawn
