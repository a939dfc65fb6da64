"""The data in words; whole texts are tested with the methods."""

import pytest
import report_tables
from biornn import data_words
from biornn.config import section
from biornn.examples import Description
from report_tables import FOLDS


def records(n_read=150, n_not_drawn=0, **examples):
    examples = {"source": "s", "sequence": {"column": "x", "alphabet": "rna"}} | examples
    analysis = report_tables.analysis(examples=examples, expression=None, target={"column": "y"})
    return data_words.records_in_words(analysis, n_read, FOLDS, n_not_drawn)


@pytest.mark.parametrize(
    ("duplicates", "said"),
    [
        ("keep", "Identical sequences were kept."),
        ("keep_first", "Of identical sequences the first was kept."),
        ("error", "all of them were used."),
    ],
)
def test_copies(duplicates, said):
    assert records(duplicates=duplicates).endswith(said)


def test_a_sample_and_copies_that_are_left_out():
    sample = {"n": 150, "seed": 4}
    drawn = "drawn by chance (seed 4) from those that passed all checks"
    said = records(400, 230, duplicates="keep_first", sample=sample)
    assert f"; 150 examples, {drawn}, were used. Of identical sequences the" in said
    # fewer than were drawn, where the split leaves copies out; and fewer than were asked for
    with_reference = report_tables.analysis(examples={"source": "s", "sample": sample})
    assert "150 examples, drawn by chance with the reference sequence (seed 4) from those" in (
        data_words.records_in_words(with_reference, 400, FOLDS, 250)
    )
    said = records(400, 230, sample={"n": 160, "seed": 4})
    assert f"; 150 examples of 160 {drawn} were used" in said
    assert "all of them were used. Identical sequences were kept." in records(sample=sample)
    assert "; 150 examples were used. Identical" in records(160, sample={"n": 100000})
    split = {"method": "ordered", "test": 30}
    for drop, alphabet, strand in (
        (False, "dna", ""), (True, "rna", ""), (True, "dna", " (or its reverse complement)"),
    ):  # fmt: skip
        config = section("split", split | {"drop_copies": drop})
        said = data_words.split_in_words(config, FOLDS, alphabet)
        assert (f"sequence{strand} was also in an earlier part were left out" in said) == drop


def test_pieces_of_long_records():
    said = records(3, tiles={"length": 50, "step": 25})
    assert said.startswith("3 records were read from the file `t.csv`; 150 examples were used")
    assert "long sequences were cut into pieces of 50 letters, one every 25 letters" in said


def test_numbers_have_no_letters():
    said = records(numbers={"column": "x"}, sequence={"ambiguity": "drop"})
    assert "letters" not in said and "ambiguity" not in said


def test_records_without_a_target_or_a_counterpart():
    examples = {
        "source": "s", "id": "name", "sequence": {"column": "x", "alphabet": "rna"},
        "join": [{"source": "s", "id": "name", "take": {"y": "y"}, "unmatched": "drop"}],
        "covariates": ["warm"], "incomplete": "drop",
    }  # fmt: skip
    target = {"column": "y", "missing": "drop", "min_class_size": 5, "small_classes": "drop",
              "masked": ["?"], "per": "position"}  # fmt: skip
    analysis = report_tables.analysis(examples=examples, expression=None, target=target)
    said = data_words.records_in_words(analysis, 150, FOLDS)
    assert (
        "Columns of other tables were joined by the identifier of the records. Records without a "
        "counterpart in the joined tables or without a target or with an empty covariate or weight "
        "were left out. Classes of fewer than 5 examples were left out. Positions labelled ? were "
        "neither learned nor scored."
    ) in said


def test_the_identity_of_families_is_that_of_the_alphabet():
    split = section("split", {"method": "random", "groups": {"by": "homology"}})
    for alphabet, identity in (("protein", "0.4"), ("dna", "0.8"), (None, "0.4 (protein) or 0.8")):
        said = data_words.split_in_words(split, FOLDS, alphabet)
        assert f"an identity of at least {identity} " in said and "over 80 % of both" in said
    split = section("split", {"method": "random", "groups": {"by": "homology", "identity": 0.6}})
    assert "at least 0.6 over" in data_words.split_in_words(split, FOLDS, "dna")


@pytest.mark.parametrize(
    ("split", "drawn"),
    [
        ({"method": "random"}, "all"),
        ({"method": "k_fold"}, "all"),
        ({"method": "leave_one_out"}, "all"),
        ({"method": "ordered"}, "nothing"),
        ({"method": "ordered", "validation_from": "chance"}, "validation"),
        ({"method": "mutation_order"}, "validation"),
        ({"method": "column", "column": "set"}, "nothing"),
        ({"method": "column", "column": "set", "validation": 0.1}, "validation"),
    ],
)
@pytest.mark.parametrize(
    ("groups", "what"),
    [
        ({"by": "sequence"}, "identical ones stayed"),
        ({"by": "column", "column": "family"}, "those of one `family` stayed"),
        ({"by": "homology"}, "sequences that MMseqs2"),
    ],
)
def test_only_what_is_drawn_by_chance_stays_together(split, drawn, groups, what):
    config = section("split", split | {"groups": groups})
    said = data_words.split_in_words(config, FOLDS, "dna")
    assert data_words.drawn_by_chance(config) == drawn
    assert (what in said) == (drawn != "nothing")
    assert (f"and in that draw {what}" in said) == (drawn == "validation")


def test_classes_are_shared_out_only_where_examples_are_drawn():
    said = [
        data_words.split_in_words(section("split", split | {"stratify": True}), FOLDS)
        for split in (
            {"method": "random"},
            {"method": "mutation_order"},
            {"method": "ordered"},
        )
    ]
    assert "each part with its share" in said[0]
    assert "validation was drawn by chance with its share of every class from" in said[1]
    assert "each part" not in said[1] and "share" not in said[2]


def test_the_audit_looks_at_both_strands_of_dna():
    assert "on either strand" in data_words.audit_in_words(Description("letters", "dna"))
    assert "strand" not in data_words.audit_in_words(Description("letters", "rna"))
    assert "letter" not in data_words.audit_in_words(Description("numbers", None))


def test_embedded_letters_are_not_one_hot():
    description = Description("letters", "protein")
    models = {"a": {"cell": "gru", "letters": "embedding"}}
    said = data_words.inputs_in_words(report_tables.analysis(models=models), description)
    assert said == "The letters of the sequences (protein) were read as vectors that are learned."
    models["b"] = {"cell": "gru"}
    said = data_words.inputs_in_words(report_tables.analysis(models=models), description)
    assert said == "Sequences were one-hot encoded (protein)."
