"""The normalised expression of genes is the target of their sequences, and reaches the models."""

import numpy as np
import pandas as pd

GENES = """\
sources:
  promoters: {type: path, path: data/promoters.fasta}
  counts: {type: path, path: data/counts.tsv}
  genes: {type: path, path: data/genes.gtf}
examples: {source: promoters, id: id, sequence: {alphabet: dna}}
expression:
  matrix: {source: counts}
  target: {unmatched: drop, strip_version: true}
  gene_lengths: {source: genes, strip_version: true}
  normalization: [{method: tpm}, {method: log, base: 2, pseudocount: 1}]
baselines: {linear: {kind: linear}}
models: {gru: {cell: gru}}
"""


def test_sequences_are_joined_with_counts_by_gene(workflow):
    generator = np.random.default_rng(0)
    names = [f"ENSG{n:03}" for n in range(80)]
    letters = generator.choice(list("ACGT"), size=(80, 12))
    sizes = generator.integers(500, 3000, size=80)
    strength = 2.0 ** (letters == "G").sum(axis=1)
    means = 3 * strength[:, None] * sizes[:, None] / 1000 * [1.0, 2, 4]
    counts = pd.DataFrame(generator.poisson(means), names, ["a", "b", "c"])
    counts.loc["ENSG999"] = 5  # has no sequence
    counts.rename(index=lambda name: f"{name}.1").to_csv(
        workflow.folder / "data/counts.tsv", sep="\t", index_label="gene"
    )
    records = [f">{n}.2\n{''.join(x)}\n" for n, x in zip(names, letters, strict=True)]
    (workflow.folder / "data/promoters.fasta").write_text("".join(records))
    lines = [
        f'1\tx\texon\t1\t{size}\t.\t+\t.\tgene_id "{name}.3";\n'
        for name, size in zip(names, sizes, strict=True)
    ]
    (workflow.folder / "data/genes.gtf").write_text("".join(lines))
    (workflow.folder / "config/analyses/tiny.yaml").write_text(GENES, encoding="utf-8")
    folder = "results/tiny/baselines/linear/fold0"
    outcome = workflow.run(f"{folder}/predictions.parquet")
    assert outcome.returncode == 0, outcome.stdout
    predictions = pd.read_parquet(workflow.folder / folder / "predictions.parquet")
    assert len(predictions) == 80
    # what a gene has of the million of the training genes, by hand
    per_base = counts.loc[names].div(sizes, axis=0).set_axis([f"{n}.2" for n in names])
    train = predictions.loc[predictions["subset"] == "train", "id"]
    tpm = per_base / per_base.loc[train].sum() * 1e6
    expected = np.log2(tpm + 1).mean(axis=1).loc[predictions["id"]]
    np.testing.assert_allclose(predictions["target"], expected, rtol=1e-12)
    tested = predictions.query("subset == 'test'")
    assert np.corrcoef(tested["target"], tested["prediction"])[0, 1] > 0.8
