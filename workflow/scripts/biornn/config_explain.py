"""Configuration of explanations: what is asked of trained networks, and of how many examples."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from .config_base import Name, Section

#: With fewer test examples, those of validation and then of training are explained too.
ENOUGH = 20


class MotifsConfig(Section):
    """Known motifs that those found are compared with: a file in MEME's text format."""

    source: Name = Field(description="Which of `sources`.")
    member: str | None = Field(
        None, min_length=1, description="Name of the file inside an archive (zip, wheel, tar)."
    )


class GeneSetsConfig(MotifsConfig):
    """Sets of genes: a GMT file, a line a set (name, description, genes; tabs between)."""

    smallest: int = Field(
        3, ge=2, description="Sets with fewer genes among those of the matrix are left out."
    )
    permutations: int = Field(1000, ge=100, description="Random sets for the p-values.")


class SiteConfig(Section):
    """Where the answer is known to lie: columns of the examples with positions from 1."""

    start: str = Field(min_length=1, description="Column with the first position of the site.")
    end: str = Field(min_length=1, description="Column with its last position.")


class ExplainConfig(Section):
    """What the networks looked at: integrated gradients, mutations, motifs and pathways."""

    models: list[Annotated[str, StringConstraints(min_length=1)]] | None = Field(
        None, description="Which networks; all but the controls where it is not said, [] for none."
    )
    examples: int = Field(
        200, ge=2, description="Test examples that are explained, as many of each class."
    )
    steps: int = Field(
        32,
        ge=8,
        le=512,
        description="Points of the integral, doubled (up to 512) until contributions add up to the "
        "change of the output within 1 %.",
    )
    mutagenesis: int = Field(
        50,
        ge=0,
        description="Of these, examples whose letters are all mutated, as far as "
        "`mutagenesis_steps` goes.",
    )
    mutagenesis_steps: int = Field(
        10_000_000,
        ge=1,
        description="Most letters that a seed reads for the mutations: sequences of n letters need "
        "n² times the other letters of the alphabet.",
    )
    window: int = Field(
        10, ge=4, le=50, description="Letters of a window that motifs are searched in."
    )
    motifs: MotifsConfig | None = None
    gene_sets: GeneSetsConfig | None = None
    site: SiteConfig | None = None
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of what is drawn at random.")
