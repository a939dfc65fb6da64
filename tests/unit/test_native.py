"""The code in C gives what the plain equations give, whoever else is in the batch."""

import logging

import plain_cells
import pytest
import torch
from biornn import kernels, native
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(
    not native.available(torch.zeros(1)), reason="no C compiler, or BIORNN_NATIVE is 0"
)
CASES = {
    "rnn tanh": ("rnn", None, {"activation": "tanh"}),
    "rnn relu": ("rnn", None, {"activation": "relu"}),
    "rnn sigmoid": ("rnn", None, {"activation": "sigmoid"}),
    "lstm": ("lstm", None, {}),
    "lstm diagonal": ("lstm", "diagonal", {}),
    "gru": ("gru", None, {}),
}
every_kernel = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def run(module, case, tensors, needs_x=True):
    """States, gradients of all tensors, and recorded norms; the loss weighs every state."""
    name, _, options = case
    record = []
    states = getattr(module, name)(*tensors, **options, record=record)
    states = states if isinstance(states, tuple) else (states,)
    generator = torch.Generator().manual_seed(7)
    loss = sum(
        (part * torch.randn(part.shape, generator=generator).to(part.dtype)).sum()
        for part in states
    )
    gradients = torch.autograd.grad(loss, tensors if needs_x else tensors[1:])
    flow = record[0]
    return [*states, *gradients, flow.h, *([] if flow.c is None else [flow.c])]


def small(tensors):
    """Weights that let no difference of rounding grow over time."""
    return [
        (t.detach() * (0.5 / t.shape[-1] ** 0.5 if t.dim() == 3 and t.shape[1] > 1 else 1))
        .requires_grad_()
        for t in tensors
    ]  # fmt: skip


@every_kernel
@settings(max_examples=25)
@given(data=st.data())
def test_equal_to_double_precision(case, data):
    sizes = {"replicates": 3, "batch": 70, "steps": 6, "inputs": 20, "size": 40}
    shape = [data.draw(st.integers(1, top), label=name) for name, top in sizes.items()]
    needs_x = data.draw(st.booleans())
    tensors = small(plain_cells.random_inputs(case[0], *shape, case[1], torch.float32))
    tensors[0].requires_grad_(needs_x)
    exact = [t.detach().double().requires_grad_() for t in tensors]
    for ours, plain in zip(
        run(native, case, tensors, needs_x), run(kernels, case, exact, needs_x), strict=True
    ):
        assert ours.shape == plain.shape and ours.dtype == torch.float32
        scale = float(plain.detach().abs().max()) + 1e-3
        assert float((ours.detach() - plain.detach()).abs().max()) < 2e-5 * scale


@every_kernel
def test_bitwise_the_same_for_any_number_of_threads_and_again(case):
    tensors = plain_cells.random_inputs(case[0], 2, 70, 9, 5, 33, case[1], torch.float32)
    first = run(native, case, tensors)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        for one, other in zip(first, run(native, case, tensors), strict=True):
            assert torch.equal(one, other)


@every_kernel
def test_a_row_does_not_see_the_rows_beside_it(case):
    """Not even in its last digit: wherever it stands, in whatever tile."""
    name, peephole, options = case
    tensors = plain_cells.random_inputs(name, 1, 40, 5, 4, 16, peephole, torch.float32)
    n_states = 3 if name == "lstm" else 2
    whole = getattr(native, name)(*tensors, **options)
    whole = whole if isinstance(whole, tuple) else (whole,)
    for rows in (slice(3, 4), slice(30, 36), slice(7, 40)):
        part = [t[:, rows] for t in tensors[:n_states]]
        found = getattr(native, name)(*part, *tensors[n_states:], **options)
        found = found if isinstance(found, tuple) else (found,)
        for one, other in zip(whole, found, strict=True):
            assert torch.equal(one[:, rows], other)


@every_kernel
def test_strides_and_expanded_gradients(case):
    name, peephole, options = case
    tensors = plain_cells.random_inputs(name, 2, 5, 4, 3, 8, peephole, torch.float32)
    turned = tensors[0].detach().transpose(1, 2).contiguous().transpose(1, 2)
    found = [getattr(native, name)(x, *tensors[1:], **options) for x in (tensors[0], turned)]
    found = [each[0] if isinstance(each, tuple) else each for each in found]
    assert torch.equal(*found)
    by_sum = torch.autograd.grad(found[0].sum(), tensors[1:], retain_graph=True)
    by_ones = torch.autograd.grad(found[0], tensors[1:], torch.ones_like(found[0]))
    for one, other in zip(by_sum, by_ones, strict=True):
        assert torch.equal(one, other)


def test_extreme_values_stay_finite_and_small_ones_exact():
    size = 8
    for scale in (1e-6, 1e-3, 1.0, 30.0, 1e4):
        x = torch.linspace(-scale, scale, 64).view(1, 64, 1, 1)
        eye = torch.ones(1, size, 1)
        zeros = torch.zeros(1, 64, size)
        for activation in ("tanh", "sigmoid"):
            found = native.rnn(
                x, zeros, eye, torch.zeros(1, size, size), torch.zeros(1, size), activation
            )
            expected = plain_cells.FUNCTIONS[activation](x.double()).expand_as(found)
            error = (found - expected).abs() / expected.abs().clamp(min=1e-10)
            assert float(error.max()) < 5e-7


def test_nothing_is_kept_without_gradients():
    tensors = plain_cells.random_inputs("lstm", 1, 3, 4, 2, 5, dtype=torch.float32)
    with torch.no_grad():
        without = native.lstm(*tensors)
    for one, other in zip(without, native.lstm(*tensors), strict=True):
        assert torch.equal(one, other)


def test_the_rule():
    single, double = torch.zeros(1), torch.zeros(1, dtype=torch.float64)
    assert kernels.implementation(single) == "native"
    assert kernels.implementation(double) == "torch"
    assert kernels.implementation(single, full_peepholes=True) == "torch"


def test_it_can_be_turned_off(monkeypatch, caplog):
    native._library.cache_clear()
    monkeypatch.setenv(native.SWITCH, "0")
    with caplog.at_level(logging.INFO):
        assert not native.available(torch.zeros(1)) and not native.available(torch.zeros(1))
    assert caplog.text.count("BIORNN_NATIVE is 0") == 1
    native._library.cache_clear()


def test_without_a_compiler_torch_does_it(monkeypatch, caplog, tmp_path):
    native._library.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with caplog.at_level(logging.INFO):
        tensors = plain_cells.random_inputs("gru", 1, 3, 4, 2, 5, dtype=torch.float32)
        found = kernels.gru(*tensors)
    assert "there is no C compiler" in caplog.text
    native._library.cache_clear()
    monkeypatch.undo()
    torch.testing.assert_close(found, kernels.gru(*tensors))
