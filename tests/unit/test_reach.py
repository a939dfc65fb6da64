"""How far back networks learn is read from the tables as it is there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import report_tables
from biornn import reach
from biornn.config_data import Stratum
from biornn.files import write_tsv

STEPS = np.arange(101)


def flow(rates, **columns):
    """A gradient that is multiplied by a rate at each step; a pair of rates a seed."""
    parts = [
        pd.DataFrame({"fold": 0, "seed": seed, "epoch": epoch, "layer": 1,
                      "direction": "forward", "state": "h", "distance": STEPS,
                      "norm": rate**STEPS} | columns)
        for seed, pair in enumerate(rates, start=1)
        for epoch, rate in zip((1, 30 + seed), pair, strict=True)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_a_product_of_equal_factors_reaches_as_far_as_arithmetic_says():
    first, last = reach.profiles(flow([(0.5, 0.9), (0.5, 0.9)]))
    # 0.5^6 = 1.6 %, 0.5^7 = 0.8 %; 0.9^43 = 1.08 %, 0.9^44 = 0.97 %
    assert reach.reach(first) == 6 and reach.reach(last) == 43


def test_seeds_end_at_different_epochs_and_their_mean_is_geometric():
    _, last = reach.profiles(flow([(0.5, 0.4), (0.5, 0.9)]))
    np.testing.assert_allclose(last, 0.6**STEPS)


def test_only_the_upper_layer_and_the_hidden_state_count():
    wanted = flow([(0.5, 0.5)], layer=2)
    others = [flow([(1.0, 1.0)]), flow([(1.0, 1.0)], layer=2, state="c")]
    assert reach.reach(reach.profiles(pd.concat([wanted, *others]))[1]) == 6


def test_an_underflow_to_nothing_has_no_reach():
    table = flow([(0.5, 0.5)])
    table.loc[table["distance"] > 50, "norm"] = 0.0
    assert reach.reach(reach.profiles(table)[1]) == 6


def test_the_sentences():
    flows = {"rnn": flow([(0.5, 0.9)]), "lstm": flow([(0.9, 0.99)]), "pooled": flow([(0.5, 0.5)])}
    rnn, lstm, pooled = reach.sentences(flows, {"rnn": "last", "pooled": "attention"})
    assert rnn.startswith("rnn") and "43 of 100 steps" in rnn and "(6 after" in rnn
    assert "all 100 steps" in lstm
    assert "directly (readout attention)" in pooled


def test_tables_of_the_first_own_fold_are_read_and_empty_ones_left_out(tmp_path):
    empty = flow([(0.5, 0.5)]).iloc[:0]
    for model, tables in {"rnn": {0: flow([(0.5, 0.5)]), 1: flow([(0.9, 0.9)], fold=1)},
                          "self": {0: empty, 1: empty}}.items():  # fmt: skip
        for fold, table in tables.items():
            folder = tmp_path / model / f"fold{fold}"
            folder.mkdir(parents=True)
            write_tsv(table, folder / "gradient_flow.tsv")
    paths = sorted(tmp_path.glob("*/*/gradient_flow.tsv"))
    for folds, far in (([0, 1], 6), ([1], 43)):
        found = reach.read(paths, folds)
        assert list(found) == ["rnn"] and reach.reach(reach.profiles(found["rnn"])[1]) == far


def by_lag(values):
    """The tables of a run whose scores on `test` are those on each of some values."""
    tables = report_tables.tables()
    test = tables.metrics[tables.metrics["subset"] == "test"]
    parts = [test.assign(subset=f"test/lag-{value}") for value in values]
    return replace(tables, metrics=pd.concat([tables.metrics, *parts]))


def test_scores_are_drawn_against_numbers_and_not_against_texts():
    stratum = Stratum(name="lag", column="steps back")
    drawn = reach.by_value(by_lag(["5", "50", "200"]), stratum).svg
    assert all(f">{text}<" in drawn for text in ("5", "50", "200", "steps back", "net", "ridge"))
    assert ">shuffled<" not in drawn  # a control has no place among them
    assert reach.by_value(by_lag(["one", "two"]), stratum) is None
    assert reach.by_value(by_lag(["5"]), stratum) is None


def test_ranges_are_drawn_at_their_middle():
    stratum = Stratum(name="lag", column="identity")
    drawn = reach.by_value(by_lag(["0.3-0.5", "0.9-1"]), stratum).svg
    assert all(f">{text}<" in drawn for text in ("0.3 to 0.5", "0.9 to 1", "identity"))


def test_the_figures_of_an_analysis():
    tables = by_lag(["1", "2"])
    strata = [Stratum(name="lag", column="lag"), Stratum(name="GU", pattern=".*GU.*")]
    flows = {"net": flow([(0.5, 0.9)])}
    assert set(reach.draw_all(tables, flows, strata)) == {"gradient_flow", "by_lag"}
    assert reach.draw_all(tables, {}, strata[1:]) == {}


@pytest.mark.parametrize("models", [1, 9])
def test_more_networks_than_colours_can_be_drawn(models):
    names = [f"m{n}" for n in range(models)]
    tables = replace(report_tables.tables(), descriptions=[{"name": name} for name in names])
    drawn = reach.draw_all(tables, {name: flow([(0.5, 0.9)]) for name in names}, [])
    assert all(f">{name}<" in drawn["gradient_flow"].svg for name in names)
    again = reach.draw_all(tables, {name: flow([(0.5, 0.9)]) for name in names}, [])
    assert drawn["gradient_flow"].svg == again["gradient_flow"].svg
