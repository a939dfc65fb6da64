"""What the networks looked at.

Needs: a trained network of the first fold, what it was trained on, and the files that its motifs
and genes are compared with.
Makes: for each network `explanations/{model}/`: `contributions.parquet`, `mutations.parquet`,
`profile.tsv`, `genes.tsv`, `pathways.tsv`, `motifs.tsv`, `motif_matches.tsv`, `checks.json`.
"""


rule explain_model:
    input:
        unpack(of_explained),
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        splits=rules.split_examples.output.splits,
        code=library("explanations", "motifs", "pathways"),
    output:
        contributions="results/{analysis}/explanations/{model}/contributions.parquet",
        mutations="results/{analysis}/explanations/{model}/mutations.parquet",
        profile="results/{analysis}/explanations/{model}/profile.tsv",
        genes="results/{analysis}/explanations/{model}/genes.tsv",
        pathways="results/{analysis}/explanations/{model}/pathways.tsv",
        motifs="results/{analysis}/explanations/{model}/motifs.tsv",
        matches="results/{analysis}/explanations/{model}/motif_matches.tsv",
        checks="results/{analysis}/explanations/{model}/checks.json",
    log:
        "results/{analysis}/logs/explain_model.{model}.log",
    benchmark:
        "results/{analysis}/benchmarks/explain_model.{model}.tsv"
    conda:
        "../../envs/biornn.yaml"
    threads: 1
    resources:
        mem_mb=memory("explain_model"),
        runtime=runtime("explain_model"),
    params:
        explain=settings("explain"),
    script:
        "../scripts/explain_model.py"
