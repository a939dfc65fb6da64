"""Score all predictions of an analysis and compare the models."""

from _job import job
from biornn import examples, statistics
from biornn.config import section
from biornn.files import write_json, write_tsv

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    predictions = statistics.read_predictions(files.predictions, params.controls)
    config = section("evaluation", params.evaluation)
    strata = examples.strata(examples.load(files.examples), config.strata)
    common = {
        "n_resamples": config.resamples,
        "confidence": config.confidence,
        "seed": config.seed,
    }
    metrics = statistics.score(predictions, strata, **common)
    comparisons = statistics.compare(
        predictions, strata, n_permutations=config.permutations, **common
    )
    chosen = {
        f"best_{kind}": statistics.best_on_validation(predictions, kind)
        for kind in ("recurrent", "baseline")
    }
    published = statistics.judge(params.published, metrics, chosen)
    write_tsv(metrics, snakemake.output.metrics)
    write_tsv(comparisons, snakemake.output.comparisons)
    write_tsv(published, snakemake.output.published)
    write_json(snakemake.output.chosen, chosen)
