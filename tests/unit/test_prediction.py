"""A trained model's folder is all that is needed to predict."""

import pandas as pd
import pytest
import torch
from biornn import devices, models, training
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import InputError
from biornn.losses import TargetScaling
from biornn.prediction import predict
from biornn.runs import Replicate
from made_data import make_counts, make_data, make_labels, make_ordered


@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_predictions_of_the_folder_are_those_of_the_training(tmp_path, precision):
    data = make_data(120)
    model = ModelConfig(cell="gru", hidden_size=6)
    config = TrainingConfig(seeds=[1, 2], epochs=2, device="cpu", precision=precision)
    fabric, _ = devices.make_fabric(config)
    replicates = [Replicate(data, seed) for seed in config.seeds]
    runs = training.train(model, config, replicates, fabric=fabric)
    description = models.describe(
        "gru",
        model,
        models.InputScheme.fit(data.inputs, data.subsets == "train"),
        data.task,
        vars(TargetScaling.of(data)),
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
    fabric, _ = devices.make_fabric(config)
    scaling = TargetScaling.of(data)
    (run,) = training.train(model, config, [Replicate(data, 1)], fabric=fabric)
    scheme = models.InputScheme.fit(data.inputs, data.subsets == "train")
    described = models.describe("gru", model, scheme, data.task, vars(scaling), [run.summary()])
    models.save(tmp_path, {0: (described, {1: run.state})})
    predicted = predict(tmp_path, pd.Series(data.inputs.decode())).to_numpy()
    assert predicted == pytest.approx(run.predictions, abs=1e-5)
