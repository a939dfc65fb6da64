"""Configuration of evaluation: how predictions are judged, and what they are compared with."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from .config_base import Fraction, Section
from .config_data import Stratum

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


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


class Paper(Section):
    """The paper whose work the analysis repeats, for the table of published analyses."""

    name: Text = Field(description="Short name of the paper, such as Tareen et al. 2022.")
    asked: Text = Field(description="A paragraph: what the paper asked and did.")
    task: Text = Field(description="What is predicted from what, in a few words.")
    data: Text = Field(description="The data and their size, in a few words.")
    protocol: Text = Field(description="How training and test examples were told apart.")


class PublishedPredictions(Section):
    """The published model's own predictions: a column of the table of examples."""

    column: str = Field(min_length=1, description="Column of the table of examples.")
    factor: float = Field(
        1.0,
        description="What the column is multiplied with to be a prediction of our target, such as "
        "-1 where the paper has the other sign.",
    )

    @field_validator("factor")
    @classmethod
    def _tells_something(cls, factor: float) -> float:
        if not factor or not math.isfinite(factor):
            raise ValueError("must be a number other than 0")
        return factor


#: Metrics of predicted numbers, and of those whose model says how far off they may be.
OF_NUMBERS = ("r2", "mse", "pearson", "spearman", "ccc", "c_index", "information")
OF_SPREADS = ("coverage_90", "gaussian_nll")
#: Metrics that the predictions of a task may have, for a whole sequence.
METRICS = {
    "regression": (*OF_NUMBERS, *OF_SPREADS),
    "next_value": (*OF_NUMBERS, *OF_SPREADS),
    "count": ("d2", "poisson_deviance", "r2", "pearson", "spearman", "ccc", "c_index"),
    "classification": (
        "accuracy", "balanced_accuracy", "mcc", "f1", "auroc", "average_precision", "log_loss",
        "brier", "ece",
    ),
    "ordinal": (
        "rank_error", "kappa", "c_index", "accuracy", "balanced_accuracy", "f1", "log_loss", "ece",
    ),
    "multilabel": (
        "auroc_macro", "auroc_micro", "average_precision", "f1", "exact_match", "hamming_loss",
        "log_loss", "ece",
    ),
}  # fmt: skip


class Published(Section):
    """A number from a paper that the analysis tries to reproduce."""

    name: str = Field(description="What the paper calls the model.")
    metric: Literal[
        "r2", "mse", "pearson", "spearman", "ccc", "c_index", "information",
        "accuracy", "balanced_accuracy", "mcc", "f1", "auroc", "log_loss", "brier", "ece",
        "rank_error", "kappa", "auroc_macro", "auroc_micro", "average_precision", "exact_match",
        "hamming_loss", "d2", "poisson_deviance", "coverage_90", "gaussian_nll",
    ]  # fmt: skip
    value: float | None = Field(
        None,
        description="The paper's number; with `predictions` that of all examples of the table, "
        "which the run recomputes: it stops where the two differ.",
    )
    predictions: PublishedPredictions | None = Field(
        None,
        description="The published model's own predictions, where the table has them: they are "
        "scored on the very same test examples as ours, and that is what ours is compared with.",
    )
    uncertainty: float = Field(0.0, ge=0, description="The paper's own uncertainty.")
    model: str = Field(
        description="Which of ours is compared; `best_recurrent` and `best_baseline` are chosen on validation data."  # noqa: E501
    )
    subset: str = Field("test", description="Subset that is compared.")
    source: str = Field(description="Where the number was read.")
    not_comparable: str | None = Field(
        None,
        min_length=1,
        description="What differs in protocol, data or the kind of model, when something does.",
    )
    note: str = Field("", description="What a reader should know about the comparison.")

    @model_validator(mode="after")
    def _there_is_a_number(self) -> Published:
        if self.value is None and self.predictions is None:
            raise ValueError("give `value`, or the column of `predictions`")
        return self


class Citation(Section):
    """What to cite when the analysis is used."""

    text: str
    doi: Annotated[str, StringConstraints(pattern=r"^10\.[0-9]{4,9}/[^\s<>\"]+$")] | None = None
