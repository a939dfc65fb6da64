"""Examples: read the tables, check every record, name every one that was dropped or changed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import beside, letters, reading, targets
from .alphabets import ALPHABETS
from .checking import listed
from .config_data import ExamplesConfig, SequenceConfig, Stratum, TargetConfig
from .config_explain import SiteConfig
from .config_expression import ExpressionConfig
from .config_split import Split
from .config_tables import TableRef
from .files import InputError, write_json, write_parquet
from .inputs import write_numbers
from .records import Log, drawn, name_of, not_repeated, numbers_of
from .targets import NEXT_VALUE, REGRESSION, Task

logger = logging.getLogger(__name__)

#: Values of a column that are scored apart.
MOST_VALUES = 50

_VALUE = re.compile(r"[A-Za-z0-9+-][A-Za-z0-9 ._+-]{0,63}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Description:
    """What the examples are, for all later stages: `examples.json`.

    Attributes
    ----------
    inputs : str
        `letters`, `numbers` or `profiles`.
    alphabet : str or None
        Of letters.
    task : Task
    profile : dict or None
        How a profile becomes a sequence: the settings, and `genes`.
    covariates : tuple of str
        Columns of the second input, in its order.
    """

    inputs: str
    alphabet: str | None
    task: Task = REGRESSION
    profile: dict[str, Any] | None = None
    covariates: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "inputs": self.inputs,
            "alphabet": self.alphabet,
            "task": self.task.to_dict(),
            "profile": self.profile,
            "covariates": list(self.covariates),
        }


@dataclass
class Examples:
    """Checked examples and what was done to get them.

    Attributes
    ----------
    table : pandas.DataFrame
        `id`, `source_id`, `sequence` (letters, or numbers with spaces between the steps and commas
        between the channels of a step), and where asked for `subset`, `group`, `order`, `target`
        (see `Task.encode`), `expected_target`, `covariate.{name}`, `weight`, `stratum.{name}` for
        those of a column, and `site.start` and `site.end` (NaN where there is no site).
    counts : pandas.DataFrame or None
        Raw counts, float64 [examples, columns], rows in the order of `table`.
    qc : pandas.DataFrame
        `record, line, action, reason, count`: a row for every record that was dropped or changed,
        and summary rows with a count.
    description : Description
    """

    table: pd.DataFrame
    counts: pd.DataFrame | None
    qc: pd.DataFrame
    description: Description


def build(
    paths: Mapping[str, str | Path],
    config: ExamplesConfig,
    target: TargetConfig,
    split: Split,
    expression: ExpressionConfig | None = None,
    reference: TableRef | None = None,
    strata: Sequence[Stratum] = (),
    site: SiteConfig | None = None,
    published: Sequence[str] = (),
) -> Examples:
    """Read and check the examples of an analysis.

    Parameters
    ----------
    paths
        The file (or archive) of each source that is read, by name.
    config, target, split, expression
        Sections of the analysis.
    reference
        Another table with the same columns, for a replicate.
    strata
        Groups to score apart; the columns that they name are kept.
    site
        Columns that say where in a sequence the answer lies; they are kept too.
    published
        Columns with what a published model predicts; they are kept as numbers.

    Raises
    ------
    InputError
        Naming the file, the line, the record and the way out.
    """
    target_column, next_value = target.column, target.task == "next_value"
    if target_column is None and expression is None and not next_value:
        usual = {"class": config.classes, "labels": config.features}
        target_column = next((name for name, there in usual.items() if there), "output")
    target = target.model_copy(update={"column": target_column})
    of_target = [target_column]
    if expression:
        of_target += expression.counts or []
        of_target += [expression.check.column] if expression.check else []
    wanted = [config.id_column, *of_target, target.mask, *split.columns.values()]
    wanted += [*config.covariates, config.weight, *(stratum.column for stratum in strata)]
    wanted += [*([site.start, site.end] if site else []), *published]
    log = Log()
    needed = [name for name in wanted if name is not None]
    raw = reading.read(paths, config, needed, log, reference)
    log.note("records read", len(raw))
    table = name_records(raw, config.id_column, log)
    keep = pd.Series(True, index=raw.index)
    raw, keep = reading.join(raw, keep, table, paths, config, log)
    table["sequence"] = raw["input_"]
    for name, column in split.columns.items():
        table[name] = raw[column]
    for stratum in strata:
        if stratum.column is not None:
            table[_kept_for(stratum)] = raw[stratum.column].str.strip()
    for end, column in site.model_dump().items() if site else []:
        table[f"site.{end}"] = pd.to_numeric(raw[column], errors="coerce")
    for column in published:
        table[published_column(column)] = numbers_of(raw, column, table)
    if expression and expression.check:
        table["expected_target"] = numbers_of(raw, expression.check.column, table)
    counts = _counts(raw, expression.counts, table) if expression and expression.counts else None
    if expression and expression.target:
        from . import gene_values  # AnnData is slow to import

        counts, found = gene_values.read(table["source_id"], paths, expression, log)
        log.records(table, ~found, "dropped", "the matrix does not have the gene")
        keep &= found
    if target_column:
        keep &= targets.there(raw[target_column], target, table, keep, log)
    keep &= beside.complete(raw, keep, config, table, log)

    # what is dropped here need not be right in anything else
    raw, table = raw[keep].reset_index(drop=True), table[keep].reset_index(drop=True)
    counts = counts[keep].reset_index(drop=True) if counts is not None else None
    _refuse_empty(table, paths)
    table = table.join(beside.read(raw, config, of_target, table, log))
    numbers = _take_numbers(table, config, log)
    if not numbers:
        letters.spell_out(table, config.sequence, log)
    per = _label(table, raw, target, numbers) if target_column else "sequence"
    stays, alphabet = np.ones(len(table), dtype=bool), None
    if not numbers:
        alphabet = _alphabet(table, config.sequence, log)
        # labels of a whole sequence do not change with its letters
        whole = table if per == "position" else table.drop(columns="labels", errors="ignore")
        stays = letters.check(whole, config.sequence, ALPHABETS[alphabet], stays, log)
        table[whole.columns] = whole
    _refuse_empty(table[stays], paths)
    task = NEXT_VALUE if next_value else REGRESSION
    if next_value and not numbers:
        raise InputError(
            f"{listed(map(str, paths.values()))}: target.task: next_value is for series of "
            "numbers, and the inputs are letters. Give examples.numbers, or another task."
        )
    if next_value:
        log.note(f"task: {task.name} at every step", 1)
    if target_column:
        task = targets.settle_in(table, stays, target, per, log)
    stays &= not_repeated(table, stays, config.duplicates, log)
    _refuse_empty(table[stays], paths)
    if config.sample is not None and reference is None:
        # what the others are measured by
        named = expression.references if expression else []
        needed = table["sequence"].isin(named).to_numpy()
        one_class = task.kind == "classification" and per == "sequence"
        classes = table["target"] if one_class else None
        stays = drawn(stays, config.sample, log, needed, classes)
    log.note("records kept", int(stays.sum()))
    table = table.loc[stays].drop(columns=["line", "origin"]).reset_index(drop=True)
    if counts is not None:
        counts = counts.loc[stays].reset_index(drop=True)
    description = Description(
        "numbers" if numbers else "letters", alphabet, task,
        covariates=tuple(beside.covariates_of(raw, config)),
    )  # fmt: skip
    return Examples(table, counts, log.frame(), description)


def _label(table: pd.DataFrame, raw: pd.DataFrame, target: TargetConfig, numbers: bool) -> str:
    """Put the targets into the column `labels`, and say what they belong to."""
    texts = targets.with_values(raw[target.column].str.strip(), target, table)
    sequences = table["sequence"]
    lengths = (sequences.str.count(" ") + 1 if numbers else sequences.str.len()).to_numpy()
    if target.per == "sequence" or (
        target.per == "auto" and not targets.fits_positions(texts, lengths)
    ):
        table["labels"] = texts
        return "sequence"
    labels = targets.read_labels(texts, lengths, table)
    mask = targets.read_labels(raw[target.mask], lengths, table) if target.mask else None
    table["labels"] = targets.masked(labels, target, mask)
    return "position"


def _refuse_empty(table: pd.DataFrame, paths: Mapping[str, str | Path]) -> None:
    if table.empty:
        raise InputError(f"{listed(map(str, paths.values()))}: no record is left after the checks.")


def _take_numbers(table: pd.DataFrame, config: ExamplesConfig, log: Log) -> bool:
    """Whether the inputs are numbers; then they are put into one form, in place.

    Where nothing is said, inputs that all read as numbers are numbers: they are no letters.
    """
    sequence = config.sequence
    declared = config.numbers is not None
    if not declared and (sequence.alphabet != "auto" or sequence.codes or sequence.columns):
        return False
    channels = (config.numbers.channels if config.numbers else None) or [""]
    series = []
    for row, text in enumerate(table["sequence"]):
        read = reading.parse_series(text, channels)
        if isinstance(read, str):
            if not declared and "no series" in read:
                return False
            raise InputError(f"{name_of(table, row)}: {read}.")
        series.append(write_numbers(read))
    table["sequence"] = pd.Series(series, index=table.index)
    log.note("inputs are series of numbers", len(series))
    return True


def _alphabet(table: pd.DataFrame, config: SequenceConfig, log: Log) -> str:
    if config.alphabet != "auto":
        return config.alphabet
    removed = {ord(character): None for character in config.remove.upper()}
    found = letters.detect_alphabet(table["sequence"].str.translate(removed))
    if found is None:
        raise InputError(
            f"{table['origin'].iloc[0]}: the letters of the sequences are those of no alphabet. "
            f"Set examples.sequence.alphabet ({listed(ALPHABETS)}) to see which letter is wrong."
        )
    log.note(f"alphabet: {found.name}, as the letters are", len(table))
    return found.name


def name_records(raw: pd.DataFrame, id_column: str | None, log: Log) -> pd.DataFrame:
    """Ids that are safe as file names and labels; the original stays in `source_id`."""
    made = pd.Series([f"ex{number:06d}" for number in range(1, len(raw) + 1)])
    if id_column is None:
        return pd.DataFrame({"id": made, "source_id": made}).join(raw[["line", "origin"]])
    source_id = raw[id_column]
    twice = source_id.duplicated(keep="first").to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        first = raw["line"][int((source_id == source_id[row]).to_numpy().argmax())]
        raise InputError(
            f"{raw['origin'][row]}, line {raw['line'][row]}: the id '{source_id[row]}' was already "
            f"on line {first}; ids must be unique. Leave `examples.id` out to number the records."
        )
    fits = source_id.map(lambda value: _ID.fullmatch(value) is not None).to_numpy()
    # a made name must not meet a name that the user gave
    ids = source_id.where(fits, made)
    if ids.duplicated().any():
        ids = source_id.where(fits, made + "_made")
    table = pd.DataFrame({"id": ids, "source_id": source_id}).join(raw[["line", "origin"]])
    log.records(table, ~fits, "changed", "id has other characters than A-Z a-z 0-9 . _ -")
    return table


def _counts(raw: pd.DataFrame, columns: Sequence[str], table: pd.DataFrame) -> pd.DataFrame:
    counts = pd.DataFrame({column: numbers_of(raw, column, table) for column in columns})
    values = counts.to_numpy()
    for wrong, what in (
        (values < 0, "negative"),
        (values != np.floor(values), "not a whole number"),
    ):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise InputError(
                f"{name_of(table, row)}: the count '{columns[column]}' is {what} "
                f"({values[row, column]:g}; {int(wrong.sum())} such values). Give raw counts, not "
                "normalised values."
            )
    return counts


def _kept_for(stratum: Stratum) -> str:
    return f"stratum.{stratum.name}"


def strata(table: pd.DataFrame, config: Sequence[Stratum]) -> dict[str, set[str]]:
    """Ids of the examples of each stratum; of a column, those of each of its values.

    Raises
    ------
    InputError
        For a column with too many values to score each apart, or with texts that name nothing.
    """
    found: dict[str, set[str]] = {}
    for stratum in config:
        if stratum.pattern is not None:
            fits = table["sequence"].str.fullmatch(stratum.pattern)
            found[stratum.name] = set(table.loc[fits, "id"])
            continue
        values = table[_kept_for(stratum)]
        different = values.unique()
        wrong = [value for value in different if not fits_as_value(value)]
        if len(different) > MOST_VALUES or wrong:
            what = (
                f"{len(different):,} values, and each would be scored apart (at most {MOST_VALUES})"
                if len(different) > MOST_VALUES
                else f"the value {wrong[0][:40]!r}, which is no number, word or name"
            )
            raise InputError(
                f"evaluation.strata: the column '{stratum.column}' has {what}. Take another "
                "column, or a pattern."
            )
        # in the order of numbers where they are numbers
        numbers = values_of(different)
        for value in sorted(different, key=lambda value: (numbers.get(value, 0.0), value)):
            found[f"{stratum.name}-{value}"] = set(table.loc[values == value, "id"])
    return found


def fits_as_value(text: str) -> bool:
    """Whether the value of a column can be part of the name of a subset."""
    return _VALUE.fullmatch(text) is not None


def values_of(texts: Sequence[str]) -> dict[str, float]:
    """The number that each text stands for; empty where one of them is none, or not finite."""
    numbers = pd.to_numeric(pd.Series(list(texts), dtype=object), errors="coerce")
    if not np.isfinite(numbers.to_numpy(float)).all():
        return {}
    return dict(zip(texts, numbers.astype(float), strict=True))


def published_column(column: str) -> str:
    """What a column with published predictions is called in `examples.parquet`."""
    return f"published.{column}"


def save(examples: Examples, path: str | Path) -> None:
    """Write `examples.parquet`."""
    write_parquet(examples.table, path)


def load(path: str | Path) -> pd.DataFrame:
    """Read `examples.parquet`."""
    return pd.read_parquet(path)


def save_description(description: Description, path: str | Path) -> None:
    """Write `examples.json`."""
    write_json(path, description.to_dict())


def load_description(path: str | Path) -> Description:
    """Read `examples.json`."""
    value = json.loads(Path(path).read_text(encoding="utf-8"))
    task = Task.from_dict(value["task"])
    covariates = tuple(value["covariates"])
    return Description(value["inputs"], value["alphabet"], task, value["profile"], covariates)
