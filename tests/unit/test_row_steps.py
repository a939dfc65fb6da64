"""Steps that go by the row itself: rates by length and logarithms."""

import numpy as np
import pandas as pd
import pytest
from biornn.files import InputError
from made_counts import COUNTS, LENGTHS, SEQUENCES, STEPS, TRAIN, chain, fitted


def test_tpm_adds_up_and_goes_by_length():
    values = fitted(STEPS["tpm"]).transform(COUNTS)
    np.testing.assert_allclose(values.sum(axis=1), 1e6)
    ratio = (values["g4"] / values["g8"]) / (COUNTS["g4"] / COUNTS["g8"])
    np.testing.assert_allclose(ratio, LENGTHS["g8"] / LENGTHS["g4"])


def test_genes_without_a_length():
    lengths = LENGTHS.drop(["g3", "g4"])
    with pytest.raises(InputError, match="2 of 30 genes have no length, such as g3, g4"):
        chain(STEPS["tpm"]).fit(COUNTS, TRAIN, SEQUENCES, lengths)
    dropped = chain({"method": "tpm", "unknown_genes": "drop"})
    values = dropped.fit(COUNTS, TRAIN, SEQUENCES, lengths).transform(COUNTS)
    assert values.shape == (6, 28) and "g3" not in values
    np.testing.assert_allclose(values.sum(axis=1), 1e6)


@pytest.mark.parametrize("base", [2, 10, 3])
def test_log1p_is_log_with_one_added(base):
    one, other = ({"method": name, "base": base} for name in ("log1p", "log"))
    values = fitted(one).transform(COUNTS)
    pd.testing.assert_frame_equal(values, fitted(other).transform(COUNTS), check_exact=True)
    np.testing.assert_allclose(values, np.log1p(COUNTS) / np.log(base), rtol=1e-12)
    with pytest.raises(ValueError, match="log1p adds 1"):
        chain(one | {"pseudocount": 2})
