"""Contributions add up, point at what a known function uses, and mutations do what they say."""

import numpy as np
import pandas as pd
import pytest
import torch
from biornn import attribution, models
from biornn.alphabets import DNA
from biornn.attribution import Explainer, Question
from biornn.config_models import ModelConfig
from biornn.encoding import encode
from biornn.folds import FoldData
from biornn.inputs import Series, rank_genes
from biornn.losses import TargetScaling
from biornn.targets import Task

SCALING = TargetScaling(1.0, 2.0)
MODELS = {
    "rnn, relu, max": {"cell": "rnn", "activation": "relu", "readout": "max"},
    "peepholes, attention": {"cell": "lstm", "peephole": "full", "readout": "attention"},
    "gru, embedding, filters": {
        "cell": "gru",
        "letters": "embedding",
        "convolution": {"filters": 8, "width": 5, "pool": 2},
    },
    "minlstm, two layers": {"cell": "minlstm", "layers": 2, "readout": "mean_max"},
    "self-attention": {"cell": "self_attention", "attention_heads": 2},
}


def sequences(n=40, seed=0, shortest=9, longest=24):
    random = np.random.default_rng(seed)
    lengths = random.integers(shortest, longest + 1, size=n)
    return pd.Series(["".join(random.choice(list("ACGT"), size=size)) for size in lengths])


def of_letters(texts, task=None, targets=None, beside=None):
    n = len(texts)
    targets = np.random.default_rng(1).normal(size=n) if targets is None else targets
    subsets = np.array(["train"] * (n - 15) + ["test"] * 15)
    data = FoldData(encode(texts, DNA), targets, subsets, beside=beside)
    return data if task is None else FoldData(data.inputs, targets, subsets, task, None, beside)


def network(data, seed=0, n_beside=0, **settings):
    config = ModelConfig.model_validate({"cell": "gru", "hidden_size": 8} | settings)
    torch.manual_seed(seed)
    scheme = models.InputScheme.fit(data.inputs, data.subsets == "train")
    return models.Network(config, scheme, data.task, n_beside)


def whole(data, classes=None):
    rows = data.rows("test")
    zeros = np.zeros(len(rows), dtype=np.int64)
    return Question(rows, zeros, zeros if classes is None else classes)


@pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS)
def test_contributions_add_up_to_the_change_of_the_output(settings):
    data = of_letters(sequences())
    explainer = Explainer(network(data, **settings), data, SCALING)
    question = whole(data)
    found, change, error = explainer.integrated_gradients(question)
    assert [len(each) for each in found] == list(data.inputs.lengths[question.rows])
    sums = np.array([each.sum() for each in found])
    assert sums - change == pytest.approx(error, abs=1e-5)
    assert np.abs(error).mean() <= attribution.TOLERANCE * np.abs(change).mean()
    assert np.abs(change).min() > 0


@pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS)
def test_neither_company_nor_padding_changes_an_explanation(settings):
    data = of_letters(sequences())
    explainer = Explainer(network(data, **settings), data, SCALING)
    question = whole(data)
    together = explainer.integrated_gradients(question, 64)[0]
    alone = Question(question.rows[3:4], question.positions[3:4], question.classes[3:4])
    (single,) = explainer.integrated_gradients(alone, 64)[0]
    assert single == pytest.approx(together[3], abs=2e-3)
    mutants = explainer.mutagenesis(question)[3]
    assert explainer.mutagenesis(alone)[0] == pytest.approx(mutants, abs=1e-5)


@pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS)
def test_a_mutant_is_what_the_mutated_sequence_would_be(settings, monkeypatch):
    monkeypatch.setattr(attribution, "MAX_STEPS", 200)  # many batches, of unequal sizes
    texts = sequences()
    texts.iloc[30] = "ACGNRTTACGATTT"
    data = of_letters(texts)
    net = network(data, **settings)
    explainer, question = Explainer(net, data, SCALING), whole(data)
    effects = explainer.mutagenesis(question)
    before = explainer.say(question)
    random = np.random.default_rng(3)
    for at in [int(np.flatnonzero(question.rows == 30)[0]), 0, 7]:
        row = question.rows[at]
        place, letter = int(random.integers(len(texts[row]))), int(random.integers(4))
        other = texts.copy()
        other.iloc[row] = texts[row][:place] + "ACGT"[letter] + texts[row][place + 1 :]
        after = Explainer(net, of_letters(other), SCALING).say(question)[at]
        assert effects[at][place, letter] == pytest.approx(after - before[at], abs=1e-5)
    # of a letter that stands for several, each is a change; the letter itself is none
    own = effects[int(np.flatnonzero(question.rows == 30)[0])]
    assert (own[3] != 0).all() and own[0, 0] == 0


def test_a_linear_function_is_explained_exactly():
    """Where the output is a weighted sum of letters the contributions are known."""
    data = of_letters(sequences(shortest=12, longest=12))
    net = network(data, cell="self_attention", attention_heads=2)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0])
    net.of_steps = lambda steps, *_: (steps @ weights).sum(2, keepdim=True)
    explainer, question = Explainer(net, data, SCALING), whole(data)
    found, _, _ = explainer.integrated_gradients(question)
    letters = data.inputs.tokens.reshape(-1, 12)
    shares = np.bincount(letters[data.subsets == "train"].ravel(), minlength=4) / (25 * 12)
    expected = 2.0 * (weights.numpy()[letters[question.rows]] - shares @ weights.numpy())
    assert np.stack(found)[:, :, 0] == pytest.approx(expected, abs=1e-4)
    effects = np.stack(explainer.mutagenesis(question))
    exchanged = weights.numpy()[None, None] - weights.numpy()[letters[question.rows]][:, :, None]
    assert effects == pytest.approx(2.0 * exchanged, abs=1e-4)


def test_classes_labels_orders_and_counts_each_have_a_number():
    texts = sequences()
    random = np.random.default_rng(5)
    kinds = {
        "two": (Task("classification", classes=("a", "b")), random.integers(0, 2, 40)),
        "three": (Task("classification", classes=tuple("abc")), random.integers(0, 3, 40)),
        "ordered": (
            Task("classification", classes=tuple("abc"), ordered=True), random.integers(0, 3, 40)
        ),
        "labels": (Task("multilabel", classes=("a", "b")), random.integers(0, 2, (40, 2)) * 1.0),
        "counts": (Task(counts=True), random.poisson(3, 40) * 1.0),
    }  # fmt: skip
    for name, (task, targets) in kinds.items():
        data = of_letters(texts, task, targets)
        net = network(data)
        codes = np.array([0, 1] * 8)[:15]
        if name in ("ordered", "counts"):
            codes = np.zeros(15, dtype=np.int64)
        question = whole(data, codes)
        explainer = Explainer(net, data, TargetScaling(0.0, 1.0))
        said = explainer.say(question)
        batch = explainer._dataset.batch(torch.from_numpy(question.rows)[None])
        with torch.no_grad():
            z = net(batch.inputs, batch.lengths)[0].numpy()
        if name == "two":
            expected = np.where(codes == 1, z[:, 1] - z[:, 0], z[:, 0] - z[:, 1])
        elif name == "three":
            own = z[np.arange(15), codes]
            expected = own - (z.sum(1) - own) / 2
        elif name == "ordered":
            expected = (z[:, 0] + z[:, 0] - np.log1p(np.exp(z[:, 1]))) / 2
        elif name == "labels":
            expected = z[np.arange(15), codes]
        else:
            expected = z[:, 0]
        assert said == pytest.approx(expected, abs=1e-5), name


def test_a_position_is_explained_by_what_it_can_see():
    """The next value depends on nothing that comes after it."""
    random = np.random.default_rng(2)
    lengths = random.integers(6, 15, size=30)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = random.normal(size=(offsets[-1], 1)).astype(np.float32)
    task = Task(per="position", next_value=True)
    subsets = np.array(["train"] * 20 + ["test"] * 10)
    data = FoldData(Series(values, offsets), values[:, 0].astype(float), subsets, task)
    net = network(data, cell="lstm", bidirectional=False)
    rows = data.rows("test")
    positions = (lengths[rows] // 2).astype(np.int64)
    question = Question(rows, positions, np.zeros(10, dtype=np.int64))
    found, change, error = Explainer(net, data, SCALING).integrated_gradients(question)
    for each, position in zip(found, positions, strict=True):
        assert (each[position + 1 :] == 0).all() and np.abs(each[: position + 1]).sum() > 0
    assert np.abs(error).mean() <= attribution.TOLERANCE * np.abs(change).mean()


def test_genes_by_rank_and_profiles_are_explained():
    random = np.random.default_rng(4)
    values = random.gamma(1.0, size=(30, 12))
    subsets = np.array(["train"] * 20 + ["test"] * 10)
    for inputs, channels in ((rank_genes(values, 8), 1), (
        Series(values.astype(np.float32).reshape(30 * 4, 3), np.arange(31) * 4, True), 3
    )):  # fmt: skip
        data = FoldData(inputs, random.normal(size=30), subsets)
        net = network(data, readout="mean")
        found, change, error = Explainer(net, data, SCALING).integrated_gradients(whole(data))
        assert found[0].shape == (inputs.lengths[20], channels)
        assert np.abs(error).mean() <= attribution.TOLERANCE * np.abs(change).mean()


def test_the_second_input_is_given_and_held():
    beside = np.random.default_rng(6).normal(size=(40, 2)) * 5 + 3
    data = of_letters(sequences(), beside=beside)
    net = network(data, n_beside=2)
    explainer, question = Explainer(net, data, SCALING), whole(data)
    _, change, error = explainer.integrated_gradients(question)
    assert np.abs(error).mean() <= attribution.TOLERANCE * np.abs(change).mean()
    other = Explainer(net, of_letters(sequences(), beside=-beside), SCALING)
    assert explainer.say(question) != pytest.approx(other.say(question), abs=1e-3)
    assert [len(each) for each in explainer.mutagenesis(question)] == list(
        data.inputs.lengths[question.rows]
    )


def test_fresh_weights_are_others_and_leave_the_generator_alone():
    data = of_letters(sequences())
    config = ModelConfig(cell="gru", hidden_size=8)
    scheme = models.InputScheme.fit(data.inputs, data.subsets == "train")
    torch.manual_seed(9)
    before = torch.random.get_rng_state()
    one, again, other = (
        attribution.randomized(config, scheme, data, 0, seed) for seed in (1, 1, 2)
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one.output.weight, again.output.weight)
    assert not torch.equal(one.output.weight, other.output.weight)
    torch.manual_seed(1)
    trained_from = models.Network(config, scheme, data.task)
    assert not torch.equal(one.output.weight, trained_from.output.weight)
