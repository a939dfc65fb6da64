"""In silico mutagenesis, in batches and without: `python benchmarks/mutagenesis.py`.

Every letter of random DNA is exchanged for each other one, by an LSTM of both directions. Prints
mutants a second in our batches, with the mutants of one sequence as a batch, and one by one (of a
few sequences, and the answers are compared first); and the memory that the whole takes beside what
the process had before. One thread. Nothing is asserted about speed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from biornn import models
from biornn.alphabets import DNA
from biornn.attribution import Explainer, Question
from biornn.config_models import ModelConfig
from biornn.devices import keep_freed_memory
from biornn.encoding import encode
from biornn.folds import FoldData
from biornn.losses import TargetScaling


def made_explainer(count: int, length: int, hidden: int) -> tuple[Explainer, pd.Series]:
    """Random sequences, and an untrained network: what it says does not change the time."""
    random = np.random.default_rng(0)
    texts = pd.Series(["".join(row) for row in random.choice(list("ACGT"), (count, length))])
    subsets = np.array(["train"] * 10 + ["test"] * (count - 10))
    data = FoldData(encode(texts, DNA), random.normal(size=count), subsets)
    torch.manual_seed(0)
    scheme = models.InputScheme("dna")
    network = models.Network(ModelConfig(cell="lstm", hidden_size=hidden), scheme, data.task)
    return Explainer(network, data, TargetScaling(0.0, 1.0)), texts


def of_rows(rows: np.ndarray) -> Question:
    """The whole of some sequences."""
    zeros = np.zeros(len(rows), dtype=np.int64)
    return Question(rows, zeros, zeros)


def one_by_one(explainer: Explainer, text: str, n: int) -> np.ndarray:
    """What the first n mutants change, each in a batch of its own."""
    network, letters = explainer.network, "ACGT"
    codes = torch.tensor([letters.index(letter) for letter in text])[None, None]
    found = []
    with torch.no_grad():
        known = network(codes).item()
        for mutant in range(n):
            place, letter = divmod(mutant, 4)
            changed = codes.clone()
            changed[0, 0, place] = letter
            found.append(network(changed).item() - known)
    return np.array(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--hidden", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    explainer, texts = made_explainer(given.sequences, given.length, given.hidden)
    rows = np.arange(given.sequences)
    few = rows[:5]
    batched = explainer.mutagenesis(of_rows(few))

    start = time.perf_counter()
    alone = [explainer.mutagenesis(of_rows(few[at : at + 1]))[0] for at in range(len(few))]
    by_sequence = len(few) * given.length * 3 / (time.perf_counter() - start)
    start = time.perf_counter()
    single = one_by_one(explainer, texts[0], 400)
    by_mutant = 400 / (time.perf_counter() - start)
    for ours, other in zip(batched, alone, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-5)
    np.testing.assert_allclose(batched[0].ravel()[:400], single, atol=1e-5)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = explainer.mutagenesis(of_rows(rows))
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mutants = given.sequences * given.length * 3
    rate = mutants / seconds
    assert len(found) == given.sequences
    print(
        f"{given.sequences:,} sequences of {given.length} nt, LSTM 2 x {given.hidden}, one thread"
    )
    print(f"{mutants:,} mutants in {seconds:.1f} s")
    for name, each in (
        ("our batches", rate), ("a sequence a batch", by_sequence), ("one by one", by_mutant)
    ):  # fmt: skip
        print(f"{name:20} {each:10,.0f} mutants/s   {each / by_mutant:6.1f} x one by one")
    print(f"memory: {(after - before) / 1024:,.0f} MiB more than for five sequences")


if __name__ == "__main__":
    main()
