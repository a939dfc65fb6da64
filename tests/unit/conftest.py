"""What the unit tests share."""

import pytest
import torch
from biornn.folds import FoldData
from made_data import make_data


@pytest.fixture(autouse=True)
def one_thread():
    """The networks here are tiny: threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def data() -> FoldData:
    return make_data()
