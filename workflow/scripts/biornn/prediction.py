"""Prediction: a trained model on new inputs, from its folder alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from . import familiarity, folds, models, temperatures
from .alphabets import ALPHABETS
from .beside import BesideScaling
from .config_models import ModelConfig
from .datasets import SequenceDataset
from .encoding import encode
from .files import InputError
from .folds import FoldData
from .inputs import Inputs, read_series
from .losses import Loss, TargetScaling
from .targets import Task
from .training import INFERENCE_BATCH


class Predictor:
    """The networks of all seeds of a model on one fold, stacked, and what they need of the world.

    Parameters
    ----------
    folder
        A folder with `model.json` and `weights.safetensors`.
    fold : int or None
        Which one, where the folder has several.

    Attributes
    ----------
    description : dict
        `model.json`, of this fold.
    seeds : list of int
    task : Task
    beside : BesideScaling or None
        How covariates are standardised.
    temperatures : list of float or None
        Of each seed; None where the model has none: its target is a number, or it was trained
        before they were kept.

    Raises
    ------
    InputError
        When the folder holds no network, or several folds and none is named.
    """

    def __init__(self, folder: str | Path, fold: int | None = None) -> None:
        folder = Path(folder)
        fold = folds.describe_fold(folder / models.DESCRIPTION, fold, first=False)["fold"]
        self.description, networks = models.load(folder, fold)
        self.seeds = list(networks)
        self.task = Task.from_dict(self.description["task"])
        config = ModelConfig.model_validate(self.description["architecture"])
        self.loss = Loss.of(self.task, config.loss)
        self._scaling = TargetScaling(**self.description["target_scaling"])
        second = self.description["beside"]
        self.beside = BesideScaling.from_dict(second) if second else None
        alone = list(networks.values())
        scheme = models.InputScheme.from_dict(self.description["inputs"])
        together = models.blank(
            config, [scheme] * len(alone), self.task, self.description["n_beside"]
        )
        self._dtype = next(alone[0].parameters()).dtype
        self._network = models.stack(alone, together.to(self._dtype)).eval()
        self.temperatures = temperatures.of_seeds(self.description, self.seeds)

    @property
    def alphabet(self) -> str | None:
        """Name of the alphabet; None where the inputs are numbers."""
        return self.description["inputs"]["alphabet"]

    @property
    def per_position(self) -> bool:
        """Whether each position has a prediction."""
        return self.task.per == "position"

    def values(
        self, inputs: Inputs, beside: np.ndarray | None = None, *, calibrated: bool = True
    ) -> np.ndarray:
        """What each seed predicts.

        Parameters
        ----------
        inputs : EncodedSequences, Series or RankedGenes
            [n]
        beside : numpy.ndarray or None
            float [n, covariates], standardised.
        calibrated : bool
            Whether probabilities are those of the fitted temperatures, where there are such.

        Returns
        -------
        numpy.ndarray
            float64 [seeds, targets, values]: a target an input, or one for each of its positions;
            numbers in the target's unit (and their standard deviation, where the model says it),
            or the probability of each class or label.
        """
        n = int(inputs.offsets[-1]) if self.per_position else len(inputs)
        if not len(inputs):
            width = 2 if self.loss.kind == "gaussian" else self.task.n_values
            return np.zeros((len(self.seeds), 0, width))
        # the targets are not known, and nothing looks at them
        data = FoldData(inputs, np.zeros(n), np.full(len(inputs), "test"), self.task, beside=beside)
        dataset = SequenceDataset([data] * len(self.seeds), dtype=self._dtype)
        rows = [torch.arange(len(inputs))] * len(self.seeds)
        outputs = models.infer(self._network, dataset.by_length(rows, INFERENCE_BATCH), n)
        fitted = self.temperatures if calibrated else None
        return self.loss.to_predictions(outputs, self._scaling, fitted)

    def warnings(self, inputs: Inputs, covariates: np.ndarray | None = None) -> list[str]:
        """Why each input is unlike the training inputs; empty texts where it is not.

        `covariates` are float [n, covariates] as they came.
        """
        summary = self.description.get("training_inputs")
        if summary is None:
            return [""] * len(inputs)
        return familiarity.warnings(summary, inputs, covariates)

    @property
    def notes(self) -> list[str]:
        """What a user of this model has to know, a sentence each."""
        notes = []
        if self.task.kind != "regression" and not self.temperatures:
            notes.append(
                "The model has no temperatures (it was trained by an older version): probabilities "
                "are not calibrated."
            )
        if "training_inputs" not in self.description:
            notes.append(
                "The model says nothing of its training inputs (it was trained by an older "
                "version): unusual inputs are not noticed."
            )
        if self.description["kind"] == "control":
            notes.append("The model is a control: it was trained on shuffled targets.")
        return notes


def predict(
    folder: str | Path,
    sequences: pd.Series,
    covariates: pd.DataFrame | None = None,
    fold: int | None = None,
) -> pd.DataFrame:
    """Predict new sequences with every seed of a model; probabilities are not calibrated.

    Parameters
    ----------
    folder
        A folder with `model.json` and `weights.safetensors`.
    sequences : pandas.Series
        Text in the model's alphabet, upper case; or numbers with spaces between.
    covariates : pandas.DataFrame or None
        Numbers beside the sequences, with the index of `sequences`, where the model was trained
        with such: they are standardised as they were in training. Other columns are not looked at.
    fold : int or None
        Which one, where the folder has several.

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
    predictor = Predictor(folder, fold)
    beside = _beside(predictor.beside, sequences, covariates)
    alphabet = predictor.alphabet
    inputs: Inputs = encode(sequences, ALPHABETS[alphabet]) if alphabet else read_series(sequences)
    values = predictor.values(inputs, beside, calibrated=False)
    columns: dict[Any, np.ndarray] = {}
    for seed, own in zip(predictor.seeds, values, strict=True):
        if predictor.task.kind == "regression":
            columns[seed] = own[:, 0]
            if predictor.loss.kind == "gaussian":
                columns[seed, "sd"] = own[:, 1]
        else:
            classes = predictor.task.classes
            columns |= {(seed, label): own[:, at] for at, label in enumerate(classes)}
    index = sequences.index
    if predictor.per_position:
        index = pd.MultiIndex.from_arrays(
            [index.repeat(inputs.lengths), positions_of(inputs.lengths)]
        )
    return pd.DataFrame(columns, index=index)


def positions_of(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """int64 [total]: the number of each position within its input; the first is 1."""
    lengths = np.asarray(lengths)
    ends = np.cumsum(lengths)
    return np.arange(1, lengths.sum() + 1) - np.repeat(ends - lengths, lengths)


def _beside(
    scaling: BesideScaling | None, sequences: pd.Series, covariates: pd.DataFrame | None
) -> np.ndarray | None:
    """The second input, standardised with the numbers that are stored with the model."""
    if scaling is None:
        return None
    if covariates is None:
        covariates = pd.DataFrame(index=sequences.index)
    elif not covariates.index.equals(sequences.index):
        raise InputError(
            f"{len(covariates)} rows of covariates do not fit {len(sequences)} sequences: give one "
            "for each, with the same index."
        )
    return scaling.of_table(covariates)
