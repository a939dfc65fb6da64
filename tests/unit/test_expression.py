"""Counts to values: the arithmetic, the training rows alone, the replay."""

import numpy as np
import pandas as pd
import pytest
from biornn import expression
from biornn.config_expression import ValueCheck
from biornn.config_normalization import Cpm, Log, LogRatio, ZScore
from biornn.files import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

RATIO = LogRatio(
    method="log_ratio", numerator="n", denominator="m",
    reference_sequence="GU", reference_value=2,
)  # fmt: skip
REPLICATES = LogRatio(
    method="log_ratio", numerator=["n", "m"], denominator=["m", "n"], base="e", depth=True,
)  # fmt: skip
CHAINS = {
    "log_ratio": [RATIO],
    "log_ratio of replicates": [REPLICATES],
    "cpm": [Cpm(method="cpm")],
    "log1p": [Log(method="log1p")],
    "z_score": [ZScore(method="z_score")],
    "log1p, z_score": [Log(method="log1p", base=10), ZScore(method="z_score")],
}
SEQUENCES = pd.Series(["GU", "AA", "CC", "GG", "UU", "AC"])
COUNTS = pd.DataFrame(
    {"n": [9.0, 0, 3, 50, 7, 1], "m": [99.0, 10, 5, 20, 0, 3]},
    index=[f"ex{i}" for i in range(6)],
)
TRAIN = np.array([True, True, True, True, False, False])


def test_log_ratio_by_hand():
    values = expression.Normalizer([RATIO]).fit(COUNTS, TRAIN, SEQUENCES).transform(COUNTS)
    assert list(values.columns) == ["log_ratio"]
    # (9 + 1) / (99 + 1) is one tenth: log10 is -1, so the shift to 2 is 3
    assert values["log_ratio"].iloc[0] == 2
    assert values["log_ratio"].iloc[1] == pytest.approx(3 + np.log10(1 / 11), abs=1e-15)


def test_log_ratio_without_a_reference_is_not_shifted():
    step = LogRatio(method="log_ratio", numerator="n", denominator="m", base=2, pseudocount=0.5)
    values = expression.Normalizer([step]).fit(COUNTS, TRAIN, SEQUENCES).transform(COUNTS)
    assert values["log_ratio"].iloc[0] == pytest.approx(np.log2(9.5 / 99.5), abs=1e-15)


def test_log_ratio_is_referred_to_counts_beside_the_examples():
    step = LogRatio(
        method="log_ratio", numerator="n", denominator="m", base=2,
        reference_counts={"m": 15, "n": 63}, reference_value=1,
    )  # fmt: skip
    fitted = expression.Normalizer([step]).fit(COUNTS, TRAIN, SEQUENCES)
    values = fitted.transform(COUNTS)["log_ratio"]
    # the reference is log2(64 / 16) = 2 before the shift, and shall be 1
    assert values.iloc[0] == pytest.approx(np.log2(10 / 100) - 1, abs=1e-15)
    again = expression.Normalizer.from_dict(fitted.to_dict())
    np.testing.assert_array_equal(again.transform(COUNTS)["log_ratio"], values)


@pytest.mark.parametrize(
    "wrong, why",
    [
        ({"reference_counts": {"n": 1}}, "must name the columns of the ratio"),
        ({"reference_counts": {"n": 1, "m": 1, "o": 1}}, "must name the columns of the ratio"),
        ({"reference_counts": {"n": 1, "m": 1}, "reference_sequence": "GU"}, "give either"),
        ({"reference_counts": {"n": 1, "m": -1}}, "greater than or equal to 0"),
    ],
)
def test_a_reference_is_a_sequence_or_the_counts_of_the_ratio(wrong, why):
    with pytest.raises(ValueError, match=why):
        LogRatio(method="log_ratio", numerator="n", denominator="m", **wrong)


def test_log_ratio_of_replicates_is_the_logarithm_of_the_mean_ratio():
    counts = pd.DataFrame({"r1": [4.0, 3], "r2": [9.0, 1], "d1": [2.0, 1], "d2": [3.0, 2]})
    step = LogRatio(
        method="log_ratio",
        numerator=["r1", "r2"],
        denominator=["d1", "d2"],
        pseudocount=0,
        base="e",
    )
    fitted = expression.Normalizer([step]).fit(counts, np.array([True, False]), SEQUENCES[:2])
    expected = np.log([(4 / 2 + 9 / 3) / 2, (3 / 1 + 1 / 2) / 2])
    np.testing.assert_allclose(fitted.transform(counts)["log_ratio"], expected, rtol=1e-15)
    with pytest.raises(InputError, match=r"log_ratio: 1 has no counts .* Set a pseudocount"):
        fitted.transform(counts.assign(d1=[2.0, 0]))
    with pytest.raises(InputError, match="log_ratio: 0 has no counts"):
        fitted.transform(counts.assign(r1=0.0, r2=0.0))


def test_depth_is_that_of_the_training_rows():
    step = LogRatio(
        method="log_ratio", numerator="n", denominator="m", pseudocount=0.5, depth=True, base=2
    )
    fitted = expression.Normalizer([step]).fit(COUNTS, TRAIN, SEQUENCES)
    n, m = COUNTS["n"] + 0.5, COUNTS["m"] + 0.5
    expected = np.log2((n / COUNTS.loc[TRAIN, "n"].sum()) / (m / COUNTS.loc[TRAIN, "m"].sum()))
    np.testing.assert_allclose(fitted.transform(COUNTS)["log_ratio"], expected, rtol=1e-12)
    # another depth of a library changes nothing
    plain = expression.Normalizer([step.model_copy(update={"pseudocount": 0})])
    one, other = (
        plain.fit(counts, TRAIN, SEQUENCES).transform(counts)
        for counts in (COUNTS + 1, (COUNTS + 1).assign(n=(COUNTS["n"] + 1) * 8))
    )
    pd.testing.assert_frame_equal(one, other)
    with pytest.raises(InputError, match="'n' has no counts in training"):
        plain.fit(COUNTS.assign(n=[0.0, 0, 0, 0, 7, 1]), TRAIN, SEQUENCES)


def test_replicates_are_pairs():
    with pytest.raises(ValueError, match="as many columns: one a replicate"):
        LogRatio(method="log_ratio", numerator=["n", "m"], denominator="m")


@pytest.mark.parametrize("times", [0, 2])
def test_the_reference_must_be_there_once(times):
    sequences = pd.Series(["GU"] * times + ["AA"] * (6 - times))
    with pytest.raises(InputError, match=f"GU is there {times} times"):
        expression.Normalizer([RATIO]).fit(COUNTS, TRAIN, sequences)


def test_z_score_equals_scikit_learn_on_the_training_rows():
    from sklearn.preprocessing import StandardScaler

    values = expression.Normalizer(CHAINS["z_score"]).fit(COUNTS, TRAIN, SEQUENCES)
    reference = StandardScaler().fit(COUNTS[TRAIN])
    np.testing.assert_allclose(values.transform(COUNTS), reference.transform(COUNTS), rtol=1e-12)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_other_row_reaches_the_fitted_normaliser(chain, data):
    other = COUNTS.copy()
    drawn = data.draw(st.lists(st.integers(1, 10**6), min_size=4, max_size=4))
    other.loc[~TRAIN] = np.array(drawn, dtype=float).reshape(2, 2)
    fitted = expression.Normalizer(chain).fit(COUNTS, TRAIN, SEQUENCES).to_dict()
    assert expression.Normalizer(chain).fit(other, TRAIN, SEQUENCES).to_dict() == fitted


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_a_saved_normaliser_gives_the_same_values(tmp_path, chain):
    fitted = expression.Normalizer(chain).fit(COUNTS, TRAIN, SEQUENCES)
    expression.save_normalizers({2: fitted}, tmp_path / "normalizer.json")
    stored = expression.load_normalizers(tmp_path / "normalizer.json")[2]
    pd.testing.assert_frame_equal(
        expression.Normalizer.from_dict(stored).transform(COUNTS),
        fitted.transform(COUNTS),
        check_exact=True,
    )


def test_other_columns_are_refused():
    fitted = expression.Normalizer(CHAINS["z_score"]).fit(COUNTS, TRAIN, SEQUENCES)
    with pytest.raises(InputError, match="fitted on the columns m, n; it can't be used on n, q"):
        fitted.transform(COUNTS.rename(columns={"m": "q"}))


def test_a_column_that_never_changes_says_nothing():
    chain = expression.Normalizer(CHAINS["z_score"])
    values = chain.fit(COUNTS.assign(m=1.0), TRAIN, SEQUENCES).transform(COUNTS.assign(m=1.0))
    assert (values["m"] == 0).all() and values["n"].std() > 0


def test_counts_per_million():
    chain = expression.Normalizer([Cpm(method="cpm")])
    values = chain.fit(COUNTS, TRAIN, SEQUENCES).transform(COUNTS)
    np.testing.assert_allclose(values.sum(axis=1), 1e6)
    np.testing.assert_allclose(values["n"] / values["m"], COUNTS["n"] / COUNTS["m"])
    with pytest.raises(InputError, match="cpm: the counts of ex1 add up to nothing"):
        chain.transform(COUNTS.assign(n=0.0, m=[1.0, 0, 1, 1, 1, 1]))


def test_columns_that_never_change_and_no_training_rows_are_refused():
    with pytest.raises(InputError, match="'n' has the same value in all training rows"):
        expression.Normalizer(CHAINS["z_score"]).fit(COUNTS * 0, TRAIN, SEQUENCES)
    with pytest.raises(InputError, match="no training rows"):
        expression.Normalizer([RATIO]).fit(COUNTS, ~TRAIN & TRAIN, SEQUENCES)


def test_values_are_checked_against_the_shipped_column():
    ids, values = pd.Series(["a", "b"]), pd.Series([1.0, 2.0])
    check = ValueCheck(column="y", tolerance=1e-9)
    assert expression.check_values(ids, values, values + 5e-10, check) == pytest.approx(5e-10)
    with pytest.raises(InputError, match=r"value of b is 2, but column 'y' has 2\.1 \(1 of 2"):
        expression.check_values(ids, values, pd.Series([1.0, 2.1]), check)
    with pytest.raises(InputError, match="1 of 2"):
        expression.check_values(ids, values, pd.Series([np.nan, 2.0]), check)


def test_a_check_may_allow_a_factor_and_a_constant():
    ids, values = pd.Series(["a", "b", "c"]), pd.Series([1.0, 2.0, 4.0])
    check = ValueCheck(column="y", factor=-1, up_to="constant")
    assert expression.check_values(ids, values, 7 - values, check) < 1e-12
    with pytest.raises(InputError, match=r"of c less the constant is 3, but column 'y' has 3\.5"):
        expression.check_values(ids, values, pd.Series([6.0, 5.0, 3.5]), check)
    with pytest.raises(InputError, match="3 of 3 differ"):
        strict = check.model_copy(update={"up_to": None})
        expression.check_values(ids, values, 7 - values, strict)


def test_containers(tmp_path):
    ids = pd.Series(COUNTS.index)
    expression.save_counts(ids, COUNTS.reset_index(drop=True), tmp_path / "c.h5ad")
    pd.testing.assert_frame_equal(
        expression.load_counts(tmp_path / "c.h5ad"), COUNTS, check_names=False
    )
    values = expression.Normalizer([RATIO]).fit(COUNTS, TRAIN, SEQUENCES).transform(COUNTS)
    # another fold may have chosen other columns
    other = values.rename(columns={"log_ratio": "other"}) * 2
    expression.save_normalized({0: values, 1: other}, tmp_path / "n.h5ad")
    for fold, wanted in enumerate((values, other)):
        found = expression.load_normalized(tmp_path / "n.h5ad", fold)
        pd.testing.assert_frame_equal(found, wanted, check_exact=True, check_names=False)


def test_an_analysis_without_counts_has_an_empty_container(tmp_path):
    expression.save_counts(pd.Series(["a", "b"]), pd.DataFrame(index=[0, 1]), tmp_path / "c.h5ad")
    assert expression.load_counts(tmp_path / "c.h5ad").shape == (2, 0)
