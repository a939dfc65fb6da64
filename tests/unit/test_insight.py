"""Explanations are read, told and drawn; hostile names stay text."""

import numpy as np
import pandas as pd
import pytest
from biornn import explanations, insight, motifs, pathways
from biornn.alphabets import DNA, PROTEIN
from biornn.files import write_json, write_parquet, write_tsv

HOSTILE = "<b>$\\frac$"
PASSED = {
    "examples": 9, "from_test": 9, "mutated": 2, "seeds": 2, "missed_share": 0.004,
    "constant_positions": [],
    "with_random": {"mean": 0.02, "low": -0.1, "high": 0.1},
    "between_seeds": {"mean": 0.8, "low": 0.7, "high": 0.9},
    "difference": {"mean": 0.78, "low": 0.6, "high": 0.9},
    "verdict": "passed",
}  # fmt: skip


def written(
    folder,
    checks=PASSED,
    alphabet=DNA,
    lengths=(12, 12),
    genes=False,
    label=HOSTILE,
    attention=np.nan,
):
    """A folder of explanations, as a run leaves it."""
    random = np.random.default_rng(0)
    letters = list(alphabet.letters)
    profile = pd.DataFrame(
        [(label, "start", at, letter, random.normal(), abs(random.normal()), attention, 3)
         for at in range(1, 13) for letter in letters],
        columns=explanations.PROFILE_COLUMNS,
    )  # fmt: skip
    mutations = pd.DataFrame(
        [(f"e{n}", label, at, "A", mutant, random.normal(), 0.1)
         for n, length in enumerate(lengths) for at in range(1, length + 1)
         for mutant in letters[1:]],
        columns=explanations.MUTATION_COLUMNS,
    )  # fmt: skip
    tokens = [random.integers(len(letters), size=30) for _ in range(40)]
    values = []
    for each in tokens:
        each[10:16] = [0, 1, 2, 3, 1, 1]
        values.append(np.r_[np.zeros(10), np.ones(6), np.zeros(14)])
    found = {(label, "contribution"): motifs.find(tokens, values, 6, alphabet)}
    gene_table = pd.DataFrame(
        [(label, f"G{at}", 1.0 - at, 1.0 - at, 0.5, 4) for at in range(12)],
        columns=explanations.GENE_COLUMNS,
    )
    sets = pd.DataFrame(
        [(label, HOSTILE, 0.9, 1.9, 0.001, 0.004, "G0;G1", "G0;G1"),
         (label, "other", -0.9, -1.9, 0.001, 0.004, "G8", "G8")],
        columns=pathways.PATHWAY_COLUMNS,
    )  # fmt: skip
    folder.mkdir(parents=True)
    empty = slice(0, 0)
    write_tsv(profile if not genes else profile[empty], folder / "profile.tsv")
    write_parquet(mutations if not genes else mutations[empty], folder / "mutations.parquet")
    write_tsv(gene_table if genes else gene_table[empty], folder / "genes.tsv")
    write_tsv(sets if genes else sets[empty], folder / "pathways.tsv")
    write_tsv(motifs.table({} if genes else found), folder / "motifs.tsv")
    match = [(label, "contribution", 1, HOSTILE, 1e-6, 1e-4, "+", 6)]
    write_tsv(pd.DataFrame(match, columns=motifs.MATCH_COLUMNS), folder / "motif_matches.tsv")
    write_json(folder / "checks.json", checks)
    return folder / "checks.json"


@pytest.mark.parametrize("lengths", [(12, 12), (12, 9), (90, 80), (200, 200)])
@pytest.mark.parametrize("alphabet", [DNA, PROTEIN])
def test_letters_have_three_figures(tmp_path, alphabet, lengths):
    looked = insight.read([written(tmp_path / "net", alphabet=alphabet, lengths=lengths)])
    drawn = insight.draw_all(looked)
    assert set(drawn) == {"profile_net", "mutations_net", "motifs_net"}
    assert "change of the output" in drawn["mutations_net"].svg
    assert ("mean over 2 sequences" in drawn["mutations_net"].svg) == (lengths == (12, 12))
    assert "windows by contribution" in drawn["motifs_net"].svg
    (row,) = insight.rows(looked)
    assert row["motifs"][0]["known"] == [f"{HOSTILE} (q = 0.0001)"]
    assert row["motifs"][0]["consensus"].upper().startswith(alphabet.letters[:4])


def test_attention_has_its_figure(tmp_path):
    drawn = insight.draw_all(insight.read([written(tmp_path / "net", attention=0.2)]))
    assert "mean attention" in drawn["attention_net"].svg


def test_genes_have_names_and_sets(tmp_path):
    looked = insight.read([written(tmp_path / "net", genes=True)])
    assert insight.draw_all(looked) == {}
    (row,) = insight.rows(looked)
    (genes,) = row["genes"]
    assert genes["genes"] == [f"G{at}" for at in range(8)]
    assert [each["name"] for each in genes["sets"]] == [HOSTILE]  # what speaks against is not told


def test_series_are_drawn_by_their_steps(tmp_path):
    path = written(tmp_path / "net", label="")
    for table in ("mutations.parquet", "motifs.tsv"):
        kept = insight.read([path])[0]
        empty = kept.mutations.iloc[:0] if "mut" in table else kept.motifs.iloc[:0]
        (write_parquet if "mut" in table else write_tsv)(empty, path.parent / table)
    drawn = insight.draw_all(insight.read([path]))
    assert set(drawn) == {"profile_net"} and "mean |contribution|" in drawn["profile_net"].svg


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "what is shown here was learned"),
        ({"verdict": "failed", "difference": {"mean": 0.1, "low": 0.02, "high": 0.2}},
         "too little more. Do not read anything into"),
        ({"verdict": "unknown", "between_seeds": None}, "There is one seed"),
        ({"constant_positions": [4]}, "Position 4 has the same letter in all training examples"),
        ({"constant_positions": [9, 10]}, "Positions 9, 10 have the same letter"),
        ({"site": {"n": 7, "auroc": 0.9, "found": 0.71, "by_chance": 0.2}},
         "lies on it in 71 % (by chance 20 %)"),
    ],
)  # fmt: skip
def test_what_is_said_of_an_explanation(tmp_path, change, said):
    (looked,) = insight.read([written(tmp_path / "net", PASSED | change)])
    text = " ".join(insight.sentences(looked))
    assert said in text and "within 0.4 %" in text


def test_contributions_that_do_not_add_up_are_not_to_be_read(tmp_path):
    changed = PASSED | {"verdict": "failed", "missed_share": 0.83}
    (looked,) = insight.read([written(tmp_path / "net", changed)])
    text = " ".join(insight.sentences(looked))
    assert "miss 83 % of the change" in text and "what is shown here was learned" in text
