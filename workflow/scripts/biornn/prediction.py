"""Prediction: a trained model on new sequences, from its folder alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from .alphabets import ALPHABETS
from .datasets import SequenceDataset
from .encoding import encode
from .models import infer, load
from .training import INFERENCE_BATCH, TargetScaling


def predict(folder: str | Path, sequences: pd.Series) -> pd.DataFrame:
    """Predict new sequences with every seed of a model.

    Parameters
    ----------
    folder
        A folder with `model.json` and `weights.safetensors`.
    sequences : pandas.Series
        Text in the model's alphabet, upper case.

    Returns
    -------
    pandas.DataFrame
        [sequences, seeds] in the target's unit, with the index of `sequences`.

    Raises
    ------
    InputError
        When a letter is not in the alphabet that the model was trained with.
    """
    description, networks = load(folder)
    encoded = encode(sequences, ALPHABETS[description["alphabet"]])
    scaling = TargetScaling(**description["target_scaling"])
    dataset = SequenceDataset(encoded, np.zeros(len(encoded)))
    rows = torch.arange(len(encoded))
    columns = {
        seed: scaling.unscale(
            infer(network, dataset.by_length(rows, INFERENCE_BATCH), len(encoded))
        )
        for seed, network in networks.items()
    }
    return pd.DataFrame(columns, index=sequences.index)
