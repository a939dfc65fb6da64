"""Published models by their own predictions, where the table of examples carries them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from .checking import listed
from .comparisons import one_after_another
from .examples import published_column
from .files import InputError
from .samples import sample_of
from .statistics import Group, Overall
from .targets import Task


def with_predictions(
    published: Sequence[Mapping[str, Any]],
    groups: Sequence[Group],
    split: Overall,
    table: pd.DataFrame,
    predictions: str | Path,
    task: Task,
) -> list[dict[str, Any]]:
    """The entries, with the score of the published predictions as `value` where there are some.

    They are scored by the metric of the entry on the very examples of its subset that our models
    are scored on. A value that the paper gives is checked beforehand: it is the metric over all
    examples of the table.

    Parameters
    ----------
    published
        Entries of the analysis, as plain values.
    groups, split
        From `statistics.prepare`, and the scheme whose groups stand for the analysis.
    table : pandas.DataFrame
        `examples.parquet`.
    predictions
        A `predictions.parquet` of any model: the target of every example is in it.
    task : Task

    Returns
    -------
    list of dict
        As plain as they came, each with a `value`; the `note` says how it was found.

    Raises
    ------
    InputError
        For a metric or subset that is not there, a target that is not one number an example, and a
        value that the column does not bear out.
    """
    found = []
    for entry in published:
        if entry["predictions"] is None:
            found.append(dict(entry))
            continue
        column = entry["predictions"]["column"]
        if task.kind != "regression" or task.per == "position":
            raise InputError(
                f"published: predictions in a column ('{column}') are for a target that is one "
                f"number an example; this one is {task.name}. Give `value` instead."
            )
        values = table.set_index("id")[published_column(column)] * entry["predictions"]["factor"]
        # each fold may have normalised the targets in its own way
        tested = _targets_of(groups, split, entry["subset"])
        score = _score(entry, tested, values, task)
        said = f"The paper's own predictions, scored on the same {len(tested):,} examples as ours"
        if entry["value"] is not None:
            every = pd.read_parquet(predictions, columns=["id", "target"])
            targets = every.drop_duplicates("id").set_index("id")["target"]
            whole = _score(entry, targets, values, task)
            _agree(entry, whole, len(targets))
            said += f" (on all {len(targets):,}: {whole:.4g}; the paper: {entry['value']:g})"
        note = one_after_another(entry["note"], f"{said}.")
        found.append(dict(entry) | {"value": score, "note": note})
    return found


def _targets_of(groups: Sequence[Group], split: Overall, subset: str) -> pd.Series:
    """Targets of a subset by id, as our models are scored on them."""
    there = {
        group.subset: group
        for group in reversed(groups)
        if (group.scheme, group.fold) == tuple(split) and group.samples
    }
    if subset not in there:
        raise InputError(f"published: there is no subset '{subset}' among {listed(there)}.")
    sample = there[subset].samples[0]
    return pd.Series(sample.target, index=sample.ids)


def _score(entry: Mapping[str, Any], targets: pd.Series, values: pd.Series, task: Task) -> float:
    rows = pd.DataFrame(
        {"model": entry["name"], "kind": "published", "seed": 0, "id": targets.index,
         "target": targets.to_numpy(), "prediction": values.loc[targets.index].to_numpy()}
    )  # fmt: skip
    sample, metric = sample_of(rows, task), entry["metric"]
    if metric not in sample.metrics:
        raise InputError(
            f"published: predictions in a column have no {metric}; there is "
            f"{listed(sample.metrics)}. Correct `metric`."
        )
    score = float(sample.values(metric)[0])
    if not math.isfinite(score):
        raise InputError(
            f"published: {entry['name']}: the predictions in the column "
            f"'{entry['predictions']['column']}' have no {metric} that is a number. Correct "
            "`metric` or `predictions.column`."
        )
    return score


def _agree(entry: Mapping[str, Any], whole: float, n: int) -> None:
    """Refuse a value that the column does not give, to its last digit that is not 0."""
    exponent = Decimal(repr(float(entry["value"]))).as_tuple().exponent
    last = 10.0 ** min(int(exponent), 0)
    if abs(whole - entry["value"]) > 0.5 * last * (1 + 1e-6):
        raise InputError(
            f"published: {entry['name']}: value is {entry['value']:g}, but the predictions in the "
            f"column '{entry['predictions']['column']}' give a {entry['metric']} of {whole:.6g} on "
            f"all {n:,} examples. Correct `value`, `predictions.column` or `predictions.factor`."
        )
