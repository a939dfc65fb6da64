"""The data section of the DOME checklist: what there is, and what the parts have in common."""

from __future__ import annotations

import pandas as pd

from .audits import SIMILAR
from .config import AnalysisConfig
from .config_split import Split
from .data_words import drawn_by_chance
from .findings import number
from .splits import SUBSETS
from .training_words import joined


def _summed(audit: pd.DataFrame, check: str, subset: str) -> tuple[int, int] | None:
    """`count` and `n` of a check over the folds; None where it was not done."""
    rows = audit[(audit["check"] == check) & (audit["subset"] == subset)]
    return None if rows.empty else (int(rows["count"].sum()), int(rows["n"].sum()))


def targets(audit: pd.DataFrame, folds: pd.DataFrame) -> str:
    """How many examples there are, of each class where there are some."""
    n = int(folds[list(SUBSETS)].iloc[0].sum())
    mine = audit[(audit["check"] == "class") & (audit["fold"] == folds["fold"].iloc[0])]
    # a class may be called NA
    counts = mine.fillna({"note": "NA"}).groupby("note", sort=False)["count"].sum()
    of = ", ".join(f"{label}: {count:,}" for label, count in counts.items())
    return f"{n:,} examples{f' ({of})' if of else ''}."


def cited(analysis: AnalysisConfig) -> str:
    """What the analysis cites, after a space."""
    texts = [citation.text.rstrip(".") for citation in analysis.citations]
    return f" Cited: {'; '.join(texts)}." if texts else ""


def classes(audit: pd.DataFrame, folds: pd.DataFrame) -> str:
    """The classes of each subset of the first fold, or the mean of its targets; after a space."""
    first = audit[audit["fold"] == folds["fold"].iloc[0]]
    said = []
    for subset in SUBSETS:
        mine = first[first["subset"] == subset]
        classes = mine[mine["check"] == "class"]
        means = mine[mine["check"] == "target_mean"]["value"]
        if len(classes):
            counts = ", ".join(
                f"{label} {int(count):,}"
                for label, count in zip(classes["note"].fillna("NA"), classes["count"], strict=True)
            )
            said.append(f"{subset}: {counts}")
        elif len(means):
            said.append(f"{subset}: mean of the target {number(means.iloc[0])}")
    where = "In the first fold, " if len(folds) > 1 else ""
    return f" {where}{'; '.join(said)}." if said else ""


def redundancy(analysis: AnalysisConfig, audit: pd.DataFrame) -> str:
    """What validation and test have in common with training, in numbers."""
    said = []
    for check, what in (
        ("identical_sequence", "have the same input as a training example"),
        ("reverse_complement", "are the reverse complement of a training sequence"),
        ("one_mismatch", "differ from a training sequence by a single letter"),
        ("shared_group", "have their group or cluster in training"),
        ("similar_sequence", f"have a training sequence of at least {100 * SIMILAR:g} % identity"),
    ):
        parts = [
            f"{found[0]:,} of {found[1]:,} {subset}"
            for subset in ("validation", "test")
            if (found := _summed(audit, check, subset)) is not None
        ]
        if parts:
            said.append(f"{joined(parts)} examples {what}")
    medians = [
        f"{100 * float(rows.median()):.0f} %"
        for check in ("nearest_identity", "shuffled_identity")
        if len(rows := audit[audit["check"] == check]["value"].dropna())
    ]
    if len(medians) == 2:
        said.append(
            f"the median identity of test sequences to the nearest training sequence is "
            f"{medians[0]}, that of shuffled sequences {medians[1]}"
        )
    return f"{_kept(analysis.split)}." + (f" Counted: {'; '.join(said)}." if said else "")


def _kept(split: Split) -> str:
    """What the split kept together, or what decided in place of that; without a full stop."""
    drawn = drawn_by_chance(split)
    if drawn == "all":
        return {
            "homology": "Similar sequences were kept together, so that none has relatives in "
            "another part that the search for homology finds",
            "column": f"Examples of one `{getattr(split.groups, 'column', '')}` were kept together",
            "sequence": "Beyond identical inputs nothing was kept together",
        }[split.groups.by]
    decided = {
        "column": "The data's own column",
        "mutation_order": "The number of substitutions",
    }.get(split.method, "The order of the examples")
    if drawn == "nothing":
        return f"{decided} decided which part an example is in"
    kept = {
        "homology": "similar sequences",
        "column": f"examples of one `{getattr(split.groups, 'column', '')}`",
        "sequence": "identical inputs",
    }[split.groups.by]
    return (
        f"{decided} decided which examples are tested; only where the others were divided by "
        f"chance into training and validation were {kept} kept together"
    )
