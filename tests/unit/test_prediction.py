"""A trained model's folder is all that is needed to predict."""

import pandas as pd
import pytest
import torch
from biornn import models, training
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import InputError
from biornn.prediction import predict
from made_data import make_counts, make_data, make_labels, make_ordered


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_predictions_of_the_folder_are_those_of_the_training(tmp_path, precision):
    data = make_data(120)
    model = ModelConfig(cell="gru", hidden_size=6)
    config = TrainingConfig(seeds=[1, 2], epochs=2, device="cpu", precision=precision)
    fabric, _ = training.make_fabric(config)
    scaling = training.TargetScaling.fit(data.targets[data.subsets == "train"])
    runs = [
        training.train(model, config, data, seed, fabric=fabric, scaling=scaling)
        for seed in config.seeds
    ]
    description = models.describe(
        "gru",
        model,
        models.InputScheme.fit(data.inputs, data.subsets == "train"),
        data.task,
        vars(scaling),
        [run.summary() for run in runs],
    )
    models.save(tmp_path, {0: (description, {run.seed: run.state for run in runs})})
    sequences = pd.Series(data.inputs.decode(), index=range(100, 220))
    torch.manual_seed(0)
    predicted = predict(tmp_path, sequences)
    assert predicted.index.equals(sequences.index)
    for run in runs:
        assert predicted[run.seed].to_numpy() == pytest.approx(run.predictions[:, 0], abs=1e-6)
    with pytest.raises(InputError, match="no letter of the rna alphabet"):
        predict(tmp_path, pd.Series(["ACGT"]))


@pytest.mark.parametrize(
    ("make", "loss"), [(make_data, "gaussian"), (make_labels, "auto"), (make_ordered, "auto"),
                       (make_counts, "auto")],
)  # fmt: skip
def test_every_head_predicts_from_its_folder(tmp_path, make, loss):
    data = make(60)
    model = ModelConfig(cell="gru", hidden_size=6, loss=loss)
    config = TrainingConfig(seeds=[1], epochs=2, device="cpu")
    fabric, _ = training.make_fabric(config)
    scaling = training.TargetScaling.of(data)
    run = training.train(model, config, data, 1, fabric=fabric, scaling=scaling)
    scheme = models.InputScheme.fit(data.inputs, data.subsets == "train")
    described = models.describe("gru", model, scheme, data.task, vars(scaling), [run.summary()])
    models.save(tmp_path, {0: (described, {1: run.state})})
    predicted = predict(tmp_path, pd.Series(data.inputs.decode())).to_numpy()
    assert predicted == pytest.approx(run.predictions, abs=1e-5)
