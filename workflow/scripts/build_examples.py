"""Read and check the table of examples."""

import pandas as pd
from _job import job
from biornn import examples, expression
from biornn.config import section
from biornn.files import check_sha256, write_tsv

with job(snakemake):
    table, params = snakemake.input.table, snakemake.params
    if params.source["sha256"]:
        check_sha256(table, params.source["sha256"], table)
    built = examples.build(
        table,
        section("examples", params.examples),
        section("target", params.target),
        section("split", params.split),
        section("expression", params.expression),
    )
    counts = built.counts if built.counts is not None else pd.DataFrame(index=built.table.index)
    examples.save(built, snakemake.output.examples)
    expression.save_counts(built.table["id"], counts, snakemake.output.expression)
    write_tsv(built.qc, snakemake.output.qc)
