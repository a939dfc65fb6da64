"""Familiarity: is a new input like those that a model was trained on?

What is kept of the training inputs is small: lengths, how often letters follow each other or stand
at a position, the range of each channel, gene and covariate. An input is unlike them when it is
outside of what 99.8 % of the training inputs are, by each of what is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .encoding import EncodedSequences
from .folds import FoldData
from .inputs import Inputs, RankedGenes, Series

#: Share of the training inputs that are outside of the scores' limits, both sides together.
OUTSIDE = 0.002
#: Letters that a letter's probability depends on: of nucleotides two, of amino acids one.
_ORDER = {"dna": 2, "rna": 2, "protein": 1}
#: Training sequences of one length, up to this one, are also compared position by position.
_LONGEST = 1000
#: The range of a channel or gene: between these quantiles of its training values.
_RANGE = (0.005, 0.995)


def summarize(data: FoldData) -> dict[str, Any]:
    """What `model.json` keeps of the training inputs of a fold: plain values for JSON."""
    rows = data.rows("train")
    inputs = data.inputs
    found: dict[str, Any] = {"length": _ends(inputs.lengths[rows])}
    if isinstance(inputs, EncodedSequences):
        ambiguous = _sums(inputs, inputs.alphabet.is_ambiguous(inputs.tokens)) / inputs.lengths
        found["ambiguous"] = float(ambiguous[rows].max(initial=0))
        found["letters"] = _Letters.fit(inputs, rows)
    else:
        values = _table(inputs)
        found["values"] = _Values.fit(values[_steps(inputs, rows)], values, inputs, rows)
    if data.beside is not None:
        own = data.beside[rows].astype(np.float64)
        found["covariates"] = {
            "names": list(data.covariates),
            "low": own.min(axis=0).tolist(),
            "high": own.max(axis=0).tolist(),
        }
    return found


def warnings(
    summary: Mapping[str, Any], inputs: Inputs, covariates: np.ndarray | None = None
) -> list[str]:
    """What is unlike the training inputs, of each input; empty texts for those that are like them.

    Parameters
    ----------
    summary
        From `summarize`.
    inputs : EncodedSequences, Series or RankedGenes
        In the form of the training inputs.
    covariates : numpy.ndarray or None
        float [n, covariates] as they came, in the order of training.
    """
    found: list[list[str]] = [[] for _ in range(len(inputs))]
    if not found:
        return []
    lengths = inputs.lengths
    low, high = summary["length"]
    fixed = isinstance(inputs, RankedGenes) or (isinstance(inputs, Series) and inputs.normalized)
    if not fixed:
        for row in np.flatnonzero((lengths < low) | (lengths > high)):
            found[row].append(f"length {lengths[row]}, in training {_span(low, high)}")
    if isinstance(inputs, EncodedSequences):
        _Letters.judge(summary, inputs, found)
    else:
        _Values.judge(summary["values"], inputs, found)
    known = summary.get("covariates")
    if known and covariates is not None:
        low, high = np.array(known["low"]), np.array(known["high"])
        for row, at in np.argwhere((covariates < low) | (covariates > high)):
            found[row].append(
                f"{known['names'][at]} {covariates[row, at]:g}, in training "
                f"{_span(low[at], high[at])}"
            )
    return ["; ".join(each) for each in found]


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _ends(lengths: np.ndarray) -> list[int]:
    return [int(lengths.min()), int(lengths.max())]


def _sums(inputs: Inputs, values: np.ndarray) -> np.ndarray:
    """Sums of values [total] over each input, float64 [n]."""
    running = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return running[inputs.offsets[1:]] - running[inputs.offsets[:-1]]


def _limits(scores: np.ndarray, outside: float) -> list[float]:
    """Quantiles that leave at most `outside` of the scores on both sides together.

    Of few scores none is outside: there is no telling where the next one would be.
    """
    there = scores[np.isfinite(scores)]
    if not len(there):
        return [0.0, 0.0]
    return [
        float(np.quantile(there, outside / 2, method="lower")),
        float(np.quantile(there, 1 - outside / 2, method="higher")),
    ]


class _Letters:
    """Log likelihood of sequences by how letters follow each other, and by where they stand."""

    @staticmethod
    def fit(inputs: EncodedSequences, rows: np.ndarray) -> dict[str, Any]:
        k = len(inputs.alphabet.letters)
        order = _ORDER[inputs.alphabet.name]
        train = np.zeros(len(inputs), dtype=bool)
        train[rows] = True
        steps = np.repeat(train, inputs.lengths)
        words, valid = _words(inputs, order)
        counts = np.bincount(words[valid & steps], minlength=k ** (order + 1)).reshape(-1, k) + 1.0
        found = {"follow": np.log(counts / counts.sum(axis=1, keepdims=True)).round(6)}
        lengths = inputs.lengths[rows]
        if lengths.min() == lengths.max() <= _LONGEST:
            places, valid = _places(inputs, int(lengths[0]))
            n = int(lengths[0])
            counts = np.bincount(places[valid & steps], minlength=n * k).reshape(n, k) + 1.0
            found["stand"] = np.log(counts / counts.sum(axis=1, keepdims=True)).round(6)
        described: dict[str, Any] = {}
        for name, table in found.items():
            means, sizes = _means(inputs, name, table)
            own = np.isfinite(means) & train
            # a mean over few letters varies more than one over many: var = a + b / letters
            center = float(np.average(means[own], weights=sizes[own])) if own.any() else 0.0
            center = round(center, 9)
            spread = [float(f"{value:.9g}") for value in _spread(means[own] - center, sizes[own])]
            scores = _standard(means, sizes, center, spread)
            described[name] = {
                "log_p": table.tolist(),
                "center": center,
                "spread": spread,
                "limits": _limits(scores[own], OUTSIDE / len(found)),
            }
        return described

    @staticmethod
    def judge(summary: Mapping[str, Any], inputs: EncodedSequences, found: list[list[str]]) -> None:
        lengths = np.maximum(inputs.lengths, 1)
        ambiguous = _sums(inputs, inputs.alphabet.is_ambiguous(inputs.tokens)) / lengths
        for row in np.flatnonzero(ambiguous > summary["ambiguous"]):
            found[row].append(
                f"{ambiguous[row]:.2g} of the letters are ambiguity codes, in training at most "
                f"{summary['ambiguous']:.2g}"
            )
        said = {"follow": "composition", "stand": "letters at their positions"}
        for name, known in summary["letters"].items():
            means, sizes = _means(inputs, name, np.array(known["log_p"]))
            scores = _standard(means, sizes, known["center"], known["spread"])
            low, high = known["limits"]
            with np.errstate(invalid="ignore"):
                outside = np.flatnonzero((scores < low) | (scores > high))
            for row in outside:
                found[row].append(
                    f"{said[name]} unlike training (score {scores[row]:.3g}, in training "
                    f"{low:.3g} to {high:.3g})"
                )


def _words(inputs: EncodedSequences, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of each letter with the `order` before it, [total], and whether all are there."""
    k = len(inputs.alphabet.letters)
    tokens = inputs.tokens.astype(np.int32)
    plain = inputs.tokens < k
    words, valid = tokens.copy(), plain.copy()
    for back in range(1, order + 1):
        words[back:] += tokens[:-back] * k**back
        valid[back:] &= plain[:-back]
        # the first letters of a sequence have not so many before them
        starts = inputs.offsets[:-1] + back - 1
        valid[starts[starts < inputs.offsets[1:]]] = False
    return words, valid


def _places(inputs: EncodedSequences, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of each letter at its position, [total]; none in sequences of another length."""
    k = len(inputs.alphabet.letters)
    right = np.repeat(inputs.lengths == length, inputs.lengths)
    position = np.arange(len(inputs.tokens)) - np.repeat(inputs.offsets[:-1], inputs.lengths)
    return position * k + inputs.tokens, right & (inputs.tokens < k)


def _means(inputs: EncodedSequences, name: str, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean log likelihood of the letters of each sequence, NaN where none counts; how many do."""
    if name == "follow":
        k = table.shape[1]
        numbers, valid = _words(inputs, round(np.log(table.size) / np.log(k)) - 1)
    else:
        numbers, valid = _places(inputs, len(table))
    values = np.where(valid, table.ravel()[np.where(valid, numbers, 0)], 0.0)
    sizes = _sums(inputs, valid)
    with np.errstate(invalid="ignore"):
        return _sums(inputs, values) / np.where(sizes > 0, sizes, np.nan), sizes


def _spread(deviations: np.ndarray, sizes: np.ndarray) -> list[float]:
    """a and b of the variance a + b / size, by least squares, neither negative."""
    if not len(deviations):
        return [1.0, 0.0]
    squared = deviations**2
    if np.ptp(sizes) > 0:
        design = np.stack([np.ones(len(sizes)), 1 / sizes], axis=1)
        a, b = np.linalg.lstsq(design, squared, rcond=None)[0]
        if a >= 0 and b >= 0 and a + b > 0:
            return [float(a), float(b)]
        if b > 0:  # all of it falls with the length
            return [0.0, float((squared * sizes).mean())]
    return [float(squared.mean()) or 1.0, 0.0]


def _standard(
    means: np.ndarray, sizes: np.ndarray, center: float, spread: Sequence[float]
) -> np.ndarray:
    a, b = spread
    scores = (means - center) / np.sqrt(a + b / np.maximum(sizes, 1))
    # sums are taken along all sequences at hand: a sequence's last digits depend on the others
    return scores.round(6)


class _Values:
    """The share of an input's values that are outside the range of their channel or gene."""

    @staticmethod
    def fit(
        train: np.ndarray, values: np.ndarray, inputs: Inputs, rows: np.ndarray
    ) -> dict[str, Any]:
        low, high = np.quantile(train, _RANGE, axis=0).astype(np.float64)
        shares = _shares(values, inputs, low, high)[rows]
        limit = float(np.quantile(shares, 1 - OUTSIDE, method="higher"))
        return {"low": low.tolist(), "high": high.tolist(), "share": limit}

    @staticmethod
    def judge(known: Mapping[str, Any], inputs: Inputs, found: list[list[str]]) -> None:
        shares = _shares(_table(inputs), inputs, np.array(known["low"]), np.array(known["high"]))
        for row in np.flatnonzero(shares > known["share"]):
            found[row].append(
                f"{shares[row]:.2g} of the values are outside of what is usual in training, there "
                f"at most {known['share']:.2g}"
            )


def _table(inputs: Inputs) -> np.ndarray:
    """Values with a column a channel or gene: a row a step, of normalised profiles a sample."""
    if isinstance(inputs, RankedGenes):
        return inputs.values
    assert isinstance(inputs, Series)
    if inputs.normalized:
        return inputs.values.reshape(len(inputs), -1)
    return inputs.values


def _steps(inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Which rows of `_table` are those of some inputs."""
    if isinstance(inputs, Series) and not inputs.normalized:
        chosen = np.zeros(len(inputs), dtype=bool)
        chosen[rows] = True
        return np.repeat(chosen, inputs.lengths)
    return rows


def _shares(values: np.ndarray, inputs: Inputs, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """float64 [n]"""
    # as they are stored: a value at the end of the range is inside
    outside = ((values < low.astype(np.float32)) | (values > high.astype(np.float32))).mean(axis=1)
    if len(outside) == len(inputs):
        return outside
    return _sums(inputs, outside) / np.maximum(inputs.lengths, 1)
