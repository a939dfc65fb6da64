"""The samples of a matrix are examples: values, targets and copies stay with their sample."""

import numpy as np
import pandas as pd
import pytest
from biornn import profiles
from biornn.config import section
from biornn.files import InputError
from biornn.targets import NEXT_VALUE

COUNTS = pd.DataFrame(
    [[5, 0, 1, 2, 9], [0, 7, 1, 3, 1], [4, 0, 2, 2, 8]],
    index=["s-1", "NA", "001"],
    columns=["g1", "g2", "g3", "g4", "g5"],
)
SHEET = "sample,kind,set\nNA,b,test\ns-1,a,train\n001,a,validation\n"


def build(
    tmp_path, *, counts=COUNTS, sheet=SHEET, target=None, samples=None, examples=None, **matrix
):
    counts.T.to_csv(tmp_path / "counts.csv")
    (tmp_path / "sheet.csv").write_text(sheet)
    config = {
        "matrix": {"source": "m"} | matrix,
        "samples": {"source": "s"} | (samples or {}),
        "profile": {"method": "order", "genes_per_step": 2},
    }
    return profiles.build(
        {"m": tmp_path / "counts.csv", "s": tmp_path / "sheet.csv"},
        section("expression", config),
        section("target", {"column": "kind"} | (target or {})),
        section("split", {"method": "column", "column": "set"}),
        section("examples", examples or {}),
    )


SHEET_OF_AGES = (
    "sample,kind,set,age,pH,w\nNA,b,test,,7,1\ns-1,a,train,40,6.5,0\n001,b,train,5,8,2\n"
)


def test_what_is_known_of_a_sample_goes_in_beside_its_profile(tmp_path):
    beside = {"covariates": ["age..pH"], "weight": "w", "incomplete": "drop"}
    built = build(tmp_path, sheet=SHEET_OF_AGES, examples=beside)
    assert built.table["id"].tolist() == ["s-1", "001"]
    assert built.table["covariate.age"].tolist() == [40, 5]
    assert built.table["covariate.pH"].tolist() == [6.5, 8]
    assert built.table["weight"].tolist() == [0, 2]
    assert built.counts.index.tolist() == [0, 1] and built.counts["g1"].tolist() == [5, 4]
    assert built.description.covariates == ("age", "pH")
    for given, said in (
        ({"covariates": ["ages"]}, r"no column 'ages' \(did you mean 'age'\?\)"),
        ({"covariates": ["age"]}, "record NA: 'age' is '', no number"),
        ({"covariates": ["kind"]}, "'kind' is what the target is made from"),
        ({"weight": "set"}, "'set' is 'train', not a number"),
    ):
        with pytest.raises(InputError, match=said):
            build(tmp_path, sheet=SHEET_OF_AGES, examples=given)


def test_samples_are_examples(tmp_path):
    built = build(tmp_path)
    table = built.table.drop(columns="sequence").to_dict("list")
    assert table == {
        "id": ["s-1", "NA", "001"],
        "source_id": ["s-1", "NA", "001"],
        "subset": ["train", "test", "validation"],
        "target": ["a", "b", "a"],
    }
    np.testing.assert_array_equal(built.counts.to_numpy(), COUNTS.to_numpy())
    assert built.counts.columns.tolist() == COUNTS.columns.tolist()
    described = built.description
    assert (described.inputs, described.task.classes) == ("profiles", ("a", "b"))
    assert described.profile == {
        "method": "order", "by": "file", "genes_per_step": 2, "genes": 5, "examples": "samples",
        "target_gene": None,
    }  # fmt: skip
    assert any(
        reason.startswith("genes are in rows: 3 of 3 known") for reason in built.qc["reason"]
    )


def test_copies_of_a_profile_can_be_told(tmp_path):
    counts = COUNTS.copy()
    counts.loc["001"] = counts.loc["s-1"]
    sequences = build(tmp_path, counts=counts).table["sequence"]
    assert sequences[0] == sequences[2] != sequences[1]


def test_samples_without_a_target(tmp_path):
    sheet = SHEET.replace("NA,b", "NA,")
    with pytest.raises(InputError, match="record NA: 'kind' is '', no target"):
        build(tmp_path, sheet=sheet)
    sheet = SHEET.replace("001,a", "001,b").replace("NA,b", "NA,?")
    built = build(tmp_path, sheet=sheet, target={"missing": "drop", "missing_values": ["?"]})
    assert built.table["id"].tolist() == ["s-1", "001"]
    np.testing.assert_array_equal(built.counts.to_numpy(), COUNTS.to_numpy()[[0, 2]])


def test_a_sheet_with_other_samples(tmp_path):
    sheet = SHEET.replace("s-1", "s.1") + "x,a,train\n"
    with pytest.raises(InputError, match=r"s-1.*x"):
        build(tmp_path, sheet=sheet)
    sheet = SHEET.replace("s-1,a", "t,a").replace("001,a", "001,c")
    built = build(tmp_path, sheet=sheet, samples={"unmatched": "drop"})
    assert built.table["id"].tolist() == ["NA", "001"]
    np.testing.assert_array_equal(built.counts.to_numpy(), COUNTS.to_numpy()[[1, 2]])


def test_a_column_that_the_samples_do_not_have(tmp_path):
    with pytest.raises(InputError, match=r"no column 'kinds' \(did you mean 'kind'\?\)"):
        build(tmp_path, target={"column": "kinds"})


# -- genes as examples, time, position -------------------------------------------------------------

GTF = "".join(
    f'chr1\tx\texon\t{start}\t{start + 9}\t.\t+\t.\tgene_id "{gene}";\n'
    for gene, start in (("g3", 1), ("g5", 50), ("g1", 20), ("g9", 5))
)


def build_from(tmp_path, expression, target="kind", **files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return profiles.build(
        {name: tmp_path / name for name in files},
        section("expression", expression),
        section("target", {"column": target}),
        section("split", {"method": "random"}),
    )


COURSE = "gene,a 10,b 1,a 2,a 0\ng1,1,9,2,3\ng2,4,9,5,6\ng3,7,9,8,9\n"
KINDS = "name,kind\ng3,x\ng1,y\ng7,y\n"


def course(**changes):
    return {
        "examples": "genes",
        "matrix": {"source": "m", "format": "csv", "genes": "rows", "values": "any"},
        "samples": {"source": "k", "format": "csv", "id": "name", "unmatched": "drop"},
        "profile": {"method": "time", "pattern": "^a (?P<time>[0-9]+)$"},
        **changes,
    }


def test_genes_are_examples_and_their_values_a_time_course(tmp_path):
    built = build_from(tmp_path, course(), m=COURSE, k=KINDS)
    assert built.table[["id", "target"]].to_numpy().tolist() == [["g1", "y"], ["g3", "x"]]
    assert built.counts.columns.tolist() == ["a 0", "a 2", "a 10"]
    assert built.counts.to_numpy().tolist() == [[3, 2, 1], [9, 8, 7]]
    assert built.description.profile["examples"] == "genes"
    reasons = dict(zip(built.qc["reason"], built.qc["count"], strict=True))
    assert reasons["samples that are not of the time course, left out"] == 1
    assert reasons["genes that the sheet does not have, dropped"] == 1


def test_the_next_value_of_a_time_course_needs_no_sheet(tmp_path):
    (tmp_path / "m").write_text(COURSE)
    built = profiles.build(
        {"m": tmp_path / "m"},
        section("expression", course(samples=None)),
        section("target", {"task": "next_value"}),
        section("split", {"method": "random"}),
    )
    assert built.description.task == NEXT_VALUE and "target" not in built.table
    assert built.table["id"].tolist() == ["g1", "g2", "g3"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"profile": {"method": "time", "pattern": "^c (?P<time>.)"}}, "0 of the columns fit"),
        ({"profile": {"method": "time", "pattern": "(?P<time>a|b)"}}, "the time in 'a 10' is no"),
    ],
)
def test_a_pattern_that_does_not_fit_is_named(tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        build_from(tmp_path, course(**changes), m=COURSE, k=KINDS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"normalization": [{"method": "cpm"}]}, "cpm is for samples; with examples: genes there"),
        ({"profile": {"method": "rank"}}, "rank is for examples: samples"),
        ({"profile": {"method": "time", "pattern": "a"}}, "the pattern needs a group"),
        ({"examples": "samples"}, "time is for examples: genes"),
        (
            {"profile": {"method": "order", "by": "position"}},
            "an order by position needs gene_lengths",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        section("expression", course(**changes))


def test_genes_by_position(tmp_path):
    counts, sheet = COUNTS.T.to_csv(), SHEET.replace("set", "other")
    expression = {
        "matrix": {"source": "m", "format": "csv"},
        "samples": {"source": "s", "format": "csv"},
        "gene_lengths": {"source": "g"},
        "profile": {"method": "order", "by": "position"},
    }
    assert section("expression", expression).tables == ["m", "s", "g"]
    built = build_from(tmp_path, expression, m=counts, s=sheet, g=GTF)
    assert built.counts.columns.tolist() == ["g3", "g1", "g5"]
    assert built.counts.loc[0].tolist() == [1, 5, 9]
    reasons = dict(zip(built.qc["reason"], built.qc["count"], strict=True))
    assert reasons["genes that the GTF file does not have, left out"] == 2
    with pytest.raises(InputError, match="none of the genes is in the GTF file"):
        build_from(tmp_path, expression, m=counts.replace("g", "h"), s=sheet, g=GTF)


def test_a_gene_as_target(tmp_path):
    built = profiles.build(
        {"m": tmp_path / "m"} if (tmp_path / "m").write_text(COUNTS.T.to_csv()) else {},
        section("expression", {"matrix": {"source": "m", "format": "csv"}}),
        section("target", {"gene": "g2"}),
        section("split", {"method": "random"}),
    )
    assert "target" not in built.table and built.description.profile["genes"] == 4
    assert built.counts.columns.tolist() == COUNTS.columns.tolist()
    with pytest.raises(InputError, match=r"no gene 'g22' \(target.gene\) \(did you mean"):
        profiles.build(
            {"m": tmp_path / "m"},
            section("expression", {"matrix": {"source": "m", "format": "csv"}}),
            section("target", {"gene": "g22"}),
            section("split", {"method": "random"}),
        )
