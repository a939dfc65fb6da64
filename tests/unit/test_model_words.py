"""Models in words; whole texts are tested with the methods."""

import pytest
from biornn import model_words, references
from biornn.config import section
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.targets import NEXT_VALUE, Task

CLASSES = Task("classification", classes=("a", "b"))


def test_a_network_says_what_is_its_own():
    model = ModelConfig(cell="lstm", peephole="full", bidirectional=False, loss="huber", epochs=3)
    text = model_words.network_in_words("net", model, Task(), 1.5)
    assert text.startswith("`net`: LSTM with full peepholes")
    assert "at every step" in model_words.network_in_words("net", model, NEXT_VALUE, 1.5)
    assert "δ = 1.5" in text and "at most 3 epochs" in text and "bidirectional" not in text


def test_balanced_classes():
    training = TrainingConfig(class_weights="balanced")
    text = model_words.loss_in_words(Task("classification"), training)
    assert text == (
        "Loss: cross entropy. Classes were weighted (inversely to how often each is among the "
        "training targets)."
    )


def test_the_weights_of_labels_are_those_of_who_has_them():
    training = TrainingConfig(class_weights={"a": 3})
    text = model_words.loss_in_words(Task("multilabel", classes=("a", "b")), training)
    assert text.endswith("for itself. Examples with a label were weighted (a 3).")


def test_numbers_are_no_letters():
    linear = section("baselines", {"b": {"kind": "linear"}})["b"]
    text = model_words.baseline_in_words("b", linear, Task(), "numbers")
    assert text.startswith("`b`: ridge regression on the values,")


@pytest.mark.parametrize(
    ("baseline", "task", "said"),
    [
        ({"kind": "persistence"}, NEXT_VALUE, "`b`: the present value"),
        ({"kind": "mean"}, Task(), "`b`: mean of the targets in training"),
        (
            {"kind": "mean"},
            CLASSES,
            "`b`: shares of the classes",
        ),
        (
            {"kind": "linear"},
            NEXT_VALUE,
            "`b`: ridge regression on one-hot letters of the pos",
        ),
    ],
)
def test_baselines(baseline, task, said):
    config = section("baselines", {"b": baseline})["b"]
    assert model_words.baseline_in_words("b", config, task).startswith(said)


def test_spreads_are_scored_where_there_are_any():
    models = {"a": ModelConfig(cell="gru"), "b": ModelConfig(cell="gru", loss="gaussian")}
    assert "coverage" in model_words.spread_in_words(models)
    assert model_words.spread_in_words({"a": models["a"]}) == ""
    assert model_words.own_losses_in_words(models, 1).startswith(" Of b: negative log likelihood")


def test_an_estimator_that_may_not_have_been_used_is_named_and_not_cited():
    said = model_words.metrics_in_words(Task())
    assert "of measurements that mostly repeat, as whole numbers do, that of Ross, PLoS" in said
    assert [work.split(" ")[0] for work in references.cited(said)] == ["Kraskov", "Lin"]
