"""Networks: the readout reads the right end, padding and neighbours do not matter."""

import json

import numpy as np
import pytest
import torch
from biornn import models
from biornn.config_models import ModelConfig
from biornn.datasets import SequenceDataset
from biornn.files import InputError
from biornn.models import InputScheme
from biornn.targets import REGRESSION
from made_data import make_data, make_positions, make_ranks, make_series

LETTERS = InputScheme("rna")

CONFIGS = {
    f"{cell} {readout}{' peephole' if peephole else ''}": ModelConfig(
        cell=cell, readout=readout, peephole=peephole, hidden_size=5, layers=2
    )
    for cell, peephole in [("rnn", None), ("lstm", None), ("lstm", "diagonal"), ("gru", None)]
    for readout in ("last", "mean", "max")
}
every_network = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def network(config):
    torch.manual_seed(0)
    return models.Network(config, LETTERS).double().eval()


def outputs_alone(net, data):
    """Each sequence by itself, without padding."""
    dataset = SequenceDataset(data.inputs, data.targets)
    with torch.no_grad():
        return np.array(
            [net(dataset.batch(torch.tensor([i])).inputs).item() for i in range(len(data.targets))]
        )


@every_network
def test_padding_and_the_other_sequences_of_a_batch_do_not_matter(config):
    data, net = make_data(40), network(config)
    dataset = SequenceDataset(data.inputs, data.targets)
    rows = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    batches = [dataset.batch(group) for group in rows.split(13)]
    np.testing.assert_allclose(
        models.infer(net, batches, 40)[:, 0], outputs_alone(net, data), atol=1e-12
    )


@every_network
def test_more_padding_changes_nothing(config):
    net = network(config)
    tokens, lengths = torch.tensor([[0, 1, 2, 3], [3, 2, 15, 15]]), torch.tensor([4, 2])
    wider = torch.cat([tokens, torch.full((2, 3), 15)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(net(wider, lengths), net(tokens, lengths), atol=1e-12, rtol=0)


def test_the_backward_direction_is_read_at_the_first_letter():
    net = network(ModelConfig(cell="rnn", hidden_size=4, readout="last"))
    # only the backward direction reaches the output
    with torch.no_grad():
        net.output.weight[:, :4] = 0
        tokens, lengths = torch.tensor([[0, 1, 2, 3, 15]]), torch.tensor([4])
        same_but_the_first = torch.tensor([[2, 1, 2, 3, 15]])
        cell = net.recurrent
        state = torch.zeros(1, 4, dtype=torch.float64)
        for letter in (3, 2, 1, 0):  # from the last letter to the first
            state = torch.tanh(
                net.one_hot[letter] @ cell.weight_ih_l0_reverse.T + cell.bias_ih_l0_reverse
                + state @ cell.weight_hh_l0_reverse.T + cell.bias_hh_l0_reverse
            )  # fmt: skip
        expected = state @ net.output.weight[:, 4:].T + net.output.bias
        torch.testing.assert_close(net(tokens, lengths), expected)
        assert not torch.allclose(net(same_but_the_first, lengths), expected)


def test_the_initialization_is_the_one_that_was_asked_for():
    for scheme, orthogonal in (("orthogonal", True), ("uniform", False)):
        config = ModelConfig(cell="rnn", hidden_size=6, initialization=scheme)
        weight = models.Network(config, LETTERS).recurrent.weight_hh_l0.detach()
        assert torch.allclose(weight @ weight.T, torch.eye(6), atol=1e-5) == orthogonal


def test_parameter_count_by_hand():
    # 4 gates of (4 inputs + 8 states + 2 biases) x 8 units, twice; 3 peepholes; 16 weights + bias
    config = ModelConfig(cell="lstm", peephole="diagonal", hidden_size=8)
    assert models.count_parameters(models.Network(config, LETTERS)) == 2 * (4 * 8 * 14 + 24) + 17


@every_network
def test_saved_networks_give_the_same_outputs(tmp_path, config):
    data = make_data(20)
    nets = {seed: models.Network(config, LETTERS).eval() for seed in (1, 20)}
    description = models.describe(
        "x", config, LETTERS, REGRESSION, {"mean": 0, "sd": 1}, [{"seed": s} for s in nets]
    )
    states = {seed: net.state_dict() for seed, net in nets.items()}
    models.save(tmp_path, {4: (description, states)})
    loaded_description, loaded = models.load(tmp_path)
    assert loaded_description == json.loads(json.dumps(description | {"fold": 4}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "weights.safetensors"]
    dataset = SequenceDataset(data.inputs, data.targets)
    for seed, net in nets.items():
        for batch in dataset.by_length(torch.arange(20), 8):
            assert torch.equal(
                net(batch.inputs, batch.lengths), loaded[seed](batch.inputs, batch.lengths)
            )


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no trained network"):
        models.load(tmp_path)


@pytest.mark.parametrize("make", [make_positions, make_series])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_position_does_not_see_padding_or_other_sequences(make, cell):
    data = make(40)
    scheme = InputScheme.fit(data.inputs, data.subsets == "train")
    torch.manual_seed(0)
    net = models.Network(ModelConfig(cell=cell, hidden_size=5), scheme, data.task).double().eval()
    dataset = SequenceDataset(data.inputs, data.targets, dtype=torch.float64, per_position=True)
    n = len(data.targets)
    together = models.infer(net, dataset.by_length(torch.randperm(40), 13), n)
    alone = models.infer(net, (dataset.batch(torch.tensor([i])) for i in range(40)), n)
    assert together.shape == (n, data.task.n_values) and np.isfinite(together).all()
    np.testing.assert_allclose(together, alone, atol=1e-12)


def test_a_position_sees_both_sides_only_in_two_directions():
    for both, sees in ((False, False), (True, True)):
        config = ModelConfig(cell="rnn", hidden_size=4, bidirectional=both)
        torch.manual_seed(0)
        net = models.Network(config, LETTERS, make_positions(4).task).double().eval()
        with torch.no_grad():
            one, other = net(torch.tensor([[0, 1, 2, 3]])), net(torch.tensor([[0, 1, 2, 0]]))
        assert torch.equal(one[0, 1], other[0, 1]) != sees
        assert not torch.equal(one[0, 3], other[0, 3])


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
    torch.manual_seed(0)
    net = models.Network(config, scheme, data.task).double().eval()
    assert net.embedding.weight.shape == (8, 3)
    dataset = SequenceDataset(data.inputs, data.targets, dtype=torch.float64)
    assert len(set(data.inputs.lengths)) > 3
    together = models.infer(net, dataset.by_length(torch.randperm(40), 13), 40)
    alone = models.infer(net, (dataset.batch(torch.tensor([i])) for i in range(40)), 40)
    np.testing.assert_allclose(together, alone, atol=1e-12)
    description = models.describe("x", config, scheme, data.task, {}, [{"seed": 1}])
    models.save(tmp_path, {0: (description, {1: net.state_dict()})})
    loaded = models.load(tmp_path)[1][1]
    np.testing.assert_array_equal(
        models.infer(loaded, dataset.by_length(torch.arange(40), 40), 40),
        models.infer(net, dataset.by_length(torch.arange(40), 40), 40),
    )
