"""Train the networks of one model on parts of the training examples, one for each part and seed."""

from pathlib import Path

import pandas as pd
from _job import job
from biornn import allocation, checkpoints, config_tune, devices, folds, nodes, runs, training
from biornn.config import section
from biornn.config_models import ModelConfig
from biornn.files import read_json, write_parquet


def main() -> None:
    """The job; a function, since processes that share its work import this file too."""
    with job(snakemake) as logger:
        files, params = snakemake.input, snakemake.params
        model = ModelConfig.model_validate(params.model)
        config = section("training", params.training)
        if "chosen" in files.keys():
            model, config = config_tune.apply(model, config, read_json(files.chosen)["settings"])
        if nodes.spread(config, params.checkpoints):
            return
        fabric, device_note = devices.make_fabric(config)
        logger.info("%s: trains on %s", snakemake.wildcards.model, device_note)
        fold = int(snakemake.wildcards.fold)
        ids, data = folds.load_fold(
            files.examples, files.description, files.get("sequences"), files.splits, fold,
            files.get("expression"),
        )  # fmt: skip
        tables = []
        with checkpoints.lock(params.checkpoints, held=allocation.rank() is not None) as folder:
            for share in params.shares:
                part = data.part(share)
                found = devices.launch(
                    fabric,
                    training.train,
                    model,
                    config.of_part(share),
                    [runs.Replicate(part, seed, fold) for seed in config.seeds],
                    name=f"{snakemake.wildcards.model}, {share:g}",
                    checkpoint_folder=Path(folder) / f"{share:g}",
                )
                values = {run.seed: run.predictions for run in found}
                table = folds.predictions_table(ids, fold, part, values)
                tables.append(table.assign(share=share, n_train=len(part.rows("train"))))
            if allocation.rank():
                return
            write_parquet(pd.concat(tables, ignore_index=True), snakemake.output.predictions)
            checkpoints.clear(folder)


if __name__ == "__main__":
    main()
