"""Sizes of libraries and the variance stabilising transformation, against edgeR and DESeq2."""

import numpy as np
import pandas as pd
import pytest
from biornn.files import InputError
from made_counts import COUNTS, STEPS, alone, chain, fitted
from scipy.stats import nbinom

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


@pytest.mark.parametrize("method", ["upper_quartile", "tmm"])
def test_the_training_sample_without_a_factor_is_named(method):
    counts = COUNTS.copy()
    counts.loc["s2"] = 0.0
    counts.loc["s2", "g2"] = 1.0  # where the reference has none
    counts.loc[["s0", "s1", "s3", "s4", "s5"], "g2"] = 0.0
    with pytest.raises(InputError, match="s2 has too few counts for a factor"):
        fitted({"method": method}, counts)


def test_vst_of_rare_counts_says_what_to_do():
    with pytest.raises(InputError, match="no gene has 5 counts a training sample in the mean"):
        alone("vst", np.minimum(COUNTS, 2), trend_genes=8)
