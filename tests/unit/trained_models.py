"""Trained models in folders, as the workflow leaves them, small enough to make in a test."""

from biornn import devices, familiarity, models, temperatures, training
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.losses import TargetScaling
from biornn.runs import Replicate


def train_into(
    folder, data, *, seeds=(1, 2), epochs=2, folds=(0,), more=None, precision="32-true", **settings
):
    """Train a model on the fold's data and save it; returns what training predicted, by seed."""
    model = ModelConfig(**{"cell": "gru", "hidden_size": 6} | settings)
    config = TrainingConfig(seeds=list(seeds), epochs=epochs, device="cpu", precision=precision)
    fabric, _ = devices.make_fabric(config)
    trained = {}
    for fold in folds:
        replicates = [Replicate(data, seed, fold) for seed in config.seeds]
        runs = training.train(model, config, replicates, fabric=fabric)
        description = models.describe(
            "gru",
            model,
            models.InputScheme.fit(data.inputs, data.subsets == "train"),
            data.task,
            vars(TargetScaling.of(data)),
            [run.summary() for run in runs],
            data.beside_scaling(),
        )
        description["temperatures"] = {
            str(run.seed): temperatures.fit_fold(data, run.predictions) for run in runs
        }
        description["training_inputs"] = familiarity.summarize(data)
        description |= more or {}
        trained[fold] = (description, {run.seed: run.state for run in runs})
    models.save(folder, trained)
    return {run.seed: run.predictions for run in runs}
