"""Export: trained networks as one file that needs nothing of biornn to predict.

Both kinds of file take as arrays what `biornn predict` reads, and give what it gives: values in the
target's unit, or probabilities, of the fitted temperatures where the model has such.

=========== ============================ ==========================================================
input       dtype and shape              what it is
=========== ============================ ==========================================================
`tokens`    int64 [batch, time]          codes of letters, or of genes by rank; or
`values`    float32 [batch, time, chan.] numbers (of profiles: normalised ones) before they are
                                         standardised
`lengths`   int64 [batch]                steps of each example, from 1 to time; what `tokens` or
                                         `values` hold beyond changes nothing
`beside`    float32 [batch, feature]     covariates in their own unit, where the model has them
=========== ============================ ==========================================================

=================== ================================================================================
output              what it is, float32
=================== ================================================================================
`prediction`        [batch], or [batch, time] where each position has one (zero beyond a length)
`sd`                standard deviation, in the same shape, where the model predicts one
`probability`       the same with an axis of classes or labels, in place of `prediction`
`…_seed{number}`    the same of each seed, where the file is the mean over several
=================== ================================================================================

The mean over seeds is that of probabilities or values; the standard deviation is that of the
mixture of the seeds' normal distributions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import __version__, onnx_networks, temperatures, torch_programs
from .alphabets import ALPHABETS
from .beside import BesideScaling
from .checking import listed
from .config_models import ModelConfig
from .files import InputError, sha256, write_with
from .folds import describe_fold
from .losses import Loss, TargetScaling
from .models import DESCRIPTION, WEIGHTS, InputScheme, Network, load, stack
from .onnx_cells import sequences
from .onnx_graph import Graph
from .targets import Task

#: What `export` can write.
KINDS = ("onnx", "torch")


@dataclass(frozen=True)
class Trained:
    """The networks of a model that are exported together, and what must be known of them.

    Attributes
    ----------
    description : dict
        Of one fold, from `model.json`.
    networks : dict of int to Network
        By seed, of one replicate each.
    metadata : dict of str to str
        What a user of the file must know; values that are no text are JSON.
    """

    description: dict[str, Any]
    networks: dict[int, Network]
    metadata: dict[str, str]

    @classmethod
    def read(cls, folder: str | Path, fold: int | None = None, seed: int | None = None) -> Trained:
        """From a model's folder: one seed, or all; of several folds one must be named.

        Raises
        ------
        InputError
            When the folder holds no network, or not that fold or seed.
        """
        folder = Path(folder)
        fold = describe_fold(folder / DESCRIPTION, fold, first=False)["fold"]
        description, networks = load(folder, fold)
        if seed is not None:
            if seed not in networks:
                raise InputError(f"{folder}: there is no seed {seed}, only {listed(networks)}.")
            networks = {seed: networks[seed]}
        return cls(description, networks, _metadata(folder, description, networks))

    @property
    def task(self) -> Task:
        """What is predicted."""
        return Task.from_dict(self.description["task"])

    @property
    def loss(self) -> Loss:
        """Whose head turns outputs into predictions."""
        architecture = ModelConfig.model_validate(self.description["architecture"])
        return Loss.of(self.task, architecture.loss)

    @property
    def scaling(self) -> TargetScaling:
        """From the unit of the network to the target's."""
        return TargetScaling(**self.description["target_scaling"])

    @property
    def beside(self) -> BesideScaling | None:
        """How covariates are standardised, where there are any."""
        value = self.description["beside"]
        return None if value is None else BesideScaling.from_dict(value)

    @property
    def temperatures(self) -> list[float] | None:
        """By which probabilities of each seed are scaled, where they are."""
        return temperatures.of_seeds(self.description, list(self.networks))

    @property
    def scheme(self) -> InputScheme:
        """How inputs become numbers."""
        return InputScheme.from_dict(self.description["inputs"])


def _metadata(
    folder: Path, description: Mapping[str, Any], networks: Mapping[int, Network]
) -> dict[str, str]:
    inputs, task = description["inputs"], description["task"]
    found: dict[str, Any] = {
        "biornn_version": __version__,
        "trained_with_biornn": description["biornn_version"],
        "model": description["name"],
        "kind": description["kind"],
        "fold": description["fold"],
        "seeds": list(networks),
        "task": task,
        "target": description.get("target_label", ""),
        "classes": task["classes"],
        "temperatures": temperatures.of_seeds(description, list(networks)),
        "weights_sha256": sha256(folder / WEIGHTS),
        "model_sha256": sha256(folder / DESCRIPTION),
        "data_sha256": description.get("data_sha256", {}),
    }
    if inputs["alphabet"] is not None:
        alphabet = ALPHABETS[inputs["alphabet"]]
        found["alphabet"] = alphabet.name
        found["codes"] = {letter: code for code, letter in enumerate(alphabet.codes)}
    profile = description.get("profile")
    if profile:
        found["profile"] = profile
        # of ranks the code of a gene is its place here
        found["genes"] = description.get("genes", [])
    if description["beside"] is not None:
        found["beside"] = list(description["beside"]["columns"])
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in found.items()
    }


def export(
    folder: str | Path,
    target: str | Path,
    kind: str,
    fold: int | None = None,
    seed: int | None = None,
) -> None:
    """Write a trained model as a file of one of `KINDS`.

    Raises
    ------
    InputError
        For another kind, and as `write_onnx` and `write_torch`.
    """
    writers = {"onnx": write_onnx, "torch": write_torch}
    if kind not in writers:
        raise InputError(f"A model can be exported as {listed(KINDS)}, not as '{kind}'.")
    writers[kind](folder, target, fold, seed)


def write_onnx(
    folder: str | Path, target: str | Path, fold: int | None = None, seed: int | None = None
) -> None:
    """Write a trained model as one ONNX file (opset 17, single precision).

    Parameters
    ----------
    folder
        A folder with `model.json` and `weights.safetensors`.
    target
        The file.
    fold : int, optional
        Which one, where the folder has several.
    seed : int, optional
        Without it the file is the mean over all seeds, with the outputs of each beside it.

    Raises
    ------
    InputError
        When there is no such network, or the package onnx is missing.

    Notes
    -----
    Batch and time are axes of any size. Metadata (`metadata_props`) have the code of each letter
    (`codes`), the classes in the order of the outputs, the target's unit, and checksums. Networks
    that were trained in double precision are rounded to single precision.
    """
    try:
        import onnx
    except ImportError:
        raise InputError(
            "The package onnx is needed to write ONNX files: pip install 'biornn[export]'."
        ) from None
    trained = Trained.read(folder, fold, seed)
    graph, loss = Graph(), trained.loss
    steps: tuple[str, str, list[str | int]] = ("tokens", "int64", ["batch", "time"])
    if trained.scheme.padding is None:
        steps = ("values", "float32", ["batch", "time", len(trained.scheme.mean)])
    inputs = [steps, ("lengths", "int64", ["batch"])]
    beside = None
    if trained.beside is not None:
        inputs.append(("beside", "float32", ["batch", len(trained.beside.columns)]))
        mean, sd = np.array(trained.beside.mean), np.array(trained.beside.sd)
        beside = onnx_networks.standardized(graph, "beside", mean, sd)
    batch = sequences(graph, "lengths", steps[0])
    found = {}
    fitted = trained.temperatures or [1.0] * len(trained.networks)
    for (number, network), temperature in zip(trained.networks.items(), fitted, strict=True):
        z = onnx_networks.outputs_of(graph, network, steps[0], batch, beside)
        found[number] = onnx_networks.predictions_of(graph, loss, trained.scaling, z, temperature)
    named = dict(onnx_networks.mean_of(graph, list(found.values())))
    if len(found) > 1:
        named |= {f"{key}_seed{n}": name for n, own in found.items() for key, name in own.items()}
    shape: list[str | int] = ["batch"]
    if trained.task.per == "position":
        shape.append("time")
    outputs = []
    for key, name in named.items():
        classes = key.startswith("probability")
        if trained.task.per == "position":
            inside = graph.add("Unsqueeze", batch.inside, [2]) if classes else batch.inside
            name = graph.add("Where", inside, name, 0.0)
        outputs.append((key, name, shape + [len(trained.task.classes)] * classes))
    model = graph.model(
        trained.description["name"], inputs, outputs, trained.metadata,
        f"{trained.description['name']}, predicts {trained.metadata['target']}",
    )  # fmt: skip
    write_with(target, lambda temporary: onnx.save(model, str(temporary)))


def write_torch(
    folder: str | Path, target: str | Path, fold: int | None = None, seed: int | None = None
) -> None:
    """Write a trained model as a program of `torch.export` (`.pt2`, single precision).

    Parameters are those of `write_onnx`. Batch and time have any size. `torch.export.load(path)
    .module()` gives a function of `tokens` or `values`, `lengths` and `beside` that returns a dict;
    the file's `biornn.json` (`extra_files` of `load`) has what the metadata of an ONNX file have.

    Raises
    ------
    InputError
        When there is no such network, or this version of torch cannot trace it.
    """
    trained = Trained.read(folder, fold, seed)
    networks = [network.float() for network in trained.networks.values()]
    schemes, beside = [trained.scheme] * len(networks), trained.beside
    n_beside = trained.description["n_beside"]
    program = torch_programs.Program(
        stack(networks, Network(networks[0].config, schemes, trained.task, n_beside)),
        list(trained.networks), trained.loss, trained.scaling, trained.scheme.padding,
        None if beside is None else (beside.mean, beside.sd), trained.temperatures,
    )  # fmt: skip
    lengths = torch.tensor([8, 5, 3])
    steps = torch.zeros(3, 8, dtype=torch.int64)
    if trained.scheme.padding is None:
        steps = torch.zeros(3, 8, len(trained.scheme.mean))
    example = [steps, lengths]
    if beside is not None:
        example.append(torch.zeros(3, len(beside.columns)))
    try:
        exported = torch_programs.traced(program, tuple(example))
    except Exception as error:  # of many kinds, from within torch
        first = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"{folder}: torch {torch.__version__} can't trace this network "
            f"({type(error).__name__}: {first}). Export it as ONNX."
        ) from error
    extra = {"biornn.json": json.dumps(trained.metadata, ensure_ascii=False)}
    write_with(target, lambda temporary: torch.export.save(exported, temporary, extra_files=extra))
