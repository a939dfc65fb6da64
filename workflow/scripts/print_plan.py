"""Say what a run will take."""

import sys

from _job import job
from biornn import plans

with job(snakemake):
    jobs = [plans.Jobs(**each) for each in snakemake.params.jobs]
    sys.stdout.write(plans.as_text(plans.plan(jobs, snakemake.params.results)) + "\n")
