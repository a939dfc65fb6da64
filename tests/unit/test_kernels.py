"""The kernels' own contract: shapes, dtypes, and what is not asked for is not computed."""

import pytest
import torch
from biornn import kernels


@pytest.mark.parametrize("w_ch_rows", [None, 3, 12])
def test_lstm_states_have_a_value_for_every_step(w_ch_rows):
    x = torch.randn(6, 2, 3)
    w_ch = None if w_ch_rows is None else torch.randn(w_ch_rows, 4)
    zeros = torch.zeros(2, 4)
    h, c = kernels.LSTMFunction.apply(
        x, zeros, zeros, torch.randn(16, 3), torch.randn(16, 4), torch.randn(16), w_ch
    )
    assert h.shape == c.shape == (6, 2, 4) and (h.abs() < 1).all()


def test_run_takes_batch_first_and_returns_it_in_the_dtype_of_the_weights():
    x = torch.randn(2, 6, 3).bfloat16()
    (h,) = kernels.run(
        kernels.SigmoidFunction, x, (torch.zeros(2, 4),), torch.randn(4, 3), torch.randn(4, 4),
        torch.randn(4),
    )  # fmt: skip
    assert h.shape == (2, 6, 4) and h.dtype == torch.float32


def test_inputs_without_gradient_get_none():
    weights = [torch.randn(4, 3), torch.randn(4, 4), torch.randn(4)]
    for weight in weights:
        weight.requires_grad_()
    x = torch.randn(5, 2, 3)
    kernels.SigmoidFunction.apply(x, torch.zeros(2, 4), *weights).sum().backward()
    assert x.grad is None and all(weight.grad is not None for weight in weights)
