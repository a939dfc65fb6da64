"""The parts of a test set that are scored in every analysis."""

import numpy as np
import pandas as pd
import pytest
from biornn import parts

N = 200
IDS = [f"e{i:03d}" for i in range(N)]


def table(**columns):
    lengths = np.arange(N) + 1
    return pd.DataFrame({"id": IDS, "sequence": ["A" * n for n in lengths], **columns})


def nearest(identities, ids=IDS):
    return pd.DataFrame({"fold": 0, "id": ids, "identity": identities})


NONE = nearest([], [])


def test_quarters_by_length():
    found = parts.of_test(table(), IDS, NONE, "letters")
    assert list(found) == ["length-1-50", "length-51-100", "length-101-150", "length-151-200"]
    assert found["length-1-50"] == set(IDS[:50])
    assert set().union(*found.values()) == set(IDS)
    some = parts.of_test(table(), IDS[:100], NONE, "letters")
    assert list(some)[-1] == "length-76-100"
    # quarters that would be too small, and inputs of one length
    assert parts.of_test(table(), IDS[:60], NONE, "letters") == {}
    assert parts.of_test(table(sequence="ACGT"), IDS, NONE, "letters") == {}


@pytest.mark.parametrize(("inputs", "length"), [("letters", 7), ("numbers", 4), ("profiles", 0)])
def test_lengths(inputs, length):
    assert parts.lengths_of(pd.Series(["1 2 3 4"]), inputs).tolist() == [length]


def test_identities_lie_between_the_edges():
    values = np.repeat([0.0, 0.3, 0.49, 0.5, 0.9, 1.0], [30, 20, 20, 10, 30, 30])
    found = parts.of_test(table(sequence="A"), IDS, nearest(values, IDS[:140]), "letters")
    assert {name: len(ids) for name, ids in found.items()} == {
        "identity-0-0.3": 30, "identity-0.3-0.5": 40, "identity-0.9-1": 60,
    }  # fmt: skip
    # of several rounds the mean counts: 0.2 and 0.6 lie in the second
    twice = pd.concat([nearest(np.full(N, 0.2)), nearest(np.where(np.arange(N) < 90, 0.6, 0.2))])
    found = parts.of_test(table(sequence="A"), IDS, twice, "letters")
    assert found["identity-0.3-0.5"] == set(IDS[:90])
    one = parts.of_test(table(sequence="A"), IDS, nearest(np.full(N, 0.95)), "letters")
    assert one == {}


def test_groups_that_are_large_enough_and_can_be_named():
    names = np.repeat(["liver", "two words", "few", "a/b"], [80, 80, 10, 30])
    found = parts.of_test(table(sequence="A", group=names), IDS, NONE, "letters")
    assert {name: len(ids) for name, ids in found.items()} == {
        "group-liver": 80, "group-two words": 80,
    }  # fmt: skip
    many = np.arange(1000) % 20
    wide = pd.DataFrame({"id": [f"x{i}" for i in range(1000)], "sequence": "A",
                         "group": many.astype(str)})  # fmt: skip
    assert parts.of_test(wide, wide["id"], NONE, "letters") == {}


def test_what_the_analysis_asks_for_comes_first():
    found = parts.of_test(table(group=np.repeat(["a", "b"], 100)), IDS, NONE, "letters", ["length"])
    assert list(found) == ["group-a", "group-b"]
