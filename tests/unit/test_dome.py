"""The checklist is whole, and says of a run what is true of it."""

import json

import pandas as pd
import pytest
import report_tables
from biornn import dome, methods
from biornn.examples import Description
from biornn.targets import NEXT_VALUE, Task
from report_tables import DESCRIPTION
from test_methods import CLASSES, FIVE, NETWORKS, PLAIN, VARIATIONS

TRAINED = [
    network | {"architecture": {"cell": "lstm", "dropout": dropout},
               "training": {"epochs": 9, "patience": 3, "weight_decay": decay}}
    for network, dropout, decay in zip(NETWORKS, (0.1, 0.3), (0, 0.01), strict=True)
]  # fmt: skip


def checklist(
    task=None, folds=report_tables.FOLDS, audit=None, alphabet="rna", inputs="letters", **changes
):
    """Texts by section and item; what a run measured is handed on, the rest is the analysis."""
    measured = {
        key: changes.pop(key)
        for key in ("networks", "baselines", "benchmarks", "machine")
        if key in changes and (key != "baselines" or isinstance(changes[key], list))
    }
    description = DESCRIPTION if task is None else Description(inputs, alphabet, task)
    audit = report_tables.tables().audit if audit is None else audit
    analysis = report_tables.analysis(**changes)
    found = dome.dome(analysis, description, folds, audit, **measured)
    return {
        (section, item): answer["text"]
        for section, items in found.items()
        for item, answer in items.items()
    }


def test_every_item_is_there_and_the_author_has_what_a_run_can_not_know():
    audit = report_tables.tables(copies=3).audit
    # also as the report calls it
    found = methods.dome(report_tables.analysis(), DESCRIPTION, report_tables.FOLDS, audit)
    assert {section: tuple(items) for section, items in found.items()} == dome.ITEMS
    answers = [answer for items in found.values() for answer in items.values()]
    assert all(set(answer) == {"status", "text"} and answer["text"] for answer in answers)
    left = {
        (section, item)
        for section, items in found.items()
        for item, answer in items.items()
        if answer["status"] == "author"
    }
    assert left == {("data", "availability"), ("model", "availability")}
    json.dumps(found, allow_nan=False)


def test_redundancy_is_counted_over_the_folds():
    audit = report_tables.tables(copies=3).audit
    text = checklist(audit=audit)["data", "redundancy_between_splits"]
    assert "3 of 50 validation and 3 of 50 test examples have the same input" in text
    assert "10 of 50 validation and 10 of 50 test examples differ from a training" in text
    assert "5 of 50 test examples have a training sequence of at least 90 % identity" in text
    assert "nearest training sequence is 50 %, that of shuffled sequences 40 %" in text
    assert text.startswith("The data's own column decided")
    twice = pd.concat([audit, audit.assign(fold=1)])
    text = checklist(audit=twice)["data", "redundancy_between_splits"]
    assert "6 of 100 validation and 6 of 100 test" in text
    split = {"method": "random", "groups": {"by": "homology"}}
    text = checklist(audit=audit.iloc[:0], split=split)["data", "redundancy_between_splits"]
    assert text.startswith("Similar sequences were kept together") and "Counted" not in text


def test_classes_of_each_part():
    rows = [
        (0, "class", subset, count, 50, count / 50, None, label)
        for subset in ("train", "test")
        for label, count in (("NA", 40), ("b", 10))
    ]
    audit = pd.DataFrame(rows, columns=report_tables.tables().audit.columns)
    audit.loc[audit["note"] == "NA", "note"] = float("nan")  # as a table gives it back
    answers = checklist(**PLAIN, task=CLASSES, audit=audit)
    assert answers["data", "dataset_splits"].endswith("train: NA 40, b 10; test: NA 40, b 10.")
    assert answers["data", "provenance"].startswith(
        "the file `t.csv`. 150 examples (NA: 80, b: 20)"
    )


def test_parameters_against_examples():
    answers = checklist(networks=NETWORKS, models={"net": {"cell": "lstm"}})
    assert "p: `net` 1,234." in answers["optimization", "parameters"]
    fitting = answers["optimization", "fitting"]
    assert "N = 50 training examples." in fitting and "p / N: `net` 25." in fitting
    assert "In 1 of 2 runs" in fitting and "of that epoch were kept" in fitting
    steady = checklist(networks=NETWORKS[:1])["optimization", "fitting"]
    assert "In none of 1 runs" in steady and "were kept" not in steady
    assert "shuffled" not in fitting
    assert "`shuffled` learned shuffled targets" in checklist()["optimization", "fitting"]
    assert "none was searched" in answers["optimization", "parameters"]
    searched = checklist(tune={"net": {}})["optimization", "parameters"]
    assert "of `net` were searched on the validation examples" in searched


def test_regularization_is_that_of_each_network():
    models = {"net": {"cell": "lstm", "dropout": 0.2}, "other": {"cell": "gru"}}
    training = {"epochs": 5, "patience": 5}
    text = checklist(models=models, training=training)["optimization", "regularization"]
    assert "Of `net`: the weights" in text and "dropout 0.2" in text and "to stop" not in text
    assert "Of `ridge`: L2 penalty. Of `trees`: growth" in text
    text = checklist(models={"net": {"cell": "gru"}}, training={"epochs": 9, "patience": 3},
                     baselines=[])["optimization", "regularization"]  # fmt: skip
    assert text.startswith("Of all networks: the weights") and "to stop after 3 epochs" in text
    # what a search has found counts, and not what the analysis says
    text = checklist(models={"net": {"cell": "lstm"}}, networks=TRAINED)[
        "optimization", "regularization"
    ]
    assert "dropout 0.1 to 0.3" in text and "weight decay 0 to 0.01" in text


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (Task(), "Regression: a number, for each example."),
        (NEXT_VALUE, "Regression: the next value, for each position of a sequence."),
        (Task(counts=True), "Regression: the mean of a count, for each example."),
        (CLASSES, "Classification: the probability of each class, for each example."),
        (Task("classification", "position", ("H", "E")),
         "Classification: the probability of each class, for each position of a sequence."),
        (Task("multilabel", "sequence", ("a",)),
         "Classification: the probability of each label, for each example."),
    ],
)  # fmt: skip
def test_outputs(task, said):
    inputs = "numbers" if task.next_value else "letters"
    assert checklist(**PLAIN, task=task, inputs=inputs)["model", "output"] == said


def test_cross_validation_is_no_held_out_set():
    one = checklist()["evaluation", "method"]
    assert one.startswith("One held-out test set of 50 examples.") and "fold" not in one
    five = checklist(**VARIATIONS["folds"])["evaluation", "method"]
    assert five.startswith("Cross-validation with 5 folds.") and "held-out" not in five
    each = checklist(**VARIATIONS["each once"])["evaluation", "method"]
    assert each.startswith("Leave-one-out cross-validation with 5 folds.")
    rounds = checklist(**PLAIN, folds=FIVE, split={"method": "k_fold", "repeats": 3, "k": 2})
    assert "in 3 rounds" in rounds["evaluation", "method"]


def test_times_and_machine():
    machine = {"processor": "some CPU", "cores": "2", "system": "Linux (x86_64)"}
    answers = checklist(
        networks=NETWORKS, benchmarks=report_tables.tables().benchmarks, machine=machine
    )
    text = answers["model", "execution_time"]
    for piece in (
        "`net` 6.0 s",
        "CPU, 1 thread; one GPU",
        "took 12 s and at most 500 MiB",
        "some CPU",
    ):
        assert piece in text, piece
    assert checklist()["model", "execution_time"] == (
        "The time of a single prediction was not measured."
    )


def test_what_it_is_compared_with_and_what_it_is_explained_by():
    answers = checklist(**VARIATIONS["everything"])
    assert answers["evaluation", "comparison"].endswith("With published numbers: n (q); m (q).")
    assert "`mean`, `ridge` and `trees`" in answers["evaluation", "comparison"]
    assert "integrated gradients" in answers["model", "interpretability"]
    silent = checklist(explain={"models": []})["model", "interpretability"]
    assert "no explanation was asked for" in silent
    models = {"a": {"cell": "self_attention"}}
    assert checklist(models=models)["optimization", "algorithm"].startswith("Self-attention")


def test_features():
    baselines = [{"name": "ridge", "chosen": {"0": {"n_features": 24}, "1": {"n_features": 30}}}]
    text = checklist(baselines=baselines)["optimization", "features"]
    assert text == (
        "f = 4 channels (letters) at each position of a sequence. Features of linear models: "
        "`ridge` 24 to 30. No features were selected."
    )
