"""Excerpts: long inputs and many positions, short enough for a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

#: Stretches that are named of a sequence.
_STRETCHES = 8
#: Letters of a line where sequence, truth and prediction stand below each other.
_LINE = 60


def shortened(text: str, separator: str = "") -> str:
    """An input without its middle: 16 and 12 letters of its ends, or 4 and 3 steps."""
    parts = text.split(separator) if separator else list(text)
    first, last = (4, 3) if separator else (16, 12)
    if len(parts) <= first + last + 2:
        return text
    return f"{separator.join(parts[:first])}…{separator.join(parts[-last:])}"


def stretches(positions: np.ndarray, most: int = _STRETCHES) -> str:
    """Sorted positions as stretches, the longest in their order: `3 to 7, 12, and 4 more`."""
    if not len(positions):
        return ""
    runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    longest = sorted(range(len(runs)), key=lambda at: -len(runs[at]))[:most]
    shown = [runs[at] for at in sorted(longest)]
    words = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in shown]
    words += [f"and {len(runs) - most} more"] if len(runs) > most else []
    return ", ".join(words)


def aligned(
    sequence: str, rows: pd.DataFrame, classes: Sequence[str]
) -> tuple[tuple[int, str, str, str, str], ...]:
    """Sequence, truth and prediction below each other.

    Parameters
    ----------
    sequence : str
        The letters, or the first ones of them.
    rows : pandas.DataFrame
        `position, target` and `prediction.{class}` of one sequence, all seeds.
    classes
        In the order of the predictions.

    Returns
    -------
    tuple
        A line each: the first position, the sequence, what is true, what was said (by the mean of
        the seeds; a dot where a position has no label), and a mark where that differs. Empty where
        classes are no single letters.
    """
    if not classes or max(map(len, classes)) > 1:
        return ()
    means = rows.groupby("position", sort=True)[[f"prediction.{label}" for label in classes]].mean()
    truth, said = ["."] * len(sequence), ["."] * len(sequence)
    true = rows.drop_duplicates("position").set_index("position")["target"].astype(str)
    for position, at in zip(means.index, means.to_numpy().argmax(axis=1), strict=True):
        if position <= len(sequence):
            truth[position - 1], said[position - 1] = true[position], classes[at]
    marks = ["^" if one != other else " " for one, other in zip(truth, said, strict=True)]
    texts = [sequence, *("".join(each) for each in (truth, said, marks))]
    return tuple(
        (begin + 1, *(text[begin : begin + _LINE] for text in texts))
        for begin in range(0, len(sequence), _LINE)
    )
