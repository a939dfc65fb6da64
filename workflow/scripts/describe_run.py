"""Write down the settings, the DOME checklist, the workflow as it ran, and the RO-Crate."""

from pathlib import Path

import yaml
from _job import job
from biornn import crate, examples, methods, outcome, products, provenance, splits
from biornn.config import AnalysisConfig
from biornn.files import read_tsv, write_json, write_text
from biornn.folds import read_descriptions

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    analysis = AnalysisConfig.model_validate(params.analysis)
    text = yaml.safe_dump(params.analysis, sort_keys=False, allow_unicode=True)
    write_text(output.config, text)
    folds, audit = splits.own(read_tsv(files.folds)), read_tsv(files.audit)
    own = set(folds["fold"])
    networks = [each for path in files.descriptions for each in read_descriptions(path)]
    networks = [each for each in networks if each["fold"] in own]
    checklist = methods.dome(
        analysis,
        examples.load_description(files.description),
        folds,
        audit[audit["fold"].isin(own)],
        networks=networks,
        baselines=outcome.read_baselines(files.predictions),
        benchmarks=outcome.read_benchmarks(params.benchmarks),
        machine=provenance.describe_machine(),
    )
    write_json(output.dome, checklist)
    folder = Path(output.crate).parent
    crate.write_ro_crate(
        output.crate,
        analysis,
        sources=provenance.describe_sources(analysis, params.sources),
        config=output.config,
        code=products.keep_code(params.project, output.workflow),
        products=products.products(folder, analysis),
        versions=provenance.software_versions(),
        devices=list(dict.fromkeys(each["device_note"] for each in networks)),
        times=products.times(params.benchmarks, analysis),
    )
