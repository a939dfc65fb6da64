"""Score all predictions of an analysis and compare the models."""

from _job import job
from biornn import (
    breakdown,
    calibration,
    comparisons,
    examples,
    paired_tests,
    parts,
    published,
    splits,
    statistics,
)
from biornn.config import section
from biornn.files import read_tsv, write_json, write_tsv

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    config = section("evaluation", params.evaluation)
    folds = read_tsv(files.folds)
    table = examples.load(files.examples)
    description = examples.load_description(files.description)
    predictions = statistics.read_predictions(files.predictions, params.controls)
    own = splits.own(folds)["fold"]
    tested = predictions[predictions["fold"].isin(own) & (predictions["subset"] == "test")]
    nearest = read_tsv(files.nearest, id=str, nearest=str)
    groups = statistics.prepare(
        predictions,
        examples.strata(table, config.strata),
        folds,
        task=description.task,
        clusters=statistics.read_clusters(files.clusters, table),
        scored=parts.of_test(
            table, tested["id"].unique(), nearest[nearest["fold"].isin(own)], description.inputs,
            [stratum.name for stratum in config.strata],
        ),
        n_resamples=config.resamples,
        seed=config.seed,
        threads=snakemake.threads,
    )  # fmt: skip
    metrics = statistics.score(groups, config.confidence)
    split = statistics.overall(folds)[0]
    chosen = {
        f"best_{kind}": comparisons.best_on_validation(groups, kind, split.scheme)
        for kind in ("recurrent", "baseline")
    }
    write_tsv(metrics, snakemake.output.metrics)
    write_tsv(
        comparisons.compare(
            groups,
            n_permutations=config.permutations,
            confidence=config.confidence,
            correction=config.correction,
        ),
        snakemake.output.comparisons,
    )
    write_tsv(
        paired_tests.table_of(comparisons.pairs_of(groups), groups, folds, config.correction),
        snakemake.output.tests,
    )
    overall = metrics[metrics["fold"] == split.fold]
    entries = published.with_predictions(
        params.published, groups, split, table, files.predictions[0], description.task
    )
    write_tsv(comparisons.judge(entries, overall, chosen), snakemake.output.published)
    write_tsv(
        statistics.memorization(groups, folds, config.confidence), snakemake.output.memorization
    )
    write_tsv(breakdown.classes(groups, split), snakemake.output.classes)
    write_tsv(breakdown.variance(groups, split.scheme), snakemake.output.variance)
    curves, temperatures = calibration.tables(groups, split.scheme)
    write_tsv(curves, snakemake.output.calibration)
    write_tsv(temperatures, snakemake.output.temperature)
    write_json(snakemake.output.chosen, chosen)
