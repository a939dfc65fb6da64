"""What is said of how far scores can be relied on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import report_tables
from biornn import trust
from biornn.config_data import Stratum


def with_parts(values, kind="identity", n=50):
    """Tables with scores of `net` on parts: name to (value, low, high)."""
    tables = report_tables.tables()
    test = tables.metrics[tables.metrics["subset"] == "test"]
    frames = [tables.metrics]
    for name, (value, low, high) in values.items():
        frames.append(
            test.assign(subset=f"test/{kind}-{name}", value=value, ci_low=low, ci_high=high, n=n)
        )
    return replace(tables, metrics=pd.concat(frames))


@pytest.mark.parametrize(
    ("far", "near", "said"),
    [
        ((0.5, 0.4, 0.6), (0.9, 0.8, 0.95), "net is better on"),
        ((0.5, 0.4, 0.6), (0.55, 0.5, 0.6), "net seems better, but not clearly, on"),
        ((0.9, 0.8, 0.95), (0.5, 0.4, 0.6), "net is worse on"),
        ((0.6, 0.5, 0.7), (0.5, 0.4, 0.6), "net is not better on"),
    ],
)
def test_near_relatives(far, near, said):
    tables = with_parts({"0.3-0.5": far, "0.7-0.9": (0.6, 0.5, 0.7), "0.9-1": near})
    sentence = trust.relatives(tables)
    assert sentence.startswith(said)
    assert "at identities of 0.9 to 1, n = 50, against" in sentence
    assert "at identities of 0.3 to 0.5, n = 50." in sentence
    assert trust.relatives(with_parts({"0.9-1": near})) is None


def test_parts_have_a_table_each():
    tables = with_parts({"0-0.3": (0.5, 0.4, 0.6), "0.9-1": (0.9, 0.8, 0.95)})
    (found,) = trust.parts(tables, ["GU"])
    assert found["what"] == "identity to the nearest training sequence"
    assert [row["part"] for row in found["rows"]] == ["0 to 0.3", "0.9 to 1"]
    assert found["rows"][0]["cells"][0] == ("0.500", "0.400 to 0.600")
    assert trust.parts(tables, ["identity"]) == [] == trust.parts(report_tables.tables(), [])
    groups = with_parts({"a-b": (0.5, 0.4, 0.6)}, "group")
    assert trust.parts(groups, [])[0]["rows"][0]["part"] == "a-b"
    assert trust.is_automatic("test/length-1-9", []) and not trust.is_automatic("test/GU", [])
    assert not trust.is_automatic("test/length-1-9", ["length"])
    assert not trust.is_automatic("test/length-short", ["length-short"])
    assert [stratum.name for stratum in trust.drawn([])] == ["length", "identity"]
    own = Stratum(name="length", column="insert")
    assert trust.drawn([own])[0] is own and len(trust.drawn([own])) == 2


def test_groups_that_are_drawn_whole_are_said():
    tables = report_tables.tables()
    assert trust.drawn_together(tables) is None
    fewer = replace(tables, metrics=tables.metrics.assign(n_drawn=12))
    assert "50 test examples lie in 12 groups" in trust.drawn_together(fewer)


def test_where_the_spread_comes_from():
    tables = report_tables.tables()
    row = tables.variance.query("model == 'net' and metric == 'r2'").iloc[0]
    said = trust.spread(tables)
    assert f"{row['sd_examples']:.3f} from the choice of the 50 test examples" in said
    assert "from the seed (2 trainings)" in said and "fold" not in said
    folds = replace(tables, variance=tables.variance.assign(sd_folds=0.25, n_folds=5))
    assert "0.250 between folds (5, each" in trust.spread(folds)
    alone = replace(tables, variance=tables.variance.assign(sd_seeds=np.nan))
    assert trust.spread(alone) is None
    assert trust.spread(replace(tables, variance=tables.variance.iloc[:0])) is None


@pytest.mark.parametrize("task", ["ordinal", "multilabel"])
def test_probabilities_are_judged(task):
    tables = report_tables.of_task(task)
    network, baseline = trust.calibration(tables)
    assert network.startswith("net, the best network: the calibration error is 0.")
    assert baseline.startswith("ridge, the best baseline: ") and "log loss" in baseline
    figure = trust.draw_all(tables)["reliability"].svg
    assert ">net (best network, scaled)<" in figure and ">ridge (best baseline)<" in figure
    assert "ridge (best baseline, scaled)" not in figure
    rows = trust.class_rows(tables)
    assert [row["name"] for row in rows] == list(tables.description.task.classes)
    assert all(len(row["cells"]) == 2 for row in rows)


@pytest.mark.parametrize(("temperature", "said"), [(2.0, "are too sure."), (0.5, "sure enough.")])
def test_what_a_temperature_means(temperature, said):
    tables = report_tables.of_task("multilabel")
    changed = tables.temperature.assign(temperature=temperature)
    assert trust.calibration(replace(tables, temperature=changed))[0].endswith(said)
    one = tables.temperature.assign(temperature=1.01)
    assert "sure" not in trust.calibration(replace(tables, temperature=one))[0]


def test_numbers_have_a_curve_and_no_probabilities():
    tables = report_tables.tables()
    assert trust.calibration(tables) == [] == trust.class_rows(tables)
    figure = trust.draw_all(tables)["reliability"].svg
    assert "mean prediction of the bin" in figure and "scaled" not in figure
    assert trust.draw_all(replace(tables, calibration=tables.calibration.iloc[:0])) == {}
