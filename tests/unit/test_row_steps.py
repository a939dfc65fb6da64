"""Steps that go by the row itself: rates by length, logarithms, mean bins."""

import numpy as np
import pandas as pd
import pytest
from biornn.config_expression import ExpressionConfig
from biornn.expression import Normalizer
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


BINS = pd.DataFrame(
    {"ct_0": [1.0, 0, 2, 0], "ct_1": [0.0, 0, 1, 0], "ct_2": [0.0, 3, 1, 0]}, list("abcd")
)


def bin_means(counts, **settings):
    config = {"counts": ["ct_0..ct_2"], "normalization": [{"method": "bin_mean", **settings}]}
    steps = ExpressionConfig.model_validate(config).normalization
    train = np.arange(len(counts)) < 2
    return Normalizer(steps).fit(counts, train, pd.Series([""] * len(counts))).transform(counts)


def test_mean_bins_by_hand():
    values = bin_means(BINS[:3], bins=["ct_0..ct_2"])["bin_mean"]
    assert list(values) == [0, 2, 0.75] and list(values.index) == list("abc")
    values = bin_means(BINS[:3], bins=["ct_2", "ct_0"], values=[-1, 0.5])["bin_mean"]
    assert list(values) == [0.5, -1, 0]


def test_a_row_without_reads_is_named():
    with pytest.raises(InputError, match=r"d has no count in any bin.* \(1 such examples\)"):
        bin_means(BINS, bins=["ct_0..ct_2"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bins": ["ct_0"]}, "needs two or more"),
        ({"bins": ["ct_0", "ct_0..ct_2"]}, "may be given once"),
        ({"bins": ["ct_0..ct_2"], "values": [1, 2]}, "2 for 3 bins"),
        ({"bins": ["ct_0..ct_2"], "values": [1, 1, 1]}, "all means are equal"),
        ({"bins": ["ct_2..ct_0"]}, "is no range"),
    ],
)
def test_bins_that_do_not_fit(settings, said):
    with pytest.raises(ValueError, match=said):
        bin_means(BINS[:3], **settings)


def test_mean_bins_are_no_step_for_a_matrix():
    step = {"method": "bin_mean", "bins": ["a", "b"]}
    with pytest.raises(ValueError, match="bin_mean and check are for counts"):
        ExpressionConfig.model_validate({"matrix": {"source": "m"}, "normalization": [step]})
