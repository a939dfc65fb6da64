"""Devices: said plainly, refused when they are not there, and as one when they share the work."""

import logging
import platform

import numpy as np
import pytest
import torch
from biornn import devices, training
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import InputError
from biornn.runs import Replicate
from made_data import make_data

CPU = TrainingConfig(device="cpu")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_can_be_kept():
    assert devices.keep_freed_memory()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="flushing needs SSE3")
def test_denormals_are_flushed():
    tiny = torch.full((8,), torch.finfo(torch.float32).smallest_normal)
    torch.set_flush_denormal(False)
    assert (tiny * 0.5).gt(0).all()
    devices.set_up_process(torch.get_num_threads())
    assert (tiny * 0.5).eq(0).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_refused_when_asked_for():
    with pytest.raises(InputError, match="sees no CUDA device"):
        devices.make_fabric(CPU.model_copy(update={"device": "gpu"}))
    _, note = devices.make_fabric(CPU.model_copy(update={"device": "auto"}))
    assert note == "CPU, 1 thread (no GPU was given to this job)"


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_was_given_and_can_not_be_used_is_named(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    _, note = devices.make_fabric(CPU.model_copy(update={"device": "auto"}))
    assert note.startswith("CPU, 1 thread (GPU 1 was given to this job, but ")
    with pytest.raises(InputError, match="no CUDA device: GPU 1 was given to this job, but"):
        devices.make_fabric(CPU.model_copy(update={"device": "gpu"}))


def test_a_single_process_calls_the_function_itself():
    fabric, note = devices.make_fabric(CPU)
    assert note == "CPU, 1 thread (as configured)"
    found = devices.launch(fabric, lambda *a, **k: (a, k), 1, two=2)
    assert found == ((1,), {"two": 2, "fabric": fabric})


def test_two_processes_learn_what_one_learns(tmp_path):
    """Same global batches, so the same losses and weights, to rounding; dropout included."""
    log = tmp_path / "job.log"
    handler = logging.FileHandler(log)
    logging.getLogger("biornn").addHandler(handler)
    model = ModelConfig(cell="lstm", peephole="diagonal", hidden_size=6, layers=2, dropout=0.2)
    replicates = [Replicate(make_data(90), seed) for seed in (1, 2)]
    found = []
    for n in (1, 2):
        config = CPU.model_copy(
            update={"devices": n, "precision": "64-true", "epochs": 3, "batch_size": 16}
        )
        fabric, note = devices.make_fabric(config)
        found.append(devices.launch(fabric, training.train, model, config, replicates))
    logging.getLogger("biornn").removeHandler(handler)
    assert note == "CPU, 2 processes of 1 thread (as configured)"
    for one, two in zip(*found, strict=True):
        for name in ("train_loss", "validation_loss", "gradient_norm"):
            np.testing.assert_allclose(
                [row[name] for row in one.history], [row[name] for row in two.history], rtol=1e-9
            )
        np.testing.assert_allclose(one.predictions, two.predictions, atol=1e-9)
    assert log.read_text().count("epoch 3/3") == 2  # one voice for both processes


def _fail(fabric, message):
    raise InputError(message)


def test_an_error_of_another_process_is_told_as_it_is():
    fabric, _ = devices.make_fabric(CPU.model_copy(update={"devices": 2}))
    with pytest.raises(InputError, match=r"^the file is broken$"):
        devices.launch(fabric, _fail, message="the file is broken")
