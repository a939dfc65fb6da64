"""Configuration of tables: which file, and how it is read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from .config_base import Name, Section, Sha256, compiled, spelled_out


class TableRef(Section):
    """A table, or a file of sequence records, in a source."""

    source: Name | None = Field(None, description="Which of `sources`.")
    member: str | None = Field(
        None, min_length=1, description="Name of the file inside an archive (zip, wheel, tar)."
    )
    member_sha256: Sha256 | None = Field(
        None,
        description="Checksum of the member, for archives that are packed anew for each platform.",
    )
    format: Literal[
        "auto", "csv", "tsv", "parquet", "excel", "rda", "fasta", "fastq", "genbank", "embl"
    ] = Field("auto", description="What the file is; `auto` goes by its name.")
    separator: Literal[",", "\t", ";"] | None = Field(
        None, description="What separates the columns, where it is not what the format says."
    )
    columns: list[str] | None = Field(
        None,
        min_length=1,
        description="Names of the columns of a table that has no header line; `c1..c9` stands for "
        "nine of them.",
    )
    skip_lines: int = Field(0, ge=0, description="Lines before the header (or the first record).")
    object: str | None = Field(None, description="Data frame of an R file, or sheet of Excel.")
    header_pattern: str | None = Field(
        None,
        description="Regular expression that is searched in the header of each FASTA, FASTQ, "
        "GenBank or EMBL record; its named groups become columns.",
    )

    @field_validator("columns")
    @classmethod
    def _ranges_are_spelled_out(cls, columns: list[str] | None) -> list[str] | None:
        return spelled_out(columns or []) or None

    @field_validator("header_pattern")
    @classmethod
    def _has_groups(cls, pattern: str | None) -> str | None:
        if pattern is not None and not compiled(pattern).groupindex:
            raise ValueError("name a group for each column: (?P<label>…)")
        return pattern
