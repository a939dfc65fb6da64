"""Heads, means over seeds and scaling as operators are those of the library."""

import numpy as np
import onnxruntime
import pytest
from biornn import onnx_networks
from biornn.losses import Loss, TargetScaling
from biornn.onnx_graph import Graph
from made_models import BESIDE, TASKS, make_beside


def run(graph, inputs, outputs, given):
    model = graph.model("g", inputs, outputs, {}, "")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [name for name, *_ in outputs]
    return dict(zip(names, session.run(names, given), strict=True))


@pytest.mark.parametrize("kind", ["auto", "huber", "gaussian"])
@pytest.mark.parametrize("name", TASKS)
def test_heads_are_those_of_the_losses_for_large_outputs_too(name, kind):
    task = TASKS[name]
    if kind != "auto" and task.name != "regression":
        pytest.skip("a loss for numbers")
    loss, scaling = Loss.of(task, kind), TargetScaling(0.5, 3.0)
    z = 4 * np.random.default_rng(0).normal(size=(50, loss.n_outputs)).astype(np.float32)
    z[0] = 30
    z[1] = -30
    graph = Graph()
    named = onnx_networks.predictions_of(graph, loss, scaling, "z")
    outputs = [
        (key, each, ["n", len(task.classes)] if key == "probability" else ["n"])
        for key, each in named.items()
    ]
    found = run(graph, [("z", "float32", ["n", loss.n_outputs])], outputs, {"z": z})
    columns = [each.reshape(len(z), -1) for each in found.values()]
    wanted = loss.to_predictions(z, scaling)
    np.testing.assert_allclose(np.concatenate(columns, axis=1), wanted, rtol=1e-5, atol=1e-6)


def test_the_spread_of_several_seeds_is_that_of_their_mixture():
    generator = np.random.default_rng(0)
    means, sds = generator.normal(size=(3, 4)), generator.uniform(0.1, 2, size=(3, 4))
    draws = generator.normal(means, sds, size=(200_000, 3, 4)).transpose(1, 0, 2).reshape(-1, 4)
    graph = Graph()
    every = [
        {"prediction": graph.constant(np.float32(m)), "sd": graph.constant(np.float32(s))}
        for m, s in zip(means, sds, strict=True)
    ]
    named = onnx_networks.mean_of(graph, every)
    outputs = [(key, graph.add("Add", each, "x"), [4]) for key, each in named.items()]
    found = run(graph, [("x", "float32", [4])], outputs, {"x": np.zeros(4, np.float32)})
    np.testing.assert_allclose(found["prediction"], means.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found["sd"], draws.std(axis=0), rtol=0.01)


def test_covariates_with_a_large_mean_keep_their_digits():
    graph = Graph()
    mean, sd = np.array(BESIDE.mean), np.array(BESIDE.sd)
    scaled = onnx_networks.standardized(graph, "x", mean, sd)
    x = make_beside(20)
    found = run(graph, [("x", "float32", ["n", 3])], [("y", scaled, ["n", 3])], {"x": x})["y"]
    np.testing.assert_allclose(found, BESIDE.apply(x.astype(np.float64)), atol=1e-6)
    assert not found[:, 2].any()  # what never changed in training says nothing
