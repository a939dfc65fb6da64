"""Configuration of expression: matrices, samples, lengths of genes, and targets from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from .config_base import Name, Section, Sha256, compiled, spelled_out
from .config_normalization import (
    FOR_GENES,
    FOR_ROWS,
    BinMean,
    LengthStep,
    LogRatio,
    NormalizationStep,
    Text,
)
from .config_tables import TableRef


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
        if step.method not in FOR_ROWS:
            raise ValueError(
                f"normalization: {step.method} is for samples; with examples: genes there are "
                f"{', '.join(sorted(FOR_ROWS))}"
            )


class ExpressionConfig(Section):
    """Expression: columns of the table of examples (the target), or a matrix (the input)."""

    counts: list[str] | None = Field(
        None,
        min_length=1,
        description="Columns of the table of examples with raw counts; `c1..c9` stands for nine.",
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

    @field_validator("counts")
    @classmethod
    def _ranges_are_spelled_out(cls, counts: list[str] | None) -> list[str] | None:
        return counts and spelled_out(counts)

    @model_validator(mode="after")
    def _one_kind_of_expression(self) -> ExpressionConfig:
        if (self.counts is None) == (self.matrix is None):
            raise ValueError("give either counts or matrix")
        if self.counts is not None:
            if not self.normalization:
                raise ValueError("counts need at least one step of normalization")
            if self.samples or self.examples == "genes":
                raise ValueError("samples and examples: genes belong to a matrix")
        elif self.check or any(isinstance(step, LogRatio | BinMean) for step in self.normalization):
            raise ValueError("log_ratio, bin_mean and check are for counts, not for a matrix")
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
            isinstance(step, LengthStep) for step in self.normalization
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
            if step.method not in FOR_GENES:
                raise ValueError(
                    f"'{step.method}' can't be used for a target: what it does to a gene goes by "
                    f"other genes or by all samples. Use {', '.join(FOR_GENES)}"
                )
            if isinstance(step, LengthStep) and step.unknown_genes == "drop":
                raise ValueError("unknown_genes: drop is for profiles; a target needs its length")

    @property
    def references(self) -> list[str]:
        """Examples, by their sequence, that a step gives a value."""
        steps = [step for step in self.normalization if isinstance(step, LogRatio)]
        return [step.reference_sequence for step in steps if step.reference_sequence]

    @property
    def tables(self) -> list[str]:
        """Sources of the matrix, of its names, of its samples and of the order of its genes."""
        files = [self.matrix, self.samples]
        if isinstance(self.profile, OrderProfile) and self.profile.by == "position":
            files.append(self.gene_lengths)
        if self.matrix:
            files += [self.matrix.gene_names, self.matrix.sample_names]
        return list(dict.fromkeys(str(file.source) for file in files if file and file.source))
