"""Neighbours: what the most similar training example says, copied."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rapidfuzz.distance import Levenshtein
from sklearn.neighbors import NearestNeighbors

from . import spreads
from .alphabets import Alphabet, reverse_complement
from .audits import BUDGET, nearest
from .config_models import NearestBaseline
from .encoding import EncodedSequences
from .features import Features
from .folds import FoldData
from .similarity import steps

#: Training positions that are compared with, where numbers have a target at each.
MAX_REFERENCES = 20_000


def copied(
    data: FoldData, otherwise: np.ndarray, config: NearestBaseline, threads: int = 1
) -> tuple[np.ndarray, int]:
    """The targets of the nearest training example of each other one.

    Of letters it is the one with the highest identity (1 - edit distance / length of the longer; of
    DNA on either strand), and of several with the same letters the mean; where each position has a
    target, those of the letters that the alignment pairs. Of numbers it is the one with the lowest
    Euclidean distance, each feature standardised by the training rows. Training rows have their own
    targets: they are not scored.

    Parameters
    ----------
    data : FoldData
    otherwise : numpy.ndarray
        float64 [targets, values]: said where nothing is similar, or no letter is paired.
    config : NearestBaseline
    threads : int
        The result does not depend on it.

    Returns
    -------
    values : numpy.ndarray
        float64 [targets, values]: numbers, or 1 for the class (or label) that the neighbour has.
    references : int
        Training examples (positions) that were compared with: all, or as many, drawn by chance, as
        the time of an audit allows.
    """
    own = _as_values(data)
    values = otherwise.astype(np.float64).copy()
    train = data.unit_rows("train")
    values[train] = own[train]
    if isinstance(data.inputs, EncodedSequences):
        return values, _by_letters(data, own, values, data.inputs, threads)
    return values, _by_numbers(data, own, values, config)


def _as_values(data: FoldData) -> np.ndarray:
    """float64 [targets, values]; NaN where there is no label."""
    if data.task.kind == "classification":
        values = np.full((len(data.targets), len(data.task.classes)), np.nan)
        there = data.labelled
        values[there] = np.eye(len(data.task.classes))[data.targets[there]]
        return values
    return data.targets.reshape(len(data.targets), -1).astype(np.float64)


def _by_letters(
    data: FoldData, own: np.ndarray, values: np.ndarray, inputs: EncodedSequences, threads: int
) -> int:
    texts = pd.Series(inputs.decode())
    train = data.rows("train")
    asked = np.sort(np.concatenate([data.rows("validation"), data.rows("test")]))
    references = pd.unique(texts[train])
    queries, query_of = np.unique(texts[asked], return_inverse=True)
    strands = 2 if inputs.alphabet.name == "dna" else 1
    mean = max(1.0, float(np.mean([len(query) for query in queries])))
    cost = strands * steps(mean, np.array([len(each) for each in references]))
    total = float(cost.sum()) * len(queries)
    if total > BUDGET:
        n = max(1, int(len(references) * BUDGET / total))
        drawn = np.random.default_rng(0).choice(len(references), n, replace=False)
        references = references[np.sort(drawn)]
    identity, index, strand = nearest(list(queries), list(references), inputs.alphabet, threads)
    rows_of = pd.Series(train).groupby(texts[train].to_numpy()).apply(list)
    for row, query in zip(asked, query_of, strict=True):
        if identity[query] == 0:
            continue
        same = rows_of[references[index[query]]]
        if not data.per_position:
            values[row] = own[same].mean(axis=0)
            continue
        here, there = aligned(
            queries[query], references[index[query]], inputs.alphabet, strand[query] == "-"
        )
        first = own[inputs.offsets[same[0]] + there]
        known = ~np.isnan(first).any(axis=1)
        values[inputs.offsets[row] + here[known]] = first[known]
    return len(references)


def aligned(
    query: str, reference: str, alphabet: Alphabet, reverse: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of both that an alignment of least edit distance pairs, int64 each.

    Equal letters, and letters that were exchanged; with `reverse` the query's other strand is
    aligned, and its positions are counted on its own.
    """
    text = reverse_complement(query, alphabet) if reverse else query
    here, there = [], []
    for block in Levenshtein.opcodes(text, reference):
        if block.tag in ("equal", "replace"):
            here.append(np.arange(block.src_start, block.src_end))
            there.append(np.arange(block.dest_start, block.dest_end))
    nothing = [np.zeros(0, dtype=np.int64)]
    at = np.concatenate(here or nothing)
    return len(text) - 1 - at if reverse else at, np.concatenate(there or nothing)


def _by_numbers(
    data: FoldData, own: np.ndarray, values: np.ndarray, config: NearestBaseline
) -> int:
    features = Features(config, data)
    train = data.unit_rows("train")
    if len(train) > MAX_REFERENCES:
        train = np.sort(np.random.default_rng(0).choice(train, MAX_REFERENCES, replace=False))
    known = features.of(train)
    mean, sd = known.mean(axis=0), spreads.exact(known.std(axis=0), known)
    sd = np.where(sd > 0, sd, 1)
    model = NearestNeighbors(n_neighbors=1).fit((known - mean) / sd)
    asked = np.concatenate([data.unit_rows("validation"), data.unit_rows("test")])
    start = 0
    for part in features.chunks(asked):
        index = model.kneighbors((part - mean) / sd, return_distance=False)[:, 0]
        values[asked[start : start + len(part)]] = own[train[index]]
        start += len(part)
    return len(train)
