"""Findings: what the tables of a run say, in sentences."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd

from .audits import LOWEST, SIMILAR
from .metrics import CHANCE, LABELS, LOWER_IS_BETTER
from .outcome import Tables

#: A control that beats chance by more shows that something other than the labels was learned.
CONTROL_LIMIT = 0.02


#: How p-values were adjusted, in words.
CORRECTIONS = {"holm": "Holm", "benjamini_hochberg": "Benjamini-Hochberg"}


def number(value: Any, digits: int = 3) -> str:
    """A value with a fixed number of decimals; a dash for a missing one."""
    if pd.isna(value):
        return "–"
    # + 0.0: what rounds to zero has no sign
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """`0.70 to 0.74`."""
    return "–" if pd.isna(low) else f"{number(low, digits)} to {number(high, digits)}"


def p_value(value: float) -> str:
    """`p < 0.001` or `p = 0.012`; a dash for a missing one."""
    if pd.isna(value):
        return "–"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def verdict(tables: Tables) -> list[str]:
    """The answer in sentences: best network against best baseline, then what qualifies it."""
    best, simple = tables.chosen["best_recurrent"], tables.chosen["best_baseline"]
    main = tables.main
    rows = tables.comparisons.query(
        "subset == 'test' and metric == @main and model_a == @best and model_b == @simple"
    )
    row = rows.iloc[0]
    network, baseline = f"{best}, the best network,", f"{simple}, the best simple model"
    if row["better"] == best:
        head = f"Yes. {network} predicts better than {baseline}"
    elif row["better"] == simple:
        head = f"No. {baseline}, predicts better than {network.removesuffix(',')}"
    else:
        head = f"Not clearly. {network} and {baseline}, can't be told apart"
    overall = tables.metrics.query(
        "subset == 'test' and metric == @main and model == @best and seed == 'all'"
    ).iloc[0]
    name = _NAMES[main]
    sentences = [
        f"{head}.",
        f"{name[:1].upper()}{name[1:]} is {number(row['value_a'])} ({best}) against "
        f"{number(row['value_b'])} ({simple}) on "
        f"{row['n']:,} test examples, a difference of {number(row['difference'])} ({tables.level} "
        f"interval {interval(row['ci_low'], row['ci_high'])}; {best} does better on "
        f"{number(100 * row['share_a_better'], 0)} % of them, equal ones half; adjusted "
        f"{p_value(row['p_adjusted'])}). Both were chosen on validation data.",
        _achievement(tables, best, overall),
    ]
    sentences.append(leakage(tables))
    if gap := memorization(tables):
        sentences.append(gap)
    return sentences


#: Main metrics as they are called within a sentence.
_NAMES = {
    "r2": "R²",
    "d2": "D²",
    "accuracy": "accuracy",
    "rank_error": "the mean error of the rank",
    "auroc_macro": "the mean AUROC of the labels",
}


def _achievement(tables: Tables, best: str, overall: pd.Series) -> str:
    """What the best network does, in a sentence; `overall` has `value`, `ci_low`, `ci_high`."""
    value, low, high = overall[["value", "ci_low", "ci_high"]]
    over = "over examples and seeds"
    if tables.main == "rank_error":
        return (
            f"{best} is {number(value, 2)} classes off on average ({tables.level} "
            f"interval {interval(low, high, 2)}, {over})."
        )
    share, limits = number(100 * value, 1), interval(100 * low, 100 * high, 1)
    each = "positions" if tables.description.task.per == "position" else "test examples"
    does = {
        "r2": f"explains {share} % of the variance",
        "d2": f"explains {share} % of the deviance",
        "accuracy": f"names the right class for {share} % of the {each}",
        "auroc_macro": f"puts an example with a label above one without it in {share} % of the "
        "cases, mean over the labels",
    }[tables.main]
    return f"{best} {does} ({tables.level} interval {limits} %, {over})."


def warnings(tables: Tables) -> list[str]:
    """What a reader must know before believing the verdict."""
    found = []
    for check, what in (
        ("identical_sequence", "sequences are also training sequences"),
        ("reverse_complement", "sequences are the other strand of training sequences"),
        ("shared_group", "examples have their group in training"),
    ):
        for subset in ("validation", "test"):
            shared = counted(tables, check, subset)
            if shared and shared[0]:
                found.append(
                    f"{shared[0]:,} of {shared[1]:,} {subset} {what}: their scores may be memory, "
                    "not knowledge."
                )
    controls = tables.metrics.query(
        "kind == 'control' and subset == 'test' and seed == 'all' and metric in @CHANCE",
        local_dict={"CHANCE": list(CHANCE)},
    )
    for row in controls.to_dict("records"):
        chance = CHANCE[row["metric"]]
        if row["ci_low"] > chance + CONTROL_LIMIT:
            found.append(
                f"The negative control {row['model']}, trained on shuffled targets, scores "
                f"{number(row['value'])} ({LABELS[row['metric']]}); it should be at {chance:g}."
            )
    references = tables.audit.query("check == 'normalization_reference'")
    for row in references.drop_duplicates(["subset", "note"]).to_dict("records"):
        if row["subset"] != "train":
            found.append(
                f"{row['note']}, and is itself a {row['subset']} example. It moves every target by "
                "the same constant, and so tells no model anything of single examples."
            )
    return found


class Audited(Protocol):
    """What has an audit: the tables of a run, or those of one fold."""

    @property
    def audit(self) -> pd.DataFrame:
        """As in `outcome.Tables`."""

    @property
    def own_folds(self) -> pd.DataFrame:
        """As in `outcome.Tables`."""


def counted(tables: Audited, check: str, subset: str) -> tuple[int, int] | None:
    """How many examples of a subset, of how many, over the folds; None if nobody looked."""
    rows = tables.audit[(tables.audit["check"] == check) & (tables.audit["subset"] == subset)]
    return (int(rows["count"].sum()), int(rows["n"].sum())) if len(rows) else None


def median_identity(tables: Audited, check: str) -> float:
    """Median over the folds of the medians of a check of the audit."""
    return float(tables.audit.loc[tables.audit["check"] == check, "value"].astype(float).median())


def _percent(identity: float) -> str:
    """`35 %`; what the audit does not tell apart is `below 20 %`."""
    if identity < LOWEST:
        return f"below {100 * LOWEST:g} %"
    return f"{number(100 * identity, 0)} %"


def leakage(tables: Audited) -> str:
    """The headline of the audit, in one sentence."""
    copies = counted(tables, "identical_seen", "test")
    assert copies is not None
    other_strand = counted(tables, "reverse_complement", "test")
    in_folds = " of all folds" if len(tables.own_folds) > 1 else ""
    count = f"{copies[0]:,}" if copies[0] else "none"
    verb = "are" if copies[0] > 1 else "is"
    said = (
        f"Leakage: {count} of the {copies[1]:,} test inputs{in_folds} {verb} also in training or "
    )
    said += "validation"
    if other_strand and other_strand[0]:
        said += f", {other_strand[0]:,} as the other strand"
    similar = counted(tables, "similar_sequence", "test")
    if similar is None:
        return f"{said}."
    share = 100 * similar[0] / max(similar[1], 1)
    which = "" if similar[1] == copies[1] else f" (of {similar[1]:,} that were drawn to look)"
    return (
        f"{said}; {number(share, 1)} %{which} have a training sequence of at least "
        f"{100 * SIMILAR:g} % identity. The median identity to the nearest training sequence is "
        f"{_percent(median_identity(tables, 'nearest_identity'))}; that of shuffled sequences is "
        f"{_percent(median_identity(tables, 'shuffled_identity'))}."
    )


def audit_sentences(tables: Tables) -> list[str]:
    """The split audit in words."""
    sentences = []
    for subset in ("validation", "test"):
        same = counted(tables, "identical_sequence", subset)
        assert same is not None
        said = (
            f"{subset.capitalize()}: {same[0]:,} of {same[1]:,} inputs are identical to one of "
            "training"
        )
        for check, what in (
            ("reverse_complement", "are the reverse complement of one"),
            ("one_mismatch", "differ from one by a single letter"),
            ("shared_group", "have their group in training"),
        ):
            if found := counted(tables, check, subset):
                share = number(100 * found[0] / max(found[1], 1), 1)
                said += f"; {found[0]:,} ({share} %) {what}"
        sentences.append(f"{said}.")
    return sentences


def memorization(tables: Tables) -> str | None:
    """The gap between random folds and the split itself, in one sentence."""
    rows = tables.memorization.query("metric == @tables.main").set_index("model")
    best = tables.chosen["best_recurrent"]
    if best not in rows.index:
        return None
    row = rows.loc[best]
    worst = rows["gap"].idxmin() if tables.main in LOWER_IS_BETTER else rows["gap"].idxmax()
    return (
        f"Memorisation gap: on random folds {best} would seem to have {number(row['value_random'])}"
        f" instead of {number(row['value'])} ({LABELS[tables.main]}), a gap of "
        f"{number(row['gap'])} ({tables.level} interval "
        f"{interval(row['ci_low'], row['ci_high'])}) between a split that tears apart what belongs "
        "together and this one"
        + (
            f"; the largest is that of {worst}, {number(rows.loc[worst, 'gap'])}."
            if worst != best
            else ", the largest of all models."
        )
    )
