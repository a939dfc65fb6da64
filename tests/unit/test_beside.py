"""Covariates and weights: every bad value is named; what is fitted sees training rows alone."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from biornn import baselines, devices, examples, features, models, training
from biornn.beside import BesideScaling
from biornn.config import AnalysisConfig, section
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import InputError
from biornn.losses import TargetScaling
from biornn.prediction import predict
from biornn.runs import Replicate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_data import make_data, make_positions
from pydantic import ValidationError
from test_examples import build

TABLE = (
    "id,seq,y,set,warm,a,b,c,w\n"
    "one,ACGU,1,train,37,1,2,3,1\n"
    "two,CCGU,2,test,25.5,4,5,6,0\n"
    "three,GCGU,3,validation,-1e1,7,8,9,2.5\n"
)
NUMBERS = st.floats(-1e6, 1e6)
BASELINES = {
    "linear": {"kind": "linear"},
    "boosting": {"kind": "gradient_boosting", "max_iterations": 30},
    "mean": {"kind": "mean"},
}


def with_covariates(n=200, make=make_data, seed=3, **changes):
    """Two covariates far from zero, the first of which decides most of the target."""
    data = make(n)
    values = np.random.default_rng(seed).normal([37, -2e3], [4, 100], size=(n, 2))
    if make is make_data:
        changes = {"targets": data.targets + (values[:, 0] - 37)} | changes
    return replace(data, beside=values, covariates=("warm", "salt"), **changes)


def train(data, **options):
    config = TrainingConfig(epochs=2, device="cpu", seeds=[1], **options)
    fabric, _ = devices.make_fabric(config)
    model = ModelConfig(cell="gru", hidden_size=6)
    (run,) = training.train(model, config, [Replicate(data, 1)], fabric=fabric)
    return model, run


# -- the table -------------------------------------------------------------------------------------


def test_columns_go_into_the_examples(tmp_path):
    built = build(tmp_path, TABLE, id="id", covariates=["warm", "a..c"], weight="w")
    assert built.description.covariates == ("warm", "a", "b", "c")
    table = built.table.set_index("id")
    names = ["covariate.warm", "covariate.a", "covariate.b", "covariate.c", "weight"]
    assert table.loc["two", names].tolist() == [25.5, 4, 5, 6, 0]
    assert table.loc["three", names].tolist() == [-10, 7, 8, 9, 2.5]
    reasons = built.qc.set_index("reason")["count"]
    assert reasons["covariates beside the sequence: warm, a, b, c"] == 4
    assert reasons["records with the weight zero ('w')"] == 1


def test_a_range_is_that_of_the_file(tmp_path):
    """Whatever else is read of it, and in which order."""
    built = build(tmp_path, TABLE, id="b", covariates=["c", "warm..c"], weight="a")
    assert built.description.covariates == ("c", "warm", "a", "b")
    assert built.table["covariate.b"].tolist() == [2, 5, 8]


def test_columns_of_a_joined_table(tmp_path):
    (tmp_path / "more.csv").write_text("name,heat,heavy\nthree,3,30\none,1,10\ntwo,2,20\n")
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    config = {
        "source": "s",
        "id": "id",
        "sequence": {"column": "seq", "alphabet": "rna"},
        "join": [{"source": "more", "id": "name", "take": {"heat": "heat", "w": "heavy"}}],
        "covariates": ["heat"],
        "weight": "w",
    }
    built = examples.build(
        {"s": path, "more": tmp_path / "more.csv"},
        section("examples", config),
        section("target", {"column": "y"}),
        section("split", {"method": "column", "column": "set"}),
    )
    assert built.table["covariate.heat"].tolist() == [1, 2, 3]
    assert built.table["weight"].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (("25.5", "hot"), {}, "line 3, record two: 'warm' is 'hot', not a number"),
        (("25.5", "inf"), {}, "line 3, record two: 'warm' is 'inf', not a number"),
        (("25.5", "1e999"), {}, "'warm' is '1e999', not a number"),
        (("25.5", ""), {}, "record two: 'warm' is '', no number (1 such records)"),
        (("25.5", "NaN"), {}, "set examples.incomplete: drop"),
        (("9,2.5", "9,NA"), {}, "line 4, record three: 'w' is 'NA', no number"),
        (("9,2.5", "9,-2.5"), {}, "record three: the weight 'w' is -2.5 (1 such records)"),
        (("", ""), {"covariates": ["heat"]}, "there is no column 'heat'"),
        (("", ""), {"covariates": ["a..d"]}, "there is no column 'a..d'"),
        (("", ""), {"covariates": ["y"]}, "'y' is what the target is made from"),
        (("", ""), {"covariates": ["y..w"]}, "'y' is what the target is made from"),
        (("", ""), {"weight": "seq"}, "'seq' is 'ACGU', not a number"),
    ],
)
def test_a_bad_value_is_named(tmp_path, change, options, said):
    options = {"covariates": ["warm"], "weight": "w"} | options
    with pytest.raises(InputError) as error:
        build(tmp_path, TABLE.replace(*change, 1), id="id", **options)
    assert said in str(error.value)


def test_weights_that_are_all_zero_are_refused(tmp_path):
    text = TABLE.replace("3,1\n", "3,0\n").replace("2.5\n", "0\n")
    with pytest.raises(InputError, match=r"all weights \('w'\) are zero"):
        build(tmp_path, text, id="id", weight="w")


def test_incomplete_records_are_dropped_and_said(tmp_path):
    text = TABLE.replace("25.5", "na").replace("9,2.5", "9, ")
    built = build(tmp_path, text, id="id", covariates=["warm"], weight="w", incomplete="drop")
    assert built.table["id"].tolist() == ["one"]
    dropped = built.qc[built.qc["action"] == "dropped"]
    assert dropped["record"].tolist() == ["two", "three"]
    assert set(dropped["reason"]) == {"no covariate or weight"}


def test_what_is_dropped_need_not_have_a_covariate(tmp_path):
    text = TABLE.replace("CCGU,2,test,25.5", "CCGU,NA,test,").replace("1,2,3,1", "1,2,3,2")
    built = build(tmp_path, text, id="id", target={"missing": "drop"}, covariates=["warm"])
    assert built.table["covariate.warm"].tolist() == [37, -10]
    (row,) = built.qc[built.qc["action"] == "dropped"].to_dict("records")
    assert row["reason"] == "no target"


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ({"covariates": ["a", "a"]}, "each column may be given once"),
        ({"covariates": ["y"]}, "'y' is what the target is made from"),
    ],
)
def test_settings_that_can_not_be_right(examples, said):
    value = {
        "sources": {"s": {"type": "path", "path": "t.csv"}},
        "examples": {"source": "s"} | examples,
        "target": {"column": "y"},
    }
    with pytest.raises(ValidationError, match=said):
        AnalysisConfig.model_validate(value)


# -- standardising ---------------------------------------------------------------------------------


@given(arrays(float, (9, 3), elements=NUMBERS), arrays(float, (4, 3), elements=NUMBERS))
def test_other_rows_do_not_change_what_is_fitted(values, others):
    train = np.arange(9) < 5
    fitted = BesideScaling.fit("abc", values, train)
    changed = values.copy()
    changed[~train] = others
    assert BesideScaling.fit("abc", changed, train) == fitted
    # each row is standardised by itself
    whole, shuffled = fitted.apply(values), np.random.default_rng(0).permutation(9)
    np.testing.assert_array_equal(fitted.apply(values[shuffled]), whole[shuffled])


@given(arrays(float, (7, 2), elements=st.integers(-1000, 1000).map(float)))
def test_training_rows_have_mean_zero_and_spread_one(values):
    scaled = BesideScaling.fit("ab", values, np.ones(7, dtype=bool)).apply(values)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    spread = np.where(np.ptp(values, axis=0) > 0, 1, 0)
    np.testing.assert_allclose(scaled.std(axis=0), spread, atol=1e-9)


@given(st.floats(-1e9, 1e9), st.integers(2, 40))
def test_a_constant_column_says_nothing_wherever_it_changes(value, n):
    values = np.full((n + 1, 1), value)
    values[-1] = value + 1e6
    fitted = BesideScaling.fit("a", values, np.arange(n + 1) < n)
    assert fitted.sd == (0.0,)
    assert (fitted.apply(values) == 0).all()


def test_values_that_can_not_be_standardised_are_refused():
    values = np.array([[1.0, 1e308], [2.0, -1e308], [0.0, 1e308]])
    with pytest.raises(InputError, match="'b' has values too large"):
        BesideScaling.fit("ab", values, np.ones(3, dtype=bool))


def test_the_fold_fits_on_training_rows_that_weigh_something():
    data = with_covariates()
    assert data.beside_scaling().columns == ("warm", "salt")
    changed = data.beside.copy()
    changed[data.subsets != "train"] += 1e6
    assert replace(data, beside=changed).beside_scaling() == data.beside_scaling()
    changed[np.flatnonzero(data.subsets == "train")[0]] += 1
    assert replace(data, beside=changed).beside_scaling() != data.beside_scaling()
    nothing = np.where(np.arange(200) % 2 == 0, 1.0, 0.0)
    own = data.beside[(data.subsets == "train") & (nothing > 0)]
    np.testing.assert_allclose(replace(data, weights=nothing).beside_scaling().mean, own.mean(0))
    assert make_data(5).beside_scaling() is None
    assert data.without_test().beside_scaling() == data.beside_scaling()
    assert replace(data, beside=changed).digest() != data.digest()


# -- models ----------------------------------------------------------------------------------------


def test_test_rows_do_not_reach_a_trained_network():
    data = with_covariates()
    _, run = train(data)
    changed = data.beside.copy()
    test = data.subsets == "test"
    changed[test] = 1e5
    _, other = train(replace(data, beside=changed))
    for name, weight in run.state.items():
        np.testing.assert_array_equal(weight, other.state[name])
    np.testing.assert_array_equal(run.predictions[~test], other.predictions[~test])
    assert (run.predictions[test] != other.predictions[test]).all()


def test_each_fold_of_a_stack_has_its_own_second_input():
    one = with_covariates(100)
    other = replace(one, subsets=np.roll(one.subsets, 1))
    assert one.beside_scaling() != other.beside_scaling()
    config = TrainingConfig(epochs=2, device="cpu", seeds=[1], precision="64-true")
    fabric, _ = devices.make_fabric(config)
    model = ModelConfig(cell="gru", hidden_size=6)
    replicates = [Replicate(one, 1, 0), Replicate(other, 1, 1), Replicate(other, 2, 1)]
    together = training.train(model, config, replicates, fabric=fabric)
    for replicate, run in zip(replicates, together, strict=True):
        (alone,) = training.train(model, config, [replicate], fabric=fabric)
        np.testing.assert_allclose(run.predictions, alone.predictions, rtol=1e-9)


def test_units_of_a_covariate_do_not_matter():
    data = with_covariates()
    _, run = train(data, precision="64-true")
    _, other = train(replace(data, beside=data.beside * [1.8, 1e-3] + 32), precision="64-true")
    np.testing.assert_allclose(run.predictions, other.predictions, rtol=1e-9)


@pytest.mark.parametrize("make", [make_data, make_positions])
@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_a_model_predicts_from_its_folder(tmp_path, make, precision):
    data = with_covariates(100, make)
    model, run = train(data, precision=precision)
    scheme = models.InputScheme.fit(data.inputs, data.subsets == "train")
    scaling = data.beside_scaling()
    described = models.describe(
        "gru", model, scheme, data.task, vars(TargetScaling.of(data)), [run.summary()], scaling
    )
    assert described["beside"] == asdict(scaling) and described["n_beside"] == 2
    models.save(tmp_path, {0: (described, {1: run.state})})
    stored, _ = models.load(tmp_path)
    assert BesideScaling.from_dict(stored["beside"]) == scaling

    sequences = pd.Series(data.inputs.decode(), index=[f"p{row}" for row in range(100)])
    table = pd.DataFrame(data.beside[:, ::-1], columns=["salt", "warm"], index=sequences.index)
    table["remark"] = "not looked at"
    predicted = predict(tmp_path, sequences, table)
    assert predicted.to_numpy() == pytest.approx(run.predictions, abs=1e-5)
    # a few alone, in another order, and as text
    order = sequences.index[[40, 3, 77]]
    few = predict(tmp_path, sequences[order], table.loc[order].astype(str))
    expected = pd.concat([predicted.loc[[name]] for name in order])
    assert few.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    table["warm"] += 5
    assert (predict(tmp_path, sequences, table).to_numpy() != predicted.to_numpy()).all()

    with pytest.raises(InputError, match=r"no column 'warm' \(did you mean 'warmth'\?\)"):
        predict(tmp_path, sequences, table.rename(columns={"warm": "warmth"}))
    with pytest.raises(InputError, match="trained with the covariates salt, warm"):
        predict(tmp_path, sequences)
    with pytest.raises(InputError, match="with the same index"):
        predict(tmp_path, sequences, table[:50])
    with pytest.raises(InputError, match="example p7: 'salt' is 'nan', not a number"):
        predict(tmp_path, sequences, table.assign(salt=table["salt"].mask(table.index == "p7")))


@pytest.mark.parametrize("name", ["linear", "boosting"])
def test_baselines_see_the_covariates(name):
    config = section("baselines", {name: BASELINES[name]})[name]
    data = with_covariates(400)
    test = data.subsets == "test"

    def error(own):
        predicted = baselines.fit_baseline(config, own).predictions[:, 0]
        return np.mean((predicted - data.targets)[test] ** 2)

    assert error(data) < 0.5 * error(replace(data, beside=None))
    per_position = with_covariates(60, make_positions)
    baselines.fit_baseline(config, per_position)
    # a value that is far off says what it says, and is not taken for the code of a letter
    seen = features.Features(config, per_position)
    units = np.arange(len(per_position.targets))
    columns = seen.of(units)
    scaled = per_position.beside_scaling().apply(per_position.beside)
    np.testing.assert_array_equal(columns[:, -2:], scaled[per_position.units])
    assert seen.categories(columns.shape[1]) == list(range(columns.shape[1] - 2))


@pytest.mark.parametrize("name", BASELINES)
def test_test_rows_do_not_reach_a_baseline(name):
    config = section("baselines", {name: BASELINES[name]})[name]
    data = with_covariates()
    test = data.subsets == "test"
    changed = data.beside.copy()
    changed[test] = -1e5
    one = baselines.fit_baseline(config, data).predictions
    other = baselines.fit_baseline(config, replace(data, beside=changed)).predictions
    np.testing.assert_array_equal(one[~test], other[~test])


def test_an_example_that_weighs_nothing_is_not_learned_from():
    data = make_data(200)
    weights = np.where(np.arange(200) % 3 == 0, 0.0, 2.0)
    nothing = (weights == 0) & (data.subsets != "test")
    spoiled = np.where(nothing, -data.targets - 50, data.targets)
    for name in BASELINES:
        config = section("baselines", {name: BASELINES[name]})[name]
        one, other = (
            baselines.fit_baseline(config, replace(data, targets=targets, weights=weights))
            for targets in (data.targets, spoiled)
        )
        np.testing.assert_allclose(one.predictions, other.predictions, rtol=1e-9)
    (_, one), (_, other) = (
        train(replace(data, targets=targets, weights=weights))
        for targets in (data.targets, spoiled)
    )
    np.testing.assert_array_equal(one.predictions, other.predictions)
    _, unweighted = train(data)
    assert (one.predictions != unweighted.predictions).any()
