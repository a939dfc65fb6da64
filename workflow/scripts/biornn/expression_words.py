"""Words for expression: normalisation and profiles, as a paper would name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config import AnalysisConfig
from .config_normalization import BinMean, Log, LogRatio, Missing


def normalization_in_words(analysis: AnalysisConfig) -> str:
    """How a target was made from counts, and what it was checked against."""
    assert analysis.expression is not None
    words = steps(analysis)
    check = analysis.expression.check
    checked = ""
    if check:
        what = "The result" if check.factor == 1 else f"{check.factor:g} times the result"
        constant = " up to a constant" if check.up_to else ""
        checked = (
            f" {what} equals the column `{check.column}` of the source{constant} within "
            f"{check.tolerance:g}."
        )
    return f"The target was computed from raw counts: {'; then '.join(words)}.{checked}"


def steps_in_words(analysis: AnalysisConfig) -> str:
    """How expression values were normalised, as a sentence or two."""
    words = steps(analysis)
    if not words:
        return "The expression values were used as they came."
    return (
        f"Expression was normalised: {'; then '.join(words)}. What the normalisation learns from "
        "data it learned from the training examples."
    )


_STEP_WORDS = {
    "cpm": "counts per {total:g} of each sample",
    "tpm": "transcripts per million",
    "fpkm": "fragments per kilobase and million",
    "upper_quartile": "counts per million with upper-quartile factors (Bullard et al. 2010)",
    "tmm": "counts per million with TMM factors (Robinson & Oshlack 2010)",
    "median_of_ratios": "counts divided by size factors (median of ratios, Anders & Huber 2010)",
    "vst": "variance stabilising transformation of DESeq2 with the {trend} trend of the dispersion "
    "(Anders & Huber 2010; Love et al. 2014)",
    "quantile": "quantile normalisation to the mean of the training samples (Bolstad et al. 2003)",
    "z_score": "z-score with mean and standard deviation of the training rows",
    "row_z_score": "z-score of each row by itself",
    "nonzero_median": "division by each gene's median over the training rows that have any of it",
    "robust_scale": "median and interquartile range of the training rows",
    "low_counts": "genes with {min_count:g} counts or more in at least {min_fraction:.0%} of the "
    "training samples",
    "highly_variable": "the {genes:,} genes with the largest variance in training",
}


def _logarithm(base: float | str) -> str:
    return "ln" if base == "e" else f"log{base:g}"


def _ratio_in_words(step: LogRatio) -> str:
    added = f" + {step.pseudocount:g}" if step.pseudocount else ""
    ratios = [
        f"({above}{added}) / ({below}{added})" if added else f"{above} / {below}"
        for above, below in zip(step.numerators, step.denominators, strict=True)
    ]
    whole = ratios[0] if len(ratios) == 1 else f"mean of {', '.join(ratios)}"
    depth = ", each count over the sum of its column in training" if step.depth else ""
    return f"{_logarithm(step.base)}({whole}){depth}"


def steps(analysis: AnalysisConfig) -> list[str]:
    """Each step of the normalisation."""
    assert analysis.expression is not None
    words = []
    for step in analysis.expression.normalization:
        if isinstance(step, LogRatio):
            text = _ratio_in_words(step)
            if step.reference_sequence:
                text += (
                    f", shifted so that {step.reference_sequence} has the value "
                    f"{step.reference_value:g}"
                )
            elif step.reference_counts:
                counts = [f"{name} {n:,.12g}" for name, n in step.reference_counts.items()]
                text += (
                    f", shifted so that a reference beside the examples ({', '.join(counts)}) has "
                    f"the value {step.reference_value:g}"
                )
        elif isinstance(step, BinMean):
            given = ", ".join(f"{value:g}" for value in step.values or [])
            values = f"with the values {given}" if given else "counted from 0"
            text = (
                f"the mean bin of the reads of each example over {len(step.bins)} bins of sorted "
                f"cells, {values}"
            )
        elif isinstance(step, Log):
            text = f"{_logarithm(step.base)}(value + {step.pseudocount:g})"
        elif isinstance(step, Missing):
            text = {
                None: "genes with missing values in training dropped",
                "median": "missing values filled with the median of training",
                "knn": f"missing values filled with the mean of the {step.neighbors} nearest "
                "training examples (Troyanskaya et al. 2001)",
            }[step.fill]
        else:
            text = _STEP_WORDS[step.method].format(**dict(step))
        words.append(text)
    return words


def but_reference(analysis: AnalysisConfig) -> str:
    """What is known without them: the sequence that the scale is tied to, where there is one."""
    assert analysis.expression is not None
    steps = analysis.expression.normalization
    named = any(isinstance(step, LogRatio) and step.reference_sequence for step in steps)
    return "; the reference sequence sets the zero point, in whichever part it is" * named


def profile_in_words(profile: Mapping[str, Any]) -> str:
    """What an expression profile is, and in which way it is read as a sequence."""
    count, of_genes = f"{profile['genes']:,}", profile["examples"] == "genes"
    if profile["method"] == "time":
        return (
            f"The inputs are the time courses of genes, {count} points in real time, one at a step."
        )
    if profile["method"] == "rank":
        return (
            f"The inputs are expression profiles of {count} genes, read by rank: the names of the "
            f"genes with a value above zero, the highest first, at most {profile['length']:,}; "
            "each name is embedded. The simple models saw the values of all genes."
        )
    step = profile["genes_per_step"]
    if of_genes:
        return (
            f"The inputs are the values of genes in {count} samples, {step} at a step in the order "
            "of the file."
        )
    order = (
        "by chromosome and position"
        if profile["by"] == "position"
        else "in the order of the file, which has no meaning unless the file gives it one"
    )
    return (
        f"The inputs are expression profiles of {count} genes, read as a sequence of {step} genes "
        f"at a step {order}."
    )
