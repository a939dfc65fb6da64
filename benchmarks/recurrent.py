"""Our recurrent kernels beside torch's, in one run: `python benchmarks/recurrent.py`.

One thread, denormals flushed for all, contenders in turn, medians of forward + backward + Adam
step. Prints sequences a second and the ratio to torch's cell of the same kind; nothing is asserted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from biornn import cells
from biornn.training import keep_freed_memory


def contenders(size: int) -> dict[str, tuple[torch.nn.Module, str]]:
    """Name to module and the name of what it is compared with."""
    return {
        "nn.LSTM": (torch.nn.LSTM(size, size, batch_first=True), "nn.LSTM"),
        "LSTM, our kernel with lengths": (cells.LSTM(size, size), "nn.LSTM"),
        "LSTM, diagonal peepholes": (cells.LSTM(size, size, peephole="diagonal"), "nn.LSTM"),
        "LSTM, full peepholes": (cells.LSTM(size, size, peephole="full"), "nn.LSTM"),
        "nn.RNN": (torch.nn.RNN(size, size, batch_first=True), "nn.RNN"),
        "RNN, sigmoid": (cells.RNN(size, size, activation="sigmoid"), "nn.RNN"),
    }


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--steps", type=int, default=75)
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 64, 256])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    torch.manual_seed(0)
    for batch in options.batch:
        x = torch.randn(batch, options.steps, options.hidden)
        # one letter is cut from one sequence, so that the masked path runs
        lengths = torch.full((batch,), options.steps)
        lengths[0] -= 1
        runs = {
            name: (module, torch.optim.Adam(module.parameters()), against, [])
            for name, (module, against) in contenders(options.hidden).items()
        }
        for _ in range(options.repeats):
            for name, (module, optimizer, _, seconds) in runs.items():
                started = time.perf_counter()
                masked = name.endswith("lengths")
                output, _ = module(x, lengths=lengths) if masked else module(x)
                output.sum().backward()
                optimizer.step()
                optimizer.zero_grad()
                seconds.append(time.perf_counter() - started)
        rates = {name: batch / statistics.median(run[3]) for name, run in runs.items()}
        print(f"\nhidden {options.hidden}, {options.steps} steps, batch {batch}")
        for name, rate in rates.items():
            ratio = rate / rates[runs[name][2]]
            print(f"  {name:32s} {rate:8.0f} sequences/s  {ratio:5.2f} x {runs[name][2]}")


if __name__ == "__main__":
    main()
