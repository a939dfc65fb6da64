"""One SLURM for all tests of this folder."""

from collections.abc import Iterator

import lab
import pytest


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A running SLURM; the tests are skipped, with the reason, where there can be none."""
    try:
        lab.up()
    except lab.NoLab as error:
        lab.down()
        pytest.skip(str(error))
    yield
    lab.down()
