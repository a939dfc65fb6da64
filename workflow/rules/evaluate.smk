"""What the predictions are worth.

Needs: every `predictions.parquet` of an analysis.
Makes: `metrics.tsv`, `comparisons.tsv`, `published.tsv`, `memorization.tsv`,
`chosen.json`; where it is asked for `learning_curve.tsv`.
"""


rule evaluate:
    input:
        predictions=predictions,
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        folds=rules.split_examples.output.folds,
        code=library("comparisons", "examples"),
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
        chosen="results/{analysis}/chosen.json",
    log:
        "results/{analysis}/logs/evaluate.log",
    benchmark:
        "results/{analysis}/benchmarks/evaluate.tsv"
    conda:
        "../../envs/biornn.yaml"
    threads: 2
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
    params:
        evaluation=settings("evaluation"),
        shares=settings("learning_curve"),
    script:
        "../scripts/evaluate_parts.py"
