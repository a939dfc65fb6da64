"""A step: clipped for each replicate by itself, the same in parts as in one."""

import numpy as np
import pytest
import torch
from biornn import devices, models
from biornn.blocks import Noise
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.datasets import SequenceDataset
from biornn.learning import Learner
from biornn.losses import Loss
from biornn.models import InputScheme
from biornn.targets import REGRESSION
from made_data import make_data

MODEL = ModelConfig(cell="gru", hidden_size=5, dropout=0.3, layers=2)
SCHEME = InputScheme("rna")


def make(replicates=2, accumulate=1, **settings):
    config = TrainingConfig(device="cpu", precision="64-true", **settings)
    fabric, _ = devices.make_fabric(config)
    torch.manual_seed(0)
    network = models.Network(MODEL, [SCHEME] * replicates).double()
    return Learner(network, config, Loss.of(REGRESSION), fabric, accumulate)


def batch_of(n=16, replicates=2):
    data = make_data(60)
    dataset = SequenceDataset([data] * replicates, dtype=torch.float64)
    return dataset.batch(torch.randperm(60)[: n * replicates].view(replicates, n))


def gradients(learner):
    return [parameter.grad.clone() for parameter in learner.network.parameters()]


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_a_batch_in_parts_gives_the_same_gradients(parts):
    batch, whole, split = batch_of(), make(), make(accumulate=parts)
    one, other = (each.step(batch, 1e-3, [5, 6]) for each in (whole, split))
    for key in one:
        torch.testing.assert_close(one[key], other[key])
    for a, b in zip(gradients(whole), gradients(split), strict=True):
        torch.testing.assert_close(a, b)


def test_without_memory_the_batch_is_halved_until_it_fits(monkeypatch, caplog):
    batch, whole, short = batch_of(), make(), make()
    expected = whole.step(batch, 1e-3, [5, 6])
    forward = models.Network.forward

    def limited(self, inputs, *rest):
        if inputs.shape[1] > 4:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, inputs, *rest)

    monkeypatch.setattr(models.Network, "forward", limited)
    found = short.step(batch, 1e-3, [5, 6])
    assert short.accumulate == 4 and caplog.text.count("not enough memory") == 2
    for key in expected:
        torch.testing.assert_close(found[key], expected[key])
    for a, b in zip(short.network.parameters(), whole.network.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_single_example_that_does_not_fit_is_an_error(monkeypatch):
    def never(*_):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(models.Network, "forward", never)
    with pytest.raises(torch.OutOfMemoryError):
        make().step(batch_of(), 1e-3, [5, 6])


def test_each_replicate_is_clipped_by_its_own_norm():
    batch, free = batch_of(), make(clip_norm=1e9)
    norms = free.step(batch, 0.0, [5, 6])["norm"]
    plain = gradients(free)
    limit = float(norms.mean())
    assert norms.min() < limit < norms.max()
    held = make(clip_norm=limit)
    found = held.step(batch, 0.0, [5, 6])
    assert found["clipped"].tolist() == (norms > limit).double().tolist()
    clipped = gradients(held)
    for replicate in range(2):
        factor = min(1.0, limit / float(norms[replicate]))
        for a, b in zip(plain, clipped, strict=True):
            torch.testing.assert_close(b[replicate], a[replicate] * factor, rtol=1e-5, atol=0)


def test_clipping_by_value():
    batch, free = batch_of(), make(clip_norm=1e9)
    free.step(batch, 0.0, [5, 6])
    held = make(clip_norm=1e9, clip_value=1e-3)
    assert held.step(batch, 0.0, [5, 6])["clipped"].tolist() == [1, 1]
    for a, b in zip(gradients(free), gradients(held), strict=True):
        torch.testing.assert_close(b, a.clamp(-1e-3, 1e-3))


def test_a_batch_without_labels_changes_no_gradient():
    batch = batch_of()
    learner = make()
    nothing = torch.full_like(batch.targets, torch.nan)
    found = learner.step(batch._replace(targets=nothing), 1e-3, [5, 6])
    assert found["weight"].tolist() == [0, 0] and found["loss"].tolist() == [0, 0]
    assert all(not gradient.any() for gradient in gradients(learner))


def test_the_optimizer_that_was_asked_for():
    assert type(make(optimizer="adamw").optimizer) is torch.optim.AdamW
    assert type(make().optimizer) is torch.optim.Adam


def test_kept_states_are_those_of_the_replicates():
    batch, learner = batch_of(replicates=3), make(3)
    learner.step(batch, 1e-3, [5, 6, 7])
    smaller = make(2)
    kept = torch.tensor([0, 2])
    states = [learner.optimizer.state[p] for p in learner.network.parameters()]
    smaller.keep(states, kept)
    for parameter, state in zip(smaller.network.parameters(), states, strict=True):
        found = smaller.optimizer.state[parameter]
        assert torch.equal(found["exp_avg"], state["exp_avg"][kept])
        assert found["step"] == state["step"] == 1


def test_the_share_of_rows_that_noise_drops():
    noise = Noise(1)
    noise.start([3], [(400, 5)])
    kept = noise.keep(torch.ones(1, 400, 5, 10), 0.3)
    assert np.mean(kept.numpy() == 0) == pytest.approx(0.3, abs=0.02)
    assert float(kept.mean()) == pytest.approx(1, abs=0.03)
