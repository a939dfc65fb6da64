"""Records by accession: locked, fetched as locked, and used without a network."""

import shutil

import pandas as pd
from database_server import State, serve

ANALYSIS = """\
title: By accession
sources:
  pos: {type: ncbi, database: protein, file: pos.fasta, accessions: [POS]}
  neg: {type: uniprot, file: neg.fasta, query: "made:up"}
examples: {classes: {active: pos, inactive: neg}, id: id, sequence: {alphabet: protein}}
target: {column: class, values: {active: 1, inactive: 0}, label: active (1) or not (0)}
split: {method: random}
models: {rnn: {cell: rnn, hidden_size: 4}}
training: {seeds: [1], epochs: 2, device: cpu}
baselines: {mean: {kind: mean}, ridge: {kind: linear}}
"""


def test_lock_then_fetch_then_a_run_without_a_network(workflow):
    names = [f"NP_{n:03}" for n in range(40)] + [f"P{n:05}" for n in range(40)]
    state = State(records=dict.fromkeys(names, 1))
    positives = ", ".join(names[:40])
    (workflow.folder / "config/analyses/tiny.yaml").write_text(ANALYSIS.replace("POS", positives))
    lock = workflow.folder / "config/locks/tiny.lock.tsv"
    store = workflow.folder / "resources/downloads"
    state.query_finds = "P"
    with serve(state) as address:
        (workflow.folder / "config/config.yaml").write_text(
            "analyses: [tiny]\ndownload:\n  attempts: 1\n"
            f"  servers: {{ncbi: '{address}', uniprot: '{address}'}}\n"
        )
        fetched = workflow.run("fetch")
        assert fetched.returncode == 0, fetched.stdout
        free = "tiny: what the sources pos, neg give may change. `snakemake --cores 1 lock`"
        assert free in fetched.stdout

        for _ in range(2):  # it looks again each time
            state.asked.clear()
            locked = workflow.run("lock")
            assert locked.returncode == 0, locked.stdout
            tools = [path.partition("?")[0].rpartition("/")[2] for _, path, _ in state.asked]
            assert sorted(tools) == ["efetch.fcgi", "esummary.fcgi", "search"]
        lines = lock.read_text().splitlines()
        assert len(lines) == 81 and lines[1].startswith("pos\tNP_000.1\t")

        # what was locked is what was just downloaded
        state.asked.clear()
        assert workflow.run("fetch").returncode == 0 and not state.asked
        assert len(list(store.rglob("pos.fasta"))) == 2

        # as on another machine: the lock is there, the downloads are not; the world has moved on
        shutil.rmtree(store)
        state.records["P99999"] = 1
        fetched = workflow.run("fetch")
        assert fetched.returncode == 0, fetched.stdout
        assert "may change" not in fetched.stdout
        files = list(store.rglob("neg.fasta"))
        assert len(files) == 1 and "P99999" not in files[0].read_text()

        # another content under the same version
        state.sequences["NP_007.1"] = "MKV"
        shutil.rmtree(store)
        refused = workflow.run("fetch")
        assert refused.returncode != 0 and not list(store.rglob("pos.fasta"))
        assert "config/locks/tiny.lock.tsv says of 'pos': NP_007.1 (another" in refused.stdout
        state.sequences.clear()
        assert workflow.run("fetch").returncode == 0

    outcome = workflow.run(
        "results/tiny/examples.parquet", "--config", 'download={"offline": true}'
    )
    assert outcome.returncode == 0, outcome.stdout
    examples = pd.read_parquet(workflow.results / "examples.parquet")
    assert sorted(examples["source_id"].str.partition(".")[0].unique())[0] == "NP_000"
    assert examples["target"].value_counts().to_dict() == {0.0: 40, 1.0: 40}
