"""Write down the settings, the workflow as it ran, and the RO-Crate."""

from pathlib import Path

import yaml
from _job import job
from biornn import crate, products, provenance, training_words
from biornn.config import AnalysisConfig
from biornn.files import write_text
from biornn.folds import read_descriptions

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    analysis = AnalysisConfig.model_validate(params.analysis)
    text = yaml.safe_dump(params.analysis, sort_keys=False, allow_unicode=True)
    write_text(output.config, text)
    networks = [each for path in files.descriptions for each in read_descriptions(path)]
    folder = Path(output.crate).parent
    crate.write_ro_crate(
        output.crate,
        analysis,
        sources=provenance.describe_sources(analysis, params.sources),
        config=output.config,
        code=products.keep_code(params.project, output.workflow),
        products=products.products(folder, analysis),
        versions=provenance.software_versions(),
        trained_with=training_words.versions_of(networks),
        devices=list(dict.fromkeys(each["device_note"] for each in networks)),
        times=products.times(params.benchmarks, analysis),
    )
