"""Write a model card beside the weights of every network and fold of an analysis."""

from pathlib import Path

from _job import job
from biornn import evidence, model_card, provenance
from biornn.config import AnalysisConfig
from biornn.files import write_text

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    analysis = AnalysisConfig.model_validate(params.analysis)
    found = evidence.Evidence.read(
        params.name, analysis, files, provenance.describe_sources(analysis, params.sources)
    )
    for target in snakemake.output:
        write_text(target, model_card.card(found, Path(target).parent))
