"""What the predictions are worth.

Needs: every `predictions.parquet` of an analysis, `nearest.tsv`, and `clusters.tsv` of a homology
split.
Makes: `metrics.tsv`, `comparisons.tsv`, `tests.tsv`, `published.tsv`, `memorization.tsv`,
`classes.tsv`, `calibration.tsv`, `temperature.tsv`, `variance.tsv`, `chosen.json`;
where it is asked for `learning_curve.tsv`.
"""


rule evaluate:
    input:
        predictions=predictions,
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        folds=rules.split_examples.output.folds,
        nearest=rules.split_examples.output.nearest,
        clusters=clusters,
        code=library(
            "comparisons",
            "published",
            "examples",
            "splits",
            "parts",
            "breakdown",
            "calibration",
        ),
    output:
        metrics=report(
            "results/{analysis}/metrics.tsv",
            caption="../report/metrics.rst",
            category="{analysis}",
        ),
        comparisons=report(
            "results/{analysis}/comparisons.tsv",
            caption="../report/comparisons.rst",
            category="{analysis}",
        ),
        published=report(
            "results/{analysis}/published.tsv",
            caption="../report/published.rst",
            category="{analysis}",
        ),
        memorization="results/{analysis}/memorization.tsv",
        tests="results/{analysis}/tests.tsv",
        classes="results/{analysis}/classes.tsv",
        calibration="results/{analysis}/calibration.tsv",
        temperature="results/{analysis}/temperature.tsv",
        variance="results/{analysis}/variance.tsv",
        chosen="results/{analysis}/chosen.json",
    log:
        "results/{analysis}/logs/evaluate.log",
    benchmark:
        "results/{analysis}/benchmarks/evaluate.tsv"
    conda:
        "../../envs/biornn.yaml"
    threads: 2
    resources:
        mem_mb=memory("evaluate"),
        runtime=runtime("evaluate"),
    params:
        evaluation=settings("evaluation"),
        published=settings("published"),
        controls=controls,
    script:
        "../scripts/evaluate.py"


rule evaluate_parts:
    input:
        parts=predictions_of_parts,
        predictions=predictions,
        examples=rules.build_examples.output.examples,
        clusters=clusters,
        description=rules.build_examples.output.description,
        folds=rules.split_examples.output.folds,
        code=library("fractions", "examples"),
    output:
        curve="results/{analysis}/learning_curve.tsv",
    log:
        "results/{analysis}/logs/evaluate_parts.log",
    benchmark:
        "results/{analysis}/benchmarks/evaluate_parts.tsv"
    conda:
        "../../envs/biornn.yaml"
    threads: 2
    resources:
        mem_mb=memory("evaluate_parts"),
        runtime=runtime("evaluate_parts"),
    params:
        evaluation=settings("evaluation"),
        shares=settings("learning_curve"),
    script:
        "../scripts/evaluate_parts.py"
