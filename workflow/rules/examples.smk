"""From a table to checked examples and their split.

Needs: the downloaded or local table.
Makes: `examples.parquet`, `examples.json` (what they are), `expression.h5ad`, `examples.qc.tsv`;
`splits.tsv`, `split_audit.tsv`.
"""


rule build_examples:
    input:
        tables=example_tables,
        code=library("examples", "profiles", "expression"),
    output:
        examples="results/{analysis}/examples.parquet",
        description="results/{analysis}/examples.json",
        expression="results/{analysis}/expression.h5ad",
        qc="results/{analysis}/examples.qc.tsv",
    log:
        "results/{analysis}/logs/build_examples.log",
    benchmark:
        "results/{analysis}/benchmarks/build_examples.tsv"
    conda:
        "../../envs/biornn.yaml"
    params:
        sources=example_sources,
        examples=settings("examples"),
        expression=settings("expression"),
        target=settings("target"),
        split=settings("split"),
    script:
        "../scripts/build_examples.py"


rule split_examples:
    input:
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        code=library("splits"),
    output:
        splits="results/{analysis}/splits.tsv",
        audit=report(
            "results/{analysis}/split_audit.tsv",
            caption="../report/split_audit.rst",
            category="{analysis}",
        ),
    log:
        "results/{analysis}/logs/split_examples.log",
    benchmark:
        "results/{analysis}/benchmarks/split_examples.tsv"
    conda:
        "../../envs/biornn.yaml"
    params:
        split=settings("split"),
        expression=settings("expression"),
    script:
        "../scripts/split_examples.py"
