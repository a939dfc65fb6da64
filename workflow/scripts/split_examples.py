"""Assign the examples to subsets and audit the split."""

from _job import job
from biornn import examples, splits
from biornn.alphabets import ALPHABETS
from biornn.config import section
from biornn.files import write_tsv

with job(snakemake):
    table, params = examples.load(snakemake.input.examples), snakemake.params
    assigned = splits.assign(table, section("split", params.split))
    name = examples.load_description(snakemake.input.description).alphabet
    alphabet = ALPHABETS[name] if name else None
    audit = splits.audit(table, assigned, alphabet, section("expression", params.expression))
    write_tsv(assigned, snakemake.output.splits)
    write_tsv(audit, snakemake.output.audit)
