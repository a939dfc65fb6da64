"""Parts of the test set that are scored in every analysis: by length, likeness and group."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np
import pandas as pd

from .examples import fits_as_value

#: Examples that a part must have.
FEWEST = 20
#: More groups are not scored apart.
MOST_GROUPS = 12
#: Identities to the nearest training sequence, between which the parts lie.
IDENTITIES = (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)


def lengths_of(sequences: pd.Series, inputs: str) -> np.ndarray:
    """Letters or steps of each input, int64 [n]; 0 of profiles, which all have one length."""
    if inputs == "profiles":
        return np.zeros(len(sequences), dtype=np.int64)
    lengths = sequences.str.len() if inputs == "letters" else sequences.str.count(" ") + 1
    return lengths.to_numpy(dtype=np.int64)


def of_test(
    table: pd.DataFrame,
    tested: Collection[str],
    nearest: pd.DataFrame,
    inputs: str,
    taken: Collection[str] = (),
) -> dict[str, set[str]]:
    """Ids of the test examples of each part.

    Parameters
    ----------
    table : pandas.DataFrame
        `id`, `sequence` and where there is one `group`.
    tested
        Ids of the test examples.
    nearest : pandas.DataFrame
        `audits.NEAREST_COLUMNS`, of the folds of the split itself; of an example that is tested
        in several rounds the mean identity counts.
    inputs : str
        `letters`, `numbers` or `profiles`.
    taken
        Names of strata that the analysis asks for: they come before these parts.

    Returns
    -------
    dict
        `length-{shortest}-{longest}` of the quarters by length, `identity-{from}-{to}` (the upper
        end is in the last only), and `group-{name}`. Each has at least `FEWEST` examples, and a
        kind with less than two such parts is left out, as are more than `MOST_GROUPS` groups.
    """
    table = table[table["id"].isin(set(tested))]
    ids = table["id"].to_numpy()
    found: dict[str, dict[str, np.ndarray]] = {}
    lengths = lengths_of(table["sequence"], inputs)
    if len(lengths) and lengths.min() < lengths.max():
        quarter = np.searchsorted(np.quantile(lengths, [0.25, 0.5, 0.75]), lengths, side="left")
        quarters = [lengths[quarter == at] for at in range(4)]
        found["length"] = {
            f"{mine.min()}-{mine.max()}": ids[quarter == at]
            for at, mine in enumerate(quarters)
            if len(mine)
        }
    near = nearest[nearest["id"].isin(set(ids))].astype({"identity": float})
    near = near.groupby("id")["identity"].mean()
    bins = np.searchsorted(IDENTITIES[1:-1], near.to_numpy(), side="right")
    found["identity"] = {
        f"{low:g}-{high:g}": near.index[bins == at].to_numpy()
        for at, (low, high) in enumerate(itertools.pairwise(IDENTITIES))
    }
    if "group" in table:
        found["group"] = {
            name: ids[(table["group"] == name).to_numpy()]
            for name in sorted(table["group"].dropna().astype(str).unique())
            if fits_as_value(name)
        }
    parts: dict[str, set[str]] = {}
    for kind, named in found.items():
        large = {name: set(those) for name, those in named.items() if len(those) >= FEWEST}
        most = MOST_GROUPS if kind == "group" else len(large)
        if kind not in taken and 2 <= len(large) <= most:
            parts |= {f"{kind}-{name}": those for name, those in large.items()}
    return parts
