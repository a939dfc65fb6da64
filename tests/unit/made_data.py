"""Made-up data of a fold, small enough to train on in a test."""

import numpy as np
import pandas as pd
from biornn.alphabets import RNA
from biornn.encoding import encode
from biornn.folds import FoldData


def make_data(n: int = 240, *, shortest: int = 4, longest: int = 9, seed: int = 0) -> FoldData:
    """Sequences of several lengths; the target counts G and asks whether a U is last."""
    generator = np.random.default_rng(seed)
    sequences = pd.Series(
        [
            "".join(generator.choice(list("ACGU"), size=generator.integers(shortest, longest + 1)))
            for _ in range(n)
        ]
    )
    targets = sequences.str.count("G") + 2.0 * sequences.str.endswith("U")
    subsets = np.array(["train", "train", "train", "validation", "test"])[np.arange(n) % 5]
    return FoldData(encode(sequences, RNA), targets.to_numpy(float), subsets)
