"""Our recurrent cells beside others, and what a training costs: `python benchmarks/recurrent.py`.

One process and one thread a contender, denormals flushed for all, contenders in turn, medians of
forward + backward + Adam step. Prints sequences a second, the ratio to torch's cell of the same
kind, and for each target whether it was hit; nothing is asserted. The ceiling is what the matrix
products alone would allow at the rate of one large product, measured in the same run.

Keras runs in an environment of its own (`requirements-keras.txt`), named by `--keras`; `make bench`
makes it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from biornn import cells, devices, examples, kernels, training
from biornn.alphabets import PROTEIN
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.encoding import encode
from biornn.folds import FoldData
from biornn.runs import Replicate
from biornn.targets import Task

INPUTS = 20  # letters of a protein
#: A step; the seconds that it took, where it measures them itself.
Step = Callable[[], float | None]


@dataclass
class Target:
    """What a ratio or share should be, and what it was."""

    what: str
    value: float | None
    limit: float
    at_least: bool

    def __str__(self) -> str:
        wanted = f"{'at least' if self.at_least else 'at most'} {self.limit:g}"
        if self.value is None:
            return f"  {self.what:66s} not measured   {wanted:14s}"
        hit = self.value >= self.limit if self.at_least else self.value <= self.limit
        return f"  {self.what:66s} {self.value:8.3f}   {wanted:14s} {'hit' if hit else 'MISS'}"


# -- contenders ------------------------------------------------------------------------------------


def step_of(run: Callable[[], Tensor], module: nn.Module) -> Step:
    """Forward, backward and a step of Adam; the loss is the mean of squares."""
    optimizer = torch.optim.Adam(module.parameters())

    def step() -> None:
        run().square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def torchs(kind: type[nn.Module], size: int, x: Tensor) -> Step:
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


class PlainLSTM(nn.Module):
    """The best loop for autograd alone: one product for all inputs, unbound once."""

    def __init__(self, inputs: int, size: int, batch_first: bool = True) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, 4 * size)
        self.hidden = nn.Linear(size, 4 * size, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        h = c = x.new_zeros(len(x), self.hidden.in_features)
        outputs = []
        for projected in self.input(x).unbind(1):
            i, f, g, o = (projected + self.hidden(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return (torch.stack(outputs, 1),)


def ours(kind: type[cells.Cell], size: int, x: Tensor, **options: str) -> Step:
    """Our cell with all replicates in one stack."""
    module = kind(INPUTS, size, replicates=len(x), **options)
    return step_of(lambda: module(x)[0], module)


def in_torch(step: Step) -> Step:
    """The same without the code in C."""

    def run() -> None:
        with mock.patch.object(kernels, "implementation", lambda *_, **__: "torch"):
            step()

    return run


class Keras:
    """Keras in its own process; None in place of it where there is no such environment."""

    def __init__(self, python: str) -> None:
        worker = Path(__file__).with_name("keras_worker.py")
        self.process = subprocess.Popen(
            [python, str(worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.versions = self.ask({})

    def ask(self, request: dict[str, object]) -> dict[str, float | str]:
        """The answer to a request."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def step(self, cell: str, size: int, x: Tensor) -> Step:
        """A training step on inputs of the same shape."""
        _, batch, steps, inputs = x.shape
        self.ask({"cell": cell, "inputs": inputs, "hidden": size, "steps": steps, "batch": batch})
        return lambda: float(self.ask({"run": cell})["seconds"])


def contenders(size: int, x: Tensor, keras: Keras | None) -> dict[str, tuple[Step, str]]:
    """Name to a step and the name of what it is compared with."""
    found = {
        "nn.LSTM": (torchs(nn.LSTM, size, x), "nn.LSTM"),
        "LSTM": (ours(cells.LSTM, size, x), "nn.LSTM"),
        "LSTM, diagonal peepholes": (ours(cells.LSTM, size, x, peephole="diagonal"), "nn.LSTM"),
        "LSTM, in torch": (in_torch(ours(cells.LSTM, size, x)), "nn.LSTM"),
        "LSTM, plain autograd": (torchs(PlainLSTM, size, x), "nn.LSTM"),
        "nn.RNN": (torchs(nn.RNN, size, x), "nn.RNN"),
        "RNN": (ours(cells.RNN, size, x), "nn.RNN"),
        "nn.GRU": (torchs(nn.GRU, size, x), "nn.GRU"),
        "GRU": (ours(cells.GRU, size, x), "nn.GRU"),
        "minGRU": (ours(cells.MinGRU, size, x), "nn.GRU"),
    }
    if keras and len(x) == 1:
        found["Keras LSTM"] = (keras.step("LSTM", size, x), "nn.LSTM")
        found["Keras RNN"] = (keras.step("RNN", size, x), "nn.RNN")
    return found


# -- measuring -------------------------------------------------------------------------------------


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


def measure(runs: dict[str, tuple[Step, str]], repeats: int) -> dict[str, float]:
    """Median seconds of a step of each, taken in turn after one that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, (step, _) in runs.items():
            started = time.perf_counter()
            own = step()
            took = time.perf_counter() - started if own is None else own
            if turn:
                seconds[name].append(took)
    return {name: statistics.median(found) for name, found in seconds.items()}


def targets_of(rates: dict[str, float], steps: int, replicates: int, batch: int) -> list[Target]:
    """What was asked of this shape."""
    shape = f"{f'{replicates} x ' if replicates > 1 else ''}{batch}, {steps} steps"
    found = []
    if batch >= 64 or replicates == 4:
        for name in ("LSTM", "LSTM, diagonal peepholes"):
            ratio = rates[name] / rates["nn.LSTM"]
            found.append(Target(f"{name} / nn.LSTM, batch {shape}", ratio, 1.4, True))
    if replicates == 8:
        share = rates["nn.LSTM"] / rates["LSTM"]
        found.append(Target(f"time of {replicates} seeds together / in turn by nn.LSTM, {shape}",
                            share, 0.6, False))  # fmt: skip
    if replicates == 1 and batch in (32, 256):
        for name in ("LSTM", "RNN"):
            best = max(rates[name], rates[f"nn.{name}"])
            there = rates.get(f"Keras {name}")
            found.append(Target(f"best {name} here / Keras {name}, batch {shape}",
                                there and best / there, 1.0, True))  # fmt: skip
    return found


def lengths_of_proteins(path: Path) -> tuple[np.ndarray, str]:
    """Lengths of the sequences of `secstruct`, and where they are from."""
    if path.is_file():
        lengths = examples.load(path)["sequence"].str.len().to_numpy()
        return lengths, f"{len(lengths):,} proteins of {path}"
    made = np.random.default_rng(0).lognormal(5.3, 0.6, 5000).clip(20, 1500).astype(int)
    return made, f"5,000 made lengths, log-normal, since {path} is not there"


def cost_of_training(lengths: np.ndarray) -> dict[str, dict[str, float]]:
    """What an epoch of each network costs on random proteins of these lengths, by residue."""
    random = np.random.default_rng(0)
    letters = np.array(list(PROTEIN.letters))
    sequences = pd.Series(["".join(random.choice(letters, size=length)) for length in lengths])
    subsets = np.array(["train"] * 8 + ["validation", "test"])[np.arange(len(lengths)) % 10]
    labels = random.integers(3, size=int(lengths.sum()))
    task = Task("classification", "position", ("C", "E", "H"))
    data = FoldData(encode(sequences, PROTEIN), labels, subsets, task)
    config = TrainingConfig(seeds=[1], epochs=1, batch_size=64, device="cpu")
    fabric, _ = devices.make_fabric(config)
    found = {}
    for name in ("lstm", "gru", "rnn"):
        model = ModelConfig(cell=name, hidden_size=64)
        (run,) = training.train(model, config, [Replicate(data, 1)], fabric=fabric)
        found[name] = run.cost
    return found


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--steps", type=int, nargs="+", default=[75, 200])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--keras", default=".venv-keras/bin/python", help="python with Keras")
    parser.add_argument(
        "--secstruct", type=Path, default=Path("results/secstruct/examples.parquet"),
        help="examples of a run of secstruct, whose lengths are taken",
    )  # fmt: skip
    options = parser.parse_args()
    devices.set_up_process(1)
    torch.manual_seed(0)
    keras = Keras(options.keras) if Path(options.keras).is_file() else None
    print(f"torch {torch.__version__};", *(
        [f"Keras {keras.versions['keras']} on TensorFlow {keras.versions['tensorflow']}"]
        if keras else [f"no Keras: {options.keras} is not there"]
    ))  # fmt: skip
    targets: list[Target] = []
    for steps in options.steps:
        for replicates, batch in ((1, 32), (1, 64), (1, 256), (4, 32), (8, 32)):
            x = torch.randn(replicates, batch, steps, INPUTS)
            runs = contenders(options.hidden, x, keras)
            seconds = measure(runs, options.repeats)
            rates = {name: replicates * batch / found for name, found in seconds.items()}
            top = ceiling(options.hidden, steps)
            stacked = f"{replicates} x " if replicates > 1 else ""
            print(
                f"\nhidden {options.hidden}, {steps} steps, batch {stacked}{batch}; matrix "
                f"products alone: {top:.0f} LSTM sequences/s"
            )
            for name, rate in rates.items():
                against = runs[name][1]
                ratio = rate / rates[against]
                print(f"  {name:26s} {rate:8.0f} sequences/s  {ratio:5.2f} x {against}", flush=True)
            targets += targets_of(rates, steps, replicates, batch)

    lengths, origin = lengths_of_proteins(options.secstruct)
    costs = cost_of_training(lengths)
    print(f"\nan epoch of 64 units in two directions, batch 64: {origin}; letters are random")
    for name, cost in costs.items():
        print(
            f"  {name:6s} padding {cost['padding_waste']:.3f}  overhead {cost['loop_overhead']:.3f}"
        )
        targets.append(Target(f"overhead of an epoch, {name}", cost["loop_overhead"], 0.05, False))
    targets.append(Target("padding waste", costs["lstm"]["padding_waste"], 0.05, False))
    print("\ntargets")
    print(*targets, sep="\n")


if __name__ == "__main__":
    main()
