"""Draw the figures and render the page."""

from _job import job
from biornn import (
    comparisons,
    drawing,
    figures,
    growth,
    insight,
    methods,
    outcome,
    provenance,
    reach,
    report,
    searches,
    statistics,
    summary,
    trust,
)
from biornn.config import AnalysisConfig
from biornn.files import write_json, write_text

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    name = snakemake.wildcards.analysis
    analysis = AnalysisConfig.model_validate(params.analysis)
    predictions = statistics.read_predictions(files.predictions, params.controls)
    tables = outcome.read_tables(files, predictions, params.benchmarks, analysis)
    searched = searches.read(files.get("searches", []), tables.own_folds["fold"])
    # what a control learned is no news
    flows = reach.read(files.flows, tables.own_folds["fold"])
    flows = {model: flow for model, flow in flows.items() if model not in params.controls}
    curve = growth.read(files.get("learning_curve", []), tables)
    looked = insight.read(files.get("explanations", []))
    looked.sort(key=lambda each: each.model != tables.chosen["best_recurrent"])
    drawn = (
        figures.draw_all(tables, analysis.target.label)
        | searches.draw_all(searched)
        | reach.draw_all(tables, flows, trust.drawn(analysis.evaluation.strata))
        | trust.draw_all(tables)
        | insight.draw_all(looked)
        | growth.draw_all(curve, tables)
    )
    drawing.write_all(drawn, output.figures)
    baselines = outcome.read_baselines(files.predictions)
    versions, machine = provenance.software_versions(), provenance.describe_machine()
    text = methods.methods_text(
        analysis,
        tables.description,
        tables.own_folds,
        outcome.n_read(tables),
        tables.descriptions[0]["device_note"],
        searched,
        n_not_drawn=outcome.n_not_drawn(tables),
        networks=tables.descriptions,
        baselines=baselines,
        versions=versions,
    )
    write_text(output.methods, text)
    checklist = methods.dome(
        analysis,
        tables.description,
        tables.own_folds,
        tables.audit,
        networks=tables.descriptions,
        baselines=baselines,
        benchmarks=tables.benchmarks,
        machine=machine,
    )
    write_json(output.dome, checklist)
    write_json(output.summary, summary.summarize(name, analysis, tables))
    page = report.render(
        name=name,
        analysis_file=params.analysis_file,
        analysis=analysis,
        tables=tables,
        figures=drawn,
        methods=text,
        dome=checklist,
        sources=provenance.describe_sources(analysis, params.sources),
        versions=versions,
        machine=machine,
        variants=outcome.variant_rows(
            params.variants, files.variant_metrics, files.variant_folds, files.variant_chosen
        ),
        verdict_rule=comparisons.VERDICT_RULE,
        searched=searched,
        reached=reach.sentences(
            flows, {model: config.pooling for model, config in analysis.models.items()}
        ),
        looked=looked,
        grown=[] if curve is None else growth.sentences(curve, tables),
        templates=files.templates,
        css=files.css,
        script=files.script,
    )
    write_text(output.report, page)
