"""Every split is a partition with disjoint groups, whatever the order of the file."""

import numpy as np
import pandas as pd
import pytest
from biornn import splits
from biornn.alphabets import DNA, reverse_complement
from biornn.config import section
from biornn.files import InputError
from biornn.targets import REGRESSION, Task
from hypothesis import assume, given, settings
from hypothesis import strategies as st

CLASSES = Task("classification", "sequence", ("a", "b", "c"))


def table(sequences, **columns):
    frame = pd.DataFrame(
        {"id": [f"ex{i}" for i in range(len(sequences))], "sequence": list(sequences)}
    )
    return frame.assign(**columns)


def split(**settings):
    return section("split", settings)


def assign(given_table, config, task=REGRESSION, alphabet=None, clusters=None):
    return splits.assign(given_table, config, task, alphabet, clusters)[0]


COLUMN = split(method="column", column="set", train=["tr", "more"], validation=["va"], test=["te"])


def test_the_shipped_column():
    assigned = assign(table("ACGT", subset=["tr", "te", "va", "more"]), COLUMN)
    assert assigned["subset"].tolist() == ["train", "test", "validation", "train"]
    assert assigned["fold"].unique().tolist() == [0]


@pytest.mark.parametrize(
    ("config", "subsets", "said"),
    [
        (COLUMN, ["tr", "holdout"], "'set' has the values holdout, which are none of more, te"),
        (COLUMN, ["tr", "va"], "no example is in test"),
        (COLUMN.model_copy(update={"test": ["tr"]}), ["tr", "va"], "'tr' means both train and"),
        (
            split(method="column", column="set", train="rest", test=["chr9"], validation=["chr8"]),
            ["chr1", "chr8"],
            "'set' has no value chr9; it has chr1, chr8",
        ),
    ],
)
def test_a_column_that_does_not_fit_is_refused(config, subsets, said):
    with pytest.raises(InputError, match=said):
        assign(table("AC", subset=subsets), config)


def test_held_out_chromosomes_and_validation_by_chance():
    config = split(method="column", column="chromosome", train="rest", test=["9"], validation=0.25)
    chromosomes = list("1122334499")
    assigned = assign(table("ACDEFGHIKL", subset=chromosomes), config)
    assert assigned["subset"].value_counts().to_dict() == {"train": 6, "validation": 2, "test": 2}
    assert (assigned["subset"][8:] == "test").all()


# -- all methods -----------------------------------------------------------------------------------

METHODS = {
    "random": {"method": "random", "validation": 0.2, "test": 0.3},
    "k_fold": {"method": "k_fold", "k": 3, "repeats": 2, "validation": 0.3},
    "leave_one_out": {"method": "leave_one_out", "validation": 0.3},
    "ordered": {"method": "ordered", "column": "year", "test": 0.3, "validation": 0.3},
    "ordered_by_chance": {"method": "ordered", "test": 5, "validation_from": "chance"},
    "mutation_order": {"method": "mutation_order", "train_up_to": 1, "validation": 0.3},
}
EXAMPLES = st.lists(
    st.tuples(st.text("ACGT", min_size=4, max_size=4), st.integers(0, 7), st.integers(0, 2)),
    min_size=30,
    max_size=45,
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by", ["sequence", "column", "homology"])
@settings(max_examples=8, deadline=None)
@given(rows=EXAMPLES, seed=st.integers(0, 2**31))
def test_a_split_is_a_partition_with_disjoint_groups(method, by, rows, seed):
    sequences, numbers, classes = zip(*rows, strict=True)
    given_table = table(
        sequences,
        order=[str(2000 + n) for n in numbers],
        group=[f"g{n}" for n in numbers],
        target=np.array(list("abc"))[list(classes)],
    )
    groups = {"by": by} | ({"column": "patient"} if by == "column" else {})
    config = split(**METHODS[method], groups=groups, seed=seed)
    clusters = pd.Series(numbers, index=given_table["id"])
    try:
        assigned, folds = splits.assign(given_table, config, CLASSES, DNA, clusters)
    except InputError:  # too few groups for three subsets
        assume(False)
    expected = config.n_folds
    if method == "leave_one_out":
        one = splits.canonical(given_table["sequence"], DNA)
        expected = one.nunique() if by == "sequence" else len(set(numbers))
    assert assigned["fold"].nunique() == len(folds) == expected
    by_chance = method in ("random", "k_fold", "leave_one_out")
    kept = {
        "sequence": splits.canonical(given_table["sequence"], DNA),
        "column": given_table["group"],
        "homology": pd.Series(numbers),
    }[by]
    for fold, part in assigned.groupby("fold"):
        assert part["id"].tolist() == given_table["id"].tolist()
        sizes = part["subset"].value_counts()
        assert set(sizes.index) == set(splits.SUBSETS)
        assert folds.loc[fold, list(splits.SUBSETS)].to_dict() == sizes.to_dict()
        subsets = part["subset"].to_numpy()
        if by_chance:
            assert (pd.Series(subsets).groupby(kept.to_numpy()).nunique() == 1).all()
    if method in ("k_fold", "leave_one_out"):
        times = assigned[assigned["subset"] == "test"].groupby("id").size()
        assert set(times) == {2 if method == "k_fold" else 1} and len(times) == len(rows)


@pytest.mark.parametrize("method", ["random", "k_fold"])
@pytest.mark.parametrize("by", ["sequence", "column"])
def test_chance_does_not_depend_on_the_order_of_the_file(method, by):
    groups = {"by": by} | ({"column": "patient"} if by == "column" else {})
    config = split(**METHODS[method], groups=groups)
    sequences = [f"{i:06b}".replace("0", "A").replace("1", "C") for i in range(50)]
    given_table = table(sequences, group=[f"g{i // 4}" for i in range(50)])
    one = assign(given_table, config)
    other = assign(given_table[::-1].reset_index(drop=True), config)
    keys = ["fold", "id"]
    pd.testing.assert_frame_equal(
        one.sort_values(keys, ignore_index=True), other.sort_values(keys, ignore_index=True)
    )
    assert not one.equals(assign(given_table, config.model_copy(update={"seed": 1})))


def test_both_strands_of_dna_stay_together_and_those_of_rna_do_not_matter():
    one = [f"{i:07b}".replace("0", "A").replace("1", "C") for i in range(60)]
    other = [reverse_complement(sequence, DNA) for sequence in one]
    assigned = assign(table(one + other), split(method="random"), alphabet=DNA)
    assert (assigned["subset"][:60].to_numpy() == assigned["subset"][60:].to_numpy()).all()
    apart = assign(table(one + other), split(method="random"))
    assert (apart["subset"][:60].to_numpy() != apart["subset"][60:].to_numpy()).any()


@given(
    st.lists(st.integers(1, 6), min_size=8, max_size=60),
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.integers(0, 1000),
)
def test_parts_get_their_shares_but_for_a_group(sizes, shares, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    wanted = np.array(shares) / sum(shares)
    parts = splits.divide(groups, list(wanted), np.random.default_rng(seed))
    counts = np.bincount(parts, minlength=len(shares))
    # greedy, the largest first: no part is off by more than the largest group
    assert np.abs(counts - wanted * len(groups)).max() <= max(sizes) * len(shares)
    if len(sizes) >= len(shares):
        assert counts.min() > 0
    alone = splits.divide(np.arange(len(groups)), list(wanted), np.random.default_rng(seed))
    off = np.bincount(alone, minlength=len(shares)) - wanted * len(groups)
    assert np.abs(off).max() <= 1


def test_strata_are_shared_out_evenly():
    classes = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
    given_table = table([f"{i}" for i in range(100)], target=classes)
    config = split(method="k_fold", k=5, stratify=True, validation=0.25)
    assigned = assign(given_table, config, CLASSES)
    for _, part in assigned.groupby("fold"):
        found = pd.crosstab(np.array(classes), part["subset"].to_numpy())
        assert found["test"].tolist() == [12, 6, 2]
        assert found["validation"].tolist() == [12, 6, 2]
    with pytest.raises(InputError, match="stratify is for one class an example; the target here"):
        assign(given_table, config, REGRESSION)


def test_rounds_differ_and_are_counted():
    config = split(method="k_fold", k=2, repeats=3)
    assigned, folds = splits.assign(table([str(i) for i in range(40)]), config, REGRESSION)
    assert folds["repeat"].tolist() == [0, 0, 1, 1, 2, 2]
    tests = [set(part.loc[part["subset"] == "test", "id"]) for _, part in assigned.groupby("fold")]
    assert tests[0] != tests[2] != tests[4] and not tests[0] & tests[1]


def test_random_folds_beside_those_by_group():
    config = split(
        method="k_fold", k=2, compare_random=True, groups={"by": "column", "column": "family"}
    )
    given_table = table([f"{i}" for i in range(40)], group=[f"g{i // 8}" for i in range(40)])
    assigned, folds = splits.assign(given_table, config, REGRESSION)
    assert folds["scheme"].tolist() == ["k_fold by group"] * 2 + ["random"] * 2
    assert splits.own(folds)["fold"].tolist() == [0, 1] and config.n_folds == 4
    torn = assigned.assign(group=list(given_table["group"]) * 4).groupby(["fold", "group"])
    assert (torn["subset"].nunique().loc[2:] > 1).any()
    with pytest.raises(ValueError, match="compare_random needs groups by column or by homology"):
        split(method="random", compare_random=True)
    families = {"by": "column", "column": "family"}
    with pytest.raises(ValueError, match="compare_random can't go with drop_copies"):
        split(method="k_fold", compare_random=True, drop_copies=True, groups=families)


# -- order, mutations ------------------------------------------------------------------------------


def test_the_last_are_tested_and_equals_stay_together():
    years = ["2001-03-01", "2003-01-01", "2002-07-15", "2003-01-01", "2000-01-01", "2001-12-24"]
    config = split(method="ordered", column="date", test=1, validation=0.25)
    subsets = assign(table("ACDEFG", order=years), config)["subset"].tolist()
    assert subsets == ["train", "test", "validation", "test", "train", "train"]
    with pytest.raises(InputError, match="'soon' \\(ex1\\) is neither a number nor a date"):
        assign(table("AC", order=["2001-01-01", "soon"]), config)


def test_the_order_of_the_file():
    config = split(method="ordered", test=4, validation_from="chance", validation=0.5)
    subsets = assign(table("ACDEFGHI"), config)["subset"]
    assert (subsets[4:] == "test").all() and (subsets[:4] == "validation").sum() == 2


def test_copies_of_earlier_parts_can_be_left_out():
    # AC in training and test (as GT, its other strand, too), CC twice in the test alone
    sequences = ["AC", "AA", "CC", "AC", "CC", "GT", "AA", "CA"]
    given_table = table(sequences, subset=["tr", "va", "te", "te", "te", "va", "te", "te"])
    config = COLUMN.model_copy(update={"drop_copies": True})
    assert assign(given_table, config, alphabet=DNA)["subset"].tolist() == [
        "train", "validation", "test", "unused", "test", "unused", "unused", "test",
    ]  # fmt: skip
    folds = splits.assign(given_table, config, REGRESSION, DNA)[1]
    assert splits.sizes_of(folds) == {"train": 1, "validation": 1, "test": 3}
    only_copies = table(["AC", "AA", "AC"], subset=["tr", "va", "te"])
    with pytest.raises(InputError, match="drop_copies leaves no example in test: the sequence"):
        assign(only_copies, config)
    none_came = table(["AC", "AA", "AC"], subset=["tr", "va", "va"])
    with pytest.raises(InputError, match="split: no example is in test; correct"):
        assign(none_came, config)
    families = {"by": "column", "column": "family"}
    config = split(method="leave_one_out", groups=families, validation=0.5, drop_copies=True)
    one_is_copied = table(["AA", "AC", "AG", "AG"], group=list("abcd"))
    with pytest.raises(InputError, match="drop_copies leaves no example in test of fold 2"):
        assign(one_is_copied, config)


def test_substitutions_are_counted_from_the_parent():
    sequences = pd.Series(["AAAA", "AAAC", "AACC", "AAAA", "AAAA", "CCCC"])
    assert splits.substitutions(sequences[:5]).tolist() == [0, 1, 2, 0, 0]
    assert splits.substitutions(sequences, "CCCC").tolist() == [4, 3, 2, 4, 4, 0]
    with pytest.raises(InputError, match="lengths 4 and 3 differ \\(sequence 2\\)"):
        splits.substitutions(pd.Series(["AAAA", "AAA"]))


def test_leave_one_out_has_an_end():
    many = table([str(i) for i in range(1001)])
    with pytest.raises(InputError, match="leave_one_out makes 1,001 folds here"):
        assign(many, split(method="leave_one_out"))


def test_subsets_are_read_in_the_order_of_the_ids(tmp_path):
    assigned = pd.DataFrame(
        {"id": ["NA", "001", "a"] * 2, "fold": [0] * 3 + [1] * 3,
         "subset": ["train", "test", "validation", "test", "train", "train"]}
    )  # fmt: skip
    assigned.to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    subsets = splits.read_subsets(tmp_path / "s.tsv", 1, pd.Series(["a", "NA", "001"]))
    assert subsets.tolist() == ["train", "test", "train"]
