"""Words for training: optimiser, schedule, stopping, regularisation, and what the runs took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .config import AnalysisConfig
from .config_models import ModelConfig, TrainingConfig
from .model_words import span

_OPTIMIZERS = {
    "adam": "Adam (Kingma & Ba 2015)",
    "adamw": "Adam with decoupled weight decay (Loshchilov & Hutter 2019)",
}
_SCHEDULES = {
    "constant": "a constant learning rate of {rate:g}",
    "cosine": "a learning rate that fell from {rate:g} to zero along a cosine over the planned "
    "epochs (Loshchilov & Hutter 2017)",
    "one_cycle": "a learning rate that rose linearly to {rate:g} over the first fifth of the "
    "planned epochs and then fell to zero along a cosine (after Smith 2018)",
}
_PRECISIONS = {
    "64-true": "64-bit numbers",
    "bf16-mixed": "16-bit (bfloat16) and 32-bit numbers, mixed",
    "16-mixed": "16-bit and 32-bit numbers, mixed",
}


_CELLS = {
    "rnn": "simple recurrence (Elman 1990)",
    "lstm": "LSTM (Hochreiter & Schmidhuber 1997)",
    "gru": "GRU (Cho et al. 2014)",
}


def cells_in_words(models: Mapping[str, ModelConfig]) -> str:
    """Where the cells are from that are not cited elsewhere, after a space; maybe empty."""
    there = {model.cell for model in models.values()}
    named = [words for cell, words in _CELLS.items() if cell in there]
    return f" Cells: {joined(named)}." if named else ""


def can_stop_early(training: TrainingConfig) -> bool:
    """Whether training may end before its last epoch: the first one is always the best so far."""
    return training.patience + 1 < training.epochs


def joined(names: Iterable[object]) -> str:
    """`a`, `a and b`, `a, b and c`; empty where there is none."""
    *first, last = [*map(str, names)] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def training_in_words(analysis: AnalysisConfig, n_folds: int = 1) -> str:
    """How networks were trained, as far as they share it."""
    training = analysis.training
    decay = f", weight decay {training.weight_decay:g}" if training.weight_decay else ""
    rate = _SCHEDULES[training.schedule].format(rate=training.learning_rate)
    epochs = f"{training.epochs} epoch{'s' if training.epochs > 1 else ''}"
    stop = f"stop after {training.patience} without a lower validation loss"
    lasted = epochs
    if can_stop_early(training):
        lasted = f"at most {epochs}, to {stop}"
    else:
        longer = [name for name in analysis.models if can_stop_early(analysis.training_of(name))]
        if longer:
            lasted = f"{epochs}; {joined(f'`{name}`' for name in longer)} was to {stop}"
    value = ""
    if training.clip_value is not None:
        value = f"each gradient was held within ± {training.clip_value:g}, and "
    one = len(training.seeds) == 1
    seeds = f"seed {training.seeds[0]}" if one else f"the seeds {joined(training.seeds)}"
    arithmetic = _PRECISIONS.get(training.precision)
    n_processes = training.devices * training.nodes
    shared = f" Each batch was shared by {n_processes} processes" if n_processes > 1 else ""
    if training.nodes > 1:
        shared += f" on {training.nodes} nodes"
    shared += "." * bool(shared)
    return (
        f"{_beginning(analysis.models)}Unless said otherwise: optimiser "
        f"{_OPTIMIZERS[training.optimizer]}{decay}; {rate}; batches of {training.batch_size}; "
        f"{lasted}. The gradient of each step was clipped: {value}"
        f"a norm over {training.clip_norm:g} was scaled down to it (Pascanu et al. 2013). "
        f"Each network was trained with {seeds}{' on each fold' if n_folds > 1 else ''}; the "
        "weights of the epoch with the lowest validation loss were kept."
        + (f" Arithmetic: {arithmetic}." if arithmetic else "")
        + shared
    )


def _beginning(models: Mapping[str, ModelConfig]) -> str:
    """How recurrent matrices began, with a space behind; empty where there are none."""
    gated = {name: m for name, m in models.items() if m.cell in ("rnn", "lstm", "gru")}
    begun = [name for name, model in gated.items() if model.initialization == "orthogonal"]
    if not begun:
        return ""
    of = "" if len(begun) == len(models) else f" of {joined(f'`{name}`' for name in begun)}"
    return f"The recurrent matrices{of} were orthogonal at the start (Saxe et al. 2014). "


def by_name(networks: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """What `model.json` says of each fold, by the name of the network."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for network in networks:
        found.setdefault(network["name"], []).append(network)
    return found


def runs_in_words(networks: Sequence[Mapping[str, Any]]) -> str:
    """What the training of each network took, after a space; empty where that is not known.

    Parameters
    ----------
    networks
        `model.json` of every network and fold.
    """
    parameters, epochs = [], []
    for name, own in by_name(networks).items():
        runs = [run for network in own for run in network["runs"]]
        parameters.append(f"`{name}` {span(network['n_parameters'] for network in own)}")
        kept = span(run["best_epoch"] for run in runs)
        epochs.append(f"`{name}` {span(run['epochs'] for run in runs)} ({kept})")
    if not parameters:
        return ""
    return (
        f" Numbers of parameters: {', '.join(parameters)}. Epochs that were trained, and in "
        f"parentheses the one that was kept: {', '.join(epochs)}."
    )


def versions_of(networks: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The versions of the software that networks were trained with, by name, as far as known.

    The process that writes a text may run on others than those that trained, days or machines
    before.

    Parameters
    ----------
    networks
        `model.json` of every network and fold.
    """
    found: dict[str, dict[str, None]] = {}
    for network in networks:
        own = dict(network.get("versions", {}))
        if "biornn_version" in network:
            own["biornn"] = network["biornn_version"]
        for name, version in own.items():
            found.setdefault(name, {})[version] = None
    return {name: list(versions) for name, versions in found.items()}


def devices_in_words(networks: Sequence[Mapping[str, Any]], otherwise: str) -> str:
    """On what networks were trained: each kind of device once."""
    return "; ".join(dict.fromkeys(n["device_note"] for n in networks)) or otherwise


def regularization_in_words(
    analysis: AnalysisConfig, networks: Sequence[Mapping[str, Any]] = ()
) -> str:
    """What holds over-fitting down, for each network, as it was trained."""
    trained = {
        name: [
            (ModelConfig.model_validate(each["architecture"]),
             TrainingConfig.model_validate(each["training"]))
            for each in by_name(networks).get(name, [])
            if "training" in each and "cell" in each["architecture"]
        ] or [(model, analysis.training_of(name))]
        for name, model in analysis.models.items()
    }  # fmt: skip
    said: dict[str, list[str]] = {}
    for name, settings in trained.items():
        words = ["the weights of the epoch with the lowest validation loss were kept"]
        if patience := {t.patience for _, t in settings if can_stop_early(t)}:
            words.append(f"training was to stop after {span(patience)} epochs without a lower one")
        if any(model.dropout for model, _ in settings):
            words.append(f"dropout {span(model.dropout for model, _ in settings)}")
        if any(t.weight_decay for _, t in settings):
            words.append(f"weight decay {span(t.weight_decay for _, t in settings)}")
        if any(t.label_smoothing for _, t in settings):
            words.append(f"label smoothing {span(t.label_smoothing for _, t in settings)}")
        said.setdefault("; ".join(words), []).append(name)
    if len(said) == 1:
        return f"Of all networks: {next(iter(said))}."
    return " ".join(
        f"Of {joined(f'`{name}`' for name in names)}: {words}." for words, names in said.items()
    )
