"""The seeds of a sample predict the same examples, and ranks in resamples are those of the rows."""

import numpy as np
import pandas as pd
import pytest
from biornn import metrics
from biornn.class_samples import ClassSample
from biornn.sampling import TargetRanks
from made_samples import classes, draw


def test_seeds_with_other_examples_are_refused():
    table, _ = classes(10, 2)
    with pytest.raises(ValueError, match="m: the seeds do not predict the same examples"):
        ClassSample(table.iloc[:-1])
    with pytest.raises(ValueError, match="m: the seeds do not predict the same examples"):
        ClassSample(pd.concat([table.iloc[:-1], table.iloc[[0]].assign(seed=2)]))


@pytest.mark.parametrize("decimals", [9, 0])
def test_ranks_of_several_models_in_one_draw(decimals):
    drawn = draw(30)
    ranks = TargetRanks(drawn.counts)
    y, *others = np.random.default_rng(0).normal(size=(3, 30)).round(decimals)
    for other in others:
        found = ranks.correlation(y, other)
        for row, value in zip(drawn.counts.T.astype(int), found, strict=True):
            rows = np.repeat(np.arange(30), row)
            assert value == pytest.approx(metrics.spearman(y[rows], other[rows]), abs=1e-10)
