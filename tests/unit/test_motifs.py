"""A motif comes back from the windows that have it, and is known by its name."""

import numpy as np
import pytest
from biornn import motifs
from biornn.alphabets import DNA, PROTEIN
from biornn.files import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTBOOK = "config/motifs/textbook.meme"


def planted(motif, alphabet=DNA, n=60, length=50, purity=0.95, seed=0):
    """Codes, and values that are high where the motif lies; the last third has none."""
    random = np.random.default_rng(seed)
    codes = [alphabet.letters.index(letter) for letter in motif]
    tokens, values = [], []
    for example in range(n):
        each = random.integers(len(alphabet.letters), size=length)
        value = random.normal(scale=0.2, size=length)
        if example < 2 * n // 3:
            at = int(random.integers(length - len(motif) + 1))
            right = random.random(len(motif)) < purity
            each[at : at + len(motif)] = np.where(right, codes, each[at : at + len(motif)])
            value[at : at + len(motif)] += 1
        tokens.append(each)
        values.append(value)
    return tokens, values


@pytest.mark.parametrize(
    ("motif", "alphabet"), [("ATGCAAAT", DNA), ("TGACGTCA", DNA), ("WKRNDC", PROTEIN)]
)
def test_what_was_planted_is_found(motif, alphabet):
    tokens, values = planted(motif, alphabet)
    first = motifs.find(tokens, values, 10, alphabet)[0]
    assert motif in first.consensus.upper()
    assert 32 <= first.windows <= 45  # of the forty that have it
    shares = first.shares[first.consensus.upper().index(motif) :][: len(motif)]
    codes = [alphabet.letters.index(letter) for letter in motif]
    assert (shares[np.arange(len(motif)), codes] > 0.8).all()
    assert first.shares.sum(axis=1) == pytest.approx(1)


def test_noise_and_nothing_give_no_strong_motif():
    random = np.random.default_rng(1)
    tokens = [random.integers(4, size=50) for _ in range(60)]
    values = [random.normal(size=50) for _ in range(60)]
    for found in motifs.find(tokens, values, 10, DNA):
        assert found.windows < 25
    assert motifs.find([], [], 10, DNA) == []
    assert motifs.find([np.array([0, 1])], [np.ones(2)], 10, DNA) == []
    assert motifs.find([np.full(20, 14)] * 30, [np.arange(20.0)] * 30, 10, DNA) == []  # all N


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=8),
    width=st.integers(4, 12),
    seed=st.integers(0, 1000),
)
def test_windows_lie_inside_and_apart(lengths, width, seed):
    random = np.random.default_rng(seed)
    values = [random.normal(size=length) for length in lengths]
    found = motifs.windows(values, width)
    for example, start in found:
        assert 0 <= start <= lengths[example] - width
        others = [at for of, at in found if of == example and at != start]
        assert all(abs(at - start) >= width for at in others)
    assert len(found) <= 2 * len(lengths)


def test_a_motif_is_known_by_its_name(request):
    known = motifs.read_known(request.config.rootpath / TEXTBOOK)
    assert len(known) >= 25 and known["TATA_box"].shape == (4, 7)
    for each in known.values():
        assert each.sum(axis=0) == pytest.approx(1, abs=1e-3)
    tokens, values = planted("ATGCAAAT", seed=3)
    found = {("motif", "contribution"): motifs.find(tokens, values, 10, DNA)}
    matches = motifs.compare(found, known)
    best = matches[matches["motif"] == 1].iloc[0]
    assert best["known"] == "Octamer_(Oct-1)" and best["q_value"] < 0.01 and best["overlap"] == 8
    # the other strand is found too
    tokens, values = planted("ATTTGCAT", seed=4)
    other = motifs.compare({("", "attention"): motifs.find(tokens, values, 10, DNA)[:1]}, known)
    assert (other["known"].iloc[0], other["strand"].iloc[0]) == ("Octamer_(Oct-1)", "-")
    table = motifs.table(found)
    assert list(table.columns) == motifs.MOTIF_COLUMNS
    sums = table.groupby(["label", "by", "motif", "position"])["share"].sum()
    assert sums.to_numpy() == pytest.approx(1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("MEME version 4\n", "has no motif of four letters"),
        ("MOTIF x\nletter-probability matrix: w= 2\n0.1 0.2\n", "can't be read as motifs"),
        ("MOTIF x\nletter-probability matrix: nonsense\n", "can't be read as motifs"),
    ],
)
def test_what_is_no_motif_file_is_said(tmp_path, content, said):
    path = tmp_path / "motifs.meme"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        motifs.read_known(path)
