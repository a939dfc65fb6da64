"""Train the networks of one model on one fold (or all of them), one for each seed."""

import shutil
from pathlib import Path

import pandas as pd
from _job import job
from biornn import examples, expression, folds, models, training
from biornn.config import section
from biornn.config_models import ModelConfig
from biornn.files import sha256, write_tsv, write_with

with job(snakemake) as logger:
    files, params, name = snakemake.input, snakemake.params, snakemake.wildcards.model
    model = ModelConfig.model_validate(params.model)
    config = section("training", params.training)
    fabric, device_note = training.make_fabric(config)
    logger.info("%s: trains on %s", name, device_note)
    common = {
        "target_label": params.target["label"],
        "training": params.training,
        "profile": examples.load_description(files.description).profile,
        "device": fabric.device.type,
        "device_note": device_note,
        "threads": config.threads,
        "data_sha256": {key: sha256(files[key]) for key in ("examples", "splits")},
    }
    normalizers = (
        expression.load_normalizers(files.normalizer) if "normalizer" in files.keys() else {}
    )
    trained, histories, tables = {}, [], []
    with training.checkpoint_lock(params.checkpoints) as checkpoints:
        asked = folds.numbers(snakemake.wildcards.fold, files.splits)
        for fold in asked:
            ids, data = folds.load_fold(
                files.examples, files.description, files.get("sequences"), files.splits, fold,
                files.get("expression"),
            )  # fmt: skip
            scaling = training.TargetScaling.of(data)
            runs = [
                training.train(
                    model, config, data, seed, fabric=fabric, scaling=scaling,
                    name=name if len(asked) == 1 else f"{name} fold {fold}",
                    checkpoint=checkpoints / f"fold{fold}.seed{seed}.pt",
                )
                for seed in config.seeds
            ]  # fmt: skip
            description = models.describe(
                name,
                model,
                models.InputScheme.fit(data.inputs, data.subsets == "train"),
                data.task,
                vars(scaling),
                [run.summary() for run in runs],
            )
            description |= {"normalizer": normalizers.get(fold)} | common
            trained[fold] = (description, {run.seed: run.state for run in runs})
            histories.append(training.history_table(runs, fold))
            predictions = {run.seed: run.predictions for run in runs}
            tables.append(folds.predictions_table(ids, fold, data, predictions))
        write_tsv(pd.concat(histories, ignore_index=True), snakemake.output.history)
        table = pd.concat(tables, ignore_index=True)
        write_with(
            snakemake.output.predictions,
            lambda temporary: table.to_parquet(temporary, index=False),
        )
        models.save(Path(snakemake.output.description).parent, trained)
        shutil.rmtree(checkpoints)
