"""Sanity: whether an explanation can be believed.

Two checks that the literature asks for come with every explanation: seeds should agree, and more
with each other than with a network of the same form that has learned nothing (Adebayo et al.,
Sanity checks for saliency maps, NeurIPS 2018). A third is for data whose answer is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

#: How much more seeds must agree with each other than with networks that have learned nothing.
MARGIN = 0.1
#: Share of the change of the output that contributions may miss: where a network jumps on the way
#: from the reference, no number of points brings them to their sum.
INCOMPLETE = 0.05
_RESAMPLES = 1000


def agreement(
    answers: Sequence[Sequence[np.ndarray]],
    random_answers: Sequence[Sequence[np.ndarray]],
    seed: int = 0,
) -> dict[str, Any]:
    """Whether seeds agree on what contributes, and more than with networks that know nothing.

    Parameters
    ----------
    answers, random_answers
        By seed and example, float [length, channel]: contributions to trained networks, and to
        networks of the same form with fresh weights.

    Returns
    -------
    dict
        `between_seeds` and `with_random`, the mean correlation of the contributions of an example's
        steps (over pairs, then over examples), each with a 95 % interval over examples; Pearson's,
        so that the few steps that matter count, and not the order of the many that do not;
        `verdict`: `passed` where the lower limit of their difference is above `MARGIN`, `failed`
        where it is not, and `unknown` with one seed. A model that has learned nothing fails: its
        seeds agree no more than chance.
    """
    with_random = _correlations(list(zip(answers, random_answers, strict=True)))
    pairs = [
        (answers[a], answers[b]) for a in range(len(answers)) for b in range(a + 1, len(answers))
    ]
    random = np.random.default_rng(seed)
    found: dict[str, Any] = {"with_random": _with_interval(with_random, random)}
    if not pairs:
        return found | {"between_seeds": None, "difference": None, "verdict": "unknown"}
    between = _correlations(pairs)
    difference = _with_interval(between - with_random, random)
    passed = difference["low"] > MARGIN
    return found | {
        "between_seeds": _with_interval(between, random),
        "difference": difference,
        "verdict": "passed" if passed else "failed",
    }


def _correlations(
    pairs: Sequence[tuple[Sequence[np.ndarray], Sequence[np.ndarray]]],
) -> np.ndarray:
    """float [examples]: mean correlation over the pairs; 0 where one is constant."""
    means = []
    for example in range(len(pairs[0][0])):
        values = []
        for first, second in pairs:
            a, b = first[example].ravel(), second[example].ravel()
            constant = len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0
            values.append(0.0 if constant else float(np.corrcoef(a, b)[0, 1]))
        means.append(np.mean(values))
    return np.array(means)


def _with_interval(values: np.ndarray, random: np.random.Generator) -> dict[str, float]:
    drawn = values[random.integers(len(values), size=(_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def sites(contributions: pd.DataFrame, table: pd.DataFrame) -> dict[str, float | int] | None:
    """Whether contributions lie where the answer is known to lie.

    Parameters
    ----------
    contributions : pandas.DataFrame
        `CONTRIBUTION_COLUMNS`, of sequences.
    table : pandas.DataFrame
        `examples.parquet` with `site.start` and `site.end`, from 1.

    Returns
    -------
    dict or None
        Of the examples with a site: `n`; `auroc`, the mean chance that a position in the site has a
        larger contribution than one outside (ties half); `found`, the share whose window of the
        site's width with the largest sum shares at least half of its positions with the site;
        `by_chance`, the mean share of all windows that would. None where no example has a site.
    """
    known = table.dropna(subset=["site.start", "site.end"]).set_index("id")
    areas, found, chances = [], [], []
    for name, part in contributions.groupby("id", sort=False):
        if name not in known.index:
            continue
        start, end = known.loc[name, ["site.start", "site.end"]].astype(int)
        values = part.sort_values("position")["contribution"].to_numpy()
        inside = np.zeros(len(values), dtype=bool)
        inside[max(start - 1, 0) : end] = True
        if inside.all() or not inside.any():
            continue
        ranks = pd.Series(values).rank().to_numpy()
        n_in = int(inside.sum())
        wins = ranks[inside].sum() - n_in * (n_in + 1) / 2
        areas.append(wins / (n_in * (len(values) - n_in)))
        shared = np.convolve(inside, np.ones(n_in), "valid") >= n_in / 2
        found.append(shared[np.convolve(values, np.ones(n_in), "valid").argmax()])
        chances.append(shared.mean())
    if not areas:
        return None
    return {
        "n": len(areas),
        "auroc": float(np.mean(areas)),
        "found": float(np.mean(found)),
        "by_chance": float(np.mean(chances)),
    }
