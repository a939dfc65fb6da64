"""Configuration of expression: matrices, samples, lengths of genes, and how it is normalised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from .config_base import Name, Section, Sha256, compiled
from .config_tables import TableRef

Text = Annotated[str, StringConstraints(min_length=1)]


class NamesRef(TableRef):
    """A file with the names of a matrix that has none, such as genes.tsv or barcodes.tsv."""

    column: Text | None = Field(
        None, description="Column with the names, where the file has a header line."
    )
    position: int = Field(
        1, ge=1, description="Which column has the names, from 1, where there is no header line."
    )


class MatrixRef(TableRef):
    """A table of expression: genes by samples, or samples by genes."""

    format: Literal[
        "auto", "csv", "tsv", "parquet", "excel", "mtx", "h5ad", "series_matrix", "orange_tab"
    ] = Field("auto", description="What the file is; `auto` goes by its name (and header lines).")
    genes: Literal["rows", "columns", "detect"] = Field(
        "detect",
        description="Where the genes are. `detect` goes by the names of the samples or genes that "
        "are known from other files, then by the shape: there are more genes than samples. It says "
        "what it took.",
    )
    names: Text | None = Field(
        None,
        description="Column with the names of the rows, genes or samples; the first if absent "
        "(Orange: the first of text).",
    )
    drop: list[str] = Field(
        [], description="Columns that are no expression, such as Chr, Start and Length."
    )
    gene_names: NamesRef | None = Field(
        None, description="Names of the genes of an mtx file; its source is the matrix's if absent."
    )
    sample_names: NamesRef | None = Field(
        None,
        description="Names of the samples of an mtx file; its source is the matrix's if absent.",
    )
    layer: Text = Field(
        "X", description="Which values of an h5ad file: `X`, `raw`, or the name of a layer."
    )
    values: Literal["counts", "any"] = Field(
        "counts", description="`counts` must be whole and not negative; `any` may be any numbers."
    )
    missing_values: list[str] = Field(
        ["", "NA", "NaN", "?"], description="Texts that mean that there is no value."
    )
    allow_missing: bool = Field(False, description="Whether there may be missing values.")

    @model_validator(mode="after")
    def _parts_fit(self) -> MatrixRef:
        if self.header_pattern:
            raise ValueError("header_pattern is for records, not for a matrix")
        if self.format == "mtx" and not (self.gene_names and self.sample_names):
            raise ValueError("an mtx file needs gene_names and sample_names")
        return self


class SampleSheet(TableRef):
    """The table of the samples: conditions, classes and other columns about each."""

    id: Text = Field("sample", description="Column with the names that the matrix uses.")
    unmatched: Literal["error", "drop"] = Field(
        "error",
        description="Samples that only the matrix or only the sheet has: stop, or drop them.",
    )


class GeneLengths(Section):
    """A GTF file from which the length of each gene is taken: its exons, each base once."""

    source: Name | None = Field(None, description="Which of `sources`.")
    member: Text | None = Field(
        None, description="Name of the file inside an archive (zip, wheel, tar)."
    )
    member_sha256: Sha256 | None = Field(None, description="Checksum of the member.")
    attribute: Text = Field("gene_id", description="Attribute that has the name of the gene.")
    feature: Text = Field("exon", description="Type of the lines that count.")
    strip_version: bool = Field(
        False, description="Take `.5` off names such as ENSG00000141956.5, as in Ensembl's tables."
    )


# -- normalising -----------------------------------------------------------------------------------


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


class Cpm(Section):
    """Counts per million: 10^6 · count / (sum of the counts of the sample)."""

    method: Literal["cpm"]
    total: float = Field(1e6, gt=0, description="What the counts of a sample add up to.")


class _LengthStep(Section):
    unknown_genes: Literal["error", "drop"] = Field(
        "error", description="Genes whose length is not known: stop, or drop them."
    )


class Tpm(_LengthStep):
    """Transcripts per million: counts per base of the gene, to a million in each sample."""

    method: Literal["tpm"]


class Fpkm(_LengthStep):
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
    LogRatio | Cpm | Tpm | Fpkm | UpperQuartile | Tmm | MedianOfRatios | Vst | Log | Quantile
    | ZScore | RowZScore | NonzeroMedian | RobustScale | LowCounts | HighlyVariable | Missing,
    Field(discriminator="method"),
]  # fmt: skip


#: Steps that scale a sample, and those that change each value by itself.
_FOR_GENES = (
    "cpm", "tpm", "fpkm", "upper_quartile", "tmm", "median_of_ratios", "log", "log1p",
)  # fmt: skip


class ValueCheck(Section):
    """A column of the source that the normalised expression must equal."""

    column: str = Field(description="Column with the expected values.")
    factor: float = Field(
        1.0, description="The column is this times the expression, such as -1 for its opposite."
    )
    up_to: Literal["constant"] | None = Field(
        None,
        description="`constant`: what is the same for all examples may differ (the median "
        "difference is taken off), as where library sizes are those of the training examples.",
    )
    tolerance: float = Field(1e-9, ge=0, description="Largest absolute difference.")


class GeneTarget(Section):
    """The expression of a gene is the target of the example that has its name.

    The genes of a matrix are joined with the examples by `examples.id`. Each sample is normalised,
    then the samples are summarised. What a sample is scaled by is learned from training genes.
    """

    samples: Literal["all"] | Annotated[list[Text], Field(min_length=1)] = Field(
        "all", description="Samples of the matrix that count."
    )
    summary: Literal["mean", "median"] = Field(
        "mean", description="How the normalised values of the samples become one number."
    )
    unmatched: Literal["error", "drop"] = Field(
        "error",
        description="Genes that only the matrix or only the examples have: stop, or drop them.",
    )
    strip_version: bool = Field(
        False, description="Join names such as ENSG00000141956.5 without their version."
    )


class OrderProfile(Section):
    """The genes in an order, some at each step of the sequence."""

    method: Literal["order"]
    by: Literal["file", "position"] = Field(
        "file",
        description="The order: that of the file, which has no meaning unless the file gives it "
        "one, or by chromosome and position, from the GTF file of `gene_lengths`; genes that it "
        "does not have are dropped, and counted.",
    )
    genes_per_step: int = Field(32, ge=1, description="Genes that the network reads at a step.")


class RankProfile(Section):
    """The names of the genes, the most expressed first, as rank-value models of cells read them.

    Only genes with a normalised value above zero are read: scale the values gene by gene before, by
    `nonzero_median` or `z_score`. (Theodoris et al., Nature 618:616, 2023.)
    """

    method: Literal["rank"]
    length: int = Field(256, ge=1, description="Most genes that are read of a profile.")


class TimeProfile(Section):
    """Real time: the columns of a time course, one value at a step."""

    method: Literal["time"]
    pattern: str | None = Field(
        None,
        description="Regular expression for the names of the columns that belong to the course; "
        "its group `time` is a number that orders them. Without it: all, as the file has them.",
    )

    @field_validator("pattern")
    @classmethod
    def _names_the_time(cls, pattern: str | None) -> str | None:
        if pattern is not None and "time" not in compiled(pattern).groupindex:
            raise ValueError("the pattern needs a group (?P<time>…)")
        return pattern


Profile = Annotated[OrderProfile | RankProfile | TimeProfile, Field(discriminator="method")]


def _fit_for_genes(config: ExpressionConfig) -> None:
    """Refuse what scales samples: where genes are the rows, it would scale genes."""
    if config.profile.method == "rank":
        raise ValueError("profile: rank is for examples: samples")
    for step in config.normalization:
        if step.method not in _FOR_ROWS:
            raise ValueError(
                f"normalization: {step.method} is for samples; with examples: genes there are "
                f"{', '.join(sorted(_FOR_ROWS))}"
            )


#: Steps that mean the same whether a row is a sample or a gene.
_FOR_ROWS = {"log", "log1p", "missing", "row_z_score", "z_score", "robust_scale"}


class ExpressionConfig(Section):
    """Expression: columns of the table of examples (the target), or a matrix (the input)."""

    counts: list[str] | None = Field(
        None, min_length=1, description="Columns of the table of examples with raw counts."
    )
    matrix: MatrixRef | None = Field(
        None,
        description="A table of genes and samples, in place of `counts`: the samples are the "
        "examples, their profiles the inputs; or the genes have the targets (`target`).",
    )
    target: GeneTarget | None = Field(
        None,
        description="Take the target of each example, a gene, from the matrix.",
    )
    samples: SampleSheet | None = Field(
        None,
        description="Table of the samples (or genes, where they are the examples) with the target; "
        "else the matrix must have it.",
    )
    gene_lengths: GeneLengths | None = Field(
        None, description="Where the lengths of the genes come from, for tpm and fpkm."
    )
    examples: Literal["samples", "genes"] = Field(
        "samples",
        description="What the examples are: samples, with the profile of all genes in each; or "
        "genes, with the values of each in all samples. Their target is a column of theirs.",
    )
    profile: Profile = Field(
        OrderProfile(method="order"), description="How a profile becomes a sequence."
    )
    normalization: list[NormalizationStep] = Field(
        [], description="Steps in order; fitted on the training rows of each fold."
    )
    check: ValueCheck | None = Field(None, description="Stops the run when the values differ.")

    @model_validator(mode="after")
    def _one_kind_of_expression(self) -> ExpressionConfig:
        if (self.counts is None) == (self.matrix is None):
            raise ValueError("give either counts or matrix")
        if self.counts is not None:
            if not self.normalization:
                raise ValueError("counts need at least one step of normalization")
            if self.samples or self.examples == "genes":
                raise ValueError("samples and examples: genes belong to a matrix")
        elif any(isinstance(step, LogRatio) for step in self.normalization) or self.check:
            raise ValueError("log_ratio and check are for counts, not for a matrix")
        if self.examples == "genes":
            _fit_for_genes(self)
        elif isinstance(self.profile, TimeProfile):
            raise ValueError("profile: time is for examples: genes")
        if isinstance(self.profile, OrderProfile) and self.profile.by == "position":
            if not self.gene_lengths:
                raise ValueError("an order by position needs gene_lengths, a GTF file")
        if self.target:
            self._target_fits(self.target)
        if not self.gene_lengths and any(
            isinstance(step, _LengthStep) for step in self.normalization
        ):
            raise ValueError("tpm and fpkm need gene_lengths, a GTF file")
        return self

    def _target_fits(self, target: GeneTarget) -> None:
        if self.matrix is None or self.samples:
            raise ValueError("target needs a matrix, and no table of samples")
        if self.examples == "genes":
            raise ValueError("target and examples: genes are two ways to use a matrix; give one")
        if self.matrix.allow_missing:
            raise ValueError("target needs a matrix without missing values")
        for step in self.normalization:
            if step.method not in _FOR_GENES:
                raise ValueError(
                    f"'{step.method}' can't be used for a target: what it does to a gene goes by "
                    f"other genes or by all samples. Use {', '.join(_FOR_GENES)}"
                )
            if isinstance(step, _LengthStep) and step.unknown_genes == "drop":
                raise ValueError("unknown_genes: drop is for profiles; a target needs its length")

    @property
    def tables(self) -> list[str]:
        """Sources of the matrix, of its names, of its samples and of the order of its genes."""
        files = [self.matrix, self.samples]
        if isinstance(self.profile, OrderProfile) and self.profile.by == "position":
            files.append(self.gene_lengths)
        if self.matrix:
            files += [self.matrix.gene_names, self.matrix.sample_names]
        return list(dict.fromkeys(str(file.source) for file in files if file and file.source))
