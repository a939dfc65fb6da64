"""Recurrent cells as ONNX operators: RNN, LSTM and GRU as such, the others as loops (`Scan`).

Everything is time first here, [time, batch, channel], as these operators want it. Outputs beyond a
sequence's length are zero, and its final state is that at its own last step, as in `recurrence`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .cells import GRU, LSTM, RNN, MinGRU, MinLSTM
from .onnx_graph import Graph
from .recurrence import Cell


class Sequences(NamedTuple):
    """What all layers must know of a batch.

    Attributes
    ----------
    lengths : str
        int64 [batch].
    inside : str
        Boolean [batch, time]: False beyond a length.
    """

    lengths: str
    inside: str


def sequences(graph: Graph, lengths: str, like: str) -> Sequences:
    """Which steps of `like` [batch, time, ...] are within int64 lengths [batch]."""
    inside = graph.add("Less", steps_of(graph, like), graph.add("Unsqueeze", lengths, [1]))
    return Sequences(lengths, inside)


def steps_of(graph: Graph, like: str) -> str:
    """int64 [time]: 0, 1, 2 … for each step of `like` [batch, time, ...]."""
    n = graph.add("Squeeze", graph.add("Shape", like, start=1, end=2))
    return graph.add("Range", np.array(0), n, np.array(1))


def recurrence(graph: Graph, cell: Cell, x: str, batch: Sequences) -> tuple[str, str]:
    """All layers and directions of one replicate.

    Parameters
    ----------
    graph : Graph
    cell : Cell
        Of one replicate.
    x : str
        [batch, time, input]; what is beyond a length is read by nothing.
    batch : Sequences

    Returns
    -------
    hidden, last : str
        [batch, time, directions x hidden], zero beyond each length, and [batch, directions x
        hidden], the last state of each direction of the last layer.
    """
    inside = graph.add("Unsqueeze", graph.add("Transpose", batch.inside, perm=[1, 0]), [2])
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    x = graph.add("Where", inside, x, 0.0)
    as_operator = not isinstance(cell, MinGRU) and not _full_peepholes(cell)
    for layer in range(cell.num_layers):
        run = _operator if as_operator else _loops
        output, last = run(graph, cell, layer, x, batch.lengths, inside)
        x = graph.add("Add", output, x) if cell.residual and layer else output
    return graph.add("Transpose", x, perm=[1, 0, 2]), last


def _full_peepholes(cell: Cell) -> bool:
    return isinstance(cell, LSTM) and cell.peephole == "full"


def _weights(cell: Cell, layer: int, direction: int) -> dict[str, np.ndarray]:
    """float32 weights of a direction of a layer, without replicate."""
    suffix = f"_l{layer}{'_reverse' if direction else ''}"
    return {
        name.removesuffix(suffix): value.detach()[0].float().cpu().numpy()
        for name, value in cell.named_parameters()
        if name.endswith(suffix)
    }


def _in_order(weight: np.ndarray, size: int, order: tuple[int, ...]) -> np.ndarray:
    """Blocks of `size` rows in another order."""
    return np.concatenate([weight[at * size : (at + 1) * size] for at in order])


def _operator(
    graph: Graph, cell: Cell, layer: int, x: str, lengths: str, inside: str
) -> tuple[str, str]:
    """A layer by ONNX's own RNN, LSTM or GRU; output and final states."""
    size, directions = cell.hidden_size, cell.directions
    # the gates in ONNX's order: an LSTM's i, o, f, c (ours: i, f, g, o), a GRU's z, r, h (r, z, n)
    name, order, options = {
        RNN: ("RNN", (0,), {}),
        LSTM: ("LSTM", (0, 3, 1, 2), {}),
        GRU: ("GRU", (1, 0, 2), {"linear_before_reset": 1}),
    }[type(cell)]
    if isinstance(cell, RNN):
        options = {"activations": [cell.activation.capitalize()] * directions}
    own = [_weights(cell, layer, direction) for direction in range(directions)]

    def stacked(*names: str) -> np.ndarray:
        return np.stack(
            [np.concatenate([_in_order(each[name], size, order) for name in names]) for each in own]
        )

    operands = [
        x, stacked("weight_ih"), stacked("weight_hh"), stacked("bias_ih", "bias_hh"),
        graph.add("Cast", lengths, to=6),  # int32, as these operators want it
    ]  # fmt: skip
    if isinstance(cell, LSTM) and cell.peephole:
        # i, o, f (ours: i, f, o)
        peepholes = [each["weight_ch"][[0, 2, 1]].reshape(-1) for each in own]
        operands += ["", "", np.stack(peepholes)]
    output, last = graph.several(
        name, 2, *operands, hidden_size=size,
        direction="bidirectional" if directions == 2 else "forward", **options,
    )  # fmt: skip
    # [time, direction, batch, hidden] and [direction, batch, hidden]
    output = graph.add("Reshape", graph.add("Transpose", output, perm=[0, 2, 1, 3]), [0, 0, -1])
    last = graph.add("Reshape", graph.add("Transpose", last, perm=[1, 0, 2]), [0, -1])
    # a runtime may leave what is beyond a length as it likes
    return graph.add("Where", inside, output, 0.0), last


def _loops(
    graph: Graph, cell: Cell, layer: int, x: str, lengths: str, inside: str
) -> tuple[str, str]:
    """A layer by a loop for each direction; beyond a length states stay as they are."""
    n_rows = graph.add("Shape", x, start=1, end=2)
    start = graph.add(
        "Expand", np.zeros((1, cell.hidden_size), np.float32),
        graph.add("Concat", n_rows, [cell.hidden_size], axis=0),
    )  # fmt: skip
    outputs, finals = [], []
    for direction in range(cell.directions):
        weights = _weights(cell, layer, direction)
        if isinstance(cell, MinGRU):
            output, final = _gated_sum(graph, cell, weights, x, inside, start, bool(direction))
        else:
            output, final = _peephole_lstm(graph, cell, weights, x, inside, start, bool(direction))
        outputs.append(graph.add("Where", inside, output, 0.0))
        finals.append(final)
    return graph.add("Concat", *outputs, axis=2), graph.add("Concat", *finals, axis=1)


def _gated_sum(
    graph: Graph,
    cell: Cell,
    weights: dict[str, np.ndarray],
    x: str,
    inside: str,
    start: str,
    backward: bool,
) -> tuple[str, str]:
    """minGRU and minLSTM: h_t = a_t ⊙ h_{t-1} + b_t."""
    projected = graph.linear(x, weights["weight_ih"], weights["bias_ih"])
    gates = graph.parts(projected, cell.gates, cell.hidden_size)
    if isinstance(cell, MinLSTM):
        forget, accept = graph.log_sigmoid(gates[0]), graph.log_sigmoid(gates[1])
        kept = graph.add("Sigmoid", graph.add("Sub", forget, accept))
        taken = graph.add("Sub", 1.0, kept)
    else:
        taken = graph.add("Sigmoid", gates[0])
        kept = graph.add("Sub", 1.0, taken)
    a = graph.add("Where", inside, kept, 1.0)
    b = graph.add("Where", inside, graph.add("Mul", taken, gates[-1]), 0.0)
    body = Graph(graph)
    before, a_t, b_t = body.input("h"), body.input("a"), body.input("b")
    after = body.add("Add", body.add("Mul", a_t, before), b_t)
    final, output = graph.scan(
        body, [(start, before, after)], [(a, a_t), (b, b_t)], body.add("Identity", after),
        backward=backward,
    )  # fmt: skip
    return output, final


def _peephole_lstm(
    graph: Graph,
    cell: Cell,
    weights: dict[str, np.ndarray],
    x: str,
    inside: str,
    start: str,
    backward: bool,
) -> tuple[str, str]:
    """An LSTM whose peepholes are full matrices."""
    size = cell.hidden_size
    projected = graph.linear(x, weights["weight_ih"], weights["bias_ih"] + weights["bias_hh"])
    body = Graph(graph)
    h, c, x_t, there = (body.input(name) for name in ("h", "c", "x", "inside"))
    gates = body.add("Add", x_t, body.linear(h, weights["weight_hh"]))
    i, f, g, o = body.parts(gates, 4, size)
    to_i, to_f = body.parts(body.linear(c, weights["weight_ch"][: 2 * size]), 2, size)
    i = body.add("Sigmoid", body.add("Add", i, to_i))
    f = body.add("Sigmoid", body.add("Add", f, to_f))
    new_c = body.add("Add", body.add("Mul", f, c), body.add("Mul", i, body.add("Tanh", g)))
    to_o = body.linear(new_c, weights["weight_ch"][2 * size :])
    o = body.add("Sigmoid", body.add("Add", o, to_o))
    new_h = body.add("Where", there, body.add("Mul", o, body.add("Tanh", new_c)), h)
    kept_c = body.add("Where", there, new_c, c)
    final, _, output = graph.scan(
        body, [(start, h, new_h), (start, c, kept_c)], [(projected, x_t), (inside, there)],
        body.add("Identity", new_h), backward=backward,
    )  # fmt: skip
    return output, final
