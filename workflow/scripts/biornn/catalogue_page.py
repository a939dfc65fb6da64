"""The page over the published analyses: the table, and a section for each analysis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from . import __version__, catalogue, lessons, pages
from .catalogue import Repeated
from .comparisons import VERDICT_RULE
from .metrics import LABELS


def render(
    analyses: Sequence[Repeated],
    templates: Sequence[str | Path],
    css: str | Path,
    script: str | Path,
) -> str:
    """`results/published.html`.

    Parameters
    ----------
    analyses
        In the order of the catalogue.
    templates, css, script
        Paths: see `pages.render`.
    """
    table = catalogue.table_of(analyses).astype(object)
    levels = dict.fromkeys(f"{100 * level:g} %" for level in table["confidence"])
    return pages.render(
        "published.html.j2",
        templates,
        css,
        script,
        version=__version__,
        rows=table.where(table.notna(), None).to_dict("records"),
        analyses=[
            {
                "repeated": each,
                "title": each.analysis.title,
                "models": catalogue.models_of(each),
                "lessons": lessons.lessons(each),
            }
            for each in analyses
        ],
        labels=LABELS,
        level=" or ".join(levels),
        rule=VERDICT_RULE,
        counts=dict(pd.Series(table["verdict"]).value_counts(sort=False)),
    )
