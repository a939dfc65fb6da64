"""Score all predictions of an analysis and compare the models."""

from _job import job
from biornn import comparisons, examples, statistics
from biornn.config import section
from biornn.files import read_tsv, write_json, write_tsv

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    config = section("evaluation", params.evaluation)
    folds = read_tsv(files.folds)
    groups = statistics.prepare(
        statistics.read_predictions(files.predictions, params.controls),
        examples.strata(examples.load(files.examples), config.strata),
        folds,
        task=examples.load_description(files.description).task,
        n_resamples=config.resamples,
        seed=config.seed,
        threads=snakemake.threads,
    )
    metrics = statistics.score(groups, config.confidence)
    split = statistics.overall(folds)[0]
    chosen = {
        f"best_{kind}": comparisons.best_on_validation(groups, kind, split.scheme)
        for kind in ("recurrent", "baseline")
    }
    write_tsv(metrics, snakemake.output.metrics)
    write_tsv(
        comparisons.compare(
            groups, n_permutations=config.permutations, confidence=config.confidence
        ),
        snakemake.output.comparisons,
    )
    own = metrics[metrics["fold"] == split.fold]
    write_tsv(comparisons.judge(params.published, own, chosen), snakemake.output.published)
    write_tsv(
        statistics.memorization(groups, folds, config.confidence), snakemake.output.memorization
    )
    write_json(snakemake.output.chosen, chosen)
