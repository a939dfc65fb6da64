"""Train the networks of one model on one fold, one for each seed."""

import json
import shutil
from pathlib import Path

from _job import job
from biornn import examples, folds, models, training
from biornn.config import section
from biornn.config_models import ModelConfig
from biornn.files import sha256, write_tsv, write_with

with job(snakemake) as logger:
    files, params = snakemake.input, snakemake.params
    name, fold = snakemake.wildcards.model, int(snakemake.wildcards.fold)
    model = ModelConfig.model_validate(params.model)
    config = section("training", params.training)
    fabric, device_note = training.make_fabric(config)
    logger.info("%s: trains on %s", name, device_note)
    ids, data = folds.load_fold(
        files.examples, files.description, files.get("sequences"), files.splits, fold,
        files.get("expression"),
    )  # fmt: skip
    scaling = training.TargetScaling.of(data)
    with training.checkpoint_lock(params.checkpoints) as checkpoints:
        runs = [
            training.train(
                model, config, data, seed, fabric=fabric, scaling=scaling, name=name,
                checkpoint=checkpoints / f"seed{seed}.pt",
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
        ) | {
            "fold": fold,
            "target_label": params.target["label"],
            "training": params.training,
            "profile": examples.load_description(files.description).profile,
            "normalizer": (
                json.loads(Path(files.normalizer).read_text(encoding="utf-8"))
                if "normalizer" in files.keys()
                else None
            ),
            "device": fabric.device.type,
            "device_note": device_note,
            "threads": config.threads,
            "data_sha256": {key: sha256(files[key]) for key in ("examples", "splits")},
        }
        predictions = folds.predictions_table(
            ids, fold, data, {run.seed: run.predictions for run in runs}
        )
        write_tsv(training.history_table(runs), snakemake.output.history)
        write_with(
            snakemake.output.predictions,
            lambda temporary: predictions.to_parquet(temporary, index=False),
        )
        folder = Path(snakemake.output.description).parent
        models.save(folder, description, {run.seed: run.state for run in runs})
        shutil.rmtree(checkpoints)
