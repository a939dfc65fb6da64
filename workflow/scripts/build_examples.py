"""Read and check the table of examples."""

import pandas as pd
from _job import job
from biornn import examples, expression, profiles
from biornn.config import section
from biornn.config_data import Stratum
from biornn.config_explain import SiteConfig
from biornn.files import check_sha256, write_tsv

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    paths = dict(zip(params.sources, snakemake.input.tables, strict=True))
    for name, path in paths.items():
        if digest := params.sources[name].get("sha256"):  # records of a database have none
            check_sha256(path, digest, path)
    values = section("expression", params.expression)
    target, split = section("target", params.target), section("split", params.split)
    config = section("examples", params.examples)
    if values is not None and values.matrix is not None and not values.target:
        built = profiles.build(paths, values, target, split, config)
    else:
        built = examples.build(
            paths,
            config,
            target,
            split,
            values,
            strata=[Stratum.model_validate(stratum) for stratum in params.strata],
            site=params.site and SiteConfig.model_validate(params.site),
            published=params.published,
        )
    counts = built.counts if built.counts is not None else pd.DataFrame(index=built.table.index)
    examples.save(built, output.examples)
    examples.save_description(built.description, output.description)
    expression.save_counts(built.table["id"], counts, output.expression)
    write_tsv(built.qc, output.qc)
