"""The README's table of published analyses, written from the stored table of a run.

`python -m biornn.catalogue_table resources/published.tsv README.md` writes it between its marks; a
test fails when the two differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from . import markdown
from .files import InputError, read_tsv, write_text
from .findings import interval, number
from .metrics import LABELS

BEGIN, END = (
    "<!-- published: written by `make published-table`, not by hand -->",
    "<!-- /published -->",
)
_HEAD = ["analysis", "task", "published model", "metric", "published", "ours", "verdict",
         "minutes of jobs"]  # fmt: skip
_BETWEEN = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)


def read(path: str | Path) -> pd.DataFrame:
    """A table that `catalogue.table_of` made."""
    texts = ("analysis", "paper", "task", "data", "protocol", "model", "source", "our_model",
             "verdict", "note", "command", "date", "biornn", "torch")  # fmt: skip
    return read_tsv(path, **dict.fromkeys(texts, str))


def section(table: pd.DataFrame) -> str:
    """The table in Markdown, and under it when and with what its numbers were made."""
    first = ~table.duplicated("analysis")
    rows = [_row(*each) for each in zip(table.to_dict("records"), first, strict=True)]
    dates = sorted({date for date in table["date"] if date})
    when = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "no known day"
    versions = [
        f"{name} {', '.join(dict.fromkeys(filter(None, table[name]))) or 'unknown'}"
        for name in ("biornn", "torch")
    ]
    totals = table.drop_duplicates("analysis")["job_minutes"].sum()
    said = (
        f"Run on {when} by {' and '.join(versions)}; {number(totals, 0)} minutes of jobs in all, "
        "those that ran side by side counted each."
    )
    return f"{markdown.table(_HEAD, rows)}\n\n{markdown.text(said)}"


def _row(row: dict[str, Any], first: bool) -> list[str]:
    published = number(row["published"])
    if row["uncertainty"] > 0:
        published += f" ± {number(row['uncertainty'])}"
    limits = interval(row["ci_low"], row["ci_high"])
    ours = f"{number(row['ours'])} ({limits}), {row['our_model']}"
    analysis = f"{row['analysis']}: {row['paper']}" if row["paper"] else row["analysis"]
    cells = [analysis, row["task"], row["model"] or "–", LABELS[row["metric"]], published, ours]
    # what is the same for the whole analysis is there once
    minutes = number(row["job_minutes"], 1) if first else ""
    return [*map(markdown.text, [*cells, row["verdict"]]), minutes]


def updated(readme: str, table: pd.DataFrame) -> str:
    """A README with the table between its marks.

    Raises
    ------
    InputError
        When the marks are not there once each.
    """
    if len(_BETWEEN.findall(readme)) != 1:
        raise InputError(f"the README needs the lines '{BEGIN}' and '{END}', once each.")
    return _BETWEEN.sub(lambda _: f"{BEGIN}\n\n{section(table)}\n\n{END}", readme)


def main(table: str, readme: str) -> None:
    """Write the table of a file into a README."""
    text = Path(readme).read_text(encoding="utf-8")
    write_text(readme, updated(text, read(table)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
