"""Reading: the files of an analysis as one table of text, a row a record, with joined columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import genomes, tables
from .checking import listed
from .config_data import ExamplesConfig, JoinConfig, NumbersConfig, SequenceConfig
from .config_expression import ExpressionConfig
from .config_tables import TableRef
from .files import InputError
from .inputs import parse_numbers
from .records import Log, name_of

#: Stands between the series of one record in `input_`; it is in no number.
BETWEEN_CHANNELS = "|"
#: Columns of the sequences where none is named, in this order.
USUAL_COLUMNS = ("sequence", "input")


def settings(config: ExamplesConfig, expression: ExpressionConfig | None) -> dict[str, Any]:
    """What `model.json` says of how inputs are read, so that new ones are read alike.

    Returns
    -------
    dict
        `id` (the column of names, or None), `sequence`, `numbers` (or None), and `matrix` (or None)
        as plain values of `SequenceConfig`, `NumbersConfig` and `MatrixRef`.
    """
    matrix = expression.matrix if expression is not None and not expression.target else None
    return {
        "id": config.id,
        "sequence": config.sequence.model_dump(mode="json"),
        "numbers": config.numbers.model_dump(mode="json") if config.numbers else None,
        "matrix": matrix.model_dump(mode="json") if matrix else None,
    }


def read(
    paths: Mapping[str, str | Path],
    config: ExamplesConfig,
    wanted: Sequence[str],
    log: Log,
    reference: TableRef | None = None,
) -> pd.DataFrame:
    """The wanted columns of all files.

    Parameters
    ----------
    paths
        The file of each source, by name.
    config : ExamplesConfig
    wanted
        Columns that are needed beside those of the inputs.
    log
        Where windows that are dropped are counted.
    reference
        Another table with the same columns, for a replicate.

    Returns
    -------
    pandas.DataFrame
        The wanted columns, `input_` (text: letters or numbers), `line` and `origin`.

    Raises
    ------
    InputError
        For a column that is not there.
    """
    parts = []
    inputs = config.inputs if reference is None else {str(reference.source): ""}
    taken = {name for other in config.join for name in other.take}
    by_file = "source" in set(wanted) - taken and len(inputs) > len(set(inputs.values()))
    for source, label in inputs.items():
        where = reference or config
        origin = tables.origin_of(paths[source], where)
        table = _records(paths, source, where, config, log)
        if label:
            table["class"] = label
        if label and by_file:
            if "source" in table:
                raise InputError(
                    f"{origin}: the file has a column 'source' of its own, and where a class has "
                    "several files that name is for the source of each record. Rename the column."
                )
            table["source"] = source
        there = [name for name in table if name != "line"]
        way = config.numbers or config.sequence
        pieces = pieces_of(way, there)
        own = expand([column for column in wanted if column not in taken], there)
        table = tables.select(table, [*pieces, *own], origin)
        # in the order of the file, so that a range means the same later
        table = table[[*(name for name in there if name in table), "line"]]
        parts.append(table.assign(input_=whole(table, pieces, way), origin=origin))
    return pd.concat(parts, ignore_index=True)


def _records(
    paths: Mapping[str, str | Path],
    source: str,
    where: TableRef,
    config: ExamplesConfig,
    log: Log,
) -> pd.DataFrame:
    """The records of one file, or what is cut from them."""
    if config.features:
        origin = tables.origin_of(paths[source], where)
        table = genomes.label_features(paths[source], where.member, config.features, origin)
    else:
        table = tables.read(paths[source], where)
    if config.windows:
        file = paths[config.windows.source]
        place = f"{file} ({config.windows.member})" if config.windows.member else str(file)
        table = genomes.cut(table, file, config.windows, place, log)
    if config.tiles:
        tiles = config.tiles
        table = genomes.tile(table, tiles.length, tiles.step, tiles.minimum)
    return table


def pieces_of(config: SequenceConfig | NumbersConfig, there: Sequence[str]) -> list[str]:
    """Columns that make up the input, those of the channels among them."""
    channels = config.channels if isinstance(config, NumbersConfig) else None
    return channels or input_columns(config, there)


def whole(
    table: pd.DataFrame, pieces: Sequence[str], config: SequenceConfig | NumbersConfig
) -> pd.Series:
    """The input of each record as one text, from the columns that it is spread over."""
    between = ""
    if isinstance(config, NumbersConfig):
        between = BETWEEN_CHANNELS if config.channels else " "
    return table[pieces[0]].str.cat([table[piece] for piece in pieces[1:]], sep=between)


def parse_series(text: str, channels: Sequence[str] = ("",)) -> list[list[float]] | str:
    """The numbers of each channel of a text from `whole`, or what is wrong with it."""
    pieces = text.split(BETWEEN_CHANNELS)
    found = []
    for piece in pieces if len(pieces) == len(channels) else [text]:
        try:
            numbers = parse_numbers(piece)
        except ValueError:
            numbers = []
        if not numbers or not np.isfinite(numbers).all():
            return f"the input {piece[:40]!r} is no series of numbers"
        found.append(numbers)
    steps = [len(numbers) for numbers in found]
    if len(set(steps)) > 1:
        return (
            f"the channels {', '.join(channels)} have {', '.join(map(str, steps))} steps; every "
            "step needs all"
        )
    return found


def input_columns(config: SequenceConfig | NumbersConfig, there: Sequence[str]) -> list[str]:
    """Columns that make up the input, ranges such as `V1..V9` by the order of the table."""
    if config.columns is None:
        usual = next((name for name in USUAL_COLUMNS if name in there), USUAL_COLUMNS[0])
        return [config.column or usual]
    return expand(config.columns, there)


def expand(entries: Sequence[str], there: Sequence[str]) -> list[str]:
    """The columns that are named, ranges such as `V1..V9` by the order of the table."""
    found = []
    for entry in entries:
        first, dots, last = entry.partition("..")
        if dots and first in there and last in there:
            found += there[there.index(first) : there.index(last) + 1]
        else:
            found.append(entry)
    return found


def join(
    raw: pd.DataFrame,
    keep: pd.Series,
    table: pd.DataFrame,
    paths: Mapping[str, str | Path],
    config: ExamplesConfig,
    log: Log,
) -> tuple[pd.DataFrame, pd.Series]:
    """Put the columns of other tables beside the records, by id.

    Parameters
    ----------
    raw : pandas.DataFrame
        From `read`.
    keep : pandas.Series
        Boolean: records that are still wanted.
    table : pandas.DataFrame
        `source_id`, `line`, `origin` of the same records.

    Returns
    -------
    raw, keep
        With the new columns; without the records that the other table does not have.

    Raises
    ------
    InputError
        For an id that is there twice, or not there where that is an error.
    """
    for other in config.join:
        found = _read_joined(paths[str(other.source)], other)
        missing = ~table["source_id"].isin(found.index) & keep
        extra = int((~found.index.isin(table["source_id"])).sum())
        origin = tables.origin_of(paths[str(other.source)], other)
        if missing.any() and other.unmatched == "error":
            row = int(missing.to_numpy().argmax())
            raise InputError(
                f"{name_of(table, row)}: not in {origin} ({int(missing.sum())} such records; "
                f"{extra} of {len(found)} there are not among the examples). Correct the ids, or "
                "set `unmatched: drop` for this table."
            )
        log.records(table, missing.to_numpy(), "dropped", f"not in {Path(origin).name}")
        if extra:
            log.note(f"records of {Path(origin).name} that are not among the examples", extra)
        keep = keep & ~missing
        matched = found.reindex(table["source_id"]).fillna("").set_axis(raw.index)
        raw = raw.drop(columns=matched.columns, errors="ignore").join(matched)
    return raw, keep


def _read_joined(path: str | Path, config: JoinConfig) -> pd.DataFrame:
    origin = tables.origin_of(path, config)
    table = tables.read(path, config)
    table = tables.select(table, [config.id, *config.take.values()], origin)
    twice = table[config.id].duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        raise InputError(
            f"{origin}, line {table['line'][row]}: the id '{table[config.id][row]}' is there twice "
            f"({listed(table.loc[twice, config.id])}); it must be unique to be joined."
        )
    table = table.set_index(config.id)
    return pd.DataFrame({new: table[old] for new, old in config.take.items()})
