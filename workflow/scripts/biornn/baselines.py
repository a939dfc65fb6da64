"""Baselines: the simple models that a network must beat, on the same split and contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from .config_data import ExpressionConfig
from .config_models import Baseline, BoostingBaseline, MeanBaseline, RidgeBaseline
from .encoding import EncodedSequences, one_hot
from .examples import Examples
from .expression import Normalizer
from .files import InputError
from .folds import FoldData

#: A design matrix with more columns does not fit beside others on a common machine.
MAX_FEATURES = 20_000


@dataclass(frozen=True)
class FittedBaseline:
    """Predictions float64 [n] in the target's unit, and what was chosen on the validation rows."""

    predictions: np.ndarray
    chosen: dict[str, Any] = field(default_factory=dict)


def fit_baseline(config: Baseline, data: FoldData, threads: int = 1) -> FittedBaseline:
    """Fit on the training rows, choose on the validation rows, predict every row."""
    with threadpool_limits(limits=threads):
        if isinstance(config, MeanBaseline):
            mean = float(data.targets[data.subsets == "train"].mean())
            return FittedBaseline(np.full(len(data.targets), mean), {"mean": mean})
        if isinstance(config, RidgeBaseline):
            return _fit_ridge(config, data)
        return _fit_boosting(config, data)


def design_matrix(encoded: EncodedSequences, features: str) -> np.ndarray:
    """One-hot letters, and for pairs of positions the products of their one-hot vectors.

    Parameters
    ----------
    encoded : EncodedSequences
        Shorter sequences are padded with zeros at the end.
    features : str
        `additive`: letters. `neighbor`: and pairs of adjacent positions. `pairwise`: and all pairs.

    Returns
    -------
    numpy.ndarray
        float64 [n, columns].

    Raises
    ------
    InputError
        When there would be more than `MAX_FEATURES` columns.
    """
    letters = one_hot(encoded).astype(np.float64)  # [n, length, channel]
    n, length, channels = letters.shape
    first, second = np.triu_indices(length, k=1)
    if features == "additive":
        first, second = first[:0], second[:0]
    elif features == "neighbor":
        adjacent = second - first == 1
        first, second = first[adjacent], second[adjacent]
    columns = length * channels + len(first) * channels**2
    if columns > MAX_FEATURES:
        raise InputError(
            f"ridge with {features} features needs {columns} columns for sequences of {length} "
            f"letters (at most {MAX_FEATURES}). Use features: additive."
        )
    pairs = np.einsum("npi,npj->npij", letters[:, first], letters[:, second])
    return np.hstack([letters.reshape(n, -1), pairs.reshape(n, -1)])


def _fit_ridge(config: RidgeBaseline, data: FoldData) -> FittedBaseline:
    features = design_matrix(data.encoded, config.features)
    train, validation = data.subsets == "train", data.subsets == "validation"
    best: tuple[float, float, np.ndarray] | None = None
    for penalty in config.penalties:
        model = Ridge(alpha=penalty).fit(features[train], data.targets[train])
        predictions = model.predict(features)
        loss = float(np.mean((predictions - data.targets)[validation] ** 2))
        if best is None or loss < best[0]:
            best = (loss, penalty, predictions)
    assert best is not None  # the config asks for at least one penalty
    return FittedBaseline(best[2], {"penalty": best[1], "n_features": features.shape[1]})


def _fit_boosting(config: BoostingBaseline, data: FoldData) -> FittedBaseline:
    # the code of each position as a category; padding is a category of its own
    padding = len(data.encoded.alphabet.codes)
    codes = data.encoded.padded(fill=padding).astype(np.float64)
    train, validation = data.subsets == "train", data.subsets == "validation"
    model = HistGradientBoostingRegressor(
        learning_rate=config.learning_rate,
        max_iter=config.max_iterations,
        max_leaf_nodes=config.max_leaves,
        categorical_features=list(range(codes.shape[1])),
        early_stopping=True,
        random_state=0,
    )
    model.fit(
        codes[train], data.targets[train], X_val=codes[validation], y_val=data.targets[validation]
    )
    return FittedBaseline(model.predict(codes), {"iterations": int(model.n_iter_)})


def replicate_predictions(
    sequences: pd.Series, replicate: Examples, config: ExpressionConfig | None
) -> np.ndarray:
    """What a second measurement says of each example: the noise ceiling.

    Parameters
    ----------
    sequences : pandas.Series
        Sequence of each example of the analysis.
    replicate : Examples
        The second measurement.
    config : ExpressionConfig or None
        Normalisation of its counts. Fitted on the replicate's own rows: it is another experiment
        with a scale of its own, and no model sees it.

    Returns
    -------
    numpy.ndarray
        float64 [examples]; NaN where the replicate does not have the sequence. A sequence that the
        replicate measured more than once counts with its mean.
    """
    table = replicate.table
    if config is None:
        values = table["target"]
    else:
        assert replicate.counts is not None  # read with the same expression section
        everything = np.ones(len(table), dtype=bool)
        normalizer = Normalizer(config.normalization)
        normalizer.fit(replicate.counts, everything, table["sequence"])
        values = normalizer.transform(replicate.counts).iloc[:, 0]
    means = values.groupby(table["sequence"].to_numpy()).mean()
    return means.reindex(sequences).to_numpy(dtype=np.float64)
