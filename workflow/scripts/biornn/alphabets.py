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

    @cached_property
    def complement(self) -> dict[int, str]:
        """Complement of each letter of DNA or RNA, in its own case, as `str.translate` takes it.

        An ambiguity code becomes the code of the complements of its letters.
        """
        if self.name not in ("dna", "rna"):
            raise ValueError(f"{self.name} has no complement")
        pairs = dict(zip(self.letters, reversed(self.letters), strict=True))
        meanings = {letter: letter for letter in self.letters} | dict(self.ambiguity)
        codes = {frozenset(meaning): code for code, meaning in meanings.items()}
        table = {
            code: codes[frozenset(pairs[letter] for letter in meaning)]
            for code, meaning in meanings.items()
        }
        # T and U are one base
        table |= {"T": "A", "U": "A"}
        lower = {code.lower(): letter.lower() for code, letter in table.items()}
        return str.maketrans(table | lower)

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


def reverse_complement(sequence: str, alphabet: Alphabet = DNA) -> str:
    """The other strand of DNA or RNA, from its 5′ end.

    IUPAC codes are complemented, upper and lower case kept; T and U are read as one base. Other
    characters stay as they are: what they are is for the check of the alphabet to say.

    Raises
    ------
    ValueError
        For an alphabet without complements.
    """
    return sequence.translate(alphabet.complement)[::-1]
