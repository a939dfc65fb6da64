"""Configuration of normalisation: what each step of `expression.normalization` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from .config_base import Section, spelled_out

Text = Annotated[str, StringConstraints(min_length=1)]

#: Base of a logarithm.
Base = Annotated[float, Field(gt=1)] | Literal["e"]


class LogRatio(Section):
    """log_base((numerator + p) / (denominator + p)), shifted to give a named example its value.

    Of replicates, it is the logarithm of the mean ratio.
    """

    method: Literal["log_ratio"]
    numerator: Text | Annotated[list[Text], Field(min_length=1)] = Field(
        description="Count column above the line, or one of each replicate."
    )
    denominator: Text | Annotated[list[Text], Field(min_length=1)] = Field(
        description="Count column below the line, or one of each replicate, in the same order."
    )
    pseudocount: float = Field(1.0, ge=0, description="Added to all counts (reads).")
    depth: bool = Field(
        False,
        description="Whether each count is divided by the sum of its column over the training "
        "examples, its library.",
    )
    base: Base = Field(10.0, description="Base of the logarithm; `e` for the natural one.")
    reference_sequence: str | None = Field(
        None, description="The example (by its sequence) that is given `reference_value`."
    )
    reference_counts: dict[Text, Annotated[float, Field(ge=0)]] | None = Field(
        None,
        description="Counts of a reference that is not among the examples, such as the unmutated "
        "parent of all of them: one for each column of the ratio. It is given `reference_value`.",
    )
    reference_value: float = Field(0.0, description="Value of the reference.")

    @model_validator(mode="after")
    def _replicates_are_pairs(self) -> LogRatio:
        if len(self.numerators) != len(self.denominators):
            raise ValueError("numerator and denominator must have as many columns: one a replicate")
        return self

    @model_validator(mode="after")
    def _one_reference(self) -> LogRatio:
        if self.reference_counts is None:
            return self
        if self.reference_sequence is not None:
            raise ValueError("give either reference_sequence or reference_counts")
        if set(self.reference_counts) != {*self.numerators, *self.denominators}:
            raise ValueError("reference_counts must name the columns of the ratio and no others")
        return self

    @property
    def numerators(self) -> list[str]:
        """Columns above the line, one a replicate."""
        return [self.numerator] if isinstance(self.numerator, str) else self.numerator

    @property
    def denominators(self) -> list[str]:
        """Columns below the line, one a replicate."""
        return [self.denominator] if isinstance(self.denominator, str) else self.denominator

    @property
    def columns(self) -> list[str]:
        """What it is made from."""
        return self.numerators + self.denominators


class BinMean(Section):
    """Mean bin of the reads of each example: sum of value · count over the sum of counts.

    For sorted cells (sort-seq, FACS-seq), of which each bin was sequenced by itself.
    """

    method: Literal["bin_mean"]
    bins: Annotated[list[Text], Field(min_length=1)] = Field(
        description="Columns with the counts of the bins, in their order; `ct_0..ct_9` stands for "
        "ten of them."
    )
    values: list[float] | None = Field(
        None,
        description="What each bin stands for, such as its mean log fluorescence; 0, 1, 2 and so "
        "on if absent.",
    )

    @field_validator("bins")
    @classmethod
    def _ranges_are_spelled_out(cls, bins: list[str]) -> list[str]:
        return spelled_out(bins)

    @model_validator(mode="after")
    def _bins_fit(self) -> BinMean:
        if len(self.bins) < 2:
            raise ValueError("bins: a mean needs two or more")
        if len(set(self.bins)) < len(self.bins):
            raise ValueError("bins: each column may be given once")
        if self.values is not None and len(self.values) != len(self.bins):
            raise ValueError(
                f"values: there are {len(self.values)} for {len(self.bins)} bins; give one a bin"
            )
        if self.values is not None and len(set(self.values)) == 1:
            raise ValueError("values: all bins have the same, so that all means are equal")
        return self

    @property
    def columns(self) -> list[str]:
        """What it is made from."""
        return self.bins

    @property
    def bin_values(self) -> list[float]:
        """What each bin stands for."""
        return self.values or [float(place) for place in range(len(self.bins))]


class Cpm(Section):
    """Counts per million: 10^6 · count / (sum of the counts of the sample)."""

    method: Literal["cpm"]
    total: float = Field(1e6, gt=0, description="What the counts of a sample add up to.")


class LengthStep(Section):
    unknown_genes: Literal["error", "drop"] = Field(
        "error", description="Genes whose length is not known: stop, or drop them."
    )


class Tpm(LengthStep):
    """Transcripts per million: counts per base of the gene, to a million in each sample."""

    method: Literal["tpm"]


class Fpkm(LengthStep):
    """Fragments per kilobase of the gene and million counts of the sample."""

    method: Literal["fpkm"]


class UpperQuartile(Section):
    """Counts per million of library sizes that are scaled to one upper quartile, as in edgeR."""

    method: Literal["upper_quartile"]


class Tmm(Section):
    """Counts per million of library sizes that are scaled by trimmed means of M values (edgeR)."""

    method: Literal["tmm"]
    m_trim: float = Field(0.3, ge=0, lt=0.5, description="Share of the M values cut at each end.")
    a_trim: float = Field(0.05, ge=0, lt=0.5, description="Share of the A values cut at each end.")


class MedianOfRatios(Section):
    """Counts divided by DESeq2's size factors."""

    method: Literal["median_of_ratios"]


class Vst(Section):
    """DESeq2's variance stabilising transformation of raw counts, about log2 of large ones."""

    method: Literal["vst"]
    trend: Literal["parametric", "mean"] = Field(
        "parametric",
        description="Dispersion over the mean of a gene: `a0 + a1 / mean`, or one for all genes.",
    )
    trend_genes: int = Field(
        1000,
        ge=2,
        description="Where there are more genes: how many of those with a mean over 5 counts tell "
        "the trend, evenly over the means (`nsub` of DESeq2's vst).",
    )


class Log(Section):
    """log_base(value + pseudocount); `log1p` is another name of it with a pseudocount of 1."""

    method: Literal["log", "log1p"]
    base: Base = Field(2.0, description="Base of the logarithm; `e` for the natural one.")
    pseudocount: float = Field(1.0, ge=0, description="Added to each value.")

    @model_validator(mode="after")
    def _one_is_in_the_name(self) -> Log:
        if self.method == "log1p" and self.pseudocount != 1:
            raise ValueError("log1p adds 1; use log for another pseudocount")
        return self


class Quantile(Section):
    """Gives every sample the mean distribution of the training samples."""

    method: Literal["quantile"]


class RobustScale(Section):
    """(value - median) / interquartile range, column by column, both from the training rows."""

    method: Literal["robust_scale"]


class LowCounts(Section):
    """Drops genes that few training samples have counts of."""

    method: Literal["low_counts"]
    min_count: float = Field(10, ge=0, description="Counts that a sample must have of a gene.")
    min_fraction: float = Field(
        0.1, ge=0, le=1, description="Share of the training samples that must have them."
    )


class HighlyVariable(Section):
    """Keeps the genes with the largest variance in the training rows; put it behind a logarithm."""

    method: Literal["highly_variable"]
    genes: int = Field(1000, ge=1, description="How many are kept.")


class Missing(Section):
    """Missing values: genes that have any in training are dropped, or filled."""

    method: Literal["missing"]
    fill: Literal["median", "knn"] | None = Field(
        None,
        description="In place of dropping the gene: the `median` of the training rows, or the mean "
        "of the nearest training rows (`knn`; the normaliser then stores the training rows).",
    )
    neighbors: int = Field(5, ge=1, description="Training rows whose mean `knn` takes.")
    max_missing: float = Field(
        0.2, ge=0, le=1, description="Genes with a larger share of missing values are dropped."
    )


class RowZScore(Section):
    """(value - mean) / standard deviation, row by row: the shape of each profile or time course."""

    method: Literal["row_z_score"]


class NonzeroMedian(Section):
    """Values divided by the gene's median over the training rows that have any of it."""

    method: Literal["nonzero_median"]


class ZScore(Section):
    """(value - mean) / standard deviation, column by column, both from the training rows."""

    method: Literal["z_score"]


NormalizationStep = Annotated[
    LogRatio | BinMean | Cpm | Tpm | Fpkm | UpperQuartile | Tmm | MedianOfRatios | Vst | Log
    | Quantile | ZScore | RowZScore | NonzeroMedian | RobustScale | LowCounts | HighlyVariable
    | Missing,
    Field(discriminator="method"),
]  # fmt: skip


#: Steps that scale a sample, and those that change each value by itself.
FOR_GENES = (
    "cpm", "tpm", "fpkm", "upper_quartile", "tmm", "median_of_ratios", "log", "log1p",
)  # fmt: skip

#: Steps that mean the same whether a row is a sample or a gene.
FOR_ROWS = {"log", "log1p", "missing", "row_z_score", "z_score", "robust_scale"}
