"""What the unit tests share."""

import hypothesis
import pytest
import torch
from biornn import transfer
from biornn.folds import FoldData
from database_server import Database, State, serve
from made_data import make_data

# a machine that is busy with other things is no fault
hypothesis.settings.register_profile("biornn", deadline=None)
hypothesis.settings.load_profile("biornn")


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


@pytest.fixture(scope="session")
def _database_server():
    state = State()
    with serve(state) as address:
        yield state, address


@pytest.fixture
def database(_database_server, tmp_path, monkeypatch):
    """Databases on loopback that are asked without waiting; `pauses` has what it would have been.

    The state is as new for every test, but the server goes on: tests that start one take longer.
    """
    state, address = _database_server
    vars(state).update(vars(State()))
    made = Database(address, tmp_path)
    made.state, made.pauses, made.address = state, [], address
    monkeypatch.setattr(transfer.time, "sleep", made.pauses.append)
    for name in ("NCBI_API_KEY", "NCBI_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture(autouse=True)
def _denormal_numbers_as_they_are():
    """Training flushes them to zero in its process, which here is that of other tests as well."""
    yield
    torch.set_flush_denormal(False)
