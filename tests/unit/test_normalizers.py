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
from scipy.stats import nbinom

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
    "vst": {"method": "vst", "trend": "mean", "trend_genes": 8},
    "log": {"method": "log", "base": 10, "pseudocount": 0.5},
    "quantile": {"method": "quantile"},
    "z_score": {"method": "z_score"},
    "row_z_score": {"method": "row_z_score"},
    "nonzero_median": {"method": "nonzero_median"},
    "robust_scale": {"method": "robust_scale"},
    "low_counts": {"method": "low_counts", "min_count": 50, "min_fraction": 0.5},
    "highly_variable": {"method": "highly_variable", "genes": 7},
    "missing": {"method": "missing"},
    "missing, filled": {"method": "missing", "fill": "median"},
    "missing, from neighbours": {"method": "missing", "fill": "knn", "neighbors": 2},
}
every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


def chain(*steps):
    config = {"matrix": {"source": "m"}, "gene_lengths": {"source": "g"}, "normalization": steps}
    return Normalizer(ExpressionConfig.model_validate(config).normalization)


def fitted(step, counts=COUNTS, train=TRAIN):
    return chain(step).fit(counts, train, SEQUENCES, LENGTHS)


def alone(method, counts=COUNTS, **settings_of_it):
    """The step itself, fitted on all rows."""
    config = ExpressionConfig.model_validate(
        {"matrix": {"source": "m"}, "normalization": [{"method": method, **settings_of_it}]}
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


# The same R and DESeq2: the fit of fitType = "mean" on the counts above, and of
#   g <- 0:99; s <- 0:7
#   mean <- 2^(3 + 8 * ((g * 37) %% 100) / 100)
#   dispersion <- (0.05 + 4 / mean) * 2^(((g * 61) %% 100) / 50 - 1)
#   u <- outer(g, s, function(g, s)
#     ((g*g*271 + s*s*733 + g*s*389 + g*17 + s*101) %% 1009 + 0.5) / 1009)
#   counts <- t(sapply(1:100, function(i)
#     qnbinom(u[i, ], size = 1 / dispersion[i], mu = mean[i] * (0.5 + s / 5))))
# estimateDispersionsGeneEst, estimateDispersionsFit and assay(varianceStabilizingTransformation(
#   DESeqDataSetFromMatrix(counts, data.frame(x = rep(1, 8)), ~1), blind = TRUE))[2, ]
DESEQ2_MEAN_DISPERSION = 0.746127934980135
DESEQ2_VST_OF_GENE_2_BY_MEAN = [5.93446222548138, 9.43432939888083, 6.97768980651083,
                                9.84628605942662, 5.36381754204780, 9.94307411144583]  # fmt: skip
DESEQ2_TREND = [0.0501427953038409, 5.1416253282578062]
DESEQ2_VST_OF_GENE_2 = [6.71340499758740, 6.83168866152742, 6.49299771786475, 6.68663519729379,
                        7.25443207637044, 7.20399145548785, 6.76358696065586,
                        6.72122957384336]  # fmt: skip


def noisy_counts():
    """Negative binomial counts with the dispersion 0.05 + 4 / mean: those of the second script."""
    g, s = np.arange(100)[None, :], np.arange(8)[:, None]
    mean = 2.0 ** (3 + 8 * ((g * 37) % 100) / 100)
    dispersion = (0.05 + 4 / mean) * 2.0 ** (((g * 61) % 100) / 50 - 1)
    u = ((g * g * 271 + s * s * 733 + g * s * 389 + g * 17 + s * 101) % 1009 + 0.5) / 1009
    counts = nbinom.ppf(u, 1 / dispersion, 1 / (1 + dispersion * mean * (0.5 + s / 5)))
    names = [f"s{n}" for n in range(8)], [f"g{n}" for n in range(100)]
    return pd.DataFrame(counts, *names)


def test_the_counts_are_those_of_the_script():
    assert noisy_counts().to_numpy().sum() == 341431
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


def with_trend(step, a0, a1):
    step.state |= {"a0": a0, "a1": a1}
    return step


def test_the_transformation_is_that_of_deseq2():
    step = with_trend(alone("vst", noisy_counts()), *DESEQ2_TREND)
    values = step.transform(noisy_counts())["g1"]
    np.testing.assert_allclose(values, DESEQ2_VST_OF_GENE_2, rtol=1e-12)
    by_mean = fitted(STEPS["vst"], train=np.ones(6, dtype=bool))
    step = with_trend(by_mean._steps[0], DESEQ2_MEAN_DISPERSION, 0)
    np.testing.assert_allclose(
        step.transform(COUNTS)["g1"], DESEQ2_VST_OF_GENE_2_BY_MEAN, rtol=1e-12
    )


def test_the_trend_of_the_dispersion_is_nearly_that_of_deseq2():
    # PyDESeq2's dispersions of single genes differ from DESeq2's by up to 9 %
    step = alone("vst", noisy_counts())
    np.testing.assert_allclose([step.state["a0"], step.state["a1"]], DESEQ2_TREND, rtol=2e-3)
    values = step.transform(noisy_counts())["g1"]
    np.testing.assert_allclose(values, DESEQ2_VST_OF_GENE_2, atol=2e-3)
    step = alone("vst", COUNTS, trend="mean")
    np.testing.assert_allclose(step.state["a0"], DESEQ2_MEAN_DISPERSION, rtol=1e-4)


def test_the_transformation_has_one_variance_for_genes_of_any_mean():
    counts, step = noisy_counts(), alone("vst", noisy_counts())
    depth = step.size_factors(counts)
    low, high = counts.div(depth, axis=0).mean() < 40, counts.div(depth, axis=0).mean() > 400
    spread = {
        "log": np.log2(counts.div(depth, axis=0) + 1).std(),
        "vst": step.transform(counts).std(),
    }
    ratio = {name: value[low].mean() / value[high].mean() for name, value in spread.items()}
    assert abs(ratio["vst"] - 1) < abs(ratio["log"] - 1) / 2, ratio


def test_no_other_row_reaches_the_trend():
    train, other = np.arange(8) < 6, noisy_counts()
    other.loc[~train] *= 3
    one, two = (
        chain({"method": "vst"}).fit(counts, train, pd.Series([""] * 8)).to_dict()
        for counts in (noisy_counts(), other)
    )
    assert one == two and one["steps"][0]["state"]["a1"] > 0


def test_some_genes_are_enough_for_the_trend():
    few = alone("vst", noisy_counts(), trend_genes=60)
    every = alone("vst", noisy_counts())
    assert few.state["log_mean"] == every.state["log_mean"]
    assert few.state["a0"] != every.state["a0"]
    assert few.state["a0"] == pytest.approx(every.state["a0"], rel=0.5)


def test_vst_wants_raw_counts_and_a_trend_that_is_there():
    with pytest.raises(InputError, match=r"'g1' of s0 is 0\.5, no raw count"):
        alone("vst", noisy_counts().assign(g1=0.5))
    same = pd.DataFrame(10.0, index=COUNTS.index, columns=COUNTS.columns)
    with pytest.raises(InputError, match="no gene varies more than by chance"):
        alone("vst", same)
    with pytest.raises(InputError, match="don't follow a0"):
        alone("vst", COUNTS)


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


def test_neighbours_are_those_of_scikit_learn_among_the_training_rows():
    from sklearn.impute import KNNImputer

    holes = COUNTS.copy()
    holes.loc["s0", "g1"] = holes.loc["s5", "g2"] = holes.loc["s4", "g7"] = np.nan
    step = {"method": "missing", "fill": "knn", "neighbors": 2, "max_missing": 0.3}
    expected = KNNImputer(n_neighbors=2).fit(holes[TRAIN]).transform(holes)
    np.testing.assert_allclose(fitted(step, holes).transform(holes), expected, rtol=1e-12)
    other = holes.copy()
    other.loc["s4"] *= 7
    assert fitted(step, other).to_dict() == fitted(step, holes).to_dict()
    stored = json.loads(json.dumps(fitted(step, holes).to_dict(), allow_nan=False))
    again = Normalizer.from_dict(stored)
    np.testing.assert_allclose(again.transform(holes), expected, rtol=1e-12)
    one = again.transform(holes.loc[["s5"]])
    pd.testing.assert_frame_equal(one, again.transform(holes).loc[["s5"]], check_exact=True)


def test_neighbours_of_too_much_data_are_refused(monkeypatch):
    monkeypatch.setattr("biornn.normalizers._MOST_STORED", 100)
    with pytest.raises(InputError, match="would store 120 training values"):
        fitted({"method": "missing", "fill": "knn"})


@pytest.mark.parametrize("base", [2, 10, 3])
def test_log1p_is_log_with_one_added(base):
    one, other = ({"method": name, "base": base} for name in ("log1p", "log"))
    values = fitted(one).transform(COUNTS)
    pd.testing.assert_frame_equal(values, fitted(other).transform(COUNTS), check_exact=True)
    np.testing.assert_allclose(values, np.log1p(COUNTS) / np.log(base), rtol=1e-12)
    with pytest.raises(ValueError, match="log1p adds 1"):
        chain(one | {"pseudocount": 2})


@pytest.mark.parametrize(
    "method", ["tmm", "upper_quartile", "median_of_ratios", "cpm", "fpkm", "vst"]
)
def test_a_sample_without_counts_is_named(method):
    empty = COUNTS.copy()
    empty.loc["s5"] = 0
    with pytest.raises(InputError, match="s5"):
        fitted(STEPS[method]).transform(empty)


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
