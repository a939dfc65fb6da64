"""The page a biologist reads, and the record of the run.

Needs: every table of the analysis, the descriptions, histories and predictions of the models.
Makes: `report.html`, `figures/`; `config.yaml`, `methods.md`, `dome.json`,
`ro-crate-metadata.json`.
"""


localrules:
    describe_run,


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
        template=workflow.source_path("../report/report.html.j2"),
        css=workflow.source_path("../report/report.css"),
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
        ),
    output:
        report=report(
            "results/{analysis}/report.html",
            caption="../report/report.rst",
            category="{analysis}",
        ),
        methods="results/{analysis}/methods.md",
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
        controls=controls,
        sources=source_paths,
        variants=variant_titles,
        benchmarks=f"{RESULTS}/{{analysis}}/benchmarks",
    script:
        "../scripts/render_report.py"


rule describe_run:
    input:
        description=rules.build_examples.output.description,
        folds=rules.split_examples.output.folds,
        audit=rules.split_examples.output.audit,
        outputs=[
            rules.evaluate.output.metrics,
            rules.evaluate.output.comparisons,
            rules.evaluate.output.published,
            rules.evaluate.output.memorization,
            rules.evaluate.output.tests,
            rules.evaluate.output.classes,
            rules.evaluate.output.calibration,
            rules.evaluate.output.temperature,
            rules.evaluate.output.variance,
            rules.split_examples.output.splits,
            rules.split_examples.output.audit,
            rules.split_examples.output.nearest,
            rules.build_examples.output.qc,
            rules.render_report.output.methods,
            rules.render_report.output.report,
        ],
        sources=all_sources,
        code=library("methods", "provenance"),
    output:
        crate="results/{analysis}/ro-crate-metadata.json",
        dome="results/{analysis}/dome.json",
        config="results/{analysis}/config.yaml",
    log:
        "results/{analysis}/logs/describe_run.log",
    benchmark:
        "results/{analysis}/benchmarks/describe_run.tsv"
    conda:
        "../../envs/biornn.yaml"
    params:
        analysis=whole_analysis,
        sources=source_paths,
    script:
        "../scripts/describe_run.py"
