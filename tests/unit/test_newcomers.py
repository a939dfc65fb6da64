"""New inputs are read as those of the training were, and what does not fit is named."""

from types import SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from biornn import newcomers, reading
from biornn.beside import BesideScaling
from biornn.config_data import ExamplesConfig
from biornn.config_expression import ExpressionConfig
from biornn.expression import Normalizer
from biornn.files import InputError
from biornn.inputs import profiles
from biornn.newcomers import Request


def model(alphabet="rna", channels=1, covariates=(), **description):
    """What a reader asks of a predictor."""
    scaling = BesideScaling(tuple(covariates), (0.0,) * len(covariates), (1.0,) * len(covariates))
    inputs = {"alphabet": alphabet, "mean": [0.0] * channels}
    return SimpleNamespace(
        alphabet=alphabet, per_position=False, beside=scaling if covariates else None,
        description={"inputs": inputs, **description},
    )  # fmt: skip


def trained(**examples):
    """What `model.json` says of how the examples were read."""
    return reading.settings(ExamplesConfig.model_validate(examples), None)


def read(predictor, path, **options):
    return list(newcomers.read(predictor, Request(path, **options)))


def write(path, frame):
    frame.to_csv(path, index=False)
    return path


TABLE = pd.DataFrame({"name": ["a", "b"], "x": ["acgu", "GG"], "sequence": ["U", "UU"]})


@pytest.mark.parametrize(
    ("examples", "options", "ids", "sequences"),
    [
        ({"id": "name", "sequence": {"column": "x"}}, {}, ["a", "b"], ["ACGU", "GG"]),
        ({}, {}, ["ex000001", "ex000002"], ["U", "UU"]),
        ({"sequence": {"column": "other"}}, {}, ["ex000001", "ex000002"], ["U", "UU"]),
        ({"sequence": {"columns": ["x", "sequence"]}}, {}, ["ex000001", "ex000002"],
         ["ACGUU", "GGUU"]),
        ({}, {"sequence_column": "x", "id_column": "name"}, ["a", "b"], ["ACGU", "GG"]),
        ({"sequence": {"column": "x", "strip_start": "A", "remove": "U"}}, {},
         ["ex000001", "ex000002"], ["CG", "GG"]),
        ({"sequence": {"column": "x", "max_length": 3, "too_long": "crop_end"}}, {},
         ["ex000001", "ex000002"], ["ACG", "GG"]),
        ({"sequence": {"column": "x", "max_length": 3, "too_long": "drop"}}, {},
         ["ex000001", "ex000002"], ["ACGU", "GG"]),
    ],
)  # fmt: skip
def test_columns_are_those_of_the_training_or_usual_ones(
    tmp_path, examples, options, ids, sequences
):
    (piece,) = read(model(reading=trained(**examples)), write(tmp_path / "x.csv", TABLE), **options)
    assert piece.ids == ids and piece.inputs.decode() == sequences


def test_codes_are_spelled_out_where_the_table_has_them(tmp_path):
    known = trained(sequence={"columns": ["v1", "v2"], "codes": {"00": "A", "01": "U"}})
    frame = pd.DataFrame({"v1": ["00"], "v2": ["01"]})
    predictor = model(reading=known)
    (piece,) = read(predictor, write(tmp_path / "x.csv", frame))
    assert piece.inputs.decode() == ["AU"]
    other = write(tmp_path / "y.csv", pd.DataFrame({"other": ["0100"], "sequence": ["01"]}))
    for column, expected in (("other", "UA"), (None, "U")):
        (piece,) = read(predictor, other, sequence_column=column)
        assert piece.inputs.decode() == [expected]
    wrong = write(tmp_path / "z.csv", pd.DataFrame({"sequence": ["0100", "0107", "01"]}))
    with pytest.raises(InputError, match="record ex000002: '07' is none of the codes 00, 01"):
        read(predictor, wrong)
    (piece,) = read(predictor, wrong, on_error="skip")
    assert piece.inputs.decode() == ["UA", "U"] and piece.read.tolist() == [True, False, True]
    (tmp_path / "x.fa").write_text(">s\nUA\n")
    (piece,) = read(predictor, tmp_path / "x.fa")
    assert piece.ids == ["s"] and piece.inputs.decode() == ["UA"]


@pytest.mark.parametrize(
    ("changes", "positions"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 1]),
        ({"strip_start": "A", "remove": "-"}, [2, 3, 5, 6, 7, 1]),
        ({"max_length": 3, "too_long": "crop_start"}, [5, 6, 7, 1]),
        ({"max_length": 3, "too_long": "crop_both", "remove": "-"}, [2, 3, 5, 1]),
    ],
)
def test_positions_count_in_the_sequence_as_it_came(tmp_path, changes, positions):
    predictor = model(reading=trained(sequence=changes))
    predictor.per_position = True
    text = "A CG-UAC" if changes.get("remove") else "A CGUUAC"
    frame = pd.DataFrame({"sequence": [text, "AXG", "C"]})
    (piece,) = read(predictor, write(tmp_path / "x.csv", frame), on_error="skip")
    assert piece.positions.tolist() == positions
    assert len(positions) == piece.inputs.lengths.sum()
    # a piece without a sequence that can be read
    (piece,) = read(predictor, write(tmp_path / "x.csv", frame[1:2]), on_error="skip")
    assert piece.positions.tolist() == []


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (TABLE.assign(sequence=["U", "AT"]), {}, "line 3, record ex000002: the letter 'T' at "
         "position 2 is none of ACGU.*, the rna alphabet of the model .this looks like DNA"),
        (TABLE.assign(sequence=["U", "--"]), {}, "the letter '-' at position 1"),
        (TABLE.assign(sequence=["U", ""]), {}, "there are no letters"),
        (TABLE, {"sequence_column": "xx"}, r"no column 'xx' \(did you mean 'x'"),
        (TABLE, {"id_column": "id"}, "there is no column 'id'"),
        (TABLE.drop(columns="sequence"), {}, "there is no column 'sequence'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path, frame, options, message):
    with pytest.raises(InputError, match=rf"x\.csv.*{message}"):
        read(model(), write(tmp_path / "x.csv", frame), **options)


def test_what_can_not_be_read_is_left_out_where_asked(tmp_path):
    frame = pd.DataFrame({"id": list("abcd"), "sequence": ["A", "AZ", "NA", ""]})
    path = write(tmp_path / "x.csv", frame)
    (piece,) = read(model(), path, on_error="skip")
    assert piece.inputs.decode() == ["A", "NA"] and piece.read.tolist() == [
        True,
        False,
        True,
        False,
    ]
    # ambiguity codes are as in training
    strict = model(reading=trained())
    (piece,) = read(strict, path, on_error="skip")
    assert piece.inputs.decode() == ["A"] and "none of ACGU, the rna" in piece.problems[2]


def test_covariates_are_taken_from_the_table(tmp_path):
    frame = TABLE.assign(warm=["1.5", "x"], salt=["2", "3"])
    path = write(tmp_path / "x.csv", frame)
    predictor = model(covariates=["salt", "warm"])
    (piece,) = read(predictor, path, on_error="skip")
    assert piece.covariates.tolist() == [[2, 1.5]] and piece.inputs.decode() == ["U"]
    with pytest.raises(InputError, match="record ex000002: the covariate 'warm' is 'x', not a nu"):
        read(predictor, path)
    with pytest.raises(InputError, match=r"x\.csv: .*there is no column 'cold'"):
        read(model(covariates=["cold"]), path)
    with pytest.raises(InputError, match="a table of samples is for expression matrices"):
        read(predictor, path, samples=path)


def test_series_of_numbers(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "one": ["1 2", "3;4"], "two": ["5,6", "7 8"],
                          "input": ["1 2 3", "z"]})  # fmt: skip
    path = write(tmp_path / "x.csv", frame)
    two = model(None, 2, reading=trained(numbers={"channels": ["one", "two"]}))
    (piece,) = read(two, path)
    assert piece.inputs.values.tolist() == [[1, 5], [2, 6], [3, 7], [4, 8]]
    one = model(None, 1)
    (piece,) = read(one, path, on_error="skip")
    assert piece.inputs.values[:, 0].tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="record b: the input 'z' is no series of numbers"):
        read(one, path)
    with pytest.raises(InputError, match="1 channels, and the model reads 2"):
        read(two, path, sequence_column="input")
    (tmp_path / "x.fa").write_text(">s\nUA\n")
    with pytest.raises(InputError, match="reads series of numbers, not sequences"):
        read(one, tmp_path / "x.fa")


# -- expression ------------------------------------------------------------------------------------

GENES = [f"g{n}.1" for n in range(12)]


@pytest.fixture
def counts():
    values = np.random.default_rng(0).poisson(20, size=(9, 12))
    return pd.DataFrame(values.astype(float), [f"s{n}" for n in range(9)], GENES)


def expression_model(counts, target_gene=None, **more):
    config = ExpressionConfig.model_validate(
        {"matrix": {"source": "m"}, "normalization": [{"method": "cpm"}, {"method": "log1p"},
                                                      {"method": "highly_variable", "genes": 8}]}
    )  # fmt: skip
    normalizer = Normalizer(config.normalization)
    normalizer.fit(counts, np.arange(9) < 6, pd.Series([""] * 9))
    profile = {"method": "order", "genes_per_step": 3, "target_gene": target_gene,
               "examples": "samples"}  # fmt: skip
    normalized = normalizer.transform(counts)
    predictor = model(
        None, 3, normalizer=normalizer.to_dict(), profile=profile,
        reading=reading.settings(ExamplesConfig(), config), **more,
    )  # fmt: skip
    chosen = [name for name in normalized if name != target_gene]
    return predictor, profiles(normalized[chosen].to_numpy(), profile)


@pytest.mark.parametrize("kind", ["rows", "columns", "h5ad", "more"])
def test_raw_values_are_normalised_as_in_training(tmp_path, counts, kind):
    predictor, expected = expression_model(counts)
    path = tmp_path / "x.csv"
    shuffled = counts[GENES[::-1]]
    if kind == "rows":
        shuffled.T.to_csv(path)
    elif kind == "h5ad":
        path = tmp_path / "x.h5ad"
        ad.AnnData(shuffled).write_h5ad(path)
    else:
        shuffled.assign(**{"other": 3} if kind == "more" else {}).to_csv(path)
    pieces = read(predictor, path, records=4)
    assert [name for piece in pieces for name in piece.ids] == list(counts.index)
    assert [len(piece.ids) for piece in pieces] == [4, 4, 1]
    values = np.concatenate([piece.inputs.values for piece in pieces])
    np.testing.assert_array_equal(values, expected.values)


def test_genes_that_are_missing_are_named(tmp_path, counts):
    predictor, _ = expression_model(counts)
    path = tmp_path / "x.csv"
    counts.drop(columns=["g3.1", "g7.1"]).to_csv(path)
    with pytest.raises(InputError, match=r"2 of the 12 genes .* are not there: 'g3\.1', 'g7\.1'"):
        read(predictor, path)
    counts.rename(columns=lambda name: name.removesuffix(".1")).to_csv(path)
    with pytest.raises(InputError, match=r"Without their versions 12 are the same"):
        read(predictor, path)
    counts.rename(columns={"g3.1": "G3-1"}).to_csv(path)
    with pytest.raises(InputError, match=r"Nearly alike \(1\): 'g3\.1' and 'G3-1'"):
        read(predictor, path)
    with pytest.raises(InputError, match="is for sequences"):
        read(predictor, path, sequence_column="x")


def test_a_sample_that_can_not_be_normalised_is_named_or_left_out(tmp_path, counts):
    predictor, expected = expression_model(counts)
    broken = counts.assign(other=5.0)
    broken.loc["s4", GENES] = 0
    path = tmp_path / "x.h5ad"
    ad.AnnData(broken).write_h5ad(path)
    with pytest.raises(InputError, match="s4: cpm: the counts of s4 add up to nothing"):
        read(predictor, path)
    (piece,) = read(predictor, path, on_error="skip")
    assert piece.read.tolist() == [name != "s4" for name in counts.index]
    kept = np.repeat(piece.read, expected.lengths)
    np.testing.assert_array_equal(piece.inputs.values, expected.values[kept])


def test_a_sample_without_any_value_is_named_or_left_out(tmp_path, counts):
    predictor, expected = expression_model(counts)
    counts.loc["s4"] = 0
    for matrix in (counts, counts.astype(pd.SparseDtype(float, 0)).sparse.to_coo().tocsr()):
        path = tmp_path / "x.h5ad"
        names = pd.DataFrame(index=counts.index), pd.DataFrame(index=GENES)
        ad.AnnData(np.asarray(matrix) if matrix is counts else matrix, *names).write_h5ad(path)
        with pytest.raises(InputError, match="the sample 's4' is zero or missing for all genes"):
            read(predictor, path)
        first, second = read(predictor, path, on_error="skip", records=5)
        assert first.problems == ["", "", "", "", "the sample is zero or missing for all genes"]
        values = np.concatenate([first.inputs.values, second.inputs.values])
        kept = np.repeat(counts.index != "s4", expected.lengths)
        np.testing.assert_array_equal(values, expected.values[kept])


@pytest.mark.parametrize("told", [False, True])
def test_a_piece_may_have_no_sample_that_can_be_read(tmp_path, counts, told):
    predictor, expected = expression_model(counts)
    if told:
        normalizer = Normalizer.from_dict(predictor.description["normalizer"])
        predictor.description["genes"] = list(normalizer.transform(counts))
    broken = counts.assign(other=5.0)
    broken.loc[["s0", "s1", "s2"], GENES] = 0
    path = tmp_path / "x.h5ad"
    ad.AnnData(broken).write_h5ad(path)
    pieces = read(predictor, path, on_error="skip", records=3)
    assert [len(piece.inputs) for piece in pieces] == [0, 3, 3]
    assert pieces[0].inputs.values.shape == (0, *expected.values.shape[1:])


@pytest.mark.parametrize("kind", ["auto", "h5ad"])
def test_columns_that_training_dropped_need_not_be_there(tmp_path, counts, kind):
    predictor, expected = expression_model(counts)
    predictor.description["reading"]["matrix"]["drop"] = ["batch"]
    path = tmp_path / "x.h5ad"
    ad.AnnData(counts).write_h5ad(path)
    (piece,) = read(predictor, path, format=kind)
    np.testing.assert_array_equal(piece.inputs.values, expected.values)
    counts.assign(batch="b1").to_csv(tmp_path / "x.csv")
    (piece,) = read(predictor, tmp_path / "x.csv", format="csv" if kind == "h5ad" else kind)
    np.testing.assert_array_equal(piece.inputs.values, expected.values)


def test_what_is_known_of_samples_comes_from_their_sheet(tmp_path, counts):
    predictor, _ = expression_model(counts)
    second = BesideScaling(("age",), (0.0,), (1.0,))
    predictor = SimpleNamespace(**{**vars(predictor), "beside": second})
    counts.to_csv(tmp_path / "x.csv")
    sheet = pd.DataFrame({"sample": counts.index[::-1], "age": range(9)})
    sheet.to_csv(tmp_path / "sheet.csv", index=False)
    with pytest.raises(InputError, match="there is no column 'age'"):
        read(predictor, tmp_path / "x.csv")
    (piece,) = read(predictor, tmp_path / "x.csv", samples=tmp_path / "sheet.csv")
    assert piece.covariates[:, 0].tolist() == list(range(8, -1, -1))


def test_genes_by_their_samples(tmp_path):
    values = np.random.default_rng(0).normal(size=(30, 5))
    table = pd.DataFrame(values, [f"g{n}" for n in range(30)], [f"t{n}" for n in range(5)])
    config = ExpressionConfig.model_validate(
        {"matrix": {"source": "m", "values": "any"}, "normalization": [{"method": "z_score"}],
         "examples": "genes", "profile": {"method": "time"}}
    )  # fmt: skip
    normalizer = Normalizer(config.normalization)
    normalizer.fit(table, np.arange(30) < 20, pd.Series([""] * 30))
    profile = {"method": "time", "target_gene": None, "examples": "genes"}
    predictor = model(None, normalizer=normalizer.to_dict(), profile=profile,
                      reading=reading.settings(ExamplesConfig(), config))  # fmt: skip
    # other genes, as many as samples, which are in another order
    new = table.iloc[:5, ::-1]
    for name, written in (("rows.csv", new), ("columns.csv", new.T)):
        written.to_csv(tmp_path / name)
        (piece,) = read(predictor, tmp_path / name)
        assert piece.ids == list(new.index)
        expected = profiles(normalizer.transform(table[:5]).to_numpy(), profile)
        np.testing.assert_array_equal(piece.inputs.values, expected.values)


def test_a_target_gene_is_normalised_with_the_others_and_not_read(tmp_path, counts):
    predictor, expected = expression_model(counts, target_gene=None)
    gene = next(iter(Normalizer.from_dict(predictor.description["normalizer"])
                     .transform(counts)))  # fmt: skip
    predictor, expected = expression_model(counts, target_gene=gene)
    counts.to_csv(tmp_path / "x.csv")
    (piece,) = read(predictor, tmp_path / "x.csv")
    np.testing.assert_array_equal(piece.inputs.values, expected.values)
    assert piece.read.all()
