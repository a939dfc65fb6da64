"""Letters, ambiguity codes and their mixtures."""

import numpy as np
import pytest
from biornn.alphabets import ALPHABETS, DNA, INVALID, PROTEIN, RNA, reverse_complement


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=lambda alphabet: alphabet.name)
def test_every_code_has_one_row_that_sums_to_one(alphabet):
    assert len(set(alphabet.codes)) == len(alphabet.codes)
    assert alphabet.one_hot.shape == (len(alphabet.codes), len(alphabet.letters))
    np.testing.assert_allclose(alphabet.one_hot.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(
        alphabet.one_hot[: len(alphabet.letters)], np.eye(len(alphabet.letters))
    )
    for code, letter in enumerate(alphabet.codes):
        assert alphabet.lookup[ord(letter)] == code
    assert (alphabet.lookup == INVALID).sum() == 256 - len(alphabet.codes)


def test_iupac_nucleotide_codes():
    # NC-IUB 1984, table 1: R is purine (A or G), B is not A, N is any
    for code, letters in {"R": "AG", "Y": "CT", "B": "CGT", "V": "ACG", "N": "ACGT"}.items():
        row = DNA.one_hot[DNA.lookup[ord(code)]]
        assert {DNA.letters[i] for i in np.flatnonzero(row)} == set(letters)
    assert RNA.lookup[ord("T")] == INVALID and DNA.lookup[ord("U")] == INVALID
    assert len(DNA.codes) == 15


def test_amino_acid_codes():
    row = PROTEIN.one_hot[PROTEIN.lookup[ord("B")]]
    assert {PROTEIN.letters[i]: row[i] for i in np.flatnonzero(row)} == {"D": 0.5, "N": 0.5}
    assert len(PROTEIN.letters) == 20


def test_ambiguity_is_told_apart_from_invalid():
    tokens = RNA.lookup[np.frombuffer(b"ANT", dtype=np.uint8)]
    assert RNA.is_ambiguous(tokens).tolist() == [False, True, False]


@pytest.mark.parametrize("alphabet", [DNA, RNA], ids=["dna", "rna"])
def test_the_complement_of_a_code_means_the_complements_of_its_letters(alphabet):
    for code in alphabet.codes:
        row = alphabet.one_hot[alphabet.codes.index(code)]
        other = alphabet.one_hot[alphabet.codes.index(reverse_complement(code, alphabet))]
        # A C G T: the complement is the mirrored channel
        np.testing.assert_array_equal(other, row[::-1])


def test_reverse_complement():
    assert reverse_complement("AACGTNryK-") == "-MryNACGTT"
    assert reverse_complement("AACGUn", RNA) == "nACGUU"
    assert reverse_complement("AAU") == "ATT" and reverse_complement("AAT", RNA) == "AUU"
    with pytest.raises(ValueError, match="protein has no complement"):
        reverse_complement("MK", PROTEIN)
