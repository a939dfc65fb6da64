"""Methods: what a run did, in words that a paper can take, and the DOME checklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from . import __version__, model_words, searches
from .bootstrap import FEWEST_CLUSTERS
from .config import AnalysisConfig
from .config_expression import Log, LogRatio, Missing
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
from .findings import CORRECTIONS
from .origins import describe
from .searches import FoundSearch
from .splits import SUBSETS, sizes_of
from .targets import REGRESSION, Task


def _normalization_in_words(analysis: AnalysisConfig) -> str:
    assert analysis.expression is not None
    words = _steps(analysis)
    check = analysis.expression.check
    checked = ""
    if check:
        what = "The result" if check.factor == 1 else f"{check.factor:g} times the result"
        constant = " up to a constant" if check.up_to else ""
        checked = (
            f" {what} equals the column `{check.column}` of the source{constant} within "
            f"{check.tolerance:g}."
        )
    return f"The target was computed from raw counts: {'; then '.join(words)}.{checked}"


def _steps_in_words(analysis: AnalysisConfig) -> str:
    words = _steps(analysis)
    if not words:
        return "The expression values were used as they came."
    return (
        f"Expression was normalised: {'; then '.join(words)}. What this learns from data it "
        "learned from the training examples."
    )


_STEP_WORDS = {
    "cpm": "counts per {total:g} of each sample",
    "tpm": "transcripts per million",
    "fpkm": "fragments per kilobase and million",
    "upper_quartile": "counts per million with upper-quartile factors (Bullard et al. 2010)",
    "tmm": "counts per million with TMM factors (Robinson & Oshlack 2010)",
    "median_of_ratios": "counts divided by size factors (median of ratios, Anders & Huber 2010)",
    "vst": "variance stabilising transformation of DESeq2 with the {trend} trend of the dispersion "
    "(Anders & Huber 2010; Love et al. 2014)",
    "quantile": "quantile normalisation to the mean of the training samples (Bolstad et al. 2003)",
    "z_score": "z-score with mean and standard deviation of the training rows",
    "row_z_score": "z-score of each row by itself",
    "nonzero_median": "division by each gene's median over the training rows that have any of it",
    "robust_scale": "median and interquartile range of the training rows",
    "low_counts": "genes with {min_count:g} counts or more in at least {min_fraction:.0%} of the "
    "training samples",
    "highly_variable": "the {genes:,} genes with the largest variance in training",
}


def _logarithm(base: float | str) -> str:
    return "ln" if base == "e" else f"log{base:g}"


def _ratio_in_words(step: LogRatio) -> str:
    added = f" + {step.pseudocount:g}" if step.pseudocount else ""
    ratios = [
        f"({above}{added}) / ({below}{added})" if added else f"{above} / {below}"
        for above, below in zip(step.numerators, step.denominators, strict=True)
    ]
    whole = ratios[0] if len(ratios) == 1 else f"mean of {', '.join(ratios)}"
    depth = ", each count over the sum of its column in training" if step.depth else ""
    return f"{_logarithm(step.base)}({whole}){depth}"


def _steps(analysis: AnalysisConfig) -> list[str]:
    assert analysis.expression is not None
    words = []
    for step in analysis.expression.normalization:
        if isinstance(step, LogRatio):
            text = _ratio_in_words(step)
            if step.reference_sequence:
                text += (
                    f", shifted so that {step.reference_sequence} has the value "
                    f"{step.reference_value:g}"
                )
        elif isinstance(step, Log):
            text = f"{_logarithm(step.base)}(value + {step.pseudocount:g})"
        elif isinstance(step, Missing):
            text = {
                None: "genes with missing values in training dropped",
                "median": "missing values filled with the median of training",
                "knn": f"missing values filled with the mean of the {step.neighbors} nearest "
                "training examples (Troyanskaya et al. 2001)",
            }[step.fill]
        else:
            text = _STEP_WORDS[step.method].format(**dict(step))
        words.append(text)
    return words


_INFORMATION_INTERVAL = (
    "; those of the information resample pointwise contributions, spread to the standard error of "
    "Holmes & Nemenman 2019"
)


def _target_in_words(analysis: AnalysisConfig, task: Task) -> str:
    if analysis.target.gene:
        return (
            f"{_steps_in_words(analysis)} The target is the normalised expression of "
            f"{analysis.target.gene}, which is not among the inputs."
        )
    if task.next_value:
        steps = f"{_steps_in_words(analysis)} " if analysis.has_profiles else ""
        return (
            f"{steps}The target of each step is the value at the next one; no model sees what "
            "comes after the step."
        )
    if analysis.has_profiles:
        return f"{_steps_in_words(analysis)} {_column_in_words(analysis, task)}"
    if analysis.expression is not None and analysis.expression.target:
        return _genes_in_words(analysis)
    if analysis.expression is not None:
        return (
            f"{_normalization_in_words(analysis)} Normalisation was fitted on training examples "
            "only; a reference that is named in it is a constant of the analysis."
        )
    return _column_in_words(analysis, task)


def _genes_in_words(analysis: AnalysisConfig) -> str:
    assert analysis.expression is not None and analysis.expression.target is not None
    target = analysis.expression.target
    steps = "; then ".join(_steps(analysis)) or "as they came"
    which = "all samples" if isinstance(target.samples, str) else f"{len(target.samples)} samples"
    return (
        f"The target is the {target.summary} over {which} of the expression of the gene. Values "
        f"were normalised sample by sample: {steps}. What a sample is scaled by was learned from "
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


def profile_in_words(profile: Mapping[str, Any]) -> str:
    """What an expression profile is, and in which way it is read as a sequence."""
    count, of_genes = f"{profile['genes']:,}", profile["examples"] == "genes"
    if profile["method"] == "time":
        return (
            f"The inputs are the time courses of genes, {count} points in real time, one at a step."
        )
    if profile["method"] == "rank":
        return (
            f"The inputs are expression profiles of {count} genes, read by rank: the names of the "
            f"genes with a value above zero, the highest first, at most {profile['length']:,}; "
            "each name is embedded. The simple models see the values of all genes."
        )
    step = profile["genes_per_step"]
    if of_genes:
        return (
            f"The inputs are the values of genes in {count} samples, {step} at a step in the order "
            "of the file."
        )
    order = (
        "by chromosome and position"
        if profile["by"] == "position"
        else "in the order of the file, which has no meaning unless the file gives it one"
    )
    return (
        f"The inputs are expression profiles of {count} genes, read as a sequence of {step} genes "
        f"at a step {order}."
    )


def _inputs_in_words(description: Description) -> str:
    return _steps_of_inputs(description) + _beside_in_words(description.covariates)


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


def _weights_in_words(analysis: AnalysisConfig) -> str:
    column = analysis.examples.weight
    if column is None:
        return ""
    return (
        f" Examples were weighted by the column `{column}` in the losses of networks and simple "
        "models, in training and where training is stopped; scores, intervals and tests count "
        "every example once."
    )


def _steps_of_inputs(description: Description) -> str:
    if description.profile:
        return profile_in_words(description.profile)
    if description.inputs == "letters":
        return f"Sequences were one-hot encoded ({description.alphabet})."
    return "Inputs were standardised by mean and standard deviation of the training examples."


def split_in_words(split: Split, folds: pd.DataFrame) -> str:
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
    match split.groups:
        case ColumnGroups():
            together = f"; those of one `{split.groups.column}` stayed together"
        case HomologyGroups():
            identity = split.groups.identity or "the usual"
            together = (
                f"; sequences that MMseqs2 aligns with an identity of at least {identity} over "
                f"{split.groups.coverage:g} of both stayed together, with all that are linked so, "
                "and so did short ones that are nearly equal"
            )
        case _:
            together = "" if isinstance(split, ColumnSplit) else "; identical ones stayed together"
    even = ", each part with its share of every class" if split.stratify else ""
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
    return f"Examples were assigned {how}{even}{together}: {counts}."


def _audit_in_words(description: Description) -> str:
    said = "Identical inputs in training and the other subsets were counted"
    if description.inputs != "letters":
        return f"{said}."
    return (
        f"{said}, and sequences with one substitution; of test sequences the most similar training "
        "sequence was found (1 - edit distance / length of the longer)."
    )


def methods_text(
    analysis: AnalysisConfig,
    description: Description,
    folds: pd.DataFrame,
    n_read: int,
    device_note: str,
    found: Sequence[FoundSearch] = (),
) -> str:
    """Markdown for a paper's methods section, from the settings and what the run found.

    Parameters
    ----------
    description
        What the examples are.
    folds
        Of the split itself, `fold, scheme, repeat, train, validation, test`.
    n_read
        Records in the source.
    device_note
        From a model's `model.json`.
    found
        The searches for hyperparameters.
    """
    training, evaluation, task = analysis.training, analysis.evaluation, description.task
    networks = [
        model_words.network_in_words(name, model, task, training.huber_delta)
        for name, model in analysis.models.items()
    ]
    baselines = [
        model_words.baseline_in_words(name, baseline, task, description.inputs)
        for name, baseline in analysis.baselines.items()
    ]
    losses = model_words.loss_in_words(task, training) + _weights_in_words(analysis)
    spread = model_words.spread_in_words(analysis.models)
    metrics = f"{model_words.metrics_in_words(task)} on the test examples.{spread}"
    decay = f", weight decay {training.weight_decay:g}" if training.weight_decay else ""
    searched = searches.in_words(found, analysis.tune)
    searched = f"\n\n**Hyperparameters.** {searched}" if searched else ""
    interval = f"{100 * evaluation.confidence:g} %"
    return f"""\
# Methods: {analysis.title}

**Data.** {n_read:,} records were read from {_origin(analysis)}; \
{folds[list(SUBSETS)].iloc[0].sum():,} passed the checks of letters, lengths and counts. \
{_target_in_words(analysis, task)}

**Split.** {split_in_words(analysis.split, folds)} {_audit_in_words(description)}

**Networks.** {_inputs_in_words(description)} \
{"; ".join(networks)}. {losses} Unless said otherwise: optimiser \
{training.optimizer}, highest learning rate {training.learning_rate:g}{decay}, schedule \
{training.schedule}, batches of {training.batch_size}, at most {training.epochs} epochs, stopped \
after {training.patience} without a better validation loss; gradients with a norm over \
{training.clip_norm:g} were scaled down. Each network was trained with the seeds \
{", ".join(map(str, training.seeds))}; the weights of the epoch with the lowest validation loss \
were kept. Device: {device_note}.{searched}

**Baselines.** {"; ".join(baselines)}.

**Evaluation.** {metrics} Intervals are {interval} \
bootstrap intervals ({evaluation.resamples:,} resamples) over \
{"whole sequences" if task.per == "position" else "examples"} and, for means over seeds, over \
seeds; BCa intervals (Efron 1987) of the metrics for which these cover better in simulations, and \
percentile intervals of the others and of differences\
{_INFORMATION_INTERVAL if task == REGRESSION else ""}. \
{_clusters_in_words(analysis)}Networks were compared with the \
baseline of lowest validation loss and with each other on the same test examples by a two-sided \
paired sign-flip permutation test ({evaluation.permutations:,} permutations), p-values adjusted \
after {CORRECTIONS[evaluation.correction]}; tests.tsv has those of DeLong et al. (1988), McNemar \
(mid-p), and over folds Nadeau and Bengio (2003), where they apply.{_curve_in_words(analysis)}\
{_explanations_in_words(analysis)}

Made with biornn {__version__}.
"""


def _curve_in_words(analysis: AnalysisConfig) -> str:
    """How models were trained on parts of the training examples, where they were; else empty."""
    if not analysis.parts:
        return ""
    shares = ", ".join(f"{100 * share:g} %" for share in analysis.parts)
    return (
        f" For the learning curve every model was also trained on {shares} of the training "
        "examples of the first fold (nested parts, of each class the same share), networks for as "
        "many steps as on the whole."
    )


def _explanations_in_words(analysis: AnalysisConfig) -> str:
    """How networks were explained, as a paragraph; empty where none was."""
    explain = analysis.explain
    if not analysis.explained:
        return ""
    said = (
        f"Contributions are integrated gradients (Sundararajan et al. 2017) of up to "
        f"{explain.examples:,} test examples of the first fold, from the mean of the training "
        "inputs, with as many points as bring them within 1 % of the change of the output (of "
        "classes the logit less the mean of the others); means over seeds. Their agreement between "
        "seeds was compared with that with networks of fresh weights (Adebayo et al. 2018)."
    )
    if explain.mutagenesis and not analysis.has_profiles:
        said += " Letters were exchanged one by one (in silico mutagenesis)."
    if explain.motifs:
        said += " Motifs were compared with known ones by TOMTOM (Gupta et al. 2007)."
    if explain.gene_sets:
        said += (
            " Genes were ranked by their mean contribution, its sign turned where they are below "
            "the mean, and tested by pre-ranked gene set enrichment (Subramanian et al. 2005)."
        )
    return f"\n\n**Explanations.** {said}"


def _clusters_in_words(analysis: AnalysisConfig) -> str:
    """What is drawn whole, where the split keeps something together; else empty."""
    kept = {"column": "groups", "homology": "clusters of similar sequences"}
    what = kept.get(analysis.split.groups.by)
    if what is None:
        return ""
    return (
        f"Where the test set has at least {FEWEST_CLUSTERS} {what}, these are drawn whole in the "
        "bootstrap, and flip their signs together in the test. "
    )


def _origin(analysis: AnalysisConfig) -> str:
    # the members are those of the examples or of the matrix; joined files have their own
    examples = analysis.expression.matrix if analysis.has_profiles else analysis.examples
    names = [examples.source] if analysis.has_profiles else analysis.examples.inputs.values()
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


def _searched_in_words(analysis: AnalysisConfig) -> str:
    if not analysis.tune:
        return "as written in config.yaml, none searched"
    return (
        f"searched for {', '.join(analysis.tune)} on the validation set (chosen.json and "
        "trials.tsv of each fold); the others as written in config.yaml"
    )


def dome(
    analysis: AnalysisConfig, description: Description, folds: pd.DataFrame, audit: pd.DataFrame
) -> dict[str, Any]:
    """The DOME recommendations (Walsh et al., Nature Methods 18:1122, 2021), as far as a run knows.

    An entry with `"status": "author"` is left for a person.
    """
    author = {"status": "author", "text": ""}
    explained = _explanations_in_words(analysis).removeprefix("\n\n**Explanations.** ")
    task = description.task

    delta = analysis.training.huber_delta
    losses = model_words.loss_in_words(task, analysis.training)
    losses += model_words.own_losses_in_words(analysis.models, delta) + _weights_in_words(analysis)

    def run(text: str) -> dict[str, str]:
        return {"status": "run", "text": text}

    shared = audit[audit["check"] == "identical_sequence"]
    overlap = "; ".join(f"{row.subset}: {row.count_} of {row.n}" for row in
                        shared.rename(columns={"count": "count_"}).itertuples())  # fmt: skip
    return {
        "data": {
            "provenance": run(_origin(analysis)),
            "dataset_splits": run(split_in_words(analysis.split, folds)),
            "redundancy_between_splits": run(f"sequences identical to a training one: {overlap}"),
            "availability": author,
        },
        "optimization": {
            "algorithm": run(f"{', '.join(analysis.models)}. {losses}"),
            "meta_predictions": run("no"),
            "hyperparameters": run(_searched_in_words(analysis)),
            "data_encoding": run(_inputs_in_words(description)),
            "regularization": run(
                f"early stopping (patience {analysis.training.patience}), gradient clipping"
            ),
            "configuration_availability": run("config.yaml beside this file"),
        },
        "model": {
            "interpretability": run(explained) if explained else author,
            "output": run(f"{task.name} per {task.per}"),
            "availability": run("weights.safetensors and model.json of every model"),
        },
        "evaluation": {
            "method": run("held-out test set; validation set for all choices"),
            "performance_measures": run(model_words.metrics_in_words(task)),
            "comparison": run(", ".join(analysis.baselines)),
            "confidence": run(
                f"bootstrap over examples (or what the split keeps together) and "
                f"{len(analysis.training.seeds)} seeds; paired tests"
            ),
            "availability": run(
                "metrics.tsv, comparisons.tsv, tests.tsv, classes.tsv, calibration.tsv, "
                "predictions.parquet"
            ),
        },
    }
