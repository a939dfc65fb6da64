"""Comparisons: model against model on the same examples, and ours against published numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from . import metrics
from .checking import listed
from .files import InputError
from .sampling import Sample
from .statistics import CHUNK_ELEMENTS, Group, generator_of, interval, with_drawn_seeds

COMPARISON_COLUMNS = [
    "fold", "subset", "metric", "model_a", "model_b", "value_a", "value_b", "difference", "ci_low",
    "ci_high", "p_value", "p_adjusted", "seed_sd_a", "seed_sd_b", "n", "better",
]  # fmt: skip
PUBLISHED_COLUMNS = [
    "name", "source", "metric", "subset", "published", "uncertainty", "model", "ours", "ci_low",
    "ci_high", "verdict", "note",
]  # fmt: skip
VERDICT_RULE = (
    "Reproduced: the published value lies in our 95 % interval, widened on both sides by the "
    "published uncertainty. Better or worse: it lies outside, and ours is on the better or the "
    "worse side. Not comparable: protocol or data differ, in the way that the note names."
)


def best_on_validation(
    groups: Iterable[Group], kind: str, scheme: str, fold: str | None = None
) -> str:
    """The model of a kind with the lowest validation loss, mean over seeds (and folds).

    The loss is one that every model has, however it was trained: the mean squared error, the
    Poisson deviance of counts, or the log loss of classes and labels.

    The choice never sees the test set. Ties go to the first name.

    Raises
    ------
    ValueError
        When no such model has validation predictions.
    """
    losses: dict[str, list[float]] = {}
    for group in groups:
        if (group.subset, group.scheme) == ("validation", scheme) and fold in (None, group.fold):
            for sample in group.samples:
                if sample.kind == kind:
                    losses.setdefault(sample.model, []).append(sample.loss)
    if not losses:
        raise ValueError(f"there is no {kind} model with validation predictions")
    return min(sorted(losses), key=lambda model: np.mean(losses[model]))


def compare(
    groups: Sequence[Group],
    *,
    n_permutations: int = 9999,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Every network against the best baseline, and against each other, on the same test examples.

    The best baseline is the one with the lowest validation loss. Numbers are compared by R² and
    information, counts by the deviance that is explained and R², classes by accuracy and log loss,
    ordered ones by the error of the rank and accuracy, labels by macro AUROC and log loss.

    Returns
    -------
    pandas.DataFrame
        `COMPARISON_COLUMNS`. `difference` is value_a - value_b, each a mean over seeds; its
        interval draws examples (the same for both) and seeds (of each model apart). `p_value` is
        that of a two-sided paired sign-flip permutation test on the examples' contributions
        (squared errors for r2, deviances for d2, pointwise information for information, right or
        wrong for accuracy, classes off for rank_error, losses for log_loss, the structural
        components of DeLong et al. 1988 for auroc_macro), means over seeds: it speaks of these
        trained networks on new examples; the spread over seeds is in `seed_sd_a`, `seed_sd_b` and
        in the interval. `p_adjusted` is Holm's, within fold, subset and metric. `better` names a
        model when the interval excludes zero and p_adjusted < 1 - confidence.
    """
    tables = [pd.DataFrame(columns=COMPARISON_COLUMNS)]
    for group in groups:
        if group.subset == "validation":
            continue
        fold = None if group.pooled else group.fold
        reference = best_on_validation(groups, "baseline", group.scheme, fold)
        by_name = {sample.model: sample for sample in group.samples}
        networks = [sample for sample in group.samples if sample.kind == "recurrent"]
        pairs = [(network, by_name[reference]) for network in networks if reference in by_name]
        pairs += list(itertools.combinations(networks, 2))
        if pairs:
            tables += [
                _compare_pairs(group, metric, pairs, n_permutations, confidence)
                for metric in pairs[0][0].compared
            ]
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _compare_pairs(
    group: Group,
    metric: str,
    pairs: Sequence[tuple[Sample, Sample]],
    n_permutations: int,
    confidence: float,
) -> pd.DataFrame:
    differences = np.array([a.contributions(metric) - b.contributions(metric) for a, b in pairs])
    p_values = sign_flip_p(differences, n_permutations, generator_of(group.key, metric))
    rows = []
    for (a, b), p_value in zip(pairs, p_values, strict=True):
        drawn = [with_drawn_seeds(sample, metric, group.key) for sample in (a, b)]
        values = [sample.values(metric) for sample in (a, b)]
        spread = [v.std(ddof=1) if len(v) > 1 else np.nan for v in values]
        means = [v.mean() for v in values]
        rows.append(
            (
                group.fold, group.subset, metric, a.model, b.model, *means, means[0] - means[1],
                *interval(drawn[0] - drawn[1], confidence), p_value, np.nan, *spread, a.n, "",
            )
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=COMPARISON_COLUMNS)
    table["p_adjusted"] = multipletests(table["p_value"], method="holm")[1]
    clear = (table["ci_low"] > 0) | (table["ci_high"] < 0)
    clear &= table["p_adjusted"] < 1 - confidence
    a_wins = (table["difference"] > 0) != (metric in metrics.LOWER_IS_BETTER)
    table["better"] = table["model_a"].where(a_wins, table["model_b"]).where(clear, "")
    return table


def sign_flip_p(
    differences: np.ndarray, n_permutations: int, generator: np.random.Generator
) -> np.ndarray:
    """Two-sided p-values of paired differences [pairs, n] under random signs.

    (1 + number of permutations with a mean at least as far from zero) / (1 + permutations).
    """
    observed = np.abs(differences.sum(axis=1))
    at_least = np.zeros(len(differences))
    # sums that differ by rounding alone are equal
    limit = observed - 1e-12 * np.abs(differences).sum(axis=1)
    chunk = max(1, CHUNK_ELEMENTS // differences.shape[1])
    for start in range(0, n_permutations, chunk):
        size = min(chunk, n_permutations - start)
        signs = generator.integers(0, 2, size=(size, differences.shape[1]), dtype=np.int8)
        sums = (2.0 * signs - 1) @ differences.T
        at_least += (np.abs(sums) >= limit).sum(axis=0)
    return (1 + at_least) / (1 + n_permutations)


def judge(
    published: Sequence[Mapping[str, Any]], scores: pd.DataFrame, chosen: Mapping[str, str]
) -> pd.DataFrame:
    """`published.tsv`: each published number beside ours, with a verdict by `VERDICT_RULE`.

    Parameters
    ----------
    published
        Entries of the analysis, as plain values.
    scores
        From `score`, of the fold that stands for all.
    chosen
        What `best_recurrent` and `best_baseline` stand for.
    """
    rows = []
    for entry in published:
        model = chosen.get(entry["model"], entry["model"])
        ours = scores[
            (scores["model"] == model) & (scores["metric"] == entry["metric"])
            & (scores["subset"] == entry["subset"]) & (scores["seed"] == "all")
        ][["value", "ci_low", "ci_high"]]  # fmt: skip
        if ours.empty:
            raise InputError(
                f"published: {model} has no {entry['metric']} on {entry['subset']}; "
                f"there is {listed(scores['metric'].unique())}. Correct `metric` or `subset`."
            )
        ours = ours.iloc[0]
        verdict = _verdict(entry, ours)
        note = entry["not_comparable"] or entry["note"]
        rows.append(
            (
                entry["name"], entry["source"], entry["metric"], entry["subset"], entry["value"],
                entry["uncertainty"], model, *ours, verdict, note,
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _verdict(entry: Mapping[str, Any], ours: pd.Series) -> str:
    if entry["not_comparable"]:
        return "not comparable"
    low, high = ours["ci_low"] - entry["uncertainty"], ours["ci_high"] + entry["uncertainty"]
    if low <= entry["value"] <= high:
        return "reproduced"
    ours_is_more = ours["value"] > entry["value"]
    return "better" if ours_is_more != (entry["metric"] in metrics.LOWER_IS_BETTER) else "worse"
