"""What a second measurement of the same sequences predicts of the first."""

import pandas as pd
from _job import job
from biornn import baselines, examples, folds
from biornn.config import section
from biornn.files import write_parquet, write_tsv

with job(snakemake) as logger:
    files, params = snakemake.input, snakemake.params
    expression = section("expression", params.expression)
    replicate = examples.build(
        dict(zip(params.sources, files.tables, strict=True)),
        section("examples", params.examples),
        section("target", params.target),
        section("split", params.split),
        expression,
        section("replicate", params.replicate),
    )
    table = examples.load(files.examples)
    values = baselines.replicate_predictions(table, replicate, expression)
    tables = []
    for fold in folds.numbers(snakemake.wildcards.fold, files.splits):
        ids, data = folds.load_fold(
            files.examples, files.description, files.get("sequences"), files.splits, fold,
            files.get("expression"),
        )  # fmt: skip
        tables.append(folds.predictions_table(ids, fold, data, {0: values}).dropna())
        logger.info("%d of %d examples are in the replicate", len(tables[-1]), len(ids))
    predictions = pd.concat(tables, ignore_index=True)
    write_tsv(replicate.qc, snakemake.output.qc)
    write_parquet(predictions, snakemake.output.predictions)
