"""Made-up data of a fold, small enough to train on in a test."""

from dataclasses import replace

import numpy as np
import pandas as pd
from biornn.alphabets import RNA
from biornn.encoding import encode
from biornn.folds import FoldData
from biornn.inputs import Series, next_values, rank_genes
from biornn.targets import MASKED, NEXT_VALUE, Task


def make_data(n: int = 240, *, shortest: int = 4, longest: int = 9, seed: int = 0) -> FoldData:
    """Sequences of several lengths; the target counts G and asks whether a U is last."""
    generator = np.random.default_rng(seed)
    sequences = pd.Series(
        [
            "".join(generator.choice(list("ACGU"), size=generator.integers(shortest, longest + 1)))
            for _ in range(n)
        ]
    )
    targets = sequences.str.count("G") + 2.0 * sequences.str.endswith("U")
    subsets = np.array(["train", "train", "train", "validation", "test"])[np.arange(n) % 5]
    return FoldData(encode(sequences, RNA), targets.to_numpy(float), subsets)


def make_classes(n: int = 240, **options) -> FoldData:
    """The same sequences; the class is the most frequent of A, C and the others."""
    data = make_data(n, **options)
    counts = np.array([[s.count("A"), s.count("C"), 1] for s in data.inputs.decode()])
    task = Task("classification", "sequence", ("a", "c", "few"))
    return replace(data, targets=counts.argmax(axis=1), task=task)


def make_positions(n: int = 240, **options) -> FoldData:
    """The same sequences; each letter's class says whether a G came before; the first is masked."""
    data = make_data(n, **options)
    codes = []
    for sequence in data.inputs.decode():
        seen = [int("G" in sequence[:at]) for at in range(len(sequence))]
        codes += [MASKED, *seen[1:]]
    task = Task("classification", "position", ("no", "yes"))
    return replace(data, targets=np.array(codes, dtype=np.int64), task=task)


def make_series(n: int = 240, *, seed: int = 0) -> FoldData:
    """Series of numbers; the target of each step is the sum so far."""
    generator = np.random.default_rng(seed)
    rows = [generator.normal(5, 3, size=generator.integers(3, 9)) for _ in range(n)]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    values = np.concatenate(rows).astype(np.float32)[:, None]
    subsets = np.array(["train", "train", "train", "validation", "test"])[np.arange(n) % 5]
    targets = np.concatenate([np.cumsum(row - 5) for row in rows])
    return FoldData(Series(values, offsets), targets, subsets, Task("regression", "position"))


def make_labels(n: int = 240, **options) -> FoldData:
    """The same sequences; one label for each of A, C and G that is there twice or more."""
    data = make_data(n, **options)
    counts = np.array([[s.count(letter) for letter in "ACG"] for s in data.inputs.decode()])
    task = Task("multilabel", "sequence", ("a", "c", "g"))
    return replace(data, targets=(counts >= 2).astype(float), task=task)


def make_ordered(n: int = 240, **options) -> FoldData:
    """The same sequences; the class is none, one, or several of G."""
    data = make_data(n, **options)
    counts = np.array([s.count("G") for s in data.inputs.decode()])
    task = Task("classification", "sequence", ("none", "one", "several"), ordered=True)
    return replace(data, targets=np.minimum(counts, 2), task=task)


def make_counts(n: int = 240, **options) -> FoldData:
    """The same sequences; counts whose mean doubles with every G."""
    data = make_data(n, **options)
    rates = 3 * 2.0 ** np.array([s.count("G") for s in data.inputs.decode()])
    counts = np.random.default_rng(1).poisson(rates).astype(float)
    return replace(data, targets=counts, task=Task(counts=True))


def make_next_values(n: int = 240, *, seed: int = 0) -> FoldData:
    """Series that fall back to their mean by half at every step, with noise; the next value."""
    generator = np.random.default_rng(seed)
    rows = []
    for size in generator.integers(4, 12, size=n):
        row = [generator.normal(scale=2)]
        for _ in range(size - 1):
            row.append(0.5 * row[-1] + generator.normal(scale=0.5))
        rows.append(np.array(row) + 10)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    series = Series(np.concatenate(rows).astype(np.float32)[:, None], offsets)
    subsets = np.array(["train", "train", "train", "validation", "test"])[np.arange(n) % 5]
    return FoldData(series, next_values(series), subsets, NEXT_VALUE)


def make_ranks(n: int = 240, *, seed: int = 0) -> FoldData:
    """Profiles of seven genes by rank; the class is whether the first gene is above the second."""
    values = np.random.default_rng(seed).normal(size=(n, 7))
    subsets = np.array(["train", "train", "train", "validation", "test"])[np.arange(n) % 5]
    task = Task("classification", "sequence", ("below", "above"))
    above = (values[:, 0] > values[:, 1]).astype(np.int64)
    return FoldData(rank_genes(values, 6), above, subsets, task)
