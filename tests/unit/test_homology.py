"""Clusters of similar sequences, with the real MMseqs2."""

import numpy as np
import pandas as pd
import pytest
from biornn import homology, splits
from biornn.alphabets import DNA, PROTEIN, reverse_complement
from biornn.config import section
from biornn.config_split import HomologyGroups
from biornn.files import InputError
from biornn.targets import REGRESSION

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


@pytest.fixture(autouse=True)
def mmseqs():
    try:
        homology.executable()
    except InputError:
        pytest.skip("MMseqs2 is not installed")


def mutated(sequence, letters, share, generator):
    kept = generator.random(len(sequence)) > share
    other = generator.choice(list(letters), len(sequence))
    return "".join(np.where(kept, list(sequence), other))


def families(letters, length, n_families, members, share, seed=0):
    """`id, sequence, family`: sequences that are a parent with some letters drawn anew."""
    generator = np.random.default_rng(seed)
    rows = []
    for family in range(n_families):
        parent = "".join(generator.choice(list(letters), length))
        rows += [(family, mutated(parent, letters, share, generator)) for _ in range(members)]
    frame = pd.DataFrame(rows, columns=["family", "sequence"])
    return frame.assign(id=[f"s{n}" for n in range(len(frame))])


def test_families_of_proteins_are_found_and_stay_together():
    table = families(AMINO_ACIDS, 120, 12, 5, 0.25)
    config = HomologyGroups(by="homology", identity=0.4)
    clusters = homology.cluster(table, config, PROTEIN)
    assert list(clusters.columns) == homology.CLUSTERS_COLUMNS
    assert clusters["id"].tolist() == table["id"].tolist()
    pairs = pd.crosstab(table["family"], clusters["cluster"].to_numpy())
    assert ((pairs > 0).sum(axis=0) == 1).all()  # strangers are never linked
    assert ((pairs > 0).sum(axis=1) == 1).all() and (clusters["size"] == 5).all()
    split = {"method": "k_fold", "k": 3, "validation": 0.3, "groups": {"by": "homology"}}
    assigned, _ = splits.assign(
        table, section("split", split), REGRESSION, PROTEIN, clusters.set_index("id")["cluster"]
    )
    families_in = assigned.assign(family=list(table["family"]) * 3).groupby(["fold", "family"])
    assert (families_in["subset"].nunique() == 1).all()


def test_both_strands_are_one_family():
    table = families("ACGT", 150, 6, 4, 0.05)
    flipped = table["sequence"].map(lambda sequence: reverse_complement(sequence, DNA))
    table["sequence"] = table["sequence"].where(np.arange(len(table)) % 2 == 0, flipped)
    clusters = homology.cluster(table, HomologyGroups(by="homology"), DNA)
    pairs = pd.crosstab(table["family"], clusters["cluster"].to_numpy())
    assert pairs.shape == (6, 6) and ((pairs > 0).sum(axis=1) == 1).all()


def test_copies_are_together_even_if_nothing_can_be_aligned():
    table = pd.DataFrame({"id": ["a", "b", "c"], "sequence": ["KK", "KK", "LL"]})
    clusters = homology.cluster(table, HomologyGroups(by="homology"), PROTEIN)
    assert clusters["cluster"].tolist() == [0, 0, 1] and clusters["size"].tolist() == [2, 2, 1]


@pytest.mark.parametrize(("letters", "alphabet"), [(AMINO_ACIDS, PROTEIN), ("ACGT", DNA)])
def test_short_ones_that_are_nearly_equal_are_together(letters, alphabet):
    table = families(letters, 12, 20, 1, 0)
    one = table["sequence"].map(lambda text: text[:-1] + ("C" if text[-1] != "C" else "A"))
    if alphabet is DNA:
        one = one.map(lambda text: reverse_complement(text, DNA))
    both = pd.concat([table, table.assign(sequence=one, id="x" + table["id"])], ignore_index=True)
    clusters = homology.cluster(both, HomologyGroups(by="homology"), alphabet)
    assert (clusters["cluster"][:20].to_numpy() == clusters["cluster"][20:].to_numpy()).all()
    assert clusters["cluster"].nunique() >= 15  # strangers are not linked, or hardly


def test_numbers_are_refused():
    with pytest.raises(InputError, match="homology is for sequences of letters"):
        homology.cluster(pd.DataFrame(), HomologyGroups(by="homology"), None)


def test_a_missing_program_is_named_with_the_ways_to_get_it(monkeypatch):
    monkeypatch.setattr(homology.shutil, "which", lambda name: None)
    monkeypatch.setattr(homology.sys, "path", [])
    with pytest.raises(InputError, match="no `mmseqs` here"):
        homology.executable()


def test_a_failing_program_is_told(monkeypatch):
    table = pd.DataFrame({"id": ["a"], "sequence": ["KKKKKKKKKKKKKKKKKKK"]})
    monkeypatch.setattr(homology, "executable", lambda: "false")
    with pytest.raises(InputError, match="MMseqs2 ended with status 1"):
        homology.cluster(table, HomologyGroups(by="homology"), PROTEIN)
