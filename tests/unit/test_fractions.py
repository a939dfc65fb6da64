"""Parts are nested and leave the test set alone; each is scored like the whole."""

import numpy as np
import pandas as pd
import pytest
from biornn import fractions
from biornn.config_models import TrainingConfig
from biornn.files import InputError
from biornn.folds import predictions_table
from hypothesis import given, settings
from hypothesis import strategies as st
from made_data import make_classes, make_data, make_positions


@settings(max_examples=30, deadline=None)
@given(
    shares=st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0)).map(sorted),
    seed=st.integers(0, 100),
    make=st.sampled_from([make_data, make_classes, make_positions]),
)
def test_parts_are_nested_and_validation_and_test_stay(shares, seed, make):
    data = make(60)
    small, large = (data.part(share, seed) for share in shares)
    assert set(small.rows("train")) <= set(large.rows("train")) <= set(data.rows("train"))
    for subset in ("validation", "test"):
        assert (small.rows(subset) == data.rows(subset)).all()
    assert len(large.rows("train")) == pytest.approx(shares[1] * 36, abs=2)
    if make is make_classes:  # of each class the same share
        codes = data.targets
        for code in np.unique(codes[data.rows("train")]):
            n = (codes[data.rows("train")] == code).sum()
            assert (codes[small.rows("train")] == code).sum() == max(1, round(shares[0] * n))


def test_too_little_is_refused_and_the_whole_is_the_whole():
    data = make_data(60)
    assert (data.part(1.0).subsets == data.subsets).all()
    with pytest.raises(InputError, match=r"0\.01 of 36 training examples is too little"):
        data.part(0.01)


def test_a_part_is_trained_for_as_many_steps():
    config = TrainingConfig(epochs=7, patience=3)
    part = config.of_part(0.3)
    assert (part.epochs, part.patience) == (24, 10)  # 7 / 0.3 and 3 / 0.3, rounded up
    assert part.model_copy(update={"epochs": 7, "patience": 3}) == config
    assert config.of_part(1.0) == config


def test_the_curve_has_a_row_a_model_and_size():
    data = make_data(200)
    ids = pd.Series([f"e{at}" for at in range(200)])
    random = np.random.default_rng(0)

    def said(model, kind, noise, part=data, **extra):
        values = (data.targets + random.normal(scale=noise, size=200))[:, None]
        table = predictions_table(ids, 0, part, {1: values, 2: values})
        return table.assign(model=model, kind=kind, **extra)

    shares, noise = (0.1, 0.5), {0.1: 2.0, 0.5: 0.5}
    parts = pd.concat(
        [
            said(model, kind, noise[share], part, share=share, n_train=len(part.rows("train")))
            for share in shares
            for part in [data.part(share)]
            for model, kind in (("net", "recurrent"), ("ridge", "baseline"))
        ]
    )
    whole = pd.concat([said("net", "recurrent", 0.1), said("ridge", "baseline", 0.1),
                       said("shuffled", "control", 9.0)])  # fmt: skip
    folds = pd.DataFrame(
        {"fold": [0], "scheme": ["random"], "repeat": [0], "train": [120], "test": [40]}
    )
    curve = fractions.learning_curve(parts, whole, (0.1, 0.5, 1.0), folds, n_resamples=100)
    assert list(curve.columns) == fractions.CURVE_COLUMNS
    r2 = curve[(curve["metric"] == "r2") & (curve["model"] == "net")]
    assert list(r2["n_train"]) == [12, 60, 120] and (r2["n"] == 40).all()
    assert r2["value"].is_monotonic_increasing
    assert ((r2["ci_low"] < r2["value"]) & (r2["value"] < r2["ci_high"])).all()
    assert set(curve["model"]) == {"net", "ridge"}
