"""Alphabets: the letters of DNA, RNA and protein, and what an ambiguity code stands for.

Sources: IUPAC-IUB nucleotide codes (Cornish-Bowden, Nucleic Acids Res. 13:3021, 1985); IUPAC-IUB
one-letter amino acid codes (Eur. J. Biochem. 138:9, 1984).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Marks a byte that is no letter of the alphabet; larger than any code.
INVALID = 255


@dataclass(frozen=True)
class Alphabet:
    """An ordered set of letters, each with its own channel, and the ambiguity codes over them.

    Attributes
    ----------
    name : str
    letters : str
        The unambiguous letters; letter k is channel k and code k.
    ambiguity : tuple of (str, str)
        Ambiguity code and the letters that it stands for, in code order after `letters`.
    """

    name: str
    letters: str
    ambiguity: tuple[tuple[str, str], ...]

    @cached_property
    def codes(self) -> str:
        """All letters in code order: first the unambiguous ones, then the ambiguity codes."""
        return self.letters + "".join(code for code, _ in self.ambiguity)

    @cached_property
    def lookup(self) -> np.ndarray:
        """uint8 [256]: ASCII byte to code, `INVALID` for every other byte."""
        table = np.full(256, INVALID, dtype=np.uint8)
        table[np.frombuffer(self.codes.encode("ascii"), dtype=np.uint8)] = np.arange(
            len(self.codes), dtype=np.uint8
        )
        return table

    @cached_property
    def one_hot(self) -> np.ndarray:
        """float32 [codes, channels]: one-hot rows; an ambiguity code is an equal mixture."""
        table = np.zeros((len(self.codes), len(self.letters)), dtype=np.float32)
        np.fill_diagonal(table, 1.0)
        for row, (_, meaning) in enumerate(self.ambiguity, start=len(self.letters)):
            channels = [self.letters.index(letter) for letter in meaning]
            table[row, channels] = 1.0 / len(channels)
        return table

    def is_ambiguous(self, tokens: np.ndarray) -> np.ndarray:
        """Boolean array: where a valid code stands for more than one letter."""
        return (tokens >= len(self.letters)) & (tokens != INVALID)


def _nucleic(name: str, letters: str) -> Alphabet:
    thymine = letters[3]
    meanings = {
        "R": "AG", "Y": "C" + thymine, "S": "CG", "W": "A" + thymine, "K": "G" + thymine,
        "M": "AC", "B": "CG" + thymine, "D": "AG" + thymine, "H": "AC" + thymine, "V": "ACG",
        "N": letters,
    }  # fmt: skip
    return Alphabet(name, letters, tuple(meanings.items()))


_AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"

DNA = _nucleic("dna", "ACGT")
RNA = _nucleic("rna", "ACGU")
#: U (selenocysteine) and O (pyrrolysine) are too rare for a channel of their own: read as unknown.
PROTEIN = Alphabet(
    "protein",
    _AMINO_ACIDS,
    (
        ("B", "DN"),
        ("Z", "EQ"),
        ("J", "IL"),
        ("X", _AMINO_ACIDS),
        ("U", _AMINO_ACIDS),
        ("O", _AMINO_ACIDS),
    ),
)

ALPHABETS: dict[str, Alphabet] = {alphabet.name: alphabet for alphabet in (DNA, RNA, PROTEIN)}
