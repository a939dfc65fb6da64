"""Folds: what a model is given of one fold, and the form in which it answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from . import encoding, examples, expression, splits
from .encoding import EncodedSequences


@dataclass(frozen=True)
class FoldData:
    """One fold.

    Attributes
    ----------
    encoded : EncodedSequences
    targets : numpy.ndarray
        float64 [n], in the target's unit.
    subsets : numpy.ndarray
        [n], each `train`, `validation` or `test`.
    """

    encoded: EncodedSequences
    targets: np.ndarray
    subsets: np.ndarray

    def rows(self, subset: str) -> np.ndarray:
        """int64: row numbers of a subset."""
        return np.flatnonzero(self.subsets == subset)

    def digest(self) -> str:
        """SHA-256 over all that training sees, to tell whether a checkpoint belongs to it."""
        digest = hashlib.sha256()
        for array in (self.encoded.tokens, self.encoded.offsets, self.targets):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update("".join(subset[0] for subset in self.subsets).encode())
        return digest.hexdigest()


def load_fold(
    examples_path: str | Path,
    sequences_path: str | Path,
    splits_path: str | Path,
    fold: int,
    expression_path: str | Path | None = None,
) -> tuple[pd.Series, FoldData]:
    """Ids and data of one fold; the target is the normalised expression where there is one."""
    table = examples.load(examples_path)
    if expression_path is None:
        targets = table["target"]
    else:
        targets = expression.load_normalized(expression_path).loc[table["id"]].iloc[:, 0]
    subsets = splits.read_subsets(splits_path, fold, table["id"])
    data = FoldData(encoding.load(sequences_path), targets.to_numpy(), subsets.to_numpy())
    return table["id"], data


def predictions_table(
    ids: pd.Series, fold: int, data: FoldData, predictions: dict[int, np.ndarray]
) -> pd.DataFrame:
    """`predictions.parquet`: one row an example and seed, for models and baselines alike.

    Parameters
    ----------
    predictions
        By seed, float64 [n] in the target's unit.
    """
    frames = [
        pd.DataFrame(
            {
                "id": ids.to_numpy(),
                "fold": fold,
                "seed": seed,
                "subset": data.subsets,
                "target": data.targets,
                "prediction": values,
            }
        )
        for seed, values in predictions.items()
    ]
    return pd.concat(frames, ignore_index=True)
