"""Lessons: what a reader should take from a published analysis, in sentences from its numbers."""

from __future__ import annotations

import math

from .catalogue import NOTHING_PUBLISHED, Repeated, rows_of
from .findings import interval, number, p_value
from .metrics import CHANCE, LABELS

#: Simple models: alone, and what they do where they win.
_KINDS = {
    "mean": ("the mean of the training targets", "wins"),
    "linear": ("a linear model", "wins"),
    "gradient_boosting": ("boosted trees", "win"),
    "nearest_neighbor": ("a copy of the nearest training example", "wins"),
    "persistence": ("the last value, repeated,", "wins"),
}
#: How ours is beside a published value, by the verdict.
_BESIDE = {
    "reproduced": "reproduced",
    "better": "surpassed",
    "worse": "not reached",
    "not comparable": "not comparable",
}


def lessons(repeated: Repeated) -> list[str]:
    """What the numbers of an analysis say: network or simple model, the paper, memory."""
    return [
        _best(repeated),
        _published(repeated),
        *([gap] if (gap := _memory(repeated)) else []),
    ]


def _best(repeated: Repeated) -> str:
    summary = repeated.summary
    network, simple, difference = (summary[key] for key in ("network", "baseline", "difference"))
    kind, wins = _KINDS[repeated.analysis.baselines[simple["model"]].kind]
    said = (
        f"{summary['metric']} {number(network['value'])} for {network['model']}, "
        f"{number(simple['value'])} for {simple['model']}; difference "
        f"{number(difference['value'])}, {100 * summary['confidence']:g} % interval "
        f"{interval(difference['ci_low'], difference['ci_high'])}, adjusted "
        f"{p_value(difference['p_adjusted'])}"
    )
    if summary["answer"] == "network":
        if network["value"] <= CHANCE.get(repeated.main, -math.inf):
            return f"A network is better than the simple models, and knows nothing either ({said})."
        return f"A network is worth its training here ({said})."
    if summary["answer"] == "baseline":
        return f"{kind[:1].upper()}{kind[1:]} {wins}, and no network is needed here ({said})."
    apart = difference["ci_low"] > 0 or difference["ci_high"] < 0
    alone = " The interval is that of one comparison; p counts all that were made." if apart else ""
    return (
        f"The best network and {kind.removesuffix(',')} can't be told apart ({said}); by this "
        f"evidence the simple one is the one to take.{alone}"
    )


def _published(repeated: Repeated) -> str:
    rows = rows_of(repeated)
    if rows[0]["verdict"] == NOTHING_PUBLISHED:
        return "There is no published value to compare with."
    several = len({row["metric"] for row in rows}) > 1
    parts = []
    for verdict, what in _BESIDE.items():
        these = [row for row in rows if row["verdict"] == verdict]
        named = [
            f"{row['model']} ({LABELS[row['metric']] + ' ' if several else ''}"
            f"{number(row['published'])}; ours {number(row['ours'])}, {row['our_model']})"
            for row in these
        ]
        if these:
            verb = "is" if len(these) == 1 else "are"
            parts.append(f"{len(these)} {verb} {what}: {', '.join(named)}")
    if len(rows) == 1:
        return f"The one comparison with a published value: {parts[0]}."
    return f"Of {len(rows)} comparisons with published values, {'; '.join(parts)}."


def _memory(repeated: Repeated) -> str | None:
    model = repeated.summary["network"]["model"]
    row = repeated.gap(model)
    if row is None:
        return None
    lower = repeated.summary["lower_is_better"]
    flattered = row["ci_high"] < 0 if lower else row["ci_low"] > 0
    said = (
        f"on random folds {model} has {number(row['value_random'])} in place of "
        f"{number(row['value'])}, a gap of {number(row['gap'])} ("
        f"{100 * repeated.summary['confidence']:g} % interval "
        f"{interval(row['ci_low'], row['ci_high'])})"
    )
    if flattered:
        return (
            f"A random split flatters: {said}; what this split keeps apart is on both sides of a "
            "random one."
        )
    return f"A random split does not clearly flatter: {said}."
