"""Synthesis: tables with a known answer, made from a seed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .config_sources import SyntheticSource

#: The letter in front of what is to be recalled; it is nowhere else in a sequence.
CUE = "W"
#: Letters that may be asked for: the classes.
ANSWERS = "ACDE"
#: What the rest is made of: all other amino acids, those of the answer among them.
NOISE = "ACDEFGHIKLMNPQRSTVY"
#: Most steps before what is to be remembered, so that the length does not give its place away.
LONGEST_START = 10


def write(source: SyntheticSource, path: str | Path) -> None:
    """Write the table of a synthetic source as CSV, the lags in turn; the same for the same seed.

    `cued_recall` has the columns `id, lag, sequence, class`: up to ten random letters, the cue W,
    one of A, C, D and E (the class), and `lag` random letters of which any but W may be the same
    as the answer. What must be carried to the end is a letter in its context, not a rare letter.

    `adding` has the columns `id, lag, value, marker, sum`: series with spaces between the steps, of
    uniform numbers from 0 to 1 and of markers 0 and 1. One marked number is `lag` steps before the
    end, the other anywhere after it; their sum is the target. Always saying 1 has an error of 1/6.

    `planted_motif` has the columns `id, sequence, start, end, class`: random DNA, in half of which
    (class `motif`) the motif lies at a random place, from letter `start` to `end`. In the other
    half (class `none`, without `start` and `end`) its letters lie somewhere in another random
    order, so that no count of letters tells the classes apart. Letters of the motif are drawn anew
    with a chance of 1 - purity.

    Source: Hochreiter & Schmidhuber, Neural Computation 9:1735 (1997), sections 5.1 (random
    sequences between what is to be remembered and the end) and 5.4 (adding), with the lag held.
    """
    made = {"adding": _adding, "cued_recall": _cued_recall, "planted_motif": _planted_motif}
    rows = made[source.task](source)
    with Path(path).open("w", encoding="ascii", newline="") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerows(rows)


def _ids(source: SyntheticSource) -> Iterator[tuple[str, int]]:
    """Id and lag of each example. Neighbouring rows differ in their lag."""
    for number in range(source.examples):
        for lag in source.lags:
            yield f"lag{lag}_{number + 1}", lag


def _cued_recall(source: SyntheticSource) -> Iterator[list[str | int]]:
    random = np.random.default_rng(source.seed)
    yield ["id", "lag", "sequence", "class"]
    for name, lag in _ids(source):
        start = int(random.integers(LONGEST_START + 1))
        answer = ANSWERS[random.integers(len(ANSWERS))]
        letters = "".join(NOISE[at] for at in random.integers(len(NOISE), size=start + lag))
        yield [name, lag, f"{letters[:start]}{CUE}{answer}{letters[start:]}", answer]


def _adding(source: SyntheticSource) -> Iterator[list[str | int]]:
    random = np.random.default_rng(source.seed)
    yield ["id", "lag", "value", "marker", "sum"]
    for name, lag in _ids(source):
        start = int(random.integers(LONGEST_START + 1))
        # four decimals: what is written is what is summed
        values = random.integers(10_001, size=start + 1 + lag)
        second = start + 1 + int(random.integers(lag))
        marked = [start, second]
        markers = ["0"] * len(values)
        for at in marked:
            markers[at] = "1"
        yield [
            name,
            lag,
            " ".join(f"{value / 10_000:g}" for value in values),
            " ".join(markers),
            f"{values[marked].sum() / 10_000:g}",
        ]


def _planted_motif(source: SyntheticSource) -> Iterator[list[str | int]]:
    random = np.random.default_rng(source.seed)
    assert source.motif is not None  # the config asks for it
    width, motif = len(source.motif), np.array(list(source.motif))
    yield ["id", "sequence", "start", "end", "class"]
    for number in range(source.examples):
        letters = random.choice(list("ACGT"), size=source.length)
        start, there = int(random.integers(source.length - width + 1)), number % 2 == 0
        planted = motif
        while not there and (planted == motif).all():
            planted = random.permutation(motif)
        wrong = random.random(width) >= source.purity
        letters[start : start + width] = np.where(
            wrong, random.choice(list("ACGT"), size=width), planted
        )
        place = [start + 1, start + width] if there else ["", ""]
        yield [f"seq{number + 1}", "".join(letters), *place, "motif" if there else "none"]
