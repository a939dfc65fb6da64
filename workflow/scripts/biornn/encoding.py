"""Encoding: letters to codes to one-hot, in whole-array steps.

The contract is tokens + offsets + table: a batch's one-hot tensor is `one_hot[tokens]`, made where
it is needed, so that memory grows with letters and not with letters x channels x 4 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def tokenize(
    sequences: pd.Series | pa.Array | pa.ChunkedArray, alphabet: Alphabet
) -> EncodedSequences:
    """Codes of every letter, `INVALID` where a byte is no letter of the alphabet.

    One pass, block by block: beside the sequences the memory grows by about 1.2 bytes a letter,
    the codes themselves among them (`benchmarks/encoding.py` measures it).

    Parameters
    ----------
    sequences : pandas.Series, pyarrow.Array or pyarrow.ChunkedArray
        Text, upper case, no missing values.
    alphabet : Alphabet

    Raises
    ------
    InputError
        When a value is missing.
    """
    table = alphabet.lookup.tobytes()
    tokens = bytearray()
    ends = [np.zeros(1, dtype=np.int64)]
    missing = 0
    for column in _blocks(sequences):
        missing += column.null_count
        _, offsets_buffer, data = column.buffers()
        # a slice of a column shares the buffers of the whole
        offsets = np.frombuffer(offsets_buffer, dtype=np.int64, offset=8 * column.offset)
        offsets = offsets[: len(column) + 1]
        ends.append(offsets[1:] - offsets[0] + len(tokens))
        for start in range(offsets[0], offsets[-1], _BLOCK):
            stop = min(start + _BLOCK, offsets[-1])
            # of bytes the translation would also note whether there was a change: half as fast
            tokens += bytearray(memoryview(data)[start:stop]).translate(table)
    if missing:
        raise InputError(f"{missing} sequences are missing.")
    return EncodedSequences(np.frombuffer(tokens, dtype=np.uint8), np.concatenate(ends), alphabet)


#: Letters that are translated at a time: they stay in the processor's cache.
_BLOCK = 2**16


def _blocks(sequences: pd.Series | pa.Array | pa.ChunkedArray) -> Iterator[pa.LargeStringArray]:
    """The sequences as Arrow columns of some records each, about 32 blocks of letters.

    Arrow's builder doubles its buffer as it grows: a whole column of Python strings would need
    four times its letters.
    """
    values: Any = sequences
    if isinstance(sequences, pd.Series):
        values = sequences.to_numpy() if sequences.dtype == object else sequences.array
    start, records = 0, 64
    while start < len(values):
        part = values[start : start + records]
        if isinstance(part, pa.ChunkedArray):
            part = part.combine_chunks()
        if isinstance(part, pa.Array):
            column = part.cast(pa.large_string())
        else:
            column = pa.array(part, type=pa.large_string(), from_pandas=True)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        yield column
        start += records
        letters = max(column.nbytes - 8 * len(column), 1)
        records = max(1, min(4 * records, records * 32 * _BLOCK // letters))


def encode(
    sequences: pd.Series | pa.Array | pa.ChunkedArray, alphabet: Alphabet
) -> EncodedSequences:
    """Codes of sequences that are known to be valid.

    Raises
    ------
    InputError
        Naming the first letter that is not in the alphabet.
    """
    encoded = tokenize(sequences, alphabet)
    if encoded.tokens.max(initial=0) == INVALID:
        first = int((encoded.tokens == INVALID).argmax())
        record = int(np.searchsorted(encoded.offsets, first, side="right")) - 1
        position = int(first - encoded.offsets[record])
        raise InputError(
            f"sequence {record + 1}: position {position + 1} is no letter of the "
            f"{alphabet.name} alphabet ({alphabet.codes})."
        )
    return encoded


def one_hot(encoded: EncodedSequences) -> np.ndarray:
    """float32 [n, longest, channels]: padded with zeros; ambiguity codes are mixtures."""
    padding = np.zeros((1, len(encoded.alphabet.letters)), dtype=np.float32)
    table = np.vstack([encoded.alphabet.one_hot, padding])
    # take() copies whole rows; table[codes] would be several times as slow
    return table.take(encoded.padded(fill=len(encoded.alphabet.codes)), axis=0)


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
