"""What is asked, and the tables of what trained networks answer."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from biornn import devices, explanations, models, training
from biornn.alphabets import DNA
from biornn.config_explain import ExplainConfig
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.encoding import EncodedSequences
from biornn.folds import FoldData
from biornn.inputs import profile_series, rank_genes
from biornn.losses import TargetScaling
from biornn.runs import Replicate
from biornn.targets import Task
from hypothesis import given, settings
from hypothesis import strategies as st
from made_data import make_classes, make_data, make_labels, make_positions, make_series

CONFIG = ExplainConfig(examples=30, mutagenesis=5, window=4)


def trained(folder, data, epochs=8, seeds=(1, 2), **settings):
    """A trained model's folder."""
    model = ModelConfig.model_validate({"cell": "gru", "hidden_size": 12} | settings)
    config = TrainingConfig(seeds=list(seeds), epochs=epochs, learning_rate=0.02, device="cpu")
    fabric, _ = devices.make_fabric(config)
    runs = training.train(model, config, [Replicate(data, s) for s in seeds], fabric=fabric)
    scheme = models.InputScheme.fit(data.inputs, data.subsets == "train")
    scaling = vars(TargetScaling.of(data))
    summaries = [run.summary() for run in runs]
    described = models.describe("gru", model, scheme, data.task, scaling, summaries)
    models.save(folder, {0: (described, {run.seed: run.state for run in runs})})
    return folder


def untrained(folder, data, seeds=(1, 2), **settings):
    """The same without any training."""
    model = ModelConfig.model_validate({"cell": "gru", "hidden_size": 12} | settings)
    scheme = models.InputScheme.fit(data.inputs, data.subsets == "train")
    states = {}
    for seed in seeds:
        torch.manual_seed(seed)
        network = models.Network(model, scheme, data.task)
        states[seed] = {name: value[0] for name, value in network.state_dict().items()}
    runs = [{"seed": seed} for seed in seeds]
    scaling = vars(TargetScaling.of(data))
    described = models.describe("gru", model, scheme, data.task, scaling, runs)
    models.save(folder, {0: (described, states)})
    return folder


def ids_of(data):
    return pd.Series([f"e{at}" for at in range(len(data.inputs))])


@settings(max_examples=30, deadline=None)
@given(
    make=st.sampled_from([make_data, make_classes, make_positions, make_series, make_labels]),
    n=st.integers(2, 60),
    seed=st.integers(0, 50),
)
def test_what_is_asked_has_an_answer(make, n, seed):
    data = make(150)
    question = explanations.ask(data, n, seed)
    assert len(question.rows) == min(n, 30) and len(set(question.rows)) == len(question.rows)
    assert (data.subsets[question.rows] == "test").all()
    if data.per_position:
        places = data.inputs.offsets[question.rows] + question.positions
        assert data.labelled[places].all()
        if data.task.classes:
            assert (data.targets[places] == question.classes).all()
    elif data.task.kind == "classification":
        assert (data.targets[question.rows] == question.classes).all()
        test = data.targets[data.subsets == "test"]
        counts, there = np.bincount(question.classes, minlength=3), np.bincount(test, minlength=3)
        # as many of each, as far as there are
        assert all(counts[a] >= min(there[a], counts.max() - 1) for a in range(3) if there[a])


def test_positions_that_never_vary_are_named():
    data = make_data(40)
    tokens = np.random.default_rng(0).integers(0, 4, size=(40, 12)).astype(np.uint8)
    tokens[:, 3], tokens[:, 10] = 2, 1
    tokens[np.flatnonzero(data.subsets == "train")[0], 10] = 0
    tokens[data.subsets == "test", 3] = 3  # what is not trained on does not count
    same = EncodedSequences(tokens.ravel(), np.arange(41) * 12, DNA)
    assert explanations._constant(replace(data, inputs=same)) == [4]
    assert explanations._constant(data) == []  # the lengths differ


def test_contributions_that_do_not_add_up_fail(tmp_path, counted, monkeypatch):
    data, found = counted
    folder = trained(tmp_path, data, epochs=15)
    monkeypatch.setattr(explanations, "INCOMPLETE", found.checks["missed_share"] / 2)
    again = explanations.explain(folder, 0, ids_of(data), data, CONFIG)
    assert again.checks["missed_share"] == found.checks["missed_share"]
    assert again.checks["verdict"] == "failed"


def test_few_test_examples_are_joined_by_others():
    data = make_data(60)
    question = explanations.ask(data, 40, 0)
    assert len(question.rows) == 40
    assert {"test", "validation", "train"} == set(data.subsets[question.rows])
    assert (data.subsets[question.rows] == "test").sum() == 12


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Explanations of a network that has learned to count G and to look at the last letter."""
    data = make_data(600)
    folder = trained(tmp_path_factory.mktemp("model"), data, epochs=15)
    return data, explanations.explain(folder, 0, ids_of(data), data, CONFIG)


def test_contributions_say_what_the_target_is_made_of(counted):
    data, found = counted
    table = found.contributions
    assert list(table.columns) == explanations.CONTRIBUTION_COLUMNS
    means = table.groupby("step")["contribution"].mean()
    assert means["G"] > means["A"] + 0.4 and means["G"] > means["C"] + 0.4
    sequences = dict(zip(ids_of(data), data.inputs.decode(), strict=True))
    for name, part in table.groupby("id"):
        assert "".join(part.sort_values("position")["step"]) == sequences[name]
    assert found.checks["missed_share"] <= 0.01 and found.checks["verdict"] == "passed"
    assert (found.checks["examples"], found.checks["seeds"]) == (30, 2)


def test_mutations_say_what_a_letter_is_worth(counted):
    _, found = counted
    table = found.mutations
    assert list(table.columns) == explanations.MUTATION_COLUMNS
    assert table["id"].nunique() == 5 and (table["letter"] != table["mutant"]).all()
    inside = table[(table["letter"].isin(["A", "C"])) & (table["mutant"] == "G")]
    assert inside["effect"].mean() == pytest.approx(1.0, abs=0.4)


def test_profiles_are_means_over_the_examples(counted):
    _, found = counted
    profile = found.profile
    assert set(profile["anchor"]) == {"start", "end"}  # the lengths differ
    first = found.contributions[found.contributions["position"] == 1]
    mine = profile[(profile["anchor"] == "start") & (profile["position"] == 1)].set_index("step")
    for letter, part in first.groupby("step"):
        assert mine.loc[letter, "n"] == len(part)
        assert mine.loc[letter, "contribution"] == pytest.approx(part["contribution"].sum() / 30)
    last = profile[(profile["anchor"] == "end") & (profile["position"] == -1)].set_index("step")
    each = 30 * last["contribution"] / last["n"]  # of those that end so
    assert each["U"] > each["A"] + 0.5 and each["U"] > each["C"] + 0.5


def test_a_network_that_has_learned_nothing_fails_the_check(tmp_path):
    data = make_data(200, shortest=12, longest=20)
    for settings_of in ({}, {"readout": "mean"}, {"cell": "lstm", "readout": "max"}):
        folder = untrained(tmp_path, data, seeds=(1, 2, 3), **settings_of)
        found = explanations.explain(folder, 0, ids_of(data), data, CONFIG)
        assert found.checks["verdict"] == "failed", (settings_of, found.checks)


@pytest.mark.parametrize("make", [make_classes, make_positions, make_series, make_labels])
def test_every_task_is_explained(tmp_path, make):
    data = make(150)
    folder = trained(tmp_path, data, epochs=1, seeds=(1,))
    found = explanations.explain(folder, 0, ids_of(data), data, CONFIG)
    assert found.checks["verdict"] == "unknown" and found.contributions["sd"].isna().all()
    assert len(found.profile) and np.isfinite(found.contributions["contribution"]).all()
    labels = set(found.contributions["label"])
    assert labels <= set(data.task.classes or ("",)) and labels
    assert (set(found.profile["anchor"]) == {"position"}) == data.per_position
    assert len(found.mutations) == 0 if make is make_series else len(found.mutations) > 0


def test_genes_are_named_and_turned_by_their_side(tmp_path):
    random = np.random.default_rng(0)
    values = random.normal(size=(150, 7)).astype(np.float32)
    targets = (values[:, 2] - values[:, 4] > 0).astype(int)
    subsets = np.array(["train", "train", "train", "validation", "test"])[np.arange(150) % 5]
    task = Task("classification", classes=("low", "high"))
    names = [f"G{at}" for at in range(7)]
    series = FoldData(profile_series(values, 3), targets, subsets, task)
    folder = trained(tmp_path, series, epochs=20, readout="mean")
    found = explanations.explain(folder, 0, ids_of(series), series, CONFIG, names)
    assert set(found.contributions["step"]) == set(names)  # and not what fills the last step up
    genes = found.genes.set_index(["label", "gene"])["presence"]
    assert genes["high"].idxmax() == "G2" and genes["high"].idxmin() == "G4"
    assert genes["low"].idxmax() == "G4" and genes["low"].idxmin() == "G2"
    ranked = FoldData(rank_genes(np.abs(values), 4), targets, subsets, task)
    folder = trained(tmp_path, ranked, epochs=1, readout="mean")
    found = explanations.explain(folder, 0, ids_of(ranked), ranked, CONFIG, names)
    assert found.profile.empty and set(found.genes["gene"]) <= set(names)
    assert found.genes["presence"].equals(found.genes["contribution"])


def test_attention_is_kept_and_gives_motifs_too(tmp_path):
    data = make_data(150)
    folder = trained(tmp_path, data, epochs=1, readout="attention")
    names = ids_of(data)[data.subsets == "test"]
    lengths = dict(zip(ids_of(data), data.inputs.lengths, strict=True))
    attention = pd.DataFrame(
        [(name, 0, seed, position, seed / position) for name in names for seed in (1, 2)
         for position in range(1, lengths[name] + 1, 2)],
        columns=["id", "fold", "seed", "position", "weight"],
    )  # fmt: skip
    found = explanations.explain(folder, 0, ids_of(data), data, CONFIG, (), attention)
    table = found.contributions
    # pairs of positions were pooled, and have one weight
    expected = 1.5 / (table["position"] - (table["position"] - 1) % 2)
    assert table["attention"].to_numpy() == pytest.approx(expected.to_numpy())
    first = found.profile.query("anchor == 'start' and position == 1")
    assert (first["attention"] == 1.5).all()
    shared = explanations.shared_motifs(found, "rna", CONFIG)
    assert set(shared) == {("", "contribution"), ("", "attention")}
    plain = explanations.explain(folder, 0, ids_of(data), data, CONFIG)
    assert plain.contributions["attention"].isna().all()
    assert set(explanations.shared_motifs(plain, "rna", CONFIG)) == {("", "contribution")}
