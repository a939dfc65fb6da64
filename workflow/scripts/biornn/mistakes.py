"""Mistakes: the test examples that the best network gets most wrong, to be looked at one by one.

What a network is sure of and wrong about is where labels are wrong, examples ambiguous, or
something is missing from its inputs; a mean over the test set shows none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from . import excerpts
from .findings import number
from .outcome import Tables
from .targets import Task

#: Mistakes that are shown.
MOST = 10
#: A position of a numeric target is wrong from so many standard deviations on.
_FAR = 2.0
#: Letters (or characters of a series) that a page holds of one input.
_WHOLE = 5_000


@dataclass(frozen=True)
class Mistake:
    """One test example, its answer and its nearest training example.

    Attributes
    ----------
    id : str
        Its name.
    target, prediction : str
        What is true and what was said.
    size : float
        What mistakes are ordered by: a probability, standard deviations, or a share.
    agree : str
        How many of the trained networks say the same; of positions, how many are wrong.
    stretches : str
        Of positions, where the wrong ones are.
    source_id : str
        Its name in the source.
    sequence, short : str
        The input, at most `_WHOLE` characters of it, and the same shortened in the middle; empty
        for profiles.
    length : int
        Characters of the whole.
    nearest, nearest_target : str
        The nearest training example, and what is true of it; empty where nobody looked.
    identity : float
        To it, or NaN.
    lines : tuple
        Of positions with one letter a class, a line each: the first position, the sequence, what is
        true, what was said, and a mark where that differs.
    """

    id: str
    target: str
    prediction: str
    size: float
    agree: str
    stretches: str = ""
    source_id: str = ""
    sequence: str = ""
    short: str = ""
    length: int = 0
    nearest: str = ""
    nearest_target: str = ""
    identity: float = float("nan")
    lines: tuple[tuple[int, str, str, str, str], ...] = ()


@dataclass(frozen=True)
class Mistakes:
    """The worst mistakes of a network.

    Attributes
    ----------
    model : str
    said : list of str
        How they were chosen, and of how many.
    measure : str
        What `size` is.
    digits : int
        With how many decimals to write it.
    rows : list of Mistake
        The worst first.
    """

    model: str
    said: list[str]
    measure: str
    digits: int
    rows: list[Mistake]

    @property
    def has_nearest(self) -> bool:
        """Whether the nearest training example of any is known."""
        return any(row.nearest for row in self.rows)


def find(tables: Tables) -> Mistakes | None:
    """The worst mistakes of the best network on the test examples; None where it made none."""
    model, task = tables.chosen["best_recurrent"], tables.description.task
    test = tables.predictions[
        (tables.predictions["model"] == model) & (tables.predictions["subset"] == "test")
    ]
    if task.per == "position":
        found = _positions(model, test, task)
    elif task.kind == "multilabel":
        found = _labels(model, test, task)
    elif task.classes:
        found = _classes(model, test, task)
    else:
        found = _numbers(model, test, task)
    if not found.rows:
        return None
    return replace(found, rows=_told(found.rows, test, tables))


def _of(agree: float, of: float) -> str:
    return f"{int(agree):,} of {int(of):,}"


# -- one target an example -------------------------------------------------------------------------


def _classes(model: str, test: pd.DataFrame, task: Task) -> Mistakes:
    names = np.array(task.classes)
    columns = [f"prediction.{label}" for label in task.classes]
    groups = test.groupby("id", observed=True, sort=False)
    means = groups[columns].mean()
    answer = means.to_numpy().argmax(axis=1)
    table = pd.DataFrame(
        {
            "target": groups["target"].first().astype(str),
            "answer": names[answer],
            "size": means.to_numpy().max(axis=1),
            "of": groups.size(),
        }
    )
    said_by_each = pd.Series(names[test[columns].to_numpy().argmax(axis=1)], index=test.index)
    same = said_by_each == test["id"].map(table["answer"]).astype(str)
    table["agree"] = same.groupby(test["id"], observed=True, sort=False).sum()
    wrong = table[table["target"] != table["answer"]]
    worst = wrong.sort_values("size", ascending=False, kind="stable").head(MOST)
    rows = [
        Mistake(str(row.Index), row.target, row.answer, row.size, _of(row.agree, row.of))
        for row in worst.itertuples()
    ]
    return Mistakes(
        model,
        [
            f"{len(wrong):,} of {len(table):,} test examples are wrong by the mean of the "
            f"probabilities that the seeds of {model} give.",
            f"These are the {len(rows)} wrong answers that it was surest of.",
        ],
        "probability of the answer",
        3,
        rows,
    )


def _labels(model: str, test: pd.DataFrame, task: Task) -> Mistakes:
    groups = test.groupby("id", observed=True, sort=False)
    found = []
    for label in task.classes:
        there = groups[f"target.{label}"].first() == 1
        given = test[f"prediction.{label}"] > 0.5
        chance = groups[f"prediction.{label}"].mean()
        agree = given.groupby(test["id"], observed=True, sort=False).sum()
        of = groups.size()
        found.append(
            pd.DataFrame(
                {
                    "id": chance.index.astype(str),
                    "target": np.where(there, label, f"not {label}"),
                    "answer": np.where(there, f"not {label}", label),
                    "size": np.where(there, 1 - chance, chance),
                    "agree": np.where(there, of - agree, agree),
                    "of": of.to_numpy(),
                }
            )
        )
    table = pd.concat(found)
    wrong = table[table["size"] > 0.5]
    worst = wrong.sort_values("size", ascending=False, kind="stable").head(MOST)
    rows = [
        Mistake(row.id, row.target, row.answer, row.size, _of(row.agree, row.of))
        for row in worst.itertuples()
    ]
    return Mistakes(
        model,
        [
            f"{len(wrong):,} of {len(table):,} labels of the test examples are given or missing "
            f"wrongly by the mean of the probabilities that the seeds of {model} give.",
            f"These are the {len(rows)} that it was surest of.",
        ],
        "probability of the answer",
        3,
        rows,
    )


def _numbers(model: str, test: pd.DataFrame, task: Task) -> Mistakes:
    # the noise of counts grows with them: their logarithms are compared
    scale = np.log1p if task.counts else np.asarray
    residual = scale(test["target"].to_numpy()) - scale(test["prediction"].to_numpy())
    signs = pd.Series(np.sign(residual), index=test.index)
    groups = test.assign(residual=residual).groupby("id", observed=True, sort=False)
    table = groups[["target", "prediction", "residual"]].mean()
    spread = float(table["residual"].std()) or float("nan")
    table["size"] = table["residual"] / spread
    by_id = signs.groupby(test["id"], observed=True, sort=False)
    table["agree"], table["of"] = by_id.sum().abs(), groups.size()
    together = table[(table["agree"] == table["of"]) & (table["residual"] != 0)]
    worst = together.sort_values("size", key=abs, ascending=False, kind="stable").head(MOST)
    rows = [
        Mistake(
            str(row.Index), number(row.target), number(row.prediction), row.size,
            _of(row.agree, row.of),
        )
        for row in worst.itertuples()
    ]  # fmt: skip
    far = int((table["size"].abs() > 3).sum())
    logs = " of ln(1 + count)" if task.counts else ""
    return Mistakes(
        model,
        [
            f"Residuals{logs} (measured − predicted, mean over the seeds of {model}) in units of "
            f"their standard deviation over the test set, {number(spread)}.",
            f"{far:,} of {len(table):,} test examples ({number(100 * far / len(table), 1)} %) are "
            "off by more than three; of normal errors it would be 0.3 %.",
            f"These are the {len(rows)} largest that all seeds make in the same direction.",
        ],
        "residual, SD",
        1,
        rows,
    )


# -- a target a position ---------------------------------------------------------------------------


def _positions(model: str, test: pd.DataFrame, task: Task) -> Mistakes:
    groups = test.groupby(["id", "position"], observed=True, sort=False)
    if task.classes:
        names = np.array(task.classes)
        means = groups[[f"prediction.{label}" for label in task.classes]].mean()
        table = pd.DataFrame(
            {
                "target": groups["target"].first().astype(str),
                "answer": names[means.to_numpy().argmax(axis=1)],
            }
        ).reset_index()
        wrong = table["target"] != table["answer"]
        what = "are wrong by the mean of the probabilities that the seeds"
    else:
        table = groups[["target", "prediction"]].mean().reset_index()
        table = table.rename(columns={"prediction": "answer"})
        residual = table["target"] - table["answer"]
        spread = float(residual.std())
        wrong = residual.abs() > _FAR * spread
        what = f"are off by more than {_FAR:g} standard deviations ({number(spread)}) by what the "
        what += "seeds"
    table = table.assign(wrong=wrong.to_numpy()).sort_values(["id", "position"], kind="stable")
    by_id = table.groupby("id", observed=True, sort=False)["wrong"].agg(["mean", "sum", "size"])
    worst = by_id[by_id["sum"] > 0].sort_values(["mean", "sum"], ascending=False, kind="stable")
    rows = []
    for name, row in worst.head(MOST).iterrows():
        mine = table[table["id"] == name]
        rows.append(
            Mistake(
                str(name), "", "", float(row["mean"]), _of(row["sum"], row["size"]),
                excerpts.stretches(mine.loc[mine["wrong"], "position"].to_numpy()),
            )
        )  # fmt: skip
    return Mistakes(
        model,
        [
            f"{int(wrong.sum()):,} of {len(table):,} test positions {what} of {model} give.",
            f"These are the {len(rows)} sequences with the largest share of them.",
        ],
        "share of wrong positions",
        3,
        rows,
    )


# -- what is known of an example -------------------------------------------------------------------


def _told(rows: Sequence[Mistake], test: pd.DataFrame, tables: Tables) -> list[Mistake]:
    """The same mistakes with their inputs and their nearest training examples."""
    task, inputs = tables.description.task, tables.description.inputs
    ids = {row.id for row in rows}
    examples = tables.examples[tables.examples["id"].isin(ids)].set_index("id")
    nearest = tables.nearest[tables.nearest["id"].isin(ids)]
    # in several folds an example has several neighbours
    nearest = nearest.sort_values("identity", ascending=False, kind="stable")
    nearest = nearest.drop_duplicates("id").set_index("id")
    targets = _targets(tables, set(nearest["nearest"]))
    found = []
    for row in rows:
        own = examples.loc[row.id]
        text = "" if inputs == "profiles" else str(own["sequence"])
        known = {}
        if row.id in nearest.index:
            beside = nearest.loc[row.id]
            known = {
                "nearest": str(beside["nearest"]),
                "nearest_target": targets.get(str(beside["nearest"]), ""),
                "identity": float(beside["identity"]),
            }
        lines = ()
        if task.per == "position" and inputs == "letters":
            lines = excerpts.aligned(text[:_WHOLE], test[test["id"] == row.id], task.classes)
        found.append(
            replace(
                row, source_id=str(own.get("source_id", row.id)), sequence=text[:_WHOLE],
                short=excerpts.shortened(text, "" if inputs == "letters" else " "),
                length=len(text), lines=lines, **known,
            )
        )  # fmt: skip
    return found


def _targets(tables: Tables, ids: set[str]) -> dict[str, str]:
    """What is true of some training examples, where each has one target."""
    task, rows = tables.description.task, tables.predictions
    if task.per == "position":
        return {}
    rows = rows[rows["id"].isin(ids)].drop_duplicates("id").set_index("id")
    if task.kind == "multilabel":
        return {
            str(name): ", ".join(x for x in task.classes if row[f"target.{x}"] == 1) or "none"
            for name, row in rows.iterrows()
        }
    said = rows["target"].map(str if task.classes else number)
    return {str(name): str(value) for name, value in said.items()}
