"""From examples to numbers.

Needs: `examples.parquet`, `expression.h5ad`, `splits.tsv`.
Makes: `sequences.safetensors`; for each fold `expression.h5ad` and `normalizer.json`.
"""


rule encode_sequences:
    input:
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        code=library("inputs", "examples"),
    output:
        sequences="results/{analysis}/sequences.safetensors",
    log:
        "results/{analysis}/logs/encode_sequences.log",
    benchmark:
        "results/{analysis}/benchmarks/encode_sequences.tsv"
    conda:
        "../../envs/biornn.yaml"
    resources:
        mem_mb=memory("encode_sequences"),
        runtime=runtime("encode_sequences"),
    script:
        "../scripts/encode_sequences.py"


rule normalize_expression:
    input:
        examples=rules.build_examples.output.examples,
        counts=rules.build_examples.output.expression,
        lengths=length_files,
        splits=rules.split_examples.output.splits,
        code=library("folds", "gene_lengths"),
    output:
        expression="results/{analysis}/folds/{fold}/expression.h5ad",
        normalizer="results/{analysis}/folds/{fold}/normalizer.json",
    log:
        "results/{analysis}/logs/normalize_expression.fold{fold}.log",
    benchmark:
        "results/{analysis}/benchmarks/normalize_expression.fold{fold}.tsv"
    conda:
        "../../envs/biornn.yaml"
    resources:
        mem_mb=memory("normalize_expression"),
        runtime=runtime("normalize_expression"),
    params:
        expression=settings("expression"),
    script:
        "../scripts/normalize_expression.py"
