"""Paired tests: is a difference between two models on the same examples more than chance?

Beside the sign flips of `comparisons` those that readers know: DeLong's for the AUROC of two
classes, McNemar's for the accuracy, and the corrected resampled t-test over folds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from . import class_metrics
from .bootstrap import CHUNK_ELEMENTS
from .class_samples import ClassSample
from .sampling import Sample
from .statistics import Group

TEST_COLUMNS = [
    "fold", "subset", "metric", "model_a", "model_b", "test", "difference", "statistic", "p_value",
    "p_adjusted", "n",
]  # fmt: skip
_METHODS = {"holm": "holm", "benjamini_hochberg": "fdr_bh"}

#: Groups and the pairs of samples that are compared in each, from `comparisons.pairs_of`.
Pairs = Iterable[tuple[Group, Sequence[tuple[Sample, Sample]]]]


def adjusted(p_values: np.ndarray, correction: str) -> np.ndarray:
    """p-values adjusted for their number, [n]: after Holm (1979) or Benjamini & Hochberg (1995).

    NaN stays NaN and counts as no comparison.
    """
    result, there = np.full(len(p_values), np.nan), np.isfinite(p_values)
    if there.any():
        result[there] = multipletests(p_values[there], method=_METHODS[correction])[1]
    return result


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


def delong(
    positive: np.ndarray,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    clusters: np.ndarray | None = None,
) -> tuple[float, float, float]:
    """DeLong's test of two AUROCs on the same examples (Biometrics 44:837, 1988).

    Where clusters are drawn whole, the structural components are summed in each of them
    (Obuchowski, Biometrics 53:567, 1997).

    Parameters
    ----------
    positive : numpy.ndarray
        Boolean [n].
    scores_a, scores_b : numpy.ndarray
        [seeds, n]; the AUROC of a model is the mean over its seeds.
    clusters : numpy.ndarray or None
        int64 [n].

    Returns
    -------
    difference, z, p : float
        AUROC of a minus that of b, in units of its standard error, and two-sided. NaN where there
        is no spread.
    """
    found = [
        np.mean([class_metrics.auroc_components(positive, each) for each in scores], axis=0)
        for scores in (scores_a, scores_b)
    ]
    components = found[0] - found[1]
    difference, n = float(components.mean()), len(positive)
    centred = components - difference
    if clusters is None:
        variance = 0.0
        for kind in (positive, ~positive):
            # a component is the difference of the shares times n over those of its kind
            m = int(kind.sum())
            share = centred[kind] * m / n
            variance += float(share.var(ddof=1)) / m if m > 1 else np.nan
    else:
        sums = np.bincount(clusters, weights=centred)
        variance = len(sums) / (len(sums) - 1) * float(np.sum(sums**2)) / n**2
    if not variance > 0:
        return difference, float("nan"), float("nan")
    z = difference / np.sqrt(variance)
    return difference, float(z), float(2 * stats.norm.sf(abs(z)))


def mcnemar_mid_p(right_a: np.ndarray, right_b: np.ndarray) -> tuple[int, int, float]:
    """McNemar's test of two shares of right answers, with the mid-p-value.

    Half of the probability of what was seen counts as more extreme: the exact test is too careful
    (Fagerland et al., BMC Med. Res. Methodol. 13:91, 2013).

    Returns
    -------
    only_a, only_b : int
        Examples on which one alone is right.
    p : float
        Two-sided.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    if only_a + only_b == 0:
        return 0, 0, 1.0
    # from the sum of the tails: an exact p-value that was cut off at 1 has lost its half
    fewer, n = min(only_a, only_b), only_a + only_b
    p = 2 * stats.binom.cdf(fewer, n, 0.5) - stats.binom.pmf(fewer, n, 0.5)
    return only_a, only_b, float(p)


def corrected_resampled_t(
    differences: np.ndarray, test_to_train: float
) -> tuple[float, float, float]:
    """t-test over folds whose training sets overlap (Nadeau & Bengio, Mach. Learn. 52:239, 2003).

    The variance over folds s² counts (1/k + n_test/n_train) times and not 1/k: the folds are no
    independent experiments.

    Parameters
    ----------
    differences : numpy.ndarray
        [folds]
    test_to_train : float
        Size of a test set over that of a training set.

    Returns
    -------
    difference, t, p : float
        Mean, t with folds - 1 degrees of freedom, two-sided p; NaN where all are equal.
    """
    k, mean = len(differences), float(differences.mean())
    variance = (1 / k + test_to_train) * float(differences.var(ddof=1))
    if not variance > 0:
        return mean, float("nan"), float("nan")
    t = mean / np.sqrt(variance)
    return mean, float(t), float(2 * stats.t.sf(abs(t), k - 1))


def table_of(
    pairs: Pairs, groups: Sequence[Group], folds: pd.DataFrame, correction: str
) -> pd.DataFrame:
    """`tests.tsv`: the tests that go with what is compared.

    Returns
    -------
    pandas.DataFrame
        `TEST_COLUMNS`. `delong` is for classifications of two classes; where clusters are drawn
        whole it is Obuchowski's. `mcnemar` compares the classes that the seeds' mean probabilities
        vote for, of whole sequences that are drawn one by one (its cases must be independent);
        `statistic` is the odds, examples that a alone has right over those that b alone has.
        `corrected_t` is over folds, of what models are compared by. `p_adjusted` is within fold,
        subset, metric and test.
    """
    rows: list[tuple[Any, ...]] = []
    for group, compared in pairs:
        for a, b in compared:
            names = (group.fold, group.subset, a.model, b.model)
            if isinstance(a, ClassSample) and isinstance(b, ClassSample):
                rows += [(*names, *row, a.n) for row in _of_classes(a, b)]
            if group.pooled and group.subset == "test":
                own = folds[folds["scheme"] == group.scheme]
                rows += [(*names, *row) for row in _over_folds(a, b, groups, own)]
    keys = ["fold", "subset", "metric", "test"]
    columns = ["fold", "subset", "model_a", "model_b", "metric", "test", "difference", "statistic",
               "p_value", "n"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table["p_adjusted"] = np.nan
    for _, family in table.groupby(keys, sort=False):
        table.loc[family.index, "p_adjusted"] = adjusted(family["p_value"].to_numpy(), correction)
    return table[TEST_COLUMNS].sort_values(keys, kind="stable", ignore_index=True)


def _of_classes(a: ClassSample, b: ClassSample) -> list[tuple[Any, ...]]:
    """`metric, test, difference, statistic, p_value` of tests of one test set."""
    rows: list[tuple[Any, ...]] = []
    if "auroc" in a.metrics and len(a.classes) == 2:
        scores = [sample.probabilities[:, :, 1] for sample in (a, b)]
        rows.append(("auroc", "delong", *delong(a.target == 1, *scores, a.clusters)))
    if a.clusters is None and len(a.target) == a.n:
        votes = [sample.probabilities.mean(axis=0).argmax(axis=1) for sample in (a, b)]
        right = [vote == a.target for vote in votes]
        only_a, only_b, p = mcnemar_mid_p(*right)
        odds = only_a / only_b if only_b else np.nan
        rows.append(("accuracy", "mcnemar", (only_a - only_b) / a.n, odds, p))
    return rows


def _over_folds(
    a: Sample, b: Sample, groups: Sequence[Group], own: pd.DataFrame
) -> list[tuple[Any, ...]]:
    """`metric, test, difference, statistic, p_value, n` over the folds that have both models."""
    found: dict[str, list[float]] = {}
    for group in groups:
        if group.scheme == own["scheme"].iloc[0] and group.subset == "test" and not group.pooled:
            there = {sample.model: sample for sample in group.samples}
            if a.model in there and b.model in there:
                for metric in a.compared:
                    means = [there[s.model].values(metric).mean() for s in (a, b)]
                    found.setdefault(metric, []).append(means[0] - means[1])
    ratio = float((own["test"] / own["train"]).mean())
    return [
        (metric, "corrected_t", *corrected_resampled_t(np.array(values), ratio), len(values))
        for metric, values in found.items()
        if len(values) > 1
    ]
