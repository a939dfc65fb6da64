"""Networks as ONNX graphs: what `models.Network` and `losses.Loss.to_predictions` compute."""

from __future__ import annotations

import math

import numpy as np
import torch

from . import blocks
from .losses import MAX_LOG_VARIANCE, Loss, TargetScaling
from .models import Network
from .onnx_cells import Sequences, recurrence, sequences, steps_of
from .onnx_graph import Graph


def _array(tensor: torch.Tensor) -> np.ndarray:
    """The only replicate's weights, float32."""
    return tensor.detach()[0].float().cpu().numpy()


def outputs_of(
    graph: Graph, network: Network, inputs: str, batch: Sequences, beside: str | None
) -> str:
    """The outputs of a network of one replicate, before the head.

    Parameters
    ----------
    graph : Graph
    network : Network
    inputs : str
        Codes int64 [batch, time], or values float32 [batch, time, channel].
    batch : Sequences
    beside : str or None
        Standardised second input, float32 [batch, feature].

    Returns
    -------
    str
        float32 [batch, outputs], or [batch, time, outputs] where each position has one.
    """
    steps = _read(graph, network, inputs, batch)
    if network.convolution is not None:
        steps, batch = _convolution(graph, network.convolution, steps, batch)
    last = None
    if network.recurrent is not None:
        hidden, last = recurrence(graph, network.recurrent, steps, batch)
        if network.on_top is not None:
            hidden = _self_attention(graph, network.on_top, hidden, batch, network.causal)
    else:
        assert network.encoder is not None
        hidden = _encoder(graph, network.encoder, steps, batch, network.causal)
    read = hidden if network.per_position else _pool(graph, network, hidden, last, batch)
    if network.beside is not None:
        assert beside is not None
        other = graph.add("Relu", _linear(graph, network.beside, beside))
        if network.per_position:
            shape = graph.add(
                "Concat", graph.add("Shape", batch.inside), [network.config.beside_size], axis=0
            )
            other = graph.add("Expand", graph.add("Unsqueeze", other, [1]), shape)
        read = graph.add("Concat", read, other, axis=-1)
    return _linear(graph, network.output, read)


def _read(graph: Graph, network: Network, inputs: str, batch: Sequences) -> str:
    """What the network sees of each step; what stands beyond a length counts for nothing."""
    if network.embedding is None and not network.reads_letters:
        centred = graph.add("Sub", inputs, _array(network.mean).reshape(-1))
        return graph.add("Div", centred, _array(network.sd).reshape(-1))
    if network.embedding is not None:
        own = _array(network.embedding.weight)
        table = np.vstack([own, np.zeros((1, own.shape[1]), np.float32)])
    else:
        table = network.one_hot.float().cpu().numpy()
    # a negative code would be counted from the end of the table; as a far one it is refused
    known = graph.add("Where", graph.add("Less", inputs, np.array(0)), np.array(2**31), inputs)
    codes = graph.add("Where", batch.inside, known, np.array(len(table) - 1))
    return graph.add("Gather", table, codes, axis=0)


def _linear(graph: Graph, layer: blocks.Linear, x: str) -> str:
    return graph.linear(x, _array(layer.weight), _array(layer.bias))


def _masked(graph: Graph, x: str, batch: Sequences, value: float = 0.0) -> str:
    """x [batch, time, channel] with `value` beyond each length."""
    return graph.add("Where", graph.add("Unsqueeze", batch.inside, [2]), x, value)


def _convolution(
    graph: Graph, layer: blocks.Convolution, x: str, batch: Sequences
) -> tuple[str, Sequences]:
    """Filters and, where positions are pooled, the lengths after it."""
    width = layer.weight.shape[3]
    x = graph.add("Transpose", _masked(graph, x, batch), perm=[0, 2, 1])
    x = graph.add(
        "Conv", x, _array(layer.weight), _array(layer.bias), pads=[width // 2, width // 2],
        kernel_shape=[width],
    )  # fmt: skip
    x = graph.add("Transpose", graph.add("Relu", x), perm=[0, 2, 1])
    if layer.pool == 1:
        return x, batch
    # a ReLU is never below zero, so that zeros beyond the length change no maximum
    x, pool = _masked(graph, x, batch), np.array([layer.pool])
    shape = graph.add("Shape", x)
    steps = graph.add("Slice", shape, [1], [2])
    pooled = graph.add("Div", graph.add("Add", steps, pool - 1), pool)
    missing = graph.add("Sub", graph.add("Mul", pooled, pool), steps)
    pads = graph.add("Concat", [0, 0, 0, 0], missing, [0], axis=0)
    groups = graph.add("Concat", [0], pooled, pool, [layer.weight.shape[1]], axis=0)
    x = graph.add("Reshape", graph.add("Pad", x, pads), groups)
    x = graph.add("ReduceMax", x, axes=[2], keepdims=0)
    lengths = graph.add("Div", graph.add("Add", batch.lengths, pool - 1), pool)
    return x, sequences(graph, lengths, x)


def _normalization(graph: Graph, layer: blocks.Normalization, x: str) -> str:
    weight, bias = _array(layer.weight), _array(layer.bias)
    return graph.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=1e-5)


def _self_attention(
    graph: Graph, layer: blocks.SelfAttention, x: str, batch: Sequences, causal: bool
) -> str:
    size = layer.query.weight.shape[1]
    each = size // layer.heads
    normal = _normalization(graph, layer.before, x)
    # [batch, head, time, channel]; keys [batch, head, channel, time]
    query, key, value = (
        graph.add(
            "Transpose",
            graph.add("Reshape", _linear(graph, part, normal), [0, 0, layer.heads, each]),
            perm=order,
        )
        for part, order in (
            (layer.query, [0, 2, 1, 3]), (layer.key, [0, 2, 3, 1]), (layer.value, [0, 2, 1, 3]),
        )
    )  # fmt: skip
    scores = graph.add("Mul", graph.add("MatMul", query, key), each**-0.5)
    seen = graph.add("Unsqueeze", batch.inside, [1, 2])
    if causal:
        time = steps_of(graph, batch.inside)
        past = graph.add(
            "LessOrEqual", graph.add("Unsqueeze", time, [0]), graph.add("Unsqueeze", time, [1])
        )
        seen = graph.add("And", seen, past)
    scores = graph.add("Where", seen, scores, -np.inf)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    mixed = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])
    mixed = graph.add("Reshape", mixed, [0, 0, size])
    return graph.add("Add", x, _linear(graph, layer.output, mixed))


def _encoder(graph: Graph, encoder: blocks.Encoder, x: str, batch: Sequences, causal: bool) -> str:
    # what stands beyond a length may be anything, even no number, and must not get into a sum
    x = _linear(graph, encoder.project, _masked(graph, x, batch))
    size = encoder.project.weight.shape[1]
    x = graph.add("Add", x, _positions(graph, batch, size))
    layers = zip(encoder.attention, encoder.before, encoder.wide, encoder.narrow, strict=True)
    for attention, before, wide, narrow in layers:
        x = _self_attention(graph, attention, x, batch, causal)
        inner = _gelu(graph, _linear(graph, wide, _normalization(graph, before, x)))
        x = graph.add("Add", x, _linear(graph, narrow, inner))
    return _masked(graph, _normalization(graph, encoder.after, x), batch)


def _positions(graph: Graph, batch: Sequences, size: int) -> str:
    """`blocks.positions` for as many steps as there are: [time, size]."""
    rate = np.exp(np.arange(0, size, 2, dtype=np.float32) * np.float32(-math.log(10_000.0) / size))
    time = graph.add("Cast", graph.add("Unsqueeze", steps_of(graph, batch.inside), [1]), to=1)
    angle = graph.add("Mul", time, rate.astype(np.float32))
    pair = [graph.add("Unsqueeze", graph.add(name, angle), [2]) for name in ("Sin", "Cos")]
    table = graph.add("Reshape", graph.add("Concat", *pair, axis=2), [0, -1])
    return graph.add("Slice", table, [0], [size], [1])


def _gelu(graph: Graph, x: str) -> str:
    erf = graph.add("Erf", graph.add("Mul", x, 2**-0.5))
    return graph.add("Mul", graph.add("Mul", x, 0.5), graph.add("Add", erf, 1.0))


def _pool(graph: Graph, network: Network, hidden: str, last: str | None, batch: Sequences) -> str:
    """The readout, [batch, unit]."""
    pooling = network.config.pooling
    if pooling == "last":
        assert last is not None
        return last
    if network.attention is not None:
        layer = network.attention
        scores = graph.add(
            "MatMul",
            graph.add("Tanh", _linear(graph, layer.hidden, hidden)),
            _array(layer.vector)[:, None],
        )
        weights = graph.add("Softmax", _masked(graph, scores, batch, -math.inf), axis=1)
        return graph.add("ReduceSum", graph.add("Mul", weights, hidden), [1], keepdims=0)
    parts = []
    if pooling in ("mean", "mean_max"):
        total = graph.add("ReduceSum", _masked(graph, hidden, batch), [1], keepdims=0)
        n = graph.add("Unsqueeze", graph.add("Cast", batch.lengths, to=1), [1])
        parts.append(graph.add("Div", total, n))
    if pooling in ("max", "mean_max"):
        inside = _masked(graph, hidden, batch, -math.inf)
        parts.append(graph.add("ReduceMax", inside, axes=[1], keepdims=0))
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)


def predictions_of(
    graph: Graph, loss: Loss, scaling: TargetScaling, z: str, temperature: float = 1.0
) -> dict[str, str]:
    """`Loss.to_predictions`: what is predicted, from outputs z [..., outputs] of one seed.

    Returns
    -------
    dict of str to str
        `prediction` [...], with `gaussian` also `sd`; or `probability` [..., classes].
    """
    if loss.task.kind != "regression":
        logs = _ordinal_log_p(graph, z, loss.n_outputs) if loss.kind == "ordinal" else z
        logs = graph.add("Div", logs, temperature)
        if loss.kind == "binary":
            return {"probability": graph.add("Sigmoid", logs)}
        return {"probability": graph.add("Softmax", logs, axis=-1)}
    columns = [graph.add("Squeeze", each, [-1]) for each in graph.parts(z, loss.n_outputs, 1)]
    value = graph.add("Exp", columns[0]) if loss.kind == "poisson" else columns[0]
    value = graph.add("Add", graph.add("Mul", value, scaling.sd), scaling.mean)
    if loss.kind != "gaussian":
        return {"prediction": value}
    limited = graph.add("Tanh", graph.add("Div", columns[1], MAX_LOG_VARIANCE))
    spread = graph.add("Exp", graph.add("Mul", limited, MAX_LOG_VARIANCE / 2))
    return {"prediction": value, "sd": graph.add("Mul", spread, scaling.sd)}


def _ordinal_log_p(graph: Graph, z: str, n: int) -> str:
    """`losses.ordinal_log_p`, z [..., n] to [..., n + 1]."""
    first = graph.add("Slice", z, [0], [1], [-1])
    nothing = graph.add("Mul", first, 0.0)
    above, below, apart = [nothing], [], [nothing]
    a = first
    if n > 1:
        rest = graph.add("Slice", z, [1], [n], [-1])
        fallen = graph.add("CumSum", graph.add("Softplus", rest), np.array(-1))
        a = graph.add("Concat", first, graph.add("Sub", first, fallen), axis=-1)
        apart.append(graph.log_sigmoid(rest))
    above.append(graph.log_sigmoid(a))
    below += [graph.log_sigmoid(graph.add("Neg", a)), nothing]
    apart.append(nothing)
    every = [graph.add("Concat", *parts, axis=-1) for parts in (above, below, apart)]
    return graph.add("Add", graph.add("Add", every[0], every[1]), every[2])


def mean_of(graph: Graph, found: list[dict[str, str]]) -> dict[str, str]:
    """What several networks predict together: means; of normal distributions that of their mixture.

    The variance of the mixture is the mean of variances and the variance of means (Lakshminarayanan
    et al. 2017, NeurIPS).
    """
    if len(found) == 1:
        return found[0]

    def mean(names: list[str]) -> str:
        return graph.add("Mean", *names)

    together = {key: mean([each[key] for each in found]) for key in found[0] if key != "sd"}
    if "sd" in found[0]:
        centre = together["prediction"]
        squares = []
        for each in found:
            apart = graph.add("Sub", each["prediction"], centre)
            own = graph.add("Mul", each["sd"], each["sd"])
            squares.append(graph.add("Add", own, graph.add("Mul", apart, apart)))
        together["sd"] = graph.add("Sqrt", mean(squares))
    return together


def standardized(graph: Graph, beside: str, mean: np.ndarray, sd: np.ndarray) -> str:
    """`BesideScaling.apply`, [batch, feature]; in double precision, since means may be large."""
    known = sd > 0
    x = graph.add("Sub", graph.add("Cast", beside, to=11), mean.astype(np.float64))
    x = graph.add("Div", x, np.where(known, sd, 1).astype(np.float64))
    return graph.add("Where", known[None], graph.add("Cast", x, to=1), 0.0)
