"""The report: the tables of an analysis as one page that needs nothing else.

No script, no request; figures are images, so that no text of theirs can act; every value is escaped
by the template engine.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from . import examples
from .config import AnalysisConfig
from .examples import Description
from .files import read_tsv
from .metrics import LABELS

#: A control above this shows that something other than the labels was learned.
CONTROL_LIMIT = 0.02


@dataclass(frozen=True)
class Tables:
    """What a run left: the tables of the results folder, read."""

    examples: pd.DataFrame
    qc: pd.DataFrame
    splits: pd.DataFrame
    audit: pd.DataFrame
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    published: pd.DataFrame
    chosen: dict[str, str]
    predictions: pd.DataFrame
    histories: dict[str, pd.DataFrame]
    descriptions: list[dict[str, Any]]
    benchmarks: pd.DataFrame
    description: Description

    @property
    def labels(self) -> dict[str, str]:
        """Names of the metrics that the task has; the first is the main one."""
        there = set(self.metrics["metric"])
        return {metric: label for metric, label in LABELS.items() if metric in there}

    @property
    def main(self) -> str:
        """The metric that the verdict is about: R² or accuracy."""
        return next(iter(self.labels))

    def ranked_models(self) -> list[str]:
        """Models by the main metric on the test set, best first."""
        rows = self.metrics.query("subset == 'test' and metric == @self.main and seed == 'all'")
        means = rows.groupby("model", sort=False)["value"].mean()
        return list(means.sort_values(ascending=False).index)

    def sizes(self) -> dict[str, int]:
        """Examples in train, validation and test."""
        counts = self.splits.drop_duplicates(["fold", "id"])["subset"].value_counts()
        return {subset: int(counts[subset]) for subset in ("train", "validation", "test")}


def read_benchmarks(folder: str | Path) -> pd.DataFrame:
    """Seconds and largest memory (MiB) of every job: `rule, of, seconds, memory`."""
    rows = []
    for path in sorted(Path(folder).glob("*.tsv")):
        rule, _, of = path.stem.partition(".")
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        rows.append((rule, of, float(table["s"].mean()), float(table["max_rss"].max())))
    return pd.DataFrame(rows, columns=["rule", "of", "seconds", "memory"])


def read_tables(files: Mapping[str, Any], predictions: pd.DataFrame, benchmarks: str) -> Tables:
    """Read the files that a rule names: `examples`, `qc`, `splits`, … by name."""
    histories, descriptions = {}, []
    for path in files["descriptions"]:
        description = json.loads(Path(path).read_text(encoding="utf-8"))
        descriptions.append(description)
        history = read_tsv(Path(path).parent / "history.tsv")
        histories.setdefault(description["name"], history)
    return Tables(
        examples=examples.load(files["examples"]),
        qc=read_tsv(files["qc"], record=str, line="Int64", count="Int64"),
        splits=read_tsv(files["splits"], id=str),
        audit=read_tsv(files["audit"]),
        metrics=read_tsv(files["metrics"], seed=str),
        comparisons=read_tsv(files["comparisons"], better=str),
        published=read_tsv(files["published"], note=str),
        chosen=json.loads(Path(files["chosen"]).read_text(encoding="utf-8")),
        predictions=predictions,
        histories=histories,
        descriptions=descriptions,
        benchmarks=read_benchmarks(benchmarks),
        description=examples.load_description(files["description"]),
    )


# -- words -----------------------------------------------------------------------------------------


def number(value: Any, digits: int = 3) -> str:
    """A value with a fixed number of decimals; a dash for a missing one."""
    if pd.isna(value):
        return "–"
    # + 0.0: what rounds to zero has no sign
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """`0.70 to 0.74`."""
    return "–" if pd.isna(low) else f"{number(low, digits)} to {number(high, digits)}"


def p_value(value: float) -> str:
    """`p < 0.001` or `p = 0.012`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def verdict(tables: Tables) -> list[str]:
    """The answer in sentences: best network against best baseline, then what qualifies it."""
    best, simple = tables.chosen["best_recurrent"], tables.chosen["best_baseline"]
    main = tables.main
    rows = tables.comparisons.query(
        "subset == 'test' and metric == @main and model_a == @best and model_b == @simple"
    )
    row = rows.iloc[0]
    network, baseline = f"{best}, the best network,", f"{simple}, the best simple model"
    if row["better"] == best:
        head = f"Yes. {network} predicts better than {baseline}"
    elif row["better"] == simple:
        head = f"No. {baseline}, predicts better than {network.removesuffix(',')}"
    else:
        head = f"Not clearly. {network} and {baseline}, can't be told apart"
    overall = tables.metrics.query(
        "subset == 'test' and metric == @main and model == @best and seed == 'all'"
    ).iloc[0]
    name = {"r2": "R²", "accuracy": "accuracy"}[main]
    each = "positions" if tables.description.task.per == "position" else "test examples"
    does = (
        f"{best} explains {number(100 * overall['value'], 1)} % of the variance"
        if main == "r2"
        else f"{best} names the right class for {number(100 * overall['value'], 1)} % of the {each}"
    )
    sentences = [
        f"{head}: {name} is {number(row['value_a'])} ({best}) against {number(row['value_b'])} "
        f"({simple}) on "
        f"{row['n']:,} test examples, a difference of {number(row['difference'])} (95 % interval "
        f"{interval(row['ci_low'], row['ci_high'])}; {p_value(row['p_adjusted'])}, "
        "Holm-adjusted). Both were chosen on validation data.",
        f"{does} (95 % interval "
        f"{interval(100 * overall['ci_low'], 100 * overall['ci_high'], 1)} %, over examples and "
        "seeds).",
    ]
    if len(rows) > 1:
        sentences.append("The comparison is that of the first fold.")
    return sentences


def warnings(tables: Tables) -> list[str]:
    """What a reader must know before believing the verdict."""
    found = []
    shared = tables.audit.query("check == 'identical_sequence' and count > 0")
    for row in shared.to_dict("records"):
        found.append(
            f"{row['count']:,} of {row['n']:,} {row['subset']} sequences are also training "
            "sequences: their scores may be memory, not knowledge."
        )
    controls = tables.metrics.query(
        "kind == 'control' and subset == 'test' and seed == 'all' "
        "and metric in ['r2', 'information', 'mcc'] and ci_low > @CONTROL_LIMIT",
        local_dict={"CONTROL_LIMIT": CONTROL_LIMIT},
    )
    for row in controls.to_dict("records"):
        found.append(
            f"The negative control {row['model']}, trained on shuffled targets, scores "
            f"{number(row['value'])} ({LABELS[row['metric']]}); it should be at zero."
        )
    for row in tables.audit.query("check == 'normalization_reference'").to_dict("records"):
        if row["subset"] != "train":
            found.append(
                f"{row['note']}, and is itself a {row['subset']} example. It moves every target by "
                "the same constant, and so tells no model anything of single examples."
            )
    return found


def audit_sentences(tables: Tables) -> list[str]:
    """The split audit in words."""
    sentences = []
    for subset in ("validation", "test"):
        rows = tables.audit.query("subset == @subset").set_index("check")
        same = rows.loc[["identical_sequence"]].iloc[0]
        said = (
            f"{subset.capitalize()}: {same['count']:,} of {same['n']:,} inputs are identical to "
            "one of training"
        )
        if "one_mismatch" in rows.index:
            near = rows.loc[["one_mismatch"]].iloc[0]
            said += (
                f"; {near['count']:,} ({number(100 * near['fraction'], 1)} %) differ from one by a "
                "single letter"
            )
        sentences.append(f"{said}.")
    return sentences


def _ranked_rows(tables: Tables, subset: str) -> list[dict[str, Any]]:
    """One row a model: its metrics on a subset, with the range over seeds."""
    rows = []
    part = tables.metrics[tables.metrics["subset"] == subset]
    for model in tables.ranked_models():
        mine = part[part["model"] == model]
        if mine.empty:
            continue
        overall = mine[mine["seed"] == "all"].groupby("metric").first()
        seeds = mine[(mine["seed"] != "all") & (mine["metric"] == tables.main)]["value"]
        rows.append(
            {
                "model": model,
                "kind": mine["kind"].iloc[0],
                "cells": {
                    metric: (
                        number(overall.loc[metric, "value"]),
                        interval(*overall.loc[metric, ["ci_low", "ci_high"]], digits=3),
                    )
                    for metric in tables.labels
                },
                "seeds": interval(seeds.min(), seeds.max()) if len(seeds) > 1 else "–",
                "n": int(overall["n"].iloc[0]),
            }
        )
    return rows


def _network_rows(tables: Tables) -> list[dict[str, Any]]:
    return [
        {
            "name": description["name"],
            "fold": description["fold"],
            "parameters": f"{description['n_parameters']:,}",
            "epochs": ", ".join(str(run["epochs"]) for run in description["runs"]),
            "best": ", ".join(str(run["best_epoch"]) for run in description["runs"]),
            "seconds": ", ".join(f"{run['seconds']:.0f}" for run in description["runs"]),
            "device": description["device_note"],
        }
        for description in tables.descriptions
    ]


def image(svg: str) -> str:
    """An SVG as a data address for `<img>`, where nothing in it can act."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def render(
    *,
    name: str,
    analysis: AnalysisConfig,
    tables: Tables,
    figures: Mapping[str, str],
    methods: str,
    sources: Sequence[Mapping[str, str]],
    versions: Mapping[str, str],
    machine: Mapping[str, str],
    verdict_rule: str,
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
    verdict_rule
        `comparisons.VERDICT_RULE`.
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
    environment.filters |= {"number": number, "p_value": p_value, "image": image}
    environment.globals["interval"] = interval
    sequences = tables.examples["sequence"]
    lengths = {
        "letters": lambda: sequences.str.len(),
        "numbers": lambda: sequences.str.count(" ") + 1,
        "profiles": lambda: pd.Series([(tables.description.profile or {}).get("genes", 0)]),
    }[tables.description.inputs]()
    changed = tables.qc[tables.qc["action"] != "note"]
    strata = [s for s in tables.metrics["subset"].unique() if s.startswith("test/")]
    return environment.get_template(Path(template).name).render(
        name=name,
        analysis=analysis,
        css=Path(css).read_text(encoding="utf-8"),
        labels=tables.labels,
        main=tables.labels[tables.main],
        description=tables.description,
        verdict=verdict(tables),
        warnings=warnings(tables),
        sizes=tables.sizes(),
        n_read=n_read(tables),
        n_kept=len(tables.examples),
        lengths=(int(lengths.min()), int(lengths.max())),
        changed=_by_reason(changed),
        n_changed=len(changed),
        audit=audit_sentences(tables),
        scores=_ranked_rows(tables, "test"),
        strata=[(s, _ranked_rows(tables, s)) for s in strata],
        comparisons=tables.comparisons.to_dict("records"),
        published=tables.published.to_dict("records"),
        networks=_network_rows(tables),
        benchmarks=tables.benchmarks.to_dict("records"),
        figures=figures,
        methods=[part.strip() for part in methods.split("\n\n")[1:] if part.strip()],
        sources=sources,
        versions=versions,
        machine=machine,
        verdict_rule=verdict_rule,
    )


def _by_reason(changed: pd.DataFrame) -> list[dict[str, Any]]:
    """How many records were dropped or changed for each reason, with the first as an example."""
    groups = changed.groupby(["action", "reason"], sort=False)
    return [
        {"action": action, "reason": reason, "count": len(rows), **rows.iloc[0][["record", "line"]]}
        for (action, reason), rows in groups
    ]


def n_read(tables: Tables) -> int:
    """Records in the source."""
    return int(tables.qc.loc[tables.qc["reason"] == "records read", "count"].iloc[0])
