"""Our recurrent cells beside torch's, in one run: `python benchmarks/recurrent.py`.

One thread, denormals flushed for all, contenders in turn, medians of forward + backward + Adam
step. Prints sequences a second and the ratio to torch's cell of the same kind; nothing is asserted.
The ceiling is what the matrix products alone would allow at the rate of one large product, measured
in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from biornn import cells, kernels
from biornn.devices import set_up_process

INPUTS = 20  # letters of a protein


def step_of(run: Callable[[], Tensor], module: nn.Module) -> Callable[[], None]:
    """Forward, backward and a step of Adam; the loss is the mean of squares."""
    optimizer = torch.optim.Adam(module.parameters())

    def step() -> None:
        run().square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def torchs(kind: type[nn.Module], size: int, x: Tensor) -> Callable[[], None]:
    """Torch's cells of some replicates, one after another."""
    modules = nn.ModuleList(kind(INPUTS, size, batch_first=True) for _ in x)
    steps = [
        step_of(lambda module=module, own=own: module(own)[0], module)
        for module, own in zip(modules, x, strict=True)
    ]

    def every() -> None:
        for step in steps:
            step()

    return every


def ours(kind: type[cells.Cell], size: int, x: Tensor, **options: str) -> Callable[[], None]:
    """Our cell with all replicates in one stack."""
    module = kind(INPUTS, size, replicates=len(x), **options)
    return step_of(lambda: module(x)[0], module)


def in_torch(step: Callable[[], None]) -> Callable[[], None]:
    """The same without the code in C."""

    def run() -> None:
        with mock.patch.object(kernels, "implementation", lambda *_, **__: "torch"):
            step()

    return run


def contenders(size: int, x: Tensor) -> dict[str, tuple[Callable[[], None], str]]:
    """Name to a step and the name of what it is compared with."""
    return {
        "nn.LSTM": (torchs(nn.LSTM, size, x), "nn.LSTM"),
        "LSTM": (ours(cells.LSTM, size, x), "nn.LSTM"),
        "LSTM, diagonal peepholes": (ours(cells.LSTM, size, x, peephole="diagonal"), "nn.LSTM"),
        "LSTM, in torch": (in_torch(ours(cells.LSTM, size, x)), "nn.LSTM"),
        "nn.RNN": (torchs(nn.RNN, size, x), "nn.RNN"),
        "RNN": (ours(cells.RNN, size, x), "nn.RNN"),
        "nn.GRU": (torchs(nn.GRU, size, x), "nn.GRU"),
        "GRU": (ours(cells.GRU, size, x), "nn.GRU"),
        "minGRU": (ours(cells.MinGRU, size, x), "nn.GRU"),
    }


def ceiling(size: int, steps: int) -> float:
    """Sequences a second that an LSTM could reach by its matrix products alone."""
    matrix = torch.randn(1024, 1024)
    seconds = []
    for _ in range(9):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    rate = 2 * 1024**3 / min(seconds)
    # forward, the gradient of the state, the gradients of the weights
    products = 2 * (INPUTS + size) + size
    return rate / (steps * 2 * 4 * size * products)


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--steps", type=int, nargs="+", default=[75, 200])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    set_up_process(1)
    torch.manual_seed(0)
    for steps in options.steps:
        for replicates, batch in ((1, 32), (1, 64), (1, 256), (4, 32), (8, 32)):
            x = torch.randn(replicates, batch, steps, INPUTS)
            runs = contenders(options.hidden, x)
            seconds: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(options.repeats):
                for name, (step, _) in runs.items():
                    started = time.perf_counter()
                    step()
                    seconds[name].append(time.perf_counter() - started)
            rates = {
                name: replicates * batch / statistics.median(found)
                for name, found in seconds.items()
            }
            top = ceiling(options.hidden, steps)
            stacked = f"{replicates} x " if replicates > 1 else ""
            print(
                f"\nhidden {options.hidden}, {steps} steps, batch {stacked}{batch}; matrix "
                f"products alone: {top:.0f} LSTM sequences/s"
            )
            for name, rate in rates.items():
                against = runs[name][1]
                ratio = rate / rates[against]
                print(f"  {name:26s} {rate:8.0f} sequences/s  {ratio:5.2f} x {against}")


if __name__ == "__main__":
    main()
