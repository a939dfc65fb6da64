"""Networks: the readout reads the right end, padding and neighbours do not matter."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from biornn import models
from biornn.config_models import ModelConfig
from biornn.datasets import SequenceDataset
from biornn.files import InputError
from biornn.models import InputScheme
from biornn.targets import NEXT_VALUE, REGRESSION
from made_data import make_data, make_positions, make_ranks, make_series

LETTERS = InputScheme("rna")

CONFIGS = {
    f"{cell} {readout}{' peephole' if peephole else ''}": ModelConfig(
        cell=cell, readout=readout, peephole=peephole, hidden_size=5, layers=2, residual=True
    )
    for cell, peephole in [
        ("rnn", None), ("lstm", None), ("lstm", "diagonal"), ("gru", None), ("mingru", None),
        ("minlstm", None),
    ]
    for readout in ("last", "mean", "max", "mean_max", "attention")
} | {
    "embedding": ModelConfig(cell="gru", hidden_size=4, letters="embedding", embedding_size=3),
    "convolution": ModelConfig(
        cell="lstm", hidden_size=4, convolution={"filters": 6, "width": 3, "pool": 2}
    ),
    "attention on top": ModelConfig(cell="lstm", hidden_size=4, attention_heads=2, layers=2),
    "self-attention": ModelConfig(cell="self_attention", hidden_size=8, layers=2),
    "self-attention, attention": ModelConfig(
        cell="self_attention", hidden_size=8, attention_heads=2, readout="attention"
    ),
    "self-attention, max": ModelConfig(cell="self_attention", hidden_size=8, readout="mean_max"),
}  # fmt: skip
every_network = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def network(config, scheme=LETTERS, task=REGRESSION, n_beside=0):
    torch.manual_seed(0)
    return models.Network(config, scheme, task, n_beside).double().eval()


def together(net, data, batch_size=13):
    """Outputs of one replicate in padded batches of shuffled rows."""
    dataset = SequenceDataset([data], dtype=torch.float64)
    rows = torch.randperm(len(data.inputs), generator=torch.Generator().manual_seed(1))
    batches = (dataset.batch(group[None]) for group in rows.split(batch_size))
    return models.infer(net, batches, len(data.targets))[0]


def alone(net, data):
    """Each sequence by itself, without padding."""
    return together(net, data, 1)


@every_network
def test_padding_and_the_other_sequences_of_a_batch_do_not_matter(config):
    data, net = make_data(40), network(config)
    np.testing.assert_allclose(together(net, data), alone(net, data), atol=1e-12)


@every_network
def test_more_padding_changes_nothing(config):
    net = network(config)
    tokens, lengths = torch.tensor([[[0, 1, 2, 3], [3, 2, 15, 15]]]), torch.tensor([[4, 2]])
    wider = torch.cat([tokens, torch.full((1, 2, 3), 15)], dim=2)
    with torch.no_grad():
        torch.testing.assert_close(net(wider, lengths), net(tokens, lengths), atol=1e-12, rtol=0)


@every_network
def test_a_replicate_does_not_see_another(config):
    """Three networks in a stack give what each gives alone."""
    data = make_data(30)
    singles = []
    for seed in range(3):
        torch.manual_seed(seed)
        singles.append(models.Network(config, LETTERS).double())
    stacked = models.stack(singles, models.Network(config, [LETTERS] * 3).double())
    dataset = SequenceDataset([data] * 3, dtype=torch.float64)
    rows = torch.stack([torch.randperm(30)[:20] for _ in range(3)])
    found = models.infer(stacked, [dataset.batch(rows)], 30)
    for at, single in enumerate(singles):
        expected = models.infer(
            single, [SequenceDataset([data], dtype=torch.float64).batch(rows[at : at + 1])], 30
        )
        np.testing.assert_allclose(found[at], expected[0], atol=1e-12)


def test_the_backward_direction_is_read_at_the_first_letter():
    net = network(ModelConfig(cell="rnn", hidden_size=4, readout="last"))
    # only the backward direction reaches the output
    with torch.no_grad():
        net.output.weight[..., :4] = 0
        tokens, lengths = torch.tensor([[[0, 1, 2, 3, 15]]]), torch.tensor([[4]])
        same_but_the_first = torch.tensor([[[2, 1, 2, 3, 15]]])
        weights = {
            name.removesuffix("_l0_reverse"): value[0]
            for name, value in net.recurrent.named_parameters()
            if name.endswith("_reverse")
        }
        state = torch.zeros(1, 4, dtype=torch.float64)
        for letter in (3, 2, 1, 0):  # from the last letter to the first
            state = torch.tanh(
                net.one_hot[letter] @ weights["weight_ih"].T + weights["bias_ih"]
                + state @ weights["weight_hh"].T + weights["bias_hh"]
            )  # fmt: skip
        expected = state @ net.output.weight[0, :, 4:].T + net.output.bias[0]
        torch.testing.assert_close(net(tokens, lengths)[0], expected)
        assert not torch.allclose(net(same_but_the_first, lengths)[0], expected)


def test_the_initialization_is_the_one_that_was_asked_for():
    for scheme, orthogonal in (("orthogonal", True), ("uniform", False)):
        config = ModelConfig(cell="rnn", hidden_size=6, initialization=scheme)
        weight = models.Network(config, LETTERS).recurrent.weight_hh_l0.detach()[0]
        assert torch.allclose(weight @ weight.T, torch.eye(6), atol=1e-5) == orthogonal


def test_parameter_count_by_hand():
    # 4 gates of (4 inputs + 8 states + 2 biases) x 8 units, twice; 3 peepholes; 16 weights + bias
    config = ModelConfig(cell="lstm", peephole="diagonal", hidden_size=8)
    assert models.count_parameters(models.Network(config, LETTERS)) == 2 * (4 * 8 * 14 + 24) + 17


@every_network
def test_saved_networks_give_the_same_outputs(tmp_path, config):
    data = make_data(20)
    nets = {seed: models.Network(config, LETTERS) for seed in (1, 20)}
    description = models.describe(
        "x", config, LETTERS, REGRESSION, {"mean": 0, "sd": 1}, [{"seed": s} for s in nets]
    )
    states = {seed: of_one(net) for seed, net in nets.items()}
    models.save(tmp_path, {4: (description, states)})
    loaded_description, loaded = models.load(tmp_path)
    assert loaded_description == json.loads(json.dumps(description | {"fold": 4}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "weights.safetensors"]
    dataset = SequenceDataset([data])
    for seed, net in nets.items():
        for batch in dataset.by_length([torch.arange(20)], 8):
            assert torch.equal(
                net(batch.inputs, batch.lengths), loaded[seed](batch.inputs, batch.lengths)
            )


def of_one(net):
    """The weights of a network of one replicate, as they are saved."""
    return {name: value[0] for name, value in net.state_dict().items()}


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no trained network"):
        models.load(tmp_path)


@pytest.mark.parametrize("make", [make_positions, make_series])
@pytest.mark.parametrize(
    "config",
    [
        *(ModelConfig(cell=cell, hidden_size=5) for cell in ("rnn", "lstm", "gru", "minlstm")),
        ModelConfig(cell="gru", hidden_size=4, convolution={"filters": 4, "width": 5}),
        ModelConfig(cell="gru", hidden_size=4, attention_heads=4),
        ModelConfig(cell="self_attention", hidden_size=8),
    ],
    ids=lambda config: config.cell,
)
def test_a_position_does_not_see_padding_or_other_sequences(make, config):
    data = make(40)
    scheme = InputScheme.fit(data.inputs, data.subsets == "train")
    net = network(config, scheme, data.task)
    found = together(net, data)
    assert found.shape == (len(data.targets), data.task.n_values) and np.isfinite(found).all()
    np.testing.assert_allclose(found, alone(net, data), atol=1e-12)


def test_a_position_sees_both_sides_only_in_two_directions():
    for both in (False, True):
        config = ModelConfig(cell="rnn", hidden_size=4, bidirectional=both)
        net = network(config, task=make_positions(4).task)
        with torch.no_grad():
            one, other = net(torch.tensor([[[0, 1, 2, 3]]])), net(torch.tensor([[[0, 1, 2, 0]]]))
        assert torch.equal(one[0, 0, 1], other[0, 0, 1]) != both
        assert not torch.equal(one[0, 0, 3], other[0, 0, 3])


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(cell="lstm", hidden_size=4, bidirectional=False, attention_heads=2),
        ModelConfig(cell="self_attention", hidden_size=4, layers=2),
    ],
    ids=["on top", "encoder"],
)
def test_what_predicts_the_next_value_does_not_see_it(config):
    net = network(config, InputScheme(None, (0.0,), (1.0,)), NEXT_VALUE)
    one = torch.randn(1, 1, 6, 1, dtype=torch.float64)
    other = one.clone()
    other[0, 0, 4:] = 9
    with torch.no_grad():
        torch.testing.assert_close(net(one)[:, :, :4], net(other)[:, :, :4])
        assert not torch.allclose(net(one)[:, :, 4], net(other)[:, :, 4])


def test_pooled_positions_have_no_output_each():
    config = ModelConfig(cell="gru", convolution={"pool": 2})
    with pytest.raises(InputError, match="Set pool: 1"):
        network(config, task=make_positions(4).task)


def test_the_second_input_reaches_the_output_and_is_its_own():
    data = replace(make_data(20), beside=np.random.default_rng(0).normal(size=(20, 3)))
    net = network(ModelConfig(cell="gru", hidden_size=4, beside_size=5), n_beside=3)
    found = together(net, data)
    np.testing.assert_allclose(found, alone(net, data), atol=1e-12)
    other = replace(data, beside=data.beside.copy())
    other.beside[7] += 1
    changed = np.flatnonzero((together(net, other) != found).any(axis=1))
    assert changed.tolist() == [7]
    per_position = replace(make_positions(20), beside=data.beside)
    net = network(ModelConfig(cell="gru", hidden_size=4), task=per_position.task, n_beside=3)
    np.testing.assert_allclose(together(net, per_position), alone(net, per_position), atol=1e-12)


def test_weights_of_positions_are_those_that_the_readout_uses():
    net = network(ModelConfig(cell="gru", hidden_size=4, readout="attention"))
    tokens, lengths = torch.tensor([[[0, 1, 2, 3], [3, 2, 15, 15]]]), torch.tensor([[4, 2]])
    with torch.no_grad():
        weights = net.attended(tokens, lengths)
        hidden, _, _ = net.states(net.read(tokens), lengths)
        read = (weights[..., None] * hidden).sum(dim=2)
        torch.testing.assert_close(net.output(read), net(tokens, lengths))
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(1, 2, dtype=torch.float64))
    assert not weights[0, 1, 2:].any()


def test_numbers_are_standardised_by_the_training_rows_alone():
    data = make_series(50)
    train = data.subsets == "train"
    scheme = InputScheme.fit(data.inputs, train)
    steps = data.inputs.values[np.repeat(train, data.inputs.lengths), 0]
    assert scheme.mean == pytest.approx([steps.mean()]) and scheme.sd == pytest.approx(
        [steps.std()]
    )
    data.inputs.values[np.repeat(~train, data.inputs.lengths)] = 1e6
    assert InputScheme.fit(data.inputs, train) == scheme
    data.inputs.values[:] = 2
    assert InputScheme.fit(data.inputs, train) == InputScheme(None, (2.0,), (1.0,))


@pytest.mark.parametrize("readout", ["last", "mean", "max"])
def test_genes_by_rank_do_not_see_padding_and_are_saved(tmp_path, readout):
    data = make_ranks(40)
    scheme = InputScheme.fit(data.inputs, data.subsets == "train")
    config = ModelConfig(cell="gru", hidden_size=5, embedding_size=3, readout=readout)
    net = network(config, scheme, data.task)
    assert net.embedding.weight.shape == (1, 7, 3)
    assert len(set(data.inputs.lengths)) > 3
    found = together(net, data)
    np.testing.assert_allclose(found, alone(net, data), atol=1e-12)
    description = models.describe("x", config, scheme, data.task, {}, [{"seed": 1}])
    models.save(tmp_path, {0: (description, {1: of_one(net)})})
    np.testing.assert_array_equal(together(models.load(tmp_path)[1][1], data), found)
