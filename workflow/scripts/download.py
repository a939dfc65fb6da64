"""Download one source and check it."""

from _job import job
from biornn import locks, sources
from biornn.checking import validate
from biornn.config import section
from biornn.config_sources import DownloadConfig

with job(snakemake):
    # from the configuration and not from params: another mirror is no reason to download again
    config = validate(DownloadConfig, snakemake.config.get("download", {}), "config.yaml: download")
    params = snakemake.params
    source = section("sources", {"source": params.source})["source"]
    lock = sources.Lock(params.lock, [locks.Row(*cells) for cells in params.locked])
    sources.fetch(source, snakemake.output.file, config, lock)
