"""Beside: numbers of each example that go in next to its sequence, and how much it weighs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from . import reading, spreads
from .checking import listed, nearest
from .config_data import ExamplesConfig
from .files import InputError
from .records import Log, name_of, numbers_of

#: In `examples.parquet`: before the name of a covariate, and the column of the weights.
COVARIATE, WEIGHT = "covariate.", "weight"

_MISSING = ("", "na", "nan")


def complete(
    raw: pd.DataFrame, wanted: pd.Series, config: ExamplesConfig, table: pd.DataFrame, log: Log
) -> np.ndarray:
    """Which records have all covariates and a weight; the others are refused, or dropped.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text.
    wanted : pandas.Series
        Boolean: the other records are not looked at.
    config : ExamplesConfig
    table : pandas.DataFrame
        Names the same records in messages.
    log : Log

    Returns
    -------
    numpy.ndarray
        Boolean [records].

    Raises
    ------
    InputError
        Naming the first record and column, unless incomplete records are dropped.
    """
    there = np.ones(len(raw), dtype=bool)
    columns = covariates_of(raw, config) + ([config.weight] if config.weight else [])
    for column in columns:
        missing = raw[column].str.strip().str.lower().isin(_MISSING) & wanted
        if missing.any() and config.incomplete == "error":
            row = int(missing.to_numpy().argmax())
            raise InputError(
                f"{name_of(table, row)}: '{column}' is {raw[column].iloc[row]!r}, no number "
                f"({int(missing.sum())} such records). Correct them, or set examples.incomplete: "
                "drop."
            )
        there &= ~missing.to_numpy()
    log.records(table, ~there, "dropped", "no covariate or weight")
    return there


def covariates_of(raw: pd.DataFrame, config: ExamplesConfig) -> list[str]:
    """Names of the covariates, ranges such as `V1..V9` written out."""
    return list(dict.fromkeys(reading.expand(config.covariates, list(raw))))


def read(
    raw: pd.DataFrame,
    config: ExamplesConfig,
    of_target: Collection[str | None],
    table: pd.DataFrame,
    log: Log,
) -> pd.DataFrame:
    """The covariates and weights of all records, as they go into `examples.parquet`.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text.
    config : ExamplesConfig
    of_target
        Columns that the target is made from.
    table : pandas.DataFrame
        Names the same records in messages.
    log : Log

    Returns
    -------
    pandas.DataFrame
        float64: a column `covariate.{name}` for each, and `weight`.

    Raises
    ------
    InputError
        For a value that is no finite number, a covariate that is (part of) the target, a negative
        weight, and weights that are all zero.
    """
    names = covariates_of(raw, config)
    if given_away := [name for name in names if name in of_target]:
        raise InputError(
            f"examples.covariates: '{given_away[0]}' is what the target is made from; a model that "
            "sees it has nothing to predict. Leave it out."
        )
    columns = {COVARIATE + name: numbers_of(raw, name, table) for name in names}
    if names:
        log.note(f"covariates beside the sequence: {', '.join(names)}", len(names))
    if config.weight:
        weights = numbers_of(raw, config.weight, table)
        if (weights < 0).any():
            row = int((weights < 0).to_numpy().argmax())
            raise InputError(
                f"{name_of(table, row)}: the weight '{config.weight}' is {weights.iloc[row]:g} "
                f"({int((weights < 0).sum())} such records); a weight is zero or more."
            )
        if not (weights > 0).any():
            raise InputError(
                f"{table['origin'].iloc[0]}: all weights ('{config.weight}') are zero, so that "
                "there is nothing to learn from. Name another column, or leave examples.weight out."
            )
        if nothing := int((weights == 0).sum()):
            log.note(f"records with the weight zero ('{config.weight}')", nothing)
        columns[WEIGHT] = weights
    return pd.DataFrame(columns, index=table.index)


def stored(names: Sequence[str]) -> list[str]:
    """Columns of `examples.parquet` that have the covariates of these names."""
    return [COVARIATE + name for name in names]


@dataclass(frozen=True)
class BesideScaling:
    """How covariates become a second input: (x - mean) / sd.

    Attributes
    ----------
    columns : tuple of str
        Names, in the order in which a network reads them.
    mean, sd : tuple of float
        Of the training rows. The sd of a covariate that never changes there is zero: nothing can
        be learned about it, and whatever it is elsewhere, it is read as zero.
    """

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    def fit(cls, columns: Sequence[str], values: np.ndarray, train: np.ndarray) -> BesideScaling:
        """From the training rows.

        Parameters
        ----------
        columns : sequence of str
        values : numpy.ndarray
            float [n, columns]
        train : numpy.ndarray
            Boolean [n]; the other rows are not looked at.

        Raises
        ------
        InputError
            When a column's spread is no number that can be written.
        """
        own = values[train].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, sd = own.mean(axis=0), spreads.exact(own.std(axis=0), own)
        wrong = ~(np.isfinite(mean) & np.isfinite(sd))
        if wrong.any():
            raise InputError(
                f"examples.covariates: '{columns[int(wrong.argmax())]}' has values too large to be "
                "standardised. Take its logarithm, or leave it out."
            )
        return cls(tuple(columns), tuple(mean.tolist()), tuple(sd.tolist()))

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> BesideScaling:
        """From what `model.json` says."""
        return cls(tuple(value["columns"]), tuple(value["mean"]), tuple(value["sd"]))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Standardise [n, columns]; float64, each row by itself."""
        mean, sd = np.array(self.mean), np.array(self.sd)
        known = sd > 0
        return np.where(known, (values - mean) / np.where(known, sd, 1), 0.0)

    def of_table(self, table: pd.DataFrame) -> np.ndarray:
        """The second inputs of new examples, standardised.

        Parameters
        ----------
        table : pandas.DataFrame
            A row an example; numbers or text. Columns that the model was not trained with are not
            looked at.

        Returns
        -------
        numpy.ndarray
            float64 [rows, columns]

        Raises
        ------
        InputError
            For a column that is not there, and a value that is no finite number.
        """
        values = self.numbers(table)
        bad = ~np.isfinite(values)
        if bad.any():
            row, at = np.argwhere(bad)[0]
            name = self.columns[at]
            raise InputError(
                f"example {table.index[row]}: '{name}' is '{table[name].iloc[row]}', not a "
                f"number ({int(bad[:, at].sum())} such values)."
            )
        return self.apply(values)

    def numbers(self, table: pd.DataFrame) -> np.ndarray:
        """The covariates of new examples as they came, float64 [rows, columns]; NaN for no number.

        Raises
        ------
        InputError
            For a column that is not there.
        """
        there = [str(name) for name in table]
        if missing := [name for name in self.columns if name not in there]:
            raise InputError(
                f"the model was trained with the covariates {listed(self.columns)}, and there is "
                f"no column '{missing[0]}'{nearest(missing[0], there)} among {listed(there)}."
            )
        values = np.empty((len(table), len(self.columns)))
        for at, name in enumerate(self.columns):
            values[:, at] = pd.to_numeric(table[name], errors="coerce")
        return values
