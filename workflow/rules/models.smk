"""A card for every trained network: what it is, what it is worth, how to use it.

Needs: `model.json`, the weights and the predictions of every model and fold; the tables of the
evaluation and of the split's audit.
Makes: `README.md` beside the weights of each.
"""

# One job an analysis writes all its cards: there may be hundreds, and each takes milliseconds, a job
# a second or more. Their names follow from the analysis, and no wildcard can stand for them all; so
# each analysis has a rule of its own, and every card is an output that Snakemake knows.
for name in ANALYSES:

    rule:
        name:
            f"describe_models_{name}"
        input:
            examples=f"results/{name}/examples.parquet",
            description=f"results/{name}/examples.json",
            splits=f"results/{name}/splits.tsv",
            folds=f"results/{name}/folds.tsv",
            audit=f"results/{name}/split_audit.tsv",
            metrics=f"results/{name}/metrics.tsv",
            comparisons=f"results/{name}/comparisons.tsv",
            descriptions=trained(name, "model.json"),
            weights=trained(name, "weights.safetensors"),
            histories=trained(name, "history.tsv"),
            predictions=trained(name, "predictions.parquet"),
            sources=of_analysis(name, all_sources),
            code=library("model_card", "provenance"),
        output:
            trained(name, "README.md"),
        log:
            f"results/{name}/logs/describe_models.log",
        benchmark:
            f"results/{name}/benchmarks/describe_models.tsv"
        localrule: True
        conda:
            "../../envs/biornn.yaml"
        params:
            name=name,
            analysis=of_analysis(name, whole_analysis),
            sources=of_analysis(name, source_paths),
        script:
            "../scripts/describe_models.py"
