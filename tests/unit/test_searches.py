"""What the report says of a search: counts, settings, importances, figures."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from biornn import searches
from biornn.config_tune import TuneConfig
from biornn.files import write_json, write_tsv

TUNE = {
    "net": TuneConfig(
        trials=6,
        search={
            "peephole": [None, "diagonal"],
            "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        },
    )
}
STATES = ["complete", "stopped", "complete", "pruned", "failed", "complete", "complete"]
VALUES = [0.5, np.nan, 0.3, 0.9, np.nan, 40.0, 0.4]


def found(fold=0, states=STATES, values=VALUES, importance=(0.75, 0.25)):
    trials = pd.DataFrame({"number": np.arange(len(states)), "state": states, "value": values})
    shares = pd.DataFrame(
        {"parameter": ["learning_rate", "peephole"], "importance": importance}
        if importance
        else {"parameter": [], "importance": []}
    )
    settings = {"peephole": None, "learning_rate": 0.00123456}
    return searches.FoundSearch("net", fold, trials, shares, 0.3, settings)


def write(folder, search):
    place = folder / search.model / f"fold{search.fold}"
    write_tsv(search.trials, place / "trials.tsv")
    write_tsv(search.importance, place / "importance.tsv")
    value = {"model": search.model, "fold": search.fold, "value": search.value}
    write_json(place / "chosen.json", value | {"settings": dict(search.settings)})
    return place / "chosen.json"


def test_searches_of_the_folds_of_the_split_are_read(tmp_path):
    files = [write(tmp_path, found(fold)) for fold in (1, 0, 2)]
    files.append(write(tmp_path / "few", found(3, importance=())))
    read = searches.read(files, [0, 1, 3])
    assert [search.fold for search in read] == [1, 0, 3]
    assert [search.fold for search in searches.by_model(read)["net"]] == [0, 1, 3]
    assert read[0].settings == found().settings and read[2].importance.empty
    assert list(read[0].trials["state"]) == STATES


def test_a_row_says_what_was_tried_and_found():
    (row,) = searches.rows([found()], TUNE)
    assert row["said"] == (
        "4 trials were trained to their end, 1 were ended early, 1 failed, "
        "1 were stopped with their job and taken up again."
    )
    peephole, rate = row["settings"]
    assert (peephole["space"], peephole["values"]) == ("none, diagonal", ["none"])
    assert (rate["space"], rate["values"]) == ("0.0001 to 0.01, logarithmic", ["0.00123"])
    assert (peephole["importance"], rate["importance"]) == (0.25, 0.75) and not row["unsaid"]


def test_several_folds_and_too_few_trials():
    folds = [found(0), found(1, importance=(0.25, 0.75)), found(2, importance=())]
    (row,) = searches.rows(folds, TUNE)
    assert row["folds"] == [0, 1, 2] and row["settings"][0]["values"] == ["none"] * 3
    assert [each["importance"] for each in row["settings"]] == [0.5, 0.5]
    (row,) = searches.rows([found(states=STATES[:3], values=VALUES[:3], importance=())], TUNE)
    assert "6 were asked for" in row["said"] and "Too few trials" in row["unsaid"]
    assert row["settings"][0]["importance"] is None


def test_the_methods_name_the_search_and_what_it_chose():
    text = searches.in_words([found()], TUNE)
    assert "peephole (none, diagonal), learning_rate (0.0001 to 0.01, logarithmic)" in text
    assert "peephole none, learning_rate 0.00123." in text and "median" in text
    assert "fold 1: peephole none" in searches.in_words([found(0), found(1)], TUNE)
    assert searches.in_words([], TUNE) == ""


@pytest.mark.parametrize("folds", [1, 2, 4, 8])
def test_figures_are_drawn(folds):
    drawn = searches.draw_all([found(fold) for fold in range(folds)])
    assert set(drawn) == {"search_history_net", "search_importance_net"}
    for svg in (each.svg for each in drawn.values()):
        ET.fromstring(svg)
    assert drawn["search_history_net"].svg.count(">fold ") == (min(folds, 6) if folds > 1 else 0)
    again = searches.draw_all([found(fold) for fold in range(folds)])
    assert all(again[name].svg == each.svg for name, each in drawn.items())
    assert "search_importance_net" not in searches.draw_all([found(importance=())])
