"""Comparisons: model against model on the same examples, and ours against published numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from . import metrics
from .bootstrap import generator_of, percentile, with_drawn_seeds
from .checking import listed
from .files import InputError
from .paired_tests import adjusted, sign_flip_p
from .sampling import Sample
from .statistics import Group

COMPARISON_COLUMNS = [
    "fold", "subset", "metric", "model_a", "model_b", "value_a", "value_b", "difference", "ci_low",
    "ci_high", "share_a_better", "p_value", "p_adjusted", "seed_sd_a", "seed_sd_b", "n", "better",
]  # fmt: skip
PUBLISHED_COLUMNS = [
    "name", "source", "metric", "subset", "published", "uncertainty", "model", "ours", "ci_low",
    "ci_high", "verdict", "note",
]  # fmt: skip
VERDICT_RULE = (
    "Reproduced: the published value lies in our interval, widened on both sides by the "
    "published uncertainty. Better or worse: it lies outside, and ours is on the better or the "
    "worse side. Not comparable: protocol or data differ, or no model of ours is of the kind, in "
    "the way that the note names."
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
    correction: str = "holm",
) -> pd.DataFrame:
    """Every network against the best baseline, and against each other, on the same test examples.

    The best baseline is the one with the lowest validation loss. Numbers are compared by R² and
    information, counts by the deviance that is explained and R², classes by accuracy and log loss,
    ordered ones by the error of the rank and accuracy, labels by macro AUROC and log loss.

    Returns
    -------
    pandas.DataFrame
        `COMPARISON_COLUMNS`. `difference` is value_a - value_b, each a mean over seeds; its
        percentile interval draws examples, or clusters that the split keeps together (the same for
        both), and seeds (of each model apart). `share_a_better` is the share of the examples on
        which a does better than b by what they contribute, ties half. `p_value` is that of a
        two-sided paired sign-flip permutation test on the examples' contributions (squared errors
        for r2, deviances for d2, pointwise information for information, right or wrong for
        accuracy, classes off for rank_error, losses for log_loss, the structural components of
        DeLong et al. 1988 for auroc_macro), means over seeds: it speaks of these trained networks
        on new examples; the spread over seeds is in `seed_sd_a`, `seed_sd_b` and in the interval.
        Examples of one cluster flip together. `p_adjusted` is by `correction`, within fold, subset
        and metric. `better` names a model when the interval excludes zero and p_adjusted < 1 -
        confidence.
    """
    tables = [pd.DataFrame(columns=COMPARISON_COLUMNS)]
    for group, pairs in pairs_of(groups):
        tables += [
            _compare_pairs(group, metric, pairs, n_permutations, confidence, correction)
            for metric in pairs[0][0].compared
        ]
    return pd.concat(tables[1:] or tables, ignore_index=True)


def pairs_of(groups: Sequence[Group]) -> Iterator[tuple[Group, list[tuple[Sample, Sample]]]]:
    """What is compared in each group: the networks with the best baseline, and with each other."""
    for group in groups:
        if group.subset == "validation" or not group.compared:
            continue
        fold = None if group.pooled else group.fold
        reference = best_on_validation(groups, "baseline", group.scheme, fold)
        by_name = {sample.model: sample for sample in group.samples}
        networks = [sample for sample in group.samples if sample.kind == "recurrent"]
        pairs = [(network, by_name[reference]) for network in networks if reference in by_name]
        pairs += list(itertools.combinations(networks, 2))
        if pairs:
            yield group, pairs


def _compare_pairs(
    group: Group,
    metric: str,
    pairs: Sequence[tuple[Sample, Sample]],
    n_permutations: int,
    confidence: float,
    correction: str,
) -> pd.DataFrame:
    different = {sample.model: sample for pair in pairs for sample in pair}
    adds = {model: sample.contributions(metric) for model, sample in different.items()}
    differences = [adds[a.model] - adds[b.model] for a, b in pairs]
    flipped = np.array([pair[0].by_unit(d) for pair, d in zip(pairs, differences, strict=True)])
    p_values = sign_flip_p(flipped, n_permutations, generator_of(group.key, metric))
    rows = []
    for (a, b), difference, p_value in zip(pairs, differences, p_values, strict=True):
        drawn = [with_drawn_seeds(sample, metric, group.key) for sample in (a, b)]
        values = [sample.values(metric) for sample in (a, b)]
        spread = [v.std(ddof=1) if len(v) > 1 else np.nan for v in values]
        means = [v.mean() for v in values]
        rows.append(
            (
                group.fold, group.subset, metric, a.model, b.model, *means, means[0] - means[1],
                *percentile(drawn[0] - drawn[1], confidence), share_above_zero(difference), p_value,
                np.nan, *spread, a.n, "",
            )
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=COMPARISON_COLUMNS)
    table["p_adjusted"] = adjusted(table["p_value"].to_numpy(), correction)
    clear = (table["ci_low"] > 0) | (table["ci_high"] < 0)
    clear &= table["p_adjusted"] < 1 - confidence
    a_wins = (table["difference"] > 0) != (metric in metrics.LOWER_IS_BETTER)
    table["better"] = table["model_a"].where(a_wins, table["model_b"]).where(clear, "")
    return table


def share_above_zero(differences: np.ndarray) -> float:
    """Share of the examples on which the first does better, equal ones half."""
    return float(np.mean(differences > 0) + np.mean(differences == 0) / 2)


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
        note = one_after_another(entry["not_comparable"] or "", entry["note"])
        rows.append(
            (
                entry["name"], entry["source"], entry["metric"], entry["subset"], entry["value"],
                entry["uncertainty"], model, *ours, verdict, note,
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def one_after_another(first: str, second: str) -> str:
    """Two texts as sentences, where there are two."""
    first, second = first.strip(), second.strip()
    if not (first and second):
        return first or second
    return f"{first}{'' if first[-1] in '.!?' else '.'} {second}"


def _verdict(entry: Mapping[str, Any], ours: pd.Series) -> str:
    if entry["not_comparable"]:
        return "not comparable"
    # what has no interval is compared as it is
    ends = ours[["ci_low", "ci_high"]].fillna(ours["value"])
    low, high = ends["ci_low"] - entry["uncertainty"], ends["ci_high"] + entry["uncertainty"]
    if low <= entry["value"] <= high:
        return "reproduced"
    ours_is_more = ours["value"] > entry["value"]
    return "better" if ours_is_more != (entry["metric"] in metrics.LOWER_IS_BETTER) else "worse"
