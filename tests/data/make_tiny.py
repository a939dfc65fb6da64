"""Make `tiny.csv` and `tiny_replicate.csv`: sequences with counts from a rule to be found."""

from pathlib import Path

import numpy as np
import pandas as pd

N, LENGTH = 360, 6


def main(folder: Path) -> None:
    """Write both tables into `folder`."""
    generator = np.random.default_rng(20)
    codes = generator.choice(4**LENGTH, size=N, replace=False)
    letters = (codes[:, None] // 4 ** np.arange(LENGTH)) % 4
    sequences = ["".join("ACGU"[letter] for letter in row) for row in letters]
    # additive effects, and a step when GU is in the middle
    effect = np.array([-0.5, 0.1, 0.4, 0.0])[letters].sum(axis=1) / 2
    rate = 10 ** (effect + 1.2 * ((letters[:, 2] == 2) & (letters[:, 3] == 3)) - 1)
    subset = generator.choice(["training", "validation", "test"], size=N, p=[0.6, 0.2, 0.2])
    for name in ("tiny", "tiny_replicate"):
        total = generator.poisson(200, size=N)
        table = pd.DataFrame(
            {
                "set": subset,
                "tot_ct": total,
                "ex_ct": generator.poisson(total * rate),
                "x": sequences,
            }
        )
        ratio = np.log10((table["ex_ct"] + 1) / (table["tot_ct"] + 1))
        table["y"] = ratio - ratio[0] + 1
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main(Path(__file__).parent)
