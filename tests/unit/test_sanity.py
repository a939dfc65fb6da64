"""The checks pass what was learned, and fail what was not."""

import numpy as np
import pandas as pd
import pytest
from biornn import sanity


def answers(n_seeds, shared, seed, n=40, length=30):
    """By seed and example: the same signal times `shared`, and noise of each seed."""
    random = np.random.default_rng(0)
    signal = [random.normal(size=(length, 1)) for _ in range(n)]
    own = np.random.default_rng(seed)
    return [
        [shared * each + own.normal(size=(length, 1)) for each in signal] for _ in range(n_seeds)
    ]


def test_seeds_that_learned_the_same_pass():
    found = sanity.agreement(answers(3, 2.0, 1), answers(3, 0.0, 2))
    assert found["verdict"] == "passed"
    assert found["between_seeds"]["mean"] == pytest.approx(0.8, abs=0.03)  # 4 / (4 + 1)
    assert found["with_random"]["mean"] == pytest.approx(0, abs=0.05)
    assert found["difference"]["low"] < found["difference"]["mean"] < found["difference"]["high"]


@pytest.mark.parametrize("shared", [0.0, 2.0])
def test_seeds_that_agree_no_more_than_what_knows_nothing_fail(shared):
    """An untrained model's explanations may agree, since all its networks read the same letters."""
    found = sanity.agreement(answers(3, shared, 1), answers(3, shared, 2))
    assert found["verdict"] == "failed"


def test_one_seed_leaves_it_open_and_constants_agree_with_nothing():
    found = sanity.agreement(answers(1, 2.0, 1), answers(1, 0.0, 2))
    assert (found["verdict"], found["between_seeds"]) == ("unknown", None)
    flat = [[np.zeros((5, 1))] * 4] * 2
    assert sanity.agreement(flat, flat)["between_seeds"]["mean"] == 0


def test_sites_that_are_found_and_that_are_not():
    n, length = 50, 40
    random = np.random.default_rng(1)
    starts = random.integers(1, length - 5, size=n)
    table = pd.DataFrame(
        {"id": [f"e{at}" for at in range(n + 1)], "site.start": [*starts, np.nan],
         "site.end": [*(starts + 4), np.nan]}
    )  # fmt: skip

    def contributions(size):
        parts = []
        for at in range(n + 1):
            values = random.normal(size=length)
            if at < n:
                values[starts[at] - 1 : starts[at] + 4] += size
            parts.append(
                pd.DataFrame(
                    {"id": f"e{at}", "position": np.arange(1, length + 1), "contribution": values}
                )
            )
        return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=0)

    clear = sanity.sites(contributions(10.0), table)
    assert clear["n"] == n and clear["auroc"] == 1 and clear["found"] == 1
    nothing = sanity.sites(contributions(0.0), table)
    assert nothing["auroc"] == pytest.approx(0.5, abs=0.06)
    # windows of 5 of 36 that share 3 positions with the site: its own and up to 2 to each side
    assert nothing["by_chance"] == pytest.approx(5 / 36, abs=0.02)
    assert nothing["found"] == pytest.approx(nothing["by_chance"], abs=0.12)
    assert sanity.sites(contributions(1.0), table.tail(1)) is None
