"""Configuration of the data: tables, sequences, targets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from .config_base import Name, Section, compiled
from .config_genome import FeaturesConfig, TilesConfig, WindowsConfig
from .config_tables import TableRef


class SequenceConfig(Section):
    """Where the sequences are and which letters they may have."""

    column: str | None = Field(
        None,
        description="Column with the sequences; without it `sequence`, or `input` where there is "
        "none.",
    )
    columns: list[str] | None = Field(
        None,
        min_length=1,
        description="Columns whose texts, one after another, are the sequence, in place of "
        "`column`; `V1..V9` stands for the columns from V1 to V9.",
    )
    codes: dict[Annotated[str, StringConstraints(min_length=1)], str] | None = Field(
        None,
        min_length=1,
        description="Letter for each code, where letters are written as codes of one length.",
    )
    alphabet: Literal["auto", "dna", "rna", "protein"] = Field(
        "auto",
        description="Letters of the sequences; `auto` looks at them and says what it took.",
    )
    ambiguity: Literal["allow", "error", "drop"] = Field(
        "error",
        description="IUPAC ambiguity codes: encode as mixtures, stop, or drop the record.",
    )
    unknown: Literal["error", "drop"] = Field(
        "error", description="Letters outside the alphabet: stop, or drop the record."
    )
    remove: str = Field(
        "", description="Characters that are taken out, such as `-` and `.` (gaps) or `*` (stop)."
    )
    strip_start: str = Field(
        "",
        description="Letters that are taken off the start of every sequence that begins so, such "
        "as the `M` of start codons.",
    )
    min_length: int = Field(1, ge=1, description="Shortest sequence that is allowed (letters).")
    max_length: int | None = Field(
        None, ge=1, description="Longest sequence that is allowed (letters)."
    )
    too_short: Literal["error", "drop"] = Field("error", description="What then: stop or drop.")
    too_long: Literal["error", "drop", "crop_start", "crop_end", "crop_both"] = Field(
        "error", description="What then: stop, drop, or cut letters off at one end or both."
    )

    @field_validator("codes")
    @classmethod
    def _codes_have_one_length(cls, codes: dict[str, str] | None) -> dict[str, str] | None:
        if codes and len({len(code) for code in codes}) > 1:
            raise ValueError("all codes must have the same length")
        if codes and any(len(letter) != 1 for letter in codes.values()):
            raise ValueError("each code stands for one letter")
        return codes


class NumbersConfig(Section):
    """Inputs that are series of numbers and not letters: one value a step."""

    column: str | None = Field(
        None,
        description="Column in which each cell is a series (numbers with spaces, `,` or `;` "
        "between them); without it `input`.",
    )
    columns: list[str] | None = Field(
        None,
        min_length=1,
        description="Columns that are the steps, in place of `column`; `V1..V9` for a range.",
    )
    channels: list[str] | None = Field(
        None,
        min_length=2,
        description="Columns in which each cell is a series, all of one length, in place of "
        "`column`: what is measured together at each step.",
    )

    @model_validator(mode="after")
    def _one_way_to_write_them(self) -> NumbersConfig:
        if sum(key is not None for key in (self.column, self.columns, self.channels)) > 1:
            raise ValueError("give one of column, columns and channels")
        return self


class JoinConfig(TableRef):
    """Another table (or file of records) whose columns are put beside the examples."""

    id: str = Field("id", description="Column that must equal the `id` of the examples.")
    take: dict[str, str] = Field(
        min_length=1, description="New name of each column that is taken: `{labels: sequence}`."
    )
    unmatched: Literal["error", "drop"] = Field(
        "error", description="Examples that the other table does not have: stop, or drop them."
    )


class SampleConfig(Section):
    """So many of the examples, drawn by chance."""

    n: int = Field(ge=1, description="How many; of fewer all are taken.")
    seed: int = Field(0, ge=0, description="Seed of the draw.")


class ExamplesConfig(TableRef):
    """The table of examples: one row is one thing to learn from."""

    classes: dict[str, Name | Annotated[list[Name], Field(min_length=1)]] | None = Field(
        None,
        min_length=1,
        description="Files of one class: the source (or sources) of each class, in place of "
        "`source`. The class is in the column `class`; where a class has several sources, the name "
        "of that of each record is in the column `source`, for a split that the data came with "
        "(`method: column`).",
    )
    id: str | None = Field(
        None,
        description="Column with the names of the records; made from the row number if absent.",
    )
    sequence: SequenceConfig = SequenceConfig()
    numbers: NumbersConfig | None = Field(
        None, description="Series of numbers as inputs, in place of `sequence`."
    )
    windows: WindowsConfig | None = Field(
        None, description="Pieces of the records (a genome), at the places that a file names."
    )
    features: FeaturesConfig | None = Field(
        None,
        description="A letter for each base from the features of GenBank or EMBL records, in the "
        "column `labels`.",
    )
    tiles: TilesConfig | None = Field(None, description="Long records in pieces of one length.")
    join: list[JoinConfig] = Field(
        [], description="Tables that are joined on the id, such as labels in a file of their own."
    )
    covariates: list[str] = Field(
        [],
        description="Columns of numbers that go in as a second input beside the sequence, such as "
        "the temperature of growth; `V1..V9` for a range. Networks and simple models see them "
        "standardised by the training examples.",
    )
    weight: str | None = Field(
        None,
        description="Column with the weight of each example in training, from 0 (not learned "
        "from). Scores count every example once.",
    )
    incomplete: Literal["error", "drop"] = Field(
        "error",
        description="Records in which a covariate or the weight is empty, NA or NaN: stop, or drop "
        "them.",
    )
    duplicates: Literal["keep", "keep_first", "drop", "error"] = Field(
        "keep",
        description="Identical sequences: keep all (the audit counts them), keep the first, drop "
        "all of them, stop. Copies with another target are always counted.",
    )
    sample: SampleConfig | None = Field(
        None,
        description="Go on with so many of the examples that passed the checks, drawn by chance "
        "(a `reference_sequence` is always among them): for a protocol that does so, or for a "
        "first look at a large table.",
    )

    @field_validator("classes")
    @classmethod
    def _a_source_has_one_class(
        cls, classes: dict[str, str | list[str]] | None
    ) -> dict[str, str | list[str]] | None:
        named = [name for sources in (classes or {}).values() for name in _as_list(sources)]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"the source '{twice[0]}' is named twice")
        return classes

    @model_validator(mode="after")
    def _parts_fit(self) -> ExamplesConfig:
        if self.source is not None and self.classes is not None:
            raise ValueError("give either source or classes")
        if self.join and self.id_column is None:
            raise ValueError("join needs `id`, the column that names the examples")
        if self.windows and (self.features or self.tiles):
            raise ValueError("windows can't go with features or tiles")
        if self.numbers and (self.windows or self.features or self.tiles):
            raise ValueError("windows, features and tiles are for letters, not for numbers")
        if len(set(self.covariates)) != len(self.covariates):
            raise ValueError("covariates: each column may be given once")
        return self

    @property
    def inputs(self) -> dict[str, str]:
        """Class of each source; the class is empty where there is one source for all."""
        if self.classes is None:
            return {str(self.source): ""}
        return {
            name: label for label, sources in self.classes.items() for name in _as_list(sources)
        }

    @property
    def id_column(self) -> str | None:
        """Column with the names of the records; pieces of records are named by their place."""
        return self.id or ("id" if self.windows or self.tiles else None)

    @property
    def tables(self) -> list[str]:
        """Every source that is read: those of the examples, then those that are joined."""
        read = [*self.inputs, *(str(other.source) for other in self.join)]
        read += [self.windows.source] if self.windows else []
        return list(dict.fromkeys(read))


def _as_list(sources: str | list[str]) -> list[str]:
    return [sources] if isinstance(sources, str) else sources


class TargetConfig(Section):
    """What is predicted."""

    column: str | None = Field(
        None,
        description="Column to predict. Without it: the normalised expression, or the column "
        "`output` where there is no expression.",
    )
    gene: str | None = Field(
        None,
        min_length=1,
        description="Where samples of an expression matrix are the examples: the gene whose "
        "normalised expression is predicted from that of all others, in place of `column`.",
    )
    task: Literal[
        "auto", "regression", "classification", "multilabel", "ordinal", "count", "next_value"
    ] = Field(
        "auto",
        description="Numbers, or classes; `auto` takes numbers where all are numbers, and says so. "
        "`multilabel`: any number of labels a sequence. `ordinal`: classes in the order of "
        "`classes`, so that near misses are less wrong. `count`: whole numbers from 0. "
        "`next_value`: at each step of a series of numbers its value at the next one; no column is "
        "read, and no model sees what comes later.",
    )
    separator: str = Field(
        ";",
        min_length=1,
        description="Between the labels of a sequence, with `task: multilabel`: "
        "`nucleus;cytoplasm`.",
    )
    per: Literal["auto", "sequence", "position"] = Field(
        "auto",
        description="One target a sequence, or one for each position (as many letters as the "
        "sequence has, or as many words with spaces between); `auto` looks and says so.",
    )
    classes: list[str] | None = Field(
        None,
        min_length=2,
        description="Classes in order, the lowest first where they have one; of two, the last is "
        "the positive one. Without it: all that are there, sorted.",
    )
    masked: list[str] = Field(
        [], description="Labels of positions that are neither learned nor scored."
    )
    mask: str | None = Field(
        None, description="Column of 0 and 1, one for each position: where there is no label (0)."
    )
    min_class_size: int = Field(1, ge=1, description="Fewest examples of a class or label.")
    small_classes: Literal["error", "drop"] = Field(
        "error", description="What then: stop, or drop the class with its examples, or the label."
    )
    values: dict[str, float] | None = Field(
        None, min_length=1, description="Number for each text in the column, such as classes."
    )
    missing: Literal["error", "drop"] = Field(
        "error", description="Records without a target: stop, or drop them."
    )
    missing_values: list[str] = Field(
        ["", "NA", "NaN"], description="Texts that mean that there is no target."
    )
    label: str = Field("target", description="Name for figures and text, with the unit.")

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, classes: list[str] | None) -> list[str] | None:
        if classes and len(set(classes)) != len(classes):
            raise ValueError("each class may be given once")
        return classes

    @model_validator(mode="after")
    def _parts_fit(self) -> TargetConfig:
        if self.gene and (self.column or self.classes or self.values or self.per == "position"):
            raise ValueError("a gene's expression is a number; leave the other keys out")
        numbers = self.task in ("auto", "regression", "count")
        if self.values and (self.classes or not numbers):
            raise ValueError("`values` makes numbers of texts; leave it out for classes")
        if (self.masked or self.mask) and self.per == "sequence":
            raise ValueError("`masked` and `mask` are for per: position")
        if self.task in ("regression", "count") and self.classes:
            raise ValueError("`classes` is for task: classification")
        if self.task == "ordinal" and not self.classes:
            raise ValueError("task: ordinal needs `classes`, the lowest first")
        if self.task == "multilabel":
            if self.per == "position":
                raise ValueError("task: multilabel is for whole sequences")
            if wrong := [label for label in self.classes or [] if self.separator in label]:
                raise ValueError(f"the label '{wrong[0]}' has the separator in it")
        if self.gene and self.task not in ("auto", "regression"):
            raise ValueError("a gene's expression is a number; leave `task` out")
        if self.task == "next_value" and (
            self.column or self.classes or self.per == "sequence" or self.masked or self.mask
        ):
            raise ValueError(
                "task: next_value makes its targets from the inputs; leave column, classes, per, "
                "masked and mask out"
            )
        return self


# -- groups ----------------------------------------------------------------------------------------


class Stratum(Section):
    """Examples that are also scored apart: those whose whole sequence matches a pattern, or those
    of each value in a column.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")] = Field(
        description="Name in the tables; of a column `{name}-{value}`."
    )
    pattern: str | None = Field(
        None, min_length=1, description="Regular expression for the whole sequence."
    )
    column: str | None = Field(
        None,
        min_length=1,
        description="Column of the examples, in place of `pattern`; where its values are numbers, "
        "the report draws the scores against them.",
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            compiled(pattern)
        return pattern

    @model_validator(mode="after")
    def _one_way_to_choose_them(self) -> Stratum:
        if (self.pattern is None) == (self.column is None):
            raise ValueError("give either `pattern` or `column`")
        return self
