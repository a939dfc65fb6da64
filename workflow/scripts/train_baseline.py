"""Fit one baseline on one fold."""

from _job import job
from biornn import baselines, folds
from biornn.config import section
from biornn.files import write_json, write_with

with job(snakemake):
    files, name = snakemake.input, snakemake.wildcards.baseline
    fold = int(snakemake.wildcards.fold)
    config = section("baselines", {name: snakemake.params.baseline})[name]
    ids, data = folds.load_fold(
        files.examples, files.description, files.get("sequences"), files.splits, fold,
        files.get("expression"),
    )  # fmt: skip
    fitted = baselines.fit_baseline(config, data, snakemake.threads)
    description = {
        "name": name,
        "kind": "baseline",
        "fold": fold,
        "baseline": snakemake.params.baseline,
        "chosen": fitted.chosen,
    }
    predictions = folds.predictions_table(ids, fold, data, {0: fitted.predictions})
    write_json(snakemake.output.description, description)
    write_with(
        snakemake.output.predictions,
        lambda temporary: predictions.to_parquet(temporary, index=False),
    )
