"""What an analysis file means where it says nothing: the source, networks, simple models."""

from __future__ import annotations

from typing import Any

from .config_models import (
    BoostingBaseline,
    LinearBaseline,
    MeanBaseline,
    ModelConfig,
    NearestBaseline,
    PersistenceBaseline,
)

#: Networks of an analysis that names none.
MODELS = {
    "rnn": ModelConfig(cell="rnn"),
    "lstm": ModelConfig(cell="lstm"),
    "lstm_peephole": ModelConfig(cell="lstm", peephole="diagonal"),
    "gru": ModelConfig(cell="gru"),
}

#: Simple models of an analysis that names none.
BASELINES = {
    "mean": MeanBaseline(kind="mean"),
    "linear": LinearBaseline(kind="linear"),
    "boosting": BoostingBaseline(kind="gradient_boosting"),
    "nearest": NearestBaseline(kind="nearest_neighbor"),
    "shuffled": LinearBaseline(kind="linear", shuffle_labels=True),
}

#: Beside them where sequences are read, which have k-mers, ...
_OF_SEQUENCES = {
    "kmer_linear": LinearBaseline(kind="linear", features="kmers"),
    "kmer_boosting": BoostingBaseline(kind="gradient_boosting", features="kmers"),
}

#: ... and where the next value of a series is asked for.
_OF_NEXT_VALUE = {"persistence": PersistenceBaseline(kind="persistence")}


def filled_in(value: dict[str, Any]) -> dict[str, Any]:
    """The plain values of an analysis file with what follows from them where it is silent.

    What is no mapping where there should be one is left as it is: the check of its section says so.
    """
    value = _with_the_only_source(value)
    return _with_models(_with_baselines(value))


def _with_the_only_source(value: dict[str, Any]) -> dict[str, Any]:
    sources = value.get("sources")
    if not isinstance(sources, dict) or len(sources) != 1:
        return value
    only = {"source": next(iter(sources))}
    examples, expression = value.get("examples", {}), value.get("expression") or {}
    if isinstance(expression, dict) and isinstance(expression.get("matrix"), dict):
        matrix = only | expression["matrix"]
        value = value | {"expression": expression | {"matrix": matrix}}
        if not expression.get("target"):
            return value
    if isinstance(examples, dict) and not {"source", "classes"} & set(examples):
        value = value | {"examples": examples | only}
    return value


def _asks_for_next_value(value: dict[str, Any]) -> bool:
    target = value.get("target")
    return isinstance(target, dict) and target.get("task") == "next_value"


def _with_baselines(value: dict[str, Any]) -> dict[str, Any]:
    if "baselines" in value:
        return value
    if _asks_for_next_value(value):
        return value | {"baselines": _OF_NEXT_VALUE | BASELINES}
    expression, examples = value.get("expression"), value.get("examples")
    if (isinstance(expression, dict) and {"matrix", "target"} & set(expression)) or (
        isinstance(examples, dict) and "numbers" in examples
    ):
        return value
    return value | {"baselines": BASELINES | _OF_SEQUENCES}


def _with_models(value: dict[str, Any]) -> dict[str, Any]:
    if not _asks_for_next_value(value):
        return value
    models = value.get("models") or {
        name: model.model_dump(exclude_unset=True) for name, model in MODELS.items()
    }
    # the future is not seen; who asks for both directions is told why not, by the check
    if isinstance(models, dict):
        models = {
            name: {"bidirectional": False} | model if isinstance(model, dict) else model
            for name, model in models.items()
        }
    return value | {"models": models}
