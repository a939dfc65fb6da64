"""Assign the examples to subsets and audit the split."""

from _job import job
from biornn import audits, examples, splits
from biornn.alphabets import ALPHABETS
from biornn.config import section
from biornn.files import InputError, read_tsv, write_tsv

with job(snakemake) as logger:
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    table, split = examples.load(files.examples), section("split", params.split)
    description = examples.load_description(files.description)
    alphabet = ALPHABETS[description.alphabet] if description.alphabet else None
    clusters = None
    if files.clusters:
        clusters = read_tsv(files.clusters[0], id=str).set_index("id")["cluster"]
    assigned, folds = splits.assign(table, split, description.task, alphabet, clusters)
    audited, nearest = audits.audit(
        table, assigned, description.task, alphabet, section("expression", params.expression),
        clusters, snakemake.threads,
    )  # fmt: skip
    own = splits.own(folds)["fold"]
    found = audits.leaks(
        audited[audited["fold"].isin(own)], nearest[nearest["fold"].isin(own)], split
    )
    for sentence in found:
        logger.warning("%s", sentence)
    if found and split.on_leakage == "error":
        raise InputError(
            f"split.on_leakage is error, and {'; '.join(found)}. Split by other groups, set "
            "examples.duplicates, or set on_leakage to warn."
        )
    write_tsv(assigned, output.splits)
    write_tsv(folds, output.folds)
    write_tsv(audited, output.audit)
    write_tsv(nearest, output.nearest)
