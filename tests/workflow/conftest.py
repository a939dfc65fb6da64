"""The workflow, before and after a run."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from workflow_copy import Workflow, make_workflow


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    """A fresh copy in which nothing has run."""
    return make_workflow(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy in which the tiny analysis has run; tests must leave it as it is."""
    # one run for all processes of pytest-xdist, whose folders lie side by side
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "finished"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return Workflow(folder)
        done = make_workflow(folder)
        outcome = done.run()
        if outcome.returncode:
            shutil.rmtree(folder)
        assert outcome.returncode == 0, outcome.stdout
        return done


@pytest.fixture
def again(finished: Workflow, tmp_path: Path) -> Callable[[], Workflow]:
    """Make a copy of the finished run, with its times, that a test may change."""

    def copy() -> Workflow:
        folder = tmp_path / "again"
        shutil.copytree(finished.folder, folder, copy_function=shutil.copy2)
        return Workflow(folder)

    return copy
