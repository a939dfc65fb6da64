"""Profiles: the samples of an expression matrix as examples."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from . import beside, gene_lengths, joining, matrices, reading, tables, targets
from .checking import nearest
from .config_data import ExamplesConfig, TargetConfig
from .config_expression import ExpressionConfig, OrderProfile, TimeProfile
from .config_split import Split
from .examples import Description, Examples, name_records
from .files import InputError
from .records import Log


def build(
    paths: Mapping[str, str | Path],
    config: ExpressionConfig,
    target: TargetConfig,
    split: Split,
    examples: ExamplesConfig | None = None,
) -> Examples:
    """Read and check a matrix and its samples.

    Parameters
    ----------
    paths
        The file of each source that is read, by name.
    config, target, split
        Sections of the analysis.
    examples : ExamplesConfig or None
        What goes in beside the profiles, from the columns about the samples.

    Returns
    -------
    Examples
        `sequence` is the SHA-256 of a profile, so that copies can be told; `counts` are the values
        as they came, [samples, genes], or [genes, samples] where genes are the examples.

    Raises
    ------
    InputError
        Naming the file, the gene, the sample and the way out.
    """
    assert config.matrix is not None
    examples = examples or ExamplesConfig()
    log = Log()
    origin = tables.origin_of(paths[str(config.matrix.source)], config.matrix)
    matrix, samples = _read(paths, config, log)
    what = config.examples
    log.note("records read", matrix.n_obs)
    known = reading.expand(examples.covariates, list(samples))
    for column in (target.column, *split.columns.values(), *known, examples.weight):
        if column is not None and column not in samples:
            raise InputError(
                f"{origin}: the {what} have no column '{column}'{nearest(column, samples)}. They "
                f"have {', '.join(samples) or 'none'}. "
                + (
                    "Give expression.samples, or correct it."
                    if what == "samples"
                    else "Correct it."
                )
            )
    next_value = target.task == "next_value"
    if target.column is None and target.gene is None and not next_value:
        raise InputError(f"target.column: name the column of the {what} that is predicted.")
    if target.gene is not None and target.gene not in matrix.var_names:
        raise InputError(
            f"{origin}: there is no gene '{target.gene}' (target.gene)"
            f"{nearest(target.gene, matrix.var_names)}."
        )
    names = pd.Series(matrix.obs_names.astype(str))
    raw = samples.reset_index(drop=True).assign(source_id=names, origin=origin)
    raw["line"] = np.arange(1, len(raw) + 1)
    values = np.asarray(
        matrix.X.toarray() if hasattr(matrix.X, "toarray") else matrix.X, dtype=float
    )
    table = name_records(raw, "source_id", log)
    for name, column in split.columns.items():
        table[name] = raw[column]
    counts = pd.DataFrame(values, columns=matrix.var_names.astype(str))
    counts = counts[_order(list(counts.columns), config, paths, log)]
    values = counts.to_numpy()
    table["sequence"] = [hashlib.sha256(row.tobytes()).hexdigest() for row in values]
    log.note("genes" if what == "samples" else "samples", counts.shape[1])
    keep = pd.Series(beside.complete(raw, pd.Series(True, index=raw.index), examples, table, log))
    task = targets.NEXT_VALUE if next_value else targets.REGRESSION
    if target.column is not None:
        keep &= targets.there(raw[target.column], target, table, keep, log)
        table["labels"] = targets.with_values(raw[target.column].str.strip(), target, table)
        task = targets.settle_in(table, keep, target, "sequence", log)
    if next_value:
        log.note(f"task: {task.name} at every step", 1)
    log.note("records kept", int(keep.sum()))
    raw, table = raw[keep].reset_index(drop=True), table[keep].reset_index(drop=True)
    table = table.join(beside.read(raw, examples, [target.column], table, log))
    table = table.drop(columns=["line", "origin"])
    counts = counts.loc[keep].reset_index(drop=True)
    profile = config.profile.model_dump(mode="json")
    genes = counts.shape[1] - (target.gene is not None)
    profile |= {"genes": genes, "examples": what, "target_gene": target.gene}
    known = beside.covariates_of(raw, examples)
    description = Description("profiles", None, task, profile, tuple(known))
    return Examples(table, counts, log.frame(), description)


def _order(
    columns: list[str], config: ExpressionConfig, paths: Mapping[str, str | Path], log: Log
) -> list[str]:
    """The columns of a profile in the order in which they are read."""
    profile = config.profile
    if isinstance(profile, TimeProfile) and profile.pattern:
        pattern = re.compile(profile.pattern)
        matches = {column: pattern.search(column) for column in columns}
        times = {column: _number(match["time"]) for column, match in matches.items() if match}
        if wrong := [name for name, time in times.items() if time is None]:
            raise InputError(f"expression.profile: the time in '{wrong[0]}' is no number.")
        if len(times) < 2:
            raise InputError(
                f"expression.profile: {len(times)} of the columns fit '{profile.pattern}'; they "
                f"are {', '.join(columns[:5])}, …"
            )
        if left_out := len(columns) - len(times):
            log.note("samples that are not of the time course, left out", left_out)
        return sorted(times, key=lambda column: times[column])
    if isinstance(profile, OrderProfile) and profile.by == "position":
        gtf = config.gene_lengths
        assert gtf is not None
        places = gene_lengths.gene_places(paths[str(gtf.source)], gtf)
        rank = {gene: number for number, gene in enumerate(places)}
        named = {
            column: gene_lengths.without_version(column) if gtf.strip_version else column
            for column in columns
        }
        there = [column for column in columns if named[column] in rank]
        if not there:
            raise InputError(
                f"expression.profile: none of the genes is in the GTF file; the matrix has "
                f"{', '.join(columns[:3])}, …, the file {', '.join(places[:3])}, …"
            )
        if left_out := len(columns) - len(there):
            log.note("genes that the GTF file does not have, left out", left_out)
        return sorted(there, key=lambda column: rank[named[column]])
    return columns


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


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
    matrix = matrices.read_source(paths, config.matrix, **{config.examples: known})
    reading = matrix.uns[matrices.READING]
    log.note(f"genes are in {reading['genes']}: {reading['why']}", matrix.n_vars)
    if config.examples == "genes":
        matrix = matrix.T
    samples = matrix.obs.astype(str)
    if sheet is not None and config.samples:
        came = matrix.n_obs
        matrix, sheet = joining.join_samples(
            matrix, sheet, config.samples.id, config.samples.unmatched, origin
        )
        if left_out := came - matrix.n_obs:
            log.note(f"{config.examples} that the sheet does not have, dropped", left_out)
        samples = sheet.drop(columns=["line"])
    return matrix, samples
