"""Expression: raw counts to normalised values, fitted on training rows and replayed on others.

A normaliser is a chain of steps (`normalizers`), whose state is saved to `normalizer.json`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from . import gene_scaling
from .checking import listed
from .config_expression import GeneTarget, ValueCheck
from .config_normalization import NormalizationStep
from .files import InputError, write_json, write_with
from .normalizers import step_of

logger = logging.getLogger(__name__)


class Normalizer:
    """A chain of normalisation steps in the manner of a scikit-learn transformer.

    Parameters
    ----------
    steps : sequence of NormalizationStep
    target : GeneTarget or None
        Where it is given, rows are genes and columns samples: a sample is scaled by what the
        training genes say (see `gene_scaling`), and the result is one value a gene.
    """

    def __init__(
        self, steps: Sequence[NormalizationStep], target: GeneTarget | None = None
    ) -> None:
        self._target = target
        make = gene_scaling.step_for_genes if target else step_of
        self._steps = [make(step) for step in steps]
        self.columns: list[str] = []

    def fit(
        self,
        counts: pd.DataFrame,
        train: np.ndarray,
        sequences: pd.Series,
        lengths: pd.Series | None = None,
    ) -> Normalizer:
        """Learn from the training rows.

        Parameters
        ----------
        counts : pandas.DataFrame
            Raw counts [examples, columns].
        train : numpy.ndarray
            Boolean [examples]: the fold's training rows. No other row has an influence, but for the
            reference example that a step names.
        sequences : pandas.Series
            Sequence of each row, where the reference is looked up.
        lengths : pandas.Series or None
            Of each gene in base pairs, by name (of the column, or of the row with a target).

        Raises
        ------
        InputError
            When a reference is not there, or is there more than once.
        """
        if not train.any():
            raise InputError("There are no training rows to fit the normalisation on.")
        self.columns = list(counts.columns)
        train_rows = counts.loc[train]
        for at, step in enumerate(self._steps):
            reference = counts.iloc[:0]
            named = getattr(step.config, "reference_sequence", None)
            if named:
                found = (sequences == named).to_numpy()
                if found.sum() != 1:
                    raise InputError(
                        f"log_ratio: the reference sequence {named} is there {found.sum()} times "
                        "among the examples; it must be there once."
                    )
                reference = counts.loc[found]
                for before in self._steps[:at]:
                    reference = before.transform(reference)
            step.fit(train_rows, reference, lengths)
            train_rows = step.transform(train_rows)
        return self

    def transform(self, counts: pd.DataFrame) -> pd.DataFrame:
        """Normalised values [examples, output columns] of raw counts with the fitted columns."""
        if list(counts.columns) != self.columns:
            raise InputError(
                f"The normaliser was fitted on the columns {listed(self.columns)}; it can't be "
                f"used on {listed(counts.columns)}."
            )
        for step in self._steps:
            counts = step.transform(counts)
        return gene_scaling.summarize(counts, self._target) if self._target else counts

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "columns": self.columns,
            "target": self._target.model_dump(mode="json") if self._target else None,
            "steps": [
                {"config": step.config.model_dump(mode="json"), "state": step.state}
                for step in self._steps
            ],
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Normalizer:
        """The normaliser that `to_dict` described."""
        steps = TypeAdapter(list[NormalizationStep])
        target = GeneTarget.model_validate(value["target"]) if value["target"] else None
        normalizer = cls(steps.validate_python([s["config"] for s in value["steps"]]), target)
        normalizer.columns = list(value["columns"])
        for step, stored in zip(normalizer._steps, value["steps"], strict=True):
            step.state = stored["state"]
        return normalizer


def check_values(
    ids: pd.Series, values: pd.Series, expected: pd.Series, check: ValueCheck
) -> float:
    """Largest absolute difference from the values that the data came with.

    `check.factor` times the values is compared, less the median difference where `check.up_to` is
    `constant`.

    Raises
    ------
    InputError
        When it is over the tolerance.
    """
    found = check.factor * values.to_numpy()
    if check.up_to == "constant":
        constant = float(np.median(found - expected.to_numpy()))
        found = found - constant
        logger.info("%s: the constant difference %.12g is taken off", check.column, constant)
    difference = np.abs(found - expected.to_numpy())
    worst = int(np.argmax(difference))
    # `not <=` and not `>`: a NaN must not pass
    wrong = ~(difference <= check.tolerance)
    if wrong.any():
        said = " less the constant" if check.up_to else ""
        raise InputError(
            f"expression.check: the normalised value of {ids.iloc[worst]}{said} is "
            f"{found[worst]:.12g}, but column '{check.column}' has "
            f"{expected.iloc[worst]:.12g} ({int(wrong.sum())} of {len(values)} differ by more "
            f"than {check.tolerance:g}). Correct `expression.normalization`, or remove "
            "`expression.check` if the column means something else."
        )
    return float(difference[worst])


def save_counts(ids: pd.Series, counts: pd.DataFrame, path: str | Path) -> None:
    """Write `expression.h5ad`: obs = examples, var = columns, X = raw values as they came."""
    import anndata as ad  # slow to import, and most jobs have no expression

    container = ad.AnnData(
        counts.to_numpy(dtype=np.float64),
        obs=pd.DataFrame(index=pd.Index(ids, name="id", dtype=object)),
        var=pd.DataFrame(index=pd.Index(counts.columns, dtype=object)),
    )
    write_with(path, container.write_h5ad)


def load_counts(path: str | Path) -> pd.DataFrame:
    """Raw values [examples, columns], indexed by id."""
    import anndata as ad  # slow to import, and most jobs have no expression

    container = ad.read_h5ad(path)
    return pd.DataFrame(container.X, index=container.obs_names, columns=list(container.var_names))


def save_normalized(values: Mapping[int, pd.DataFrame], path: str | Path) -> None:
    """Write `expression.h5ad` of folds: the values of each, indexed by id, are a layer `fold{n}`.

    Steps that choose genes choose other ones in other folds; those that a fold does not have are
    NaN in its layer.
    """
    columns = list(dict.fromkeys(name for table in values.values() for name in table.columns))
    index = next(iter(values.values())).index
    import anndata as ad  # slow to import, and most jobs have no expression

    container = ad.AnnData(
        obs=pd.DataFrame(index=index.astype(object)),
        var=pd.DataFrame(index=pd.Index(columns, dtype=object)),
        layers={
            f"fold{fold}": table.reindex(columns=columns).to_numpy(dtype=np.float64)
            for fold, table in values.items()
        },
    )
    write_with(path, container.write_h5ad)


def load_normalized(path: str | Path, fold: int) -> pd.DataFrame:
    """Normalised values [examples, columns] of one fold, indexed by id."""
    import anndata as ad  # slow to import, and most jobs have no expression

    container = ad.read_h5ad(path)
    values = pd.DataFrame(
        container.layers[f"fold{fold}"],
        index=container.obs_names,
        columns=list(container.var_names),
    )
    return values.dropna(axis=1, how="all")


def save_normalizers(normalizers: Mapping[int, Normalizer], path: str | Path) -> None:
    """Write `normalizer.json`: what was fitted, by fold."""
    write_json(path, {str(fold): each.to_dict() for fold, each in normalizers.items()})


def load_normalizers(path: str | Path) -> dict[int, dict[str, Any]]:
    """Read `normalizer.json`: for each fold what `Normalizer.from_dict` takes."""
    value = json.loads(Path(path).read_text(encoding="utf-8"))
    return {int(fold): each for fold, each in value.items()}
