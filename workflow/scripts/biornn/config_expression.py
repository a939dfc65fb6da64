"""Configuration of expression tables: matrices, the sheet of their samples, lengths of genes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from .config_base import Name, Section, Sha256
from .config_data import TableRef

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
