"""Lock what the databases have now."""

from datetime import UTC, datetime

from _job import job
from biornn import locks, sources
from biornn.checking import validate
from biornn.config import section
from biornn.config_sources import DownloadConfig

with job(snakemake) as logger:
    config = validate(DownloadConfig, snakemake.config.get("download", {}), "config.yaml: download")
    date = datetime.now(UTC).date().isoformat()
    for analysis, described in snakemake.params.sources.items():
        rows = []
        for name, source in section("sources", described).items():
            rows += sources.lock(name, source, config, date)[0]
        locks.write(locks.path_of(analysis), rows)
        logger.info("%s: %d lines", locks.path_of(analysis), len(rows))
