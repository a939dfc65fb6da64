"""Score the models that were trained on parts of the training examples."""

from _job import job
from biornn import examples, fractions, statistics
from biornn.config import section
from biornn.files import read_tsv, write_tsv

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    config = section("evaluation", params.evaluation)
    curve = fractions.learning_curve(
        statistics.read_predictions(files.parts, ()),
        statistics.read_predictions(files.predictions, ()),
        params.shares,
        read_tsv(files.folds),
        clusters=statistics.read_clusters(files.clusters, examples.load(files.examples)),
        task=examples.load_description(files.description).task,
        n_resamples=config.resamples,
        confidence=config.confidence,
        seed=config.seed,
        threads=snakemake.threads,
    )
    write_tsv(curve, snakemake.output.curve)
