"""The page a biologist reads, and the record of the run.

Needs: every table of the analysis, the descriptions, histories and predictions of the models.
Makes: `report.html`, `summary.json`, `figures/`; `config.yaml`, `methods.md`, `dome.json`,
`ro-crate-metadata.json`, and in `code/` the workflow as it ran; over all analyses
`results/index.html`.
"""

# the frame of every page, and what is in it
PAGE = [
    workflow.source_path("../report/page.html.j2"),
    workflow.source_path("../report/parts.html.j2"),
]
PAGE_CSS = workflow.source_path("../report/report.css")
PAGE_SCRIPT = workflow.source_path("../report/page.js")


rule render_report:
    input:
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        qc=rules.build_examples.output.qc,
        folds=rules.split_examples.output.folds,
        audit=rules.split_examples.output.audit,
        nearest=rules.split_examples.output.nearest,
        metrics=rules.evaluate.output.metrics,
        comparisons=rules.evaluate.output.comparisons,
        published=rules.evaluate.output.published,
        memorization=rules.evaluate.output.memorization,
        tests=rules.evaluate.output.tests,
        classes=rules.evaluate.output.classes,
        calibration=rules.evaluate.output.calibration,
        temperature=rules.evaluate.output.temperature,
        variance=rules.evaluate.output.variance,
        chosen=rules.evaluate.output.chosen,
        predictions=predictions,
        descriptions=lambda wildcards: trained(wildcards.analysis, "model.json"),
        histories=lambda wildcards: trained(wildcards.analysis, "history.tsv"),
        flows=lambda wildcards: trained(wildcards.analysis, "gradient_flow.tsv"),
        searches=searched("chosen.json"),
        trials=searched("trials.tsv"),
        importances=searched("importance.tsv"),
        learning_curve=learning_curve,
        explanations=lambda wildcards: explained(wildcards.analysis, "checks.json"),
        sources=all_sources,
        variant_metrics=of_variants("metrics.tsv"),
        variant_folds=of_variants("folds.tsv"),
        variant_chosen=of_variants("chosen.json"),
        templates=[
            *PAGE,
            workflow.source_path("../report/report.html.j2"),
            workflow.source_path("../report/explanations.html.j2"),
            workflow.source_path("../report/training.html.j2"),
        ],
        css=PAGE_CSS,
        script=PAGE_SCRIPT,
        code=library(
            "report",
            "figures",
            "methods",
            "provenance",
            "comparisons",
            "searches",
            "reach",
            "insight",
            "growth",
            "trust",
            "summary",
        ),
    output:
        report=report(
            "results/{analysis}/report.html",
            caption="../report/report.rst",
            category="{analysis}",
        ),
        methods="results/{analysis}/methods.md",
        dome="results/{analysis}/dome.json",
        summary="results/{analysis}/summary.json",
        figures=directory("results/{analysis}/figures"),
    log:
        "results/{analysis}/logs/render_report.log",
    benchmark:
        "results/{analysis}/benchmarks/render_report.tsv"
    conda:
        "../../envs/biornn.yaml"
    resources:
        mem_mb=memory("render_report"),
        runtime=runtime("render_report"),
    params:
        analysis=whole_analysis,
        analysis_file=lambda wildcards: str(ANALYSIS_FILES[wildcards.analysis]),
        controls=controls,
        sources=source_paths,
        variants=variant_titles,
        benchmarks=f"{RESULTS}/{{analysis}}/benchmarks",
    script:
        "../scripts/render_report.py"


rule render_index:
    input:
        summaries=expand("results/{analysis}/summary.json", analysis=ASKED),
        templates=[*PAGE, workflow.source_path("../report/index.html.j2")],
        css=PAGE_CSS,
        script=PAGE_SCRIPT,
        code=library("summary"),
    output:
        report("results/index.html", caption="../report/index.rst"),
    log:
        "results/logs/render_index.log",
    benchmark:
        "results/benchmarks/render_index.tsv"
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    script:
        "../scripts/render_index.py"


# After all that is a result: the crate lists every file that is there by then.
rule describe_run:
    input:
        descriptions=lambda wildcards: trained(wildcards.analysis, "model.json"),
        report=rules.render_report.output.report,
        figures=rules.render_report.output.figures,
        card=lambda wildcards: a_card(wildcards.analysis),
        sources=all_sources,
        code=library("crate", "folds", "products", "provenance", "training_words"),
    output:
        crate="results/{analysis}/ro-crate-metadata.json",
        config="results/{analysis}/config.yaml",
        workflow=directory("results/{analysis}/code"),
    log:
        "results/{analysis}/logs/describe_run.log",
    benchmark:
        "results/{analysis}/benchmarks/describe_run.tsv"
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    params:
        analysis=whole_analysis,
        sources=source_paths,
        project=lambda wildcards: PROJECT,
        benchmarks=f"{RESULTS}/{{analysis}}/benchmarks",
    script:
        "../scripts/describe_run.py"
