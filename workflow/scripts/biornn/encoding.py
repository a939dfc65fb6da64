"""Encoding: letters to codes to one-hot, in whole-array steps.

The contract is tokens + offsets + table: a batch's one-hot tensor is `one_hot[tokens]`, made where
it is needed, so that memory grows with letters and not with letters x channels x 4 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from safetensors import safe_open
from safetensors.numpy import save_file

from .alphabets import ALPHABETS, INVALID, Alphabet
from .files import InputError, write_with


@dataclass(frozen=True)
class EncodedSequences:
    """Sequences as codes.

    Attributes
    ----------
    tokens : numpy.ndarray
        uint8 [total length], the codes of all sequences one after another.
    offsets : numpy.ndarray
        int64 [n + 1]; sequence k is `tokens[offsets[k]:offsets[k + 1]]`.
    alphabet : Alphabet
    """

    tokens: np.ndarray
    offsets: np.ndarray
    alphabet: Alphabet

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n]: letters of each sequence."""
        return np.diff(self.offsets)

    def padded(self, fill: int) -> np.ndarray:
        """uint8 [n, longest]: codes padded at the end with `fill`."""
        table = np.full((len(self), int(self.lengths.max(initial=0))), fill, dtype=np.uint8)
        inside = np.arange(table.shape[1])[None, :] < self.lengths[:, None]
        table[inside] = self.tokens
        return table

    def decode(self) -> list[str]:
        """The sequences as text (upper case)."""
        codes = np.frombuffer(self.alphabet.codes.encode("ascii"), dtype=np.uint8)
        text = codes[self.tokens].tobytes().decode("ascii")
        starts, ends = self.offsets[:-1], self.offsets[1:]
        return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def tokenize(sequences: pd.Series, alphabet: Alphabet) -> EncodedSequences:
    """Codes of every letter, `INVALID` where a byte is no letter of the alphabet.

    Parameters
    ----------
    sequences : pandas.Series
        Text, upper case, no missing values.
    alphabet : Alphabet

    Raises
    ------
    InputError
        When a value is missing.
    """
    column = pa.array(sequences, type=pa.large_string())
    if column.null_count:
        raise InputError(f"{column.null_count} sequences are missing.")
    _, offsets_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[: len(column) + 1].copy()
    letters = np.frombuffer(data_buffer or b"", dtype=np.uint8)[: offsets[-1]]
    return EncodedSequences(alphabet.lookup[letters], offsets, alphabet)


def encode(sequences: pd.Series, alphabet: Alphabet) -> EncodedSequences:
    """Codes of sequences that are known to be valid.

    Raises
    ------
    InputError
        Naming the first letter that is not in the alphabet.
    """
    encoded = tokenize(sequences, alphabet)
    invalid = np.flatnonzero(encoded.tokens == INVALID)
    if len(invalid):
        record = int(np.searchsorted(encoded.offsets, invalid[0], side="right")) - 1
        position = int(invalid[0] - encoded.offsets[record])
        raise InputError(
            f"sequence {record + 1}: position {position + 1} is no letter of the "
            f"{alphabet.name} alphabet ({alphabet.codes})."
        )
    return encoded


def one_hot(encoded: EncodedSequences) -> np.ndarray:
    """float32 [n, longest, channels]: padded with zeros; ambiguity codes are mixtures."""
    table = np.vstack([encoded.alphabet.one_hot, np.zeros((1, len(encoded.alphabet.letters)))])
    return table.astype(np.float32)[encoded.padded(fill=len(encoded.alphabet.codes))]


def save(encoded: EncodedSequences, path: str | Path) -> None:
    """Write `sequences.safetensors`: tokens, offsets, one_hot; the alphabet's name as metadata."""
    tensors = {
        "tokens": encoded.tokens,
        "offsets": encoded.offsets,
        "one_hot": encoded.alphabet.one_hot,
    }
    metadata = {"alphabet": encoded.alphabet.name}
    write_with(path, lambda temporary: save_file(tensors, temporary, metadata=metadata))


def load(path: str | Path) -> EncodedSequences:
    """Read what `save` wrote."""
    with safe_open(path, framework="numpy") as stored:
        alphabet = ALPHABETS[stored.metadata()["alphabet"]]
        return EncodedSequences(stored.get_tensor("tokens"), stored.get_tensor("offsets"), alphabet)
