"""Read what the workers of a search have found, and choose."""

from pathlib import Path

from _job import job
from biornn import tuning
from biornn.files import read_json, write_json, write_tsv

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    study = tuning.load(Path(params.journal), read_json(files.workers[0])["study"])
    write_tsv(tuning.trials_table(study), output.trials)
    write_tsv(tuning.importance_table(study), output.importance)
    of = {"model": snakemake.wildcards.model, "fold": int(snakemake.wildcards.fold)}
    write_json(output.chosen, of | tuning.choose(study))
