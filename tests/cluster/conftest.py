"""One SLURM for all tests of this folder."""

from collections.abc import Iterator

import lab
import pytest


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A running SLURM; the tests are skipped, with the reason, where there can be none."""
    if reason := lab.attempt():
        pytest.skip(reason)
    yield
    lab.down()
