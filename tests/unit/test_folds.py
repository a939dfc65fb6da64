"""One fold: what goes to a model, and what comes back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from biornn import encoding, examples, expression, folds, inputs
from biornn.alphabets import RNA
from biornn.files import InputError
from biornn.targets import NEXT_VALUE, REGRESSION, Task
from made_data import make_classes, make_labels, make_positions


@pytest.fixture
def files(tmp_path):
    table = pd.DataFrame(
        {"id": ["a", "NA", "c"], "sequence": ["AC", "G", "UUU"], "target": [1.0, 2.0, 3.0]}
    )
    table.to_parquet(tmp_path / "examples.parquet")
    encoding.save(encoding.encode(table["sequence"], RNA), tmp_path / "s.safetensors")
    examples.save_description(
        examples.Description("letters", "rna", REGRESSION), tmp_path / "examples.json"
    )
    splits = pd.DataFrame({"id": table["id"], "fold": 0, "subset": ["train", "validation", "test"]})
    splits.to_csv(tmp_path / "splits.tsv", sep="\t", index=False)
    names = ("examples.parquet", "examples.json", "s.safetensors", "splits.tsv")
    return [tmp_path / name for name in names]


def test_the_target_is_the_column(files):
    ids, data = folds.load_fold(*files, fold=0)
    assert ids.tolist() == ["a", "NA", "c"] and data.targets.tolist() == [1, 2, 3]
    assert data.inputs.decode() == ["AC", "G", "UUU"]
    assert data.rows("validation").tolist() == [1]


def test_the_target_is_the_expression_joined_by_id(files, tmp_path):
    values = pd.DataFrame({"log_ratio": [30.0, 10.0, 20.0]}, index=["c", "a", "NA"])
    expression.save_normalized({0: values}, tmp_path / "n.h5ad")
    _, data = folds.load_fold(*files, fold=0, expression_path=tmp_path / "n.h5ad")
    assert data.targets.tolist() == [10, 20, 30]


def test_the_digest_sees_every_change(files):
    _, data = folds.load_fold(*files, fold=0)
    seen = {data.digest()}
    for change in ("inputs", "targets", "subsets", "task", "weights", "beside"):
        other = {
            "inputs": encoding.encode(pd.Series(["AC", "GU", "UU"]), RNA),
            "targets": np.array([1.0, 2.0, 3.5]),
            "subsets": np.array(["train", "train", "test"]),
            "task": Task("regression", "position"),
            "weights": np.ones(3),
            "beside": np.ones((3, 1)),
        }[change]
        seen.add(folds.FoldData(**(vars(data) | {change: other})).digest())
    assert len(seen) == 7


def test_covariates_and_weights_are_those_of_the_table(files):
    table = examples.load(files[0])
    columns = {"covariate.b": [5.0, 6, 7], "covariate.a": [1.0, 2, 3], "weight": [0.5, 2, 0]}
    table.assign(**columns).to_parquet(files[0])
    examples.save_description(
        examples.Description("letters", "rna", REGRESSION, covariates=("a", "b")), files[1]
    )
    _, data = folds.load_fold(*files, fold=0)
    assert data.covariates == ("a", "b") and data.beside.tolist() == [[1, 5], [2, 6], [3, 7]]
    assert data.weights.tolist() == [0.5, 2, 0]


@pytest.mark.parametrize(
    ("weights", "said"), [([0.0, 1, 1], "fold 0 for training"), ([1.0, 0, 1], "for validation")]
)
def test_some_training_and_validation_examples_must_weigh_something(files, weights, said):
    examples.load(files[0]).assign(weight=weights).to_parquet(files[0])
    with pytest.raises(InputError, match=f"{said} have the weight zero"):
        folds.load_fold(*files, fold=0)


def test_predictions_have_a_row_for_every_example_and_seed(files):
    ids, data = folds.load_fold(*files, fold=0)
    table = folds.predictions_table(ids, 0, data, {3: np.arange(3.0)[:, None], 4: np.ones((3, 1))})
    assert list(table.columns) == ["id", "fold", "seed", "subset", "target", "prediction"]
    assert table[["id", "seed"]].to_numpy().tolist() == [
        ["a", 3], ["NA", 3], ["c", 3], ["a", 4], ["NA", 4], ["c", 4],
    ]  # fmt: skip


def test_probabilities_of_classes_have_a_column_each():
    data = make_classes(10)
    ids = pd.Series([f"e{i}" for i in range(10)])
    values = np.random.default_rng(0).dirichlet([1, 1, 1], size=10)
    table = folds.predictions_table(ids, 0, data, {1: values})
    columns = ["prediction.a", "prediction.c", "prediction.few"]
    assert list(table.columns) == ["id", "fold", "seed", "subset", "target", *columns]
    np.testing.assert_array_equal(table[columns].to_numpy(), values)
    assert [data.task.classes[code] for code in data.targets] == table["target"].tolist()


def test_labels_have_two_columns_each():
    data = make_labels(10)
    ids = pd.Series([f"e{i}" for i in range(10)])
    values = np.random.default_rng(0).random((10, 3))
    table = folds.predictions_table(ids, 0, data, {1: values})
    assert list(table.columns) == [
        "id", "fold", "seed", "subset", "target.a", "target.c", "target.g", "prediction.a",
        "prediction.c", "prediction.g",
    ]  # fmt: skip
    assert table[["target.a", "target.c", "target.g"]].to_numpy().tolist() == data.targets.tolist()
    assert data.labelled.all() and len(data.unit_rows("train")) == 6


def test_a_standard_deviation_has_a_column_of_its_own(files):
    ids, data = folds.load_fold(*files, fold=0)
    table = folds.predictions_table(ids, 0, data, {1: np.array([[1.0, 2], [3, 4], [5, 6]])})
    assert table["prediction"].tolist() == [1, 3, 5]
    assert table["prediction_sd"].tolist() == [2, 4, 6]


def test_the_next_value_is_made_of_the_inputs(tmp_path):
    table = pd.DataFrame({"id": ["a", "b"], "sequence": ["1 2 3", "5 7"]})
    table.to_parquet(tmp_path / "e.parquet")
    inputs.save(inputs.read_series(table["sequence"]), tmp_path / "s.safetensors")
    described = examples.Description("numbers", None, NEXT_VALUE)
    examples.save_description(described, tmp_path / "e.json")
    (tmp_path / "splits.tsv").write_text("id\tfold\tsubset\na\t0\ttrain\nb\t0\ttest\n")
    names = ("e.parquet", "e.json", "s.safetensors", "splits.tsv")
    ids, data = folds.load_fold(*(tmp_path / name for name in names), fold=0)
    np.testing.assert_array_equal(data.targets, [2, 3, np.nan, 7, np.nan])
    predicted = folds.predictions_table(ids, 0, data, {0: np.arange(5.0)[:, None]})
    assert predicted[["id", "position", "target", "prediction"]].to_numpy().tolist() == [
        ["b", 1, 7, 3]
    ]
    profile = {"method": "time", "target_gene": None, "genes": 3, "examples": "genes"}
    examples.save_description(
        examples.Description("profiles", None, NEXT_VALUE, profile), tmp_path / "e.json"
    )
    values = pd.DataFrame([[4.0, 5], [1, 2]], index=["b", "a"], columns=["t1", "t2"])
    expression.save_normalized({0: values}, tmp_path / "n.h5ad")
    _, data = folds.load_fold(
        tmp_path / "e.parquet", tmp_path / "e.json", None, tmp_path / "splits.tsv", 0,
        tmp_path / "n.h5ad",
    )  # fmt: skip
    np.testing.assert_array_equal(data.targets, [2, np.nan, 5, np.nan])


def test_the_weight_of_an_example_is_that_of_its_targets():
    weights = np.arange(5.0)
    one = replace(make_classes(5), weights=weights)
    assert one.unit_weights.tolist() == weights.tolist() and make_classes(5).unit_weights is None
    positions = replace(make_positions(5), weights=weights)
    assert positions.unit_weights.tolist() == np.repeat(weights, positions.inputs.lengths).tolist()


def test_positions_have_a_row_each_but_for_training_and_masked_ones(tmp_path):
    data = make_positions(10)
    ids = pd.Series([f"e{i}" for i in range(10)])
    values = np.random.default_rng(0).dirichlet([1, 1], size=len(data.targets))
    table = folds.predictions_table(ids, 0, data, {1: values, 2: values})
    table.to_parquet(tmp_path / "p.parquet")
    read = pd.read_parquet(tmp_path / "p.parquet")
    assert set(read["subset"]) == {"validation", "test"} and read["position"].min() == 2
    one = read[(read["id"] == "e3") & (read["seed"] == 2)]
    assert one["position"].tolist() == list(range(2, data.inputs.lengths[3] + 1))
    begin, end = data.inputs.offsets[3:5]
    np.testing.assert_array_equal(one["prediction.yes"], values[begin + 1 : end, 1])
    expected = [data.task.classes[code] for code in data.targets[begin + 1 : end]]
    assert one["target"].tolist() == expected


def test_a_gene_as_target_is_not_among_the_inputs(files, tmp_path):
    values = pd.DataFrame(
        {"g1": [1.0, 2, 3], "g2": [4.0, 5, 6], "g3": [7.0, 8, 9]}, index=["c", "a", "NA"]
    )
    expression.save_normalized({0: values}, tmp_path / "n.h5ad")
    profile = {"method": "time", "target_gene": "g2", "genes": 2, "examples": "samples"}
    for gene in ("g2", "g9"):
        described = examples.Description(
            "profiles", None, REGRESSION, profile | {"target_gene": gene}
        )
        examples.save_description(described, files[1])
        if gene == "g9":
            with pytest.raises(InputError, match="the normalisation has dropped g9 in fold 0"):
                folds.load_fold(*files, fold=0, expression_path=tmp_path / "n.h5ad")
            continue
        _, data = folds.load_fold(*files, fold=0, expression_path=tmp_path / "n.h5ad")
        assert data.targets.tolist() == [5, 6, 4]
        assert data.inputs.values[:, 0].tolist() == [2, 8, 3, 9, 1, 7]
