"""Rate and memory of predictions from a file: `python benchmarks/prediction.py`.

`python -m biornn predict` reads FASTA files of random DNA and writes its table, each run in a
process of its own whose highest memory is what the system says. The model is a small LSTM that was
not trained: what it says does not change the time. Beside it the same sequences in one piece by
`prediction.predict`, which holds them all. Ratios are of runs side by side; nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from biornn import familiarity, models
from biornn.alphabets import DNA
from biornn.config_models import ModelConfig
from biornn.encoding import EncodedSequences
from biornn.folds import FoldData

LIBRARY = Path(__file__).parents[1] / "workflow/scripts"
WHOLE = """
import sys, pandas as pd, torch
from biornn.prediction import predict
torch.set_num_threads(int(sys.argv[3])); torch.set_flush_denormal(True)
lines = open(sys.argv[2]).read().split("\\n")
predict(sys.argv[1], pd.Series(lines[1::2]))
"""


def write_model(folder: Path, hidden: int, length: int) -> None:
    """A network with fresh weights of two seeds, and what it would have been trained on."""
    random = np.random.default_rng(0)
    tokens = random.integers(0, 4, size=5000 * length).astype(np.uint8)
    inputs = EncodedSequences(tokens, np.arange(5001) * length, DNA)
    data = FoldData(inputs, random.normal(size=5000), np.full(5000, "train"))
    config, scheme = ModelConfig(cell="lstm", hidden_size=hidden), models.InputScheme("dna")
    states = {}
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = models.Network(config, scheme, data.task)
        states[seed] = {name: value[0] for name, value in network.state_dict().items()}
    runs = [{"seed": seed} for seed in states]
    description = models.describe("lstm", config, scheme, data.task, {"mean": 0, "sd": 1}, runs)
    description["training_inputs"] = familiarity.summarize(data)
    models.save(folder, {0: (description, states)})


def write_fasta(path: Path, count: int, length: int) -> None:
    """Random DNA, a line a sequence."""
    random = np.random.default_rng(1)
    with path.open("w") as file:
        for start in range(0, count, 10_000):
            rows = np.frombuffer(b"ACGT", dtype=np.uint8)[
                random.integers(0, 4, size=(min(10_000, count - start), length))
            ]
            texts = (row.tobytes().decode() for row in rows)
            file.writelines(f">s{start + at}\n{text}\n" for at, text in enumerate(texts))


def measure(command: list[str]) -> tuple[float, float]:
    """Seconds and the highest resident memory (MiB) of a process."""
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{command} ended with status {status}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs=2, default=[100_000, 1_000_000])
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    threads = str(given.threads)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "model", given.hidden, given.length)
        write_fasta(folder / "one.fa", 1, given.length)
        files = {count: folder / f"{count}.fa" for count in given.counts}
        predict = [sys.executable, "-m", "biornn", "predict", "--model", str(folder / "model"),
                   "--threads", threads, "-o", str(folder / "out.tsv"), "-i"]  # fmt: skip
        begun, nothing = measure([*predict, str(folder / "one.fa")])
        for count, path in files.items():
            write_fasta(path, count, given.length)
            seconds, memory = measure([*predict, str(path)])
            rows.append((f"{count:,} in pieces", count / (seconds - begun), memory))
        small = str(files[given.counts[0]])
        whole = [sys.executable, "-c", WHOLE, str(folder / "model"), small, threads]
        seconds, memory = measure(whole)
        rows.append((f"{given.counts[0]:,} at once", given.counts[0] / (seconds - begun), memory))
    print(
        f"sequences of {given.length} nt, LSTM of {given.hidden} units, 2 seeds, {threads} "
        f"threads; start {begun:.1f} s (not in the rates) and {nothing:,.0f} MiB"
    )
    _, rate, first = rows[0]
    for name, own, memory in rows:
        print(
            f"{name:22} {own:9,.0f} sequences/s   {own / rate:5.2f} x   "
            f"{memory:7,.0f} MiB   {memory / first:5.2f} x"
        )


if __name__ == "__main__":
    main()
