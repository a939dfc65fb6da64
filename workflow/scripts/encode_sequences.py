"""Turn the inputs into numbers."""

from _job import job
from biornn import encoding, examples, inputs
from biornn.alphabets import ALPHABETS

with job(snakemake):
    table = examples.load(snakemake.input.examples)
    alphabet = examples.load_description(snakemake.input.description).alphabet
    if alphabet is None:
        read = inputs.read_series(table["sequence"])
    else:
        read = encoding.encode(table["sequence"], ALPHABETS[alphabet])
    inputs.save(read, snakemake.output.sequences)
