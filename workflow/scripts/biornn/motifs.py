"""Motifs: what the windows that matter have in common, and which known motif that is."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .alphabets import Alphabet
from .archives import read_member
from .files import InputError

MOTIF_COLUMNS = [
    "label", "by", "motif", "consensus", "windows", "of", "position", *("letter", "share"),
]  # fmt: skip
MATCH_COLUMNS = ["label", "by", "motif", "known", "p_value", "q_value", "strand", "overlap"]
#: Windows of an example that may hold a motif.
_WINDOWS = 2
#: Fewest windows that make a motif, and the smallest share of all windows.
_FEWEST, _SMALLEST = 10, 0.05
_MOTIFS = 3
_ROUNDS = 10
#: A letter counts as if it had been seen so often more, by its share among all letters.
_PSEUDOCOUNT = 1.0
#: Columns with less information, in bits, are cut off at the ends.
_LEAST_BITS = 0.25
#: Known motifs above this p-value, adjusted over all, are not named.
_Q = 0.1


@dataclass(frozen=True)
class Motif:
    """A motif.

    Attributes
    ----------
    counts : numpy.ndarray
        float [width, letters].
    background : numpy.ndarray
        float [letters], share of each letter in all sequences.
    of : int
        Windows among which it was found.
    letters : str
    """

    counts: np.ndarray
    background: np.ndarray
    of: int
    letters: str

    @property
    def shares(self) -> np.ndarray:
        """float [width, letters]: shares with pseudocounts."""
        counts = self.counts + _PSEUDOCOUNT * self.background
        return counts / counts.sum(axis=1, keepdims=True)

    @property
    def bits(self) -> np.ndarray:
        """float [width, letters]: height of each letter, share times Σ p log2(p / background)."""
        shares = self.shares
        return shares * _information(shares, self.background)[:, None]

    @property
    def windows(self) -> int:
        """Windows that have it."""
        return round(float(self.counts.sum(axis=1).max()))

    @property
    def consensus(self) -> str:
        """The commonest letter of each column, small where it has less than half."""
        shares = self.shares
        best = shares.argmax(axis=1)
        return "".join(
            self.letters[at] if share[at] >= 0.5 else self.letters[at].lower()
            for at, share in zip(best, shares, strict=True)
        )


def _information(shares: np.ndarray, background: np.ndarray) -> np.ndarray:
    return (shares * np.log2(np.maximum(shares, 1e-12) / background)).sum(axis=1)


def windows(values: Sequence[np.ndarray], width: int) -> list[tuple[int, int]]:
    """(example, start) of the windows with the largest sums: up to two of each example.

    They do not overlap, and the second counts where its sum is above all windows' 95th percentile,
    as the first must be above their median.

    Parameters
    ----------
    values : sequence of numpy.ndarray
        By example, float [length]: contributions, or attention.
    width : int
    """
    sums = [
        np.convolve(each, np.ones(width), "valid") if len(each) >= width else np.zeros(0)
        for each in values
    ]
    every = np.concatenate([*sums, np.zeros(0)])
    if not len(every):
        return []
    limits = [float(np.quantile(every, 0.5)), float(np.quantile(every, 0.95))]
    found = []
    for example, of_example in enumerate(sums):
        rest = of_example.copy()
        for limit in limits[:_WINDOWS]:
            if not len(rest) or rest.max() <= limit:
                break
            start = int(rest.argmax())
            found.append((example, start))
            rest[max(0, start - width + 1) : start + width] = -np.inf
    return found


def find(
    tokens: Sequence[np.ndarray], values: Sequence[np.ndarray], width: int, alphabet: Alphabet
) -> list[Motif]:
    """The motifs that the windows with the largest values share, commonest first.

    Of the windows (with half a width more on both sides) the commonest word is the first guess;
    windows are then laid on it where they fit best, and it is made anew from those that fit better
    than the background by at least half of its information, until nothing changes. Windows that
    have it are taken out for the next one.

    Parameters
    ----------
    tokens : sequence of numpy.ndarray
        By example, codes [length].
    values : sequence of numpy.ndarray
        By example, float [length].
    width : int
    alphabet : Alphabet

    Returns
    -------
    list of Motif
        Up to three.
    """
    n_letters = len(alphabet.letters)
    every = np.concatenate(list(tokens)) if len(tokens) else np.zeros(0, int)
    counts = np.bincount(every[every < n_letters], minlength=n_letters) + 1.0
    background = counts / counts.sum()
    half = width // 2
    pieces = []
    for example, start in windows(values, width):
        piece = np.full(width + 2 * half, n_letters)
        first = max(0, start - half)
        taken = tokens[example][first : start + width + half]
        at = first - (start - half)
        piece[at : at + len(taken)] = np.minimum(taken, n_letters)
        pieces.append(piece)
    found: list[Motif] = []
    if not pieces:
        return found
    rest, n = np.array(pieces), len(pieces)
    while len(found) < _MOTIFS and len(rest) >= max(_FEWEST, _SMALLEST * n):
        counts, fits = _grow(rest, width, background, half)
        if fits.sum() < max(_FEWEST, _SMALLEST * n):
            break
        trimmed = _trim(counts, background)
        if len(trimmed) >= 3:
            found.append(Motif(trimmed, background, n, alphabet.letters))
        rest = rest[~fits]
    return found


def _grow(
    pieces: np.ndarray, width: int, background: np.ndarray, half: int
) -> tuple[np.ndarray, np.ndarray]:
    """Counts [width, letters] of one motif, and which pieces have it."""
    n_letters = len(background)
    seed = _commonest_word(pieces[:, half : half + width], n_letters, background)
    score = np.zeros((width, n_letters + 1))
    at = (width - len(seed)) // 2
    score[at + np.arange(len(seed)), seed] = 1.0
    need = len(seed) * 0.8
    around = np.pad(pieces, ((0, 0), (half, half)), constant_values=n_letters)
    # all windows of all pieces, and the same with half a width more on both sides
    views = np.lib.stride_tricks.sliding_window_view(pieces, width, axis=1)
    wide = np.lib.stride_tricks.sliding_window_view(around, width + 2 * half, axis=1)
    fits, chosen = np.zeros(len(pieces), bool), np.zeros(len(pieces), int)
    counts = np.zeros((width, n_letters))
    for _ in range(_ROUNDS):
        scores = score[np.arange(width), views].sum(axis=2)  # [piece, place]
        now = scores.argmax(axis=1)
        new = scores[np.arange(len(pieces)), now] >= need
        if (new == fits).all() and (now[new] == chosen[new]).all():
            break
        fits, chosen = new, now
        if not fits.any():
            break
        mine = wide[np.flatnonzero(fits), chosen[fits]]
        counts = np.stack([(mine == letter).sum(axis=0) for letter in range(n_letters)], axis=1)
        shares = counts + _PSEUDOCOUNT * background
        shares = shares / shares.sum(axis=1, keepdims=True)
        bits = _information(shares, background)
        # the first word may have been the end of the motif: the window moves to where it is
        shift = int(np.convolve(bits, np.ones(width), "valid").argmax())
        part = slice(shift, shift + width)
        counts = counts[part].astype(float)
        score = np.zeros((width, n_letters + 1))
        score[:, :n_letters] = np.log2(shares[part] / background)
        need = bits[part].sum() / 2
    return counts, fits


def _commonest_word(pieces: np.ndarray, n_letters: int, background: np.ndarray) -> np.ndarray:
    """The word that most pieces have, against what the background would give; codes [k]."""
    k = 6 if n_letters <= 4 else 3
    k = min(k, pieces.shape[1])
    seen: Counter[tuple[int, ...]] = Counter()
    for piece in pieces:
        words = np.lib.stride_tricks.sliding_window_view(piece, k)
        seen.update({tuple(word) for word in words.tolist() if max(word) < n_letters})
    if not seen:
        return np.zeros(0, dtype=np.int64)

    def surprise(item: tuple[tuple[int, ...], int]) -> tuple[float, tuple[int, ...]]:
        word, count = item
        expected = len(pieces) * (pieces.shape[1] - k + 1) * np.prod(background[list(word)])
        return (count - expected) / np.sqrt(expected + 1), word

    return np.array(max(seen.items(), key=surprise)[0])


def _trim(counts: np.ndarray, background: np.ndarray) -> np.ndarray:
    shares = counts + _PSEUDOCOUNT * background
    shares /= shares.sum(axis=1, keepdims=True)
    good = np.flatnonzero(_information(shares, background) >= _LEAST_BITS)
    return counts[good[0] : good[-1] + 1] if len(good) else counts[:0]


def table(motifs: Mapping[tuple[str, str], Sequence[Motif]]) -> pd.DataFrame:
    """`motifs.tsv`, a row a position and letter; by label and by what the windows were chosen."""
    rows = []
    for (label, by), found in motifs.items():
        for number, motif in enumerate(found, start=1):
            for position, shares in enumerate(motif.shares, start=1):
                for letter, share in zip(motif.letters, shares, strict=True):
                    rows.append(
                        (
                            label, by, number, motif.consensus, motif.windows, motif.of, position,
                            letter, share,
                        )
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=MOTIF_COLUMNS)


def read_known(path: str | Path, member: str | None = None) -> dict[str, np.ndarray]:
    """Motifs of a file in MEME's text format: by name, float [4, width], channels A, C, G, T.

    Raises
    ------
    InputError
        When the file can't be read as such, or holds no motif of nucleotides.
    """
    from memelite.io import read_meme  # numba takes a second to import

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "motifs.meme"
        file.write_bytes(read_member(path, member))
        try:
            found = read_meme(str(file))
        except Exception as error:  # the library raises whatever its parsing runs into
            raise InputError(
                f"{path}: can't be read as motifs in MEME's text format ({error})."
            ) from None
    known = {
        name: np.asarray(motif, dtype=np.float64)
        for name, motif in found.items()
        if np.asarray(motif).ndim == 2 and len(motif) == 4
    }
    if not known:
        raise InputError(f"{path}: has no motif of four letters in MEME's text format.")
    return known


def compare(
    motifs: Mapping[tuple[str, str], Sequence[Motif]], known: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """The known motifs that are most like each motif of nucleotides, by TOMTOM.

    TOMTOM (Gupta et al., Genome Biology 8:R24, 2007) as memelite has it; `q_value` is adjusted by
    Benjamini and Hochberg over the known motifs. Those up to 0.1 are kept, at most five.

    Returns
    -------
    pandas.DataFrame
        `MATCH_COLUMNS`.
    """
    from memelite import tomtom
    from scipy.stats import false_discovery_control

    rows = []
    names = list(known)
    for (label, by), found in motifs.items():
        for number, motif in enumerate(found, start=1):
            p, _, _, overlap, strand = tomtom(
                [np.ascontiguousarray(motif.shares.T)], [known[name] for name in names], n_jobs=1
            )[:5]
            q = false_discovery_control(np.clip(p[0], 0, 1))
            order = np.argsort(p[0], kind="stable")[:5]
            for at in order:
                if q[at] <= _Q:
                    rows.append(
                        (
                            label, by, number, names[at], float(p[0, at]), float(q[at]),
                            "-" if strand[0, at] else "+", int(overlap[0, at]),
                        )
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=MATCH_COLUMNS)
