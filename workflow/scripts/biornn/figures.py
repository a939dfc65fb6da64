"""Figures: what a report shows of data, splits, training and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import result_figures
from .drawing import COLORS, MARKERS, Drawn, long_form, short_name
from .findings import median_identity
from .inputs import read_series
from .metrics import CHANCE, LABELS
from .outcome import Tables
from .splits import SUBSETS
from .targets import Task


def target_distribution(targets: pd.DataFrame, label: str) -> Drawn:
    """Histogram of the target in each subset; `targets` has `subset` and `target`."""
    edges = np.histogram_bin_edges(targets["target"], bins=60)
    parts = dict(iter(targets.groupby("subset", observed=True)["target"]))
    densities = {str(subset): np.histogram(part, edges, density=True)[0]
                 for subset, part in parts.items()}  # fmt: skip
    data = pd.concat(
        [pd.DataFrame({"subset": subset, "from": edges[:-1], "to": edges[1:], "density": heights})
         for subset, heights in densities.items()]
    )  # fmt: skip

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for subset, heights in densities.items():
            axes.stairs(heights, edges, linewidth=1.6, color=COLORS[subset],
                        label=f"{subset} (n = {len(parts[subset]):,})")  # fmt: skip
        axes.set(xlabel=label, ylabel="density", yscale="log")
        axes.legend(frameon=False)

    return Drawn(6.4, 2.9, data, paint)


def class_shares(shares: pd.DataFrame, sizes: Mapping[str, int]) -> Drawn:
    """Share of each class (column) or label in each subset (row), and how many are in each."""
    named = [str(name) for name in shares.columns]
    classes = [short_name(name) for name in named]
    long = max(map(len, classes)) > 8

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        width = 0.8 / len(shares)
        places = np.arange(shares.shape[1])
        for at, (subset, row) in enumerate(shares.iterrows()):
            axes.bar(
                places + (at - (len(shares) - 1) / 2) * width, row, width,
                color=COLORS[str(subset)], label=f"{subset} (n = {sizes[str(subset)]:,})",
            )  # fmt: skip
        axes.set_xticks(
            places, classes, rotation=40 if long else 0, ha="right" if long else "center"
        )
        axes.set(ylabel="share")
        axes.grid(visible=False, axis="x")
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

    data = long_form(shares, "subset", "class", "share")
    # slanted names need room below the bars
    height = 2.9 + (0.05 * max(map(len, classes)) if long else 0)
    return Drawn(6.4, height, data.assign(examples=data["subset"].map(sizes)), paint)


def series_spread(sequences: pd.Series) -> Drawn:
    """Median and ranges of series of numbers by step; of long series the first 500 steps.

    A panel a channel, of the first four.
    """
    series = read_series(sequences)
    values = np.full((len(series), min(500, series.lengths.max()), series.values.shape[1]), np.nan)
    for at, (begin, end) in enumerate(zip(series.offsets, series.offsets[1:], strict=False)):
        row = series.values[begin:end][:500]
        values[at, : len(row)] = row
    channels = min(4, values.shape[2])
    steps = np.arange(1, values.shape[1] + 1)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    quantiles = [np.nanquantile(values[:, :, at], levels, 0) for at in range(channels)]
    data = pd.concat(
        [pd.DataFrame(rows.T, columns=[f"quantile_{level:g}" for level in levels])
         .assign(channel=at + 1, step=steps) for at, rows in enumerate(quantiles)]
    )  # fmt: skip

    def paint(figure: Figure) -> None:
        panels = figure.subplots(channels, sharex=True, squeeze=False)[:, 0]
        for number, axes in enumerate(panels):
            low, left, middle, right, high = quantiles[number]
            axes.fill_between(steps, low, high, color=COLORS["recurrent"], alpha=0.15, lw=0)
            axes.fill_between(steps, left, right, color=COLORS["recurrent"], alpha=0.3, lw=0)
            axes.plot(steps, middle, ".-", color=COLORS["recurrent"])
            axes.set(ylabel=f"channel {number + 1}" if channels > 1 else "input")
        panels[-1].set(xlabel="step")

    return Drawn(6.4, 2.9 + 1.2 * (channels - 1), data, paint)


def letter_composition(sequences: pd.Series) -> Drawn:
    """Share of each letter by position, or the lengths when they differ."""
    lengths = sequences.str.len()
    if lengths.nunique() > 1 or lengths.iloc[0] > 60:
        return _histogram(lengths, np.histogram_bin_edges(lengths, 50), "letters", "sequences")
    table = pd.DataFrame([list(sequence) for sequence in sequences])
    shares = table.apply(lambda column: column.value_counts(normalize=True)).fillna(0)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        bottom = np.zeros(shares.shape[1])
        tones = mpl.colormaps["cividis"](np.linspace(0.05, 0.95, len(shares)))
        for (letter, row), tone in zip(shares.sort_index().iterrows(), tones, strict=True):
            axes.bar(np.arange(1, len(row) + 1), row, bottom=bottom, width=0.9, color=tone,
                     label=str(letter))  # fmt: skip
            bottom += row.to_numpy()
        axes.set(xlabel="position", ylabel="share of the sequences", ylim=(0, 1))
        axes.grid(visible=False)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))

    by_place = shares.set_axis(shares.columns + 1, axis=1)
    return Drawn(6.4, 2.9, long_form(by_place, "letter", "position", "share"), paint)


def _histogram(values: pd.Series, edges: np.ndarray, of: str, counted: str) -> Drawn:
    counts = np.histogram(values, edges)[0]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.stairs(counts, edges, fill=True, color=COLORS["recurrent"])
        axes.set(xlabel=of, ylabel=counted)

    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], counted: counts})
    return Drawn(6.4, 2.9, data, paint)


def nearest_identities(identities: pd.Series, shuffled: float) -> Drawn:
    """How similar test examples are to their nearest training example; a line for strangers."""
    edges = np.linspace(0, 1, 51)
    counts = np.histogram(identities.astype(float), edges)[0]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.stairs(counts, edges, fill=True, color=COLORS["test"])
        axes.axvline(shuffled, color="#555555", lw=1, ls=(0, (4, 3)))
        axes.text(shuffled, 1.0, " shuffled", transform=axes.get_xaxis_transform(), fontsize=7,
                  color="#555555", va="top")  # fmt: skip
        axes.set(xlabel="identity to the nearest training sequence", ylabel="test examples")
        axes.set_xlim(0, 1.005)

    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "test_examples": counts})
    return Drawn(6.4, 2.6, data.assign(median_of_shuffled=shuffled), paint)


def memorization_gap(rows: pd.DataFrame, scheme: str) -> Drawn:
    """The main metric of each model on the split and on random folds, joined by a line."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for place, row in enumerate(rows.itertuples()):
            axes.plot([row.value, row.value_random], [-place] * 2, color="#999999", lw=1.5)
            color = COLORS[row.kind]
            axes.plot(row.value, -place, MARKERS[row.kind], color=color, ms=7)
            axes.plot(row.value_random, -place, MARKERS[row.kind], mfc="white", mec=color, ms=7)
        axes.set_yticks([-place for place in range(len(rows))], list(rows["model"]))
        axes.set_xlabel(f"{LABELS[rows['metric'].iloc[0]]}: filled {scheme}, open random")
        axes.set_ylim(-len(rows) + 0.4, 0.6)

    return Drawn(6.4, 0.9 + 0.3 * len(rows), rows, paint)


#: Metrics of the forest; of those that there are, the first two.
_SHOWN = (
    "d2", "rank_error", "kappa", "auroc_macro", "r2", "information", "accuracy", "mcc",
    "average_precision",
)  # fmt: skip


def forest(scores: pd.DataFrame, published: pd.DataFrame, order: Sequence[str]) -> Drawn:
    """The two main metrics of every model on the test set, with intervals and single seeds."""
    test = scores[scores["subset"] == "test"]
    there = [metric for metric in _SHOWN if (test["metric"] == metric).any()][:2]
    values = test[test["metric"].isin(there)].drop(columns=["fold", "subset"])
    lines = published[published["metric"].isin(there)]
    lines = lines[["name", "metric", "published"]].set_axis(["model", "metric", "value"], axis=1)
    data = pd.concat(
        [values, lines.assign(kind="published", seed="all")] if len(lines) else [values]
    )
    place = {model: -row for row, model in enumerate(order)}

    def panel(axes: Axes, metric: str) -> None:
        rows = test[test["metric"] == metric]
        for row in rows[rows["seed"] != "all"].itertuples():
            if (rows["model"] == row.model).sum() > 2:
                axes.plot(row.value, place[row.model] - 0.25, "|", color=COLORS[row.kind], ms=5)
        for row in rows[rows["seed"] == "all"].itertuples():
            color = COLORS[row.kind]
            axes.plot([row.ci_low, row.ci_high], [place[row.model]] * 2, color=color, lw=2)
            axes.plot(row.value, place[row.model], MARKERS[row.kind], color=color, ms=6,
                      mec="white", mew=0.6)  # fmt: skip
        axes.axvline(CHANCE.get(metric, 0), color="#bbbbbb", lw=0.8)
        # a value that is compared twice has a line and a name once
        named = published[published["metric"] == metric].drop_duplicates("published")
        named = named.sort_values("published")
        for entry in named.itertuples():
            axes.axvline(entry.published, color="#888888", lw=0.9, ls=(0, (4, 3)), zorder=0)
        place_of_name, (left, right) = -np.inf, axes.get_xlim()
        for entry in named.itertuples():
            # names of values that are close stand side by side
            place_of_name = max(entry.published, place_of_name + 0.04 * (right - left))
            name = short_name(entry.name, 36)
            axes.text(place_of_name, 0.62, name, rotation=90, fontsize=7, color="#555555",
                      va="bottom", ha="center")  # fmt: skip
        axes.set_xlabel(LABELS[metric])

    def paint(figure: Figure) -> None:
        panels = np.atleast_1d(figure.subplots(1, len(there), sharey=True))
        for axes, metric in zip(panels, there, strict=True):
            panel(axes, metric)
        left = panels[0]
        left.set_yticks(list(place.values()), list(place))
        left.set_ylim(-len(order) + 0.4, 0.6)

    return Drawn(7.6, 1.3 + 0.3 * len(order), data, paint)


def training_curves(histories: Mapping[str, pd.DataFrame], unit: str) -> Drawn:
    """Training and validation loss by epoch, a line a seed, the best epoch marked."""

    def paint(figure: Figure) -> None:
        columns = min(3, len(histories))
        rows = -(-len(histories) // columns)
        grid = np.atleast_1d(figure.subplots(rows, columns, sharex=True, sharey=True)).ravel()
        for axes, (model, history) in zip(grid, histories.items(), strict=False):
            for _, run in history.groupby("seed"):
                for subset, line in (("train", "--"), ("validation", "-")):
                    axes.plot(run["epoch"], run[f"{subset}_loss"], line, color=COLORS[subset], lw=1,
                              label=subset)  # fmt: skip
                best = run.loc[run["validation_loss"].idxmin()]
                axes.plot(best["epoch"], best["validation_loss"], "o", ms=4,
                          color=COLORS["validation"])  # fmt: skip
            axes.set_title(model, fontsize=9)
        for axes in grid[len(histories) :]:
            axes.set_visible(False)
        for axes in grid[: len(histories)]:
            axes.tick_params(labelbottom=True)
        handles, labels = grid[0].get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        grid[0].legend(unique.values(), unique.keys(), frameon=False)
        figure.supylabel(f"loss ({unit})", fontsize=9)
        figure.supxlabel("epoch", fontsize=9)

    columns = ["seed", "epoch", "train_loss", "validation_loss"]
    data = pd.concat([history[columns].assign(model=model) for model, history in histories.items()])
    return Drawn(7.6, 2.2 * -(-len(histories) // 3) + 0.3, data, paint)


def _targets(one: pd.DataFrame, task: Task, label: str) -> Drawn:
    """What the targets are in each subset; `one` has the predictions of one model in one fold."""
    # in the order in which they are used, whichever comes first in the file
    one = one.assign(subset=pd.Categorical(one["subset"], list(SUBSETS), ordered=True))
    if not task.classes:
        return target_distribution(one, label)
    groups = one.groupby("subset", observed=True)
    sizes = {str(subset): len(rows) for subset, rows in groups}
    if task.kind == "multilabel":
        shares = groups[[f"target.{label}" for label in task.classes]].mean()
        return class_shares(shares.set_axis(list(task.classes), axis=1), sizes)
    shares = pd.get_dummies(one["target"].astype(str)).groupby(one["subset"], observed=True).mean()
    return class_shares(shares.reindex(columns=list(task.classes), fill_value=0.0), sizes)


def _unit_of_loss(task: Task, losses: set[str]) -> str:
    """The unit of the losses, of which `losses` has the settings."""
    if task.classes:
        return "nats"
    if task.counts:
        return "of counts over their mean"
    return "squared standard deviations" if losses <= {"auto", "mse"} else "of standardised targets"


def draw_all(tables: Tables, label: str) -> dict[str, Drawn]:
    """The report's figures, by name."""
    chosen, task = tables.chosen, tables.description.task
    one = tables.predictions[
        (tables.predictions["model"] == chosen["best_baseline"])
        & (tables.predictions["fold"] == tables.predictions["fold"].min())
    ]
    sequences = tables.examples["sequence"]
    composed = {"letters": letter_composition, "numbers": series_spread}
    paint_inputs = composed.get(tables.description.inputs)
    drawn = {"input_composition": paint_inputs(sequences)} if paint_inputs else {}
    if len(tables.nearest):
        drawn["nearest_identity"] = nearest_identities(
            tables.nearest["identity"], median_identity(tables, "shuffled_identity")
        )
    if len(gaps := tables.memorization.query("metric == @tables.main")):
        drawn["memorization"] = memorization_gap(gaps, tables.own_folds["scheme"].iloc[0])
    losses = {each.get("architecture", {}).get("loss", "auto") for each in tables.descriptions}
    return (
        drawn
        | result_figures.draw_all(tables, label)
        | {
            "target_distribution": _targets(one, task, label),
            "forest": forest(tables.metrics, tables.published, tables.ranked_models()),
            "training_curves": training_curves(tables.histories, _unit_of_loss(task, losses)),
        }
    )
