"""Configuration of evaluation: how predictions are judged, and what they are compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .config_base import Fraction, Section
from .config_data import Stratum


class EvaluationConfig(Section):
    """How predictions are judged."""

    strata: list[Stratum] = Field([], description="Groups of examples to score apart.")
    resamples: int = Field(1000, ge=100, description="Bootstrap resamples.")
    permutations: int = Field(9999, ge=99, description="Sign flips of a paired test.")
    confidence: Fraction = Field(0.95, description="Coverage of the intervals.")
    correction: Literal["holm", "benjamini_hochberg"] = Field(
        "holm",
        description="How p-values are adjusted for the number of comparisons: `holm` keeps the "
        "chance of any false one, `benjamini_hochberg` the share of false ones among those found.",
    )
    seed: int = Field(0, ge=0, description="Seed of resampling and permutation.")


class Published(Section):
    """A number from a paper that the analysis tries to reproduce."""

    name: str = Field(description="What the paper calls the model.")
    metric: Literal[
        "r2", "mse", "pearson", "spearman", "ccc", "c_index", "information",
        "accuracy", "balanced_accuracy", "mcc", "f1", "auroc", "log_loss", "brier", "ece",
        "rank_error", "kappa", "auroc_macro", "auroc_micro", "average_precision", "exact_match",
        "hamming_loss", "d2", "poisson_deviance", "coverage_90", "gaussian_nll",
    ]  # fmt: skip
    value: float
    uncertainty: float = Field(0.0, ge=0, description="The paper's own uncertainty.")
    model: str = Field(
        description="Which of ours is compared; `best_recurrent` and `best_baseline` are chosen on validation data."  # noqa: E501
    )
    subset: str = Field("test", description="Subset that is compared.")
    source: str = Field(description="Where the number was read.")
    not_comparable: str | None = Field(
        None, min_length=1, description="What differs in protocol or data, when something does."
    )
    note: str = Field("", description="What a reader should know about the comparison.")


class Citation(Section):
    """What to cite when the analysis is used."""

    text: str
    doi: Annotated[str, StringConstraints(pattern=r"^10\.[0-9]{4,9}/[^\s<>\"]+$")] | None = None
