"""Say where the trainings of a run are."""

import sys

from _job import job
from biornn import progress

with job(snakemake):
    sys.stdout.write(progress.main_table(snakemake.params.results) + "\n")
