"""Loops of torch's have the states of the cells; a program names its outputs."""

import pytest
import torch
from biornn import torch_programs
from biornn.blocks import Convolution
from biornn.cells import build_cell
from biornn.config_models import ModelConfig
from biornn.losses import Loss, TargetScaling
from biornn.models import Network
from made_models import LETTERS, TASKS
from test_onnx_cells import KINDS


@pytest.mark.parametrize(("kind", "options"), [*KINDS, ("rnn", {"activation": "tanh"})])
def test_a_loop_has_the_states_of_the_cell(kind, options):
    torch.manual_seed(0)
    cell = build_cell(kind, 3, 4, replicates=2, **options)
    x = torch.randn(2, 5, 6, 3)
    state = (torch.randn(2, 5, 4),) * cell.states
    with torch.no_grad():
        wanted = cell._run(x, state, "l0", None)
        found = torch_programs.loop(cell, x, state, "l0")
    assert len(found) == len(wanted)
    for mine, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("steps", [1, 3, 4, 7])
def test_pooling_keeps_the_largest_of_each_stretch(steps):
    layer = Convolution(2, 3, 3, 4, 1)
    x = torch.randn(2, 3, steps).relu()
    wanted = layer._pooled(x)
    found = torch_programs.pooled(layer, x)
    torch.testing.assert_close(found[:, :, : wanted.shape[2]], wanted)
    assert not found[:, :, wanted.shape[2] :].any()


def test_codes_that_no_letter_has_are_refused():
    network = Network(ModelConfig(cell="rnn", hidden_size=3, letters="embedding"), [LETTERS] * 2)
    program = torch_programs.Program(network, [1, 2], Loss.of(TASKS["regression"]),
                                     TargetScaling(0.0, 1.0), LETTERS.padding)  # fmt: skip
    with torch.no_grad():
        found = program(torch.tensor([[0, 1, -5]]), torch.tensor([2]))
        assert set(found) == {"prediction", "prediction_seed1", "prediction_seed2"}
        for wrong in (-1, 16):
            with pytest.raises(IndexError):
                program(torch.tensor([[0, wrong, 1]]), torch.tensor([3]))
