"""Each normaliser: its arithmetic, the training rows alone, one row at a time, the replay."""

import json

import numpy as np
import pandas as pd
import pytest
from biornn.config_expression import ExpressionConfig
from biornn.expression import Normalizer
from biornn.files import InputError
from biornn.normalizers import step_of
from hypothesis import given, settings
from hypothesis import strategies as st

G, S = np.arange(30)[None, :], np.arange(6)[:, None]
# the counts of the R script in the comment below, genes in columns
COUNTS = pd.DataFrame(
    ((37 * G * G + 101 * S * (G + 3) + 17 * G * S * S) % 211) * (1 + G % 4)
    + np.where(G < 3, 900 * (S % 2), 0),
    index=[f"s{n}" for n in range(6)],
    columns=[f"g{n}" for n in range(30)],
).astype(float)
COUNTS.iloc[:, 29] = 0
COUNTS.iloc[1, 5] = 0
LENGTHS = pd.Series(500 + 100 * np.arange(30), index=COUNTS.columns)
TRAIN = np.array([True, True, True, True, False, False])
SEQUENCES = pd.Series([""] * 6)

STEPS = {
    "cpm": {"method": "cpm"},
    "tpm": {"method": "tpm"},
    "fpkm": {"method": "fpkm"},
    "upper_quartile": {"method": "upper_quartile"},
    "tmm": {"method": "tmm"},
    "median_of_ratios": {"method": "median_of_ratios"},
    "log1p": {"method": "log1p"},
    "log": {"method": "log", "base": 10, "pseudocount": 0.5},
    "quantile": {"method": "quantile"},
    "z_score": {"method": "z_score"},
    "robust_scale": {"method": "robust_scale"},
    "low_counts": {"method": "low_counts", "min_count": 50, "min_fraction": 0.5},
    "highly_variable": {"method": "highly_variable", "genes": 7},
    "missing": {"method": "missing"},
    "missing, filled": {"method": "missing", "fill": "median"},
}
every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


def chain(*steps):
    config = {"matrix": {"source": "m"}, "gene_lengths": {"source": "g"}, "normalization": steps}
    return Normalizer(ExpressionConfig.model_validate(config).normalization)


def fitted(step, counts=COUNTS, train=TRAIN):
    return chain(step).fit(counts, train, SEQUENCES, LENGTHS)


def alone(method, counts=COUNTS):
    """The step itself, fitted on all rows."""
    config = ExpressionConfig.model_validate(
        {"matrix": {"source": "m"}, "normalization": [{"method": method}]}
    )
    step = step_of(config.normalization[0])
    step.fit(counts, counts.iloc[:0], None)
    return step


# R 4.2.2, edgeR 3.40.2, DESeq2 1.38.3: calcNormFactors(DGEList(counts), method = …)$samples,
# cpm(…)[2, ], rpkm(…, gene.length = 500 + 100 * g)[2, ] and estimateSizeFactorsForMatrix(counts) of
#   g <- 0:29; s <- 0:5
#   counts <- outer(g, s, function(g, s) ((37*g*g + 101*s*(g + 3) + 17*g*s*s) %% 211) *
#                   (1 + g %% 4) + ifelse(g < 3, 900 * (s %% 2), 0))
#   counts[30, ] <- 0; counts[6, 2] <- 0
EDGER_TMM = [1.060167617790596, 0.875980022517563, 1.238511284985260, 0.876269732120446,
             1.160075115467734, 0.855278143118886]  # fmt: skip
EDGER_UPPER_QUARTILE = [1.091865634142955, 0.896527594328250, 0.980395799078314, 0.945467105406905,
                        0.985921813343122, 1.117832677292994]  # fmt: skip
EDGER_CPM_OF_GENE_2 = [9132.57663699438, 118283.16237438952, 18212.50339088519, 139875.30987421400,
                       6162.31558940742, 139188.98842369870]  # fmt: skip
EDGER_RPKM_OF_GENE_2 = [16136.7700292206, 172689.4787336105, 37593.9849624060, 204280.8338562365,
                        11914.5816148841, 198408.8326026952]  # fmt: skip
DESEQ2_SIZE_FACTORS = [1.22335466459727, 1.40627702853204, 1.10077194448454, 1.27413775343971,
                       1.28360047215494, 1.24223382139606]  # fmt: skip


def test_the_counts_are_those_of_the_script():
    assert COUNTS.to_numpy().sum() == 50243 and (COUNTS.to_numpy() == 0).sum() == 8


@pytest.mark.parametrize(
    ("method", "expected"), [("tmm", EDGER_TMM), ("upper_quartile", EDGER_UPPER_QUARTILE)]
)
def test_factors_are_those_of_edger(method, expected):
    np.testing.assert_allclose(alone(method).factors(COUNTS), expected, rtol=1e-12)


def test_values_are_those_of_edger():
    everything = np.ones(6, dtype=bool)
    for step, expected in (
        (STEPS["tmm"], EDGER_CPM_OF_GENE_2),
        (STEPS["fpkm"], EDGER_RPKM_OF_GENE_2),
    ):
        values = fitted(step, train=everything).transform(COUNTS)["g1"]
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_size_factors_are_those_of_deseq2():
    found = alone("median_of_ratios").size_factors(COUNTS)
    np.testing.assert_allclose(found, DESEQ2_SIZE_FACTORS, rtol=1e-12)


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


def test_quantiles_of_every_sample_are_those_of_training():
    values = fitted(STEPS["quantile"]).transform(COUNTS + np.linspace(0, 0.9, 30))  # no equals
    expected = np.sort(COUNTS[TRAIN].to_numpy(), axis=1).mean(axis=0)
    for row in values.to_numpy():
        np.testing.assert_allclose(np.sort(row), expected)


def test_robust_scale_equals_scikit_learn():
    from sklearn.preprocessing import RobustScaler

    expected = RobustScaler().fit(COUNTS[TRAIN]).transform(COUNTS)
    np.testing.assert_allclose(
        fitted(STEPS["robust_scale"]).transform(COUNTS), expected, rtol=1e-12
    )


def test_genes_are_chosen_in_training():
    values = fitted(STEPS["low_counts"]).transform(COUNTS)
    kept = [g for g in COUNTS if (COUNTS.loc[TRAIN, g] >= 50).sum() >= 2]
    assert list(values.columns) == kept and 0 < len(kept) < 30
    values = fitted(STEPS["highly_variable"]).transform(COUNTS)
    largest = COUNTS[TRAIN].var().nlargest(7).index
    assert set(values.columns) == set(largest)
    assert list(values.columns) == [g for g in COUNTS if g in set(largest)]
    with pytest.raises(InputError, match="low_counts: no gene is left"):
        fitted({"method": "low_counts", "min_count": 1e9})


def test_missing_values():
    holes = COUNTS.copy()
    holes.loc["s0", "g1"] = holes.loc["s5", "g2"] = np.nan
    with pytest.raises(InputError, match="'g2' is complete in training, but not in s5"):
        fitted(STEPS["missing"], holes).transform(holes)
    values = fitted(STEPS["missing"], holes).transform(holes.drop(index="s5"))
    assert "g1" not in values and not values.isna().any().any()
    filled = fitted({"method": "missing", "fill": "median", "max_missing": 0.3}, holes)
    values = filled.transform(holes)
    assert values.loc["s0", "g1"] == COUNTS.loc[["s1", "s2", "s3"], "g1"].median()
    assert values.loc["s5", "g2"] == COUNTS.loc[TRAIN, "g2"].median()
    assert "g1" not in fitted({"method": "missing", "fill": "median"}, holes).transform(holes)


@pytest.mark.parametrize("method", ["tmm", "upper_quartile", "median_of_ratios", "cpm", "fpkm"])
def test_a_sample_without_counts_is_named(method):
    empty = COUNTS.copy()
    empty.loc["s5"] = 0
    with pytest.raises(InputError, match="s5"):
        fitted({"method": method}).transform(empty)


@every_step
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_other_row_reaches_the_fitted_normaliser(step, data):
    other = COUNTS.copy()
    drawn = data.draw(st.lists(st.integers(0, 10**6), min_size=60, max_size=60))
    other.loc[~TRAIN] = np.array(drawn, dtype=float).reshape(2, 30) + 1
    assert fitted(step, other).to_dict() == fitted(step).to_dict()


@every_step
def test_a_row_does_not_depend_on_the_rows_beside_it(step):
    normalizer = fitted(step)
    together = normalizer.transform(COUNTS)
    for name in COUNTS.index:
        one = normalizer.transform(COUNTS.loc[[name]])
        pd.testing.assert_frame_equal(one, together.loc[[name]], rtol=1e-12)


@every_step
def test_a_saved_normaliser_gives_the_same_values(step):
    normalizer = fitted(step)
    again = Normalizer.from_dict(json.loads(json.dumps(normalizer.to_dict(), allow_nan=False)))
    pd.testing.assert_frame_equal(again.transform(COUNTS), normalizer.transform(COUNTS))


@every_step
def test_other_genes_are_refused(step):
    with pytest.raises(InputError, match="it can't be used on"):
        fitted(step).transform(COUNTS.drop(columns="g7"))


def test_a_chain():
    steps = [STEPS[name] for name in ("low_counts", "tmm", "log1p", "highly_variable", "z_score")]
    values = chain(*steps).fit(COUNTS, TRAIN, SEQUENCES).transform(COUNTS)
    assert values.shape == (6, 7)
    np.testing.assert_allclose(values[TRAIN].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(values[TRAIN].std(ddof=0), 1)
