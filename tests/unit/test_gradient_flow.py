"""Gradient flow: norms by distance are those of the states, example by example."""

import numpy as np
import pandas as pd
import pytest
import torch
from biornn import gradient_flow, models
from biornn.config_models import ModelConfig
from biornn.datasets import SequenceDataset
from biornn.losses import Loss
from biornn.models import InputScheme
from made_data import make_classes, make_data, make_positions


def measured(config, data, replicates=1, rows=12):
    torch.manual_seed(0)
    scheme = InputScheme.fit(data.inputs, data.subsets == "train")
    network = models.Network(config, [scheme] * replicates, data.task).double()
    dataset = SequenceDataset([data] * replicates, dtype=torch.float64)
    chosen = [torch.arange(rows) + at for at in range(replicates)]
    return network, gradient_flow.measure(network, dataset, chosen, Loss.of(data.task))


@pytest.mark.parametrize("make", [make_data, make_classes])
def test_norms_by_hand(make):
    """One direction, one example at a time, by autograd through the equation of the RNN."""
    data = make(30)
    config = ModelConfig(cell="rnn", hidden_size=4, bidirectional=False)
    network, (table,) = measured(config, data)
    found = pd.DataFrame(table)
    weights = {name: value[0] for name, value in network.recurrent.named_parameters()}
    rows: dict[int, list[float]] = {}
    loss = Loss.of(data.task)
    for row in range(12):
        length = data.inputs.lengths[row]
        tokens = data.inputs.tokens[data.inputs.offsets[row] :][:length]
        h, states = torch.zeros(1, 4, dtype=torch.float64), []
        for token in tokens.astype(int):
            h = torch.tanh(
                network.one_hot[token] @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
                + h @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]
            )  # fmt: skip
            states.append(h)
        output = network.output(h[None])
        target = torch.from_numpy(data.targets[row : row + 1])[None]
        for at, gradient in enumerate(torch.autograd.grad(loss(output, target)[0].sum(), states)):
            rows.setdefault(length - 1 - at, []).append(gradient.norm().item())
    assert found["distance"].tolist() == sorted(rows)
    np.testing.assert_allclose(found["norm"], [np.mean(rows[k]) for k in sorted(rows)])
    assert set(found["state"]) == {"h"} and set(found["direction"]) == {"forward"}


def test_of_positions_the_last_label_alone_is_looked_at():
    """In one direction nothing reaches a state but through time."""
    data = make_positions(30)
    config = ModelConfig(cell="lstm", hidden_size=4, bidirectional=False)
    _, (table,) = measured(config, data)
    found = pd.DataFrame(table).set_index(["state", "distance"])["norm"]
    assert found["h"][0] > 0 and (found["c"] > 0).all()
    targets = torch.tensor([[[1, -1, 0, -1], [-1, -1, -1, -1]]])
    assert gradient_flow._last_only(targets).tolist() == [[[-1, -1, 0, -1], [-1] * 4]]


def test_every_layer_direction_and_state_has_its_rows():
    config = ModelConfig(
        cell="lstm", hidden_size=4, layers=2, convolution={"filters": 3, "width": 3, "pool": 2}
    )
    network, tables = measured(config, make_data(30), replicates=2)
    assert all(parameter.grad is None for parameter in network.parameters())
    for table in tables:
        found = pd.DataFrame(table)
        groups = found.groupby(["layer", "direction", "state"]).size()
        assert len(groups) == 2 * 2 * 2 and set(groups) == {5}  # nine letters, two a step
    assert tables[0] != tables[1]


def test_without_recurrence_there_is_nothing_to_measure():
    config = ModelConfig(cell="self_attention", hidden_size=4)
    assert measured(config, make_data(30))[1] == [[]]


def test_probes_and_distances_are_spread_out():
    assert gradient_flow.probes(torch.arange(5)).tolist() == [0, 1, 2, 3, 4]
    many = gradient_flow.probes(torch.arange(10_000))
    assert len(many) == gradient_flow.PROBES and many[0] == 0 and many[-1] == 9999
    kept = gradient_flow._kept(5000)
    assert kept[0] == 0 and kept[-1] == 4999 and len(kept) <= gradient_flow.MOST_DISTANCES
    assert gradient_flow._kept(3).tolist() == [0, 1, 2]
