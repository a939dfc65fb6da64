"""The evidence about a model is that of its own folds."""

import pandas as pd
from biornn.evidence import Evidence, FoldEvidence
from biornn.files import write_json, write_parquet, write_tsv
from report_tables import DESCRIPTION, FOLDS, analysis, tables


def evidence(**changes):
    """What the made-up run found."""
    found = tables()
    ids = found.examples["id"]
    given = {
        "name": "made",
        "analysis": analysis(),
        "description": DESCRIPTION,
        "folds": FOLDS,
        "audit": found.audit,
        "metrics": found.metrics,
        "comparisons": found.comparisons,
        "sources": [{"name": "s", "origin": "local | file", "file": "t.csv", "sha256": "ab" * 32}],
        "lengths": pd.Series(range(3, 3 + len(ids)), index=ids),
        "assigned": pd.DataFrame({"id": ids, "fold": 0, "subset": found.predictions["subset"]
                                  .iloc[: len(ids)].to_numpy()}),
    }  # fmt: skip
    return Evidence(**(given | changes))


def test_the_files_of_a_run_are_read(tmp_path):
    wanted = evidence()
    files = {name: tmp_path / name for name in (
        "examples", "description", "splits", "folds", "audit", "metrics", "comparisons"
    )}  # fmt: skip
    examples = pd.DataFrame({"id": ["001", "NA"], "sequence": ["ACGU", "GG"]})
    write_parquet(examples, files["examples"])
    write_json(files["description"], DESCRIPTION.to_dict())
    splits = pd.DataFrame({"id": ["001", "NA"], "fold": 0, "subset": ["train", "test"]})
    write_tsv(splits, files["splits"])
    for name in ("folds", "audit", "metrics", "comparisons"):
        write_tsv(getattr(wanted, name), files[name])
    found = Evidence.read("made", analysis(), files, wanted.sources)
    assert found.lengths.to_dict() == {"001": 4, "NA": 2}
    assert found.assigned["id"].tolist() == ["001", "NA"]
    assert found.main == "r2"
    assert len(found.metrics) == len(wanted.metrics)


def test_a_model_has_the_scores_and_the_comparison_of_its_fold():
    found = evidence()
    fold = FoldEvidence.of(found, [0])
    scores = fold.scores("net")
    wanted = tables().metrics.query("model == 'net' and subset == 'test' and seed == 'all'")
    assert scores["value"].to_dict() == dict(zip(wanted["metric"], wanted["value"], strict=True))
    row = fold.against_baseline("net", "r2")
    assert row["model_b"] == "ridge" and row["value_a"] == scores.loc["r2", "value"]
    assert fold.against_baseline("shuffled", "r2") is None  # a control is compared with nothing


def test_of_several_folds_the_scores_are_those_of_all_together():
    found = evidence()
    parts = [found.metrics.assign(fold=fold, value=value)
             for fold, value in (("0", 0.1), ("1", 0.2), ("all", 0.3))]  # fmt: skip
    folds = pd.concat([FOLDS, FOLDS.assign(fold=1)])
    found = evidence(metrics=pd.concat(parts), folds=folds)
    assert set(FoldEvidence.of(found, [1]).scores("net")["value"]) == {0.2}
    whole = FoldEvidence.of(found, [0, 1])
    assert set(whole.scores("net")["value"]) == {0.3} and len(whole.own_folds) == 2
