"""Cells: gradients, equality with torch and with the plain equations, padding and direction."""

import pytest
import torch
from biornn import cells
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

PLAIN = {
    "rnn tanh": (cells.RNN, {"activation": "tanh"}, nn.RNN, {"nonlinearity": "tanh"}),
    "rnn relu": (cells.RNN, {"activation": "relu"}, nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (cells.LSTM, {}, nn.LSTM, {}),
    "gru": (cells.GRU, {}, nn.GRU, {}),
}
CELLS = {name: entry[:2] for name, entry in PLAIN.items()} | {
    "rnn sigmoid": (cells.RNN, {"activation": "sigmoid"}),
    "lstm diagonal": (cells.LSTM, {"peephole": "diagonal"}),
    "lstm full": (cells.LSTM, {"peephole": "full"}),
}
every_cell = pytest.mark.parametrize("name", CELLS)
LENGTHS = torch.tensor([5, 2, 1, 4])


def make(name, input_size=3, hidden_size=4, layers=1, bidirectional=False):
    torch.manual_seed(1)
    kind, options = CELLS[name]
    cell = kind(input_size, hidden_size, layers, bidirectional=bidirectional, **options)
    return cell.double()


def inputs(batch=4, steps=5, size=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, steps, size, generator=generator, dtype=torch.float64)


def flat(result):
    output, state = result
    return (output, *state) if isinstance(state, tuple) else (output, state)


def close(one, other, tolerance=1e-12):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


@every_cell
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
@pytest.mark.parametrize("lengths", [None, torch.tensor([3, 1, 2])], ids=["full", "lengths"])
def test_gradcheck(name, layers, bidirectional, lengths):
    """Every parameter, the input and the initial states, through output and final states."""
    cell = make(name, 2, 2, layers, bidirectional)  # small: the cost grows with every number
    x = inputs(3, 3, 2).requires_grad_()
    n_states = 2 if isinstance(cell, cells.LSTM) else 1
    directions = 2 if bidirectional else 1
    start = [
        inputs(layers * directions, 3, 2, seed=seed + 7).requires_grad_()
        for seed in range(n_states)
    ]
    names = [key for key, _ in cell.named_parameters()]

    def run(x, *rest):
        states, weights = rest[:n_states], rest[n_states:]
        hx = tuple(states) if n_states == 2 else states[0]
        arguments = (x, hx, lengths)
        return flat(
            torch.func.functional_call(cell, dict(zip(names, weights, strict=True)), arguments)
        )

    # one layer entry by entry; two along random directions, as every entry would take a minute
    fast = layers > 1
    assert torch.autograd.gradcheck(run, (x, *start, *cell.parameters()), fast_mode=fast)


def plain_lstm(cell, x, peephole, h, c):
    """The equations of the docstring, one step and one gate at a time, by autograd."""
    size = cell.hidden_size
    w_x, w_h = cell.weight_ih_l0.split(size), cell.weight_hh_l0.split(size)
    bias = (cell.bias_ih_l0 + cell.bias_hh_l0).split(size)
    if peephole == "full":
        see = [lambda c, w=w: c @ w.T for w in cell.weight_ch_l0.split(size)]
    else:
        see = [lambda c, w=w: c * w for w in cell.weight_ch_l0]
    outputs = []
    for step in range(x.shape[1]):
        a = [x[:, step] @ w_x[k].T + h @ w_h[k].T + bias[k] for k in range(4)]
        i, f = torch.sigmoid(a[0] + see[0](c)), torch.sigmoid(a[1] + see[1](c))
        c = f * c + i * torch.tanh(a[2])
        o = torch.sigmoid(a[3] + see[2](c))
        h = o * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs, dim=1), h, c


@pytest.mark.parametrize("peephole", ["diagonal", "full"])
@pytest.mark.parametrize("lengths", [torch.full((4,), 5), LENGTHS], ids=["full", "lengths"])
def test_peephole_lstm_equals_the_plain_equations_and_their_autograd(peephole, lengths):
    cell, x = make(f"lstm {peephole}"), inputs().requires_grad_()
    h0, c0 = (inputs(1, 4, 4, seed=seed).requires_grad_() for seed in (3, 4))
    ours = flat(cell(x, (h0, c0), lengths))
    rows = [
        plain_lstm(cell, x[k : k + 1, :n], peephole, h0[:, k], c0[:, k])
        for k, n in enumerate(lengths.tolist())
    ]
    outputs, *states = zip(*rows, strict=True)
    padded = [nn.functional.pad(each, (0, 0, 0, 5 - each.shape[1])) for each in outputs]
    plain = (torch.cat(padded), *(torch.cat(each)[None] for each in states))
    close(ours, plain)
    weights = [x, h0, c0, *cell.parameters()]
    for mine, theirs in zip(ours, plain, strict=True):  # through output, h_n and c_n, each alone
        close(
            torch.autograd.grad(
                (mine**3).sum(), weights, retain_graph=True, materialize_grads=True
            ),
            torch.autograd.grad(
                (theirs**3).sum(), weights, retain_graph=True, materialize_grads=True
            ),
        )


def test_sigmoid_rnn_equals_the_plain_equation():
    cell, x = make("rnn sigmoid"), inputs()
    h = torch.zeros(4, 4, dtype=torch.float64)
    for step in range(5):
        h = torch.sigmoid(
            x[:, step] @ cell.weight_ih_l0.T + cell.bias_ih_l0
            + h @ cell.weight_hh_l0.T + cell.bias_hh_l0
        )  # fmt: skip
    close((cell(x)[1][0],), (h,))


def test_one_step_by_hand_shows_the_order_and_that_o_sees_the_new_cell():
    cell = cells.LSTM(1, 1, peephole="diagonal").double()
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        cell.weight_ch_l0.copy_(torch.tensor([[0.5], [-1.0], [2.0]]))  # i, f, o
        cell.bias_ih_l0[2] = 0.3
    h0, c0 = torch.zeros(1, 1, 1, dtype=torch.float64), torch.full((1, 1, 1), 0.8).double()
    _, (h, c) = cell(torch.zeros(1, 1, 1, dtype=torch.float64), (h0, c0))
    i, f = torch.sigmoid(torch.tensor(0.4)), torch.sigmoid(torch.tensor(-0.8))
    new = f * 0.8 + i * torch.tanh(torch.tensor(0.3))
    assert c.item() == pytest.approx(new.item(), abs=1e-6)
    expected = torch.sigmoid(2.0 * new) * torch.tanh(new)
    assert h.item() == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("peephole", ["diagonal", "full"])
def test_zero_peepholes_are_the_plain_lstm(peephole):
    cell = make(f"lstm {peephole}", layers=2, bidirectional=True)
    reference = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True).double()
    for key, weight in cell.named_parameters():
        if key.startswith("weight_ch"):
            nn.init.zeros_(weight)
    reference.load_state_dict({k: v for k, v in cell.state_dict().items() if "_ch_" not in k})
    x = inputs().requires_grad_()
    shared = [weight for key, weight in cell.named_parameters() if "_ch_" not in key]
    ours, theirs = flat(cell(x)), flat(reference(x))
    close(ours, theirs)
    close(
        torch.autograd.grad(sum((p**3).sum() for p in ours), [x, *shared]),
        torch.autograd.grad(sum((p**3).sum() for p in theirs), [x, *reference.parameters()]),
    )


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_plain_cells_equal_torch_s_also_on_packed_sequences(name, bidirectional):
    _, _, reference_kind, options = PLAIN[name]
    cell = make(name, layers=2, bidirectional=bidirectional)
    reference = reference_kind(
        3, 4, 2, batch_first=True, bidirectional=bidirectional, **options
    ).double()
    reference.load_state_dict(cell.state_dict())
    x = inputs().requires_grad_()
    close(flat(cell(x)), flat(reference(x)))
    packed = nn.utils.rnn.pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    output, state = reference(packed)
    output, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
    ours, theirs = flat(cell(x, lengths=LENGTHS)), flat((output, state))
    close(ours, theirs)
    close(
        torch.autograd.grad(sum((p**3).sum() for p in ours), [x, *cell.parameters()]),
        torch.autograd.grad(sum((p**3).sum() for p in theirs), [x, *reference.parameters()]),
    )


@every_cell
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_padding_and_neighbours_do_not_matter(name, data):
    """Whatever stands beyond the lengths, NaN included, and whoever else is in the batch."""
    lengths = torch.tensor(data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    extra = data.draw(st.integers(0, 3))
    cell = make(name, layers=2, bidirectional=True)
    x = inputs(len(lengths), int(lengths.max()) + extra, 3)
    for row, length in enumerate(lengths):
        x[row, length:] = torch.nan
    output, state = cell(x, lengths=lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, state_alone = cell(x[row : row + 1, :length])
        close((output[row : row + 1, :length],), (alone,))
        assert (output[row, length:] == 0).all()
        close([s[:, row : row + 1] for s in flat((output, state))[1:]],
              flat((alone, state_alone))[1:])  # fmt: skip
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
    turned, turned_state = cell(x.flip(1))
    torch.testing.assert_close(output[:, :, 4:], turned.flip(1)[:, :, :4])
    final, turned_final = flat((output, state))[1], flat((turned, turned_state))[1]
    torch.testing.assert_close(final[1], turned_final[0])
    torch.testing.assert_close(output[:, 0, 4:], final[1])  # it ends at the first letter
    torch.testing.assert_close(output[:, -1, :4], final[0])


@every_cell
def test_unbatched_inputs(name):
    cell, x = make(name, layers=2, bidirectional=True), inputs(1)
    close(flat(cell(x[0])), [part[:, 0] if k else part[0] for k, part in enumerate(flat(cell(x)))])


@pytest.mark.parametrize("name", sorted(set(CELLS) - {"rnn relu"}))  # a ReLU has no upper limit
def test_extreme_inputs_stay_finite(name):
    cell, x = make(name), (inputs() * 1e4).requires_grad_()
    result = flat(cell(x))
    sum(part.sum() for part in result).backward()
    assert all(torch.isfinite(part).all() for part in result) and torch.isfinite(x.grad).all()


@pytest.mark.parametrize("name", ["lstm diagonal", "lstm full", "rnn sigmoid"])
def test_two_forward_passes_before_a_backward(name):
    cell, one, two = make(name), inputs(seed=1), inputs(seed=2)
    parameters = list(cell.parameters())
    apart = [torch.autograd.grad(cell(x)[0].sum(), parameters) for x in (one, two)]
    together = torch.autograd.grad(cell(one)[0].sum() + cell(two)[0].sum(), parameters)
    close(together, [a + b for a, b in zip(*apart, strict=True)])


@pytest.mark.parametrize("name", ["lstm diagonal", "rnn sigmoid"])
def test_under_autocast_the_state_keeps_its_precision(name):
    cell, x = make(name).float(), inputs().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = cell(x)
    torch.testing.assert_close(output, cell(x)[0])


def test_names_and_shapes_of_the_parameters():
    for peephole, shape in (("diagonal", (3, 4)), ("full", (12, 4))):
        cell = cells.LSTM(3, 4, 2, peephole=peephole, bidirectional=True)
        reference = nn.LSTM(3, 4, 2, bidirectional=True)
        shapes = {key: tuple(weight.shape) for key, weight in cell.named_parameters()}
        for key, weight in reference.named_parameters():
            assert shapes.pop(key) == tuple(weight.shape)
        suffixes = ("l0", "l0_reverse", "l1", "l1_reverse")
        assert shapes == {f"weight_ch_{suffix}": shape for suffix in suffixes}


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([5, 0, 1, 1]), "from 1 to 5, but are from 0 to 5"),
        (torch.tensor([6, 1, 1, 1]), "from 1 to 5, but are from 1 to 6"),
        (torch.tensor([5, 5]), "2 lengths were given for a batch of 4"),
        (torch.tensor([5.0, 1, 1, 1]), "whole numbers"),
        (torch.ones(4, dtype=torch.bool), "whole numbers"),
    ],
)
def test_lengths_that_do_not_fit(lengths, message):
    with pytest.raises(ValueError, match=message):
        make("gru")(inputs(), lengths=lengths)


@pytest.mark.parametrize("name", ["lstm diagonal", "rnn sigmoid", "lstm"])
@pytest.mark.parametrize("shape", [(1, 1, 4), (3, 4, 4)], ids=["batch", "layers"])
def test_initial_states_that_do_not_fit(name, shape):
    state = torch.zeros(shape, dtype=torch.float64)
    cell = make(name)
    with pytest.raises(ValueError, match=r"hx must have shape \(1, 4, 4\)"):
        cell(inputs(), (state, state) if isinstance(cell, cells.LSTM) else state, LENGTHS)


def test_unknown_options():
    with pytest.raises(ValueError, match="activation must be one of"):
        cells.RNN(1, 1, activation="gelu")
    with pytest.raises(ValueError, match="peephole must be one of"):
        cells.LSTM(1, 1, peephole="round")
    with pytest.raises(ValueError, match="kind must be one of"):
        cells.build_cell("transformer", 1, 1)


def test_build_cell():
    assert isinstance(cells.build_cell("rnn", 1, 2, activation="relu"), cells.RNN)
    assert isinstance(cells.build_cell("gru", 1, 2), cells.GRU)
    assert cells.build_cell("lstm", 1, 2, peephole="full").weight_ch_l0.shape == (6, 2)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_initialization(kind):
    cell = cells.build_cell(kind, 3, 8, 2, bidirectional=True)
    cells.initialize(cell)
    for name, parameter in cell.named_parameters():
        if name.startswith("weight_hh"):
            for gate in parameter.split(8):
                torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)
        if name.startswith("bias_ih") and kind == "lstm":
            assert parameter.tolist() == [0] * 8 + [1] * 8 + [0] * 16
        elif name.startswith("bias"):
            assert not parameter.any()


def test_dropout_is_between_layers_and_in_training_only():
    torch.manual_seed(0)
    cell = cells.LSTM(3, 8, 2, peephole="diagonal", dropout=0.9)
    x = inputs().float()
    assert not torch.equal(cell(x)[0], cell(x)[0])
    assert (cell(x)[0] != 0).all()  # not after the last layer
    cell.eval()
    assert torch.equal(cell(x)[0], cell(x)[0])
