"""Do one worker's share of the search for a model's hyperparameters on one fold."""

from pathlib import Path

from _job import job
from biornn import checkpoints, devices, folds, tuning
from biornn.config import section
from biornn.config_models import ModelConfig
from biornn.config_tune import TuneConfig
from biornn.files import write_json

with job(snakemake) as logger:
    files, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    config = section("training", params.training).model_copy(update={"devices": 1, "nodes": 1})
    fabric, device_note = devices.make_fabric(config)
    logger.info("%s: is tuned on %s", wildcards.model, device_note)
    _, data = folds.load_fold(
        files.examples, files.description, files.get("sequences"), files.splits,
        int(wildcards.fold), files.get("expression"),
    )  # fmt: skip
    search = tuning.Search(
        name=wildcards.model,
        model=ModelConfig.model_validate(params.model),
        training=config,
        tune=TuneConfig.model_validate(params.tune),
        data=data,
        fold=int(wildcards.fold),
        journal=Path(params.journal),
    )
    worker = int(wildcards.worker)
    with checkpoints.lock(params.checkpoints) as folder:
        study = tuning.work(search, worker, fabric=fabric, folder=folder / "trial")
    write_json(snakemake.output.done, {"study": study, "worker": worker})
