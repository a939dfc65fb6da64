"""Write the page over all analyses of the run."""

from _job import job
from biornn import summary
from biornn.files import write_text

with job(snakemake):
    files = snakemake.input
    page = summary.render_index(
        summary.read(files.summaries), files.templates, files.css, files.script
    )
    write_text(snakemake.output[0], page)
