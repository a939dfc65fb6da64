"""From a table to checked examples and their split.

Needs: the downloaded or local table.
Makes: `examples.parquet`, `examples.json` (what they are), `expression.h5ad`, `examples.qc.tsv`;
for a homology
split `clusters.tsv`; `splits.tsv`, `folds.tsv`, `split_audit.tsv`, `nearest.tsv`.
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
    resources:
        mem_mb=memory("build_examples"),
        runtime=runtime("build_examples"),
    params:
        sources=example_sources,
        examples=settings("examples"),
        expression=settings("expression"),
        target=settings("target"),
        split=settings("split"),
        strata=strata_of_columns,
        site=settings("explain", "site"),
        published=published_columns,
    script:
        "../scripts/build_examples.py"


rule cluster_sequences:
    input:
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        code=library("homology", "examples"),
    output:
        clusters="results/{analysis}/clusters.tsv",
    log:
        "results/{analysis}/logs/cluster_sequences.log",
    benchmark:
        "results/{analysis}/benchmarks/cluster_sequences.tsv"
    conda:
        "../../envs/mmseqs2.yaml"
    threads: 2
    resources:
        mem_mb=memory("cluster_sequences"),
        runtime=runtime("cluster_sequences"),
    params:
        groups=settings("split", "groups"),
    script:
        "../scripts/cluster_sequences.py"


rule split_examples:
    input:
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        clusters=clusters,
        code=library("audits", "examples"),
    output:
        splits="results/{analysis}/splits.tsv",
        folds="results/{analysis}/folds.tsv",
        nearest="results/{analysis}/nearest.tsv",
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
    threads: 2
    resources:
        mem_mb=memory("split_examples"),
        runtime=runtime("split_examples"),
    params:
        split=settings("split"),
        expression=settings("expression"),
    script:
        "../scripts/split_examples.py"
