"""Files of an analysis are one table; what is joined is joined by id."""

import pytest
from biornn import examples, reading
from biornn.config import section
from biornn.files import InputError

SEQUENCES = ">a x\nMKV\n>b\nMKVL\n>c\nMM\n"
LABELS = ">c SET=test\nHH\n>a SET=train\nHEC\n>b SET=train\nEEEE\n>z SET=train\nH\n"
MASKS = ">a\n110\n>b\n1111\n>c\n01\n"


def build(tmp_path, *, unmatched="error", labels=LABELS, masks=MASKS, **target):
    for name, text in (("s.fa", SEQUENCES), ("l.fa", labels), ("m.fa", masks)):
        (tmp_path / name).write_text(text)
    config = {
        "source": "s",
        "id": "id",
        "join": [
            {"source": "l", "header_pattern": "SET=(?P<set>.+)", "unmatched": unmatched,
             "take": {"structure": "sequence", "set": "set"}},
            {"source": "m", "take": {"there": "sequence"}},
        ],
    }  # fmt: skip
    return examples.build(
        {name: tmp_path / f"{name}.fa" for name in "slm"},
        section("examples", config),
        section("target", {"column": "structure"} | target),
        section("split", {"method": "column", "column": "set"}),
    )


def test_labels_and_masks_in_files_of_their_own(tmp_path):
    built = build(tmp_path, mask="there")
    assert built.table.to_dict("list") == {
        "id": ["a", "b", "c"],
        "source_id": ["a", "b", "c"],
        "sequence": ["MKV", "MKVL", "MM"],
        "subset": ["train", "train", "test"],
        "target": ["HE~", "EEEE", "~H"],
    }
    task = built.description.task
    assert (task.kind, task.per, task.classes) == ("classification", "position", ("E", "H"))
    notes = built.qc.set_index("reason")["count"]
    assert notes["records of l.fa that are not among the examples"] == 1


def test_records_without_a_partner(tmp_path):
    labels = LABELS.replace(">b", ">B")
    with pytest.raises(InputError, match=r"record b: not in .*l\.fa \(1 such records; 2 of 4"):
        build(tmp_path, labels=labels)
    built = build(tmp_path, labels=labels, unmatched="drop")
    assert built.table["id"].tolist() == ["a", "c"]
    assert ("b", "not in l.fa") in set(zip(built.qc["record"], built.qc["reason"], strict=True))


def test_an_id_that_is_there_twice_can_not_be_joined(tmp_path):
    with pytest.raises(InputError, match=r"l\.fa, line 9: the id 'a' is there twice"):
        build(tmp_path, labels=LABELS + ">a SET=train\nHEC\n")


def test_a_mask_of_another_length_is_named(tmp_path):
    with pytest.raises(InputError, match="record b: 1 words or 3 letters as labels of 4 positions"):
        build(tmp_path, masks=MASKS.replace("1111", "111"), mask="there")


def test_the_usual_columns():
    sequence = section("examples", {"source": "s"}).sequence
    assert reading.input_columns(sequence, ["input", "output"]) == ["input"]
    assert reading.input_columns(sequence, ["input", "sequence"]) == ["sequence"]
    named = section("examples", {"source": "s", "sequence": {"column": "x"}}).sequence
    assert reading.input_columns(named, ["input"]) == ["x"]


def tutorial(tmp_path, text, **sections):
    (tmp_path / "t.csv").write_text(text)
    return examples.build(
        {"t": tmp_path / "t.csv"},
        section("examples", {"source": "t"} | sections.get("examples", {})),
        section("target", sections.get("target", {})),
        section("split", {"method": "random"}),
    )


@pytest.mark.parametrize(
    ("text", "inputs", "kind", "per", "sequences", "targets"),
    [
        ("input,output\nACG,1.5\nTT,2\n", "letters", "regression", "sequence",
         ["ACG", "TT"], [1.5, 2]),
        ("input,output\nACG,up\nTT,down\n", "letters", "classification", "sequence",
         ["ACG", "TT"], ["up", "down"]),
        ("input,output\nM K V,H H E\nM M,C C\n", "letters", "classification", "position",
         ["MKV", "MM"], ["HHE", "CC"]),
        ("input, output\n1 2 3,2 4 6\n0.5 1,1 2\n", "numbers", "regression", "position",
         ["1.0 2.0 3.0", "0.5 1.0"], ["2 4 6", "1 2"]),
        ("input,output\n1.5,3\n2,4\n", "numbers", "regression", "sequence",
         ["1.5", "2.0"], [3, 4]),
        ("input,output\n1 2,up\n2 1,down\n", "numbers", "classification", "sequence",
         ["1.0 2.0", "2.0 1.0"], ["up", "down"]),
    ],
)  # fmt: skip
def test_a_table_of_inputs_and_outputs_needs_no_word(
    tmp_path, text, inputs, kind, per, sequences, targets
):
    built = tutorial(tmp_path, text)
    assert built.description.inputs == inputs
    assert (built.description.task.kind, built.description.task.per) == (kind, per)
    assert built.table["sequence"].tolist() == sequences
    assert built.table["target"].tolist() == targets
    assert any(reason.startswith(f"task: {kind} per {per}") for reason in built.qc["reason"])


def test_numbers_in_columns(tmp_path):
    text = "a,t1,t2,t3,output\nx,1,2,3,0\ny,4,5,6,1\n"
    built = tutorial(tmp_path, text, examples={"id": "a", "numbers": {"columns": ["t1..t3"]}})
    assert built.table["sequence"].tolist() == ["1.0 2.0 3.0", "4.0 5.0 6.0"]
    with pytest.raises(InputError, match=r"line 3, record y: the input '4 - 6' is no series"):
        tutorial(
            tmp_path,
            text.replace("4,5,6", "4,-,6"),
            examples={"id": "a", "numbers": {"columns": ["t1..t3"]}},
        )


def test_letters_of_no_alphabet(tmp_path):
    with pytest.raises(InputError, match="the letters of the sequences are those of no alphabet"):
        tutorial(tmp_path, "input,output\nAC-G,1\nTT,2\n")


GENOME = ">chr1\nAACCGGTTAACC\n>chr2\nGGGTTT\n"
BED = """\
chr1\t0\t4\tactive\t0\t+
chr1\t4\t8\tidle\t0\t-
chr2\t1\t5\tactive\t0\t-
chr2\t4\t9\tidle\t0\t+
"""


def test_windows_of_a_genome(tmp_path):
    (tmp_path / "g.fa").write_text(GENOME)
    (tmp_path / "w.bed").write_text(BED)
    built = examples.build(
        {"g": tmp_path / "g.fa", "w": tmp_path / "w.bed"},
        section("examples", {"source": "g", "windows": {"source": "w", "outside": "drop"}}),
        section("target", {"column": "name"}),
        section("split", {"method": "column", "column": "chromosome"}),
    )
    assert built.table.drop(columns="source_id").to_dict("list") == {
        "id": ["chr1_0_4", "chr1_4_8", "chr2_1_5"],
        "sequence": ["AACC", "AACC", "AACC"],
        "subset": ["chr1", "chr1", "chr2"],
        "target": ["active", "idle", "active"],
    }
    notes = built.qc.set_index("reason")["count"]
    assert notes["windows beyond an end of their chromosome, dropped"] == 1
    assert notes["sequences whose copies have different targets"] == 1


GENBANK = """\
LOCUS       X1                        20 bp    DNA     linear   BCT 01-JAN-2000
DEFINITION  made up.
ACCESSION   X1
VERSION     X1.1
FEATURES             Location/Qualifiers
     CDS             complement(5..8)
ORIGIN
        1 acgtacgtac gtacgtaagg
//
"""


def test_tiles_of_a_labelled_record(tmp_path):
    (tmp_path / "x.gb").write_text(GENBANK)
    config = {"source": "x", "features": {"letters": {"CDS": "C"}}, "tiles": {"length": 8}}
    built = examples.build(
        {"x": tmp_path / "x.gb"},
        section("examples", config),
        section("target", {"classes": ["N", "C"]}),
        section("split", {"method": "random"}),
    )
    assert built.table.to_dict("list") == {
        "id": ["X1.1_0", "X1.1_8", "X1.1_16"],
        "source_id": ["X1.1_0", "X1.1_8", "X1.1_16"],
        "sequence": ["ACGTACGT", "ACGTACGT", "AAGG"],
        "target": ["NNNNCCCC", "NNNNNNNN", "NNNN"],
    }
    assert built.description.task.per == "position"
