"""The predictions of a trained model for the inputs of a file."""

from pathlib import Path

import torch
from _job import job
from biornn import newcomers, scoring
from biornn.config_predict import PredictConfig
from biornn.prediction import Predictor

with job(snakemake) as logger:
    config = PredictConfig.model_validate(snakemake.params.predict)
    torch.set_num_threads(snakemake.threads)
    torch.set_flush_denormal(True)
    predictor = Predictor(Path(snakemake.input.model).parent, config.fold)
    for note in predictor.notes:
        logger.warning("%s", note)
    request = newcomers.Request(
        snakemake.input.inputs,
        samples=snakemake.input.get("samples"),
        **config.model_dump(
            include={"format", "member", "sequence_column", "id_column", "on_error"}
        ),
    )
    summary = scoring.Summary()
    with scoring.writer(snakemake.output[0]) as write:
        for table in scoring.predict(predictor, request, summary, seeds=config.seeds):
            write(table)
    logger.info("%s", summary)
