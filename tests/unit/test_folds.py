"""One fold: what goes to a model, and what comes back."""

import numpy as np
import pandas as pd
import pytest
from biornn import encoding, expression, folds
from biornn.alphabets import RNA


@pytest.fixture
def files(tmp_path):
    table = pd.DataFrame(
        {"id": ["a", "NA", "c"], "sequence": ["AC", "G", "UUU"], "target": [1.0, 2.0, 3.0]}
    )
    table.to_parquet(tmp_path / "examples.parquet")
    encoding.save(encoding.encode(table["sequence"], RNA), tmp_path / "s.safetensors")
    splits = pd.DataFrame({"id": table["id"], "fold": 0, "subset": ["train", "validation", "test"]})
    splits.to_csv(tmp_path / "splits.tsv", sep="\t", index=False)
    return tmp_path / "examples.parquet", tmp_path / "s.safetensors", tmp_path / "splits.tsv"


def test_the_target_is_the_column(files):
    ids, data = folds.load_fold(*files, fold=0)
    assert ids.tolist() == ["a", "NA", "c"] and data.targets.tolist() == [1, 2, 3]
    assert data.encoded.decode() == ["AC", "G", "UUU"]
    assert data.rows("validation").tolist() == [1]


def test_the_target_is_the_expression_joined_by_id(files, tmp_path):
    values = pd.DataFrame({"log_ratio": [30.0, 10.0, 20.0]}, index=["c", "a", "NA"])
    expression.save_normalized(values, tmp_path / "n.h5ad")
    _, data = folds.load_fold(*files, fold=0, expression_path=tmp_path / "n.h5ad")
    assert data.targets.tolist() == [10, 20, 30]


def test_the_digest_sees_every_change(files):
    _, data = folds.load_fold(*files, fold=0)
    seen = {data.digest()}
    for change in ("encoded", "targets", "subsets"):
        other = {
            "encoded": encoding.encode(pd.Series(["AC", "GU", "UU"]), RNA),
            "targets": np.array([1.0, 2.0, 3.5]),
            "subsets": np.array(["train", "train", "test"]),
        }[change]
        seen.add(folds.FoldData(**(vars(data) | {change: other})).digest())
    assert len(seen) == 4


def test_predictions_have_a_row_for_every_example_and_seed(files):
    ids, data = folds.load_fold(*files, fold=0)
    table = folds.predictions_table(ids, 0, data, {3: np.arange(3.0), 4: np.ones(3)})
    assert list(table.columns) == ["id", "fold", "seed", "subset", "target", "prediction"]
    assert table[["id", "seed"]].to_numpy().tolist() == [
        ["a", 3], ["NA", 3], ["c", 3], ["a", 4], ["NA", 4], ["c", 4],
    ]  # fmt: skip
