"""Normalise the expression of one fold, fitted on its training rows."""

from _job import job
from biornn import examples, expression, gene_lengths, splits
from biornn.config import section

with job(snakemake) as logger:
    table = examples.load(snakemake.input.examples)
    counts = expression.load_counts(snakemake.input.counts)
    config = section("expression", snakemake.params.expression)
    fold = int(snakemake.wildcards.fold)
    train = splits.read_subsets(snakemake.input.splits, fold, table["id"]) == "train"
    normalizer = expression.Normalizer(config.normalization)
    lengths = None
    if config.gene_lengths:
        lengths = gene_lengths.gene_lengths(snakemake.input.lengths[0], config.gene_lengths)
        if config.gene_lengths.strip_version:
            plain = counts.columns.map(gene_lengths.without_version)
            lengths = lengths.reindex(plain).set_axis(counts.columns).dropna()
    normalizer.fit(counts, train.to_numpy(), table["sequence"], lengths)
    values = normalizer.transform(counts)
    if config.check:
        worst = expression.check_values(
            table["id"], values.iloc[:, 0], table["expected_target"], config.check
        )
        logger.info("equal to column %s within %.3g", config.check.column, worst)
    expression.save_normalized(values, snakemake.output.expression)
    expression.save_normalizer(normalizer, snakemake.output.normalizer)
