"""The report: the tables of an analysis as one page that needs nothing else.

See `pages` for what keeps foreign text from acting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import findings, insight, mistakes, pages, rows, searches, summary, trust
from .config import AnalysisConfig
from .drawing import Drawn
from .findings import CORRECTIONS
from .insight import Looked
from .methods import profile_in_words, split_in_words
from .metrics import LABELS
from .outcome import Tables, n_read
from .parts import lengths_of
from .searches import FoundSearch

#: Notes on the source that the page tells in its own words.
_TOLD = ("records read", "records kept", "task: ")
#: Tests of `tests.tsv` in words.
_TESTS = {
    "delong": "DeLong",
    "mcnemar": "McNemar (mid-p)",
    "corrected_t": "corrected t-test over folds",
}


def render(
    *,
    name: str,
    analysis_file: str,
    analysis: AnalysisConfig,
    tables: Tables,
    figures: Mapping[str, Drawn],
    methods: str,
    dome: Mapping[str, Mapping[str, Mapping[str, Any]]],
    sources: Sequence[Mapping[str, str]],
    versions: Mapping[str, str],
    machine: Mapping[str, str],
    variants: Sequence[Mapping[str, Any]],
    verdict_rule: str,
    searched: Sequence[FoundSearch] = (),
    reached: Sequence[str] = (),
    looked: Sequence[Looked] = (),
    grown: Sequence[str] = (),
    templates: Sequence[str | Path],
    css: str | Path,
    script: str | Path,
) -> str:
    """The page.

    Parameters
    ----------
    name, analysis_file, analysis
        Name of the analysis (or variant), its file, and what is in it.
    tables, figures
        From `read_tables` and `figures.draw_all`.
    methods, dome
        From `methods`.
    sources, versions, machine
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
    templates, css, script
        Paths: see `pages.render`.
    """
    lengths = lengths_of(tables.examples["sequence"], tables.description.inputs)
    changed = tables.qc[tables.qc["action"] != "note"]
    notes = tables.qc[(tables.qc["action"] == "note") & tables.qc["count"].notna()]
    asked = [stratum.name for stratum in analysis.evaluation.strata]
    simple = tables.comparisons["model_b"] == tables.chosen["best_baseline"]
    strata = [
        subset
        for subset in tables.metrics["subset"].unique()
        if subset.startswith("test/") and not trust.is_automatic(subset, asked)
    ]
    return pages.render(
        "report.html.j2",
        templates,
        css,
        script,
        name=name,
        analysis=analysis,
        summary=summary.summarize(name, analysis, tables),
        labels=tables.labels,
        level=tables.level,
        analysis_file=analysis_file,
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
        changed=rows.by_reason(changed),
        noted=notes[~notes["reason"].str.startswith(_TOLD)].to_dict("records"),
        n_changed=len(changed),
        audit=findings.audit_sentences(tables),
        rows=rows.ranked(tables, "test"),
        ranked=tables.ranked_models(),
        folds=rows.folds(tables),
        n_folds=len(tables.own_folds),
        memorization=tables.memorization.to_dict("records"),
        gap=findings.memorization(tables),
        strata=[(s, rows.ranked(tables, s)) for s in strata],
        drawn_strata=trust.drawn(analysis.evaluation.strata),
        parts=trust.parts(tables, asked),
        relatives=trust.relatives(tables),
        reliable=[trust.drawn_together(tables), trust.spread(tables)],
        drawn_together=trust.drawn_together(tables),
        bests=trust.bests(tables),
        class_rows=trust.class_rows(tables),
        calibrated=trust.calibration(tables),
        comparisons=tables.comparisons[simple].to_dict("records"),
        between=tables.comparisons[~simple].to_dict("records"),
        correction=CORRECTIONS[analysis.evaluation.correction],
        tests=tables.tests.to_dict("records"),
        test_names=_TESTS,
        mistakes=mistakes.find(tables),
        published=tables.published.to_dict("records"),
        networks=rows.networks(tables),
        benchmarks=tables.benchmarks.to_dict("records"),
        figures=figures,
        methods=[part.strip() for part in methods.split("\n\n")[1:] if part.strip()],
        checklist=rows.checklist(dome),
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
