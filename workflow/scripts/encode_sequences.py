"""Encode the sequences."""

from _job import job
from biornn import encoding, examples
from biornn.alphabets import ALPHABETS

with job(snakemake):
    table = examples.load(snakemake.input.examples)
    encoded = encoding.encode(table["sequence"], ALPHABETS[snakemake.params.alphabet])
    encoding.save(encoded, snakemake.output.sequences)
