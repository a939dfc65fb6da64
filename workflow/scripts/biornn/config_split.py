"""Configuration of splits: who is trained on, who is tested, and what may not be torn apart."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .config_base import Fraction, Section

#: In place of the number of a fold: all of them.
ALL_FOLDS = "all"

Share = Annotated[float, Field(gt=0, le=1)]


class SequenceGroups(Section):
    """Identical sequences stay together; of DNA also reverse complements."""

    by: Literal["sequence"]


class ColumnGroups(Section):
    """Examples with the same value in a column stay together: a patient, a gene, a family."""

    by: Literal["column"]
    column: str = Field(description="Column with the group of each example.")


class HomologyGroups(Section):
    """Similar sequences stay together: groups are linked by alignments that MMseqs2 finds."""

    by: Literal["homology"]
    identity: Share | None = Field(
        None,
        description="Identity of two aligned sequences from which they are linked; without it 0.4 "
        "for protein and 0.8 for DNA and RNA.",
    )
    coverage: Share = Field(0.8, description="Share of both sequences that must be aligned.")
    sensitivity: float = Field(
        5.7, ge=1, le=7.5, description="Sensitivity of the search for protein (MMseqs2's `-s`)."
    )
    max_evalue: float = Field(
        0.1, gt=0, description="Alignments with a larger expected number by chance do not count."
    )


Groups = Annotated[SequenceGroups | ColumnGroups | HomologyGroups, Field(discriminator="by")]


class _Split(Section):
    """What all splits share."""

    seed: int = Field(0, ge=0, description="Seed of what is drawn by chance.")
    groups: Groups = Field(
        SequenceGroups(by="sequence"), description="What is never torn apart by chance."
    )
    stratify: bool = Field(False, description="Whether each part gets its share of each class.")
    on_leakage: Literal["warn", "error"] = Field(
        "warn",
        description="What happens when a validation or test example has its sequence (or its "
        "reverse complement) or its group in training: it is said in the report, or the run stops.",
    )
    drop_copies: bool = Field(
        False,
        description="Leave out of each fold the validation examples whose sequence (or, of DNA, "
        "its reverse complement) is in training, and the test examples that have theirs in either: "
        "for a split that came with copies across its parts.",
    )
    max_identity: Share | None = Field(
        None,
        description="A test sequence whose nearest training sequence is more similar than this "
        "also counts as leakage (identity: 1 - edit distance / length of the longer).",
    )

    @property
    def columns(self) -> dict[str, str]:
        """Columns of the data that the split needs: `subset`, `group` or `order`, by our name."""
        return {"group": self.groups.column} if isinstance(self.groups, ColumnGroups) else {}

    @property
    def by_homology(self) -> bool:
        """Whether sequences must be clustered first."""
        return isinstance(self.groups, HomologyGroups)

    @property
    def n_folds(self) -> int:
        """How many folds are made."""
        return 1


class ColumnSplit(_Split):
    """The split that the data came with, or parts that are held out, such as chromosomes."""

    method: Literal["column"]
    column: str = Field(description="Column that says where an example belongs.")
    train: list[str] | Literal["rest"] = Field(
        ["train"], description="Values that mean training; `rest`: all that mean nothing else."
    )
    validation: list[str] | Fraction = Field(
        ["validation"],
        description="Values that mean validation, or the fraction of training that is taken for it "
        "by chance.",
    )
    test: list[str] = Field(["test"], min_length=1, description="Values that mean test.")

    @property
    def columns(self) -> dict[str, str]:
        """See `_Split`."""
        return super().columns | {"subset": self.column}


class _Compared(_Split):
    """Splits that can be set beside one by chance."""

    compare_random: bool = Field(
        False,
        description="Train and test the same models on random folds of the same sizes, too, and "
        "report how much better they seem there: the memorisation gap.",
    )

    @model_validator(mode="after")
    def _there_is_something_to_compare(self) -> _Compared:
        if self.compare_random and isinstance(self.groups, SequenceGroups):
            raise ValueError("compare_random needs groups by column or by homology")
        if self.compare_random and self.drop_copies:
            raise ValueError(
                "compare_random can't go with drop_copies: the split and the random folds would "
                "leave out other copies, and be compared on other examples; leave one of them out"
            )
        return self

    @property
    def n_folds(self) -> int:
        """See `_Split`."""
        return 2 if self.compare_random else 1


class RandomSplit(_Compared):
    """Examples (or groups of them) assigned by chance."""

    method: Literal["random"]
    validation: Fraction = Field(0.1, description="Fraction of the examples.")
    test: Fraction = Field(0.2, description="Fraction of the examples.")

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> RandomSplit:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave no training examples")
        return self


class KFoldSplit(_Compared):
    """Cross-validation: each example is in the test set of one fold."""

    method: Literal["k_fold"]
    k: int = Field(5, ge=2, le=100, description="Folds.")
    repeats: int = Field(1, ge=1, le=100, description="Whole rounds of k folds.")
    validation: Fraction = Field(
        0.1, description="Fraction of a fold's training part that is kept for validation."
    )

    @property
    def n_folds(self) -> int:
        """See `_Split`."""
        return super().n_folds * self.repeats * self.k


class LeaveOneOutSplit(_Split):
    """Each example, or each group, is tested once by models trained on all others."""

    method: Literal["leave_one_out"]
    validation: Fraction = Field(
        0.1, description="Fraction of a fold's training part that is kept for validation."
    )


class OrderedSplit(_Split):
    """Trained on what came first, tested on what came last: by time, or by the lines of a file."""

    method: Literal["ordered"]
    column: str | None = Field(
        None,
        description="Column of numbers or dates; equal values stay together. Without it the order "
        "of the file.",
    )
    test: Fraction | Annotated[int, Field(ge=1)] = Field(
        0.2, description="How many come last: a fraction or a number."
    )
    validation: Fraction = Field(0.1, description="Fraction of what comes before.")
    validation_from: Literal["last", "chance"] = Field(
        "last", description="Whether validation is the last part before the test, or by chance."
    )

    @property
    def columns(self) -> dict[str, str]:
        """See `_Split`."""
        return super().columns | ({"order": self.column} if self.column else {})


class MutationOrderSplit(_Split):
    """Trained on variants with few substitutions, tested on those with more."""

    method: Literal["mutation_order"]
    parent: str | None = Field(
        None, description="Sequence that is mutated; without it the most frequent letters."
    )
    train_up_to: int = Field(1, ge=1, description="Most substitutions of a training variant.")
    validation: Fraction = Field(0.1, description="Fraction of these, by chance.")


Split = Annotated[
    ColumnSplit | RandomSplit | KFoldSplit | LeaveOneOutSplit | OrderedSplit | MutationOrderSplit,
    Field(discriminator="method"),
]
