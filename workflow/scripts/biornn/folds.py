"""Folds: what a model is given of one fold, and the form in which it answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import beside, examples, expression, inputs, splits
from .beside import BesideScaling
from .config_split import ALL_FOLDS
from .files import InputError
from .inputs import Inputs
from .targets import MASKED, REGRESSION, Task


@dataclass(frozen=True)
class FoldData:
    """One fold.

    Attributes
    ----------
    inputs : EncodedSequences, Series or RankedGenes
    targets : numpy.ndarray
        From `Task.encode`: [n], [n, labels], or [total length] where each position has a target.
    subsets : numpy.ndarray
        [n], each `train`, `validation` or `test`.
    task : Task
    weights : numpy.ndarray or None
        float [n], weight of each example in the loss.
    beside : numpy.ndarray or None
        float [n, features], a second input of each example, as it came.
    covariates : tuple of str
        Names of the features of the second input.
    """

    inputs: Inputs
    targets: np.ndarray
    subsets: np.ndarray
    task: Task = REGRESSION
    weights: np.ndarray | None = None
    beside: np.ndarray | None = None
    covariates: tuple[str, ...] = ()

    @property
    def per_position(self) -> bool:
        """Whether each position has a target."""
        return self.task.per == "position"

    @property
    def units(self) -> np.ndarray:
        """int64 [targets]: the example that each target belongs to."""
        numbers = np.arange(len(self.inputs))
        return np.repeat(numbers, self.inputs.lengths) if self.per_position else numbers

    @property
    def labelled(self) -> np.ndarray:
        """Boolean [targets]: False for positions without a label."""
        if self.task.kind == "classification":
            return self.targets != MASKED
        there = ~np.isnan(self.targets)
        return there.all(axis=1) if there.ndim == 2 else there

    @property
    def unit_weights(self) -> np.ndarray | None:
        """float [targets]: the weight of the example that each target belongs to."""
        return None if self.weights is None else self.weights[self.units]

    def beside_scaling(self) -> BesideScaling | None:
        """How the second input is standardised: fitted on training rows that weigh something."""
        if self.beside is None:
            return None
        names = self.covariates or tuple(map(str, range(self.beside.shape[1])))
        return BesideScaling.fit(names, self.beside, self._learned_from)

    @property
    def _learned_from(self) -> np.ndarray:
        """Boolean [n]"""
        train = self.subsets == "train"
        return train if self.weights is None else train & (self.weights > 0)

    def unit_rows(self, subset: str) -> np.ndarray:
        """int64: places in `targets` of the labelled targets of a subset."""
        return np.flatnonzero((self.subsets[self.units] == subset) & self.labelled)

    def shuffled(self, values: np.ndarray, seed: int, fold: int) -> np.ndarray:
        """`values` [targets, …] in another order within each subset: a negative control.

        Each fold has an order of its own: files are often sorted by class, and one order would put
        the same labels on nearly the same examples in all folds, so that what fits by chance in one
        would fit in all.
        """
        found = values.copy()
        generator = np.random.default_rng([seed, 7, fold])
        for subset in ("train", "validation", "test"):
            rows = self.unit_rows(subset)
            found[rows] = values[generator.permutation(rows)]
        return found

    def rows(self, subset: str) -> np.ndarray:
        """int64: row numbers of a subset."""
        return np.flatnonzero(self.subsets == subset)

    def without_test(self) -> FoldData:
        """Training and validation alone: what a choice may see."""
        rows = np.flatnonzero(self.subsets != "test")
        return replace(
            self,
            inputs=inputs.take(self.inputs, rows),
            targets=self.targets[np.isin(self.units, rows)],
            subsets=self.subsets[rows],
            weights=None if self.weights is None else self.weights[rows],
            beside=None if self.beside is None else self.beside[rows],
        )

    def part(self, share: float, seed: int = 0) -> FoldData:
        """The same with a share of the training examples; the others are `splits.UNUSED`.

        They are drawn by chance, of each class (where the whole sequence has one) the same share; a
        smaller part is within a larger one of the same seed. Validation and test stay, and so does
        a normalisation of expression, which all training examples have made.

        Raises
        ------
        InputError
            When too little is left to train on.
        """
        train = self.rows("train")
        shuffled = np.random.default_rng(seed).permutation(train)
        whole = self.task.kind == "classification" and not self.per_position
        codes = self.targets[shuffled] if whole else np.zeros(len(shuffled), dtype=np.int64)
        taken = np.zeros(len(shuffled), dtype=bool)
        for code in np.unique(codes):
            of_class = np.flatnonzero(codes == code)
            taken[of_class[: max(1, round(share * len(of_class)))]] = True
        if taken.sum() < 2:
            raise InputError(
                f"learning_curve: {share:g} of {len(train)} training examples is too little to "
                "train on. Leave it out."
            )
        subsets = self.subsets.astype(object)
        subsets[shuffled[~taken]] = splits.UNUSED
        return replace(self, subsets=subsets)

    def digest(self) -> str:
        """SHA-256 over all that training sees, to tell whether a checkpoint belongs to it."""
        digest = hashlib.sha256()
        arrays = inputs.flat(self.inputs), self.inputs.offsets, self.targets
        for name, array in enumerate((*arrays, self.weights, self.beside)):
            if array is not None:
                digest.update(f"{name} {array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        digest.update("".join(subset[0] for subset in self.subsets).encode())
        digest.update(repr(self.task).encode())
        return digest.hexdigest()


def numbers(asked: str, splits_path: str | Path) -> list[int]:
    """The folds that a job is asked for: one by its number, or `all` that there are."""
    if asked != ALL_FOLDS:
        return [int(asked)]
    return sorted(int(fold) for fold in splits.read(splits_path)["fold"].unique())


def read_descriptions(path: str | Path) -> list[dict[str, Any]]:
    """What the `model.json` of a job says of each fold that it trained."""
    value = json.loads(Path(path).read_text(encoding="utf-8"))
    return value.get("folds", [value])


def describe_fold(
    path: str | Path, fold: int | None = None, *, first: bool = True
) -> dict[str, Any]:
    """What a `model.json` says of one fold of a network.

    Without `fold` that of the first one, or with `first=False` that of the only one.

    Raises
    ------
    InputError
        When it does not describe a network, or not this fold, or several.
    """
    folder = Path(path).parent
    try:
        descriptions = read_descriptions(path)
        there = [each["fold"] for each in descriptions]
        wanted = there[0] if fold is None else fold
        networks = all("architecture" in each for each in descriptions)
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise InputError(f"{folder}: no trained network can be read here: {error}.") from None
    if not networks:
        raise InputError(f"{folder}: this is no trained network. Name a folder below models/.")
    if fold is None and not first and len(there) > 1:
        raise InputError(
            f"{folder}: there are the networks of {len(there)} folds here ({there[0]} to "
            f"{there[-1]}). Choose one: --fold {there[0]}."
        )
    if wanted not in there:
        raise InputError(
            f"{folder}: there is no fold {wanted} here; there is {', '.join(map(str, there))}."
        )
    return descriptions[there.index(wanted)]


def load_fold(
    examples_path: str | Path,
    description_path: str | Path,
    sequences_path: str | Path | None,
    splits_path: str | Path,
    fold: int,
    expression_path: str | Path | None = None,
) -> tuple[pd.Series, FoldData]:
    """Ids and data of one fold.

    Normalised expression is the input where the examples are profiles, else it is the target.

    Raises
    ------
    InputError
        When the target gene is not among the normalised ones, or no training or validation example
        weighs anything.
    """
    table = examples.load(examples_path)
    description = examples.load_description(description_path)
    task = description.task
    values = None
    if expression_path is not None:
        normalized = expression.load_normalized(expression_path, fold)
        normalized = normalized.loc[table["id"]]
        values = normalized.to_numpy()
    if description.profile:
        assert values is not None
        gene, of_gene = description.profile["target_gene"], None
        if gene is not None:
            if gene not in normalized:
                raise InputError(
                    f"target.gene: the normalisation has dropped {gene} in fold {fold}."
                )
            # what is predicted is not among what it is predicted from
            of_gene = normalized.pop(gene).to_numpy()
            values = normalized.to_numpy()
        read: Inputs = inputs.profiles(values, description.profile)
        values = of_gene
    else:
        assert sequences_path is not None
        read = inputs.load(sequences_path)
        values = None if values is None else values[:, 0]
    if values is not None:
        targets = values
    else:
        targets = inputs.next_values(read) if task.next_value else task.encode(table["target"])
    subsets = splits.read_subsets(splits_path, fold, table["id"]).to_numpy()
    weights = None
    if beside.WEIGHT in table:
        weights = table[beside.WEIGHT].to_numpy()
        for subset in ("train", "validation"):
            if not weights[subsets == subset].any():
                raise InputError(
                    f"examples.weight: all examples of fold {fold} for "
                    f"{'training' if subset == 'train' else subset} have the weight zero. Split "
                    "otherwise, or give weights to more of them."
                )
    covariates = description.covariates
    second = table[beside.stored(covariates)].to_numpy() if covariates else None
    return table["id"], FoldData(read, targets, subsets, task, weights, second, covariates)


def predictions_table(
    ids: pd.Series, fold: int, data: FoldData, predictions: dict[int, np.ndarray]
) -> pd.DataFrame:
    """`predictions.parquet`: one row an example (or position) and seed, for all kinds of models.

    Parameters
    ----------
    predictions
        By seed, float [targets, values]: values in the target's unit (and their standard
        deviation, where a model says it), or the probability of each class or label.

    Returns
    -------
    pandas.DataFrame
        `id, fold, seed, subset, target, prediction`; for classes `target` is the class, and a
        column `prediction.{class}` has the probability of each; for labels there is also a column
        `target.{label}` of 0 and 1 for each in place of `target`. A standard deviation is in
        `prediction_sd`. Where each position has a target
        there is `position` (the first is 1), and only rows of validation and test that have a
        label: those of training would be most of the file, and are not scored.
    """
    units, task = data.units, data.task
    places = np.arange(len(units))
    if data.per_position:
        places = np.flatnonzero(data.labelled & (data.subsets[units] != "train"))
    common: dict[str, object] = {
        # a name for each of some hundred thousand positions is held once
        "id": pd.Categorical.from_codes(units[places], ids.to_numpy())
        if data.per_position
        else ids.to_numpy(),
        "fold": fold,
        "seed": 0,
        "subset": data.subsets[units[places]],
    }
    if data.per_position:
        common["position"] = places - data.inputs.offsets[units[places]] + 1
    if task.kind == "multilabel":
        there = data.targets[places].astype(np.int8)
        common |= {f"target.{label}": there[:, at] for at, label in enumerate(task.classes)}
    elif task.kind == "classification":
        common["target"] = pd.Categorical.from_codes(data.targets[places], list(task.classes))
    else:
        common["target"] = data.targets[places]
    frames = []
    for seed, values in predictions.items():
        names = [f"prediction.{label}" for label in task.classes]
        names = names or ["prediction", "prediction_sd"][: values.shape[1]]
        columns = {name: values[places, at] for at, name in enumerate(names)}
        frames.append(pd.DataFrame(common | {"seed": seed} | columns))
    return pd.concat(frames, ignore_index=True)
