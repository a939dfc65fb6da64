"""Fit one baseline on one fold, or on all of them."""

import pandas as pd
from _job import job
from biornn import baselines, folds
from biornn.config import section
from biornn.files import write_json, write_parquet

with job(snakemake):
    files, name = snakemake.input, snakemake.wildcards.baseline
    config = section("baselines", {name: snakemake.params.baseline})[name]
    tables, chosen = [], {}
    for fold in folds.numbers(snakemake.wildcards.fold, files.splits):
        ids, data = folds.load_fold(
            files.examples, files.description, files.get("sequences"), files.splits, fold,
            files.get("expression"),
        )  # fmt: skip
        fitted = baselines.fit_baseline(config, data, snakemake.threads, fold)
        chosen[fold] = fitted.chosen
        tables.append(folds.predictions_table(ids, fold, data, {0: fitted.predictions}))
    description = {
        "name": name,
        "kind": "control" if config.shuffle_labels else "baseline",
        "baseline": snakemake.params.baseline,
        "chosen": chosen,
    }
    write_json(snakemake.output.description, description)
    predictions = pd.concat(tables, ignore_index=True)
    write_parquet(predictions, snakemake.output.predictions)
