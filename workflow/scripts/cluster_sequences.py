"""Cluster the sequences by similarity."""

from _job import job
from biornn import examples, homology
from biornn.alphabets import ALPHABETS
from biornn.config import section
from biornn.files import write_tsv

with job(snakemake):
    table = examples.load(snakemake.input.examples)
    name = examples.load_description(snakemake.input.description).alphabet
    groups = section("split", {"method": "random", "groups": snakemake.params.groups}).groups
    alphabet = ALPHABETS[name] if name else None
    clusters = homology.cluster(table, groups, alphabet, snakemake.threads)
    write_tsv(clusters, snakemake.output.clusters)
