"""What is recorded has a place for a cell, which not every recurrence has."""

import torch
from biornn.recording import Flow


def test_without_a_cell():
    assert Flow(torch.zeros(1, 2, 3)).c is None
