"""What a checklist says of the data; the whole is tested with the checklist."""

import pytest
import report_tables
from biornn import dome_data


def test_numbers_have_a_mean_in_each_part():
    audit = report_tables.tables().audit
    rows = [(0, "target_mean", subset, 50, 50, 1.0, 0.5, "") for subset in ("train", "test")]
    audit = audit.iloc[:0].copy()
    for at, row in enumerate(rows):
        audit.loc[at] = row
    said = dome_data.classes(audit, report_tables.FOLDS)
    assert said == " train: mean of the target 0.500; test: mean of the target 0.500."
    assert dome_data.classes(audit.iloc[:0], report_tables.FOLDS) == ""
    assert dome_data.targets(audit, report_tables.FOLDS) == "150 examples."


def test_what_the_analysis_cites():
    assert dome_data.cited(report_tables.analysis(citations=[])) == ""
    said = dome_data.cited(report_tables.analysis(citations=[{"text": "A."}, {"text": "B"}]))
    assert said == " Cited: A; B."


@pytest.mark.parametrize(
    ("split", "decided", "drawn"),
    [
        ({"method": "ordered"}, "The order of the examples", False),
        ({"method": "ordered", "validation_from": "chance"}, "The order of the examples", True),
        ({"method": "mutation_order"}, "The number of substitutions", True),
        ({"method": "column", "column": "set"}, "The data's own column", False),
        ({"method": "column", "column": "set", "validation": 0.1}, "The data's own column", True),
    ],
)
def test_relatives_were_only_kept_together_where_examples_were_drawn(split, decided, drawn):
    audit = report_tables.tables().audit.iloc[:0]
    for by, what in (("homology", "similar sequences"), ("sequence", "identical inputs")):
        analysis = report_tables.analysis(split=split | {"groups": {"by": by}})
        said = dome_data.redundancy(analysis, audit)
        assert said.startswith(f"{decided} decided which ")
        assert (what in said) == drawn and ("only where the others" in said) == drawn
    groups = {"by": "column", "column": "family"}
    by_chance = report_tables.analysis(split={"method": "random", "groups": groups})
    assert dome_data.redundancy(by_chance, audit) == "Examples of one `family` were kept together."
