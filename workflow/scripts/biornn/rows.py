"""Rows: what the tables of a page show, from the tables of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .findings import interval, number
from .outcome import Tables


def ranked(tables: Tables, subset: str) -> list[dict[str, Any]]:
    """One row a model: its metrics on a subset, with the range over seeds."""
    rows = []
    part = tables.metrics[tables.metrics["subset"] == subset]
    for model in tables.ranked_models():
        mine = part[part["model"] == model]
        if mine.empty:
            continue
        overall = mine[mine["seed"] == "all"].set_index("metric")
        seeds = mine[(mine["seed"] != "all") & (mine["metric"] == tables.main)]["value"]
        rows.append(
            {
                "model": model,
                "kind": mine["kind"].iloc[0],
                "cells": {
                    # a standard deviation is not predicted by all
                    metric: (
                        number(overall["value"].get(metric)),
                        interval(overall["ci_low"].get(metric), overall["ci_high"].get(metric)),
                    )
                    for metric in tables.labels
                },
                "seeds": interval(seeds.min(), seeds.max()) if len(seeds) > 1 else "–",
                "n": int(overall["n"].iloc[0]),
            }
        )
    return rows


def networks(tables: Tables) -> list[dict[str, Any]]:
    """One row a network: what each seed took, or the range over the folds."""
    rows = []
    for name in dict.fromkeys(description["name"] for description in tables.descriptions):
        mine = [each for each in tables.descriptions if each["name"] == name]
        runs = [run for description in mine for run in description["runs"]]

        def told(key: str, runs: list[dict[str, Any]] = runs, many: bool = len(mine) > 1) -> str:
            values = [round(run[key]) for run in runs]
            return f"{min(values)} to {max(values)}" if many else ", ".join(map(str, values))

        rows.append(
            {
                "name": name,
                "parameters": f"{mine[0]['n_parameters']:,}",
                "epochs": told("epochs"),
                "best": told("best_epoch"),
                "seconds": told("seconds"),
                "device": mine[0]["device_note"],
                "clipped": _clipped(tables.histories.get(name)),
                "waste": _share_of(runs, "padding_waste"),
                "overhead": _share_of(runs, "loop_overhead"),
            }
        )
    return rows


def _clipped(history: pd.DataFrame | None) -> str:
    """Steps of the first fold whose gradient was scaled down, of all seeds."""
    return "–" if history is None else f"{int(history['clipped_steps'].sum()):,}"


def _share_of(runs: Sequence[Mapping[str, Any]], key: str) -> str:
    """The largest share among some runs, in percent."""
    shares = [run["cost"][key] for run in runs if key in run.get("cost", {})]
    return f"{100 * max(shares):.1f} %" if shares else "–"


def folds(tables: Tables) -> list[dict[str, Any]]:
    """One row a fold: sizes and the main metric of every model; none where there is one fold."""
    part = tables.fold_metrics.query(
        "subset == 'test' and metric == @tables.main and seed == 'all'"
    )
    rows = []
    for fold in tables.own_folds.to_dict("records") if len(tables.own_folds) > 1 else []:
        values = part[part["fold"] == str(fold["fold"])].set_index("model")["value"]
        if len(values):
            rows.append(fold | {"values": [number(values.get(m)) for m in tables.ranked_models()]})
    return rows


def by_reason(changed: pd.DataFrame) -> list[dict[str, Any]]:
    """How many records were dropped or changed for each reason, with the first as an example."""
    groups = changed.groupby(["action", "reason"], sort=False)
    return [
        {"action": action, "reason": reason, "count": len(rows), **rows.iloc[0][["record", "line"]]}
        for (action, reason), rows in groups
    ]


def checklist(dome: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """A DOME checklist for a page, whatever its sections and items are.

    Parameters
    ----------
    dome
        From `methods.dome`: by section and item `status` (`run`, or `author` for what is left to a
        person) and `text`.

    Returns
    -------
    dict
        `parts` of (section, rows of `item, author, text`), the number `n` of items and how many
        are `left`.
    """
    parts = [
        (
            _title(section),
            [
                {
                    "item": _title(item),
                    "author": entry["status"] == "author",
                    "text": str(entry["text"]),
                }
                for item, entry in items.items()
            ],
        )
        for section, items in dome.items()
    ]
    every = [row for _, of_part in parts for row in of_part]
    return {"parts": parts, "n": len(every), "left": sum(row["author"] for row in every)}


def _title(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]
