"""Fractions: what models that were trained on parts of the training examples score."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from . import statistics
from .targets import Task

CURVE_COLUMNS = [
    "model", "kind", "share", "n_train", "metric", "value", "ci_low", "ci_high", "n",
]  # fmt: skip


def learning_curve(
    parts: pd.DataFrame,
    whole: pd.DataFrame,
    shares: Iterable[float],
    folds: pd.DataFrame,
    *,
    clusters: pd.Series | None = None,
    task: Task | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    threads: int = 1,
) -> pd.DataFrame:
    """Every metric of every model on the test set of one fold, by what it was trained on.

    Parameters
    ----------
    parts : pandas.DataFrame
        Predictions of models that were trained on parts of one fold, from
        `statistics.read_predictions`, with the columns `share` and `n_train`.
    whole : pandas.DataFrame
        Predictions of the same models, trained on all of it.
    shares
        What is shown; 1 is the whole.
    folds : pandas.DataFrame
        `folds.tsv`.
    clusters, task, n_resamples, confidence, seed, threads
        As in `statistics.prepare` and `score`.

    Returns
    -------
    pandas.DataFrame
        `CURVE_COLUMNS`: means over seeds, with intervals over test examples and seeds.
    """
    fold = parts["fold"].iloc[0]
    own = folds[folds["fold"] == fold]
    n_whole = int(own["train"].iloc[0])
    rows = [pd.DataFrame(columns=CURVE_COLUMNS)]
    for share in shares:
        if share < 1:
            mine = parts[parts["share"] == share]
        else:
            mine = whole[(whole["fold"] == fold) & whole["model"].isin(set(parts["model"]))]
        groups = statistics.prepare(
            mine,
            {},
            own,
            task=task,
            clusters=clusters,
            n_resamples=n_resamples,
            seed=seed,
            threads=threads,
        )
        scores = statistics.score(groups, confidence)
        scores = scores[(scores["subset"] == "test") & (scores["seed"] == "all")]
        n_train = int(mine["n_train"].iloc[0]) if share < 1 else n_whole
        rows.append(scores.assign(share=share, n_train=n_train)[CURVE_COLUMNS])
    return pd.concat(rows[1:] or rows, ignore_index=True)
