"""What a reader should take from an analysis is said by its numbers."""

from dataclasses import replace

import made_catalogue
import pytest
import report_tables
from biornn import lessons
from biornn.findings import number


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (0.3, "A network is worth its training here (R² "),
        (0.6, "The best network and a linear model can't be told apart (R² "),
        (1.5, "A linear model wins, and no network is needed here (R² "),
    ],
)
def test_the_first_lesson_is_that_of_the_comparison(error, said):
    repeated = made_catalogue.repeated(tables=report_tables.tables(network_error=error))
    first = lessons.lessons(repeated)[0]
    assert first.startswith(said)
    for key in ("network", "baseline", "difference"):
        assert number(repeated.summary[key]["value"]) in first
    assert ("simple one is the one to take" in first) == (error == 0.6)


def test_a_network_that_knows_nothing_is_not_praised():
    one = made_catalogue.repeated(tables=report_tables.tables(network_error=0.3))
    network = one.summary["network"] | {"value": -0.1}
    first = lessons.lessons(replace(one, summary=one.summary | {"network": network}))[0]
    assert first.startswith("A network is better than the simple models, and knows nothing either")


def test_an_interval_beside_a_p_of_many_comparisons_is_explained():
    one = made_catalogue.repeated(tables=report_tables.tables(network_error=0.6))
    for low, said in ((-0.2, False), (0.01, True)):
        difference = one.summary["difference"] | {"ci_low": low, "ci_high": 0.3}
        first = lessons.lessons(replace(one, summary=one.summary | {"difference": difference}))[0]
        assert ("The interval is that of one comparison" in first) == said


def test_the_model_that_wins_is_called_by_its_kind():
    tables = report_tables.tables(network_error=1.5)
    trees = {"mean": {"kind": "mean"}, "ridge": {"kind": "gradient_boosting"}}
    first = lessons.lessons(made_catalogue.repeated(tables=tables, baselines=trees))[0]
    assert first.startswith("Boosted trees win, and no network")


def test_published_values_are_counted_by_their_verdicts():
    one = made_catalogue.repeated()
    rows = one.published.loc[[0] * 4].assign(
        name=list("abcd"), verdict=["worse", "reproduced", "not comparable", "worse"]
    )
    said = lessons.lessons(replace(one, published=rows))[1]
    assert said.startswith(
        "Of 4 comparisons with published values, 1 is reproduced: b (0.400; ours "
    )
    assert "; 2 are not reached: a (" in said and "; 1 is not comparable: c (" in said
    assert "bits" not in said  # one metric needs no name
    two = lessons.lessons(replace(one, published=rows.assign(metric=["r2", *["information"] * 3])))
    assert "a (R² 0.400; ours" in two[1]
    single = lessons.lessons(one)[1]
    assert single.startswith("The one comparison with a published value: 1 is ")
    none = lessons.lessons(replace(one, published=one.published.iloc[:0]))[1]
    assert none == "There is no published value to compare with."


def test_memory_is_told_where_it_was_measured():
    assert len(lessons.lessons(made_catalogue.repeated())) == 2
    clear = lessons.lessons(made_catalogue.repeated(gap=(0.2, 0.1, 0.3)))[2]
    assert clear.startswith("A random split flatters: on random folds net has 0.700 in place of")
    unclear = lessons.lessons(made_catalogue.repeated(gap=(0.1, -0.1, 0.3)))[2]
    assert unclear.startswith("A random split does not clearly flatter")
    assert "0.100 (95 % interval −0.100 to 0.300)" in unclear
