"""Calibration: do predictions mean what they say, and would one temperature mend it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from . import temperatures
from .class_metrics import bins_of_equal_mass, calibration_error
from .class_samples import ClassSample, LabelSample
from .number_samples import NumberSample
from .sampling import Sample
from .statistics import Group

CALIBRATION_COLUMNS = ["model", "kind", "scaled", "bin", "predicted", "observed", "n"]
TEMPERATURE_COLUMNS = [
    "model", "kind", "fold", "seed", "temperature", "ece", "ece_scaled", "log_loss",
    "log_loss_scaled", "n_validation", "n",
]  # fmt: skip
#: Bins of a reliability curve.
BINS = 10


def scaled(sample: Sample, probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities of another temperature, of the same shape; see `temperatures.scaled`."""
    return temperatures.scaled(probabilities, temperature, labels=_of_labels(sample))


def log_loss(sample: Sample, probabilities: np.ndarray) -> float:
    """Mean log loss of probabilities of one seed, of classes [n, classes] or labels, in nats."""
    return temperatures.log_loss(sample.target, probabilities, labels=_of_labels(sample))


def temperature(sample: Sample, probabilities: np.ndarray) -> float:
    """The temperature of the lowest log loss on this sample; see `temperatures.fit`."""
    return temperatures.fit(sample.target, probabilities, labels=_of_labels(sample))


def _of_labels(sample: Sample) -> bool:
    return isinstance(sample, LabelSample)


def _confidences(sample: Sample, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What was said and whether it is right, both flat: of the most probable class, or of labels.

    `probabilities` are [seeds, n, classes] or those of one seed.
    """
    if isinstance(sample, LabelSample):
        right = np.broadcast_to(sample.target, probabilities.shape)
        return probabilities.ravel(), right.ravel()
    return probabilities.max(axis=-1).ravel(), (
        probabilities.argmax(axis=-1) == sample.target
    ).ravel()


def _fits(
    groups: Sequence[Group], scheme: str
) -> Iterator[tuple[Group, Sample, list[tuple[Any, float, Sample, np.ndarray]]]]:
    """Test samples of single folds, with the temperature and the new probabilities of each seed."""
    validation = {
        (group.fold, sample.model): sample
        for group in groups
        if group.subset == "validation"
        for sample in group.samples
    }
    for group in groups:
        if group.subset != "test" or group.pooled or group.scheme != scheme:
            continue
        for sample in group.samples:
            known = validation.get((group.fold, sample.model))
            if isinstance(sample, ClassSample | LabelSample) and known is not None:
                assert isinstance(known, ClassSample | LabelSample)
                fits = []
                for seed, p in zip(sample.seeds, sample.probabilities, strict=True):
                    fitted = temperature(known, known.probabilities[known.seeds.index(seed)])
                    fits.append((seed, fitted, known, scaled(sample, p, fitted)))
                yield group, sample, fits


def tables(groups: Sequence[Group], scheme: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`calibration.tsv` and `temperature.tsv`: reliability on the test set, before and after.

    Parameters
    ----------
    groups
        From `statistics.prepare`.
    scheme : str
        Of the split itself.

    Returns
    -------
    curves : pandas.DataFrame
        `CALIBRATION_COLUMNS`, a row a bin of equal mass, seeds and folds together. Of classes
        `predicted` is the mean probability of the most probable class and `observed` how often it
        is right; of labels the probability of each label and how often it is there; of numbers
        the mean prediction and the mean target. `scaled` rows are those after temperature scaling.
    found : pandas.DataFrame
        `TEMPERATURE_COLUMNS`, a row a model, fold and seed. The temperature is fitted on the
        validation examples; losses and calibration errors are those of the test examples. Empty
        for numbers, and where a fold has one test example. It changes nothing in other tables.
    """
    rows: list[tuple[Any, ...]] = []
    said: dict[tuple[str, str, bool], list[tuple[np.ndarray, np.ndarray]]] = {}
    for group, sample, fits in _fits(groups, scheme):
        for at, (seed, fitted, known, after) in enumerate(fits):
            before = sample.probabilities[at]  # type: ignore[attr-defined]
            pairs = [_confidences(sample, p) for p in (before, after)]
            errors = [calibration_error(*pair) for pair in pairs]
            losses = [log_loss(sample, p) for p in (before, after)]
            of = (sample.model, sample.kind, group.fold, seed)
            rows.append((*of, fitted, *errors, *losses, known.n, sample.n))
            said.setdefault((sample.model, sample.kind, True), []).append(pairs[1])
    own = [group for group in groups if group.scheme == scheme and group.subset == "test"]
    for group in [group for group in own if group.pooled] or own:
        for sample in group.samples:
            if isinstance(sample, ClassSample | LabelSample):
                pair = _confidences(sample, sample.probabilities)
            else:
                assert isinstance(sample, NumberSample)
                truth = np.broadcast_to(sample.target, sample.predictions.shape)
                pair = sample.predictions.ravel(), truth.ravel()
            said[sample.model, sample.kind, False] = [pair]
    curves = [
        (*of, *row)
        for of, pairs in sorted(said.items())
        for row in curve(*(np.concatenate(part) for part in zip(*pairs, strict=True)))
    ]
    return (
        pd.DataFrame(curves, columns=CALIBRATION_COLUMNS),
        pd.DataFrame(rows, columns=TEMPERATURE_COLUMNS),
    )


def curve(said: np.ndarray, seen: np.ndarray) -> list[tuple[int, float, float, int]]:
    """Bin, mean of what was said, mean of what is, and how many; of bins that are not empty."""
    bins = bins_of_equal_mass(said, BINS)
    sizes = np.bincount(bins, minlength=BINS)
    sums = [np.bincount(bins, weights=values, minlength=BINS) for values in (said, seen)]
    return [
        (at + 1, sums[0][at] / size, sums[1][at] / size, int(size))
        for at, size in enumerate(sizes)
        if size
    ]
