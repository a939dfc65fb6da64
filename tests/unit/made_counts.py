"""Counts of a few samples and genes, and normalisers of them."""

import numpy as np
import pandas as pd
from biornn.config_expression import ExpressionConfig
from biornn.expression import Normalizer
from biornn.normalizers import step_of

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
