"""Scoring: the predictions of a model for a file of inputs, in a table that grows with it."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import newcomers
from .files import InputError, atomic_path
from .newcomers import Piece, Request
from .prediction import Predictor, positions_of

STANDARD_OUTPUT = "-"
_SKIPPED = "not predicted: "


@dataclass
class Summary:
    """What was met in a file.

    Attributes
    ----------
    records, skipped, unusual : int
        All of them, those that could not be read, and those that are unlike the training inputs.
    examples : list of str
        The first that were skipped, and why.
    """

    records: int = 0
    skipped: int = 0
    unusual: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, ids: Sequence[str], problems: Iterable[str], warnings: Iterable[str]) -> None:
        """Count some records, their problems, and the warnings of those without one."""
        self.records += len(ids)
        for name, problem in zip(ids, problems, strict=True):
            if problem:
                self.skipped += 1
                if len(self.examples) < 5:
                    self.examples.append(f"{name}: {problem}")
        self.unusual += sum(warning != "" for warning in warnings)


def predict(
    predictor: Predictor, request: Request, summary: Summary, *, seeds: bool = False
) -> Iterator[pd.DataFrame]:
    """Tables of predictions, in the order of the file.

    Parameters
    ----------
    predictor : Predictor
    request : Request
    summary : Summary
        Is counted up.
    seeds : bool
        Whether there are columns for each seed.

    Yields
    ------
    pandas.DataFrame
        `id`; `position` (the first is 1, and counts in the sequence as it came: what training takes
        off, crops or removes has no row) where each has a prediction; `prediction`: the mean over
        the seeds, or the most probable class, or the labels with a probability above one half;
        `probability.{class}`: the mean over the seeds of calibrated probabilities; `sd`: the
        standard deviation over the seeds, of the number or of the probability of that class (of
        labels, the largest); `prediction_sd`: what the model says itself (the root of the mean
        variance); columns such as `prediction.seed1`; and `warning`: why an input is unlike the
        training inputs, or was not predicted.
    """
    for piece in newcomers.read(predictor, request):
        second = None
        if piece.covariates is not None and predictor.beside is not None:
            second = predictor.beside.apply(piece.covariates)
        warnings = predictor.warnings(piece.inputs, piece.covariates)
        summary.add(piece.ids, piece.problems, warnings)
        values = predictor.values(piece.inputs, second)
        yield _table(predictor, piece, values, warnings, seeds)


def _table(
    predictor: Predictor,
    piece: Piece,
    values: np.ndarray,
    warnings: list[str],
    seeds: bool,
) -> pd.DataFrame:
    there = piece.read
    rows = np.ones(len(there), dtype=np.int64)
    if predictor.per_position:
        rows[there] = piece.inputs.lengths
    filled = np.repeat(there, rows)
    said = np.array([_SKIPPED + problem for problem in piece.problems], dtype=object)
    said[there] = warnings
    columns: dict[str, Any] = {"id": np.repeat(np.array(piece.ids, dtype=object), rows)}
    if predictor.per_position:
        position = pd.array(positions_of(rows), dtype="Int64")
        if piece.positions is not None:
            position[filled] = piece.positions
        position[~filled] = pd.NA
        columns["position"] = position
    for name, value in columns_of(predictor, values, seeds).items():
        whole = np.full(len(filled), None if value.dtype == object else np.nan, dtype=value.dtype)
        whole[filled] = value
        columns[name] = whole
    columns["warning"] = np.repeat(said, rows)
    return pd.DataFrame(columns)


def columns_of(predictor: Predictor, values: np.ndarray, seeds: bool) -> dict[str, np.ndarray]:
    """Columns of a table from the values of `Predictor.values`, [seeds, targets, values]."""
    task = predictor.task
    spread = spread_of(values)
    mean = values.mean(axis=0)
    if task.kind == "regression":
        found = {"prediction": mean[:, 0], "sd": spread[:, 0]}
        if values.shape[2] > 1:
            found["prediction_sd"] = np.sqrt((values[:, :, 1] ** 2).mean(axis=0))
        if seeds:
            for seed, own in zip(predictor.seeds, values, strict=True):
                found[f"prediction.seed{seed}"] = own[:, 0]
                if values.shape[2] > 1:
                    found[f"prediction_sd.seed{seed}"] = own[:, 1]
        return found
    classes = np.array(task.classes, dtype=object)
    if task.kind == "multilabel":
        chosen = [task.separator.join(classes[row]) for row in mean > 0.5]
        found = {"prediction": np.array(chosen, dtype=object), "sd": spread.max(axis=1)}
    else:
        best = mean.argmax(axis=1)
        found = {"prediction": classes[best], "sd": spread[np.arange(len(best)), best]}
    for at, label in enumerate(task.classes):
        found[f"probability.{label}"] = mean[:, at]
    if seeds:
        for seed, own in zip(predictor.seeds, values, strict=True):
            for at, label in enumerate(task.classes):
                found[f"probability.{label}.seed{seed}"] = own[:, at]
    return found


def spread_of(values: np.ndarray) -> np.ndarray:
    """Standard deviation over the first axis (n - 1), NaN where there is one alone."""
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    return values.std(axis=0, ddof=1)


# -- writing ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def writer(output: str | Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """A function that appends a table to a .tsv, .txt or .parquet file, or to the standard output.

    The file takes its name when all is written. Names with tabs, quotes or line breaks are quoted
    in a TSV file, as in `files.write_tsv`.

    Raises
    ------
    InputError
        For a name that tells another format, and a folder that can't be written.
    """
    if str(output) == STANDARD_OUTPUT:
        yield _separated(sys.stdout)
        return
    path = Path(output)
    suffix = path.suffix.lower()
    if suffix not in (".tsv", ".txt", ".parquet"):
        raise InputError(f"{path}: predictions are written to .tsv, .txt or .parquet files.")
    with contextlib.ExitStack() as stack:
        try:
            temporary = stack.enter_context(atomic_path(path))
            if suffix == ".parquet":
                write, close = _parquet(temporary)
                stack.callback(close)
            else:
                file = temporary.open("w", encoding="utf-8", newline="")
                write = _separated(stack.enter_context(file))
        except OSError as error:
            raise InputError(f"{path}: can't be written: {error.strerror}.") from None
        yield write


def _separated(file: Any) -> Callable[[pd.DataFrame], None]:
    header = True

    def write(table: pd.DataFrame) -> None:
        nonlocal header
        # Python does not quote a carriage return by itself, and readers end the line there
        odd = table["id"].str.contains("\r", regex=False).any()
        table.to_csv(
            file, sep="\t", index=False, na_rep="NA", float_format="%.10g", lineterminator="\n",
            header=header, quoting=csv.QUOTE_NONNUMERIC if odd else csv.QUOTE_MINIMAL,
        )  # fmt: skip
        header = False

    return write


def _parquet(path: Path) -> tuple[Callable[[pd.DataFrame], None], Callable[[], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened: list[pq.ParquetWriter] = []

    def write(table: pd.DataFrame) -> None:
        if not opened:
            kinds = [
                (name, pa.float64() if table[name].dtype == np.float64
                 else pa.int64() if name == "position" else pa.string())
                for name in table
            ]  # fmt: skip
            opened.append(pq.ParquetWriter(path, pa.schema(kinds)))
        opened[0].write_table(pa.Table.from_pandas(table, opened[0].schema, preserve_index=False))

    return write, lambda: [each.close() for each in opened] and None
