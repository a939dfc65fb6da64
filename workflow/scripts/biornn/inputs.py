"""Inputs: what a model reads, letters or numbers, in one form and one file for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import save_file

from . import encoding
from .encoding import EncodedSequences
from .files import InputError, write_with


@dataclass(frozen=True)
class Series:
    """Series of numbers.

    Attributes
    ----------
    values : numpy.ndarray
        float32 [total length, channels], the steps of all series one after another.
    offsets : numpy.ndarray
        int64 [n + 1]; series k is `values[offsets[k]:offsets[k + 1]]`.
    normalized : bool
        Whether the values were normalised already, and are not to be standardised again.
    """

    values: np.ndarray
    offsets: np.ndarray
    normalized: bool = False

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n]: steps of each series."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class RankedGenes:
    """Profiles as the names of genes, the most expressed first.

    Attributes
    ----------
    tokens : numpy.ndarray
        int32 [total length], the genes of all profiles one after another, as columns of `values`.
    offsets : numpy.ndarray
        int64 [n + 1]; profile k is `tokens[offsets[k]:offsets[k + 1]]`.
    values : numpy.ndarray
        float32 [n, genes]: what was ranked, for models that see all genes at once.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n]: genes of each profile that are read."""
        return np.diff(self.offsets)

    @property
    def vocabulary(self) -> int:
        """Genes that there are; the number after the last one is for padding."""
        return self.values.shape[1]


#: What a model reads.
Inputs = EncodedSequences | Series | RankedGenes


def flat(inputs: Inputs) -> np.ndarray:
    """Every step of all examples: codes or genes [total], or values float32 [total, channels]."""
    return inputs.values if isinstance(inputs, Series) else inputs.tokens


def take(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Some examples, int64 [rows], in that order; nothing of the others is left."""
    lengths = inputs.lengths[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    steps = np.repeat(inputs.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
    if isinstance(inputs, Series):
        return replace(inputs, values=inputs.values[steps], offsets=offsets)
    if isinstance(inputs, RankedGenes):
        tokens, values = inputs.tokens[steps], inputs.values[rows]
        return RankedGenes(tokens, offsets, values)
    return replace(inputs, tokens=inputs.tokens[steps], offsets=offsets)


def parse_numbers(text: str) -> list[float]:
    """Numbers with spaces, commas or semicolons between; ValueError for anything else."""
    return [float(word) for word in text.replace(",", " ").replace(";", " ").split()]


def write_numbers(channels: Sequence[Sequence[float]]) -> str:
    """A series as text: spaces between the steps, commas between the channels of a step."""
    return " ".join(",".join(map(repr, step)) for step in zip(*channels, strict=True))


def read_series(texts: pd.Series) -> Series:
    """Series from the column `sequence` of `examples.parquet`: what `write_numbers` wrote.

    Raises
    ------
    InputError
        For steps that have not all the same channels.
    """
    rows = [
        [[float(value) for value in step.split(",")] for step in text.split()] for text in texts
    ]
    if len({len(step) for row in rows for step in row}) > 1:
        raise InputError("Steps of series of numbers must all have the same channels.")
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Series(np.array([step for row in rows for step in row], dtype=np.float32), offsets)


def profile_series(values: np.ndarray, genes_per_step: int) -> Series:
    """Expression profiles [samples, genes] as series of `genes_per_step` genes at each step.

    The last step is filled up with zeros.
    """
    n, genes = values.shape
    steps = -(-genes // genes_per_step)
    whole = np.zeros((n, steps * genes_per_step), dtype=np.float32)
    whole[:, :genes] = values
    offsets = np.arange(n + 1, dtype=np.int64) * steps
    return Series(whole.reshape(n * steps, genes_per_step), offsets, normalized=True)


def rank_genes(values: np.ndarray, length: int) -> RankedGenes:
    """The genes of each profile with a value above zero, highest first, at most `length`.

    Of equal values the first gene comes first. A profile with none above zero keeps its highest.

    Parameters
    ----------
    values : numpy.ndarray
        Normalised values [n, genes].
    length : int
    """
    order = np.argsort(-values, axis=1, kind="stable")[:, :length]
    counts = np.clip((values > 0).sum(axis=1), 1, order.shape[1])
    read = np.arange(order.shape[1])[None, :] < counts[:, None]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return RankedGenes(order[read].astype(np.int32), offsets, values.astype(np.float32))


def profiles(values: np.ndarray, profile: Mapping[str, Any]) -> Series | RankedGenes:
    """Normalised profiles [n, columns] as sequences, in the way that `profile` names."""
    if profile["method"] == "rank":
        return rank_genes(values, profile["length"])
    return profile_series(values, profile.get("genes_per_step", 1))


def next_values(inputs: Inputs) -> np.ndarray:
    """float64 [total]: at each step the value of the next one, NaN at the last of each series.

    Raises
    ------
    InputError
        For letters, ranks, and series of several channels.
    """
    if not isinstance(inputs, Series) or inputs.values.shape[1] != 1:
        raise InputError(
            "target.task: next_value is for series of numbers, one at each step. Give such inputs, "
            "or another task."
        )
    values = np.append(inputs.values[1:, 0].astype(np.float64), np.nan)
    values[inputs.offsets[1:][inputs.lengths > 0] - 1] = np.nan
    return values


def dense(inputs: Inputs) -> np.ndarray:
    """float32 [n, longest, channels], padded with zeros at the end; letters are one-hot.

    Of ranked genes the values of all genes, [n, 1, genes].
    """
    if isinstance(inputs, RankedGenes):
        return inputs.values[:, None, :]
    if isinstance(inputs, EncodedSequences):
        return encoding.one_hot(inputs)
    shape = (len(inputs), int(inputs.lengths.max(initial=0)), inputs.values.shape[1])
    table = np.zeros(shape, dtype=np.float32)
    table[np.arange(shape[1])[None, :] < inputs.lengths[:, None]] = inputs.values
    return table


def save(inputs: EncodedSequences | Series, path: str | Path) -> None:
    """Write `sequences.safetensors`."""
    if isinstance(inputs, EncodedSequences):
        encoding.save(inputs, path)
        return
    tensors = {"values": inputs.values, "offsets": inputs.offsets}
    write_with(path, lambda temporary: save_file(tensors, temporary, metadata={"kind": "numbers"}))


def load(path: str | Path) -> EncodedSequences | Series:
    """Read what `save` wrote."""
    with safe_open(path, framework="numpy") as stored:
        if "alphabet" not in stored.metadata():
            return Series(stored.get_tensor("values"), stored.get_tensor("offsets"))
    return encoding.load(path)
