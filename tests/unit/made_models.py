"""Folders of models that were not trained, and what they must predict."""

from pathlib import Path

import numpy as np
import torch
from biornn import models, temperatures
from biornn.beside import BesideScaling
from biornn.config_models import ModelConfig
from biornn.losses import Loss, TargetScaling
from biornn.models import InputScheme
from biornn.targets import REGRESSION, Task

LETTERS = InputScheme("rna")
NUMBERS = InputScheme(None, (5.0, -1.0), (3.0, 0.5))
GENES = InputScheme(vocabulary=7)
BESIDE = BesideScaling(("temperature", "year", "constant"), (20.0, 2000.0, 3.0), (5.0, 9.0, 0.0))

TASKS = {
    "regression": REGRESSION,
    "count": Task(counts=True),
    "classification": Task("classification", "sequence", ("a", "b", "c")),
    "multilabel": Task("multilabel", "sequence", ("a", "b")),
    "ordinal": Task("classification", "sequence", ("a", "b", "c", "d"), ordered=True),
    "two in order": Task("classification", "sequence", ("a", "b"), ordered=True),
    "classes of positions": Task("classification", "position", ("a", "b", "c")),
    "numbers of positions": Task("regression", "position"),
    "next value": Task("regression", "position", next_value=True),
}


def make_model(
    folder: Path,
    config: ModelConfig,
    task: Task = REGRESSION,
    scheme: InputScheme = LETTERS,
    *,
    seeds: tuple[int, ...] = (1, 2),
    beside: BesideScaling | None = None,
    folds: tuple[int, ...] = (0,),
    dtype: torch.dtype = torch.float32,
    **more: object,
) -> None:
    """Write `model.json` and `weights.safetensors` of networks with weights that matter.

    `more` is what else the description says.
    """
    scaling = {"mean": 0.3, "sd": 2.0} if task.kind == "regression" else {"mean": 0.0, "sd": 1.0}
    if task.counts:
        scaling["mean"] = 0.0
    runs = [{"seed": seed, "epochs": 3, "best_epoch": 2, "seconds": 1.0} for seed in seeds]
    description = models.describe("net", config, scheme, task, scaling, runs, beside)
    description |= {"target_label": "log10 PSI"} | more
    if task.kind != "regression":
        description["temperatures"] = {str(seed): 0.5 + 0.7 * at for at, seed in enumerate(seeds)}
    n_beside = 0 if beside is None else len(beside.columns)
    trained = {}
    for fold in folds:
        states = {}
        for seed in seeds:
            torch.manual_seed(100 * fold + seed)
            network = models.Network(config, scheme, task, n_beside)
            states[seed] = {
                name: 1.5 * value[0].to(dtype) for name, value in network.state_dict().items()
            }
        trained[fold] = (description, states)
    models.save(folder, trained)


def make_batch(
    scheme: InputScheme, lengths: list[int], seed: int = 0, *, more: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Steps of random examples, and their lengths; `more` steps of rubbish at the end."""
    generator = np.random.default_rng(seed)
    longest, ends = max(lengths), np.array(lengths)
    if scheme.padding is None:
        steps = generator.normal(5, 3, (len(ends), longest, len(scheme.mean))).astype(np.float32)
        rubbish: object = np.nan
    else:
        steps = generator.integers(0, scheme.padding, (len(ends), longest))
        rubbish = -7
    steps = np.concatenate([steps, np.repeat(steps[:, :1], more, axis=1)], axis=1)
    steps[np.arange(longest + more) >= ends[:, None]] = rubbish
    return steps, ends


def make_beside(n: int, seed: int = 0) -> np.ndarray:
    """Covariates in their own unit, float32 [n, 3]."""
    spread = np.random.default_rng(seed).normal(size=(n, 3))
    return (spread * [5, 9, 1] + [20, 2000, 3]).astype(np.float32)


def expected(
    folder: Path, steps: np.ndarray, lengths: np.ndarray, beside: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """What the files of `exporting` must give, by `models.Network` itself, each example alone."""
    description, networks = models.load(folder)
    task = Task.from_dict(description["task"])
    loss = Loss.of(task, description["architecture"]["loss"])
    scaling = TargetScaling(**description["target_scaling"])
    if beside is not None:
        beside = BesideScaling.from_dict(description["beside"]).apply(beside.astype(np.float64))
    found, fitted = {}, description.get("temperatures")
    for seed, network in networks.items():
        rows = []
        for row, length in enumerate(lengths):
            own = torch.tensor(steps[row, :length])[None, None]
            other = None if beside is None else torch.tensor(beside[row]).float()[None, None]
            with torch.no_grad():
                z = network(own, None, other)[0, 0].double().numpy()
            values = loss.to_predictions(z, scaling)
            if fitted is not None:
                values = temperatures.scaled(
                    values, fitted[str(seed)], labels=task.kind == "multilabel"
                )
            if task.per == "position":
                more = np.zeros((steps.shape[1] - length, values.shape[1]))
                values = np.concatenate([values, more])
            rows.append(values)
        found[seed] = np.stack(rows)
    keys = ["probability"] if task.kind != "regression" else ["prediction", "sd"]

    def named(values: np.ndarray, suffix: str = "") -> dict[str, np.ndarray]:
        if keys == ["probability"]:
            return {f"probability{suffix}": values}
        return {f"{key}{suffix}": values[..., at]
                for at, key in enumerate(keys[: values.shape[-1]])}  # fmt: skip

    every = np.stack(list(found.values()))
    together = named(every.mean(axis=0))
    if "sd" in together:
        variance = (every[..., 1] ** 2).mean(axis=0) + every[..., 0].var(axis=0)
        together["sd"] = np.sqrt(variance)
    if len(found) > 1:
        for seed, values in found.items():
            together |= named(values, f"_seed{seed}")
    return together
