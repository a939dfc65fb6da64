"""Values of genes: the rows of an expression matrix that belong to the examples, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from . import joining, matrices, tables
from .checking import listed, nearest
from .config_expression import ExpressionConfig
from .files import InputError
from .records import Log

if TYPE_CHECKING:
    from anndata import AnnData


def read(
    ids: pd.Series, paths: Mapping[str, str | Path], config: ExpressionConfig, log: Log
) -> tuple[pd.DataFrame, np.ndarray]:
    """Values of the genes that the examples are.

    Parameters
    ----------
    ids : pandas.Series
        Name of the gene of each example.
    paths
        The file of each source that is read, by name.
    config : ExpressionConfig
        With `matrix` and `target`.
    log : Log
        Where genes that are left out are counted.

    Returns
    -------
    values : pandas.DataFrame
        float64 [examples, samples] as they came, NaN where the matrix does not have the gene.
    found : numpy.ndarray
        Boolean [examples]: whether it has.

    Raises
    ------
    InputError
        For a sample that is not there, and with both differences where the genes are not the same.
    """
    assert config.matrix is not None and config.target is not None
    matrix = matrices.read_source(paths, config.matrix, genes=set(ids))
    reading = matrix.uns[matrices.READING]
    log.note(f"genes are in {reading['genes']}: {reading['why']}", matrix.n_vars)
    origin = tables.origin_of(paths[str(config.matrix.source)], config.matrix)
    matrix = _chosen(matrix, config.target.samples, origin)
    log.note("samples of the matrix that count", matrix.n_obs)
    joined = joining.join_genes(
        ids,
        matrix.var_names.astype(str),
        config.target.strip_version,
        config.target.unmatched,
        ("the examples", origin),
    )
    if joined.only_right:
        log.note("genes of the matrix without an example, left out", len(joined.only_right))
    part = matrix.X[:, joined.right]
    values = np.full((len(ids), matrix.n_obs), np.nan)
    values[joined.left] = (part.toarray() if hasattr(part, "toarray") else part).T
    found = np.zeros(len(ids), dtype=bool)
    found[joined.left] = True
    return pd.DataFrame(values, columns=matrix.obs_names.astype(str)), found


def _chosen(matrix: AnnData, samples: str | list[str], origin: str) -> AnnData:
    if isinstance(samples, str):
        return matrix
    there = set(matrix.obs_names)
    if missing := [name for name in samples if name not in there]:
        raise InputError(
            f"{origin}: there is no sample '{missing[0]}'{nearest(missing[0], there)} "
            f"({len(missing)} of {len(samples)} are not there). The samples are "
            f"{listed(matrix.obs_names[:5])}{', …' if matrix.n_obs > 5 else ''}. Correct "
            "expression.target.samples."
        )
    return matrix[samples]
