"""Kernels equal the plain equations, forward and backward, and tell of their gradients truly."""

import plain_cells
import pytest
import torch
from biornn import kernels

CASES = {
    "rnn tanh": ("rnn", None, {"activation": "tanh"}),
    "rnn relu": ("rnn", None, {"activation": "relu"}),
    "rnn sigmoid": ("rnn", None, {"activation": "sigmoid"}),
    "lstm": ("lstm", None, {}),
    "lstm diagonal": ("lstm", "diagonal", {}),
    "lstm full": ("lstm", "full", {}),
    "gru": ("gru", None, {}),
    "scan": ("scan", None, {}),
}
every_kernel = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
#: replicates, batch, steps, inputs, size
SHAPES = [(1, 3, 5, 2, 4), (3, 2, 4, 3, 3), (2, 1, 1, 1, 1), (1, 1, 9, 4, 1), (4, 5, 17, 1, 2)]


def states_of(function, tensors, options, **more):
    found = function(*tensors, **options, **more)
    return found if isinstance(found, tuple) else (found,)


@every_kernel
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equal_to_the_plain_equations(case, shape):
    """States, gradients of all tensors, and the norms of the gradients of the states."""
    name, peephole, options = case
    tensors = plain_cells.random_inputs(name, *shape, peephole)
    record = []
    ours = states_of(getattr(kernels, name), tensors, options, record=record)
    plain = getattr(plain_cells, name)(*tensors, **options)
    weights = [torch.randn(*states.shape, dtype=torch.float64) for states in ours]
    for states, steps in zip(ours, plain, strict=True):
        torch.testing.assert_close(states, torch.stack(steps, dim=2))
    found = torch.autograd.grad(
        sum((states * weight).sum() for states, weight in zip(ours, weights, strict=True)), tensors
    )
    loss = sum((torch.stack(steps, 2) * weight).sum()
               for steps, weight in zip(plain, weights, strict=True))  # fmt: skip
    every = [state for steps in plain for state in steps]
    expected = torch.autograd.grad(loss, [*tensors, *every])
    for one, other in zip(found, expected[: len(tensors)], strict=True):
        torch.testing.assert_close(one, other)
    norms = torch.stack([g.norm(dim=-1) for g in expected[len(tensors) :]], dim=2)
    (flow,) = record
    torch.testing.assert_close(flow.h, norms[:, :, : shape[2]])
    if name == "lstm":
        torch.testing.assert_close(flow.c, norms[:, :, shape[2] :])
    else:
        assert flow.c is None


@every_kernel
@pytest.mark.parametrize("replicates", [1, 2])
def test_gradcheck(case, replicates):
    name, peephole, options = case
    tensors = plain_cells.random_inputs(name, replicates, 2, 3, 2, 2, peephole)

    def run(*given):
        return states_of(getattr(kernels, name), given, options)

    assert torch.autograd.gradcheck(run, tensors)


@every_kernel
def test_a_replicate_does_not_see_another(case):
    name, peephole, options = case
    tensors = plain_cells.random_inputs(name, 3, 4, 6, 3, 5, peephole)
    together = states_of(getattr(kernels, name), tensors, options)
    loss = sum(states.square().sum() for states in together)
    gradients = torch.autograd.grad(loss, tensors)
    for replicate in range(3):
        own = [t[replicate : replicate + 1].detach().requires_grad_() for t in tensors]
        alone = states_of(getattr(kernels, name), own, options)
        for one, other in zip(together, alone, strict=True):
            torch.testing.assert_close(one[replicate], other[0])
        found = torch.autograd.grad(sum(states.square().sum() for states in alone), own)
        for one, other in zip(gradients, found, strict=True):
            torch.testing.assert_close(one[replicate], other[0])


@every_kernel
def test_inputs_that_need_no_gradient_get_none(case):
    name, peephole, options = case
    first, *rest = plain_cells.random_inputs(name, 2, 3, 4, 2, 3, peephole)
    first = first.detach()
    states = states_of(getattr(kernels, name), (first, *rest), options)
    assert all(g is not None for g in torch.autograd.grad(states[0].sum(), rest))


@every_kernel
def test_two_forward_passes_before_a_backward(case):
    name, peephole, options = case
    one, other = (plain_cells.random_inputs(name, 1, 3, 4, 2, 3, peephole, seed=s) for s in (1, 2))
    weights, kernel = one[1:], getattr(kernels, name)
    apart = [
        torch.autograd.grad(states_of(kernel, (x, *weights), options)[0].square().sum(), weights)
        for x in (one[0], other[0])
    ]
    passes = [states_of(kernel, (x, *weights), options)[0].square() for x in (one[0], other[0])]
    together = torch.autograd.grad(sum(each.sum() for each in passes), weights)
    for found, *parts in zip(together, *apart, strict=True):
        torch.testing.assert_close(found, sum(parts))


@every_kernel
def test_under_autocast_the_state_keeps_its_precision(case):
    name, peephole, options = case
    tensors = plain_cells.random_inputs(name, 1, 3, 4, 2, 3, peephole, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = states_of(getattr(kernels, name), tensors, options)
    for one, other in zip(found, states_of(getattr(kernels, name), tensors, options), strict=True):
        torch.testing.assert_close(one, other)


def test_a_long_scan_neither_overflows_nor_forgets():
    steps = 5000
    a = torch.full((1, 1, steps, 1), 1.0)
    b = torch.zeros_like(a)
    b[:, :, 0] = 3
    hidden = kernels.scan(a, b, torch.zeros(1, 1, 1))
    assert hidden[0, 0, -1, 0] == 3
    assert kernels.scan(a / 2, b, torch.zeros(1, 1, 1))[0, 0, -1, 0] == 0


@pytest.mark.gpu
@every_kernel
def test_the_gpu_gives_what_the_cpu_gives(case):
    name, peephole, options = case
    tensors = plain_cells.random_inputs(name, 3, 4, 6, 3, 5, peephole)
    on_gpu = [tensor.detach().cuda().requires_grad_() for tensor in tensors]
    found = []
    for given in (tensors, on_gpu):
        states = states_of(getattr(kernels, name), given, options)
        gradients = torch.autograd.grad(sum(each.square().sum() for each in states), given)
        found.append([part.cpu() for part in (*states, *gradients)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
