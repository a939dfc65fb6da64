"""What does not vary is found by its values, not by a rounded standard deviation."""

import numpy as np
import pandas as pd
import pytest
from biornn.files import InputError
from biornn.inputs import Series
from biornn.losses import TargetScaling
from biornn.models import InputScheme
from biornn.spreads import all_equal
from made_counts import alone

#: Fifteen tenths: their standard deviation is above 0.
TENTHS = np.full(15, 0.1)


def test_equal_values_are_told_from_others():
    assert np.std(TENTHS) > 0
    table = np.column_stack([TENTHS, np.r_[TENTHS[1:], 0.2], np.r_[np.nan, TENTHS[1:]]])
    np.testing.assert_array_equal(all_equal(table), [True, False, True])
    np.testing.assert_array_equal(all_equal(table.T, axis=1), [True, False, True])
    np.testing.assert_array_equal(all_equal(np.full((3, 1), np.nan)), [False])


@pytest.mark.parametrize("method", ["z_score", "robust_scale"])
def test_a_gene_that_does_not_vary_in_training_is_not_blown_up(method):
    train = pd.DataFrame({"g1": TENTHS, "g2": np.arange(15.0)})
    new = pd.DataFrame({"g1": [0.1, 1.1], "g2": [7.0, 7.0]})
    found = alone(method, train).transform(new)
    np.testing.assert_allclose(found["g1"], [0, 1], atol=1e-12)
    np.testing.assert_allclose(found["g2"], 0, atol=1e-12)


def test_a_sample_without_a_shape_is_flat():
    table = pd.DataFrame([TENTHS, np.arange(15.0)])
    found = alone("row_z_score", table).transform(table)
    np.testing.assert_allclose(found.iloc[0], 0, atol=1e-12)
    assert found.iloc[1].std(ddof=0) == pytest.approx(1)


def test_a_channel_that_does_not_vary_is_left_at_its_size():
    steps = np.column_stack([TENTHS, np.arange(15.0)])
    scheme = InputScheme.fit(Series(steps, np.arange(16)), np.ones(15, dtype=bool))
    assert scheme.sd[0] == 1 and scheme.sd[1] == pytest.approx(np.arange(15).std())


def test_a_target_that_does_not_vary_is_refused():
    with pytest.raises(InputError, match=r"All 15 training targets are 0\.1"):
        TargetScaling.fit(TENTHS)
