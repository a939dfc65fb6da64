"""What is long is shown short, and what differs is marked."""

import numpy as np
import pandas as pd
from biornn import excerpts


def test_stretches_are_few_and_in_order():
    assert excerpts.stretches(np.array([], dtype=int)) == ""
    assert excerpts.stretches(np.array([3])) == "3"
    many = np.r_[np.arange(1, 40, 2), 60, 61]
    assert excerpts.stretches(many, most=2) == "1, 60 to 61, and 19 more"


def test_inputs_are_shortened_in_the_middle():
    assert excerpts.shortened("ACGT") == "ACGT"
    assert excerpts.shortened(" ".join(map(str, range(20))), " ") == "0 1 2 3…17 18 19"


def test_truth_and_prediction_stand_below_the_sequence():
    rows = pd.DataFrame(
        [(at, "H", chance, 1 - chance) for at in range(2, 63) for chance in (0.2, 0.7 + at % 2)],
        columns=["position", "target", "prediction.H", "prediction.C"],
    )
    first, second = excerpts.aligned("A" * 62, rows, ("H", "C"))
    assert first[:2] == (1, "A" * 60) and second[:3] == (61, "AA", "HH")
    assert first[2] == "." + "H" * 59 and first[3].startswith(".CHCH")
    assert first[4].startswith(" ^ ^ ") and second[4] == " ^"
    assert excerpts.aligned("A", rows, ("H", "none")) == ()
