"""Insight: what the networks looked at, in figures, rows and sentences of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import logomaker
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .drawing import Drawn
from .files import read_json, read_tsv
from .sanity import INCOMPLETE, MARGIN

#: Labels, motifs and genes that are drawn or listed at most.
_LABELS, _MOTIFS, _GENES = 6, 6, 8
#: Letters of a mutagenesis map at most.
_MAPPED = 60
#: Okabe & Ito (2008).
_NUCLEOTIDES = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00", "U": "#D55E00"}
_AMINO_ACIDS = {
    **dict.fromkeys("DE", "#D55E00"),
    **dict.fromkeys("KRH", "#0072B2"),
    **dict.fromkeys("STNQ", "#009E73"),
    **dict.fromkeys("CGP", "#E69F00"),
    **dict.fromkeys("AVILMFYW", "#000000"),
}
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_ANCHORS = {
    "start": "position",
    "end": "position from the end",
    "position": "position beside the explained one",
}


@dataclass(frozen=True)
class Looked:
    """The explanation of one network, read."""

    model: str
    checks: dict[str, Any]
    profile: pd.DataFrame
    mutations: pd.DataFrame
    genes: pd.DataFrame
    pathways: pd.DataFrame
    motifs: pd.DataFrame
    matches: pd.DataFrame


def read(checks: Sequence[str | Path]) -> list[Looked]:
    """The explanations beside each `checks.json`; the model is named by their folder."""
    found = []
    for path in map(Path, checks):
        folder, text = path.parent, {"label": str}
        found.append(
            Looked(
                folder.name,
                read_json(path),
                read_tsv(folder / "profile.tsv", step=str, **text),
                pd.read_parquet(folder / "mutations.parquet"),
                read_tsv(folder / "genes.tsv", **text),
                read_tsv(folder / "pathways.tsv", **text),
                read_tsv(folder / "motifs.tsv", **text),
                read_tsv(folder / "motif_matches.tsv", **text),
            )
        )
    return found


def sentences(looked: Looked) -> list[str]:
    """Whether the explanation of a network can be believed, and what it found."""
    checks = looked.checks
    random = checks["with_random"]["mean"]
    if checks["between_seeds"] is None:
        said = (
            "There is one seed, so that nobody knows whether another would look at the same; with "
            f"networks that have learned nothing the contributions correlate by {random:.2f}."
        )
    else:
        between = checks["between_seeds"]
        said = (
            f"Seeds agree by {between['mean']:.2f} (95 % interval {between['low']:.2f} to "
            f"{between['high']:.2f}; correlation of the contributions within an example), and with "
            f"networks that have learned nothing by {random:.2f}: "
        )
        said += (
            "what is shown here was learned."
            if checks["difference"]["low"] > MARGIN
            else "too little more. Do not read anything into this network's explanations."
        )
    found = [said]
    missed = checks["missed_share"]
    if missed is not None and missed > INCOMPLETE:
        found.append(
            f"Contributions miss {100 * missed:.0f} % of the change of the output: on the way from "
            "the mean input the network jumps. Do not read anything into their sizes."
        )
    elif missed is not None:
        found.append(
            f"Contributions add up to the change of the output within {100 * missed:.1f} %."
        )
    if constant := checks["constant_positions"]:
        which = ", ".join(map(str, constant))
        which = f"Position {which} has" if len(constant) == 1 else f"Positions {which} have"
        found.append(
            f"{which} the same letter in all training examples: what is shown for other letters "
            "there was not learned from any example."
        )
    if site := checks.get("site"):
        found.append(
            f"Of {site['n']:,} examples whose site is known, the strongest window lies on it in "
            f"{100 * site['found']:.0f} % (by chance {100 * site['by_chance']:.0f} %); a letter of "
            f"the site contributes more than another with a chance of {site['auroc']:.2f}."
        )
    return found


def rows(looked: Sequence[Looked]) -> list[dict[str, Any]]:
    """For the report: by network its sentences, motifs, genes and pathways."""
    return [
        {
            "model": each.model,
            "verdict": each.checks["verdict"],
            "checks": each.checks,
            "sentences": sentences(each),
            "motifs": _motif_rows(each),
            "genes": _gene_rows(each),
        }
        for each in looked
    ]


def _motif_rows(looked: Looked) -> list[dict[str, Any]]:
    keys = ["label", "by", "motif"]
    found = []
    for row in looked.motifs.drop_duplicates(keys).to_dict("records"):
        mine = looked.matches
        for key in keys:
            mine = mine[mine[key] == row[key]]
        known = [f"{each.known} (q = {each.q_value:.2g})" for each in mine.itertuples()]
        found.append(row | {"known": known})
    return found


def _gene_rows(looked: Looked) -> list[dict[str, Any]]:
    found = []
    for label, mine in looked.genes.groupby("label", sort=True):
        best = mine.nlargest(_GENES, "presence")["gene"]
        sets = looked.pathways[looked.pathways["label"] == label]
        sets = sets[sets["normalized_score"] > 0].head(3)
        found.append(
            {
                "label": label,
                "n": int(mine["n"].max()),
                "genes": list(best),
                "sets": [
                    {
                        "name": each.set,
                        "score": each.normalized_score,
                        "fdr": each.fdr,
                        "leading": str(each.leading).replace(";", ", "),
                    }
                    for each in sets.itertuples()
                ],
            }
        )
    return found


def draw_all(looked: Sequence[Looked]) -> dict[str, Drawn]:
    """Figures by name: `profile_`, `attention_`, `mutations_` and `motifs_{model}`."""
    drawn = {}
    for each in looked:
        if len(each.profile):
            letters = each.profile["step"].str.fullmatch("[A-Z]").all() and len(each.mutations)
            paint = _letter_profile if letters else _series_profile
            drawn[f"profile_{each.model}"] = paint(each.profile)
        if each.profile["attention"].notna().any():
            drawn[f"attention_{each.model}"] = _attention(each.profile)
        if len(each.mutations):
            drawn[f"mutations_{each.model}"] = _mutation_map(each.mutations)
        if len(each.motifs):
            drawn[f"motifs_{each.model}"] = _motif_logos(each)
    return drawn


def _colors(letters: Sequence[str]) -> dict[str, str]:
    small = set(letters) <= set("ACGTUNRYSWKMBDHV")
    colors = _NUCLEOTIDES if small else _AMINO_ACIDS
    return {letter: colors.get(letter, "#999999") for letter in letters}


def _logo(heights: pd.DataFrame, axes: Axes) -> None:
    """Letters [position, letter], large ones on top, negative ones below the line."""
    logomaker.Logo(
        heights,
        ax=axes,
        color_scheme=_colors(list(heights.columns)),
        font_name="DejaVu Sans",
        show_spines=False,
    )
    axes.grid(visible=False)
    axes.axhline(0, color="#555555", lw=0.6)


def _letter_profile(profile: pd.DataFrame) -> Drawn:
    labels = list(profile.groupby("label")["n"].max().nlargest(_LABELS).sort_index().index)
    anchors = [anchor for anchor in _ANCHORS if anchor in set(profile["anchor"])]
    longest = profile.groupby("anchor")["position"].nunique().max()

    def paint(figure: Figure) -> None:
        panels = figure.subplots(len(labels), len(anchors), squeeze=False, sharey="row")
        for label, of_label in zip(labels, panels, strict=True):
            for anchor, axes in zip(anchors, of_label, strict=True):
                mine = profile[(profile["label"] == label) & (profile["anchor"] == anchor)]
                heights = mine.pivot_table(
                    index="position", columns="step", values="contribution", fill_value=0.0
                )
                every = range(int(heights.index.min()), int(heights.index.max()) + 1)
                _logo(heights.reindex(every, fill_value=0.0), axes)
                axes.set_xlabel(_ANCHORS[anchor] if label == labels[-1] else "")
                axes.set_ylabel("mean contribution" if anchor == anchors[0] else "")
                if label:
                    axes.set_title(label, fontsize=9, loc="left")

    width = 7.6 if longest * len(anchors) > 15 else 5.0
    shown = profile[profile["label"].isin(labels)]
    return Drawn(width, 0.5 + 1.4 * len(labels), shown, paint)


def _series_profile(profile: pd.DataFrame) -> Drawn:
    """Mean strength of contributions by step; of steps with many values their sum."""
    strength = profile.groupby(["label", "anchor", "position"])["strength"].sum().reset_index()
    return _by_place(strength, "strength", "mean |contribution|")


def _attention(profile: pd.DataFrame) -> Drawn:
    """Mean attention by place, over the examples of each label."""
    known = profile.dropna(subset=["attention"])
    known = known.assign(weight=known["attention"] * known["n"])
    sums = known.groupby(["label", "anchor", "position"])[["weight", "n"]].sum().reset_index()
    return _by_place(sums.assign(weight=sums["weight"] / sums["n"]), "weight", "mean attention")


def _by_place(table: pd.DataFrame, column: str, name: str) -> Drawn:
    """A line a label, a panel for each way of counting places."""
    labels = list(dict.fromkeys(table["label"]))
    anchors = [anchor for anchor in _ANCHORS if anchor in set(table["anchor"])]

    def paint(figure: Figure) -> None:
        panels = figure.subplots(1, len(anchors), squeeze=False, sharey=True)[0]
        for anchor, axes in zip(anchors, panels, strict=True):
            for number, label in enumerate(labels):
                mine = table[(table["label"] == label) & (table["anchor"] == anchor)]
                axes.plot(
                    mine["position"], mine[column], marker="o", ms=2.5, lw=1.2,
                    color=_LINES[number % len(_LINES)],
                    ls=("-", "--", ":")[number // len(_LINES) % 3], label=label,
                )  # fmt: skip
            axes.set(xlabel=_ANCHORS[anchor], ylabel=name if anchor == anchors[0] else "")
        panels[0].set_ylim(bottom=0)
        if any(labels):
            handles, texts = panels[0].get_legend_handles_labels()
            figure.legend(handles, texts, loc="outside right upper", frameon=False, fontsize=8)

    return Drawn(7.6, 3.0, table, paint)


def _mutation_map(mutations: pd.DataFrame) -> Drawn:
    """Mean effect of each letter at each position where all sequences are as long, else of one."""
    lengths = mutations.groupby("id")["position"].max()
    title = f"mean over {len(lengths):,} sequences"
    if lengths.nunique() > 1 or lengths.max() > 2 * _MAPPED:
        strongest = mutations.assign(size=mutations["effect"].abs()).groupby("id")["size"].max()
        name = strongest.idxmax()
        mutations, title = mutations[mutations["id"] == name], str(name)
    table = mutations.pivot_table(index="mutant", columns="position", values="effect")
    start = 0
    if table.shape[1] > _MAPPED:  # the part where mutations matter most
        size = np.convolve(np.nanmean(np.abs(table), axis=0), np.ones(_MAPPED), "valid")
        start = int(size.argmax())
    table = table.iloc[:, start : start + _MAPPED]
    own = mutations.drop_duplicates("position").set_index("position")["letter"]
    one = mutations["id"].nunique() == 1

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        limit = float(np.nanmax(np.abs(table.to_numpy()))) or 1.0
        mesh = axes.pcolormesh(
            table.columns, np.arange(len(table)), np.ma.masked_invalid(table.to_numpy()),
            cmap="PuOr", vmin=-limit, vmax=limit, shading="nearest",
        )  # fmt: skip
        axes.set_yticks(np.arange(len(table)), list(table.index), fontsize=7)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.set_title(title, fontsize=9, loc="left")
        axes.set(xlabel="position", ylabel="letter in its place")
        if one:
            axes.set_xticks(
                table.columns, [own[position] for position in table.columns], fontsize=7
            )
            axes.set_xlabel(f"letters from position {table.columns[0]}")
        figure.colorbar(mesh, ax=axes, label="change of the output", pad=0.01)

    data = table.rename_axis(columns="position").stack().rename("effect").reset_index()
    return Drawn(7.6, 1.2 + 0.16 * len(table), data, paint)


def _motif_logos(looked: Looked) -> Drawn:
    keys = ["label", "by", "motif"]
    groups = list(looked.motifs.groupby(keys, sort=False))
    groups = sorted(groups, key=lambda group: -group[1]["windows"].iloc[0])[:_MOTIFS]

    def paint(figure: Figure) -> None:
        columns = min(2, len(groups))
        panels = figure.subplots(-(-len(groups) // columns), columns, squeeze=False).ravel()
        for axes in panels[len(groups) :]:
            axes.set_axis_off()
        for axes, ((label, by, _), mine) in zip(panels, groups, strict=False):
            shares = mine.pivot_table(index="position", columns="letter", values="share")
            n_letters = shares.shape[1]
            bits = np.log2(n_letters) + (shares * np.log2(shares.clip(lower=1e-12))).sum(axis=1)
            _logo(shares.mul(bits, axis=0), axes)
            first = mine.iloc[0]
            of = f"{label}, " if label else ""
            axes.set_title(
                f"{of}{first['windows']} of {first['of']} windows by {by}", fontsize=8, loc="left"
            )
            axes.set_ylabel("bits")

    data = pd.concat([mine for _, mine in groups])
    return Drawn(7.6, 0.3 + 1.5 * -(-len(groups) // min(2, len(groups))), data, paint)
