"""The report: the tables of an analysis as one page that needs nothing else.

No script, no request; figures are images, so that no text of theirs can act; every value is escaped
by the template engine.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from . import findings, insight, searches, trust
from .config import AnalysisConfig
from .drawing import Drawn
from .findings import CORRECTIONS, interval, number
from .insight import Looked
from .methods import profile_in_words, split_in_words
from .metrics import LABELS
from .outcome import Tables, n_read
from .parts import lengths_of
from .searches import FoundSearch

#: Tests of `tests.tsv` in words.
_TESTS = {
    "delong": "DeLong",
    "mcnemar": "McNemar (mid-p)",
    "corrected_t": "corrected t-test over folds",
}


def _ranked_rows(tables: Tables, subset: str) -> list[dict[str, Any]]:
    """One row a model: its metrics on a subset, with the range over seeds."""
    rows = []
    part = tables.metrics[tables.metrics["subset"] == subset]
    for model in tables.ranked_models():
        mine = part[part["model"] == model]
        if mine.empty:
            continue
        overall = mine[mine["seed"] == "all"].set_index("metric")
        seeds = mine[(mine["seed"] != "all") & (mine["metric"] == tables.main)]["value"]
        rows.append(
            {
                "model": model,
                "kind": mine["kind"].iloc[0],
                "cells": {
                    # a standard deviation is not predicted by all
                    metric: (
                        number(overall["value"].get(metric)),
                        interval(overall["ci_low"].get(metric), overall["ci_high"].get(metric)),
                    )
                    for metric in tables.labels
                },
                "seeds": interval(seeds.min(), seeds.max()) if len(seeds) > 1 else "–",
                "n": int(overall["n"].iloc[0]),
            }
        )
    return rows


def _network_rows(tables: Tables) -> list[dict[str, Any]]:
    """One row a network: what each seed took, or the range over the folds."""
    rows = []
    for name in dict.fromkeys(description["name"] for description in tables.descriptions):
        mine = [each for each in tables.descriptions if each["name"] == name]
        runs = [run for description in mine for run in description["runs"]]

        def told(key: str, runs: list[dict[str, Any]] = runs, many: bool = len(mine) > 1) -> str:
            values = [round(run[key]) for run in runs]
            return f"{min(values)} to {max(values)}" if many else ", ".join(map(str, values))

        rows.append(
            {
                "name": name,
                "parameters": f"{mine[0]['n_parameters']:,}",
                "epochs": told("epochs"),
                "best": told("best_epoch"),
                "seconds": told("seconds"),
                "device": mine[0]["device_note"],
                "clipped": _clipped(tables.histories.get(name)),
                "waste": _share_of(runs, "padding_waste"),
                "overhead": _share_of(runs, "loop_overhead"),
            }
        )
    return rows


def _clipped(history: pd.DataFrame | None) -> str:
    """Steps of the first fold whose gradient was scaled down, of all seeds."""
    return "–" if history is None else f"{int(history['clipped_steps'].sum()):,}"


def _share_of(runs: Sequence[Mapping[str, Any]], key: str) -> str:
    """The largest share among some runs, in percent."""
    shares = [run["cost"][key] for run in runs if key in run.get("cost", {})]
    return f"{100 * max(shares):.1f} %" if shares else "–"


def _fold_rows(tables: Tables) -> list[dict[str, Any]]:
    """One row a fold: sizes and the main metric of every model; none where there is one fold."""
    part = tables.fold_metrics.query(
        "subset == 'test' and metric == @tables.main and seed == 'all'"
    )
    rows = []
    for fold in tables.own_folds.to_dict("records") if len(tables.own_folds) > 1 else []:
        values = part[part["fold"] == str(fold["fold"])].set_index("model")["value"]
        if len(values):
            rows.append(fold | {"values": [number(values.get(m)) for m in tables.ranked_models()]})
    return rows


#: Bytes of an SVG above which a page shows the PNG.
LARGEST_SVG = 300_000


def image(figure: Drawn) -> str:
    """A figure as a data address for `<img>`, where nothing in it can act."""
    svg = figure.svg.encode()
    kind, content = ("svg+xml", svg) if len(svg) <= LARGEST_SVG else ("png", figure.png)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def render(
    *,
    name: str,
    analysis: AnalysisConfig,
    tables: Tables,
    figures: Mapping[str, Drawn],
    methods: str,
    sources: Sequence[Mapping[str, str]],
    versions: Mapping[str, str],
    machine: Mapping[str, str],
    variants: Sequence[Mapping[str, Any]],
    verdict_rule: str,
    searched: Sequence[FoundSearch] = (),
    reached: Sequence[str] = (),
    looked: Sequence[Looked] = (),
    grown: Sequence[str] = (),
    template: str | Path,
    css: str | Path,
) -> str:
    """The page.

    Parameters
    ----------
    name, analysis
        Name and content of the analysis file.
    tables, figures
        From `read_tables` and `figures.draw_all`.
    methods, sources, versions, machine
        From `provenance`.
    variants
        From `outcome.variant_rows`.
    verdict_rule
        `comparisons.VERDICT_RULE`.
    searched
        From `searches.read`; their figures are among `figures`.
    reached
        From `reach.sentences`.
    looked
        From `insight.read`, the network that was chosen first; their figures are among `figures`.
    grown
        From `growth.sentences`.
    template, css
        Paths.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(template).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "p_value": findings.p_value, "image": image}
    environment.globals["interval"] = interval
    lengths = lengths_of(tables.examples["sequence"], tables.description.inputs)
    changed = tables.qc[tables.qc["action"] != "note"]
    asked = [stratum.name for stratum in analysis.evaluation.strata]
    strata = [
        subset
        for subset in tables.metrics["subset"].unique()
        if subset.startswith("test/") and not trust.is_automatic(subset, asked)
    ]
    return environment.get_template(Path(template).name).render(
        name=name,
        analysis=analysis,
        css=Path(css).read_text(encoding="utf-8"),
        labels=tables.labels,
        all_labels=LABELS,
        main=tables.labels[tables.main],
        description=tables.description,
        verdict=findings.verdict(tables),
        warnings=findings.warnings(tables),
        profile=profile_in_words(tables.description.profile) if tables.description.profile else "",
        split=split_in_words(analysis.split, tables.own_folds),
        n_read=n_read(tables),
        n_kept=len(tables.examples),
        lengths=(int(lengths.min()), int(lengths.max())),
        changed=_by_reason(changed),
        n_changed=len(changed),
        audit=findings.audit_sentences(tables),
        scores=_ranked_rows(tables, "test"),
        ranked=tables.ranked_models(),
        folds=_fold_rows(tables),
        n_folds=len(tables.own_folds),
        memorization=tables.memorization.to_dict("records"),
        gap=findings.memorization(tables),
        strata=[(s, _ranked_rows(tables, s)) for s in strata],
        drawn_strata=trust.drawn(analysis.evaluation.strata),
        parts=trust.parts(tables, asked),
        relatives=trust.relatives(tables),
        reliable=[trust.drawn_together(tables), trust.spread(tables)],
        drawn_together=trust.drawn_together(tables),
        bests=trust.bests(tables),
        class_rows=trust.class_rows(tables),
        calibrated=trust.calibration(tables),
        comparisons=tables.comparisons.to_dict("records"),
        correction=CORRECTIONS[analysis.evaluation.correction],
        tests=tables.tests.to_dict("records"),
        test_names=_TESTS,
        published=tables.published.to_dict("records"),
        networks=_network_rows(tables),
        benchmarks=tables.benchmarks.to_dict("records"),
        figures=figures,
        methods=[part.strip() for part in methods.split("\n\n")[1:] if part.strip()],
        sources=sources,
        versions=versions,
        machine=machine,
        variants=variants,
        verdict_rule=verdict_rule,
        reached=reached,
        looked=insight.rows(looked),
        grown=grown,
        searches=searches.rows(searched, analysis.tune),
    )


def _by_reason(changed: pd.DataFrame) -> list[dict[str, Any]]:
    """How many records were dropped or changed for each reason, with the first as an example."""
    groups = changed.groupby(["action", "reason"], sort=False)
    return [
        {"action": action, "reason": reason, "count": len(rows), **rows.iloc[0][["record", "line"]]}
        for (action, reason), rows in groups
    ]
