"""Searches for hyperparameters, of the models that `tune` names.

Needs: `sequences.safetensors`, `splits.tsv`, the fold's normalised expression.
Makes: for each such model and fold `chosen.json`, `trials.tsv`, `importance.tsv`; all workers of a
search share `journal.log`.
"""


rule tune_model:
    input:
        unpack(features),
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        splits=rules.split_examples.output.splits,
        code=library("tuning", "devices"),
    output:
        done="results/{analysis}/tuning/{model}/fold{fold}/worker{worker}.json",
    log:
        "results/{analysis}/logs/tune_model.{model}.fold{fold}.worker{worker}.log",
    benchmark:
        "results/{analysis}/benchmarks/tune_model.{model}.fold{fold}.worker{worker}.tsv"
    # Before the networks that wait for nothing: a search is the longest way to a report.
    priority: 20
    conda:
        "../../envs/biornn.yaml"
    threads: lambda wildcards: ANALYSES[wildcards.analysis].training.threads
    resources:
        mem_mb=memory("tune_model"),
        runtime=runtime("tune_model", passes_of_search),
        gpu=lambda wildcards: min(gpus(wildcards), 1),
    params:
        model=settings("models", "{model}"),
        training=training_of_model,
        tune=settings("tune", "{model}"),
        # No outputs: Snakemake deletes those of a job that failed, and these must outlive it.
        journal=f"{RESULTS}/{{analysis}}/tuning/{{model}}/fold{{fold}}/journal.log",
        checkpoints=f"{RESULTS}/{{analysis}}/checkpoints/tuning/{{model}}/fold{{fold}}/worker{{worker}}",
    script:
        "../scripts/tune_model.py"


rule choose_settings:
    input:
        workers=workers,
        code=library("tuning"),
    output:
        chosen="results/{analysis}/tuning/{model}/fold{fold}/chosen.json",
        trials="results/{analysis}/tuning/{model}/fold{fold}/trials.tsv",
        importance="results/{analysis}/tuning/{model}/fold{fold}/importance.tsv",
    log:
        "results/{analysis}/logs/choose_settings.{model}.fold{fold}.log",
    benchmark:
        "results/{analysis}/benchmarks/choose_settings.{model}.fold{fold}.tsv"
    priority: 20
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    params:
        journal=f"{RESULTS}/{{analysis}}/tuning/{{model}}/fold{{fold}}/journal.log",
    script:
        "../scripts/choose_settings.py"
