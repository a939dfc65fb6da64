"""Baselines: the simple models that a network must beat, on the same split and contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.metrics import mean_poisson_deviance
from threadpoolctl import threadpool_limits

from .beside import stored
from .config_expression import ExpressionConfig
from .config_models import (
    Baseline,
    BoostingBaseline,
    LinearBaseline,
    MeanBaseline,
    NearestBaseline,
    PersistenceBaseline,
)
from .examples import Examples
from .expression import Normalizer
from .features import Features
from .files import InputError
from .folds import FoldData
from .inputs import Series
from .neighbors import copied
from .targets import REGRESSION, Task

#: Positions that a baseline is fitted on; more are drawn from at random. Letters of a window are
#: few features, which more positions don't improve.
MAX_POSITIONS = 200_000
#: Elements of a design matrix that is held whole: 512 MiB of float64.
MAX_ELEMENTS = 2**26


@dataclass(frozen=True)
class FittedBaseline:
    """What a baseline says.

    Attributes
    ----------
    predictions : numpy.ndarray
        float64 [targets, values]: in the target's unit, or probabilities of classes or labels.
    chosen : dict
        What was chosen on the validation rows.
    """

    predictions: np.ndarray
    chosen: dict[str, Any] = field(default_factory=dict)


def fit_baseline(
    config: Baseline, data: FoldData, threads: int = 1, fold: int = 0
) -> FittedBaseline:
    """Fit on the training rows, choose on the validation rows, predict every row.

    Linear models and boosting see the second input too, standardised as for the networks; the mean
    and the present value have no use for it, and the nearest neighbour only where the inputs are
    numbers. The mean, linear models and boosting heed the weights of the examples.

    With `shuffle_labels` the targets are shuffled within each subset, in the fold's own order, as
    for a network.
    """
    if config.shuffle_labels:
        data = replace(data, targets=data.shuffled(data.targets, 0, fold))
    with threadpool_limits(limits=threads):
        if isinstance(config, MeanBaseline):
            return _fit_mean(data)
        if isinstance(config, PersistenceBaseline):
            assert data.task.next_value and isinstance(data.inputs, Series)
            return FittedBaseline(data.inputs.values[:, :1].astype(np.float64))
        if isinstance(config, NearestBaseline):
            return _fit_nearest(config, data, threads)
        features = Features(config, data)
        if isinstance(config, LinearBaseline):
            return _fit_linear(config, data, features)
        return _fit_boosting(config, data, features)


def _loss(data: FoldData, predictions: np.ndarray, units: np.ndarray) -> float:
    """Mean loss of some targets: squared error, Poisson deviance or cross entropy."""
    task, targets, weights = data.task, data.targets[units], _weights(data, units)
    if task.counts:
        return float(mean_poisson_deviance(targets, predictions[:, 0], sample_weight=weights))
    if task.kind == "regression":
        losses = (predictions[:, 0] - targets) ** 2
    elif task.kind == "multilabel":
        given = np.where(targets == 1, predictions, 1 - predictions)
        losses = -np.log(np.maximum(given, 1e-12)).mean(axis=1)
    else:
        losses = -np.log(np.maximum(predictions[np.arange(len(targets)), targets], 1e-12))
    return float(np.average(losses, weights=weights))


def _weights(data: FoldData, units: np.ndarray) -> np.ndarray | None:
    return None if data.weights is None else data.weights[data.units[units]]


def _fit_mean(data: FoldData) -> FittedBaseline:
    units, n, task = data.unit_rows("train"), len(data.targets), data.task
    train, weights = data.targets[units], _weights(data, units)
    if task.kind == "regression":
        mean = float(np.average(train, weights=weights))
        return FittedBaseline(np.full((n, 1), mean), {"mean": mean})
    truth = train if task.kind == "multilabel" else np.eye(len(task.classes))[train]
    shares = np.average(truth, axis=0, weights=weights)
    chosen = dict(zip(task.classes, map(float, shares), strict=True))
    return FittedBaseline(np.tile(shares, (n, 1)), {"shares": chosen})


def _training_units(data: FoldData) -> np.ndarray:
    units = data.unit_rows("train")
    if data.per_position and len(units) > MAX_POSITIONS:
        units = np.sort(np.random.default_rng(0).choice(units, MAX_POSITIONS, replace=False))
    return units


class _LabelByLabel:
    """One classifier for each label; a label that all training rows agree on needs none."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._models: list[Any] = []

    def fit(self, x: np.ndarray, y: np.ndarray, **options: Any) -> None:
        """`y` [n, labels]; options as for one classifier, `y_val` [n, labels]."""
        judged = options.pop("y_val", None)
        for at, of_label in enumerate(y.T):
            if np.ptp(of_label) == 0:
                self._models.append(of_label[0])
                continue
            own = {} if judged is None else {"y_val": judged[:, at]}
            self._models.append(self._make().fit(x, of_label, **options, **own))

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """float64 [n, labels]"""
        of_each = [
            np.full(len(x), model) if isinstance(model, float) else model.predict_proba(x)[:, 1]
            for model in self._models
        ]
        return np.column_stack(of_each)

    @property
    def n_iter_(self) -> list[int]:
        """Of each label."""
        return [getattr(model, "n_iter_", 0) for model in self._models]


def _for_labels(task: Task, make: Callable[[], Any]) -> Any:
    return _LabelByLabel(make) if task.kind == "multilabel" else make()


def _predict(model: Any, task: Task, features: np.ndarray) -> np.ndarray:
    if task.kind == "regression":
        return model.predict(features)[:, None]
    if task.kind == "multilabel":
        return model.predict_proba(features)
    values = np.zeros((len(features), len(task.classes)))
    # a class that is not in the training rows is given no chance
    values[:, model.classes_] = model.predict_proba(features)
    return values


def _predict_all(model: Any, data: FoldData, features: Features) -> np.ndarray:
    parts = features.chunks(np.arange(len(data.targets)))
    return np.concatenate([_predict(model, data.task, part) for part in parts])


def _linear(task: Task, penalty: float, n: int) -> Any:
    if task.counts:
        # scikit-learn takes the mean of the losses here, and their sum elsewhere
        return PoissonRegressor(alpha=penalty / n, max_iter=1000)
    if task.kind == "regression":
        return Ridge(alpha=penalty)
    return LogisticRegression(C=1 / penalty, max_iter=1000)


@dataclass(frozen=True)
class _Line:
    """A linear model that is fitted."""

    slopes: np.ndarray
    intercept: float

    def predict(self, x: np.ndarray) -> np.ndarray:
        """float64 [n]"""
        return x @ self.slopes + self.intercept


class _Ridge:
    """Ridge regression of any penalty from sums over the rows, which are looked at in parts.

    (Xᵀ X + α) b = Xᵀ y with X and y less their means: what `Ridge` solves where there are more rows
    than columns, to rounding.
    """

    def __init__(self, data: FoldData, features: Features, train: np.ndarray) -> None:
        columns = features.width()
        self._gram, self._product = np.zeros((columns, columns)), np.zeros(columns)
        self._means, total, self._mean = np.zeros(columns), 0.0, 0.0
        for units in features.parts(train):
            x, y, weights = features.of(units), data.targets[units], _weights(data, units)
            own = np.ones(len(units)) if weights is None else weights
            root = np.sqrt(own)
            x, y = x * root[:, None] if weights is not None else x, y * root
            self._gram += x.T @ x
            self._product += x.T @ y
            self._means += root @ x
            self._mean += float(root @ y)
            total += float(own.sum())
        self._means /= total
        self._mean /= total
        self._gram -= total * np.outer(self._means, self._means)
        self._product -= total * self._mean * self._means

    def line(self, penalty: float) -> _Line:
        """The model of a penalty."""
        gram = self._gram.copy()
        gram[np.diag_indices_from(gram)] += penalty
        slopes = linalg.solve(gram, self._product, assume_a="pos", overwrite_a=True)
        return _Line(slopes, self._mean - float(self._means @ slopes))


def _fit_linear(config: LinearBaseline, data: FoldData, features: Features) -> FittedBaseline:
    train, validation = _training_units(data), data.unit_rows("validation")
    columns, task, weights = features.width(), data.task, _weights(data, train)
    sums = x = None
    large = len(train) > columns and len(train) * columns > MAX_ELEMENTS
    if large and task.kind == "regression" and not task.counts:
        sums = _Ridge(data, features, train)
    else:
        x = features.of(train)
    best: tuple[float, float, Any] | None = None
    for penalty in config.penalties:
        if sums is not None:
            model: Any = sums.line(penalty)
        else:
            model = _for_labels(task, partial(_linear, task, penalty, len(train)))
            model.fit(x, data.targets[train], sample_weight=weights)
        said = [_predict(model, task, part) for part in features.chunks(validation)]
        loss = _loss(data, np.concatenate(said), validation)
        if best is None or loss < best[0]:
            best = (loss, penalty, model)
    assert best is not None  # the config asks for at least one penalty
    chosen = {"penalty": best[1], "n_features": columns} | _k_of(features)
    return FittedBaseline(_predict_all(best[2], data, features), chosen)


def _k_of(features: Features) -> dict[str, int]:
    return {} if features.k is None else {"k": features.k}


def _fit_boosting(config: BoostingBaseline, data: FoldData, features: Features) -> FittedBaseline:
    train, validation, task = _training_units(data), data.unit_rows("validation"), data.task
    x = features.of(train)
    number = task.kind == "regression"
    make = partial(
        HistGradientBoostingRegressor if number else HistGradientBoostingClassifier,
        learning_rate=config.learning_rate,
        max_iter=config.max_iterations,
        max_leaf_nodes=config.max_leaves,
        # the code of each position as a category
        categorical_features=features.categories(x.shape[1]),
        early_stopping=True,
        random_state=0,
        **({"loss": "poisson"} if task.counts else {}),
    )
    if task.kind == "classification":  # it can't judge a class that it has not seen
        validation = validation[np.isin(data.targets[validation], data.targets[train])]
    model = _for_labels(task, make)
    weights = {"sample_weight": _weights(data, train)}
    if data.weights is not None:
        weights["sample_weight_val"] = _weights(data, validation)
    model.fit(
        x, data.targets[train], X_val=features.of(validation), y_val=data.targets[validation],
        **weights,
    )  # fmt: skip
    chosen = {"iterations": model.n_iter_} | _k_of(features)
    return FittedBaseline(_predict_all(model, data, features), chosen)


#: Weights of the neighbour's answer beside what training has on the whole: at least one half, so
#: that the most probable class stays the neighbour's.
_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def _fit_nearest(config: NearestBaseline, data: FoldData, threads: int) -> FittedBaseline:
    """A number is that of the neighbour. A neighbour that is wrong about a class or a count costs a
    probability without end: there the answer is mixed with the mean of training, by the weight
    that has the lowest loss on the validation rows.
    """
    whole = _fit_mean(data).predictions
    values, references = copied(data, whole, config, threads)
    chosen: dict[str, Any] = {"references": references}
    if data.task.kind == "regression" and not data.task.counts:
        return FittedBaseline(values, chosen)
    validation = data.unit_rows("validation")
    mixed = {share: share * values + (1 - share) * whole for share in _SHARES}
    best = min(mixed, key=lambda share: _loss(data, mixed[share][validation], validation))
    return FittedBaseline(mixed[best], chosen | {"share": best})


def replicate_predictions(
    table: pd.DataFrame, replicate: Examples, config: ExpressionConfig | None
) -> np.ndarray:
    """What a second measurement says of each example: the noise ceiling.

    Parameters
    ----------
    table : pandas.DataFrame
        `examples.parquet` of the analysis.
    replicate : Examples
        The second measurement.
    config : ExpressionConfig or None
        Normalisation of its counts. Fitted on the replicate's own rows: it is another experiment
        with a scale of its own, and no model sees it.

    Returns
    -------
    numpy.ndarray
        float64 [examples, 1]; NaN where the replicate does not have the sequence with the same
        covariates. What the replicate measured more than once counts with its mean.
    """
    again = replicate.table
    task = replicate.description.task
    if task != REGRESSION:
        raise InputError(
            "replicate: a second measurement is for a number a sequence, not for classes or counts."
        )
    if config is None:
        values = again["target"]
    else:
        assert replicate.counts is not None  # read with the same expression section
        everything = np.ones(len(again), dtype=bool)
        normalizer = Normalizer(config.normalization)
        normalizer.fit(replicate.counts, everything, again["sequence"])
        values = normalizer.transform(replicate.counts).iloc[:, 0]
    # the same letters at another temperature are another thing that was measured
    same = ["sequence", *stored(replicate.description.covariates)]
    means = again[same].assign(said=values.to_numpy()).groupby(same, as_index=False)["said"].mean()
    return table[same].merge(means, how="left", on=same)["said"].to_numpy(np.float64)[:, None]
