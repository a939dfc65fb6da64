"""What is written of a run is what the run did, in words."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import report_tables
from biornn import methods
from biornn.examples import Description
from biornn.targets import NEXT_VALUE, Task
from report_tables import DESCRIPTION


def test_methods_say_what_was_configured():
    text = methods.methods_text(
        report_tables.analysis(), DESCRIPTION, report_tables.FOLDS, 151, "CPU, 1 thread"
    )
    for piece in (
        "151 records", "150 passed", "log10((n + 1) / (m + 1))", "GU has the value 2",
        "equals the column `y`", "50 for training", "diagonal peepholes", "at most 7 epochs",
        "shuffled targets as a negative control", "ridge regression on one-hot letters",
        "histogram gradient boosting", "seeds 1, 2, 3", "9,999 permutations", "CPU, 1 thread",
    ):  # fmt: skip
        assert piece in text, piece
    assert "dropout" not in text and "weight decay" not in text


def test_methods_of_replicates():
    expression = {
        "counts": ["r1", "r2", "d1", "d2"],
        "normalization": [
            {"method": "log_ratio", "numerator": ["r1", "r2"], "denominator": ["d1", "d2"],
             "pseudocount": 0, "base": "e", "depth": True},
        ],
        "check": {"column": "y", "factor": -1, "up_to": "constant"},
    }  # fmt: skip
    text = methods.methods_text(
        report_tables.analysis(expression=expression), DESCRIPTION, report_tables.FOLDS, 151, "CPU"
    )
    assert "ln(mean of r1 / d1, r2 / d2), each count over the sum of its column" in text
    assert "-1 times the result equals the column `y` of the source up to a constant within" in text


def test_methods_of_genes():
    expression = {
        "matrix": {"source": "s"},
        "target": {"samples": ["a", "b"], "summary": "median"},
        "normalization": [{"method": "tmm"}, {"method": "log1p", "base": "e"}],
    }
    examples = {"source": "s", "id": "gene", "sequence": {"column": "x", "alphabet": "rna"}}
    analysis = report_tables.analysis(expression=expression, examples=examples)
    text = methods.methods_text(analysis, DESCRIPTION, report_tables.FOLDS, 151, "CPU")
    assert "the median over 2 samples of the expression of the gene" in text
    assert "TMM factors" in text and "then ln(value + 1)" in text and "training genes" in text


def test_methods_of_a_plain_column():
    analysis = report_tables.analysis(
        expression=None, target={"column": "y"}, split={"method": "random", "seed": 4}
    )
    text = methods.methods_text(analysis, DESCRIPTION, report_tables.FOLDS, 150, "CPU")
    assert (
        "The target is the column `y` as it came: a number." in text
        and "by chance (seed 4)" in text
    )


def test_dome_leaves_to_the_author_what_a_run_can_not_know():
    audit = report_tables.tables(copies=3).audit
    checklist = methods.dome(report_tables.analysis(), DESCRIPTION, report_tables.FOLDS, audit)
    assert set(checklist) == {"data", "optimization", "model", "evaluation"}
    assert checklist["data"]["availability"]["status"] == "author"
    assert "test: 3 of 50" in checklist["data"]["redundancy_between_splits"]["text"]
    json.dumps(checklist, allow_nan=False)


@pytest.mark.parametrize(
    ("task", "said", "not_said"),
    [
        (
            Task("classification", "sequence", ("a", "b")),
            ["a class (a, b)", "cross entropy.", "logistic regression", "AUROC", "over examples"],
            ["predictive information", "standardised", "on each side"],
        ),
        (
            Task("classification", "position", ("H", "E")),
            ["a class for each position (H, E)", "every labelled position", "7 on each side",
             "over whole sequences"],
            ["AUROC", "predictive information"],
        ),
        (
            Task("regression", "position"),
            ["a number for each position", "mean squared error", "over whole sequences"],
            ["cross entropy", "predictive information"],
        ),
    ],
)  # fmt: skip
def test_methods_of_other_tasks(task, said, not_said):
    analysis = report_tables.analysis(expression=None, target={"column": "y"})
    description = Description("letters", "rna", task)
    text = methods.methods_text(analysis, description, report_tables.FOLDS, 150, "CPU")
    assert [piece for piece in said if piece not in text] == []
    assert [piece for piece in not_said if piece in text] == []
    audit = report_tables.tables().audit
    checklist = methods.dome(analysis, description, report_tables.FOLDS, audit)
    assert checklist["model"]["output"]["text"] == f"{task.kind} per {task.per}"


@pytest.mark.parametrize(
    ("task", "said", "not_said"),
    [
        (
            Task(counts=True),
            ["a count.", "Poisson distribution with a logarithmic link", "divided by the mean",
             "Poisson regression (L2", "the Poisson deviance as loss", "(D²)"],
            ["mean squared error", "predictive information"],
        ),
        (
            Task("classification", "sequence", ("lo", "hi"), ordered=True),
            ["one of some ordered classes (lo, hi)", "cumulative logits (McCullagh 1980)", "kappa"],
            ["Brier", "standardised"],
        ),
        (
            Task("multilabel", "sequence", ("a", "b")),
            ["any number of labels (a, b)", "of each label for itself", "for each label",
             "average precision", "share of each label"],
            ["Brier", "standardised"],
        ),
        (
            NEXT_VALUE,
            ["The target of each step is the value at the next one",
             "the values of the position and 7 before it",
             "mean squared error"],
            ["on each side", "as it came"],
        ),
    ],
)  # fmt: skip
def test_methods_of_other_heads(task, said, not_said):
    analysis = report_tables.analysis(expression=None, target={"column": "y"})
    description = Description("numbers" if task.next_value else "letters", "rna", task)
    text = methods.methods_text(analysis, description, report_tables.FOLDS, 150, "CPU")
    assert [piece for piece in said if piece not in text] == []
    assert [piece for piece in not_said if piece in text] == []
    audit = report_tables.tables().audit
    checklist = methods.dome(analysis, description, report_tables.FOLDS, audit)
    assert checklist["model"]["output"]["text"] == f"{task.name} per {task.per}"


def test_the_loss_of_each_network_is_named():
    models = {
        "wide": {"cell": "gru", "loss": "huber"},
        "sure": {"cell": "lstm", "loss": "gaussian"},
        "plain": {"cell": "rnn"},
    }
    analysis = report_tables.analysis(models=models, training={"huber_delta": 2})
    text = methods.methods_text(analysis, DESCRIPTION, report_tables.FOLDS, 150, "CPU")
    networks = text[text.index("**Networks.**") : text.index("**Baselines.**")]
    wide, sure, plain = (networks.split(f"`{name}`: ")[1].split(";")[0] for name in models)
    assert "δ = 2 standard deviations" in wide and "(Nix & Weigend 1994)" in sure
    assert "Loss: mean squared error." in plain and "coverage of the central 90 %" in text
    audit = report_tables.tables().audit
    checklist = methods.dome(analysis, DESCRIPTION, report_tables.FOLDS, audit)
    assert "Of wide: Huber loss" in checklist["optimization"]["algorithm"]["text"]


def test_weights_of_classes_and_smoothing_are_said():
    training = {"class_weights": {"a": 2}, "label_smoothing": 0.1}
    analysis = report_tables.analysis(expression=None, target={"column": "y"}, training=training)
    task = Task("classification", "sequence", ("a", "b"))
    description = Description("letters", "rna", task)
    text = methods.methods_text(analysis, description, report_tables.FOLDS, 150, "CPU")
    assert "Classes were weighted (a 2). Label smoothing: 0.1" in text


def test_methods_of_numbers():
    analysis = report_tables.analysis(expression=None, target={"column": "y"})
    text = methods.methods_text(
        analysis, Description("numbers", None, Task()), report_tables.FOLDS, 150, "CPU"
    )
    assert "Inputs were standardised" in text and "one-hot encoded" not in text


def test_methods_name_covariates_and_weights():
    audit = pd.DataFrame({"check": [], "subset": [], "count": [], "n": []})

    def text(covariates, **examples):
        examples = {"source": "s", "sequence": {"column": "x", "alphabet": "rna"}} | examples
        analysis = report_tables.analysis(
            examples=examples, expression=None, target={"column": "y"}
        )
        description = replace(DESCRIPTION, covariates=covariates)
        dome = methods.dome(analysis, description, report_tables.FOLDS, audit)
        encoding = dome["optimization"]["data_encoding"]["text"]
        written = methods.methods_text(
            analysis, description, report_tables.FOLDS, 151, "CPU, 1 thread"
        )
        assert encoding in written
        return written + dome["optimization"]["algorithm"]["text"]

    few = text(("warm", "salt"), weight="reads")
    assert "2 covariates of each example (`warm`, `salt`), standardised by mean and" in few
    assert few.count("Examples were weighted by the column `reads`") == 2
    assert "scores, intervals and tests count every example once" in few
    many = text(tuple(f"g{number}" for number in range(300)))
    assert "300 covariates of each example (`g0` to `g299`)" in many and "`g7`" not in many
    plain = text(())
    assert "covariate" not in plain and "weighted by" not in plain


def test_methods_of_explanations_and_of_the_learning_curve():
    explain = {"examples": 150, "motifs": {"source": "s"}}
    analysis = report_tables.analysis(explain=explain, learning_curve=[0.25, 1.0])
    text = methods.methods_text(analysis, DESCRIPTION, report_tables.FOLDS, 151, "CPU")
    for piece in ("up to 150 test examples", "Adebayo", "in silico mutagenesis", "TOMTOM",
                  "trained on 25 % of the training examples", "kmer"):  # fmt: skip
        assert (piece in text) == (piece != "kmer"), piece
    silent = report_tables.analysis(explain={"models": []})
    text = methods.methods_text(silent, DESCRIPTION, report_tables.FOLDS, 151, "CPU")
    assert "Explanations" not in text and "learning curve" not in text
