"""A recurrence as operators has the states that the cell has, in every layer and direction."""

import numpy as np
import onnxruntime
import pytest
import torch
from biornn.cells import build_cell
from biornn.onnx_cells import recurrence, sequences
from biornn.onnx_graph import Graph

KINDS = [("rnn", {"activation": "relu"}), ("rnn", {"activation": "sigmoid"}), ("lstm", {}),
         ("lstm", {"peephole": "diagonal"}), ("lstm", {"peephole": "full"}), ("gru", {}),
         ("mingru", {}), ("minlstm", {})]  # fmt: skip


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_are_those_of_the_cell(kind, options, bidirectional):
    torch.manual_seed(0)
    cell = build_cell(kind, 3, 4, 2, residual=True, bidirectional=bidirectional, **options)
    x, lengths = torch.randn(1, 3, 6, 3), torch.tensor([[6, 1, 4]])
    with torch.no_grad():
        hidden, (last, *_) = cell(x, lengths=lengths)
    last = torch.cat(last[-cell.directions :].unbind(0), dim=2)
    graph = Graph()
    found = recurrence(graph, cell, "x", sequences(graph, "lengths", "x"))
    width = 4 * cell.directions
    model = graph.model(
        "cell", [("x", "float32", ["b", "t", 3]), ("lengths", "int64", ["b"])],
        [("hidden", found[0], ["b", "t", width]), ("last", found[1], ["b", width])], {}, "",
    )  # fmt: skip
    rubbish = x[0].numpy().copy()
    rubbish[1, 1:] = np.nan
    session = onnxruntime.InferenceSession(model.SerializeToString())
    got = session.run(["hidden", "last"], {"x": rubbish, "lengths": lengths[0].numpy()})
    np.testing.assert_allclose(got[0], hidden[0], atol=1e-6)
    np.testing.assert_allclose(got[1], last[0], atol=1e-6)
