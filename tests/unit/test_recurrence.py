"""Layers and directions: residuals, and what a GPU may leave out."""

import torch
from biornn import cells


def test_a_residual_adds_the_input_of_a_layer():
    torch.manual_seed(0)
    plain = cells.GRU(3, 4, 2)
    residual = cells.GRU(3, 4, 2, residual=True)
    residual.load_state_dict(plain.state_dict())
    first = cells.GRU(3, 4)
    first.load_state_dict({k: v for k, v in plain.state_dict().items() if "_l0" in k})
    x = torch.randn(1, 2, 5, 3)
    torch.testing.assert_close(residual(x)[0], plain(x)[0] + first(x)[0])


def test_layers_are_recorded_apart():
    record = []
    output, _ = cells.LSTM(3, 4, 2, bidirectional=True)(torch.randn(1, 2, 5, 3), record=record)
    output.sum().backward()
    assert [(r.layer, r.direction) for r in record] == [
        (0, "forward"), (0, "backward"), (1, "forward"), (1, "backward")
    ]  # fmt: skip
    assert all(r.flows[0].c is not None for r in record)


def test_no_sequences_at_all():
    output, (final,) = cells.GRU(3, 4)(torch.zeros(1, 0, 5, 3))
    assert output.shape == (1, 0, 5, 4) and final.shape == (1, 1, 0, 4)
