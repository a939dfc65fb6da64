"""Features: what simple models see of a sequence, or of the window around a position."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from .config_models import BoostingBaseline, LinearBaseline, NearestBaseline
from .encoding import EncodedSequences
from .files import InputError
from .folds import FoldData
from .inputs import Inputs, dense

#: A design matrix with more columns does not fit beside others on a common machine.
MAX_FEATURES = 20_000
#: Elements and rows of a part of a design matrix: 128 MiB of float64.
_CHUNK_ELEMENTS, _CHUNK = 2**24, 100_000
#: Letters of a k-mer where none is said, by the letters of the alphabet.
_USUAL_K = {4: 4, 20: 2}


def design_matrix(inputs: Inputs, features: str) -> np.ndarray:
    """One-hot letters (or numbers), and for pairs of positions the products of their vectors.

    Parameters
    ----------
    inputs : EncodedSequences or Series
        Shorter ones are padded with zeros at the end.
    features : str
        `additive`: letters. `neighbor`: and pairs of adjacent positions. `pairwise`: and all pairs.

    Returns
    -------
    numpy.ndarray
        float64 [n, columns].

    Raises
    ------
    InputError
        When there would be more than `MAX_FEATURES` columns.
    """
    letters = dense(inputs).astype(np.float64)  # [n, length, channel]
    return _products(letters, features)


def _products(letters: np.ndarray, features: str) -> np.ndarray:
    n, length, channels = letters.shape
    first, second = np.triu_indices(length, k=1)
    if features == "additive":
        first, second = first[:0], second[:0]
    elif features == "neighbor":
        adjacent = second - first == 1
        first, second = first[adjacent], second[adjacent]
    columns = length * channels + len(first) * channels**2
    if columns > MAX_FEATURES:
        raise InputError(
            f"a linear model with {features} features needs {columns} columns for {length} "
            f"positions (at most {MAX_FEATURES}). Use features: additive."
        )
    alone = letters.reshape(n, length * channels)
    if not len(first):
        return alone
    pairs = np.einsum("npi,npj->npij", letters[:, first], letters[:, second])
    return np.hstack([alone, pairs.reshape(n, len(first) * channels**2)])


def kmer_counts(encoded: EncodedSequences, k: int) -> np.ndarray:
    """How often each k-mer is in each sequence, wherever it lies.

    K-mers with an ambiguity code are not counted.

    Returns
    -------
    numpy.ndarray
        float64 [n, letters^k], k-mers in the order of the alphabet.

    Raises
    ------
    InputError
        When there would be more than `MAX_FEATURES` columns.
    """
    n_letters = len(encoded.alphabet.letters)
    columns = n_letters**k
    if columns > MAX_FEATURES:
        raise InputError(
            f"features: kmers with k: {k} needs {columns:,} columns for {n_letters} letters (at "
            f"most {MAX_FEATURES:,}). Take a smaller k."
        )
    tokens, n = encoded.tokens.astype(np.int64), len(encoded)
    size = max(len(tokens) - k + 1, 0)
    codes, there = np.zeros(size, dtype=np.int64), np.ones(size, dtype=bool)
    for place in range(k):
        letter = tokens[place : place + size]
        codes = codes * n_letters + letter
        there &= letter < n_letters
    owner = np.repeat(np.arange(n), encoded.lengths)
    there &= owner[:size] == owner[k - 1 : k - 1 + size]  # not over the end of a sequence
    rows, found = owner[:size][there], codes[there]
    ones = np.ones(len(rows))
    return sparse.coo_matrix((ones, (rows, found)), shape=(n, columns)).toarray()


class Features:
    """Features of any targets: of the whole sequence, or of the window around a position.

    Where the next value is the target, the window ends at the position. After them comes the second
    input of the example, standardised; it is not multiplied with anything.

    Attributes
    ----------
    k : int or None
        Letters of the k-mers that are counted. K-mers are of the letters of whole sequences: in
        place of them numbers, and positions that each have a target, have the plain features.
    """

    def __init__(
        self, config: LinearBaseline | BoostingBaseline | NearestBaseline, data: FoldData
    ) -> None:
        self._products: str | None = "additive"
        if isinstance(config, BoostingBaseline):
            self._products = None
        elif isinstance(config, LinearBaseline) and config.features != "kmers":
            self._products = config.features
        self.k: int | None = None
        self._standardise = isinstance(config, LinearBaseline)
        wanted = isinstance(config, LinearBaseline | BoostingBaseline)
        if wanted and config.features == "kmers" and not data.per_position:
            if isinstance(data.inputs, EncodedSequences):
                self.k = config.k or _USUAL_K[len(data.inputs.alphabet.letters)]
        self._data, self._window = data, config.window
        inputs = data.inputs
        # a category of its own stands for what lies outside
        if isinstance(inputs, EncodedSequences):
            self._outside = len(inputs.alphabet.codes)
            table = np.vstack([inputs.alphabet.one_hot, np.zeros(len(inputs.alphabet.letters))])
            self._table: np.ndarray | None = table
            self._steps = inputs.tokens
        else:
            self._table, self._steps = None, inputs.values
        # of all sequences: codes of letters, which are small beside their features, or features
        self._codes: np.ndarray | None = None
        self._whole: np.ndarray | None = None
        scaling = data.beside_scaling()
        self._beside: np.ndarray | None = None
        if scaling is not None and data.beside is not None:
            self._beside = scaling.apply(data.beside)
            self._owner = data.units

    def categories(self, columns: int) -> list[int] | None:
        """Which of so many plain features are codes of letters."""
        if self._table is None or self.k:
            return None
        return list(range(columns - (0 if self._beside is None else self._beside.shape[1])))

    def of(self, units: np.ndarray) -> np.ndarray:
        """float64 [units, features] of some targets."""
        features = self._of_steps(units)
        if self._beside is None:
            return features
        return np.hstack([features, self._beside[self._owner[units]]])

    def _of_steps(self, units: np.ndarray) -> np.ndarray:
        if self._data.per_position:
            return self._of_windows(units)
        if isinstance(self._data.inputs, EncodedSequences) and not self.k:
            return self._of_letters(self._data.inputs, units)
        if self._whole is None:
            self._whole = self._of_sequences()
        return self._whole[units]

    def width(self) -> int:
        """Columns."""
        return self.of(np.zeros(1, dtype=np.int64)).shape[1]

    def parts(self, units: np.ndarray) -> Iterator[np.ndarray]:
        """Some targets (int64) at a time: as many as have features of a bounded size."""
        size = min(max(_CHUNK_ELEMENTS // max(self.width(), 1), 1), _CHUNK)
        for start in range(0, len(units), size):
            yield units[start : start + size]

    def chunks(self, units: np.ndarray) -> Iterator[np.ndarray]:
        """Features of some targets in parts of bounded size."""
        for part in self.parts(units):
            yield self.of(part)

    def _of_letters(self, inputs: EncodedSequences, units: np.ndarray) -> np.ndarray:
        if self._codes is None:
            self._codes = inputs.padded(fill=self._outside)
        codes = self._codes[units]
        if self._products is None:
            return codes.astype(np.float64)
        assert self._table is not None
        return _products(self._table.take(codes, axis=0), self._products)

    def _of_sequences(self) -> np.ndarray:
        inputs = self._data.inputs
        if self.k and isinstance(inputs, EncodedSequences):
            counts = kmer_counts(inputs, self.k)
            if not self._standardise:
                return counts
            train = counts[self._data.subsets == "train"]
            sd = train.std(axis=0)
            return (counts - train.mean(axis=0)) / np.where(sd > 0, sd, 1)
        if self._products is not None:
            return design_matrix(inputs, self._products)
        return dense(inputs).astype(np.float64).reshape(len(inputs), -1)

    def _of_windows(self, units: np.ndarray) -> np.ndarray:
        offsets = self._data.inputs.offsets
        owner = np.searchsorted(offsets, units, side="right") - 1
        # the next value is among the inputs, and is not to be seen
        after = 0 if self._data.task.next_value else self._window
        places = units[:, None] + np.arange(-self._window, after + 1)[None, :]
        inside = (places >= offsets[owner][:, None]) & (places < offsets[owner + 1][:, None])
        steps = self._steps[np.where(inside, places, 0)]  # [units, window(, channel)]
        if self._table is None:
            values = np.where(inside[:, :, None], steps, 0).astype(np.float64)
        else:
            codes = np.where(inside, steps, self._outside)
            if self._products is None:
                return codes.astype(np.float64)
            values = self._table[codes].astype(np.float64)
        if self._products is None:
            return values.reshape(len(units), -1)
        return _products(values, self._products)
