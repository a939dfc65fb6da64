"""Predictions of a file are those of the training, in whichever pieces it is read."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from biornn import reading, scoring, streaming
from biornn.config_data import ExamplesConfig
from biornn.files import InputError, read_tsv
from biornn.newcomers import Request
from biornn.prediction import Predictor
from biornn.temperatures import scaled
from hypothesis import given, settings
from hypothesis import strategies as st
from made_data import (
    make_classes,
    make_counts,
    make_data,
    make_labels,
    make_next_values,
    make_ordered,
    make_positions,
)
from trained_models import train_into


def fasta(path, texts, ids=None):
    ids = ids or [f"r{n}" for n in range(len(texts))]
    lines = [f">{name}\n{text}\n" for name, text in zip(ids, texts, strict=True)]
    path.write_text("".join(lines))
    return path


def predictions(folder, path, seeds=False, **options):
    predictor = folder if isinstance(folder, Predictor) else Predictor(folder)
    summary = scoring.Summary()
    tables = scoring.predict(predictor, Request(path, **options), summary, seeds=seeds)
    return pd.concat(tables, ignore_index=True), summary


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A model of one number, with what training predicted."""
    folder = tmp_path_factory.mktemp("numbers")
    data = make_data(300)
    return folder, data, train_into(folder, data)


@pytest.fixture(scope="module")
def positions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("positions")
    data = make_positions(120)
    return folder, data, train_into(folder, data)


def test_the_mean_over_the_seeds_and_their_spread(numbers, tmp_path):
    folder, data, trained = numbers
    found, summary = predictions(folder, fasta(tmp_path / "x.fa", data.inputs.decode()), True)
    assert list(found) == [
        "id", "prediction", "sd", "prediction.seed1", "prediction.seed2", "warning",
    ]  # fmt: skip
    values = np.concatenate([trained[1], trained[2]], axis=1)
    np.testing.assert_allclose(found["prediction"], values.mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["sd"], values.std(axis=1, ddof=1), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found["prediction.seed2"], trained[2][:, 0], rtol=1e-5, atol=1e-6)
    assert found["id"].tolist() == [f"r{n}" for n in range(300)]
    assert (summary.records, summary.skipped) == (300, 0) and summary.unusual <= 8


@pytest.mark.parametrize("make", [make_classes, make_ordered, make_labels])
def test_probabilities_are_calibrated(make, tmp_path):
    data = make(200)
    trained = train_into(tmp_path, data)
    predictor = Predictor(tmp_path)
    found, _ = predictions(predictor, fasta(tmp_path / "x.fa", data.inputs.decode()), True)
    labels = data.task.kind == "multilabel"
    assert predictor.temperatures and all(value != 1 for value in predictor.temperatures)
    expected = np.stack(
        [scaled(own, t, labels=labels)
         for own, t in zip(trained.values(), predictor.temperatures, strict=True)]
    )  # fmt: skip
    names = [f"probability.{label}" for label in data.task.classes]
    np.testing.assert_allclose(found[names], expected.mean(axis=0), atol=1e-5)
    if labels:
        row = found[names].iloc[0].to_numpy() > 0.5
        wanted = ";".join(x for x, is_there in zip(data.task.classes, row, strict=True) if is_there)
        assert found["prediction"][0] == wanted
    else:
        best = expected.mean(axis=0).argmax(axis=1)
        assert found["prediction"].tolist() == [data.task.classes[at] for at in best]
        spread = expected.std(axis=0, ddof=1)[np.arange(200), best]
        np.testing.assert_allclose(found["sd"], spread, atol=1e-5)
    one = found[f"probability.{data.task.classes[0]}.seed2"]
    np.testing.assert_allclose(one, expected[1, :, 0], atol=1e-5)


def test_a_model_that_says_its_own_spread_and_counts(tmp_path):
    data = make_data(100)
    trained = train_into(tmp_path, data, loss="gaussian")
    path = fasta(tmp_path / "x.fa", data.inputs.decode())
    found, _ = predictions(tmp_path, path)
    sds = np.stack([own[:, 1] for own in trained.values()])
    expected = np.sqrt((sds**2).mean(axis=0))
    np.testing.assert_allclose(found["prediction_sd"], expected, rtol=1e-4)
    counts = make_counts(100)
    trained = train_into(tmp_path, counts, seeds=[1])
    found, _ = predictions(tmp_path, path)
    np.testing.assert_allclose(found["prediction"], trained[1][:, 0], rtol=1e-5)
    assert found["sd"].isna().all()  # of one seed nothing is known


def test_each_position_has_a_row(positions, tmp_path):
    folder, data, trained = positions
    texts = data.inputs.decode()
    texts.insert(1, "AXA")
    path = fasta(tmp_path / "x.fa", texts)
    with pytest.raises(InputError, match=r"record r1: the letter 'X' at position 2 is none of ACG"):
        predictions(folder, path)
    found, summary = predictions(folder, path, on_error="skip")
    assert summary.skipped == 1 and "r1: the letter 'X' at position 2" in summary.examples[0]
    skipped = found[found["id"] == "r1"]
    assert len(skipped) == 1 and skipped["position"].isna().all()
    assert skipped["prediction"].isna().all() and "not predicted" in skipped["warning"].item()
    rest = found[found["id"] != "r1"]
    assert rest["position"].tolist() == [at + 1 for n in data.inputs.lengths for at in range(n)]
    predictor = Predictor(folder)
    expected = np.stack([scaled(trained[s], t) for s, t in
                         zip(predictor.seeds, predictor.temperatures, strict=True)])  # fmt: skip
    np.testing.assert_allclose(rest["probability.yes"], expected.mean(axis=0)[:, 1], atol=1e-5)


def test_positions_are_those_of_the_file(positions, tmp_path):
    predictor = Predictor(positions[0])
    path = fasta(tmp_path / "x.fa", ["ACGUU", "AXA", "CGUA"])
    own, _ = predictions(predictor, fasta(tmp_path / "y.fa", ["GUU", "GUA"]))
    sequence = {"remove": "C", "max_length": 3, "too_long": "crop_start"}
    examples = ExamplesConfig.model_validate({"sequence": sequence})
    predictor.description["reading"] = reading.settings(examples, None)
    found, _ = predictions(predictor, path, on_error="skip")
    assert found["position"].fillna(0).tolist() == [3, 4, 5, 0, 2, 3, 4]
    there = found["position"].notna()
    np.testing.assert_allclose(found["probability.yes"][there], own["probability.yes"], rtol=1e-5)


def test_the_next_value_is_told_beyond_the_last(tmp_path):
    data = make_next_values(100)
    train_into(tmp_path, data)
    rows = np.split(data.inputs.values[:, 0], data.inputs.offsets[1:-1])
    texts = [" ".join(map(repr, row.tolist())) for row in rows]
    pd.DataFrame({"input": texts}).to_csv(tmp_path / "x.csv", index=False)
    found, _ = predictions(tmp_path, tmp_path / "x.csv")
    assert found.groupby("id")["position"].max().tolist() == data.inputs.lengths.tolist()
    assert found["prediction"].notna().all()


@settings(max_examples=15)
@given(
    texts=st.lists(st.text("ACGU", min_size=1, max_size=12) | st.just("AXA"), min_size=1,
                   max_size=12),
    pieces=st.integers(1, 13), whole=st.sampled_from(["numbers", "positions"]),
)  # fmt: skip
def test_pieces_do_not_change_predictions(numbers, positions, tmp_path_factory, texts, pieces,
                                          whole):  # fmt: skip
    folder = {"numbers": numbers, "positions": positions}[whole][0]
    path = fasta(tmp_path_factory.mktemp("x") / "x.fa", texts)
    predictor = Predictor(folder)
    one, counted = predictions(predictor, path, on_error="skip")
    other, again = predictions(predictor, path, on_error="skip", records=pieces)
    assert vars(counted) == vars(again)
    pd.testing.assert_frame_equal(one, other, rtol=1e-5, atol=1e-6)


def test_a_sequence_does_not_depend_on_its_company(numbers, tmp_path):
    folder, data, _ = numbers
    texts = data.inputs.decode()
    together, _ = predictions(folder, fasta(tmp_path / "x.fa", texts))
    long, _ = predictions(folder, fasta(tmp_path / "y.fa", [texts[7], "ACGU" * 500]))
    alone, _ = predictions(folder, fasta(tmp_path / "z.fa", [texts[7]]))
    for found in (long, alone):
        assert found["prediction"][0] == pytest.approx(together["prediction"][7], rel=1e-5)
        assert found["warning"][0] == together["warning"][7]
    assert "length 2000, in training 4 to 9" in long["warning"][1]


@pytest.mark.parametrize("name", ["out.tsv", "out.parquet"])
def test_what_is_written_is_what_was_found(positions, tmp_path, name):
    folder, data, _ = positions
    texts = ["AXA", *data.inputs.decode()[:9]]
    ids = ["a|b:c", "-x", "NA", "0007", *[f"r{n}" for n in range(6)]]
    path = fasta(tmp_path / "x.fa", texts, ids)
    found, _ = predictions(folder, path, on_error="skip", records=4)
    predictor, summary = Predictor(folder), scoring.Summary()
    with scoring.writer(tmp_path / name) as write:
        request = Request(path, on_error="skip", records=4)
        for table in scoring.predict(predictor, request, summary):
            write(table)
    if name.endswith("parquet"):
        read = pd.read_parquet(tmp_path / name)
    else:
        read = read_tsv(tmp_path / name)
        read["id"] = read["id"].fillna("NA")
    assert read["id"].tolist() == found["id"].tolist()
    assert read["prediction"].isna().tolist() == [True] + [False] * (len(found) - 1)
    np.testing.assert_allclose(read["probability.yes"], found["probability.yes"], rtol=1e-9)
    assert read["warning"].fillna("").tolist() == found["warning"].tolist()


def test_names_are_safe_in_a_table(tmp_path, numbers):
    names = ["tab\there", 'quote"d', "two\nlines", "return\rhere", "=1+1", "Größe"]
    frame = pd.DataFrame({"id": names, "sequence": ["ACGU"] * 6})
    frame.to_csv(tmp_path / "x.csv", index=False, lineterminator="\n", quoting=csv.QUOTE_ALL)
    found, _ = predictions(numbers[0], tmp_path / "x.csv")
    with scoring.writer(tmp_path / "out.tsv") as write:
        write(found)
    with (tmp_path / "out.tsv").open(newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file, delimiter="\t")] == names
    # a table of another piece goes on below the same header
    text = io.StringIO()
    write = scoring._separated(text)
    write(found[:2])
    write(found[2:])
    assert text.getvalue().count("prediction\t") == 1


def test_a_file_that_was_not_finished_is_not_there(numbers, tmp_path):
    path = fasta(tmp_path / "x.fa", ["ACGU", "AXA"])
    with pytest.raises(InputError), scoring.writer(tmp_path / "out.tsv") as write:
        predictor = Predictor(numbers[0])
        for table in scoring.predict(predictor, Request(path, records=1), scoring.Summary()):
            write(table)
    assert [file.name for file in tmp_path.iterdir()] == ["x.fa"]
    with (
        pytest.raises(InputError, match=r"written to \.tsv, \.txt or \.parquet"),
        scoring.writer("x.csv"),
    ):
        pass


def test_memory_is_that_of_a_piece(numbers, tmp_path, monkeypatch):
    """No more records are held than those of a piece, however long the file is."""
    path = fasta(tmp_path / "x.fa", ["ACGU"] * 50)
    sizes = []
    own = streaming.read

    def watched(*arguments):
        for table in own(*arguments):
            sizes.append(len(table))
            yield table

    monkeypatch.setattr(streaming, "read", watched)
    tables = scoring.predict(Predictor(numbers[0]), Request(path, records=8), scoring.Summary())
    assert len(next(tables)) == 8 and sizes == [8]
