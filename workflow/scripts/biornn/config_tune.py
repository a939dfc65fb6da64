"""Configuration of the search for hyperparameters, and what a found set of them changes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from .checking import listed, nearest
from .config_base import Section
from .config_models import ModelConfig, TrainingConfig

#: Keys of `training` that can be searched; others would make losses of another kind, or no change.
OF_TRAINING = ("batch_size", "learning_rate", "weight_decay", "clip_norm")
#: Keys of a model that can't: with `loss` and `shuffle_labels` the losses could not be compared.
_FIXED = ("loss", "shuffle_labels", "convolution")
SEARCHABLE = tuple(
    dict.fromkeys([*(key for key in ModelConfig.model_fields if key not in _FIXED), *OF_TRAINING])
)
#: Combinations of choices and ends of ranges that are tried before anything runs.
_MOST_COMBINATIONS = 2000

Value = bool | int | float | str | None


class Range(Section):
    """A range of numbers to search; whole numbers where the setting is one."""

    low: float = Field(description="Smallest value.")
    high: float = Field(description="Largest value.")
    log: bool = Field(False, description="Search evenly on a logarithmic scale.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("log: true needs low above zero")
        return self


def _range_or_values(value: Any) -> str:
    return "range" if isinstance(value, dict | Range) else "values"


#: Told apart by their form, so that a mistake in one is not told as two.
Space = Annotated[
    Annotated[Range, Tag("range")] | Annotated[list[Value], Field(min_length=1), Tag("values")],
    Discriminator(_range_or_values),
]


class TuneConfig(Section):
    """A search for the hyperparameters of one network, on the validation examples of each fold.

    The test examples are not there while it runs. Killed, it goes on where it was; with more
    `trials`, finished ones are kept.
    """

    trials: int = Field(20, ge=1, description="Settings to try, by all workers together.")
    workers: int = Field(
        1,
        ge=1,
        description="Jobs that search together. With one, the search repeats itself to the digit; "
        "with several, each learns of what the others happen to have finished.",
    )
    seed: int = Field(
        0, ge=0, lt=2**31, description="Seed of the search, and of the network of every trial."
    )
    pruner: Literal["median", "none"] = Field(
        "median",
        description="`median` stops a trial whose best validation loss is worse than the median "
        "of the others at that epoch (after 5 trials, from the second epoch on).",
    )
    timeout: float | None = Field(
        None, gt=0, description="Seconds of a worker after which it starts no other trial."
    )
    search: dict[str, Space] = Field(
        {
            "hidden_size": [32, 64, 128],
            "learning_rate": Range(low=1e-4, high=1e-2, log=True),
            "dropout": Range(low=0, high=0.5),
        },
        min_length=1,
        validate_default=True,
        description="By the key of the model (or `batch_size`, `learning_rate`, `weight_decay`, "
        "`clip_norm` of the training): a list of values, or a range.",
    )

    @model_validator(mode="after")
    def _keys_can_be_searched(self) -> TuneConfig:
        for key, space in self.search.items():
            if key in _FIXED:
                raise ValueError(f"search: {key} can't be searched; give it in the model")
            if key not in SEARCHABLE:
                raise ValueError(
                    f"search: unknown key '{key}'{nearest(key, SEARCHABLE)}. Known keys here: "
                    f"{listed(SEARCHABLE)}"
                )
            if isinstance(space, Range):
                if not {int, float} & _types(key):
                    raise ValueError(f"search.{key} is no number; give a list of values")
                if is_whole(key) and space.low % 1 + space.high % 1:
                    raise ValueError(f"search.{key}: low and high must be whole numbers")
            elif len(set(map(repr, space))) < len(space):
                raise ValueError(f"search.{key}: each value may be given once")
        return self

    def check(self, model: ModelConfig, training: TrainingConfig) -> None:
        """ValueError for values that the model can't have, alone or together."""
        ends = {key: _ends(key, space) for key, space in self.search.items()}
        combinations = itertools.product(*ends.values())
        for values in itertools.islice(combinations, _MOST_COMBINATIONS):
            chosen = dict(zip(ends, values, strict=True))
            try:
                apply(model, training, chosen)
            except ValidationError as error:
                problem = error.errors()[0]
                said = problem["msg"].removeprefix("Value error, ")
                at = [key for key in map(str, problem["loc"][:1]) if key in chosen]
                tried = {key: chosen[key] for key in at or chosen}
                words = ", ".join(f"{key}: {value}" for key, value in tried.items())
                raise ValueError(f"search: {words} is not possible: {said}") from None


def _types(key: str) -> set[Any]:
    fields = ModelConfig.model_fields if key in ModelConfig.model_fields else None
    annotation = (fields or TrainingConfig.model_fields)[key].annotation
    return set(get_args(annotation) or (annotation,)) - {type(None)}


def is_whole(key: str) -> bool:
    """Whether a setting is a whole number."""
    return _types(key) == {int}


def _ends(key: str, space: Range | list[Value]) -> list[Value]:
    if not isinstance(space, Range):
        return space
    number = int if is_whole(key) else float
    return [number(space.low), number(space.high)]


def apply(
    model: ModelConfig, training: TrainingConfig, values: Mapping[str, Value]
) -> tuple[ModelConfig, TrainingConfig]:
    """A model and its training with some settings changed.

    Parameters
    ----------
    values
        By key, as in `TuneConfig.search`.

    Raises
    ------
    ValidationError
        When they do not go together.
    """
    own = {key: value for key, value in values.items() if key in ModelConfig.model_fields}
    shared = {key: value for key, value in values.items() if key in OF_TRAINING}
    if own.get("epochs"):
        shared["epochs"] = own["epochs"]
    return (
        ModelConfig.model_validate(model.model_dump() | own),
        TrainingConfig.model_validate(training.model_dump() | shared),
    )
