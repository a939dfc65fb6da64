"""Made-up predictions of numbers and classes, of whole sequences and of positions."""

import numpy as np
import pandas as pd
from biornn.sampling import Draw


def numbers(y, p):
    ids = [f"{i:03d}" for i in range(len(y))]
    return pd.DataFrame({"model": "m", "kind": "baseline", "id": ids, "seed": 0, "target": y,
                         "prediction": p})  # fmt: skip


def draw(n, resamples=25):
    drawn = np.random.default_rng(9).integers(n, size=(resamples, n))
    return Draw(np.array([np.bincount(row, minlength=n) for row in drawn], dtype=float).T)


def classes(n, k, seed=0):
    generator = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(k)]
    codes = generator.integers(k, size=n)
    frames = []
    for run in (1, 2):
        table = generator.dirichlet(np.ones(k), size=n).round(2)
        table[np.arange(n), codes] += 0.3
        table /= table.sum(axis=1, keepdims=True)
        columns = {f"prediction.{name}": table[:, at] for at, name in enumerate(names)}
        frames.append(
            pd.DataFrame({"model": "m", "kind": "recurrent", "id": [f"{i:03d}" for i in range(n)],
                          "seed": run, "target": np.array(names)[codes], **columns})
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True), codes


def positions(table, sizes):
    """The rows of each seed as positions of fewer examples."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    place = np.concatenate([np.arange(1, size + 1) for size in sizes])
    n_seeds = table["seed"].nunique()
    names = np.char.add("p", np.char.zfill(owner.astype(str), 3))
    return table.assign(id=np.tile(names, n_seeds), position=np.tile(place, n_seeds))


SIZES = np.array([1, 9, 4, 16, 2, 8, 20])
