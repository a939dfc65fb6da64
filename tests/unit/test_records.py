"""A record is named so that it can be found."""

import numpy as np
import pandas as pd
import pytest
from biornn.config_data import SampleConfig
from biornn.files import InputError
from biornn.records import NOT_DRAWN, QC_COLUMNS, Log, drawn, name_of, numbers_of

TABLE = pd.DataFrame({"origin": "t.csv", "line": [2, 5], "source_id": ["a", "b"]})


def test_the_log_has_a_row_a_record_and_counts():
    log = Log()
    log.records(TABLE, np.array([False, True]), "dropped", "why")
    log.note("records", 2)
    frame = log.frame()
    assert frame.columns.tolist() == QC_COLUMNS
    assert frame[["record", "action", "reason"]].to_numpy().tolist() == [
        ["b", "dropped", "why"], ["", "note", "records"],
    ]  # fmt: skip
    assert frame["line"].tolist() == [5, pd.NA] and frame["count"].tolist() == [pd.NA, 2]


def test_numbers_and_the_first_that_is_none():
    raw = pd.DataFrame({"y": [" 1e-3 ", "2"]})
    assert numbers_of(raw, "y", TABLE).tolist() == [0.001, 2]
    for text in ("x", "", "nan", "inf"):
        raw.loc[1, "y"] = text
        with pytest.raises(InputError, match=r"t\.csv, line 5, record b: 'y' is .* not a number"):
            numbers_of(raw, "y", TABLE)
    assert name_of(TABLE, 0) == "t.csv, line 2, record a"


def test_what_is_needed_is_always_in_a_sample():
    stays = np.arange(9) != 4
    needed = np.arange(9) == 7
    for seed in range(9):
        log, config = Log(), SampleConfig(n=3, seed=seed)
        plain, found = drawn(stays, config, log), drawn(stays, config, log, needed)
        assert found[7] and found.sum() == plain.sum() == 3 and not found[4]
        assert plain[7] or (found & ~needed & ~plain).sum() == 0
        assert [row[3:] for row in log.rows] == [(NOT_DRAWN, 5)] * 2
    assert not drawn(stays, config, log, np.arange(9) == 4)[4]
