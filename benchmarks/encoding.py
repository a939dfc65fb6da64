"""Our encoding beside NumPy, seqpro, tangermeme and bionumpy: `python benchmarks/encoding.py`.

One thread, contenders in turn, medians; every answer is compared with ours before it is timed.
Prints millions of bases a second and the ratio to a plain NumPy lookup on the same input, and the
peak memory of encoding a million sequences. A library that is not installed
(`requirements-bench.txt`) is skipped. Nothing is asserted about speed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

# before the libraries read them
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["POLARS_MAX_THREADS"] = "1"

import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from biornn import encoding
from biornn.alphabets import DNA
from biornn.devices import keep_freed_memory

#: Peak memory that we allow ourselves beyond the sequences, for one pass (bytes a base).
TARGET = 4
PLAIN = "NumPy, plain lookup"

#: What is made, the contender, the type of the result, and the call.
Contender = tuple[str, str, str, Callable[[], Any]]


def made_letters(count: int, length: int) -> np.ndarray:
    """uint8 [count, length]: random A, C, G and T as ASCII."""
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    return letters[np.random.default_rng(0).integers(0, 4, (count, length), dtype=np.uint8)]


def arrow_column(letters: np.ndarray) -> pa.LargeStringArray:
    """The sequences as an Arrow column that shares their memory."""
    ends = np.arange(letters.shape[0] + 1, dtype=np.int64) * letters.shape[1]
    buffers = pa.py_buffer(ends), pa.py_buffer(letters.reshape(-1))
    return pa.LargeStringArray.from_buffers(len(letters), *buffers)


def peers() -> dict[str, ModuleType]:
    """The other libraries, by name, those that are installed."""
    found = {}
    for name in ("seqpro", "tangermeme.utils", "bionumpy"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[name.split(".")[0]] = importlib.import_module(name)
        except ImportError as error:
            print(f"{name.split('.')[0]} is skipped: {error}")
    return found


def contenders(letters: np.ndarray) -> list[Contender]:
    """All that is timed; each gets the input that it is fastest with, Python strings or bytes."""
    column = arrow_column(letters)
    texts = column.to_pylist()
    series = pd.Series(texts, dtype=object)
    flat = letters.reshape(-1)
    table, one_hot = DNA.lookup, DNA.one_hot

    def joined() -> np.ndarray:
        return np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8)

    runs: list[Contender] = [
        ("codes of strings", PLAIN, "uint8", lambda: table[joined()]),
        ("codes of strings", "biornn tokenize", "uint8", lambda: encoding.tokenize(series, DNA)),
        ("codes of strings", "biornn encode", "uint8", lambda: encoding.encode(series, DNA)),
        ("codes of bytes", PLAIN, "uint8", lambda: table[flat]),
        ("codes of bytes", "biornn tokenize", "uint8", lambda: encoding.tokenize(column, DNA)),
        ("codes of bytes", "biornn encode", "uint8", lambda: encoding.encode(column, DNA)),
        ("one-hot of strings", PLAIN, "float32", lambda: one_hot[table[joined()]]),
        ("one-hot of strings", "biornn one_hot", "float32",
         lambda: encoding.one_hot(encoding.encode(series, DNA))),
        ("one-hot of bytes", PLAIN, "float32", lambda: one_hot[table[flat]]),
        ("one-hot of bytes", "biornn one_hot", "float32",
         lambda: encoding.one_hot(encoding.encode(column, DNA))),
    ]  # fmt: skip
    there = peers()
    if sp := there.get("seqpro"):
        codes = {letter: code for code, letter in enumerate(DNA.letters)}
        array = letters.view("S1")
        runs += [
            ("codes of strings", "seqpro", "int32", lambda: sp.tokenize(texts, codes, 255)),
            ("codes of bytes", "seqpro", "int32", lambda: sp.tokenize(array, codes, 255)),
            ("one-hot of strings", "seqpro", "uint8", lambda: sp.DNA.ohe(texts)),
            ("one-hot of bytes", "seqpro", "uint8", lambda: sp.DNA.ohe(array)),
        ]
    if tangermeme := there.get("tangermeme"):
        whole = flat.tobytes().decode("ascii")
        runs += [
            ("one-hot of strings", "tangermeme, one by one", "int8",
             lambda: np.stack([tangermeme.one_hot_encode(text).numpy().T for text in texts])),
            ("one-hot of bytes", "tangermeme, as one string", "int8",
             lambda: tangermeme.one_hot_encode(whole).numpy().T),
        ]  # fmt: skip
    if bnp := there.get("bionumpy"):
        ragged = bnp.as_encoded_array(texts)
        runs += [
            ("codes of strings", "bionumpy", "uint8",
             lambda: bnp.as_encoded_array(texts, bnp.DNAEncoding)),
            ("codes of bytes", "bionumpy", "uint8",
             lambda: bnp.as_encoded_array(ragged, bnp.DNAEncoding)),
        ]  # fmt: skip
    return runs


def as_array(result: Any) -> np.ndarray:
    """The numbers of any contender's result, one after another."""
    if isinstance(result, encoding.EncodedSequences):
        result = result.tokens
    if hasattr(result, "raw"):  # bionumpy: letters of all sequences, behind their lengths
        result = result.ravel().raw()
    return np.asarray(result).reshape(-1)


def speeds(count: int, length: int, repeats: int) -> None:
    """Time all contenders and print the table."""
    keep_freed_memory()  # or the kernel's giving of fresh pages would be timed, by chance
    letters = made_letters(count, length)
    runs = contenders(letters)
    expected = {"codes": DNA.lookup[letters].reshape(-1)}
    expected["one-hot"] = DNA.one_hot[expected["codes"]].reshape(-1)
    for task, name, _, call in runs:  # this also compiles what is compiled when first called
        if not np.array_equal(as_array(call()), expected[task.split()[0]]):
            raise SystemExit(f"{name} gives another answer for {task}; its speed says nothing.")
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for (*_, call), times in zip(runs, seconds, strict=True):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
    rates = [count * length / statistics.median(times) / 1e6 for times in seconds]
    plain = {run[0]: rate for run, rate in zip(runs, rates, strict=True) if run[1] == PLAIN}
    print(f"\n{count} sequences of {length} bases, one thread, median of {repeats} rounds")
    print(f"  {'':26s} {'makes':8s} {'Mbase/s':>8s}  {'x plain':>8s}")
    for task in plain:
        print(f"  {task}")
        for (of, name, kind, _), rate in zip(runs, rates, strict=True):
            if of == task:
                print(f"    {name:24s} {kind:8s} {rate:8.0f}  {rate / plain[task]:8.2f}")


def peak() -> int:
    """Largest memory that this process has had (bytes)."""
    # Linux counts in KiB, macOS in bytes
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_of(kind: str, count: int, length: int, saved: bool) -> float:
    """Peak memory of one pass beyond what was there before, in this process (bytes a base)."""
    column: Any
    if kind == "strings":
        # in pieces: what it takes to make the input must not be counted as being there before
        texts: list[str] = []
        for start in range(0, count, 1000):
            texts += arrow_column(made_letters(min(1000, count - start), length)).to_pylist()
        column = pd.Series(texts, dtype=object)
    else:
        letters = np.empty((count, length), dtype=np.uint8)
        for start in range(0, count, 1000):
            letters[start : start + 1000] = made_letters(min(1000, count - start), length)
        column = arrow_column(letters)
    before = peak()
    encoded = encoding.encode(column, DNA)
    if saved:
        with tempfile.TemporaryDirectory() as folder:
            encoding.save(encoded, Path(folder) / "sequences.safetensors")
    return (peak() - before) / (count * length)


def memory(count: int, length: int) -> None:
    """Measure in processes of their own and print the table."""
    print(f"peak memory of {count} sequences of {length} bases, in bytes a base beyond the input")
    for kind in ("strings", "bytes"):
        for saved in ("encode", "encode and save"):
            # while this process is small: Linux lets a child begin with its parent's peak
            command = [sys.executable, __file__, "--memory-of", kind, saved]
            command += ["--memory", str(count), str(length)]
            result = subprocess.run(command, check=True, capture_output=True, text=True)
            used = float(result.stdout)
            verdict = "below" if used < TARGET else "NOT below"
            print(f"  {saved + ', ' + kind:26s} {used:5.2f}  ({verdict} the target of {TARGET})")


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--memory", type=int, nargs=2, default=[1_000_000, 200])
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        kind, saved = options.memory_of
        print(memory_of(kind, *options.memory, saved != "encode"))
        return
    memory(*options.memory)
    speeds(options.sequences, options.length, options.repeats)


if __name__ == "__main__":
    main()
