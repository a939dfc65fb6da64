"""Checking: values against a pydantic model, with problems told in a person's words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from .files import InputError, Location

Model = TypeVar("Model", bound=BaseModel)


def validate(
    model: type[Model], value: Any, origin: str, lines: dict[Location, int] | None = None
) -> Model:
    """Check plain values against a model; problems become one InputError in a person's words."""
    if not isinstance(value, dict):
        raise InputError(f"{origin}: expected keys and values, found {type(value).__name__}.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = [_explain(model, problem, origin, lines or {}) for problem in error.errors()]
        raise InputError("\n".join(problems)) from None


def _explain(model: type[BaseModel], problem: Any, origin: str, lines: dict[Location, int]) -> str:
    # the tags of discriminated unions are in pydantic's location, but not in the file
    location = tuple(part for part in problem["loc"] if part != "[key]")
    keys = _file_location(model, location)
    line = next((lines[keys[:end]] for end in range(len(keys), 0, -1) if keys[:end] in lines), None)
    where = f"{origin}, line {line}" if line else origin
    name = ".".join(str(part) for part in keys)
    if problem["type"] == "extra_forbidden":
        section = _section_at(model, location[:-1])
        known = set(section.model_fields) if section else set()
        return (
            f"{where}: unknown key '{name}'{nearest(str(keys[-1]), known)}. "
            f"Known keys here: {listed(known)}."
        )
    message = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{where}: {name + ': ' if name else ''}{message}{shown}."


def _file_location(model: type[BaseModel], location: Location) -> Location:
    """The location without union tags."""
    found: list[str | int] = []
    here: Any = model
    for part in location:
        if isinstance(here, _Tagged):
            here = here.choose(part)
            continue
        found.append(part)
        here = _descend(here, part)
    return tuple(found)


def _section_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    here: Any = model
    for part in location:
        here = here.choose(part) if isinstance(here, _Tagged) else _descend(here, part)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


class _Tagged:
    """A discriminated union: its next location part is the tag."""

    def __init__(self, options: tuple[type[BaseModel], ...], discriminator: str) -> None:
        self.options, self.discriminator = options, discriminator

    def choose(self, tag: Any) -> type[BaseModel] | None:
        for option in self.options:
            if tag in get_args(option.model_fields[self.discriminator].annotation):
                return option
        return None


class _Named(_Tagged):
    """The same where each option has its own tag, as `pydantic.Tag`."""

    def __init__(self, named: dict[str, Any]) -> None:
        self.named = named

    def choose(self, tag: Any) -> Any:
        return self.named.get(tag)


def _descend(here: Any, part: str | int) -> Any:
    if isinstance(here, type) and issubclass(here, BaseModel):
        field = here.model_fields.get(str(part))
        return _resolve(field.annotation, field.discriminator) if field else None
    arguments = get_args(here)
    return _resolve(arguments[-1], None) if arguments else None


def _resolve(annotation: Any, discriminator: Any) -> Any:
    if hasattr(annotation, "__metadata__"):
        for extra in annotation.__metadata__:
            discriminator = getattr(extra, "discriminator", None) or discriminator
        annotation = annotation.__origin__
    named = {
        extra.tag: option.__origin__
        for option in get_args(annotation)
        for extra in getattr(option, "__metadata__", ())
        if hasattr(extra, "tag")
    }
    if named:
        return _Named(named)
    options = tuple(option for option in get_args(annotation) if isinstance(option, type))
    models = tuple(option for option in options if issubclass(option, BaseModel))
    if discriminator and models:
        return _Tagged(models, str(discriminator))
    if models and not hasattr(annotation, "__origin__"):
        return models[0]  # `Model | None`
    return annotation


def nearest(word: str, known: Iterable[str]) -> str:
    """A question with the known word that `word` may be a slip of; empty when none is near."""
    names = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f" (did you mean '{names[close[0]]}'?)" if close else ""


def listed(names: Iterable[Any]) -> str:
    """Names in alphabetical order, for a message."""
    return ", ".join(sorted(str(name) for name in names)) or "none"
