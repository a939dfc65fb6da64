"""Blocks equal torch's of one network, see only their own replicate, and no padding."""

import math

import numpy as np
import pytest
import torch
from biornn import blocks
from biornn.blocks import Noise
from torch import nn

X = torch.randn(2, 3, 7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
SIZES = [(6, 9), (4, 5), (6, 2)]
LENGTHS = torch.tensor([[7, 2, 5], [1, 7, 3]])


def make(kind, *sizes, **options):
    torch.manual_seed(0)
    return kind(*sizes, **options).double()


def test_linear():
    layer = make(blocks.Linear, 4, 5, 2)
    for replicate in range(2):
        expected = nn.functional.linear(
            X[replicate], layer.weight[replicate], layer.bias[replicate]
        )
        torch.testing.assert_close(layer(X)[replicate], expected)


def test_embedding_and_its_padding():
    layer = make(blocks.Embedding, 6, 3, 2)
    codes = torch.tensor([[[0, 5, 6]], [[1, 6, 6]]])
    found = layer(codes)
    assert torch.equal(found[0, 0, 1], layer.weight[0, 5])
    assert torch.equal(found[1, 0, 0], layer.weight[1, 1])
    assert not found[codes == 6].any()


def test_normalization():
    layer = make(blocks.Normalization, 4, 2)
    with torch.no_grad():
        layer.weight.normal_()
        layer.bias.normal_()
    for replicate in range(2):
        expected = nn.functional.layer_norm(
            X[replicate], (4,), layer.weight[replicate], layer.bias[replicate]
        )
        torch.testing.assert_close(layer(X)[replicate], expected)


@pytest.mark.parametrize(("width", "pool"), [(1, 1), (3, 1), (5, 2), (3, 4), (9, 10)])
def test_convolution(width, pool):
    """Each sequence by itself, without padding, through torch's convolution and pooling."""
    layer = make(blocks.Convolution, 4, 5, width, pool, 2)
    found, lengths = layer(X, LENGTHS)
    for replicate in range(2):
        for row, length in enumerate(LENGTHS[replicate].tolist()):
            scanned = nn.functional.conv1d(
                X[replicate, row, :length].T[None], layer.weight[replicate],
                layer.bias[replicate], padding=width // 2,
            ).relu()  # fmt: skip
            expected = nn.functional.max_pool1d(scanned, pool, ceil_mode=True)[0].T
            n = math.ceil(length / pool)
            assert lengths[replicate, row] == n == len(expected)
            torch.testing.assert_close(found[replicate, row, :n], expected)
    assert layer(X, None)[1] is None


def test_additive_attention():
    layer = make(blocks.AdditiveAttention, 4, 2)
    context, weights = layer(X, LENGTHS)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(2, 3, dtype=torch.float64))
    for replicate in range(2):
        for row, length in enumerate(LENGTHS[replicate].tolist()):
            states = X[replicate, row, :length]
            hidden = torch.tanh(
                states @ layer.hidden.weight[replicate].T + layer.hidden.bias[replicate]
            )
            own = (hidden @ layer.vector[replicate]).softmax(0)
            torch.testing.assert_close(weights[replicate, row, :length], own)
            torch.testing.assert_close(context[replicate, row], own @ states)
            assert not weights[replicate, row, length:].any()


def test_self_attention_equals_torchs():
    layer = make(blocks.SelfAttention, 4, 2, 2)
    for replicate in range(2):
        reference = nn.MultiheadAttention(4, 2, batch_first=True).double()
        parts = (layer.query, layer.key, layer.value)
        with torch.no_grad():
            reference.in_proj_weight.copy_(torch.cat([p.weight[replicate] for p in parts]))
            reference.in_proj_bias.copy_(torch.cat([p.bias[replicate] for p in parts]))
            reference.out_proj.weight.copy_(layer.output.weight[replicate])
            reference.out_proj.bias.copy_(layer.output.bias[replicate])
        normal = nn.functional.layer_norm(X[replicate], (4,))
        outside = torch.arange(7) >= LENGTHS[replicate][:, None]
        expected = X[replicate] + reference(normal, normal, normal, key_padding_mask=outside)[0]
        found = layer(X, LENGTHS)[replicate]
        torch.testing.assert_close(found[~outside], expected[~outside])


@pytest.mark.parametrize("kind", ["block", "encoder"])
def test_attention_that_does_not_look_ahead(kind):
    block = make(blocks.SelfAttention, 4, 2, 2)
    encoder = make(blocks.Encoder, 4, 8, 2, 2, 2)
    layer = block if kind == "block" else encoder
    other = X.clone()
    other[:, :, 4:, 0] += 5
    torch.testing.assert_close(
        layer(X, None, causal=True)[:, :, :4], layer(other, None, causal=True)[:, :, :4]
    )
    assert not torch.allclose(layer(X, None)[:, :, :4], layer(other, None)[:, :, :4])


def test_positions():
    table = blocks.positions(50, 6)
    assert table.shape == (50, 6)
    torch.testing.assert_close(table[:, 0], torch.sin(torch.arange(50.0)))
    torch.testing.assert_close(table[7, 3], torch.tensor(math.cos(7 / 10000 ** (2 / 6))))
    assert blocks.positions(5, 3).shape == (5, 3)


def test_noise_is_a_replicates_own():
    """What is drawn does not depend on the stack, its padding, or the part that is at hand."""
    x = torch.ones(3, 6, 9, 4)
    stacked = Noise(3)
    stacked.start([1, 2, 3], SIZES)
    masks = stacked.keep(x, 0.5)
    for at, (seed, (rows, steps)) in enumerate(zip((1, 2, 3), SIZES, strict=True)):
        alone = Noise(1)
        alone.start([seed], [(rows, steps)])
        assert torch.equal(masks[at, :rows, :steps], alone.keep(x[:1, :rows, :steps], 0.5)[0])
        alone.start([seed], [(rows, steps)], slice(1, None, 2))
        part = alone.keep(x[:1, 1:rows:2, :steps], 0.5)
        assert torch.equal(masks[at, 1:rows:2, :steps], part[0])


def test_noise_over_time_and_of_vectors():
    noise = Noise(1)
    noise.start([1], [(50, 9)])
    mask = noise.keep(torch.ones(1, 50, 9, 4), 0.25, over_time=True)
    assert mask.shape == (1, 50, 1, 4)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.75)}
    assert noise.keep(torch.ones(1, 50, 4), 0.25).shape == (1, 50, 4)


def test_noise_after_pooling():
    noise = Noise(1)
    noise.start([1], [(2, 9)])
    noise.pooled(4)
    assert noise.keep(torch.ones(1, 2, 3, 4), 0.5).shape == (1, 2, 3, 4)


def test_without_noise_nothing_is_dropped():
    assert blocks.drop(X, 0.5, None) is X and blocks.drop(X, 0.0, Noise(2)) is X
