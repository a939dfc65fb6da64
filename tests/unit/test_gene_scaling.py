"""Genes as examples: samples are scaled by training genes, genes are treated by themselves."""

import json

import numpy as np
import pandas as pd
import pytest
from biornn.config import section
from biornn.config_expression import ExpressionConfig
from biornn.expression import Normalizer
from biornn.files import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

GENES = [f"g{n}" for n in range(40)]
RANDOM = np.random.default_rng(3)
COUNTS = pd.DataFrame(
    RANDOM.poisson(RANDOM.lognormal(4, 1, (40, 1)) * [1, 2, 0.5, 3]) + 1.0,
    index=GENES,
    columns=["s0", "s1", "s2", "s3"],
)
TRAIN = np.arange(40) < 30
LENGTHS = pd.Series(300.0 + 50 * np.arange(40), index=GENES)
CHAINS = {
    name: [{"method": name}, {"method": "log"}]
    for name in ("cpm", "tpm", "fpkm", "upper_quartile", "tmm", "median_of_ratios")
} | {"none": [], "log1p": [{"method": "log1p", "base": "e"}]}
every_chain = pytest.mark.parametrize("steps", CHAINS.values(), ids=CHAINS)


def configured(steps, **target):
    value = {"matrix": {"source": "m"}, "gene_lengths": {"source": "g"}, "normalization": steps}
    return section("expression", value | {"target": target})


def fitted(steps, counts=COUNTS, **target):
    config = configured(steps, **target)
    return Normalizer(config.normalization, config.target).fit(
        counts, TRAIN, pd.Series([""] * 40), LENGTHS
    )


@every_chain
def test_training_genes_have_the_values_of_the_step_itself(steps):
    config = ExpressionConfig.model_validate(
        {"matrix": {"source": "m"}, "gene_lengths": {"source": "g"}, "normalization": steps}
    )
    samples = COUNTS[TRAIN].T
    plain = Normalizer(config.normalization)
    plain.fit(samples, np.ones(4, dtype=bool), pd.Series([""] * 4), LENGTHS)
    expected = plain.transform(samples).T.mean(axis=1)
    found = fitted(steps).transform(COUNTS[TRAIN])["expression"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@every_chain
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_no_other_gene_reaches_the_fitted_normaliser(steps, data):
    other = COUNTS.copy()
    drawn = data.draw(st.lists(st.integers(0, 10**6), min_size=40, max_size=40))
    other.loc[~TRAIN] = np.array(drawn, dtype=float).reshape(10, 4)
    assert fitted(steps, other).to_dict() == fitted(steps).to_dict()


@every_chain
def test_a_gene_does_not_depend_on_the_genes_beside_it(steps):
    normalizer = fitted(steps)
    together = normalizer.transform(COUNTS)
    one = pd.concat([normalizer.transform(COUNTS.loc[[gene]]) for gene in GENES])
    pd.testing.assert_frame_equal(one, together, rtol=1e-12)


@every_chain
def test_a_saved_normaliser_gives_the_same_values(steps):
    normalizer = fitted(steps, summary="median")
    again = Normalizer.from_dict(json.loads(json.dumps(normalizer.to_dict(), allow_nan=False)))
    pd.testing.assert_frame_equal(again.transform(COUNTS), normalizer.transform(COUNTS))


def test_a_million_are_those_of_the_training_genes():
    scale = fitted([{"method": "cpm"}]).to_dict()["steps"][0]["state"]["scale"]
    np.testing.assert_allclose((COUNTS[TRAIN] * pd.Series(scale)).sum(), 1e6)
    tpm = fitted([{"method": "tpm"}]).to_dict()["steps"][0]["state"]["scale"]
    per_base = COUNTS.div(LENGTHS, axis=0)[TRAIN]
    np.testing.assert_allclose((per_base * pd.Series(tpm)).sum(), 1e6)


def test_samples_are_normalised_before_they_are_summarised():
    steps = [{"method": "cpm"}, {"method": "log", "base": 2, "pseudocount": 1}]
    cpm = COUNTS / COUNTS[TRAIN].sum() * 1e6
    for summary in ("mean", "median"):
        found = fitted(steps, summary=summary).transform(COUNTS)
        assert list(found.columns) == ["expression"]
        expected = np.log2(cpm + 1).agg(summary, axis=1)
        np.testing.assert_allclose(found["expression"], expected, rtol=1e-12)


def test_genes_without_a_length_and_other_samples_are_refused():
    config = configured([{"method": "tpm"}])
    few = LENGTHS.drop("g35")
    normalizer = Normalizer(config.normalization, config.target)
    normalizer.fit(COUNTS, TRAIN, pd.Series([""] * 40), few)
    with pytest.raises(InputError, match="tpm: 1 genes have no length, such as g35"):
        normalizer.transform(COUNTS)
    with pytest.raises(InputError, match="it can't be used on s0, s1, s2, x"):
        normalizer.transform(COUNTS.rename(columns={"s3": "x"}))


@pytest.mark.parametrize(
    "method", ["z_score", "quantile", "vst", "robust_scale", "low_counts", "missing"]
)
def test_steps_that_put_genes_in_relation_are_refused(method):
    with pytest.raises(ValueError, match=f"'{method}' can't be used for a target"):
        configured([{"method": method}])
    with pytest.raises(ValueError, match="unknown_genes: drop is for profiles"):
        configured([{"method": "tpm", "unknown_genes": "drop"}])
