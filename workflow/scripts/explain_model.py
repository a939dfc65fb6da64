"""Explain one network on its first fold."""

from pathlib import Path

import pandas as pd
import torch
from _job import job
from biornn import examples, explanations, expression, folds, motifs, pathways, sanity
from biornn.config import section
from biornn.files import write_json, write_parquet, write_tsv

with job(snakemake):
    files, output = snakemake.input, snakemake.output
    config = section("explain", snakemake.params.explain)
    torch.set_num_threads(snakemake.threads)
    fold = folds.numbers("all", files.splits)[0]
    ids, data = folds.load_fold(
        files.examples, files.description, files.get("sequences"), files.splits, fold,
        files.get("expression"),
    )  # fmt: skip
    description = examples.load_description(files.description)
    genes = []
    if description.profile:
        columns = expression.load_normalized(files.expression, fold).columns
        genes = [gene for gene in columns if gene != description.profile["target_gene"]]
    attention = pd.read_parquet(files.attention)
    folder = Path(files.model).parent
    found = explanations.explain(folder, fold, ids, data, config, genes, attention)
    if config.site:
        table = examples.load(files.examples)
        found.checks["site"] = sanity.sites(found.contributions, table)
    enriched = pd.DataFrame(columns=pathways.PATHWAY_COLUMNS)
    if config.gene_sets:
        enriched = pathways.enrich(found.genes, files.gene_sets, config.gene_sets, config.seed)
    shared = {}
    if description.alphabet:
        shared = explanations.shared_motifs(found, description.alphabet, config)
    matches = pd.DataFrame(columns=motifs.MATCH_COLUMNS)
    if config.motifs:
        matches = motifs.compare(shared, motifs.read_known(files.motifs, config.motifs.member))
    write_parquet(found.contributions, output.contributions)
    write_parquet(found.mutations, output.mutations)
    write_tsv(found.profile, output.profile)
    write_tsv(found.genes, output.genes)
    write_tsv(enriched, output.pathways)
    write_tsv(motifs.table(shared), output.motifs)
    write_tsv(matches, output.matches)
    write_json(output.checks, found.checks)
