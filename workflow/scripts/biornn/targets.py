"""Targets: numbers or classes, one a sequence or one for each position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from .checking import listed
from .config_data import TargetConfig
from .files import InputError
from .records import Log, name_of, numbers_of

#: Stands for a position without a label in `examples.parquet`.
MASK = "~"
#: Code of a position without a label.
MASKED = -1
#: Labels of one example's positions: letters as text, else one word each.
Labels = str | tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """What is predicted.

    Attributes
    ----------
    kind : str
        `regression`, `classification` (one class each) or `multilabel` (any number of labels).
    per : str
        `sequence` (one target each) or `position` (one for every letter or step).
    classes : tuple of str
        In the order of the predictions; of two, the last is the positive one.
    ordered : bool
        Whether the classes have an order, that of `classes`.
    counts : bool
        Whether the numbers are counts: whole and not negative.
    next_value : bool
        Whether the target of a step is the value of the input at the next one.
    separator : str
        Between the labels of one example, where it may have several.
    """

    kind: Literal["regression", "classification", "multilabel"] = "regression"
    per: Literal["sequence", "position"] = "sequence"
    classes: tuple[str, ...] = ()
    ordered: bool = False
    counts: bool = False
    next_value: bool = False
    separator: str = ";"

    @property
    def n_values(self) -> int:
        """Values in the prediction of a target: one, or a probability for each class or label."""
        return max(len(self.classes), 1)

    @property
    def name(self) -> str:
        """What the task is called: the word of `target.task`."""
        if self.kind == "regression":
            return "next_value" if self.next_value else "count" if self.counts else "regression"
        return "ordinal" if self.ordered else self.kind

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Task:
        """The task that `to_dict` described."""
        return cls(**{**value, "classes": tuple(value["classes"])})

    def encode(self, targets: pd.Series) -> np.ndarray:
        """Targets as numbers.

        Parameters
        ----------
        targets : pandas.Series
            The column `target` of `examples.parquet`.

        Returns
        -------
        numpy.ndarray
            float64 values or int64 class codes, [n] for a target a sequence, [total length] for
            one a position; positions without a label are NaN or `MASKED`. For several labels
            float64 [n, classes], 1 where the example has the label and 0 where not.
        """
        if self.kind == "multilabel":
            return self._encode_labels(targets)
        if self.per == "position":
            words = self._words(targets)
            if self.kind == "regression":
                return np.where(words == MASK, "nan", words).astype(np.float64)
            codes = {label: code for code, label in enumerate(self.classes)} | {MASK: MASKED}
            found, inverse = np.unique(words, return_inverse=True)
            return np.array([codes[label] for label in found], dtype=np.int64)[inverse]
        if self.kind == "regression":
            return targets.to_numpy(dtype=np.float64)
        return pd.Categorical(targets, list(self.classes)).codes.astype(np.int64)

    def _encode_labels(self, targets: pd.Series) -> np.ndarray:
        codes = {label: code for code, label in enumerate(self.classes)}
        values = np.zeros((len(targets), len(self.classes)))
        for row, text in enumerate(targets):
            values[row, [codes[label] for label in split_labels(text, self.separator)]] = 1
        return values

    def _words(self, targets: pd.Series) -> np.ndarray:
        if self.kind == "classification" and all(len(label) == 1 for label in self.classes):
            return np.array(list("".join(targets)), dtype="U1")
        return np.array(" ".join(targets).split(" "))


#: One number a sequence.
REGRESSION = Task()
#: The value of the next step, at every step.
NEXT_VALUE = Task("regression", "position", next_value=True)


def split_labels(text: str, separator: str) -> list[str]:
    """The labels in a text such as `nucleus; cytoplasm`; none in an empty one."""
    return [label for part in text.split(separator) if (label := part.strip())]


def read_labels(texts: pd.Series, lengths: np.ndarray, table: pd.DataFrame) -> pd.Series:
    """Labels of every position, from text with as many letters or words as there are positions.

    Parameters
    ----------
    texts : pandas.Series
    lengths : numpy.ndarray
        int [n], positions of each example.
    table : pandas.DataFrame
        For messages.

    Raises
    ------
    InputError
        Naming the first record where the numbers differ.
    """
    found = [_labels(text, n) for text, n in zip(texts, lengths, strict=True)]
    for row, labels in enumerate(found):
        if labels is None:
            raise InputError(
                f"{name_of(table, row)}: {len(texts.iloc[row].split())} words or "
                f"{len(''.join(texts.iloc[row].split()))} letters as labels of "
                f"{lengths[row]} positions. Each position needs one; correct the table, or set "
                "target.per: sequence."
            )
    return pd.Series(found, index=texts.index, dtype=object)


def _labels(text: str, n: int) -> Labels | None:
    words = text.split()
    letters = "".join(words)
    if len(words) == n and len(letters) > 1:
        return tuple(words)
    return letters if len(letters) == n else None


def fits_positions(texts: pd.Series, lengths: np.ndarray) -> bool:
    """Whether every text has one label for each position; numbers are taken as numbers."""
    if not len(texts) or not (lengths > 1).any() or _are_numbers(texts):
        return False
    return all(_labels(text, n) is not None for text, n in zip(texts, lengths, strict=True))


def _share_of_numbers(texts: pd.Series) -> float:
    return float(np.isfinite(pd.to_numeric(texts, errors="coerce")).mean())


def _are_numbers(texts: pd.Series) -> bool:
    return _share_of_numbers(texts) == 1


def masked(labels: pd.Series, config: TargetConfig, mask: pd.Series | None) -> pd.Series:
    """The labels with `MASK` where there is to be none.

    Parameters
    ----------
    labels : pandas.Series
        Of each example, text or words.
    mask : pandas.Series or None
        Of each example as many characters: `0` where there is no label.
    """
    hidden = set(config.masked)
    rows = []
    for row, one in enumerate(labels):
        open_ = mask.iloc[row] if mask is not None else None
        new = [
            MASK if label in hidden or (open_ is not None and open_[at] == "0") else label
            for at, label in enumerate(one)
        ]
        rows.append("".join(new) if isinstance(one, str) else tuple(new))
    return pd.Series(rows, index=labels.index, dtype=object)


def take(labels: Labels, keep: np.ndarray | slice) -> Labels:
    """The labels of some positions (a slice, or boolean)."""
    if isinstance(keep, slice):
        return labels[keep]
    chosen = [label for label, stays in zip(labels, keep, strict=True) if stays]
    return "".join(chosen) if isinstance(labels, str) else tuple(chosen)


def there(
    came: pd.Series, target: TargetConfig, table: pd.DataFrame, wanted: pd.Series, log: Log
) -> np.ndarray:
    """Which records have a target; those without are refused, or dropped.

    Parameters
    ----------
    came : pandas.Series
        Text, as it came.
    wanted : pandas.Series
        Boolean: the others are not looked at.
    """
    there = ~(came.str.strip().isin(target.missing_values) & wanted).to_numpy()
    if not there.all() and target.missing == "error":
        row = int(np.flatnonzero(~there)[0])
        raise InputError(
            f"{name_of(table, row)}: '{target.column}' is {came[row]!r}, no target "
            f"({int((~there).sum())} such records). Correct them, or set target.missing: drop."
        )
    log.records(table, ~there, "dropped", "no target")
    return there


def with_values(texts: pd.Series, target: TargetConfig, table: pd.DataFrame) -> pd.Series:
    """The texts, or the numbers that `target.values` gives them."""
    if target.values is None:
        return texts
    unknown = ~texts.isin(target.values).to_numpy()
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise InputError(
            f"{name_of(table, row)}: '{target.column}' is {texts[row]!r}, which is none of "
            f"{listed(target.values)} ({int(unknown.sum())} such records). Add it to target.values."
        )
    return texts.map({text: repr(value) for text, value in target.values.items()})


def _said(task: Task, target: TargetConfig) -> str:
    """The note that says what is predicted."""
    what = f"task: {task.name} per {task.per}, column '{target.column}'"
    return f"{what}, classes {listed(task.classes)}" if task.classes else what


def settle_in(
    table: pd.DataFrame, stays: np.ndarray, config: TargetConfig, per: str, log: Log
) -> Task:
    """Put `target` in place of the column `labels`, for the records that stay.

    `stays` (boolean [n]) is changed in place where a class is dropped.
    """
    rest = table[stays].reset_index(drop=True)
    task, values, right = settle(rest["labels"], config, per, rest, log)
    stays[np.flatnonzero(stays)[~right]] = False
    # both are in place, so that the caller's table changes
    table["target"] = pd.Series(values[right].to_numpy(), index=np.flatnonzero(stays))
    del table["labels"]
    log.note(_said(task, config), len(task.classes) or 1)
    return task


def settle(
    texts: pd.Series, config: TargetConfig, per: str, table: pd.DataFrame, log: Log
) -> tuple[Task, pd.Series, np.ndarray]:
    """Decide the task and put the targets in the form that `Task.encode` reads.

    Parameters
    ----------
    texts : pandas.Series
        Text of each example, or its `Labels` where `per` is `position`.
    config : TargetConfig
    per : str
        `sequence` or `position`.
    table : pandas.DataFrame
        Names the records in messages; rows as in `texts`.
    log : Log

    Returns
    -------
    task : Task
    targets : pandas.Series
        float64, or text.
    keep : numpy.ndarray
        Boolean [n]: False for classes that are too small and dropped.

    Raises
    ------
    InputError
        For a value that is no number (or count), a class that is not named, or one that is too
        small.
    """
    everything = np.ones(len(texts), dtype=bool)
    if config.task == "multilabel":
        return _settle_labels(texts, config, table, log)
    if per == "position":
        flat = pd.Series([label for labels in texts for label in labels if label != MASK])
        words = not all(isinstance(labels, str) for labels in texts)
        regression = config.task in ("regression", "count") or (
            config.task == "auto" and words and not config.classes and _are_numbers(flat)
        )
        if regression:
            _refuse_text(texts, table, config)
            counts = config.task == "count"
            if counts:
                rows = np.repeat(np.arange(len(texts)), texts.map(len))
                every = [label for labels in texts for label in labels]
                there = np.array([label != MASK for label in every], dtype=bool)
                _refuse_other_than_counts(flat.astype(float), rows[there], table, config)
            task = Task("regression", "position", counts=counts)
            return task, texts.map(" ".join), everything
        classes = _classes(flat, config)
        if not set(flat) <= set(classes):
            row = next(r for r, labels in enumerate(texts) if set(labels) - {*classes, MASK})
            unknown = sorted(set(texts.iloc[row]) - {*classes, MASK})
            raise InputError(
                f"{name_of(table, row)}: the label {unknown[0]!r} is none of {listed(classes)}. "
                "Add it to target.classes, or to target.masked."
            )
        # one letter a label is written without spaces between
        between = "" if all(len(label) == 1 for label in classes) else " "
        task = Task("classification", "position", classes, ordered=config.task == "ordinal")
        return task, texts.map(between.join), everything
    if config.task in ("regression", "count") or (
        config.task == "auto" and not config.classes and _share_of_numbers(texts) > 0.5
    ):
        column = str(config.column)
        values = numbers_of(texts.to_frame(column), column, table)
        if config.task == "count":
            _refuse_other_than_counts(values, np.arange(len(values)), table, config)
        return Task(counts=config.task == "count"), values, everything
    return _settle_classes(texts, config, table, log)


def _settle_classes(
    texts: pd.Series, config: TargetConfig, table: pd.DataFrame, log: Log
) -> tuple[Task, pd.Series, np.ndarray]:
    classes = _classes(texts, config)
    unknown = ~texts.isin(classes).to_numpy()
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise InputError(
            f"{name_of(table, row)}: '{texts.iloc[row]}' is none of the classes {listed(classes)} "
            f"({int(unknown.sum())} such records). Add it to target.classes, or correct the table."
        )
    sizes = texts.value_counts()
    small = [label for label in classes if sizes.get(label, 0) < config.min_class_size]
    keep = ~texts.isin(small).to_numpy()
    if small and config.small_classes == "error":
        raise InputError(
            f"target: the class '{small[0]}' has {sizes.get(small[0], 0)} examples, fewer than "
            f"min_class_size {config.min_class_size} ({listed(small)}). Get more, or set "
            "target.small_classes: drop."
        )
    log.records(table, ~keep, "dropped", "its class has too few examples")
    classes = tuple(label for label in classes if label not in small)
    if len(classes) < 2:
        raise InputError(
            f"target: there is only the class {listed(classes) or '(none)'}; nothing can be told "
            "apart. Check the target column."
        )
    ordered = config.task == "ordinal"
    return Task("classification", "sequence", classes, ordered=ordered), texts, keep


def _settle_labels(
    texts: pd.Series, config: TargetConfig, table: pd.DataFrame, log: Log
) -> tuple[Task, pd.Series, np.ndarray]:
    found = [split_labels(text, config.separator) for text in texts]
    flat = pd.Series([label for labels in found for label in set(labels)], dtype=object)
    classes = _classes(flat, config)
    for row, labels in enumerate(found):
        if unknown := sorted(set(labels) - set(classes)):
            raise InputError(
                f"{name_of(table, row)}: the label '{unknown[0]}' is none of {listed(classes)}. "
                "Add it to target.classes, or correct the table."
            )
    sizes = flat.value_counts()
    small = [label for label in classes if sizes.get(label, 0) < config.min_class_size]
    if small and config.small_classes == "error":
        raise InputError(
            f"target: the label '{small[0]}' has {sizes.get(small[0], 0)} examples, fewer than "
            f"min_class_size {config.min_class_size} ({listed(small)}). Get more, or set "
            "target.small_classes: drop."
        )
    for label in small:
        log.note(f"the label '{label}' has too few examples and is left out", sizes.get(label, 0))
    classes = tuple(label for label in classes if label not in small)
    if len(classes) < 2:
        raise InputError(
            f"target: {len(classes)} labels are left ({listed(classes)}), several are needed. "
            f"Check the target column, and that target.separator is '{config.separator}'."
        )
    # one way to write a set of labels, so that copies can be told
    chosen = [[label for label in classes if label in labels] for labels in found]
    written = pd.Series([config.separator.join(labels) for labels in chosen], index=texts.index)
    task = Task("multilabel", "sequence", classes, separator=config.separator)
    return task, written, np.ones(len(texts), dtype=bool)


def _refuse_other_than_counts(
    values: pd.Series, rows: np.ndarray, table: pd.DataFrame, config: TargetConfig
) -> None:
    """Counts are whole and not negative; `rows` [values] are where each is in the table."""
    wrong = ((values < 0) | (values != np.floor(values))).to_numpy()
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{name_of(table, int(rows[at]))}: '{config.column}' is {values.iloc[at]:g}, no count: "
            f"whole and not negative ({int(wrong.sum())} such values). Give raw counts, or set "
            "target.task: regression."
        )


def _classes(texts: pd.Series, config: TargetConfig) -> tuple[str, ...]:
    classes = tuple(config.classes or sorted(set(texts)))
    if len(classes) > 100:
        raise InputError(
            f"target: {len(classes)} classes, such as {listed(classes[:3])}. Is the target column "
            "the right one, and are its numbers all numbers?"
        )
    return classes


def _refuse_text(texts: pd.Series, table: pd.DataFrame, config: TargetConfig) -> None:
    for row, labels in enumerate(texts):
        there = pd.Series([label for label in labels if label != MASK], dtype=object)
        if not _are_numbers(there):
            raise InputError(
                f"{name_of(table, row)}: '{config.column}' has labels that are no numbers. "
                "Correct them, or set target.task: classification."
            )
