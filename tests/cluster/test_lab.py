"""What a machine refuses to the SLURM of these tests is a reason to skip them, and no failure."""

import subprocess

import lab
import psutil
import pytest

REFUSALS = [
    lab.NoLab("no root"),
    PermissionError(1, "Operation not permitted"),  # mknod, mkdir and chown in a container
    subprocess.TimeoutExpired("apt-get", 1),
    psutil.NoSuchProcess(1),
]


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """The lab in a folder of the test, whose daemons all seem to run."""
    place = tmp_path / "lab"
    place.mkdir()
    monkeypatch.setattr(lab, "folder", lambda: place)
    monkeypatch.setattr(lab, "ETC", tmp_path / "etc")
    monkeypatch.setattr(lab, "_alive", lambda file: True)
    return place


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: type(each).__name__)
def test_a_refusal_is_a_reason_and_the_lab_is_taken_down(apart, monkeypatch, refusal):
    def refuse(*_, **__):
        raise refusal

    # nothing works: neither the start nor what ends it
    for name in ("_install", "_call", "_end"):
        monkeypatch.setattr(lab, name, refuse)
    assert lab.attempt() == str(refusal)
    assert not apart.exists()


def test_a_mistake_of_the_lab_is_no_reason(apart, monkeypatch):
    def fail():
        raise TypeError("a mistake")

    monkeypatch.setattr(lab, "_install", fail)
    with pytest.raises(TypeError):
        lab.attempt()
