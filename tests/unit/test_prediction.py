"""A trained model's folder is all that is needed to predict."""

import pandas as pd
import pytest
import torch
from biornn.files import InputError
from biornn.prediction import predict
from made_data import make_counts, make_data, make_labels, make_ordered
from trained_models import train_into


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_predictions_of_the_folder_are_those_of_the_training(tmp_path, precision):
    data = make_data(120)
    known = train_into(tmp_path, data, precision=precision)
    sequences = pd.Series(data.inputs.decode(), index=range(100, 220))
    torch.manual_seed(0)
    predicted = predict(tmp_path, sequences)
    assert predicted.index.equals(sequences.index)
    for seed, values in known.items():
        assert predicted[seed].to_numpy() == pytest.approx(values[:, 0], abs=1e-6)
    with pytest.raises(InputError, match="no letter of the rna alphabet"):
        predict(tmp_path, pd.Series(["ACGT"]))


@pytest.mark.parametrize(
    ("make", "loss"), [(make_data, "gaussian"), (make_labels, "auto"), (make_ordered, "auto"),
                       (make_counts, "auto")],
)  # fmt: skip
def test_every_head_predicts_from_its_folder(tmp_path, make, loss):
    data = make(60)
    known = train_into(tmp_path, data, seeds=(1,), loss=loss)
    predicted = predict(tmp_path, pd.Series(data.inputs.decode())).to_numpy()
    assert predicted == pytest.approx(known[1], abs=1e-5)
