"""Summary: an analysis in a few values, for the page over all analyses of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from . import __version__, findings, pages
from .config import AnalysisConfig
from .files import read_json
from .metrics import LOWER_IS_BETTER
from .outcome import Tables


def summarize(name: str, analysis: AnalysisConfig, tables: Tables) -> dict[str, Any]:
    """What `summary.json` has.

    Returns
    -------
    dict
        `name, title, question`; `answer` (`network`, `baseline` or `unclear`), `lead` and
        `verdict`, the sentences of the report; `warnings`, what must be known before believing it;
        the main `metric` and whether `lower_is_better`; `network` and `baseline` (`model, value,
        ci_low, ci_high` on the test set), their `difference` (`value, ci_low, ci_high,
        p_adjusted`); `n` test examples, and the `confidence` of the intervals. What is missing is
        None.
    """
    main, chosen = tables.main, tables.chosen
    network, baseline = chosen["best_recurrent"], chosen["best_baseline"]
    scores = tables.metrics.query("subset == 'test' and metric == @main and seed == 'all'")
    scores = scores.set_index("model")
    compared = tables.comparisons.query(
        "subset == 'test' and metric == @main and model_a == @network and model_b == @baseline"
    ).iloc[0]
    verdict = findings.verdict(tables)
    limits = ["ci_low", "ci_high"]
    return {
        "name": name,
        "title": analysis.title,
        "question": analysis.question,
        "answer": {network: "network", baseline: "baseline"}.get(compared["better"], "unclear"),
        "lead": verdict[0],
        "verdict": verdict,
        "warnings": findings.warnings(tables),
        "metric": tables.labels[main],
        "lower_is_better": main in LOWER_IS_BETTER,
        **{
            key: {"model": model, **_plain(scores.loc[model, ["value", *limits]])}
            for key, model in (("network", network), ("baseline", baseline))
        },
        "difference": {
            "value": _number(compared["difference"]),
            **_plain(compared[[*limits, "p_adjusted"]]),
        },
        "n": int(scores.loc[network, "n"]),
        "confidence": analysis.evaluation.confidence,
    }


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _plain(row: pd.Series) -> dict[str, float | None]:
    return {str(key): _number(value) for key, value in row.items()}


def render_index(
    summaries: Sequence[Mapping[str, Any]],
    templates: Sequence[str | Path],
    css: str | Path,
    script: str | Path,
) -> str:
    """The page over all analyses: a row each, in their order, with a link to its report.

    Parameters
    ----------
    summaries
        From `summarize`.
    templates, css, script
        Paths: see `pages.render`.
    """
    levels = dict.fromkeys(f"{100 * each['confidence']:g} %" for each in summaries)
    return pages.render(
        "index.html.j2", templates, css, script, version=__version__, analyses=summaries,
        level=" or ".join(levels),
    )  # fmt: skip


def read(paths: Sequence[str | Path]) -> list[dict[str, Any]]:
    """`summary.json` of each analysis."""
    return [read_json(path) for path in paths]
