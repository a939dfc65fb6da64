"""Figures: SVG on white, the same bytes for the same numbers, colours that all eyes tell apart.

The colours are those of Okabe & Ito (2008), one a kind of model; kinds also differ by marker.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .findings import median_identity
from .inputs import parse_numbers
from .metrics import LABELS
from .outcome import Tables

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
    "svg.fonttype": "none",
    "svg.hashsalt": "biornn",
}


def _draw(width: float, height: float, paint: Callable[[Figure], None]) -> str:
    """The SVG of a figure (inches) that `paint` fills."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        stream = io.StringIO()
        # no date: the same numbers give the same bytes
        figure.savefig(stream, format="svg", dpi=150, metadata={"Date": None})
    return stream.getvalue()


def target_distribution(targets: pd.DataFrame, label: str) -> str:
    """Histogram of the target in each subset; `targets` has `subset` and `target`."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        edges = np.histogram_bin_edges(targets["target"], bins=60)
        for subset, part in targets.groupby("subset", sort=False):
            axes.hist(
                part["target"], edges, histtype="step", linewidth=1.6, density=True,
                color=COLORS[str(subset)], label=f"{subset} (n = {len(part):,})",
            )  # fmt: skip
        axes.set(xlabel=label, ylabel="density", yscale="log")
        axes.legend(frameon=False)

    return _draw(6.4, 2.9, paint)


def class_shares(targets: pd.DataFrame, classes: Sequence[str]) -> str:
    """Share of each class in each subset; `targets` has `subset` and `target`."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        subsets = list(targets["subset"].unique())
        width = 0.8 / len(subsets)
        places = np.arange(len(classes))
        for at, subset in enumerate(subsets):
            part = targets.loc[targets["subset"] == subset, "target"].astype(str)
            shares = part.value_counts(normalize=True).reindex(classes, fill_value=0)
            axes.bar(
                places + (at - (len(subsets) - 1) / 2) * width, shares, width,
                color=COLORS[str(subset)], label=f"{subset} (n = {len(part):,})",
            )  # fmt: skip
        long = max(map(len, classes)) > 8
        axes.set_xticks(
            places, classes, rotation=40 if long else 0, ha="right" if long else "center"
        )
        axes.set(ylabel="share")
        axes.grid(visible=False, axis="x")
        axes.legend(frameon=False)

    return _draw(6.4, 2.9, paint)


def series_spread(sequences: pd.Series) -> str:
    """Median and ranges of series of numbers by step; of long series the first 500 steps."""
    rows = [parse_numbers(text)[:500] for text in sequences]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        values = np.full((len(rows), max(map(len, rows))), np.nan)
        for at, row in enumerate(rows):
            values[at, : len(row)] = row
        steps = np.arange(1, values.shape[1] + 1)
        low, left, middle, right, high = np.nanquantile(values, [0.05, 0.25, 0.5, 0.75, 0.95], 0)
        axes.fill_between(steps, low, high, color=COLORS["recurrent"], alpha=0.15, lw=0)
        axes.fill_between(steps, left, right, color=COLORS["recurrent"], alpha=0.3, lw=0)
        axes.plot(steps, middle, ".-", color=COLORS["recurrent"])
        axes.set(xlabel="step", ylabel="input")

    return _draw(6.4, 2.9, paint)


def letter_composition(sequences: pd.Series) -> str:
    """Share of each letter by position, or the lengths when they differ."""
    lengths = sequences.str.len()

    def paint_letters(figure: Figure) -> None:
        axes = figure.subplots()
        table = pd.DataFrame([list(sequence) for sequence in sequences])
        shares = table.apply(lambda column: column.value_counts(normalize=True)).fillna(0)
        bottom = np.zeros(shares.shape[1])
        tones = mpl.colormaps["cividis"](np.linspace(0.05, 0.95, len(shares)))
        for (letter, row), tone in zip(shares.sort_index().iterrows(), tones, strict=True):
            axes.bar(np.arange(1, len(row) + 1), row, bottom=bottom, width=0.9, color=tone,
                     label=str(letter))  # fmt: skip
            bottom += row.to_numpy()
        axes.set(xlabel="position", ylabel="share of the sequences", ylim=(0, 1))
        axes.grid(visible=False)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))

    def paint_lengths(figure: Figure) -> None:
        axes = figure.subplots()
        axes.hist(lengths, bins=50, color=COLORS["recurrent"])
        axes.set(xlabel="letters", ylabel="sequences")

    fixed = lengths.nunique() == 1 and lengths.iloc[0] <= 60
    return _draw(6.4, 2.9, paint_letters if fixed else paint_lengths)


def nearest_identities(identities: pd.Series, shuffled: float) -> str:
    """How similar test examples are to their nearest training example; a line for strangers."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.hist(identities.astype(float), bins=np.linspace(0, 1, 51), color=COLORS["test"])
        axes.axvline(shuffled, color="#555555", lw=1, ls=(0, (4, 3)))
        axes.text(shuffled, 1.0, " shuffled", transform=axes.get_xaxis_transform(), fontsize=7,
                  color="#555555", va="top")  # fmt: skip
        axes.set(xlabel="identity to the nearest training sequence", ylabel="test examples")
        axes.set_xlim(0, 1.005)

    return _draw(6.4, 2.6, paint)


def memorization_gap(rows: pd.DataFrame, scheme: str) -> str:
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

    return _draw(6.4, 0.9 + 0.3 * len(rows), paint)


def forest(scores: pd.DataFrame, published: pd.DataFrame, order: Sequence[str]) -> str:
    """The two main metrics of every model on the test set, with intervals and single seeds."""
    test = scores[scores["subset"] == "test"]
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
        for entry in published[published["metric"] == metric].itertuples():
            axes.axvline(entry.published, color="#888888", lw=0.9, ls=(0, (4, 3)), zorder=0)
            axes.text(entry.published, 0.62, entry.name, rotation=90, fontsize=7, color="#555555",
                      va="bottom", ha="center")  # fmt: skip
        axes.axvline(0, color="#bbbbbb", lw=0.8)
        axes.set_xlabel(LABELS[metric])

    def paint(figure: Figure) -> None:
        there = [m for m in ("r2", "information", "accuracy", "mcc") if (test["metric"] == m).any()]
        panels = np.atleast_1d(figure.subplots(1, len(there), sharey=True))
        for axes, metric in zip(panels, there, strict=True):
            panel(axes, metric)
        left = panels[0]
        left.set_yticks(list(place.values()), list(place))
        left.set_ylim(-len(order) + 0.4, 0.6)

    return _draw(7.6, 1.3 + 0.3 * len(order), paint)


def predicted_vs_measured(panels: Mapping[str, pd.DataFrame], label: str) -> str:
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

    return _draw(2.9 * len(panels) + 0.4, 3.7, paint)


def confusions(panels: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> str:
    """What each class was taken for, as shares of the rows; one panel a model."""

    def paint(figure: Figure) -> None:
        axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
        for at, (title, table) in zip(axes, panels.items(), strict=True):
            counts = pd.crosstab(table["target"], table["predicted"])
            counts = counts.reindex(index=classes, columns=classes, fill_value=0)
            shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
            at.imshow(shares, cmap="cividis", vmin=0, vmax=1)
            if len(classes) <= 12:
                for (row, column), share in np.ndenumerate(shares.to_numpy()):
                    at.text(column, row, f"{share:.2f}".lstrip("0"), ha="center", va="center",
                            fontsize=7, color="white" if share < 0.6 else "black")  # fmt: skip
            short = [label if len(label) <= 24 else f"{label[:23]}…" for label in classes]
            long = max(map(len, short)) > 3
            at.set_xticks(range(len(classes)), short, rotation=90 if long else 0, fontsize=7)
            at.set_yticks(range(len(classes)), short, fontsize=7)
            at.set_title(title, fontsize=9)
            at.set_xlabel("predicted")
            at.grid(visible=False)
        axes[0].set_ylabel("true class")

    side = max(2.4, 0.32 * len(classes))
    words = min(max(map(len, classes)), 24) * 0.065  # inches that the names need
    return _draw((side + 0.2) * len(panels) + words + 0.6, side + words + 0.8, paint)


def training_curves(histories: Mapping[str, pd.DataFrame], unit: str) -> str:
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

    return _draw(7.6, 2.2 * -(-len(histories) // 3) + 0.3, paint)


def draw_all(tables: Tables, label: str) -> dict[str, str]:
    """The report's figures, by name."""
    chosen, task = tables.chosen, tables.description.task
    panels = {}
    shown = {
        f"{chosen['best_recurrent']} (best network)": chosen["best_recurrent"],
        f"{chosen['best_baseline']} (best baseline)": chosen["best_baseline"],
        "replicate (noise ceiling)": "replicate",
    }
    for title, model in shown.items():
        rows = tables.predictions[
            (tables.predictions["model"] == model) & (tables.predictions["subset"] == "test")
        ]
        if len(rows):
            panels[title] = _mean_over_seeds(rows, task.classes)
    one = tables.predictions[
        (tables.predictions["model"] == chosen["best_baseline"])
        & (tables.predictions["fold"] == tables.predictions["fold"].min())
    ]
    if task.classes:
        targets = class_shares(one, task.classes)
        results = confusions(panels, task.classes)
    else:
        targets = target_distribution(one, label)
        results = predicted_vs_measured(panels, label)
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
    return drawn | {
        "target_distribution": targets,
        "forest": forest(tables.metrics, tables.published, tables.ranked_models()),
        "predicted_vs_measured": results,
        "training_curves": training_curves(
            tables.histories, "nats" if task.classes else "squared standard deviations"
        ),
    }


def _mean_over_seeds(rows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """`target` and the mean `prediction` of the seeds, or the class `predicted` by their mean."""
    unit = ["id", "position"] if "position" in rows else ["id"]
    groups = rows.groupby(unit, observed=True, sort=False)
    if not classes:
        return groups[["target", "prediction"]].mean()
    columns = [f"prediction.{label}" for label in classes]
    means = groups[columns].mean()
    predicted = np.array(classes)[means.to_numpy().argmax(axis=1)]
    return pd.DataFrame({"target": groups["target"].first().astype(str), "predicted": predicted})
