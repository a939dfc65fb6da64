"""What a checklist says of the data; the whole is tested with the checklist."""

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
