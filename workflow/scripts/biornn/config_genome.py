"""Configuration of genomes: windows around intervals, labels from features, tiles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from .config_base import Name, Section

Letter = Annotated[str, StringConstraints(pattern=r"^[!-~]$")]


class WindowsConfig(Section):
    """Pieces of a genome at the places that a BED, GFF or GTF file names."""

    source: Name = Field(description="Which of `sources` has the intervals.")
    member: str | None = Field(
        None, min_length=1, description="Name of the file inside an archive (zip, wheel, tar)."
    )
    format: Literal["auto", "bed", "gff", "gtf"] = Field(
        "auto", description="What the file is (`gff` is GFF3); `auto` goes by its name."
    )
    feature: str | None = Field(
        None, min_length=1, description="Type of GFF or GTF lines to use, such as `CDS`."
    )
    chromosomes: dict[str, str] = Field(
        {}, description="Name in the genome for a name in the interval file, where they differ."
    )
    anchor: Literal["whole", "start", "end", "center"] = Field(
        "whole",
        description="What `before` and `after` are counted from: the whole interval, which they "
        "extend, or one place in it. `start` is the 5′ end, just before the first base, so that "
        "the first base is the first of `after`; `end` is just behind the last base.",
    )
    before: int = Field(0, ge=0, description="Bases before the anchor, towards the 5′ end.")
    after: int = Field(0, ge=0, description="Bases behind the anchor, towards the 3′ end.")
    strand: Literal["use", "ignore"] = Field(
        "use",
        description="`use`: an interval on the minus strand is read backwards, as the reverse "
        "complement; `ignore`: all are read as if they were on the plus strand.",
    )
    outside: Literal["error", "drop", "pad"] = Field(
        "error",
        description="A window beyond an end of its chromosome: stop, drop it, or pad it with N.",
    )

    @model_validator(mode="after")
    def _has_bases(self) -> WindowsConfig:
        if self.anchor != "whole" and self.before + self.after == 0:
            raise ValueError("before and after are both 0: the windows would have no bases")
        if self.feature and self.format == "bed":
            raise ValueError("BED has no feature types; take `feature` out")
        return self


class FeaturesConfig(Section):
    """A letter for every base, from the annotated features of GenBank or EMBL records."""

    letters: dict[Annotated[str, StringConstraints(min_length=1)], Letter] = Field(
        min_length=1,
        description="Letter for each type of feature, such as `CDS: C`. Where features overlap, "
        "the type that is named first counts.",
    )
    background: Letter = Field("N", description="Letter of a base that no such feature covers.")
    strand: Literal["both", "forward", "reverse", "split"] = Field(
        "both",
        description="Features of which strand count; `split`: both, but those on the reverse "
        "strand have letters of their own and yield to those on the forward strand.",
    )
    letters_reverse: dict[Annotated[str, StringConstraints(min_length=1)], Letter] | None = Field(
        None, description="With `split`: letter of each type on the reverse strand."
    )

    @model_validator(mode="after")
    def _letters_fit_the_strand(self) -> FeaturesConfig:
        if (self.strand == "split") != (self.letters_reverse is not None):
            raise ValueError("letters_reverse belongs to `strand: split`; give both or neither")
        if self.letters_reverse is not None and set(self.letters_reverse) != set(self.letters):
            raise ValueError("letters_reverse must name the same types as letters")
        return self


class TilesConfig(Section):
    """Long records in pieces of one length."""

    length: int = Field(ge=1, description="Letters of a tile.")
    step: int | None = Field(
        None,
        ge=1,
        description="Letters from the beginning of a tile to that of the next; `length` if absent.",
    )
    minimum: int = Field(
        1, ge=1, description="The last tile of a record may be shorter, down to this length."
    )
