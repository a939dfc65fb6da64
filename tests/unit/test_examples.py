"""Tables are read as they are written; every bad record is named."""

import pandas as pd
import pytest
from biornn import examples
from biornn.config import section
from biornn.config_data import Stratum
from biornn.files import InputError
from biornn.records import Log
from biornn.targets import NEXT_VALUE, REGRESSION
from hypothesis import given
from hypothesis import strategies as st


def build(
    tmp_path, text, *, sequence=None, target=None, name="table.csv", expression=None, **options
):
    """Examples of a table with the columns of `text`, as an analysis would read it."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    letters = {"column": "seq", "alphabet": "rna"} | (sequence or {})
    target = {"label": "y"} if expression else {"column": "y"} | (target or {})
    return examples.build(
        {"s": path},
        section("examples", {"source": "s", "sequence": letters} | options),
        section("target", target),
        section("split", {"method": "column", "column": "set"}),
        section("expression", expression),
    )


TABLE = "id,seq,y,set\na,ACGU,1,train\nb,CCGU,2.5,test\nc,GCGU,-1e-3,validation\n"
COUNTS = {
    "counts": ["n", "m"],
    "normalization": [{"method": "log_ratio", "numerator": "n", "denominator": "m"}],
}


def test_a_plain_table(tmp_path):
    built = build(tmp_path, TABLE, id="id")
    assert built.table.to_dict("list") == {
        "id": ["a", "b", "c"],
        "source_id": ["a", "b", "c"],
        "sequence": ["ACGU", "CCGU", "GCGU"],
        "subset": ["train", "test", "validation"],
        "target": [1.0, 2.5, -0.001],
    }
    assert built.counts is None
    task = "task: regression per sequence, column 'y'"
    assert built.qc["reason"].tolist() == ["records read", task, "records kept"]
    assert built.description == examples.Description("letters", "rna", REGRESSION)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: "\ufeff" + text,
        lambda text: text + "\n\n",
        lambda text: text.replace("ACGU", '"ACGU"'),
    ],
    ids=["windows", "no final newline", "byte order mark", "blank lines", "quotes"],
)
def test_the_ways_to_write_a_table(tmp_path, change):
    assert build(tmp_path, change(TABLE), id="id").table.equals(
        build(tmp_path, TABLE, id="id").table
    )


def test_text_stays_text(tmp_path):
    text = "id,seq,y,set\n001,ACGU,1,train\nNA,CCGU,2,test\nno,GCGU,3,validation\n1e-3,A,4,train\n"
    assert build(tmp_path, text, id="id").table["id"].tolist() == ["001", "NA", "no", "1e-3"]


def test_lower_case_is_changed_and_said(tmp_path):
    built = build(tmp_path, TABLE.replace("CCGU", "ccgu"), id="id")
    assert built.table["sequence"].tolist() == ["ACGU", "CCGU", "GCGU"]
    (row,) = built.qc[built.qc["action"] == "changed"].to_dict("records")
    assert (row["record"], row["line"], row["reason"]) == ("b", 3, "lower case or space removed")


def test_ids_that_are_no_file_names_are_replaced(tmp_path):
    built = build(tmp_path, TABLE.replace("\nb,", "\n../<script>,"), id="id")
    assert built.table["id"].tolist() == ["a", "ex000002", "c"]
    assert built.table["source_id"].tolist() == ["a", "../<script>", "c"]


def test_a_made_id_does_not_meet_a_given_one(tmp_path):
    text = "id,seq,y,set\nex000002,ACGU,1,train\n?,CCGU,2,test\n"
    ids = build(tmp_path, text, id="id").table["id"]
    assert ids.is_unique and ids[0] == "ex000002"


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, min_size=1, max_size=6))
def test_every_id_is_safe_and_unique(names):
    raw = pd.DataFrame({"id": names, "line": range(len(names)), "origin": "t"})
    table = examples.name_records(raw, "id", Log())
    assert table["id"].is_unique and table["source_id"].tolist() == names
    assert all(examples._ID.fullmatch(name) for name in table["id"])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seq", "sequence", "there is no column 'seq'"),
        ("id,seq", "seq,seq", "'seq' is there twice"),
        ("CCGU,2.5", "CCGU", "line 3: 3 fields where the header has 4"),
        ("CCGU", "CCTU", "line 3, record b: the letter 'T' at position 3 is none of ACGUR"),
        ("CCGU", "CCÜU", "line 3, record b: the letter 'Ü' at position 3"),
        ("CCGU", "CCNU", "set examples.sequence.ambiguity: drop"),
        ("CCGU", "", "line 3, record b: the sequence has 0 letters, allowed are 1 to inf"),
        ("2.5", "NA", "line 3, record b: 'y' is 'NA', no target"),
        ("2.5", "inf", "'y' is 'inf', not a number"),
        ("2.5", "", "'y' is '', no target"),
        ("\nb,", "\na,", "line 3: the id 'a' was already on line 2"),
        ("a,ACGU", '"a,ACGU', "unexpected end of data"),
    ],
)  # fmt: skip
def test_a_bad_record_is_named(tmp_path, old, new, expected):
    with pytest.raises(InputError) as caught:
        build(tmp_path, TABLE.replace(old, new, 1), id="id")
    assert expected in str(caught.value) and "table.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("-3", "line 3, record ex000002: the count 'm' is negative (-3"),
        ("2.5", "the count 'm' is not a whole number (2.5"),
        ("", "'m' is '', not a number"),
        ("NaN", "'m' is 'NaN', not a number"),
    ],
)
def test_a_bad_count_is_named(tmp_path, value, expected):
    text = f"seq,n,m,set\nACGU,1,2,train\nCCGU,1,{value},test\n"
    with pytest.raises(InputError) as caught:
        build(tmp_path, text, expression=COUNTS)
    assert expected in str(caught.value)


def test_counts_are_read(tmp_path):
    built = build(tmp_path, "seq,n,m,set\nACGU,1,2,train\nCCGU,3,4,test\n", expression=COUNTS)
    assert built.counts.to_dict("list") == {"n": [1.0, 3.0], "m": [2.0, 4.0]}
    assert built.table["id"].tolist() == ["ex000001", "ex000002"]


def test_dropped_records_are_listed_and_leave_the_rows_in_step(tmp_path):
    text = "seq,n,m,set\nAXGU,9,9,train\nCCGU,3,4,test\nANGU,9,9,test\nGGGU,5,6,train\n"
    built = build(
        tmp_path, text, sequence={"unknown": "drop", "ambiguity": "drop"}, expression=COUNTS
    )
    assert built.table["id"].tolist() == ["ex000002", "ex000004"]
    assert built.counts["n"].tolist() == [3.0, 5.0]
    dropped = built.qc[built.qc["action"] == "dropped"]
    assert dropped["record"].tolist() == ["ex000001", "ex000003"]
    assert built.qc.loc[built.qc["reason"] == "records kept", "count"].item() == 2


def test_a_sample_has_the_reference_and_every_class(tmp_path):
    text = "seq,n,m,set\n" + "".join(f"ACG{letter},1,2,train\n" for letter in "ACGU")
    ratio = {**COUNTS["normalization"][0], "reference_sequence": "ACGG"}
    for seed in range(4):
        sample, expression = {"n": 2, "seed": seed}, COUNTS | {"normalization": [ratio]}
        built = build(tmp_path, text, expression=expression, sample=sample)
        assert "ACGG" in set(built.table["sequence"]) and len(built.table) == 2
    text = "seq,y,set\nAA,a,train\nCC,a,train\nGG,b,train\n"
    with pytest.raises(InputError, match="none of the 1 that were drawn is of the class"):
        build(tmp_path, text, sample={"n": 1})
    assert len(build(tmp_path, text, sample={"n": 3}).table) == 3


def test_nothing_left_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no record is left"):
        build(tmp_path, "seq,y,set\nXX,1,train\n", sequence={"unknown": "drop"})


def test_ambiguity_codes_can_be_allowed(tmp_path):
    built = build(tmp_path, TABLE.replace("CCGU", "CCNU"), sequence={"ambiguity": "allow"})
    assert built.table["sequence"][1] == "CCNU"
    assert "records with ambiguity codes, encoded as mixtures" in built.qc["reason"].tolist()


@pytest.mark.parametrize(("policy", "left"), [("keep", 4), ("keep_first", 3), ("error", None)])
def test_duplicates(tmp_path, policy, left):
    text = TABLE + "d,ACGU,9,test\n"
    if left is None:
        with pytest.raises(InputError, match="line 5, record d: the sequence is there already"):
            build(tmp_path, text, id="id", duplicates=policy)
    else:
        assert len(build(tmp_path, text, id="id", duplicates=policy).table) == left


def test_an_empty_table(tmp_path):
    for text in ("id,seq,y,set\n", ""):
        with pytest.raises(InputError, match="there are no records"):
            build(tmp_path, text)


def test_strata_match_whole_sequences():
    table = pd.DataFrame({"id": ["a", "b", "c"], "sequence": ["AGU", "GUA", "AGUA"]})
    assert examples.strata(table, [Stratum(name="GU", pattern=".GU")]) == {"GU": {"a"}}


def test_parquet_round_trip(tmp_path):
    built = build(tmp_path, TABLE, id="id")
    examples.save(built, tmp_path / "e.parquet")
    assert examples.load(tmp_path / "e.parquet").equals(built.table)


def actions(built):
    rows = built.qc[built.qc["action"] != "note"]
    return list(rows[["record", "line", "action", "reason"]].itertuples(index=False, name=None))


def notes(built):
    rows = built.qc[built.qc["action"] == "note"]
    return dict(zip(rows["reason"], rows["count"], strict=True))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("crop_end", "CCGG"), ("crop_start", "GGAU"), ("crop_both", "CGGA")],
)
def test_sequences_that_are_too_long_are_cropped_on_the_named_side(tmp_path, policy, expected):
    text = TABLE.replace("CCGU", "CCGGAU")
    built = build(tmp_path, text, id="id", sequence={"max_length": 4, "too_long": policy})
    assert built.table["sequence"].tolist() == ["ACGU", expected, "GCGU"]
    assert actions(built) == [("b", 3, "changed", f"cropped to 4 letters ({policy})")]


@pytest.mark.parametrize(
    ("sequence", "text"),
    [
        ({"max_length": 4, "too_long": "drop"}, "CCGGAU"),
        ({"min_length": 3, "too_short": "drop"}, "CC"),
        ({"min_length": 3, "too_short": "drop"}, "X!"),  # a dropped record is not looked at again
    ],
)
def test_sequences_of_other_lengths_are_dropped_and_said(tmp_path, sequence, text):
    built = build(tmp_path, TABLE.replace("CCGU", text), id="id", sequence=sequence)
    assert built.table["id"].tolist() == ["a", "c"]
    ((record, line, action, _),) = actions(built)
    assert (record, line, action) == ("b", 3, "dropped")


def test_gaps_and_stops_are_taken_out_where_asked(tmp_path):
    text = TABLE.replace("CCGU", "C-C.GU*")
    with pytest.raises(InputError, match="line 3, record b: the letter '-' at position 2"):
        build(tmp_path, text, id="id")
    built = build(tmp_path, text, id="id", sequence={"remove": "-.*"})
    assert built.table["sequence"].tolist() == ["ACGU", "CCGU", "GCGU"]
    assert actions(built) == [("b", 3, "changed", "one or more of '-.*' removed")]


def test_a_sequence_in_several_columns(tmp_path):
    text = "id,p1,p2,p3,y,set\na,AC,,GU,1,train\nb,C,CG,U,2,test\n"
    for columns in (["p1", "p2", "p3"], ["p1..p3"]):
        built = build(tmp_path, text, id="id", sequence={"columns": columns})
        assert built.table["sequence"].tolist() == ["ACGU", "CCGU"]
    with pytest.raises(InputError, match=r"no column 'p1\.\.p9'"):
        build(tmp_path, text, sequence={"columns": ["p1..p9"]})


def test_letters_that_are_written_as_codes(tmp_path):
    codes = {"100": "A", "010": "C", "001": "G", "000": "U"}
    text = "id,seq,y,set\na,100010,1,train\nb,001000,2,test\n"
    built = build(tmp_path, text, id="id", sequence={"codes": codes})
    assert built.table["sequence"].tolist() == ["AC", "GU"]
    with pytest.raises(InputError, match=r"line 3, record b: '00' is none of the codes 000, 001"):
        build(tmp_path, text.replace("001000", "00100"), id="id", sequence={"codes": codes})


def test_missing_targets_are_dropped_where_asked(tmp_path):
    text = TABLE.replace("2.5", "?")
    built = build(tmp_path, text, id="id", target={"missing": "drop", "missing_values": ["?"]})
    assert built.table["id"].tolist() == ["a", "c"]
    assert actions(built) == [("b", 3, "dropped", "no target")]


def test_classes_as_numbers(tmp_path):
    text = TABLE.replace(",1,", ",yes,").replace(",2.5,", ",no,").replace(",-1e-3,", ",no,")
    built = build(tmp_path, text, target={"values": {"yes": 1, "no": 0}})
    assert built.table["target"].tolist() == [1, 0, 0]
    with pytest.raises(InputError, match=r"line 3, .*: 'y' is 'no', which is none of nein, yes"):
        build(tmp_path, text, target={"values": {"yes": 1, "nein": 0}})


def test_the_next_value_needs_no_column(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1 2 3\n4 5\n")
    split = section("split", {"method": "random"})
    target = section("target", {"task": "next_value"})

    def built(column):
        config = {"source": "t", "numbers": {"column": column}} if column else {"source": "t"}
        config = section("examples", config | {"sequence": {"column": "x"}})
        return examples.build({"t": tmp_path / "t.csv"}, config, target, split)

    found = built("x")
    assert found.description.task == NEXT_VALUE and "target" not in found.table
    assert "task: next_value at every step" in found.qc["reason"].tolist()
    (tmp_path / "t.csv").write_text("x\nACG\nGU\n")
    with pytest.raises(InputError, match=r"t\.csv: target.task: next_value is for series"):
        built(None)


def test_one_file_a_class(tmp_path):
    for name, text in (("pos.fa", ">p1 x\nAC\nGU\n>p2\nCC\n"), ("neg.fasta", ">n1\nGG\n")):
        (tmp_path / name).write_text(text)
    config = {"classes": {"pos": "p", "neg": "n"}, "id": "id", "sequence": {"alphabet": "rna"}}
    built = examples.build(
        {"p": tmp_path / "pos.fa", "n": tmp_path / "neg.fasta"},
        section("examples", config),
        section("target", {"column": "class", "values": {"pos": 1, "neg": 0}}),
        section("split", {"method": "random"}),
    )
    assert built.table[["id", "sequence", "target"]].to_dict("list") == {
        "id": ["p1", "p2", "n1"], "sequence": ["ACGU", "CC", "GG"], "target": [1, 1, 0],
    }  # fmt: skip
    (tmp_path / "neg.fasta").write_text(">n1\nGG\n>n2\nGT\n")
    with pytest.raises(InputError, match=r"neg\.fasta, line 3, record n2: the letter 'T'"):
        examples.build(
            {"p": tmp_path / "pos.fa", "n": tmp_path / "neg.fasta"},
            section("examples", config),
            section("target", {"column": "class", "values": {"pos": 1, "neg": 0}}),
            section("split", {"method": "random"}),
        )


def test_several_files_a_class(tmp_path):
    paths = {name: tmp_path / f"{name}.fa" for name in ("p_train", "n_train", "p_test")}
    for number, (name, path) in enumerate(paths.items()):
        path.write_text(f">{name}\n{'ACGU'[number]}A\n")

    def build_by(column, **classes):
        return examples.build(
            paths,
            section("examples", {"classes": classes, "id": "id"}),
            section("target", {}),
            section("split", {"method": "column", "column": column}),
        )

    built = build_by("source", pos=["p_train", "p_test"], neg="n_train")
    assert built.table[["id", "subset", "target"]].to_numpy().tolist() == [
        ["p_train", "p_train", "pos"],
        ["p_test", "p_test", "pos"],
        ["n_train", "n_train", "neg"],
    ]
    # a column of that name in a file is not overwritten unseen, and is left where it is not asked
    for name in ("p_train", "p_test", "n_train"):
        paths[name] = tmp_path / f"{name}.csv"
        paths[name].write_text(f"id,sequence,source,set\n{name},A{'CGU'[len(name) % 3]},NCBI,tr\n")
    with pytest.raises(
        InputError, match=r"p_train\.csv: the file has a column 'source' of its own"
    ):
        build_by("source", pos=["p_train", "p_test"], neg="n_train")
    built = build_by("set", pos=["p_train", "p_test"], neg="n_train")
    assert built.table["subset"].tolist() == ["tr"] * 3
    assert build_by("source", pos="p_train", neg="n_train").table["subset"].tolist() == ["NCBI"] * 2
    with pytest.raises(ValueError, match="the source 'a' is named twice"):
        section("examples", {"classes": {"pos": ["a", "b"], "neg": "a"}})


def test_a_sample_is_drawn_from_what_passed_the_checks(tmp_path):
    def taken(**more):
        text = "id,sequence,output\n" + "".join(
            f"a{n},{letters},{n}\n"
            for n, letters in enumerate(["AC", "GU", "AC", "GG", "CC", "UU"])
        )
        (tmp_path / "t.csv").write_text(text)
        built = examples.build(
            {"t": tmp_path / "t.csv"},
            section(
                "examples", {"source": "t", "id": "id", "duplicates": "keep_first", "sample": more}
            ),
            section("target", {}),
            section("split", {"method": "random"}),
        )
        return built.table["id"].tolist(), built.qc

    drawn, qc = taken(n=3)
    assert len(drawn) == 3 and drawn == sorted(drawn) and "a2" not in drawn
    note = qc.set_index("reason")["count"]
    assert note["records left out of the sample that was drawn"] == 2
    assert note["records kept"] == 3
    assert taken(n=3)[0] == drawn
    assert len({tuple(taken(n=3, seed=seed)[0]) for seed in range(5)}) > 1
    assert taken(n=100)[0] == ["a0", "a1", "a3", "a4", "a5"]


def test_copies_with_different_targets_are_counted(tmp_path):
    text = TABLE.replace("GCGU", "CCGU")
    for policy, left in (("keep", 3), ("keep_first", 2), ("drop", 1)):
        built = build(tmp_path, text, id="id", duplicates=policy)
        assert len(built.table) == left
        assert notes(built)["sequences whose copies have different targets"] == 1


def build_channels(tmp_path, rows, channels=("a", "b")):
    path = tmp_path / "channels.csv"
    path.write_text("a,b,y,set\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return examples.build(
        {"s": path},
        section("examples", {"source": "s", "numbers": {"channels": list(channels)}}),
        section("target", {"column": "y"}),
        section("split", {"method": "column", "column": "set"}),
    )


def test_series_that_were_measured_together_are_channels_of_one(tmp_path):
    rows = ["1 2 3,0;1;0,0.5,train", '"-4, 5",1 1,1.5,test', "7,8,2,validation"]
    built = build_channels(tmp_path, rows)
    assert built.table["sequence"].tolist() == [
        "1.0,0.0 2.0,1.0 3.0,0.0",
        "-4.0,1.0 5.0,1.0",
        "7.0,8.0",
    ]
    swapped = build_channels(tmp_path, rows, ("b", "a"))
    assert swapped.table["sequence"][2] == "8.0,7.0"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1 2 3,0 1,1,train", r"line 3.*the channels a, b have 3, 2 steps; every step needs all"),
        ("1 2 3,,1,train", r"line 3.*the input '' is no series of numbers"),
        ("1 2 3,0 nan 1,1,train", r"line 3.*the input '0 nan 1' is no series of numbers"),
        ("1|2,3,1,train", r"line 3.*the input .1.2.3. is no series of numbers"),
    ],
)
def test_channels_that_do_not_fit_are_named(tmp_path, row, said):
    with pytest.raises(InputError, match=said):
        build_channels(tmp_path, ["1 2,3 4,1,train", row])


LAGS = "seq,y,set,lag\nACGU,1,train,10\nCCGU,2,test, 5\nGCGU,3,validation,10\n"


def with_lags(tmp_path, text=LAGS):
    path = tmp_path / "lags.csv"
    path.write_text(text, encoding="utf-8")
    stratum = Stratum(name="by", column="lag")
    built = examples.build(
        {"s": path},
        section("examples", {"source": "s", "sequence": {"column": "seq"}}),
        section("target", {"column": "y"}),
        section("split", {"method": "column", "column": "set"}),
        strata=[stratum],
    )
    return examples.strata(built.table, [stratum, Stratum(name="GC", pattern="GC..")])


def test_the_values_of_a_column_are_strata_in_the_order_of_numbers(tmp_path):
    found = with_lags(tmp_path)
    assert list(found) == ["by-5", "by-10", "GC"]
    assert found == {"by-5": {"ex000002"}, "by-10": {"ex000001", "ex000003"}, "GC": {"ex000003"}}


def test_a_column_that_names_no_strata_is_refused(tmp_path):
    many = "seq,y,set,lag\n" + "".join(f"ACGU,{n},train,{n}\n" for n in range(51))
    with pytest.raises(InputError, match=r"the column 'lag' has 51 values.*at most 50"):
        with_lags(tmp_path, many)
    with pytest.raises(InputError, match="'<b>', which is no number, word or name"):
        with_lags(tmp_path, LAGS.replace(" 5", "<b>"))


def test_texts_are_numbers_where_all_are():
    assert examples.values_of(["10", "5", "-1e2"]) == {"10": 10.0, "5": 5.0, "-1e2": -100.0}
    for texts in (["1", "one"], ["1", "inf"], ["1", ""]):
        assert examples.values_of(texts) == {}


def test_published_predictions_are_kept_as_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y,theirs\nACGU,1,0.5\nACGA,2,-1e-3\nACGG,3, 7\n", encoding="utf-8")
    sequence = {"column": "x", "alphabet": "rna"}

    def build(*columns):
        return examples.build(
            {"t": path},
            section("examples", {"source": "t", "sequence": sequence}),
            section("target", {"column": "y"}),
            section("split", {"method": "random"}),
            published=columns,
        ).table

    assert build("theirs")[examples.published_column("theirs")].tolist() == [0.5, -1e-3, 7.0]
    assert "theirs" not in "".join(build().columns)
    with pytest.raises(InputError, match="no column 'ours'"):
        build("ours")
    path.write_text("x,y,theirs\nACGU,1,0.5\nACGA,2,?\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 3.*'theirs' is '\?', not a number"):
        build("theirs")
