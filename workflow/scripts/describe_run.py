"""Write down the settings, the DOME checklist and the RO-Crate."""

import yaml
from _job import job
from biornn import examples, methods, provenance, splits
from biornn.config import AnalysisConfig
from biornn.files import read_tsv, write_json, write_text

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    analysis = AnalysisConfig.model_validate(params.analysis)
    text = yaml.safe_dump(params.analysis, sort_keys=False, allow_unicode=True)
    write_text(output.config, text)
    folds, audit = splits.own(read_tsv(files.folds)), read_tsv(files.audit)
    audit = audit[audit["fold"].isin(folds["fold"])]
    description = examples.load_description(files.description)
    write_json(output.dome, methods.dome(analysis, description, folds, audit))
    provenance.write_ro_crate(
        output.crate,
        analysis,
        provenance.describe_sources(analysis, params.sources),
        [*files.outputs, output.dome, output.config],
        provenance.software_versions(),
    )
