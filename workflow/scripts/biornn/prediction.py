"""Prediction: a trained model on new sequences, from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from .alphabets import ALPHABETS
from .beside import BesideScaling
from .config_models import ModelConfig
from .datasets import SequenceDataset
from .encoding import encode
from .files import InputError
from .folds import FoldData
from .inputs import Inputs, read_series
from .losses import Loss, TargetScaling
from .models import infer, load
from .targets import Task
from .training import INFERENCE_BATCH


def predict(
    folder: str | Path, sequences: pd.Series, covariates: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Predict new sequences with every seed of a model.

    Parameters
    ----------
    folder
        A folder with `model.json` and `weights.safetensors`.
    sequences : pandas.Series
        Text in the model's alphabet, upper case; or numbers with spaces between.
    covariates : pandas.DataFrame or None
        Numbers beside the sequences, with the index of `sequences`, where the model was trained
        with such: they are standardised as they were in training. Other columns are not looked at.

    Returns
    -------
    pandas.DataFrame
        A column a seed, in the target's unit, and where the model predicts a standard deviation a
        column `(seed, "sd")`; for classes and labels a column for each seed and class, with
        probabilities. The index is that of `sequences`, with the position (the first is 1) beside
        it where each position has a prediction.

    Raises
    ------
    InputError
        When a letter is not in the alphabet that the model was trained with, or a covariate that it
        was trained with is not there.
    """
    description, networks = load(folder)
    beside = _beside(description, sequences, covariates)
    alphabet = description["inputs"]["alphabet"]
    inputs: Inputs = encode(sequences, ALPHABETS[alphabet]) if alphabet else read_series(sequences)
    task = Task.from_dict(description["task"])
    loss = Loss.of(task, ModelConfig.model_validate(description["architecture"]).loss)
    scaling = TargetScaling(**description["target_scaling"])
    per_position = task.per == "position"
    n = int(inputs.offsets[-1]) if per_position else len(inputs)
    # the targets are not known, and nothing looks at them
    data = FoldData(inputs, np.zeros(n), np.full(len(inputs), "test"), task, beside=beside)
    dtype = next(next(iter(networks.values())).parameters()).dtype
    dataset = SequenceDataset([data], dtype=dtype)
    rows = torch.arange(len(inputs))
    columns = {}
    for seed, network in networks.items():
        (outputs,) = infer(network, dataset.by_length([rows], INFERENCE_BATCH), n)
        values = loss.to_predictions(outputs, scaling)
        if task.kind == "regression":
            columns[seed] = values[:, 0]
            if loss.kind == "gaussian":
                columns[seed, "sd"] = values[:, 1]
        else:
            columns |= {(seed, label): values[:, at] for at, label in enumerate(task.classes)}
    index = sequences.index
    if per_position:
        lengths = inputs.lengths
        positions = np.concatenate([np.arange(1, length + 1) for length in lengths])
        index = pd.MultiIndex.from_arrays([index.repeat(lengths), positions])
    return pd.DataFrame(columns, index=index)


def _beside(
    description: dict[str, Any], sequences: pd.Series, covariates: pd.DataFrame | None
) -> np.ndarray | None:
    """The second input, standardised with the numbers that are stored with the model."""
    if description["beside"] is None:
        return None
    if covariates is None:
        covariates = pd.DataFrame(index=sequences.index)
    elif not covariates.index.equals(sequences.index):
        raise InputError(
            f"{len(covariates)} rows of covariates do not fit {len(sequences)} sequences: give one "
            "for each, with the same index."
        )
    return BesideScaling.from_dict(description["beside"]).of_table(covariates)
