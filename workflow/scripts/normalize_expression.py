"""Normalise the expression of one fold, fitted on its training rows."""

from _job import job
from biornn import examples, expression, folds, gene_lengths, splits
from biornn.config import section

with job(snakemake) as logger:
    table = examples.load(snakemake.input.examples)
    counts = expression.load_counts(snakemake.input.counts)
    config = section("expression", snakemake.params.expression)
    lengths = None
    if config.gene_lengths:
        names = counts.columns.to_series()
        genes = table.set_index("id")["source_id"] if config.target else names
        lengths = gene_lengths.lengths_of(snakemake.input.lengths[0], config.gene_lengths, genes)
    values, normalizers = {}, {}
    for fold in folds.numbers(snakemake.wildcards.fold, snakemake.input.splits):
        train = splits.read_subsets(snakemake.input.splits, fold, table["id"]) == "train"
        normalizers[fold] = expression.Normalizer(config.normalization, config.target)
        normalizers[fold].fit(counts, train.to_numpy(), table["sequence"], lengths)
        values[fold] = normalizers[fold].transform(counts)
        if config.check:
            worst = expression.check_values(
                table["id"], values[fold].iloc[:, 0], table["expected_target"], config.check
            )
            logger.info("equal to column %s within %.3g", config.check.column, worst)
    expression.save_normalized(values, snakemake.output.expression)
    expression.save_normalizers(normalizers, snakemake.output.normalizer)
