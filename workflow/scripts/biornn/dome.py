"""DOME: the checklist for machine learning in biology, filled in as far as a run knows.

The items are those of Walsh et al., Nature Methods 18:1122 (2021). What only a person can say has
the status `author`, with what there is to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from . import data_words, dome_data, evaluation_words, model_words, training_words
from .alphabets import ALPHABETS
from .config import AnalysisConfig
from .config_models import BoostingBaseline, LinearBaseline
from .examples import Description
from .splits import sizes_of
from .training_words import by_name, joined

#: The checklist, section by section; every item is in `dome`'s answer.
ITEMS = {
    "data": ("provenance", "dataset_splits", "redundancy_between_splits", "availability"),
    "optimization": (
        "algorithm", "meta_predictions", "data_encoding", "parameters", "features", "fitting",
        "regularization", "configuration_availability",
    ),
    "model": ("interpretability", "output", "execution_time", "availability"),
    "evaluation": ("method", "performance_measures", "comparison", "confidence", "availability"),
}  # fmt: skip
_SECONDS_AN_HOUR = 3600


def dome(
    analysis: AnalysisConfig,
    description: Description,
    folds: pd.DataFrame,
    audit: pd.DataFrame,
    *,
    networks: Sequence[Mapping[str, Any]] = (),
    baselines: Sequence[Mapping[str, Any]] = (),
    benchmarks: pd.DataFrame | None = None,
    machine: Mapping[str, str] | None = None,
) -> dict[str, dict[str, dict[str, str]]]:
    """The DOME recommendations, answered by a run.

    Parameters
    ----------
    folds, audit
        Of the split itself.
    networks, baselines
        `model.json` of every network and fold, and of every baseline.
    benchmarks
        From `outcome.read_benchmarks`.
    machine
        From `provenance.describe_machine`.

    Returns
    -------
    dict
        By section and item of `ITEMS`: `status`, `run` (filled in) or `author` (left for a
        person), and `text`.
    """
    task, explained = (
        description.task,
        evaluation_words.explanations_in_words(analysis, description, folds),
    )
    delta = analysis.training.huber_delta
    losses = model_words.loss_in_words(task, analysis.training)
    losses += model_words.own_losses_in_words(analysis.models, delta)
    losses += data_words.weights_in_words(analysis)
    described = [
        model_words.network_in_words(name, model, task, delta)
        for name, model in analysis.models.items()
    ]
    split = data_words.split_in_words(analysis.split, folds, description.alphabet)
    answers: dict[str, dict[str, str | None]] = {
        "data": {
            "provenance": f"{data_words.origin(analysis)}. {dome_data.targets(audit, folds)}"
            f"{dome_data.cited(analysis)}",
            "dataset_splits": f"{split}{dome_data.classes(audit, folds)}",
            "redundancy_between_splits": dome_data.redundancy(analysis, audit),
            "availability": None,
        },
        "optimization": {
            "algorithm": f"{_algorithm(analysis)} {'; '.join(described)}. {losses}",
            "meta_predictions": "No: no model reads the predictions of another one. What the input "
            "files hold is what their authors put there.",
            "data_encoding": data_words.inputs_in_words(analysis, description),
            "parameters": _parameters(analysis, networks),
            "features": _features(analysis, description, baselines),
            "fitting": _fitting(analysis, description, folds, networks),
            "regularization": _regularization(analysis, networks),
            "configuration_availability": "config.yaml beside this file has every setting, with "
            "seeds and defaults; model.json of each network what it was trained with, history.tsv "
            "the course of its losses; code/ the workflow as it ran. Whether they are published is "
            "for the author to say.",
        },
        "model": {
            "interpretability": _interpretability(explained),
            "output": _output(description),
            "execution_time": _execution_time(networks, benchmarks, machine),
            "availability": None,
        },
        "evaluation": {
            "method": _method(analysis, description, folds),
            "performance_measures": model_words.metrics_in_words(task),
            "comparison": _comparison(analysis),
            "confidence": f"{evaluation_words.intervals_in_words(analysis, task)} "
            f"{evaluation_words.comparisons_in_words(analysis, task, len(folds))}",
            "availability": "The predictions of every model are in predictions.parquet beside its "
            "description, with the true values, so that every score can be computed again; scores "
            "are in metrics.tsv, comparisons in comparisons.tsv and tests.tsv, calibration in "
            "calibration.tsv. Whether they are published is for the author to say.",
        },
    }
    return {
        section: {
            item: {"status": "author", "text": _FOR_THE_AUTHOR[section]}
            if answers[section][item] is None
            else {"status": "run", "text": str(answers[section][item])}
            for item in items
        }
        for section, items in ITEMS.items()
    }


_FOR_THE_AUTHOR = {
    "data": "To say: where the data and the split (splits.tsv) are published, and under which "
    "licence. Checksums of what was read are in ro-crate-metadata.json.",
    "model": "To say: where the models (weights.safetensors and model.json in models/) and the "
    "code (code/) are published, and under which licence.",
}


def _parameters(analysis: AnalysisConfig, networks: Sequence[Mapping[str, Any]]) -> str:
    """p of each network, and how hyperparameters were set."""
    counts = ", ".join(
        f"`{name}` {model_words.span(each['n_parameters'] for each in own)}"
        for name, own in by_name(networks).items()
    )
    told = f"Parameters p: {counts}. " if counts else ""
    if not analysis.tune:
        return f"{told}Hyperparameters were set as written in config.yaml; none was searched here."
    return (
        f"{told}Hyperparameters of {joined(f'`{name}`' for name in analysis.tune)} were searched "
        "on the validation examples (chosen.json and trials.tsv of each fold); the others were set "
        "as written in config.yaml."
    )


def _features(
    analysis: AnalysisConfig, description: Description, baselines: Sequence[Mapping[str, Any]]
) -> str:
    """f, and whether features were selected."""
    beside = len(description.covariates)
    more = f", and {beside:,} covariate{'s' if beside > 1 else ''} an example" if beside else ""
    if description.profile:
        what = f"f = {description.profile['genes']:,} expression values an example{more}"
    elif description.inputs == "letters":
        letters = len(ALPHABETS[str(description.alphabet)].letters)
        what = f"f = {letters} channels (letters) at each position of a sequence{more}"
    else:
        what = f"Series of numbers, one or more at each step{more}"
    simple = []
    for each in baselines:
        counts = {chosen["n_features"] for chosen in each["chosen"].values()
                  if "n_features" in chosen}  # fmt: skip
        if counts:
            simple.append(f"`{each['name']}` {model_words.span(counts)}")
    said = f"{what}." + (f" Features of linear models: {', '.join(simple)}." if simple else "")
    steps = analysis.expression.normalization if analysis.expression else []
    chosen = [step.method for step in steps if step.method in ("low_counts", "highly_variable")]
    if chosen:
        return f"{said} Genes were selected ({', '.join(chosen)}) on the training examples alone."
    return f"{said} No features were selected."


def _fitting(
    analysis: AnalysisConfig,
    description: Description,
    folds: pd.DataFrame,
    networks: Sequence[Mapping[str, Any]],
) -> str:
    """p against N, and what speaks against over-fitting and under-fitting."""
    n = sizes_of(folds)["train"]
    what = "sequences, each with many targets" if (
        description.task.per == "position") else "examples"  # fmt: skip
    ratios = []
    for name, own in by_name(networks).items():
        p = max(each["n_parameters"] for each in own)
        ratios.append(f"`{name}` {p / n:.2g}")
    over = f" Parameters for each of them, p / N: {', '.join(ratios)}." if ratios else ""
    controls = [
        name
        for name, model in {**analysis.models, **analysis.baselines}.items()
        if model.shuffle_labels
    ]
    control = ""
    if controls:
        control = (
            f" {joined(f'`{name}`' for name in controls)} learned shuffled targets: what such a "
            "model scores is no knowledge."
        )
    return (
        f"N = {n:,} training {what}{' a fold' if len(folds) > 1 else ''}.{over} Over-fitting: "
        "losses of training and validation of every epoch are in history.tsv."
        f"{_kept_before_the_end(networks)} Scores are those of test examples that no choice of the "
        "workflow saw. Under-fitting: simple models on the same split show what is to be reached."
        f"{control}"
    )


def _kept_before_the_end(networks: Sequence[Mapping[str, Any]]) -> str:
    """In how many runs the validation loss rose before training ended; after a space."""
    runs = [run for network in networks for run in network["runs"]]
    if not runs:
        return ""
    early = sum(run["best_epoch"] < run["epochs"] for run in runs)
    kept = ", and the weights of that epoch were kept" if early else ""
    return (
        f" In {early or 'none'} of {len(runs):,} runs (seeds and folds of the networks) the "
        f"validation loss was lowest before the last epoch{kept}."
    )


def _algorithm(analysis: AnalysisConfig) -> str:
    cells = {model.cell for model in analysis.models.values()}
    kinds = ["Recurrent"] * bool(cells - {"self_attention"})
    kinds += ["self-attention"] * ("self_attention" in cells)
    words = joined(kinds)
    return (
        f"{words[0].upper()}{words[1:]} neural networks, trained by gradient descent; no kind of "
        "them is new."
    )


def _regularization(analysis: AnalysisConfig, networks: Sequence[Mapping[str, Any]]) -> str:
    said = training_words.regularization_in_words(analysis, networks)
    linear = [n for n, b in analysis.baselines.items() if isinstance(b, LinearBaseline)]
    boosting = [n for n, b in analysis.baselines.items() if isinstance(b, BoostingBaseline)]
    if linear:
        said += f" Of {joined(f'`{name}`' for name in linear)}: L2 penalty."
    if boosting:
        said += (
            f" Of {joined(f'`{name}`' for name in boosting)}: growth that ends where the "
            "validation loss no longer falls."
        )
    return said


def _interpretability(explained: str) -> str:
    if not explained:
        return "The networks are black boxes; no explanation was asked for in this run."
    return f"The networks are black boxes; they were explained after training. {explained}"


def _output(description: Description) -> str:
    task = description.task
    each = "each position of a sequence" if task.per == "position" else "each example"
    what = {
        "regression": "Regression: a number",
        "next_value": "Regression: the next value",
        "count": "Regression: the mean of a count",
        "classification": "Classification: the probability of each class",
        "ordinal": "Classification: the probability of each of some ordered classes",
        "multilabel": "Classification: the probability of each label",
    }[task.name]
    return f"{what}, for {each}."


def _execution_time(
    networks: Sequence[Mapping[str, Any]],
    benchmarks: pd.DataFrame | None,
    machine: Mapping[str, str] | None,
) -> str:
    """Seconds of training and of the jobs that train and predict."""
    said = []
    seconds = [
        f"`{name}` {_duration(max(run['seconds'] for each in own for run in each['runs']))}"
        for name, own in by_name(networks).items()
    ]
    if seconds:
        said.append(
            "Training of a network, the longest of its seeds and folds (those that were trained "
            f"together share the time): {', '.join(seconds)}"
        )
        said.append(f"Trained on: {training_words.devices_in_words(networks, '')}")
    jobs = None if benchmarks is None else benchmarks[benchmarks["rule"] == "train_model"]
    if jobs is not None and len(jobs):
        low, high = jobs["seconds"].min(), jobs["seconds"].max()
        said.append(
            "The jobs that train a network with all its seeds and predict every example took "
            f"{' to '.join(dict.fromkeys(map(_duration, (low, high))))} and at most "
            f"{jobs['memory'].max():,.0f} MiB of memory"
        )
    if machine:
        said.append(
            f"This list was written on {machine['processor']}, {machine['cores']} cores, "
            f"{machine['system']}"
        )
    said.append("The time of a single prediction was not measured")
    return f"{'. '.join(said)}."


def _duration(seconds: float) -> str:
    if seconds >= _SECONDS_AN_HOUR:
        return f"{seconds / _SECONDS_AN_HOUR:.1f} h"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _method(analysis: AnalysisConfig, description: Description, folds: pd.DataFrame) -> str:
    """Cross-validation or one test set, and what the validation examples were for."""
    choices = evaluation_words.choices_in_words(analysis, description.task)
    sizes = sizes_of(folds)
    kind = {
        "k_fold": f"Cross-validation with {len(folds)} folds",
        "leave_one_out": f"Leave-one-out cross-validation with {len(folds)} folds",
    }.get(analysis.split.method, f"One held-out test set of {sizes['test']:,} examples")
    repeats = getattr(analysis.split, "repeats", 1)
    if repeats > 1:
        kind += f" in {repeats} rounds"
    return f"{kind}. {choices} No independent data set beyond it was tested."


def _comparison(analysis: AnalysisConfig) -> str:
    simple = [name for name, model in analysis.baselines.items() if not model.shuffle_labels]
    said = (
        f"With simple models on the same split: {joined(f'`{name}`' for name in simple)}."
        if simple
        else "With no simple model."
    )
    if analysis.published:
        named = "; ".join(
            dict.fromkeys(f"{entry.name} ({entry.source})" for entry in analysis.published)
        )
        return f"{said} With published numbers: {named}."
    return f"{said} With no published number."
