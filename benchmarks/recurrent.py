"""The speed of our recurrent cells beside torch's: one training step on one CPU thread.

Each line is a ratio of medians measured in one run, contenders taking turns: below 1, ours is
faster. A step is forward, backward and Adam. The cells that torch does not have are compared with
the nearest one that it has; padded batches with torch's packed sequences.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))
from biornn import cells

CHANNELS = 4  # one-hot nucleotides

PAIRS: dict[str, tuple[Callable[..., nn.Module], type[nn.Module]]] = {
    "RNN tanh": (lambda *s: cells.RNN(*s), nn.RNN),
    "RNN sigmoid": (lambda *s: cells.RNN(*s, activation="sigmoid"), nn.RNN),
    "GRU": (lambda *s: cells.GRU(*s), nn.GRU),
    "LSTM": (lambda *s: cells.LSTM(*s), nn.LSTM),
    "LSTM diagonal peepholes": (lambda *s: cells.LSTM(*s, peephole="diagonal"), nn.LSTM),
    "LSTM full peepholes": (lambda *s: cells.LSTM(*s, peephole="full"), nn.LSTM),
}


def packed(module: nn.Module, x: Tensor, lengths: Tensor) -> Tensor:
    sequences = nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
    return nn.utils.rnn.pad_packed_sequence(module(sequences)[0], True, total_length=x.shape[1])[0]


def stepper(module: nn.Module, call: Callable[[], Tensor]) -> Callable[[], None]:
    """One training step of a module: `call` gives its output."""
    optimizer = torch.optim.Adam(module.parameters())

    def step() -> None:
        optimizer.zero_grad()
        call().square().mean().backward()
        optimizer.step()

    return step


def medians(steppers: list[Callable[[], None]], repeats: int) -> list[float]:
    """Median seconds of each; they take turns, so that a busy moment meets all of them."""
    times: list[list[float]] = [[] for _ in steppers]
    for repeat in range(repeats + 2):
        for step, taken in zip(steppers, times, strict=True):
            start = time.perf_counter()
            step()
            if repeat >= 2:  # the first ones allocate
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--steps", type=int, default=75, help="length of a sequence")
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 64, 256])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    # slow denormals would be charged to whichever cell happens to meet them
    torch.set_flush_denormal(True)
    print(f"hidden {options.hidden}, {options.steps} steps, one thread; ours / torch's")
    print(f"{'cell':<26}{'beside':<9}{'batch':>6}{'ours ms':>10}{'ratio':>8}{'padded':>9}")
    for batch in options.batch:
        torch.manual_seed(0)
        letters = torch.randint(CHANNELS, (batch, options.steps))
        x = nn.functional.one_hot(letters, CHANNELS).float()
        lengths = torch.randint(max(1, options.steps // 2), options.steps + 1, (batch,))
        for name, (make, kind) in PAIRS.items():
            ours = make(CHANNELS, options.hidden)
            theirs = kind(CHANNELS, options.hidden, batch_first=True)
            with torch.no_grad():
                theirs.load_state_dict(ours.state_dict(), strict=False)
            mine, other, mine_padded, other_packed = medians(
                [
                    stepper(ours, lambda m=ours, x=x: m(x)[0]),
                    stepper(theirs, lambda m=theirs, x=x: m(x)[0]),
                    stepper(ours, lambda m=ours, x=x, n=lengths: m(x, lengths=n)[0]),
                    stepper(theirs, lambda m=theirs, x=x, n=lengths: packed(m, x, n)),
                ],
                options.repeats,
            )
            print(
                f"{name:<26}{f'nn.{kind.__name__}':<9}{batch:>6}{1e3 * mine:>10.1f}"
                f"{mine / other:>8.2f}{mine_padded / other_packed:>9.2f}"
            )


if __name__ == "__main__":
    main()
