"""Windows, labels and tiles, beside plain slices of the same sequences."""

import io

import numpy as np
import pandas as pd
import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import (
    AfterPosition,
    BeforePosition,
    CompoundLocation,
    SeqFeature,
    SimpleLocation,
)
from Bio.SeqRecord import SeqRecord
from biornn import genomes
from biornn.alphabets import reverse_complement
from biornn.config_genome import FeaturesConfig, WindowsConfig
from biornn.files import InputError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

GENOME = pd.DataFrame({"id": ["chr1", "2.1"], "sequence": ["AACCGGTTNACGTRYA", "acguuacg"]})


def cut(text, name="x.bed", genome=GENOME, **options):
    return genomes.cut(genome, text.encode(), WindowsConfig(source="s", **options), name)


# -- windows ---------------------------------------------------------------------------------------


def test_columns():
    table = cut("chr1\t2\t6\tn\t7\t-\tpositive\nchr1\t2\t6\tm\t8\t+\tnegative\n", before=1)
    assert table.to_dict("list") == {
        "id": ["chr1_2_6", "chr1_2_6.2"], "sequence": ["ACCGG", "ACCGG"],
        "chromosome": ["chr1", "chr1"], "start": ["2", "2"], "end": ["6", "6"],
        "strand": ["-", "+"], "window_start": ["2", "1"], "window_end": ["7", "6"],
        "name": ["n", "m"], "score": ["7", "8"], "column7": ["positive", "negative"],
        "line": [1, 2],
    }  # fmt: skip
    assert {type(value) for value in table.drop(columns="line").to_numpy().ravel()} == {str}


def test_gff_and_bed_name_the_same_bases():
    gff = cut("chr1\ts\tgene\t3\t6\t.\t+\t.\tID=g\n", "x.gff")
    assert gff["sequence"].tolist() == cut("chr1\t2\t6")["sequence"].tolist() == ["CCGG"]
    assert gff[["start", "end", "ID"]].to_numpy().tolist() == [["2", "6", "g"]]


@pytest.mark.parametrize(
    ("anchor", "plus", "minus"),
    [
        # of the interval 2..7, "CCGGT" or "ACCGG" read backwards
        ("whole", "ACCGGTTN", "AACCGGTT"),
        ("start", "ACC", "AAC"),
        ("end", "TTN", "GTT"),
        ("center", "CGG", "CCG"),
    ],
)
def test_anchors_follow_the_strand(anchor, plus, minus):
    for strand, expected in (("+", plus), ("-", minus)):
        table = cut(f"chr1\t2\t7\tn\t0\t{strand}", anchor=anchor, before=1, after=2)
        assert table["sequence"].tolist() == [expected]
    ignored = cut("chr1\t2\t7\tn\t0\t-", anchor=anchor, before=1, after=2, strand="ignore")
    assert ignored["sequence"].tolist() == [plus] and ignored["strand"].tolist() == ["-"]


def test_the_center_of_one_base_is_that_base_on_both_strands():
    table = cut("chr1\t4\t5\t.\t.\t+\nchr1\t4\t5\t.\t.\t-\n", anchor="center", before=1, after=2)
    assert table["sequence"].tolist() == ["CGG", "CCG"]


def test_rna_is_complemented_as_rna_even_where_there_is_no_u():
    assert cut("2.1\t0\t2\tn\t0\t-")["sequence"].tolist() == ["gu"]


def test_iupac_codes():
    assert cut("chr1\t8\t16\tn\t0\t-")["sequence"].tolist() == ["TRYACGTN"]


def test_what_lies_outside():
    text = "chr1\t0\t3\tn\t0\t-\nchr1\t4\t6\tn\t0\t+\nchr1\t13\t16\tn\t0\t+\n"
    with pytest.raises(InputError, match=r"line 1: the window from -2 to 5 .* 16 bases\. Set"):
        cut(text, before=2, after=2)
    dropped = cut(text, before=2, after=2, outside="drop")
    assert dropped["id"].tolist() == ["chr1_4_6"] and dropped.index.tolist() == [0]
    padded = cut(text, before=2, after=2, outside="pad")
    assert padded["sequence"].tolist() == ["CGGTTNN", "CCGGTT", "GTRYANN"]
    assert padded["window_start"].tolist() == ["-2", "2", "11"]
    far = cut("chr1\t1\t2", anchor="start", before=9, after=0, outside="pad")
    assert far["sequence"].tolist() == ["NNNNNNNNA"]
    beyond = cut("chr1\t10\t20\tn\t0\t-", anchor="start", before=3, after=2, outside="pad")
    assert beyond["sequence"].tolist() == ["NNNNN"]
    with pytest.raises(InputError, match="no window lies within"):
        cut("chr1\t0\t3", before=1, outside="drop")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t0\t3", r"no chromosome '1' \(did you mean 'chr1'\?\)\. It has 2\.1, chr1"),
        ("chr1\t0\t3\nchr2\t0\t3", r"x\.bed, line 2: .* 'chr2' \(did you mean '2\.1'\?\)"),
        ("chr1\t16\t18", "begins behind base 16, but chr1 has only 16 bases"),
    ],
)
def test_what_does_not_fit_the_genome_is_named(text, message):
    with pytest.raises(InputError, match=message):
        cut(text, outside="pad")


def test_chromosomes_can_be_renamed():
    table = cut("II\t0\t3", chromosomes={"II": "2.1"})
    assert table[["chromosome", "sequence"]].to_numpy().tolist() == [["2.1", "acg"]]


def test_a_chromosome_that_is_there_twice():
    with pytest.raises(InputError, match="two records called 'chr1'"):
        cut("chr1\t0\t3", genome=GENOME.iloc[[0, 0]])


@pytest.mark.parametrize(
    "options", [{"anchor": "start"}, {"format": "bed", "feature": "CDS"}, {"before": -1}]
)
def test_windows_that_make_no_sense_are_refused(options):
    with pytest.raises(ValidationError):
        WindowsConfig(source="s", **options)


@given(
    st.text("ACGTRYSWKMBDHVNacgtryn", min_size=1, max_size=60),
    st.data(),
    st.sampled_from(["whole", "start", "end", "center"]),
    st.integers(0, 9),
    st.integers(1, 9),
)
def test_the_minus_strand_is_the_plus_strand_of_the_mirrored_genome(
    sequence, data, anchor, before, after
):
    start = data.draw(st.integers(0, len(sequence) - 1))
    end = data.draw(st.integers(start + 1, len(sequence)))
    size = len(sequence)
    options = {"anchor": anchor, "before": before, "after": after, "outside": "pad"}
    mirrored = pd.DataFrame({"id": ["c"], "sequence": [reverse_complement(sequence)]})
    genome = pd.DataFrame({"id": ["c"], "sequence": [sequence]})
    minus = cut(f"c\t{start}\t{end}\tn\t0\t-", genome=genome, **options)
    plus = cut(f"c\t{size - end}\t{size - start}\tn\t0\t+", genome=mirrored, **options)
    assert minus["sequence"].tolist() == plus["sequence"].tolist()
    # and back on the forward strand it is the plain slice, N where there is none
    left, right = (int(minus[name][0]) for name in ("window_start", "window_end"))
    plain = "".join(sequence[at] if 0 <= at < size else "N" for at in range(left, right))
    assert reverse_complement(minus["sequence"][0]) == plain


# -- labels ----------------------------------------------------------------------------------------


def feature(kind, *parts, **qualifiers):
    places = [SimpleLocation(start, end, strand) for start, end, strand in parts]
    location = places[0] if len(places) == 1 else CompoundLocation(places)
    return SeqFeature(location, type=kind, qualifiers={k: [v] for k, v in qualifiers.items()})


def flat_file(*records, kind="genbank"):
    """Records of sequence and features as the bytes of a file."""
    written = [
        SeqRecord(Seq(sequence), id=f"AB00000{n}.1", name=f"AB00000{n}", description="made up",
                  features=features, annotations={"molecule_type": "DNA", "topology": "circular",
                                                  "organism": "Nobody known"})
        for n, (sequence, features) in enumerate(records, start=1)
    ]  # fmt: skip
    text = io.StringIO()
    SeqIO.write(written, text, kind)
    return text.getvalue().encode()


def label(data, **options):
    options.setdefault("letters", {"CDS": "C", "tRNA": "T"})
    return genomes.label_features(data, None, FeaturesConfig(**options), "x.gb")


FEATURES = [
    feature("source", (0, 20, 1)),
    feature("CDS", (2, 4, 1), (6, 9, 1)),
    feature("tRNA", (8, 12, -1)),
    # over the origin
    feature("CDS", (18, 20, 1), (0, 1, 1)),
]


@pytest.mark.parametrize("kind", ["genbank", "embl"])
@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ({}, "CNCCNNCCCTTTNNNNNNCC"),
        ({"letters": {"tRNA": "T", "CDS": "C"}}, "CNCCNNCCTTTTNNNNNNCC"),
        ({"strand": "forward"}, "CNCCNNCCCNNNNNNNNNCC"),
        ({"strand": "reverse"}, "NNNNNNNNTTTTNNNNNNNN"),
        ({"letters": {"CDS": "C"}, "background": "."}, "C.CC..CCC.........CC"),
        (
            {"letters": {"tRNA": "T", "CDS": "C"}, "strand": "split",
             "letters_reverse": {"CDS": "c", "tRNA": "t"}},
            "CNCCNNCCCtttNNNNNNCC",
        ),
    ],
)  # fmt: skip
def test_labels(kind, options, labels):
    data = flat_file(("ACGTACGTACGTACGTACGT", FEATURES), ("ACGT", []), kind=kind)
    table = label(data, **options)
    assert table["labels"].tolist() == [labels, labels[1] * 4]
    assert table["id"].tolist() == ["AB000001.1", "AB000002.1"]
    assert table["sequence"].tolist() == ["ACGTACGTACGTACGTACGT", "ACGT"]
    assert set(table["organism"]) == {"Nobody known"} and set(table["description"]) == {"made up"}
    starts = [data.decode().splitlines()[line - 1].split()[0] for line in table["line"]]
    assert starts == [{"genbank": "LOCUS", "embl": "ID"}[kind]] * 2


def test_a_file_and_an_archive(tmp_path):
    import zipfile

    data = flat_file(("ACGTACGTAC", [feature("CDS", (2, 4, 1)), feature("tRNA", (5, 6, 1))]))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in.gb", data)
    (tmp_path / "x.gb").write_bytes(data)
    config = FeaturesConfig(letters={"CDS": "C"})
    for name, member in (("x.gb", None), ("x.zip", "in.gb")):
        table = genomes.label_features(tmp_path / name, member, config, name)
        assert table["labels"].tolist() == ["NNCCNNNNNN"]


def test_fuzzy_and_mixed_locations():
    fuzzy = SeqFeature(SimpleLocation(BeforePosition(2), AfterPosition(5), 1), type="CDS")
    mixed = feature("CDS", (7, 8, 1), (12, 14, -1))
    data = flat_file(("A" * 16, [fuzzy, mixed]))
    assert b"<3..>5" in data and b"complement(13..14)" in data
    options = {"letters": {"CDS": "C"}}
    assert label(data, **options)["labels"].tolist() == ["NNCCCNNCNNNNCCNN"]
    assert label(data, strand="reverse", **options)["labels"].tolist() == ["N" * 12 + "CCNN"]


def test_a_part_in_another_record_is_left_out():
    data = flat_file(("A" * 8, [feature("CDS", (2, 4, 1), (6, 7, 1))]))
    other = data.replace(b"join(3..4,7)", b"join(3..4,Z9.1:7)")
    assert other != data
    assert label(other, letters={"CDS": "C"})["labels"].tolist() == ["NNCCNNNN"]


def test_a_location_between_two_bases_covers_none():
    data = flat_file(("A" * 8, [feature("CDS", (2, 4, 1))])).replace(b"3..4", b"3^4 ")
    assert label(data, letters={"CDS": "C"})["labels"].tolist() == ["N" * 8]


@pytest.mark.parametrize(
    ("features", "options", "message"),
    [
        (
            [feature("CDS", (2, 90, 1), locus_tag="b0001")],
            {},
            r"x\.gb, line 1, record AB000001\.1: the feature CDS b0001 goes from 3 to 90, .* 8 bas",
        ),
        (
            [feature("CDS", (2, 4, 1)), feature("tRNA", (2, 4, 1))],
            {"letters": {"cds": "C", "tRNA": "T"}},
            r"no record has a feature 'cds' \(did you mean 'CDS'\?\)",
        ),
        ([feature("gene", (2, 4, 1))], {}, r"no record has a feature 'CDS'\. The types are gene"),
    ],
)
def test_what_is_wrong_with_features_is_named(features, options, message):
    with pytest.raises(InputError, match=message):
        label(flat_file(("A" * 8, features)), **options)


@pytest.mark.parametrize("location", ["?..4", "0..4", "7..2"])
def test_a_location_that_can_not_be_read(location):
    data = flat_file(("A" * 8, [feature("CDS", (2, 4, 1))])).replace(b"circular", b"linear  ")
    with pytest.raises(InputError, match="the feature CDS has a location that can't be read"):
        label(data.replace(b"3..4", location.encode()), letters={"CDS": "C"})


def test_damaged_records():
    data = flat_file(("ACGT" * 40, FEATURES))
    with pytest.raises(InputError, match=r"cut off|not a whole genbank file"):
        label(data[:-20])
    with pytest.raises(InputError, match="not a whole genbank file"):
        label(data[: data.index(b"ORIGIN")] + b"//\n")
    with pytest.raises(InputError, match="neither GenBank nor EMBL"):
        label(b">a\nACGT\n")


def test_letters_are_checked():
    for wrong in (
        {"letters": {"CDS": "CC"}},
        {"letters": {"CDS": "C"}, "strand": "split"},
        {"letters": {"CDS": "C"}, "letters_reverse": {"CDS": "c"}},
        {"letters": {"CDS": "C"}, "strand": "split", "letters_reverse": {"tRNA": "c"}},
        {"letters": {"CDS": "é"}},
    ):
        with pytest.raises(ValidationError):
            FeaturesConfig(**wrong)


@given(
    st.integers(1, 50).flatmap(
        lambda size: st.tuples(
            st.just(size),
            st.lists(
                st.tuples(
                    st.sampled_from(["CDS", "tRNA"]),
                    st.integers(0, size - 1),
                    st.integers(1, 20),
                    st.sampled_from([1, -1]),
                ),
                min_size=1,
                max_size=5,
            ),
        )
    )
)
def test_labels_equal_a_plain_loop(drawn):
    size, places = drawn
    places = [(kind, at, min(at + n, size), strand) for kind, at, n, strand in places]
    data = flat_file(("A" * size, [feature(kind, place) for kind, *place in places]))
    expected = ""
    for at in range(size):
        covering = {kind for kind, start, end, _ in places if start <= at < end}
        expected += "C" if "CDS" in covering else "T" if covering else "N"
    assert label(data)["labels"].tolist() == [expected]


# -- tiles -----------------------------------------------------------------------------------------

LABELLED = pd.DataFrame(
    {"id": ["a", "b"], "sequence": ["ACGTACGTAC", "GGG"], "labels": ["NNCCCCCCNN", "NTN"],
     "organism": ["x", "y"], "line": [1, 9]}
)  # fmt: skip


def test_tiles():
    table = genomes.tile(LABELLED, 4, minimum=3)
    assert table.to_dict("list") == {
        "id": ["a_0", "a_4", "b_0"], "sequence": ["ACGT", "ACGT", "GGG"],
        "labels": ["NNCC", "CCCC", "NTN"], "organism": ["x", "x", "y"], "line": [1, 1, 9],
        "record": ["a", "a", "b"], "start": ["0", "4", "0"], "end": ["4", "8", "3"],
    }  # fmt: skip
    assert genomes.tile(LABELLED, 4, minimum=2)["sequence"].tolist() == [
        "ACGT",
        "ACGT",
        "AC",
        "GGG",
    ]


@pytest.mark.parametrize(
    ("length", "step", "starts"),
    [(4, 3, [0, 3, 6]), (6, 2, [0, 2, 4]), (5, 4, [0, 4, 8]), (2, 6, [0, 6]), (10, 3, [0])],
)
def test_the_first_tile_that_reaches_the_end_is_the_last(length, step, starts):
    tiles = genomes.tile(LABELLED.iloc[:1], length, step)
    assert tiles["start"].astype(int).tolist() == starts


def test_tiles_that_can_not_be():
    with pytest.raises(InputError, match="no record has 20 letters"):
        genomes.tile(LABELLED, 40, minimum=20)
    with pytest.raises(InputError, match="record b: the labels are not as long"):
        genomes.tile(LABELLED.assign(labels=["N" * 10, "N"]), 4)
    with pytest.raises(ValueError, match="at least 1"):
        genomes.tile(LABELLED, 4, 0)


@given(
    st.lists(st.text("ACGT", min_size=1, max_size=40), min_size=1, max_size=4),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_tiles_cover_every_base(sequences, length, step):
    names = [f"r{n}" for n in range(len(sequences))]
    table = pd.DataFrame({"id": names, "sequence": sequences})
    once = genomes.tile(table, length)
    assert once.groupby("record", sort=False)["sequence"].sum().tolist() == sequences
    overlapping = genomes.tile(table, length, min(step, length))
    assert overlapping["id"].is_unique
    for name, sequence in zip(names, sequences, strict=True):
        covered = np.zeros(len(sequence), dtype=int)
        for tile in overlapping[overlapping["record"] == name].itertuples():
            start, end = int(tile.start), int(tile.end)
            assert tile.sequence == sequence[start:end] and end - start <= length
            covered[start:end] += 1
        assert covered.min() >= 1
