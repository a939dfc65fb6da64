"""Words for the data: origin, checks, target, inputs and split, as a paper would name them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from .config import AnalysisConfig
from .config_data import ExamplesConfig
from .config_sources import PathSource, PypiSource
from .config_split import (
    ColumnGroups,
    ColumnSplit,
    HomologyGroups,
    KFoldSplit,
    LeaveOneOutSplit,
    MutationOrderSplit,
    OrderedSplit,
    Split,
)
from .examples import Description
from .expression_words import (
    but_reference,
    normalization_in_words,
    profile_in_words,
    steps,
    steps_in_words,
)
from .homology import DEFAULT_IDENTITY
from .origins import describe
from .splits import SUBSETS, sizes_of
from .targets import Task

#: Names of alphabets, as they are written.
ALPHABETS = {"dna": "DNA", "rna": "RNA", "protein": "protein"}
_DUPLICATES = {
    "keep": "Identical sequences were kept",
    "keep_first": "Of identical sequences the first was kept",
    "drop": "Sequences that were there more than once were left out",
}


def records_in_words(
    analysis: AnalysisConfig, n_read: int, folds: pd.DataFrame, n_not_drawn: int = 0
) -> str:
    """How many records were read and used, from where, and what was done to them.

    `n_not_drawn` passed the checks and are not in the sample.
    """
    used = int(folds[list(SUBSETS)].iloc[0].sum())
    examples, letters = analysis.examples, analysis.examples.sequence
    if used == n_read:
        kept = f"{'all of them' if n_read > 1 else 'it'} {'were' if n_read > 1 else 'was'} used"
    else:
        drawn = _drawn_in_words(analysis, used) if n_not_drawn else ""
        kept = f"{used:,} examples{drawn} were used"
    said = f"{n_read:,} records were read from {origin(analysis)}; {kept}"
    cut = [] if analysis.has_profiles or examples.numbers else _cut_in_words(examples)
    said += f" ({'; '.join(cut)})" if cut else ""
    if examples.join:
        said += ". Columns of other tables were joined by the identifier of the records"
    dropped = _dropped_in_words(analysis)
    said += f". Records {' or '.join(dropped)} were left out" if dropped else ""
    target = analysis.target
    if target.small_classes == "drop" and target.min_class_size > 1:
        said += f". Classes of fewer than {target.min_class_size:,} examples were left out"
    if target.masked:
        said += f". Positions labelled {', '.join(target.masked)} were neither learned nor scored"
    if analysis.has_profiles:
        return f"{said}."
    if examples.numbers is None and letters.ambiguity == "allow":
        said += ". Ambiguity codes, where there are any, stand for mixtures of letters"
    if examples.duplicates in _DUPLICATES:
        said += f". {_DUPLICATES[examples.duplicates]}"
    return f"{said}."


def _drawn_in_words(analysis: AnalysisConfig, used: int) -> str:
    """After `{used} examples`: that they are a sample, or part of one."""
    sample, expression = analysis.examples.sample, analysis.expression
    assert sample is not None
    kept = " with the reference sequence" * bool(expression and expression.references)
    drawn = f"drawn by chance{kept} (seed {sample.seed}) from those that passed all checks"
    # of copies that a split leaves out some may have been drawn
    return f", {drawn}," if used == sample.n else f" of {sample.n:,} {drawn}"


def _cut_in_words(examples: ExamplesConfig) -> list[str]:
    """What was done to the letters of the records."""
    letters, cut = examples.sequence, []
    if examples.windows:
        cut.append("pieces at annotated places were taken out of longer sequences")
    if examples.tiles:
        step = examples.tiles.step or examples.tiles.length
        cut.append(
            f"long sequences were cut into pieces of {examples.tiles.length:,} letters, one every "
            f"{step:,} letters"
        )
    if letters.remove:
        cut.append(f"the characters `{letters.remove}` were taken out")
    if letters.strip_start:
        cut.append(f"a leading {letters.strip_start} was taken off")
    if letters.too_long.startswith("crop") and letters.max_length:
        cut.append(f"sequences of more than {letters.max_length:,} letters were cropped")
    return cut


def _dropped_in_words(analysis: AnalysisConfig) -> list[str]:
    """Which records were left out, where there were such."""
    examples, letters, dropped = analysis.examples, analysis.examples.sequence, []
    if not analysis.has_profiles and examples.numbers is None:
        if letters.ambiguity == "drop":
            dropped.append("with ambiguity codes")
        if letters.unknown == "drop":
            dropped.append("with letters outside the alphabet")
        if letters.too_short == "drop" and letters.min_length > 1:
            dropped.append(f"of fewer than {letters.min_length:,} letters")
        if letters.too_long == "drop" and letters.max_length:
            dropped.append(f"of more than {letters.max_length:,} letters")
    if any(other.unmatched == "drop" for other in examples.join):
        dropped.append("without a counterpart in the joined tables")
    if analysis.target.missing == "drop":
        dropped.append("without a target")
    if examples.incomplete == "drop" and (examples.covariates or examples.weight):
        dropped.append("with an empty covariate or weight")
    return dropped


def origin(analysis: AnalysisConfig) -> str:
    """Where the examples come from."""
    # the members are those of the examples or of the matrix; joined files have their own
    examples = analysis.expression.matrix if analysis.has_profiles else analysis.examples
    names = [examples.source] if analysis.has_profiles else list(analysis.examples.inputs)
    places = []
    for name in names:
        source = analysis.sources[name]
        if isinstance(source, PathSource):
            place = f"the file `{Path(source.path).name}`"
        elif isinstance(source, PypiSource):
            place = f"the package {source.package} {source.version}"
        else:
            place = describe(source)
        places.append(f"`{examples.member}` in {place}" if examples.member else place)
    return ", ".join(places)


def target_in_words(analysis: AnalysisConfig, task: Task) -> str:
    """What is predicted, and what was done to get it."""
    if analysis.target.gene:
        return (
            f"{steps_in_words(analysis)} The target is the normalised expression of "
            f"{analysis.target.gene}, which is not among the inputs."
        )
    if task.next_value:
        before = f"{steps_in_words(analysis)} " if analysis.has_profiles else ""
        return (
            f"{before}The target of each step is the value at the next one; no model sees what "
            "comes after the step."
        )
    if analysis.has_profiles:
        return f"{steps_in_words(analysis)} {_column_in_words(analysis, task)}"
    if analysis.expression is not None and analysis.expression.target:
        return _genes_in_words(analysis)
    if analysis.expression is not None:
        return (
            f"{normalization_in_words(analysis)} What the normalisation learns from data it "
            f"learned from the training examples{but_reference(analysis)}."
        )
    return _column_in_words(analysis, task)


def _genes_in_words(analysis: AnalysisConfig) -> str:
    assert analysis.expression is not None and analysis.expression.target is not None
    target = analysis.expression.target
    done = "; then ".join(steps(analysis)) or "as they came"
    which = "all samples" if isinstance(target.samples, str) else f"{len(target.samples)} samples"
    return (
        f"The target is the {target.summary} over {which} of the expression of the gene. Values "
        f"were normalised sample by sample: {done}. What a sample is scaled by was learned from "
        "training genes."
    )


def _column_in_words(analysis: AnalysisConfig, task: Task) -> str:
    column = analysis.target.column or ("class" if analysis.examples.classes else "output")
    what = {
        "regression": "a number",
        "count": "a count",
        "ordinal": "one of some ordered classes",
        "multilabel": "any number of labels",
    }.get(task.name, "a class")
    what += " for each position" if task.per == "position" else ""
    what += f" ({', '.join(task.classes)})" if task.classes else ""
    return f"The target is the column `{column}` as it came: {what}."


def inputs_in_words(analysis: AnalysisConfig, description: Description) -> str:
    """How inputs became numbers."""
    embedded = all(model.letters == "embedding" for model in analysis.models.values())
    return _steps_of_inputs(description, embedded) + _beside_in_words(description.covariates)


def _beside_in_words(covariates: Sequence[str]) -> str:
    """The second input; of many covariates only how many there are."""
    if not covariates:
        return ""
    shown = [f"`{name}`" for name in covariates[:8]]
    named = ", ".join(shown) if len(covariates) <= 8 else f"{shown[0]} to `{covariates[-1]}`"
    many = f"{len(covariates)} covariates" if len(covariates) > 1 else "a covariate"
    return (
        f" Beside them, {many} of each example ({named}), standardised by mean and standard "
        "deviation of the training examples, went through a layer of its own, and what it made of "
        "them stood beside the readout of the sequence (late fusion); linear models and boosting "
        "had them as further features."
    )


def weights_in_words(analysis: AnalysisConfig) -> str:
    """What the weights of the examples were used for, after a space; empty where there are none."""
    column = analysis.examples.weight
    if column is None:
        return ""
    return (
        f" Examples were weighted by the column `{column}` in the losses of networks and simple "
        "models, in training and where training is stopped; scores, intervals and tests count "
        "every example once."
    )


def _steps_of_inputs(description: Description, embedded: bool) -> str:
    if description.profile:
        return profile_in_words(description.profile)
    if description.inputs == "letters":
        name = ALPHABETS.get(str(description.alphabet), description.alphabet)
        if embedded:
            return f"The letters of the sequences ({name}) were read as vectors that are learned."
        return f"Sequences were one-hot encoded ({name})."
    return (
        "Inputs are series of numbers, standardised by mean and standard deviation of the training "
        "examples."
    )


def split_in_words(split: Split, folds: pd.DataFrame, alphabet: str | None = None) -> str:
    """How examples were assigned, and how many; `folds` are those of the split itself."""
    match split:
        case ColumnSplit():
            how = f"as the data's own column `{split.column}` says"
        case KFoldSplit():
            rounds = f", in {split.repeats} rounds" if split.repeats > 1 else ""
            how = f"to {split.k} folds by chance{rounds} (seed {split.seed})"
        case LeaveOneOutSplit():
            of = "example" if not isinstance(split.groups, ColumnGroups) else "group"
            how = f"so that each {of} is the test set once"
        case OrderedSplit():
            of = f"column `{split.column}`" if split.column else "the file"
            how = f"in the order of {of}, the last for testing"
        case MutationOrderSplit():
            parent = split.parent or "the most frequent letters"
            how = (
                f"by the number of substitutions from {parent}: up to {split.train_up_to} for "
                "training and validation, more for testing"
            )
        case _:
            how = f"by chance (seed {split.seed})"
    together = _together_in_words(split, alphabet)
    even = ", each part with its share of every class" if split.stratify else ""
    match drawn_by_chance(split):
        case "nothing":
            how_drawn = ""
        case "validation":
            even = " with its share of every class" if split.stratify else ""
            how_drawn = (
                f"; validation was drawn by chance{even} from what is not tested (seed "
                f"{split.seed}), and in that draw {together}"
            )
        case _:
            how_drawn = f"{even}; {together}"
    if split.drop_copies:
        strand = " (or its reverse complement)" * (alphabet == "dna")
        how_drawn += (
            f"; validation and test examples whose sequence{strand} was also in an earlier part "
            "were left out"
        )
    sizes = sizes_of(folds)
    counts = (
        f"{sizes['train']:,} for training, {sizes['validation']:,} for validation, "
        f"{sizes['test']:,} for testing"
    )
    if len(folds) > 1:
        counts = f"{len(folds)} folds, each with about {counts}"
        counts += (
            ". The scores are those of all test examples together, each predicted by models that "
            "did not see it; networks and baselines were chosen by their mean validation loss over "
            "the folds"
        )
    return f"Examples were assigned {how}{how_drawn}: {counts}."


def drawn_by_chance(split: Split) -> Literal["all", "validation", "nothing"]:
    """Which examples were assigned by chance: only these are kept together with others."""
    match split:
        case ColumnSplit():
            return "validation" if isinstance(split.validation, float) else "nothing"
        case OrderedSplit():
            return "validation" if split.validation_from == "chance" else "nothing"
        case MutationOrderSplit():
            return "validation"
        case _:
            return "all"


def _together_in_words(split: Split, alphabet: str | None) -> str:
    """What stays together where examples are assigned by chance."""
    match split.groups:
        case ColumnGroups():
            return f"those of one `{split.groups.column}` stayed together"
        case HomologyGroups():
            usual = DEFAULT_IDENTITY.get(str(alphabet), "0.4 (protein) or 0.8 (DNA and RNA)")
            identity = split.groups.identity or usual
            return (
                f"sequences that MMseqs2 (Steinegger & Söding 2017) aligns with an identity of "
                f"at least {identity} over {100 * split.groups.coverage:g} % of both stayed "
                "together, with all that are linked so, and so did short ones that are nearly equal"
            )
        case _:
            return "identical ones stayed together"


def audit_in_words(description: Description) -> str:
    """What the audit looked for between training and the other subsets."""
    said = "The audit of the split counted validation and test inputs that are also in training"
    if description.inputs != "letters":
        return f"{said}."
    strand = ", or the reverse complement of one that is" * (description.alphabet == "dna")
    strands = ", on either strand" * (description.alphabet == "dna")
    return (
        f"{said}{strand}, or differ from one by a single letter. For test sequences, or a part of "
        "them drawn by chance where there are many, the most similar training sequence was found "
        f"(identity: 1 - edit distance / length of the longer{strands})."
    )
