"""Train the networks of one model on one fold (or all of them), one for each seed."""

from pathlib import Path

import pandas as pd
from _job import job
from biornn import (
    allocation,
    checkpoints,
    config_tune,
    devices,
    examples,
    expression,
    familiarity,
    folds,
    losses,
    models,
    nodes,
    reading,
    runs,
    temperatures,
    training,
)
from biornn.config import section
from biornn.config_models import ModelConfig
from biornn.files import read_json, sha256, write_parquet, write_tsv


def main() -> None:
    """The job; a function, since processes that share its work import this file too."""
    with job(snakemake) as logger:
        files, params, output = snakemake.input, snakemake.params, snakemake.output
        name = snakemake.wildcards.model
        model = ModelConfig.model_validate(params.model)
        config = section("training", params.training)
        settings = None
        if "chosen" in files.keys():
            settings = read_json(files.chosen)["settings"]
            model, config = config_tune.apply(model, config, settings)
            logger.info("%s: takes the settings that were found: %s", name, settings)
        if nodes.spread(config, params.checkpoints):
            return
        fabric, device_note = devices.make_fabric(config)
        logger.info("%s: trains on %s", name, device_note)
        ids, replicates = {}, []
        for fold in folds.numbers(snakemake.wildcards.fold, files.splits):
            ids[fold], data = folds.load_fold(
                files.examples, files.description, files.get("sequences"), files.splits, fold,
                files.get("expression"),
            )  # fmt: skip
            replicates += [runs.Replicate(data, seed, fold) for seed in config.seeds]
        with checkpoints.lock(params.checkpoints, held=allocation.rank() is not None) as folder:
            found = devices.launch(
                fabric,
                training.train,
                model,
                config,
                replicates,
                name=name,
                checkpoint_folder=folder,
                events=Path(params.events) if config.tensorboard else None,
            )
            if allocation.rank():
                return
            normalizers = {}
            if "normalizer" in files.keys():
                normalizers = expression.load_normalizers(files.normalizer)
            profile = examples.load_description(files.description).profile
            common = {
                "target_label": params.target["label"],
                "training": config.model_dump(mode="json"),
                "tuned": settings,
                "profile": profile,
                "reading": reading.settings(
                    section("examples", params.examples), section("expression", params.expression)
                ),
                "device": fabric.device.type,
                "device_note": device_note,
                "threads": config.threads,
                "data_sha256": {key: sha256(files[key]) for key in ("examples", "splits")},
            }
            pool = model.convolution.pool if model.convolution else 1
            trained, predictions, attention = {}, [], []
            for fold, names in ids.items():
                own = [run for run in found if run.fold == fold]
                data = next(each.data for each in replicates if each.fold == fold)
                description = models.describe(
                    name,
                    model,
                    models.InputScheme.fit(data.inputs, data.subsets == "train"),
                    data.task,
                    vars(losses.TargetScaling.of(data)),
                    [run.summary() for run in own],
                    data.beside_scaling(),
                )
                description |= {"normalizer": normalizers.get(fold)} | common
                if profile:
                    columns = expression.load_normalized(files.expression, fold).columns
                    description["genes"] = [c for c in columns if c != profile["target_gene"]]
                description["temperatures"] = {
                    str(run.seed): temperatures.fit_fold(data, run.predictions) for run in own
                }
                description["training_inputs"] = familiarity.summarize(data)
                trained[fold] = (description, {run.seed: run.state for run in own})
                values = {run.seed: run.predictions for run in own}
                predictions.append(folds.predictions_table(names, fold, data, values))
                attention.append(runs.attention_table(names, data, own, pool))
            write_tsv(runs.history_table(found), output.history)
            write_tsv(runs.flow_table(found), output.gradient_flow)
            write_parquet(pd.concat(predictions, ignore_index=True), output.predictions)
            write_parquet(pd.concat(attention, ignore_index=True), output.attention)
            models.save(Path(output.description).parent, trained)
            checkpoints.clear(folder)


if __name__ == "__main__":
    main()
