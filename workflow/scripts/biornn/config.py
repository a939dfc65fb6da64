"""The analysis file: what may be written in it, what it means, and what is said when it is wrong.

One pydantic model is the source of three things: the check of every analysis file, the JSON schema
that editors complete from, and the reference in `config/README.md` (see `config_reference`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)

from .checking import listed, nearest, validate
from .files import read_yaml

# Names become folders and wildcards. In the patterns of pydantic and of JSON schema `$` is
# the very end; Python's own would accept a trailing newline.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", to_lower=True)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the file: unknown keys are refused, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# -- sources ---------------------------------------------------------------------------------------


class PathSource(Section):
    """A file that is already here; the path is relative to the working directory."""

    type: Literal["path"]
    path: str = Field(min_length=1, description="Path of the file.")
    sha256: Sha256 | None = Field(None, description="Checksum; checked when given.")


class UrlSource(Section):
    """A file behind an http, https or ftp address."""

    type: Literal["url"]
    url: str = Field(pattern=r"^(https?|ftp)://[^\s]+$", description="Address of the file.")
    file: FileName = Field(description="Name under which the file is stored.")
    sha256: Sha256 = Field(description="Checksum of the file.")


class PypiSource(Section):
    """A distribution of the Python package index: fetched and read, never installed or run."""

    type: Literal["pypi"]
    package: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        description="Name of the package."
    )
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][A-Za-z0-9.+!_-]*$")] = Field(
        description="Exact version."
    )
    file: FileName = Field(description="Name of the wheel file.")
    sha256: Sha256 = Field(description="Checksum of the wheel file.")


Source = Annotated[PathSource | UrlSource | PypiSource, Field(discriminator="type")]

# -- examples, expression, target ------------------------------------------------------------------


class TableRef(Section):
    """A table, or a file of sequence records, in a source."""

    source: Name | None = Field(None, description="Which of `sources`.")
    member: str | None = Field(
        None, min_length=1, description="Name of the file inside an archive (zip, wheel, tar)."
    )
    format: Literal[
        "auto", "csv", "tsv", "parquet", "excel", "rda", "fasta", "fastq", "genbank", "embl"
    ] = Field("auto", description="What the file is; `auto` goes by its name.")
    separator: Literal[",", "\t", ";"] | None = Field(
        None, description="What separates the columns, where it is not what the format says."
    )
    columns: list[str] | None = Field(
        None, min_length=1, description="Names of the columns of a table that has no header line."
    )
    skip_lines: int = Field(0, ge=0, description="Lines before the header (or the first record).")
    object: str | None = Field(None, description="Data frame of an R file, or sheet of Excel.")
    header_pattern: str | None = Field(
        None,
        description="Regular expression that is searched in the header of each FASTA, FASTQ, "
        "GenBank or EMBL record; its named groups become columns.",
    )

    @field_validator("header_pattern")
    @classmethod
    def _has_groups(cls, pattern: str | None) -> str | None:
        if pattern is not None and not _compiled(pattern).groupindex:
            raise ValueError("name a group for each column: (?P<label>…)")
        return pattern


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


class SequenceConfig(Section):
    """Where the sequences are and which letters they may have."""

    column: str = Field("sequence", description="Column with the sequences.")
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
    alphabet: Literal["dna", "rna", "protein"] = Field(description="Letters of the sequences.")
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


class ExamplesConfig(TableRef):
    """The table of examples: one row is one thing to learn from."""

    classes: dict[str, Name] | None = Field(
        None,
        min_length=1,
        description="One file a class: the source of each, in place of `source`; the class is in "
        "the column `class`.",
    )
    id: str | None = Field(
        None,
        description="Column with the names of the records; made from the row number if absent.",
    )
    sequence: SequenceConfig
    duplicates: Literal["keep", "keep_first", "drop", "error"] = Field(
        "keep",
        description="Identical sequences: keep all (the audit counts them), keep the first, drop "
        "all of them, stop. Copies with another target are always counted.",
    )

    @model_validator(mode="after")
    def _has_a_source(self) -> ExamplesConfig:
        if (self.source is None) == (self.classes is None):
            raise ValueError("give either source or classes")
        return self

    @property
    def inputs(self) -> dict[str, str]:
        """Source of each class; the class is empty where there is one source for all."""
        return self.classes or {"": str(self.source)}


class LogRatio(Section):
    """log_base((numerator + p) / (denominator + p)), shifted to give a named example its value."""

    method: Literal["log_ratio"]
    numerator: str = Field(description="Count column above the line.")
    denominator: str = Field(description="Count column below the line.")
    pseudocount: float = Field(1.0, gt=0, description="Added to both counts (reads).")
    base: float = Field(10.0, gt=1, description="Base of the logarithm.")
    reference_sequence: str | None = Field(
        None, description="The example (by its sequence) that is given `reference_value`."
    )
    reference_value: float = Field(0.0, description="Value of the reference example.")


class Log1p(Section):
    """log_base(1 + count), column by column."""

    method: Literal["log1p"]
    base: float = Field(2.0, gt=1, description="Base of the logarithm.")


class ZScore(Section):
    """(value - mean) / standard deviation, column by column, both from the training rows."""

    method: Literal["z_score"]


NormalizationStep = Annotated[LogRatio | Log1p | ZScore, Field(discriminator="method")]


class ValueCheck(Section):
    """A column of the source that the normalised expression must equal."""

    column: str = Field(description="Column with the expected values.")
    tolerance: float = Field(1e-9, ge=0, description="Largest absolute difference.")


class ExpressionConfig(Section):
    """Raw counts in the table of examples, and how they are normalised."""

    counts: list[str] = Field(min_length=1, description="Columns with raw counts.")
    normalization: list[NormalizationStep] = Field(
        min_length=1, description="Steps in order; fitted on the training rows of each fold."
    )
    check: ValueCheck | None = Field(None, description="Stops the run when the values differ.")


class TargetConfig(Section):
    """What is predicted."""

    column: str | None = Field(
        None,
        description="A numeric column of the table; without it the normalised expression is it.",
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


# -- split -----------------------------------------------------------------------------------------


class ColumnSplit(Section):
    """The split that the data came with."""

    method: Literal["column"]
    column: str = Field(description="Column that says where an example belongs.")
    train: list[str] = Field(["train"], min_length=1, description="Values that mean training.")
    validation: list[str] = Field(
        ["validation"], min_length=1, description="Values that mean validation."
    )
    test: list[str] = Field(["test"], min_length=1, description="Values that mean test.")


class RandomSplit(Section):
    """Examples assigned by chance; identical sequences stay together."""

    method: Literal["random"]
    validation: Fraction = Field(0.1, description="Fraction of the sequences.")
    test: Fraction = Field(0.2, description="Fraction of the sequences.")
    seed: int = Field(0, ge=0, description="Seed of the assignment.")

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> RandomSplit:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave no training examples")
        return self


Split = Annotated[ColumnSplit | RandomSplit, Field(discriminator="method")]

# -- models, training, baselines -------------------------------------------------------------------


class ModelConfig(Section):
    """A recurrent network."""

    cell: Literal["rnn", "lstm", "gru"] = Field(description="The recurrent update rule.")
    activation: Literal["tanh", "relu", "sigmoid"] = Field(
        "tanh", description="Nonlinearity of an `rnn`."
    )
    peephole: Literal["diagonal", "full"] | None = Field(
        None, description="Peephole connections of an `lstm` (Gers & Schmidhuber 2000)."
    )
    hidden_size: int = Field(64, ge=1, description="Units in a direction.")
    layers: int = Field(1, ge=1, description="Recurrent layers on top of each other.")
    bidirectional: bool = Field(True, description="Read the sequence from both ends.")
    readout: Literal["last", "mean", "max"] = Field(
        "last", description="How the hidden states of a sequence become one vector."
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropped fraction between layers and before the output."
    )
    initialization: Literal["orthogonal", "uniform"] = Field(
        "orthogonal",
        description="Orthogonal recurrent matrices and an open forget gate, or torch's own.",
    )
    epochs: int | None = Field(
        None, ge=1, description="This model's own number of epochs, in place of `training.epochs`."
    )
    learning_rate: float | None = Field(
        None, gt=0, description="This model's own rate, in place of `training.learning_rate`."
    )
    shuffle_labels: bool = Field(
        False, description="Train on shuffled targets: a negative control, reported apart."
    )

    @model_validator(mode="after")
    def _options_belong_to_the_cell(self) -> ModelConfig:
        if self.peephole and self.cell != "lstm":
            raise ValueError(f"peephole is for cell: lstm, not for cell: {self.cell}")
        if self.activation != "tanh" and self.cell != "rnn":
            raise ValueError(f"activation is for cell: rnn, not for cell: {self.cell}")
        return self


class TrainingConfig(Section):
    """How every network is trained."""

    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(
        [1, 2, 3], min_length=1, description="One network is trained for each."
    )
    epochs: int = Field(20, ge=1, description="Largest number of passes over the training data.")
    batch_size: int = Field(128, ge=1, description="Examples in a step.")
    optimizer: Literal["adam", "adamw"] = Field("adam", description="Kingma & Ba 2015; with decoupled weight decay: Loshchilov & Hutter 2019.")  # fmt: skip  # noqa: E501
    learning_rate: float = Field(1e-3, gt=0, description="Highest learning rate.")
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of the optimizer.")
    schedule: Literal["constant", "cosine", "one_cycle"] = Field(
        "cosine", description="Course of the learning rate over the epochs."
    )
    patience: int = Field(
        5, ge=1, description="Epochs without a better validation loss before training stops."
    )
    clip_norm: float = Field(1.0, gt=0, description="Gradients with a larger norm are scaled down.")
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="Arithmetic, in Lightning Fabric's words."
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="`auto` takes a GPU when the job was given one."
    )
    threads: int = Field(
        1,
        ge=1,
        description="CPU threads of a training job; another number gives other last digits.",
    )

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("each seed may be given once")
        return seeds


class MeanBaseline(Section):
    """Predicts the mean of the training targets."""

    kind: Literal["mean"]


class RidgeBaseline(Section):
    """Ridge regression on one-hot letters; the penalty is chosen on the validation rows."""

    kind: Literal["ridge"]
    features: Literal["additive", "neighbor", "pairwise"] = Field(
        "additive",
        description="Letters; letters and adjacent pairs; letters and all pairs of positions.",
    )
    penalties: list[Annotated[float, Field(gt=0)]] = Field(
        [0.1, 1.0, 10.0, 100.0], min_length=1, description="Penalties to choose from."
    )


class BoostingBaseline(Section):
    """Histogram gradient boosting on the letter at each position (scikit-learn)."""

    kind: Literal["gradient_boosting"]
    learning_rate: float = Field(0.1, gt=0, description="Shrinkage of each tree.")
    max_iterations: int = Field(
        1000, ge=1, description="Most trees; the validation rows stop the growth earlier."
    )
    max_leaves: int = Field(31, ge=2, description="Leaves of a tree.")


Baseline = Annotated[MeanBaseline | RidgeBaseline | BoostingBaseline, Field(discriminator="kind")]

# -- evaluation ------------------------------------------------------------------------------------


class Stratum(Section):
    """Examples whose whole sequence matches a pattern; they are also scored apart."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")] = Field(
        description="Name in the tables."
    )
    pattern: str = Field(min_length=1, description="Regular expression for the whole sequence.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        _compiled(pattern)
        return pattern


class EvaluationConfig(Section):
    """How predictions are judged."""

    strata: list[Stratum] = Field([], description="Groups of examples to score apart.")
    resamples: int = Field(1000, ge=100, description="Bootstrap resamples.")
    permutations: int = Field(9999, ge=99, description="Sign flips of a paired test.")
    confidence: Fraction = Field(0.95, description="Coverage of the intervals.")
    seed: int = Field(0, ge=0, description="Seed of resampling and permutation.")


class Published(Section):
    """A number from a paper that the analysis tries to reproduce."""

    name: str = Field(description="What the paper calls the model.")
    metric: Literal["r2", "mse", "pearson", "spearman", "information"]
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


class AnalysisConfig(Section):
    """One analysis: one YAML file, one results directory."""

    title: str = Field(description="Title of the report.")
    question: str = Field("", description="What is asked, in a sentence or two.")
    sources: dict[Name, Source] = Field(min_length=1, description="Files to get, by name.")
    examples: ExamplesConfig
    expression: ExpressionConfig | None = None
    target: TargetConfig
    replicate: TableRef | None = Field(
        None,
        description="A second measurement of the same sequences, with the same columns: what it "
        "predicts of the first is the noise ceiling.",
    )
    split: Split
    models: dict[Name, ModelConfig] = Field(min_length=1, description="Networks, by name.")
    training: TrainingConfig = TrainingConfig()
    baselines: dict[Name, Baseline] = Field(
        {"mean": MeanBaseline(kind="mean")},
        min_length=1,
        description="Simple models to beat, by name.",
    )
    evaluation: EvaluationConfig = EvaluationConfig()
    published: list[Published] = Field([], description="Numbers to reproduce.")
    citations: list[Citation] = Field([], description="What to cite.")

    reserved: ClassVar[frozenset[str]] = frozenset({"replicate", "best_recurrent", "best_baseline"})

    @model_validator(mode="after")
    def _names_agree(self) -> AnalysisConfig:
        named = {"examples": list(self.examples.inputs.values())}
        if self.replicate:
            named["replicate"] = [str(self.replicate.source)]
        for key, sources in named.items():
            for source in sources:
                if source not in self.sources:
                    raise ValueError(
                        f"{key}.source is '{source}', but sources has only {listed(self.sources)}"
                    )
        if both := sorted(set(self.models) & set(self.baselines)):
            raise ValueError(f"{listed(both)} is the name of a model and of a baseline")
        if taken := sorted((set(self.models) | set(self.baselines)) & self.reserved):
            raise ValueError(f"{listed(taken)} is a reserved word and can't name a model")
        if not self.target.column and not self.expression:
            raise ValueError("target.column is needed where there is no expression section")
        if self.target.column and self.expression:
            raise ValueError("give target.column or an expression section, not both")
        if self.expression:
            self._expression_agrees(self.expression)
        strata = [stratum.name for stratum in self.evaluation.strata]
        if len(set(strata)) != len(strata):
            raise ValueError("evaluation.strata: each name may be given once")
        known = {*self.models, *self.baselines, *self.reserved} - {"replicate"}
        subsets = {"validation", "test", *(f"test/{name}" for name in strata)}
        for entry in self.published:
            if entry.model not in known:
                raise ValueError(
                    f"published: '{entry.model}' is no model here{nearest(entry.model, known)}"
                )
            if entry.subset not in subsets:
                raise ValueError(f"published: no subset '{entry.subset}' among {listed(subsets)}")
        return self

    def _expression_agrees(self, expression: ExpressionConfig) -> None:
        columns = list(expression.counts)
        for step in expression.normalization:
            if isinstance(step, LogRatio):
                for column in (step.numerator, step.denominator):
                    if column not in columns:
                        raise ValueError(
                            f"expression: '{column}' is not among the columns at this step: "
                            f"{listed(columns)}"
                        )
                columns = ["log_ratio"]
        if len(columns) != 1:
            raise ValueError(
                "expression: a target is one column; after the last step there are "
                f"{listed(columns)}"
            )

    def training_of(self, model: str) -> TrainingConfig:
        """How one model is trained: the common settings with the model's own in their place."""
        own = self.models[model].model_dump(include={"epochs", "learning_rate"}, exclude_none=True)
        return self.training.model_copy(update=own)

    @property
    def folds(self) -> list[int]:
        """Numbers of the folds that the split makes."""
        return [0]


class DownloadConfig(Section):
    """Where downloads come from and where they go."""

    store: str = Field("resources/downloads", min_length=1, description="Folder of the downloads.")
    mirror: str | None = Field(
        None,
        min_length=1,
        description="A folder or an address, laid out as host/path, that is asked first.",
    )
    offline: bool = Field(
        False, description="Forbid the network: only the store and a mirror folder are used."
    )
    attempts: int = Field(5, ge=1, description="Tries before a download is given up.")


class RunConfig(Section):
    """`config/config.yaml`: which analyses to run, how to download; nothing else."""

    analyses: list[str] = Field(
        min_length=1,
        description="Names of files in `config/analyses/` (without .yaml), or paths that end in .yaml.",  # noqa: E501
    )
    download: DownloadConfig = DownloadConfig()


def section(key: str, value: Any) -> Any:
    """One checked top-level section from the plain values that a rule hands to a script."""
    field = AnalysisConfig.model_fields[key]
    return TypeAdapter(Annotated[field.annotation, field]).validate_python(value)


# -- reading ---------------------------------------------------------------------------------------


def load_analysis(path: str | Path) -> AnalysisConfig:
    """Read and check an analysis file.

    Raises
    ------
    InputError
        One line a problem: file, line, key, what is wrong and, for an unknown key, the nearest
        key that exists.
    """
    value, lines = read_yaml(path)
    return validate(AnalysisConfig, value, str(path), lines)
