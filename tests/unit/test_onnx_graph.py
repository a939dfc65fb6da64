"""A graph holds each constant once, names are unique, and what is wrong does not pass the check."""

import numpy as np
import onnxruntime
import pytest
from biornn.onnx_graph import Graph


def compute(graph, x, result, shape):
    model = graph.model("g", [("x", "float32", shape)], [("y", result, shape)], {"a": "b"}, "doc")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert session.get_modelmeta().custom_metadata_map == {"a": "b"}
    return session.run(["y"], {"x": x})[0]


def test_equal_constants_are_stored_once_and_keep_what_they_are():
    graph = Graph()
    assert graph.constant(1.5) == graph.constant(np.float32(1.5))
    assert graph.constant([1, 2]) == graph.constant(np.array([1, 2]))
    assert len({graph.constant(each) for each in (1, 1.0, [1], np.array(1.0), True)}) == 5


def test_a_loop_runs_either_way():
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    for backward in (False, True):
        graph = Graph()
        body = Graph(graph)
        before, now = body.input("sum"), body.input("x")
        after = body.add("Add", before, now)
        final, sums = graph.scan(
            body, [(np.zeros(2, np.float32), before, after)], [("x", now)],
            body.add("Identity", after), backward=backward,
        )  # fmt: skip
        found = compute(graph, x, graph.add("Sub", sums, final), [3, 2])
        ordered = x[::-1] if backward else x
        wanted = ordered.cumsum(axis=0) - x.sum(axis=0)
        np.testing.assert_allclose(found, wanted[::-1] if backward else wanted)


def test_the_logarithm_of_the_sigmoid_is_exact_for_large_numbers():
    graph = Graph()
    x = np.array([-200, -1, 0, 1, 200], dtype=np.float32)
    found = compute(graph, x, graph.log_sigmoid("x"), [5])
    np.testing.assert_allclose(found, -np.logaddexp(0, -x.astype(float)), rtol=1e-6, atol=1e-7)


def test_a_graph_that_does_not_fit_together_is_not_written():
    graph = Graph()
    product = graph.linear("x", np.ones((3, 4), np.float32))  # x has five channels, not four
    with pytest.raises(Exception, match=r"[Ii]ncompatible dimensions"):
        graph.model("g", [("x", "float32", [2, 5])], [("y", product, [2, 3])], {}, "")
