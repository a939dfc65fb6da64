"""Fit one baseline on parts of the training examples."""

import pandas as pd
from _job import job
from biornn import baselines, folds
from biornn.config import section
from biornn.files import write_parquet

with job(snakemake):
    files, name, fold = snakemake.input, snakemake.wildcards.baseline, int(snakemake.wildcards.fold)
    config = section("baselines", {name: snakemake.params.baseline})[name]
    ids, data = folds.load_fold(
        files.examples, files.description, files.get("sequences"), files.splits, fold,
        files.get("expression"),
    )  # fmt: skip
    tables = []
    for share in snakemake.params.shares:
        part = data.part(share)
        fitted = baselines.fit_baseline(config, part, snakemake.threads, fold)
        table = folds.predictions_table(ids, fold, part, {0: fitted.predictions})
        tables.append(table.assign(share=share, n_train=len(part.rows("train"))))
    write_parquet(pd.concat(tables, ignore_index=True), snakemake.output.predictions)
