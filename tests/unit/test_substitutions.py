"""Variants are scored as their own sequences are, beside the reference."""

import numpy as np
import pandas as pd
import pytest
from biornn import reading, scoring, substitutions
from biornn.config_data import ExamplesConfig
from biornn.encoding import encode
from biornn.files import InputError
from biornn.newcomers import Request
from biornn.prediction import Predictor, predict
from made_data import make_classes, make_data, make_positions
from trained_models import train_into


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    train_into(folder, make_data(150))
    return folder


def table(path, **columns):
    pd.DataFrame(columns).to_csv(path, sep="\t", index=False)
    return path


def run(predictor, references, variants, **options):
    summary = scoring.Summary()
    found = list(substitutions.score(predictor, references, variants, summary, **options))
    return pd.concat(found, ignore_index=True), summary


def test_all_single_substitutions(folder):
    predictor = Predictor(folder)
    references = substitutions.one_reference(predictor, "ac guu")
    found, summary = run(
        predictor, references, substitutions.every(references, predictor), records=4, seeds=True
    )
    assert len(found) == summary.records == 15
    assert found["variant"][:4].tolist() == ["A1C", "A1G", "A1U", "C2A"]
    changed = []
    for name in found["variant"]:
        at = int(name[1:-1]) - 1
        changed.append("ACGUU"[:at] + name[-1] + "ACGUU"[at + 1 :])
    own = predict(folder, pd.Series(["ACGUU", *changed]))
    difference = (own - own.iloc[0]).iloc[1:]
    for column, expected in (
        ("prediction.reference", np.full(15, own.iloc[0].mean())),
        ("prediction.variant", own[1:].mean(axis=1)),
        ("difference", difference.mean(axis=1)),
        ("sd", difference.std(axis=1)),
        ("difference.seed2", difference[2]),
    ):
        np.testing.assert_allclose(found[column], expected, rtol=1e-4, atol=1e-6)


def test_substitutions_of_a_table(folder, tmp_path):
    predictor = Predictor(folder)
    (tmp_path / "ref.fa").write_text(">r1 first\nACGU\n>r2\nGGUUC\n")
    references = substitutions.read_references(predictor, Request(tmp_path / "ref.fa"))
    path = table(tmp_path / "t.tsv", id=["r2", "r1"], variant=["n.1G>A;U3C", "a1u"])
    found, _ = run(predictor, references, substitutions.read_table(path, references))
    own = predict(folder, pd.Series(["AGCUC", "UCGU", "GGUUC", "ACGU"])).mean(axis=1)
    np.testing.assert_allclose(found["prediction.variant"], own[:2], rtol=1e-5)
    np.testing.assert_allclose(found["prediction.reference"], own[2:], rtol=1e-5)
    assert found["id"].tolist() == ["r2", "r1"]
    other = table(tmp_path / "u.tsv", id=["r1"], position=[1], ref=["A"], alt=["U"])
    again, _ = run(predictor, references, substitutions.read_table(other, references))
    assert again["difference"][0] == pytest.approx(found["difference"][1], rel=1e-5)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"variant": ["G1A"]}, "line 2: 'reference' has A at position 1, not G"),
        ({"variant": ["A9G"]}, "there is no position 9 in 'reference' of 4 letters"),
        ({"variant": ["A1G;A1C"]}, "position 1 is exchanged twice"),
        ({"variant": ["A1T"]}, "the letter 'T' at position 1 is none of"),
    ],
)
def test_what_does_not_fit_is_refused_or_left_out(folder, tmp_path, columns, message):
    predictor = Predictor(folder)
    references = substitutions.one_reference(predictor, "ACGU")
    path = table(tmp_path / "t.tsv", **columns)
    with pytest.raises(InputError, match=message):
        run(predictor, references, substitutions.read_table(path, references))
    found, summary = run(
        predictor, references, substitutions.read_table(path, references), on_error="skip"
    )
    assert summary.skipped == 1 and message.split(": ")[-1] in found["warning"][0]
    assert np.isnan(found["difference"][0])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"variant": ["Gly1Ala"]}, "line 2: 'Gly1Ala' is no substitution such as A12G"),
        ({"position": ["1"], "ref": ["A"]}, "there is no column 'alt'"),
    ],
)
def test_what_is_no_substitution_is_named(folder, tmp_path, columns, message):
    predictor = Predictor(folder)
    references = substitutions.one_reference(predictor, "ACGU")
    path = table(tmp_path / "t.tsv", **columns)
    with pytest.raises(InputError, match=message):
        list(substitutions.read_table(path, references))


def test_references_are_checked(folder, tmp_path):
    predictor = Predictor(folder)
    with pytest.raises(InputError, match="the letter 'X' at position 2"):
        substitutions.one_reference(predictor, "AXA")
    (tmp_path / "ref.fa").write_text(">a\nACGU\n>a\nGG\n")
    with pytest.raises(InputError, match="the id 'a' is there twice"):
        substitutions.read_references(predictor, Request(tmp_path / "ref.fa"))
    (tmp_path / "ref.fa").write_text(">first\nACGU\n>b\nGG\n")
    references = substitutions.read_references(predictor, Request(tmp_path / "ref.fa"))
    path = table(tmp_path / "t.tsv", id=["fist"], variant=["A1G"])
    with pytest.raises(InputError, match=r"no reference 'fist' \(did you mean 'first'"):
        list(substitutions.read_table(path, references))


def test_references_with_unknown_codes_are_left_out(folder, tmp_path):
    predictor = Predictor(folder)
    sequence = {"codes": {"00": "A", "01": "G"}}
    examples = ExamplesConfig.model_validate({"sequence": sequence})
    predictor.description["reading"] = reading.settings(examples, None)
    path = table(tmp_path / "r.tsv", id=["a", "b"], sequence=["0007", "000101"])
    request = Request(path, on_error="skip")
    references = substitutions.read_references(predictor, request)
    variants = table(tmp_path / "t.tsv", id=["a", "b"], variant=["A1G", "A1G"])
    read = substitutions.read_table(variants, references)
    found, summary = run(predictor, references, read, on_error="skip")
    assert "'07' is none of the codes" in found["warning"][0] and summary.skipped == 1
    own = predict(folder, pd.Series(["AGG"])).mean(axis=1)
    np.testing.assert_allclose(found["prediction.reference"][1], own, rtol=1e-5)


def test_classes_have_a_column_each(tmp_path):
    data = make_classes(120)
    train_into(tmp_path, data, seeds=[1])
    predictor = Predictor(tmp_path)
    references = substitutions.one_reference(predictor, "ACGUU")
    found, _ = run(predictor, references, substitutions.every(references, predictor))
    names = [f"probability.{label}.variant" for label in data.task.classes]
    np.testing.assert_allclose(found[names].sum(axis=1), 1, atol=1e-9)
    inputs = encode(pd.Series(["CCGUU"]), data.inputs.alphabet)
    np.testing.assert_allclose(found[names].iloc[0], predictor.values(inputs)[0, 0], rtol=1e-5)
    assert found["sd.a"].isna().all()


def test_models_of_positions_are_refused(tmp_path):
    train_into(tmp_path, make_positions(60), seeds=[1])
    with pytest.raises(InputError, match="a prediction for each position"):
        substitutions.one_reference(Predictor(tmp_path), "ACGU")


def test_references_that_can_not_be_read_are_left_out(folder, tmp_path):
    predictor = Predictor(folder)
    (tmp_path / "ref.fa").write_text(">a\nACGUU\n>b\nACXUU\n>c\nGGGUU\n>d\nUUUUA\n")
    request = Request(tmp_path / "ref.fa", on_error="skip")
    references = substitutions.read_references(predictor, request)
    path = table(tmp_path / "t.tsv", id=list("cbda"), variant=["G1C", "A1C", "U1C", "A1C"])
    own = predict(folder, pd.Series(["GGGUU", "UUUUA", "ACGUU"])).mean(axis=1)
    for records in (10, 1):
        variants = substitutions.read_table(path, references)
        found, summary = run(predictor, references, variants, on_error="skip", records=records)
        before = found["prediction.reference"]
        np.testing.assert_allclose(before[[0, 2, 3]], own, rtol=1e-5)
        assert found.loc[1, ["prediction.reference", "prediction.variant"]].isna().all()
        assert "the reference can't be read: the letter 'X' at position 3" in found["warning"][1]
        assert (summary.records, summary.skipped) == (4, 1)
