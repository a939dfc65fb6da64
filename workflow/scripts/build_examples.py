"""Read and check the table of examples."""

import pandas as pd
from _job import job
from biornn import examples, expression
from biornn.config import section
from biornn.files import check_sha256, write_tsv

with job(snakemake):
    params = snakemake.params
    config = section("examples", params.examples)
    paths = dict(zip(config.inputs, snakemake.input.tables, strict=True))
    for path, source in zip(paths.values(), params.sources, strict=True):
        if source["sha256"]:
            check_sha256(path, source["sha256"], path)
    built = examples.build(
        paths,
        config,
        section("target", params.target),
        section("split", params.split),
        section("expression", params.expression),
    )
    counts = built.counts if built.counts is not None else pd.DataFrame(index=built.table.index)
    examples.save(built, snakemake.output.examples)
    expression.save_counts(built.table["id"], counts, snakemake.output.expression)
    write_tsv(built.qc, snakemake.output.qc)
