"""Training in words; whole texts are tested with the methods."""

import pytest
import report_tables
from biornn import training_words
from biornn.config_models import TrainingConfig


@pytest.mark.parametrize(
    ("epochs", "patience", "can"), [(1, 1, False), (4, 3, False), (5, 3, True), (4, 9, False)]
)
def test_the_first_epoch_is_never_a_worse_one(epochs, patience, can):
    # the first epoch is the best so far, so that `patience` others must follow before the last
    training = TrainingConfig(epochs=epochs, patience=patience)
    assert training_words.can_stop_early(training) == can


def test_names_in_a_row():
    assert training_words.joined(["a"]) == "a" and training_words.joined([]) == ""
    assert training_words.joined("abc") == "a, b and c"


def test_schedules_optimizers_and_arithmetic():
    training = {"optimizer": "adamw", "schedule": "constant", "weight_decay": 0.1, "seeds": [3],
                "precision": "64-true", "clip_value": 2}  # fmt: skip
    text = training_words.training_in_words(report_tables.analysis(training=training))
    for piece in ("decoupled weight decay (Loshchilov & Hutter 2019), weight decay 0.1",
                  "a constant learning rate of 0.001", "held within ± 2", "64-bit"):  # fmt: skip
        assert piece in text, piece
    plain = training_words.training_in_words(report_tables.analysis())
    assert "weight decay" not in plain and "Arithmetic" not in plain and "processes" not in plain


@pytest.mark.parametrize(
    ("devices", "nodes", "said"),
    [
        (2, 1, " Each batch was shared by 2 processes."),
        (2, 2, " Each batch was shared by 4 processes on 2 nodes."),
        (1, 2, " Each batch was shared by 2 processes on 2 nodes."),
    ],
)
def test_every_process_shares_a_batch(devices, nodes, said):
    analysis = report_tables.analysis(training={"devices": devices, "nodes": nodes})
    assert training_words.training_in_words(analysis).endswith(said)


def test_only_recurrent_matrices_begin_orthogonal():
    models = {"a": {"cell": "gru"}, "b": {"cell": "mingru"}, "c": {"cell": "rnn",
              "initialization": "uniform"}}  # fmt: skip
    text = training_words.training_in_words(report_tables.analysis(models=models))
    assert text.startswith("The recurrent matrices of `a` were orthogonal")
    text = training_words.training_in_words(report_tables.analysis(models={"b": models["b"]}))
    assert text.startswith("Unless said otherwise")


def test_versions_are_those_of_the_networks():
    networks = [
        {"biornn_version": "1", "versions": {"torch": "2.1", "numpy": "2"}},
        {"biornn_version": "1", "versions": {"torch": "2.2", "numpy": "2"}},
        {"biornn_version": "2"},
    ]
    assert training_words.versions_of(networks) == {
        "torch": ["2.1", "2.2"], "numpy": ["2"], "biornn": ["1", "2"],
    }  # fmt: skip
    assert training_words.versions_of([{"name": "old"}]) == {}
