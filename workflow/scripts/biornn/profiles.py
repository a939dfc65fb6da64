"""Profiles: the samples of an expression matrix as examples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from . import joining, matrices, tables, targets
from .checking import nearest
from .config_data import TargetConfig
from .config_expression import ExpressionConfig
from .config_split import Split
from .examples import Description, Examples, name_records
from .files import InputError
from .records import Log


def build(
    paths: Mapping[str, str | Path],
    config: ExpressionConfig,
    target: TargetConfig,
    split: Split,
) -> Examples:
    """Read and check a matrix and its samples.

    Parameters
    ----------
    paths
        The file of each source that is read, by name.
    config, target, split
        Sections of the analysis.

    Returns
    -------
    Examples
        `sequence` is the SHA-256 of a profile, so that copies can be told; `counts` are the values
        as they came, [samples, genes].

    Raises
    ------
    InputError
        Naming the file, the gene, the sample and the way out.
    """
    assert config.matrix is not None
    log = Log()
    origin = tables.origin_of(paths[str(config.matrix.source)], config.matrix)
    matrix, samples = _read(paths, config, log)
    log.note("records read", matrix.n_obs)
    for column in (target.column, *split.columns.values()):
        if column is not None and column not in samples:
            raise InputError(
                f"{origin}: the samples have no column '{column}'{nearest(column, samples)}. They "
                f"have {', '.join(samples) or 'none'}. Give expression.samples, or correct it."
            )
    if target.column is None:
        raise InputError("target.column: name the column of the samples that is predicted.")
    names = pd.Series(matrix.obs_names.astype(str))
    raw = samples.reset_index(drop=True).assign(source_id=names, origin=origin)
    raw["line"] = np.arange(1, len(raw) + 1)
    values = np.asarray(
        matrix.X.toarray() if hasattr(matrix.X, "toarray") else matrix.X, dtype=float
    )
    table = name_records(raw, "source_id", log)
    table["sequence"] = [hashlib.sha256(row.tobytes()).hexdigest() for row in values]
    for name, column in split.columns.items():
        table[name] = raw[column]
    counts = pd.DataFrame(values, columns=matrix.var_names.astype(str))
    log.note("genes", counts.shape[1])
    keep = targets.there(raw[target.column], target, table, pd.Series(True, index=raw.index), log)
    table["labels"] = targets.with_values(raw[target.column].str.strip(), target, table)
    task = targets.settle_in(table, keep, target, "sequence", log)
    log.note("records kept", int(keep.sum()))
    table = table.loc[keep].drop(columns=["line", "origin"]).reset_index(drop=True)
    counts = counts.loc[keep].reset_index(drop=True)
    profile = config.profile.model_dump(mode="json") | {"genes": counts.shape[1]}
    description = Description("profiles", None, task, profile)
    return Examples(table, counts, log.frame(), description)


def _read(
    paths: Mapping[str, str | Path], config: ExpressionConfig, log: Log
) -> tuple[AnnData, pd.DataFrame]:
    """The matrix, and the columns that are known of each of its samples, in its order."""
    assert config.matrix is not None
    sheet, known, origin = None, [], ""
    if config.samples:
        path = paths[str(config.samples.source)]
        origin = tables.origin_of(path, config.samples)
        sheet = tables.read(path, config.samples)
        known = tables.select(sheet, [config.samples.id], origin)[config.samples.id].tolist()
    matrix = matrices.read_source(paths, config.matrix, known)
    reading = matrix.uns[matrices.READING]
    log.note(f"genes are in {reading['genes']}: {reading['why']}", matrix.n_vars)
    samples = matrix.obs.astype(str)
    if sheet is not None and config.samples:
        came = matrix.n_obs
        matrix, sheet = joining.join_samples(
            matrix, sheet, config.samples.id, config.samples.unmatched, origin
        )
        if left_out := came - matrix.n_obs:
            log.note("samples of the matrix that the sheet does not have, dropped", left_out)
        samples = sheet.drop(columns=["line"])
    return matrix, samples
