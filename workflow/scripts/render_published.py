"""Write the table of the published analyses, and the page over them."""

from pathlib import Path

from _job import job
from biornn import catalogue, catalogue_page
from biornn.config import AnalysisConfig
from biornn.files import write_text, write_tsv

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    repeated = [
        catalogue.read(
            name, AnalysisConfig.model_validate(plain), params.commands[name], Path(summary).parent
        )
        for (name, plain), summary in zip(params.analyses.items(), files.summaries, strict=True)
    ]
    write_tsv(catalogue.table_of(repeated), output.table)
    page = catalogue_page.render(repeated, files.templates, files.css, files.script)
    write_text(output.page, page)
