"""Networks and baselines on each fold.

Needs: `sequences.safetensors`, `splits.tsv`, the fold's normalised expression; of models that are
tuned `chosen.json`.
Makes: for each model and fold `model.json`, `weights.safetensors`, `history.tsv`,
`gradient_flow.tsv`, `attention.parquet`, `predictions.parquet` (all seeds of a model are one job); for each baseline `model.json` and
`predictions.parquet`. The same predictions of models that were trained on parts are below
`learning_curve/`.
"""


rule train_model:
    input:
        unpack(features),
        unpack(chosen_settings),
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        splits=rules.split_examples.output.splits,
        code=library("training", "nodes", "devices", "config_tune", "familiarity", "temperatures"),
    output:
        description="results/{analysis}/models/{model}/fold{fold}/model.json",
        weights="results/{analysis}/models/{model}/fold{fold}/weights.safetensors",
        history="results/{analysis}/models/{model}/fold{fold}/history.tsv",
        gradient_flow="results/{analysis}/models/{model}/fold{fold}/gradient_flow.tsv",
        attention="results/{analysis}/models/{model}/fold{fold}/attention.parquet",
        predictions="results/{analysis}/models/{model}/fold{fold}/predictions.parquet",
    log:
        "results/{analysis}/logs/train_model.{model}.fold{fold}.log",
    benchmark:
        "results/{analysis}/benchmarks/train_model.{model}.fold{fold}.tsv"
    # The longest jobs first: baselines fill the cores that are left at the end.
    priority: 10
    conda:
        "../../envs/biornn.yaml"
    threads: training_threads
    resources:
        mem_mb=memory("train_model"),
        runtime=runtime("train_model", passes),
        gpu=gpus,
        nodes=nodes,
        tasks=tasks,
    params:
        model=settings("models", "{model}"),
        training=training_of_model,
        target=settings("target"),
        examples=settings("examples"),
        expression=settings("expression"),
        # No output: Snakemake deletes the outputs of a job that failed, and these must outlive it.
        checkpoints=f"{RESULTS}/{{analysis}}/checkpoints/{{model}}/fold{{fold}}",
        events=f"{RESULTS}/{{analysis}}/tensorboard/{{model}}",
    script:
        "../scripts/train_model.py"


rule train_baseline:
    input:
        unpack(features),
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        splits=rules.split_examples.output.splits,
        code=library("baselines"),
    output:
        description="results/{analysis}/baselines/{baseline}/fold{fold}/model.json",
        predictions="results/{analysis}/baselines/{baseline}/fold{fold}/predictions.parquet",
    log:
        "results/{analysis}/logs/train_baseline.{baseline}.fold{fold}.log",
    benchmark:
        "results/{analysis}/benchmarks/train_baseline.{baseline}.fold{fold}.tsv"
    conda:
        "../../envs/biornn.yaml"
    threads: 1
    resources:
        mem_mb=memory("train_baseline"),
        runtime=runtime("train_baseline"),
    params:
        baseline=settings("baselines", "{baseline}"),
    script:
        "../scripts/train_baseline.py"


rule measure_ceiling:
    input:
        unpack(features),
        tables=replicate_tables,
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        splits=rules.split_examples.output.splits,
        code=library("baselines"),
    output:
        predictions="results/{analysis}/replicate/fold{fold}/predictions.parquet",
        qc="results/{analysis}/replicate/fold{fold}/examples.qc.tsv",
    log:
        "results/{analysis}/logs/measure_ceiling.fold{fold}.log",
    benchmark:
        "results/{analysis}/benchmarks/measure_ceiling.fold{fold}.tsv"
    conda:
        "../../envs/biornn.yaml"
    resources:
        mem_mb=memory("measure_ceiling"),
        runtime=runtime("measure_ceiling"),
    params:
        sources=replicate_sources,
        replicate=settings("replicate"),
        examples=settings("examples"),
        expression=settings("expression"),
        target=settings("target"),
        split=settings("split"),
    script:
        "../scripts/measure_ceiling.py"


rule train_parts:
    input:
        unpack(features),
        unpack(chosen_settings),
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        splits=rules.split_examples.output.splits,
        code=library("training", "nodes", "devices", "config_tune"),
    output:
        predictions="results/{analysis}/learning_curve/models/{model}/fold{fold}/predictions.parquet",
    log:
        "results/{analysis}/logs/train_parts.{model}.fold{fold}.log",
    benchmark:
        "results/{analysis}/benchmarks/train_parts.{model}.fold{fold}.tsv"
    priority: 5
    conda:
        "../../envs/biornn.yaml"
    threads: training_threads
    resources:
        mem_mb=memory("train_parts"),
        runtime=runtime("train_parts", passes_of_parts),
        gpu=gpus,
        nodes=nodes,
        tasks=tasks,
    params:
        model=settings("models", "{model}"),
        training=training_of_model,
        shares=parts,
        checkpoints=f"{RESULTS}/{{analysis}}/checkpoints/parts/{{model}}/fold{{fold}}",
    script:
        "../scripts/train_parts.py"


rule fit_parts:
    input:
        unpack(features),
        examples=rules.build_examples.output.examples,
        description=rules.build_examples.output.description,
        splits=rules.split_examples.output.splits,
        code=library("baselines"),
    output:
        predictions="results/{analysis}/learning_curve/baselines/{baseline}/fold{fold}/predictions.parquet",
    log:
        "results/{analysis}/logs/fit_parts.{baseline}.fold{fold}.log",
    benchmark:
        "results/{analysis}/benchmarks/fit_parts.{baseline}.fold{fold}.tsv"
    conda:
        "../../envs/biornn.yaml"
    threads: 1
    resources:
        mem_mb=memory("fit_parts"),
        runtime=runtime("fit_parts"),
    params:
        baseline=settings("baselines", "{baseline}"),
        shares=parts,
    script:
        "../scripts/fit_parts.py"
