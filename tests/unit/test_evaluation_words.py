"""Evaluation in words; whole texts are tested with the methods."""

import report_tables
from biornn import bootstrap, evaluation_words
from biornn.samples import KINDS
from biornn.targets import REGRESSION, Task
from report_tables import DESCRIPTION, FOLDS

TASKS = {
    "regression": lambda per: Task(per=per),
    "next_value": lambda per: Task(per=per, next_value=True),
    "count": lambda per: Task(per=per, counts=True),
    "classification": lambda per: Task("classification", per, ("a", "b")),
    "ordinal": lambda per: Task("classification", per, ("a", "b"), ordered=True),
    "multilabel": lambda per: Task("multilabel", per, ("a", "b")),
}


def test_accelerated_intervals_are_named_where_the_metrics_have_them():
    # in words: by the name of the task the metrics that `bootstrap` accelerates
    words = {
        "accuracy": "accuracies", "balanced_accuracy": "accuracies", "f1": "F1", "mcc": "Matthews",
        "auroc": "AUROC", "average_precision": "average precision", "brier": "Brier",
        "mse": "mean squared error", "auroc_macro": "mean AUROC", "exact_match": "all labels right",
    }  # fmt: skip
    assert set(words) == bootstrap.ACCELERATED
    for task in (REGRESSION, Task(counts=True), Task("classification", classes=("a", "b")),
                 Task("classification", "position", ("a", "b")),
                 Task("classification", classes=("a", "b"), ordered=True),
                 Task("multilabel", classes=("a", "b"))):  # fmt: skip
        said = evaluation_words.intervals_in_words(report_tables.analysis(), task)
        said = said.partition("BCa")[0].partition("Those of ")[2]
        metrics = KINDS[task.name][task.per == "position"].metrics
        for metric, word in words.items():
            here = said.replace("mean AUROC", "") if metric == "auroc" else said
            assert (word in here) == any(words.get(m) == word for m in metrics), (task, metric)


def test_tests_are_named_by_what_is_compared():
    words = {
        "r2": "squared error", "information": "pointwise information", "d2": "deviance",
        "accuracy": "right or wrong", "log_loss": "log loss", "rank_error": "distance of the rank",
        "auroc_macro": "mean AUROC",
    }  # fmt: skip
    for name, kinds in KINDS.items():
        for per, kind in zip(("sequence", "position"), kinds, strict=False):
            if (name, per) == ("next_value", "sequence"):
                continue  # each step has one
            task = TASKS[name](per)
            said = evaluation_words.comparisons_in_words(report_tables.analysis(), task, 1)
            said = said.partition("contributes (")[2].partition(";")[0]
            assert {metric for metric, word in words.items() if word in said} == set(kind.compared)


def test_a_small_first_fold_is_explained_with_others():
    analysis = report_tables.analysis()
    small = evaluation_words.explanations_in_words(analysis, DESCRIPTION, FOLDS.assign(test=3))
    assert "since it has few, of its validation and training examples," in small
    assert "since it has few" not in evaluation_words.explanations_in_words(
        analysis, DESCRIPTION, FOLDS
    )
