"""What a second measurement of the same sequences predicts of the first."""

from _job import job
from biornn import baselines, examples, folds
from biornn.config import section
from biornn.files import write_tsv, write_with

with job(snakemake) as logger:
    files, params, fold = snakemake.input, snakemake.params, int(snakemake.wildcards.fold)
    expression = section("expression", params.expression)
    replicate = examples.build(
        dict(zip(params.sources, files.tables, strict=True)),
        section("examples", params.examples),
        section("target", params.target),
        section("split", params.split),
        expression,
        section("replicate", params.replicate),
    )
    ids, data = folds.load_fold(
        files.examples, files.description, files.get("sequences"), files.splits, fold,
        files.get("expression"),
    )  # fmt: skip
    sequences = examples.load(files.examples)["sequence"]
    values = baselines.replicate_predictions(sequences, replicate, expression)
    predictions = folds.predictions_table(ids, fold, data, {0: values}).dropna()
    logger.info("%d of %d examples are in the replicate", len(predictions), len(ids))
    write_tsv(replicate.qc, snakemake.output.qc)
    write_with(
        snakemake.output.predictions,
        lambda temporary: predictions.to_parquet(temporary, index=False),
    )
