"""Samples: of which kind the predictions of a task are."""

from __future__ import annotations

import pandas as pd

from .class_samples import (
    ClassPerPositionSample,
    ClassSample,
    LabelSample,
    OrderedPerPositionSample,
    OrderedSample,
)
from .number_samples import (
    CountPerPositionSample,
    CountSample,
    NumberPerPositionSample,
    NumberSample,
)
from .sampling import Sample
from .targets import Task

#: For a whole sequence, and for each position.
KINDS: dict[str, tuple[type[Sample], ...]] = {
    "regression": (NumberSample, NumberPerPositionSample),
    "next_value": (NumberSample, NumberPerPositionSample),
    "count": (CountSample, CountPerPositionSample),
    "classification": (ClassSample, ClassPerPositionSample),
    "ordinal": (OrderedSample, OrderedPerPositionSample),
    "multilabel": (LabelSample,),
}


def sample_of(table: pd.DataFrame, task: Task | None = None) -> Sample:
    """The sample of one model's rows of `predictions.parquet` on one subset of one fold.

    Parameters
    ----------
    table : pandas.DataFrame
        `model, kind` and the columns of `folds.predictions_table`.
    task : Task or None
        What is predicted; without it numbers or classes, as the columns are.
    """
    if task is not None:
        name = task.name
    else:
        name = "regression" if "prediction" in table else "classification"
    return KINDS[name]["position" in table](table)
