"""Cells: gradients, equality with torch and with the plain equations, padding and direction."""

import plain_cells
import pytest
import torch
from biornn import cells
from biornn.blocks import Noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

TORCH = {
    "rnn tanh": (cells.RNN, {"activation": "tanh"}, nn.RNN, {"nonlinearity": "tanh"}),
    "rnn relu": (cells.RNN, {"activation": "relu"}, nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (cells.LSTM, {}, nn.LSTM, {}),
    "gru": (cells.GRU, {}, nn.GRU, {}),
}
CELLS = {name: entry[:2] for name, entry in TORCH.items()} | {
    "rnn sigmoid": (cells.RNN, {"activation": "sigmoid"}),
    "lstm diagonal": (cells.LSTM, {"peephole": "diagonal"}),
    "lstm full": (cells.LSTM, {"peephole": "full"}),
    "mingru": (cells.MinGRU, {}),
    "minlstm": (cells.MinLSTM, {}),
}
every_cell = pytest.mark.parametrize("name", CELLS)
LENGTHS = torch.tensor([[5, 2, 1, 4]])


def make(name, input_size=3, hidden_size=4, layers=1, **more):
    torch.manual_seed(1)
    kind, options = CELLS[name]
    return kind(input_size, hidden_size, layers, **options, **more).double()


def inputs(batch=4, steps=5, size=3, seed=0, replicates=1):
    generator = torch.Generator().manual_seed(seed)
    shape = (replicates, batch, steps, size)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def flat(result):
    output, state = result
    return (output, *state)


def close(one, other, tolerance=1e-12):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


@every_cell
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
@pytest.mark.parametrize("lengths", [None, torch.tensor([[3, 1, 2]])], ids=["full", "lengths"])
def test_gradcheck(name, layers, bidirectional, lengths):
    """Every parameter, the input and the initial states, through output and final states."""
    # small: the cost grows with every number
    cell = make(name, 2, 2, layers, bidirectional=bidirectional, residual=layers > 1)
    x = inputs(3, 3, 2).requires_grad_()
    shape = (layers * cell.directions, 1, 3, 2)
    start = [torch.randn(shape, dtype=torch.float64).requires_grad_() for _ in range(cell.states)]
    names = [key for key, _ in cell.named_parameters()]

    def run(x, *rest):
        states, weights = rest[: cell.states], rest[cell.states :]
        named = dict(zip(names, weights, strict=True))
        return flat(torch.func.functional_call(cell, named, (x, tuple(states), lengths)))

    # one layer entry by entry; two along random directions, as every entry would take a minute
    assert torch.autograd.gradcheck(run, (x, *start, *cell.parameters()), fast_mode=layers > 1)


@every_cell
def test_the_plain_equations(name):
    """Of a whole cell: the gates are those of its docstring."""
    cell, x = make(name, replicates=2), inputs(replicates=2)
    weights = {key.removesuffix("_l0"): value for key, value in cell.named_parameters()}
    start = torch.zeros(2, 4, 4, dtype=torch.float64)
    if name.startswith("min"):
        gates = torch.einsum("rbti,roi->rbto", x, weights["weight_ih"])
        gates = (gates + weights["bias_ih"][:, None, None]).split(4, dim=3)
        if name == "mingru":
            z = gates[0].sigmoid()
            kept, new = 1 - z, z * gates[1]
        else:
            f, i = gates[0].sigmoid(), gates[1].sigmoid()
            kept, new = f / (f + i), i / (f + i) * gates[2]
        expected = plain_cells.scan(kept, new, start)
    elif name == "gru":
        expected = plain_cells.gru(
            x, start, *(weights[key] for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        )
    else:
        given = (weights["weight_ih"], weights["weight_hh"],
                 weights["bias_ih"] + weights["bias_hh"])  # fmt: skip
        if name.startswith("lstm"):
            expected = plain_cells.lstm(x, start, start, *given, weights.get("weight_ch"))
        else:
            expected = plain_cells.rnn(x, start, *given, cell.activation)
    output, state = cell(x)
    close((output,), (torch.stack(expected[0], dim=2),))
    close(state, [steps[-1][None] for steps in expected])


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
def test_equal_to_torch_also_with_packed_sequences(name, layers, bidirectional):
    cell = make(name, layers=layers, bidirectional=bidirectional)
    reference = TORCH[name][2](
        3, 4, layers, batch_first=True, bidirectional=bidirectional, **TORCH[name][3]
    ).double()
    reference.load_state_dict({key: value[0] for key, value in cell.state_dict().items()})
    x = inputs().requires_grad_()

    def theirs(given):
        output, state = reference(given)
        if isinstance(output, nn.utils.rnn.PackedSequence):
            output, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        states = state if isinstance(state, tuple) else (state,)
        return [output[None], *(each[:, None] for each in states)]

    close(flat(cell(x)), theirs(x[0]))
    packed = nn.utils.rnn.pack_padded_sequence(
        x[0], LENGTHS[0], batch_first=True, enforce_sorted=False
    )
    ours, expected = flat(cell(x, lengths=LENGTHS)), theirs(packed)
    close(ours, expected)
    gradients = torch.autograd.grad(sum((p**3).sum() for p in ours), [x, *cell.parameters()])
    of_torch = torch.autograd.grad(
        sum((p**3).sum() for p in expected), [x, *reference.parameters()]
    )
    close([gradients[0], *(g[0] for g in gradients[1:])], of_torch)


@every_cell
@settings(max_examples=15)
@given(data=st.data())
def test_padding_neighbours_and_replicates_do_not_matter(name, data):
    """Whatever stands beyond the lengths, NaN included, and whoever else is in the stack."""
    shape = st.lists(st.integers(1, 6), min_size=3, max_size=3)
    lengths = torch.tensor(data.draw(st.lists(shape, min_size=2, max_size=2)))
    extra = data.draw(st.integers(0, 3))
    cell = make(name, layers=2, bidirectional=True, replicates=2, residual=True)
    x = inputs(3, int(lengths.max()) + extra, 3, replicates=2)
    for replicate in range(2):
        for row, length in enumerate(lengths[replicate]):
            x[replicate, row, length:] = torch.nan
    output, state = cell(x, lengths=lengths)
    for replicate in range(2):
        alone_cell = make(name, layers=2, bidirectional=True, residual=True)
        own = {key: value[replicate : replicate + 1] for key, value in cell.state_dict().items()}
        alone_cell.load_state_dict(own)
        for row, length in enumerate(lengths[replicate].tolist()):
            alone, state_alone = alone_cell(x[replicate, row, :length][None, None])
            close((output[replicate, row, :length],), (alone[0, 0],))
            assert (output[replicate, row, length:] == 0).all()
            close([s[:, replicate, row] for s in state], [s[:, 0, 0] for s in state_alone])
    sum(part.sum() for part in flat((output, state))).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in cell.parameters())


@every_cell
def test_the_backward_direction_is_the_forward_one_on_the_turned_sequence(name):
    cell = make(name, bidirectional=True)
    with torch.no_grad():
        for key, weight in cell.named_parameters():
            if key.endswith("_reverse"):
                weight.copy_(getattr(cell, key.removesuffix("_reverse")))
    x = inputs()
    output, state = cell(x)
    turned, turned_state = cell(x.flip(2))
    torch.testing.assert_close(output[..., 4:], turned.flip(2)[..., :4])
    torch.testing.assert_close(state[0][1], turned_state[0][0])
    torch.testing.assert_close(output[:, :, 0, 4:], state[0][1])  # it ends at the first letter
    torch.testing.assert_close(output[:, :, -1, :4], state[0][0])


@pytest.mark.parametrize("name", sorted(set(CELLS) - {"rnn relu", "mingru", "minlstm"}))
def test_extreme_inputs_stay_finite(name):
    """Those that are left out have no upper limit."""
    cell, x = make(name), (inputs() * 1e4).requires_grad_()
    result = flat(cell(x))
    sum(part.sum() for part in result).backward()
    assert all(torch.isfinite(part).all() for part in result) and torch.isfinite(x.grad).all()


def test_gates_of_a_minlstm_that_are_both_shut_are_no_division_by_zero():
    cell = make("minlstm").float()
    with torch.no_grad():
        cell.bias_ih_l0[:, :8] = -200
    assert torch.isfinite(cell(inputs().float())[0]).all()


@every_cell
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_recorded_norms_are_those_of_the_states(name, lengths):
    """Distance by distance, against gradients of the loss by each state that is an output."""
    cell = make(name, bidirectional=True)
    record = []
    output, _ = cell(inputs(), lengths=lengths, record=record)
    assert [(r.layer, r.direction) for r in record] == [(0, "forward"), (0, "backward")]
    output.square().sum().backward()
    ends = LENGTHS[0] if lengths is not None else torch.full((4,), 5)
    for recorded, part in zip(record, output.detach().split(4, dim=3), strict=True):
        (flow,) = recorded.flows
        assert flow.h.shape == (1, 4, 5) and (flow.h > 0).sum() == ends.sum()
        # the state that is reached last gets nothing from later steps: its gradient is 2 h
        last = part[0, torch.arange(4), ends - 1 if recorded.direction == "forward" else 0]
        torch.testing.assert_close(flow.h[0, torch.arange(4), ends - 1], 2 * last.norm(dim=-1))


def test_names_and_shapes_of_the_parameters():
    for peephole, shape in (("diagonal", (5, 3, 4)), ("full", (5, 12, 4))):
        cell = cells.LSTM(3, 4, 2, peephole=peephole, bidirectional=True, replicates=5)
        reference = nn.LSTM(3, 4, 2, bidirectional=True)
        shapes = {key: tuple(weight.shape) for key, weight in cell.named_parameters()}
        for key, weight in reference.named_parameters():
            assert shapes.pop(key) == (5, *weight.shape)
        suffixes = ("l0", "l0_reverse", "l1", "l1_reverse")
        assert shapes == {f"weight_ch_{suffix}": shape for suffix in suffixes}


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([[5, 0, 1, 1]]), "from 1 to 5, but are from 0 to 5"),
        (torch.tensor([[6, 1, 1, 1]]), "from 1 to 5, but are from 1 to 6"),
        (torch.tensor([[5, 5]]), r"lengths for \(1, 2\) sequences were given for \(1, 4\)"),
        (torch.tensor([5, 5, 5, 5]), "whole numbers"),
        (torch.tensor([[5.0, 1, 1, 1]]), "whole numbers"),
        (torch.ones(1, 4, dtype=torch.bool), "whole numbers"),
    ],
)
def test_lengths_that_do_not_fit(lengths, message):
    with pytest.raises(ValueError, match=message):
        make("gru")(inputs(), lengths=lengths)


@pytest.mark.parametrize("name", ["lstm diagonal", "rnn sigmoid", "lstm"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 4), (3, 1, 4, 4)], ids=["batch", "layers"])
def test_initial_states_that_do_not_fit(name, shape):
    cell = make(name)
    states = (torch.zeros(shape, dtype=torch.float64),) * cell.states
    with pytest.raises(ValueError, match=r"hx must have shape \(1, 1, 4, 4\)"):
        cell(inputs(), states, LENGTHS)
    with pytest.raises(ValueError, match="states, not 3"):
        cell(inputs(), (states[0],) * 3)


def test_inputs_of_another_number_of_replicates():
    with pytest.raises(ValueError, match=r"for 1 replicates, not \(2, 4, 5, 3\)"):
        make("gru")(inputs(replicates=2))
    with pytest.raises(ValueError, match=r"not \(4, 5, 3\)"):
        make("gru")(inputs()[0])


def test_unknown_options():
    with pytest.raises(ValueError, match="activation must be one of"):
        cells.RNN(1, 1, activation="gelu")
    with pytest.raises(ValueError, match="peephole must be one of"):
        cells.LSTM(1, 1, peephole="round")
    with pytest.raises(ValueError, match="kind must be one of"):
        cells.build_cell("transformer", 1, 1)


def test_build_cell():
    assert cells.build_cell("rnn", 1, 2, activation="relu").activation == "relu"
    assert cells.build_cell("lstm", 1, 2, peephole="full").weight_ch_l0.shape == (1, 6, 2)
    for kind, expected in cells.CELLS.items():
        assert type(cells.build_cell(kind, 1, 2, replicates=3)) is expected


@pytest.mark.parametrize("kind", cells.CELLS)
def test_initialization(kind):
    cell = cells.build_cell(kind, 3, 8, 2, bidirectional=True, replicates=2)
    cells.initialize(cell)
    for name, stacked in cell.named_parameters():
        assert not torch.equal(stacked[0], stacked[1]) or name.startswith("bias")
        for parameter in stacked:
            if name.startswith("weight_hh"):
                for gate in parameter.split(8):
                    torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)
            if name.startswith("bias_ih") and kind == "lstm":
                assert parameter.tolist() == [0] * 8 + [1] * 8 + [0] * 16
            elif name.startswith("bias"):
                assert not parameter.any()


@pytest.mark.parametrize("over_time", [False, True])
def test_dropout_is_between_layers_and_in_training_only(over_time):
    cell = make("lstm diagonal", layers=2, dropout=0.9, over_time=over_time)
    x, noise = inputs(), Noise(1)

    def run(seed):
        noise.start([seed], [(4, 5)])
        return cell(x, noise=noise)[0]

    assert not torch.equal(run(1), run(2)) and torch.equal(run(1), run(1))
    assert (run(1) != 0).all()  # not after the last layer
    assert torch.equal(cell(x)[0], cell(x)[0])


@pytest.mark.gpu
@every_cell
@pytest.mark.parametrize("replicates", [1, 3])
def test_the_gpu_gives_what_the_cpu_gives(name, replicates):
    cell = make(name, layers=2, bidirectional=True, replicates=replicates).float()
    x = inputs(replicates=replicates).float()
    lengths = LENGTHS.expand(replicates, -1)
    output, state = cell(x, lengths=lengths)
    expected = torch.autograd.grad(output.square().sum(), cell.parameters())
    cell.cuda()
    on_gpu, gpu_state = cell(x.cuda(), lengths=lengths.cuda(), whole_state=False)
    found = torch.autograd.grad(on_gpu.square().sum(), cell.parameters())
    torch.testing.assert_close(on_gpu.cpu(), output, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gpu_state[0].cpu(), state[0], rtol=1e-4, atol=1e-5)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-3, atol=1e-4)
