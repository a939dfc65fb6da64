"""Similarity: how much of two sequences is equal, by edit distance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from .alphabets import Alphabet, reverse_complement

_CHUNK_ELEMENTS = 2**24


def steps(length: float, others: np.ndarray) -> np.ndarray:
    """Steps of the bit-parallel edit distance between a sequence and others, float64 [others].

    64 letters of the shorter are one step (Hyyrö 2003).
    """
    return np.ceil(np.minimum(others, length) / 64) * np.maximum(others, length)


def identities(
    queries: Sequence[str],
    references: Sequence[str],
    lowest: float,
    alphabet: Alphabet,
    both_strands: bool,
    threads: int = 1,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Identity of all queries with all references, some queries at a time.

    Identity is 1 - edit distance (Levenshtein 1966) / length of the longer.

    Parameters
    ----------
    queries, references
        Sequences.
    lowest
        Identities below are given as 0, which is much faster than to tell them.
    alphabet
        Of the letters.
    both_strands
        Whether the reverse complements of the queries are compared, too.
    threads
        The result does not depend on it.

    Yields
    ------
    strand : str
        `+`, or `-` for the reverse complements.
    rows : numpy.ndarray
        int64: which queries.
    values : numpy.ndarray
        float32 [rows, references].
    """
    strands = {"+": list(queries)}
    if both_strands:
        strands["-"] = [reverse_complement(query, alphabet) for query in queries]
    chunk = max(1, _CHUNK_ELEMENTS // max(len(references), 1))
    for strand, texts in strands.items():
        for start in range(0, len(texts), chunk):
            values = cdist(
                texts[start : start + chunk],
                references,
                scorer=Levenshtein.normalized_similarity,
                score_cutoff=lowest,
                dtype=np.float32,
                workers=threads,
            )
            yield strand, np.arange(start, start + len(values)), values
