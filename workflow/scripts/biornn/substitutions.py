"""Substitutions: what other letters at some positions of a sequence do to its prediction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from . import letters, newcomers, streaming, tables
from .alphabets import ALPHABETS
from .checking import listed, nearest
from .config_tables import TableRef
from .encoding import encode
from .files import InputError
from .newcomers import Request
from .prediction import Predictor
from .records import Log
from .scoring import Summary, spread_of

#: A12G, n.12A>G: the letter that is there, its position from 1, and the letter in its place.
_NOTATION = re.compile(
    r"(?:[a-z]\.)?(?:(?P<ref>[A-Za-z])(?P<at>\d+)(?P<alt>[A-Za-z])"
    r"|(?P<at2>\d+)(?P<ref2>[A-Za-z])>(?P<alt2>[A-Za-z]))"
)


@dataclass(frozen=True)
class References:
    """Sequences in which letters are exchanged.

    Attributes
    ----------
    ids : list of str
    sequences : list of str
        Upper-case letters, as they were given: positions count in them, even where the model is
        given them without gaps or with the start cut off.
    covariates : numpy.ndarray or None
        float64 [n, covariates], as they came.
    problems : sequence of str
        Why each can't be read, empty where it can; none at all where all can.
    """

    ids: list[str]
    sequences: list[str]
    covariates: np.ndarray | None = None
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class Variant:
    """One or more substitutions in a reference.

    Attributes
    ----------
    reference : int
        Its number in `References`.
    changes : tuple of (int, str, str)
        Position from 1, the letter that is there, the letter in its place.
    problem : str
        Why it can't be made; empty where it can.
    name : str
        As it was written, where it was.
    """

    reference: int
    changes: tuple[tuple[int, str, str], ...]
    problem: str = ""
    name: str = ""

    def __str__(self) -> str:
        return self.name or ";".join(f"{ref}{at}{alt}" for at, ref, alt in self.changes)


def _check(predictor: Predictor) -> None:
    if predictor.alphabet is None:
        raise InputError("Substitutions are for models of sequences; this one reads numbers.")
    if predictor.per_position:
        raise InputError(
            "This model has a prediction for each position, and substitutions are scored by one "
            "for the whole sequence. Compare the predictions of both sequences in its place."
        )


def one_reference(predictor: Predictor, sequence: str) -> References:
    """The reference of that many letters."""
    table = pd.DataFrame({"id": ["reference"], "sequence": [sequence], "line": [1]})
    return _references(predictor, Request("--sequence"), "fasta", [table])


def read_references(predictor: Predictor, request: Request) -> References:
    """References from a file, which are held in memory.

    Raises
    ------
    InputError
        For letters that the model does not know, and an id that is there twice.
    """
    kind = streaming.format_of(request.path, request.reference())
    pieces = streaming.read(request.path, request.reference())
    return _references(predictor, request, kind, pieces)


def _references(
    predictor: Predictor, request: Request, kind: str, pieces: Iterable[pd.DataFrame]
) -> References:
    _check(predictor)
    origin = tables.origin_of(request.path, request.reference())
    reader = newcomers.Letters(predictor, request, kind, origin)
    ids: list[str] = []
    sequences: list[str] = []
    beside, found = [], list[str]()
    for table in pieces:
        frame, covariates, problems = reader.frame(table, len(ids) + 1)
        letters.spell_out(frame, reader.here, Log(), problems)
        as_given = frame["sequence"].tolist()
        # codes are letters now
        config = reader.here.model_copy(update={"codes": None})
        newcomers.spell(frame, config, reader.alphabet, problems)
        reader.refuse(frame, problems)
        ids += frame["source_id"].tolist()
        sequences += as_given
        beside.append(covariates)
        found += [each and f"the reference can't be read: {each}" for each in problems]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise InputError(f"{origin}: the id '{twice}' is there twice; references need their own.")
    there = beside[0] is not None
    return References(ids, sequences, np.concatenate(beside) if there else None, found)


def every(references: References, predictor: Predictor) -> Iterator[Variant]:
    """All single substitutions, along each sequence."""
    assert predictor.alphabet is not None
    alphabet = ALPHABETS[predictor.alphabet].letters
    for number, sequence in enumerate(references.sequences):
        for at, ref in enumerate(sequence, start=1):
            for alt in alphabet:
                if alt != ref:
                    yield Variant(number, ((at, ref, alt),))


def read_table(path: str | Path, references: References) -> Iterator[Variant]:
    """Substitutions from a table, in its order.

    Parameters
    ----------
    path
        Columns `position`, `ref` and `alt`, or `variant` with such as `A12G`, `n.12A>G` or
        `A12G;C14T`; and `id`, which may be left out where there is one reference.
    references : References

    Yields
    ------
    Variant
        With a problem where a letter is another one, or a position is not there.

    Raises
    ------
    InputError
        For a column or a reference that is not there, and what can't be read as a substitution.
    """
    numbers = {name: number for number, name in enumerate(references.ids)}
    for table in streaming.read(path, TableRef()):
        there = [name for name in table if name != "line"]
        wanted = ["variant"] if "variant" in there else ["position", "ref", "alt"]
        if len(references.ids) > 1 or "id" in there:
            wanted.append("id")
        for row in tables.select(table, wanted, str(path)).to_dict("records"):
            where = f"{path}, line {row['line']}"
            name = row.get("id", references.ids[0])
            if name not in numbers:
                if len(references.ids) > 1 or references.ids != ["reference"]:
                    raise InputError(
                        f"{where}: there is no reference '{name}'{nearest(name, numbers)}; there "
                        f"are {listed(references.ids[:5])}."
                    )
                name = references.ids[0]
            if "variant" in row:
                text = row["variant"].strip()
                changes = tuple(_parsed(part, where) for part in text.split(";"))
            else:
                text = f"{row['ref'].strip()}{row['position'].strip()}{row['alt'].strip()}"
                changes = (_parsed(text, where),)
            number = numbers[name]
            problem = references.problems[number] if references.problems else ""
            problem = problem or _problem(changes, name, references.sequences[number], where)
            yield Variant(number, changes, problem, text)


def _parsed(text: str, where: str) -> tuple[int, str, str]:
    found = _NOTATION.fullmatch(text.strip())
    if found is None:
        raise InputError(
            f"{where}: {text.strip()[:40]!r} is no substitution such as A12G or 12A>G; several in "
            "one sequence are written A12G;C14T."
        )
    at = int(found["at"] or found["at2"])
    ref, alt = found["ref"] or found["ref2"], found["alt"] or found["alt2"]
    return at, ref.upper(), alt.upper()


def _problem(changes: Iterable[tuple[int, str, str]], name: str, sequence: str, where: str) -> str:
    seen: set[int] = set()
    for at, ref, _ in changes:
        if not 1 <= at <= len(sequence):
            return f"{where}: there is no position {at} in '{name}' of {len(sequence)} letters"
        if sequence[at - 1] != ref:
            return f"{where}: '{name}' has {sequence[at - 1]} at position {at}, not {ref}"
        if at in seen:
            return f"{where}: position {at} is exchanged twice"
        seen.add(at)
    return ""


def score(
    predictor: Predictor,
    references: References,
    variants: Iterable[Variant],
    summary: Summary,
    *,
    seeds: bool = False,
    on_error: Literal["stop", "skip"] = "stop",
    records: int = streaming.RECORDS,
) -> Iterator[pd.DataFrame]:
    """Predictions with and without substitutions, some thousand variants at a time.

    Yields
    ------
    pandas.DataFrame
        `id`, `variant`; the means over the seeds `prediction.reference` and `prediction.variant`,
        their `difference`, and `sd`, the standard deviation of the difference over the seeds (a
        seed's two predictions belong together); `warning`. Of classes and labels these are
        `probability.{class}.reference`, `probability.{class}.variant`, `difference.{class}` and
        `sd.{class}`, of two classes only those of the last.

    Raises
    ------
    InputError
        Naming the first substitution that does not fit its reference, unless they are skipped.
    """
    maker = _Maker(predictor, references)
    whole, unread = maker.whole(records)
    part: list[Variant] = []
    size = 0
    for variant in variants:
        problem = variant.problem or unread[variant.reference]
        if problem and on_error == "stop":
            raise InputError(f"{problem}. Correct it, or leave it out: --on-error skip.")
        part.append(replace(variant, problem=problem))
        size += len(references.sequences[variant.reference])
        if len(part) >= records or size >= streaming.CHARACTERS:
            yield maker.table(part, whole, summary, seeds, on_error)
            part, size = [], 0
    if part:
        yield maker.table(part, whole, summary, seeds, on_error)


class _Maker:
    """Makes variants and their predictions."""

    def __init__(self, predictor: Predictor, references: References) -> None:
        self.predictor, self.references = predictor, references
        self._reader = newcomers.Letters(predictor, Request("variants"), "fasta", "variants")

    def whole(self, records: int) -> tuple[np.ndarray, np.ndarray]:
        """Values [seeds, references, values], NaN where one can't be read, and problems [n]."""
        count = len(self.references.ids)
        problems = np.full(count, "", dtype=object)
        parts = []
        for start in range(0, count, records):
            rows = np.arange(start, min(start + records, count))
            sequences = self.references.sequences[start : start + records]
            values, _, problems[rows] = self.values(sequences, rows)
            part = np.full((len(values), len(rows), values.shape[2]), np.nan)
            part[:, problems[rows] == ""] = values
            parts.append(part)
        return np.concatenate(parts, axis=1), problems

    def values(
        self, sequences: list[str], numbers: np.ndarray
    ) -> tuple[np.ndarray, list[str], np.ndarray]:
        """Values [seeds, read, values], warnings of those, and text [n] of problems.

        `numbers` are those of their references, int [n].
        """
        reader, problems = self._reader, np.full(len(sequences), "", dtype=object)
        if self.references.problems:
            problems[:] = [self.references.problems[number] for number in numbers]
        frame = pd.DataFrame({"sequence": pd.Series(sequences, dtype=object)})
        frame = frame.assign(source_id="", line=0, origin="")
        config = reader.config.model_copy(update={"codes": None})
        keep = newcomers.spell(frame, config, reader.alphabet, problems)
        inputs = encode(frame["sequence"][keep], reader.alphabet)
        covariates, second = None, None
        if self.references.covariates is not None and self.predictor.beside is not None:
            covariates = self.references.covariates[numbers[keep]]
            second = self.predictor.beside.apply(covariates)
        values = self.predictor.values(inputs, second)
        return values, self.predictor.warnings(inputs, covariates), problems

    def table(
        self,
        variants: list[Variant],
        whole: np.ndarray,
        summary: Summary,
        seeds: bool,
        on_error: str,
    ) -> pd.DataFrame:
        numbers = np.array([variant.reference for variant in variants])
        ids = [self.references.ids[number] for number in numbers]
        problems = np.array([variant.problem for variant in variants], dtype=object)
        makeable = np.flatnonzero(problems == "")
        sequences = [self._changed(variants[at]) for at in makeable]
        values, warnings, found = self.values(sequences, numbers[makeable])
        for at, problem in zip(makeable, found, strict=True):
            if problem and on_error == "stop":
                raise InputError(f"{ids[at]} {variants[at]}: {problem}.")
            problems[at] = problem
        there = problems == ""
        summary.add(ids, problems, warnings)
        said = np.array([f"not predicted: {problem}" for problem in problems], dtype=object)
        said[there] = warnings
        columns: dict[str, Any] = {"id": ids, "variant": [str(variant) for variant in variants]}
        for name, value in self._columns(whole[:, numbers[there]], values, seeds).items():
            columns[name] = np.full(len(variants), np.nan)
            columns[name][there] = value
        return pd.DataFrame(columns | {"warning": said})

    def _changed(self, variant: Variant) -> str:
        sequence = list(self.references.sequences[variant.reference])
        for at, _, alt in variant.changes:
            sequence[at - 1] = alt
        return "".join(sequence)

    def _columns(self, before: np.ndarray, after: np.ndarray, seeds: bool) -> dict[str, np.ndarray]:
        classes = self.predictor.task.classes
        # of two classes the first has what the last has not
        one = len(classes) == 2 and self.predictor.task.kind == "classification"
        chosen = [(1, f".{classes[1]}")] if one else [(at, f".{x}") for at, x in enumerate(classes)]
        found = {}
        for at, suffix in chosen or [(0, "")]:
            what = f"probability{suffix}" if suffix else "prediction"
            difference = after[..., at] - before[..., at]
            found[f"{what}.reference"] = before[..., at].mean(axis=0)
            found[f"{what}.variant"] = after[..., at].mean(axis=0)
            found[f"difference{suffix}"] = difference.mean(axis=0)
            found[f"sd{suffix}"] = spread_of(difference)
            if seeds:
                for seed, own in zip(self.predictor.seeds, difference, strict=True):
                    found[f"difference{suffix}.seed{seed}"] = own
        return found
