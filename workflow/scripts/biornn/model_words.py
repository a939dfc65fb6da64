"""Words for models: networks, losses, baselines and metrics, as a paper would name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .config_models import (
    BoostingBaseline,
    LinearBaseline,
    ModelConfig,
    NearestBaseline,
    PersistenceBaseline,
    TrainingConfig,
)
from .targets import Task

_LOSSES = {
    "mse": "mean squared error",
    "huber": "Huber loss (Huber 1964) with δ = {delta:g} standard deviations",
    "gaussian": "negative log likelihood of a normal distribution of which the mean and the "
    "standard deviation are predicted (Nix & Weigend 1994)",
    "poisson": "negative log likelihood of a Poisson distribution with a logarithmic link",
    "classification": "cross entropy",
    "ordinal": "cross entropy of cumulative logits (McCullagh 1980)",
    "multilabel": "cross entropy of each label for itself",
}


_KINDS = {
    "lstm": "LSTM",
    "gru": "GRU",
    "mingru": "minGRU (Feng et al. 2024)",
    "minlstm": "minLSTM (Feng et al. 2024)",
    "self_attention": "self-attention encoder (Vaswani et al. 2017)",
}
_READOUTS = {
    "last": "read at the last step of each direction",
    "mean": "mean over positions",
    "max": "maximum over positions",
    "mean_max": "mean and maximum over positions",
    "attention": "positions weighed by additive attention (Bahdanau et al. 2015)",
}


def network_in_words(name: str, model: ModelConfig, task: Task, delta: float) -> str:
    """A network: what differs from the training that all share; `delta` is that of Huber's loss."""
    kind = f"{model.activation} RNN" if model.cell == "rnn" else _KINDS[model.cell]
    if model.peephole:
        kind += f" with {model.peephole} peepholes (Gers & Schmidhuber 2000)"
    both = model.directions == 2
    parts = [
        f"{'bidirectional ' if both else ''}{kind}",
        f"{model.layers} layer{'s' if model.layers > 1 else ''} of {model.hidden_size} units"
        + (" in each direction" if both else "")
        + (" with residual connections" if model.residual and model.layers > 1 else ""),
    ]
    parts += _parts_in_words(model)
    parts += ["read at every step" if task.per == "position" else _READOUTS[model.pooling]]
    parts += [_LOSSES[model.loss].format(delta=delta)] if model.loss != "auto" else []
    if model.dropout:
        same = ", one mask for all steps (Gal & Ghahramani 2016)" * model.variational_dropout
        parts += [f"dropout {model.dropout:g}{same}"]
    parts += [f"at most {model.epochs} epochs"] if model.epochs else []
    parts += [f"highest learning rate {model.learning_rate:g}"] if model.learning_rate else []
    parts += ["trained on shuffled targets as a negative control"] if model.shuffle_labels else []
    return f"`{name}`: {', '.join(parts)}"


def _parts_in_words(model: ModelConfig) -> list[str]:
    """What stands in front of the recurrence and on top of it."""
    parts = []
    if model.letters == "embedding":
        parts += [f"letters as vectors of {model.embedding_size} learned numbers"]
    if filters := model.convolution:
        pooled = f", largest of {filters.pool} positions" if filters.pool > 1 else ""
        parts += [
            f"behind {filters.filters} convolutional filters of width {filters.width}{pooled} (as "
            "in DanQ, Quang & Xie 2016)"
        ]
    if model.attention_heads is not None or model.cell == "self_attention":
        where = "" if model.cell == "self_attention" else " of self-attention on top"
        parts += [f"{model.heads} head{'s' if model.heads > 1 else ''}{where}"]
    return parts


_KMERS = "the counts of k-mers"


def baseline_in_words(
    name: str,
    baseline: Any,
    task: Task,
    inputs: str = "letters",
    chosen: Iterable[Mapping[str, Any]] = (),
) -> str:
    """A simple model, what it sees, how it was set, and whether its targets were shuffled.

    Parameters
    ----------
    inputs
        As in `Description`.
    chosen
        What was chosen on the validation examples of each fold, from the `model.json` of the
        baseline.
    """
    found: dict[str, set[Any]] = {}
    for of_fold in chosen:
        for key, value in of_fold.items():
            # one number a label is told by its extremes
            values = value if isinstance(value, list) else [value]
            found.setdefault(key, set()).update(v for v in values if isinstance(v, int | float))
    said = _baseline_in_words(name, baseline, task, inputs, found)
    return f"{said}, on shuffled targets as a negative control" if baseline.shuffle_labels else said


def span(values: Iterable[float]) -> str:
    """`3`, or `3 to 7`; empty where there is no value."""
    there = sorted(set(values))
    ends = [f"{value:,}" if isinstance(value, int) else f"{value:g}" for value in there]
    return " to ".join(ends[:1] + ends[1:][-1:])


def _baseline_in_words(
    name: str, baseline: Any, task: Task, inputs: str, found: Mapping[str, set[Any]]
) -> str:
    numbers = inputs != "letters"
    seen = ""
    if task.per == "position" and isinstance(baseline, LinearBaseline | BoostingBaseline):
        sides = "before it" if task.next_value else "on each side"
        seen = f" of the position and {baseline.window} {sides}"
    kmers = "the counts of {}-mers".format(span(found["k"])) if found.get("k") else _KMERS
    if isinstance(baseline, LinearBaseline):
        features = {
            "additive": "one-hot letters",
            "neighbor": "one-hot letters and adjacent pairs",
            "pairwise": "one-hot letters and all pairs of positions",
            "kmers": kmers,
        }[baseline.features]
        if features == kmers and (numbers or seen):
            features = "one-hot letters"
        features = features.replace("one-hot letters", "the values") if numbers else features
        if found.get("n_features"):
            features += f"{seen} ({span(found['n_features'])} features)"
            seen = ""
        kind = {
            "count": "Poisson regression (L2 penalty)",
            "multilabel": "logistic regression (L2 penalty) for each label",
        }.get(task.name, "logistic regression (L2 penalty)" if task.classes else "ridge regression")
        taken = f" (chosen: {span(found['penalty'])})" if found.get("penalty") else ""
        penalties = [f"{penalty:g}" for penalty in baseline.penalties]
        how = f"penalty {penalties[0]}"
        if len(penalties) > 1:
            how = f"penalty chosen on validation data among {', '.join(penalties)}{taken}"
        return f"`{name}`: {kind} on {features}{seen}, {how}"
    if isinstance(baseline, BoostingBaseline):
        own = {
            "count": " with the Poisson deviance as loss",
            "multilabel": ", one model for each label",
        }.get(task.name, "")
        what = "the values" if numbers else "letters"
        if baseline.features == "kmers" and not numbers and not seen:
            what = kmers
        grown = f" ({span(found['iterations'])} rounds)" if found.get("iterations") else ""
        return (
            f"`{name}`: histogram gradient boosting on {what}{seen}{own}, learning rate "
            f"{baseline.learning_rate:g}, trees of at most {baseline.max_leaves} leaves, at most "
            f"{baseline.max_iterations:,} rounds, stopped earlier where the validation loss no "
            f"longer fell{grown}"
        )
    if isinstance(baseline, NearestBaseline):
        how = "Euclidean distance of standardised values" if numbers else "edit distance"
        mixed = ""
        if task.classes or task.counts:
            share = f" ({span(found['share'])})" if found.get("share") else ""
            mixed = (
                ", mixed with the mean of training by a weight that was chosen on validation data"
                f"{share}"
            )
        return f"`{name}`: the targets of the nearest training example by {how}{mixed}"
    if isinstance(baseline, PersistenceBaseline):
        return f"`{name}`: the present value"
    what = {"multilabel": "share of each label"}.get(
        task.name, "shares of the classes" if task.classes else "mean of the targets"
    )
    return f"`{name}`: {what} in training"


def loss_in_words(task: Task, training: TrainingConfig) -> str:
    """The loss of networks that name none of their own, and what was done to the targets."""
    usual = {"regression": "mse", "next_value": "mse", "count": "poisson"}.get(task.name, task.name)
    scaled = ""
    if task.counts:
        scaled = (
            "Counts were divided by the mean of the training counts, which leaves the likelihood "
            "that of the counts but for a factor. "
        )
    elif task.kind == "regression":
        scaled = (
            "Targets were standardised by mean and standard deviation of the training examples. "
        )
    what = " of every labelled position" if task.per == "position" and task.classes else ""
    said = f"{scaled}Loss: {_LOSSES[usual]}{what}."
    if training.class_weights:
        labels = task.kind == "multilabel"
        if training.class_weights == "balanced":
            how = (
                "of each label as much as all other examples together"
                if labels
                else "inversely to how often each is among the training targets"
            )
        else:
            how = ", ".join(f"{name} {weight:g}" for name, weight in training.class_weights.items())
        said += f" {'Examples with a label' if labels else 'Classes'} were weighted ({how})."
    if training.label_smoothing:
        said += f" Label smoothing: {training.label_smoothing:g} (Szegedy et al. 2016)."
    return said


_CALIBRATION = (
    "the expected calibration error (Guo et al. 2017; 15 bins of equal mass, of the {said})"
)


def metrics_in_words(task: Task) -> str:
    """All that is scored."""
    whole = task.per != "position"
    index = "C-index, " if whole else ""
    if task.name == "multilabel":
        return (
            "AUROC as mean over labels and over all labels together, average precision and F1 as "
            "means over labels, the shares of examples with all labels right and of wrong labels "
            "(at a probability of one half), log loss and "
            f"{_CALIBRATION.format(said='probabilities of all labels')}"
        )
    if task.name == "ordinal":
        return (
            "Mean absolute error of the rank of the most probable class, kappa with quadratic "
            f"weights (Cohen 1968), {index}accuracy, balanced accuracy, F1 (mean over classes), "
            f"log loss and {_CALIBRATION.format(said='most probable class')}"
        )
    if task.kind == "classification":
        area = "AUROC, average precision, " if whole else ""
        matthews, of = " (R_K of Gorodkin 2004)", "mean over classes"
        if len(task.classes) == 2:
            matthews, of = "", f"of the class {task.classes[1]}"
        return (
            f"Accuracy, balanced accuracy, Matthews correlation{matthews}, F1 ({of}), "
            f"{area}log loss, Brier score and {_CALIBRATION.format(said='most probable class')}"
        )
    ranks = "Pearson and Spearman correlation" if whole else "Pearson correlation"
    if task.counts:
        return (
            "Share of the Poisson deviance that is explained (D²), mean deviance, R², "
            f"{ranks}, {index}and concordance (Lin 1989)"
        )
    if not whole:
        return "R², mean squared error, Pearson correlation and concordance (Lin 1989)"
    return (
        f"R², mean squared error, {ranks}, {index}concordance (Lin 1989), and predictive "
        "information (mutual information of prediction and measurement, estimator 1 of Kraskov et "
        "al. 2004 with 5 neighbours; of measurements that mostly repeat, as whole numbers do, that "
        "of Ross, PLoS ONE 9:e87357, and where all predictions do, too, the ratio of shares with "
        "Miller's correction of bias)"
    )


def own_losses_in_words(models: Mapping[str, ModelConfig], delta: float) -> str:
    """The losses of networks that name one; empty where none does."""
    own = {name: model.loss for name, model in models.items() if model.loss != "auto"}
    return "".join(
        f" Of {name}: {_LOSSES[loss].format(delta=delta)}." for name, loss in own.items()
    )


def spread_in_words(models: Mapping[str, ModelConfig]) -> str:
    """How predicted standard deviations are scored; empty where there are none."""
    if any(model.loss == "gaussian" for model in models.values()):
        return (
            " Where a standard deviation is predicted: coverage of the central 90 % interval of "
            "the normal distribution, and negative log density, in the unit of the target."
        )
    return ""
