"""Devices: where a training runs, and how this process is set up for it."""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .allocation import rank
from .config_models import TrainingConfig
from .files import InputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

#: What a job logs to.
LOGGER = "biornn"


class OneDevice:
    """What training needs of Fabric, for one process in whole precision.

    To import Fabric takes two seconds, which most trainings of small networks would not earn back.
    """

    world_size, global_rank, is_global_zero = 1, 0, True

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def autocast(self) -> AbstractContextManager[None]:
        """Nothing is computed in less than the precision of the weights."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def setup_optimizers(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        return optimizer


def unscale(fabric: Fabric | OneDevice, optimizer: torch.optim.Optimizer) -> None:
    """Undo the scaling of the loss that half precision needs, before gradients are clipped."""
    if not isinstance(fabric, OneDevice):
        fabric.strategy.precision.unscale_gradients(optimizer)


def make_fabric(config: TrainingConfig) -> tuple[Fabric | OneDevice, str]:
    """The device (or devices) to train on and a sentence that says which and why.

    With `config.devices` above one, `Fabric.launch` starts a process for each; every process calls
    `set_up_process`.

    Raises
    ------
    InputError
        When a GPU is asked for and there is none, or fewer than asked for.
    """
    set_up_process(config.threads)
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if config.device == "gpu" and not gpus:
        raise InputError(
            f"training.device is gpu, but this job sees no CUDA device: {_why_no_gpu()}. Ask for "
            "one (--resources gpu=1, or the profile's gpu setting), or set training.device: auto."
        )
    n = config.devices
    on_nodes = f" on each of {config.nodes} nodes" if config.nodes > 1 else ""
    if config.device == "cpu" or not gpus:
        why = "as configured" if config.device == "cpu" else _why_no_gpu()
        threads = f"{config.threads} thread{'s' if config.threads > 1 else ''}"
        processes = "" if n == 1 else f"{n} processes of "
        return _fabric("cpu", config), f"CPU, {processes}{threads}{on_nodes} ({why})"
    if gpus < n:
        raise InputError(
            f"training.devices is {n}, but this job sees {gpus} GPU{'s' if gpus > 1 else ''}. Ask "
            "for more (the profile's gpu setting), or set training.devices."
        )
    return _fabric(
        "cuda", config
    ), f"GPU, {torch.cuda.get_device_name(0)}{f' x {n}' if n > 1 else ''}{on_nodes}"


def _why_no_gpu() -> str:
    """Why torch sees no GPU: none was given, or it can't use the one that was."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if given in ("", "-1", "NoDevFiles"):
        return "no GPU was given to this job"
    if torch.version.cuda is None:
        return f"GPU {given} was given to this job, but this torch was built without CUDA"
    return f"GPU {given} was given to this job, but its driver does not answer torch"


def _fabric(accelerator: str, config: TrainingConfig) -> Fabric | OneDevice:
    if not config.takes_fabric:
        return OneDevice(torch.device(accelerator))
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment

    # in a job of SLURM too, the processes of one node are started here
    strategy, environment = "ddp_spawn", LightningEnvironment()
    if config.nodes > 1:
        strategy, environment = "ddp", SLURMEnvironment()
    elif config.devices == 1:
        strategy = "auto"
    return Fabric(
        accelerator=accelerator,
        devices=config.devices,
        num_nodes=config.nodes,
        strategy=strategy,
        precision=config.precision,
        plugins=[environment],
    )


def launch(
    fabric: Fabric | OneDevice, function: Callable[..., Any], *arguments: Any, **options: Any
) -> Any:
    """Call `function(*arguments, fabric=fabric, **options)`, in every process of `fabric`.

    Returns
    -------
    Any
        What the first process returns.

    Raises
    ------
    InputError
        As the function raises it.
    """
    if isinstance(fabric, OneDevice) or fabric.world_size == 1:
        return function(*arguments, fabric=fabric, **options)
    if rank() is not None:  # SLURM has started the processes
        fabric.launch()
        return function(*arguments, fabric=fabric, **options)
    from torch.multiprocessing import ProcessRaisedException

    try:
        return pickle.loads(fabric.launch(_in_process, _Call(function, arguments, options)))
    except ProcessRaisedException as error:
        # the exception of the other process is there as text alone
        if found := re.search(r"InputError: (.*)", str(error)):
            raise InputError(found[1]) from None
        raise


class _Call:
    """A function and what it is called with, and how its process is set up."""

    def __init__(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self.function, self.arguments, self.options = function, arguments, options
        self.threads = torch.get_num_threads()
        handlers = logging.getLogger(LOGGER).handlers
        self.logs = [each.baseFilename for each in handlers if hasattr(each, "baseFilename")]


def _in_process(fabric: Fabric, call: _Call) -> bytes:
    set_up_process(call.threads)
    if fabric.is_global_zero:  # one voice for all
        logger = logging.getLogger(LOGGER)
        logger.setLevel(logging.INFO)
        for log in call.logs:
            handler = logging.FileHandler(log, mode="a", encoding="utf-8")
            handler.setFormatter(
                logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
            )
            logger.addHandler(handler)
    found = call.function(*call.arguments, fabric=fabric, **call.options)
    # as bytes: a tensor would be sent as a handle to memory of this process, which ends now
    return pickle.dumps(found if fabric.is_global_zero else None)


def set_up_process(threads: int) -> None:
    """Threads, denormal numbers and memory of this process."""
    torch.set_num_threads(threads)
    # as gradients vanish, numbers become denormal and each operation many times slower
    torch.set_flush_denormal(True)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees; True where the C library can (glibc).

    Every training step frees some megabytes and asks for them again. By default glibc gives such
    blocks back to the kernel at once, which must then clear each page anew.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # 32 MiB is the most that glibc takes for the second
    return bool(mallopt(trim_threshold, 2**30)) and bool(mallopt(mmap_threshold, 2**25))
