"""Models: inputs to a recurrent layer to the outputs; saved without pickle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from . import __version__, cells
from .alphabets import ALPHABETS
from .config_models import ModelConfig
from .datasets import Batch
from .encoding import EncodedSequences
from .files import InputError, write_json, write_with
from .folds import read_descriptions
from .inputs import Inputs, RankedGenes
from .losses import Loss
from .targets import REGRESSION, Task

WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


@dataclass(frozen=True)
class InputScheme:
    """How inputs become numbers: one-hot letters, embedded genes, or (x - mean) / sd by channel.

    Attributes
    ----------
    alphabet : str or None
        Of letters.
    mean, sd : tuple of float
        Of each channel of numbers, over all steps of the training rows.
    vocabulary : int
        Genes that can be named; 0 where none are.
    """

    alphabet: str | None = None
    mean: tuple[float, ...] = ()
    sd: tuple[float, ...] = ()
    vocabulary: int = 0

    @classmethod
    def fit(cls, inputs: Inputs, train: np.ndarray) -> InputScheme:
        """From the training rows (boolean [n]); letters and genes need only what there may be."""
        if isinstance(inputs, EncodedSequences):
            return cls(inputs.alphabet.name)
        if isinstance(inputs, RankedGenes):
            return cls(vocabulary=inputs.vocabulary)
        if inputs.normalized:
            channels = inputs.values.shape[1]
            return cls(None, (0.0,) * channels, (1.0,) * channels)
        steps = inputs.values[np.repeat(train, inputs.lengths)].astype(np.float64)
        sd = steps.std(axis=0)
        # a channel that never changes says nothing, and is left as it is
        return cls(
            None, tuple(steps.mean(axis=0).tolist()), tuple(np.where(sd > 0, sd, 1).tolist())
        )

    def channels(self, config: ModelConfig) -> int:
        """Numbers at each step."""
        if self.vocabulary:
            return config.embedding_size
        return len(ALPHABETS[self.alphabet].letters) if self.alphabet else len(self.mean)


class Network(nn.Module):
    """A recurrent network: y = W_hy r(h_1 … h_T) + b_y, or y_t = W_hy h_t + b_y at each position.

    r is the readout: the last state of each direction (`last`: forward at the last letter, backward
    at the first), or the mean or maximum of the states over the letters. A position's h_t are the
    states of both directions there.

    Parameters
    ----------
    config : ModelConfig
    scheme : InputScheme
    task : Task
    """

    one_hot: Tensor
    mean: Tensor
    sd: Tensor

    def __init__(self, config: ModelConfig, scheme: InputScheme, task: Task = REGRESSION) -> None:
        super().__init__()
        self.reads_letters = scheme.alphabet is not None
        self.embedding: nn.Embedding | None = None
        if scheme.vocabulary:
            self.embedding = nn.Embedding(
                scheme.vocabulary + 1, config.embedding_size, padding_idx=scheme.vocabulary
            )
        elif scheme.alphabet is not None:
            codes = ALPHABETS[scheme.alphabet].one_hot
            table = np.vstack([codes, np.zeros((1, codes.shape[1]))]).astype(np.float32)
            self.register_buffer("one_hot", torch.from_numpy(table), persistent=False)
        else:
            for name, values in (("mean", scheme.mean), ("sd", scheme.sd)):
                buffer = torch.tensor(values, dtype=torch.float32)
                self.register_buffer(name, buffer, persistent=False)
        self.recurrent = cells.build_cell(
            config.cell,
            scheme.channels(config),
            config.hidden_size,
            config.layers,
            dropout=config.dropout if config.layers > 1 else 0.0,
            bidirectional=config.bidirectional,
            activation=config.activation,
            peephole=config.peephole,
        )
        if config.initialization == "orthogonal":
            cells.initialize(self.recurrent)
        self.readout = None if task.per == "position" else config.readout
        self.directions = 2 if config.bidirectional else 1
        self.dropout = nn.Dropout(config.dropout)
        n_outputs = Loss.of(task, config.loss).n_outputs
        self.output = nn.Linear(self.directions * config.hidden_size, n_outputs)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs of a batch, as the loss takes them: values, or logits of the classes.

        Parameters
        ----------
        inputs : Tensor
            As in `Batch`.
        lengths : Tensor or None
            int64 [batch], where there is padding.

        Returns
        -------
        Tensor
            [batch, outputs], or [batch, time, outputs] where each position has a target.
        """
        if self.reads_letters:
            steps = nn.functional.embedding(inputs, self.one_hot)  # [batch, time, channel]
        elif self.embedding is not None:
            steps = self.embedding(inputs)
        else:
            steps = (inputs - self.mean) / self.sd
        hidden, state = self.recurrent(steps, lengths=lengths)  # hidden [batch, time, unit]
        read = hidden if self.readout is None else self._pool(hidden, state, lengths)
        return self.output(self.dropout(read))

    def _pool(self, hidden: Tensor, state: Any, lengths: Tensor | None) -> Tensor:
        if self.readout == "last":
            last = state[0] if isinstance(state, tuple) else state
            return torch.cat(last[-self.directions :].unbind(0), dim=1)
        if self.readout == "mean":
            # states beyond the length are zero
            n_letters = hidden.shape[1] if lengths is None else lengths[:, None]
            return hidden.sum(dim=1) / n_letters
        if lengths is not None:
            inside = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
            hidden = hidden.masked_fill(~inside[:, :, None], -torch.inf)
        return hidden.amax(dim=1)


def count_parameters(network: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


@torch.no_grad()
def infer(network: nn.Module, batches: Iterable[Batch], n: int) -> np.ndarray:
    """Outputs for targets of a dataset; float64 [n, outputs], NaN for those in no batch.

    `n` is the number of targets of the dataset.
    """
    network.eval()
    values = None
    for batch in batches:
        outputs = network(batch.inputs, batch.lengths).double().cpu().numpy()
        if values is None:
            values = np.full((n, outputs.shape[-1]), np.nan)
        places = batch.places.numpy()
        inside = places >= 0
        values[places[inside]] = outputs[inside]
    return np.full((n, 1), np.nan) if values is None else values


def describe(
    name: str,
    config: ModelConfig,
    scheme: InputScheme,
    task: Task,
    target_scaling: Mapping[str, float],
    runs: list[dict[str, Any]],
) -> dict[str, Any]:
    """What `model.json` must say for `load`, and for a person who finds the file."""
    return {
        "name": name,
        "kind": "control" if config.shuffle_labels else "recurrent",
        "biornn_version": __version__,
        "architecture": config.model_dump(mode="json"),
        "inputs": asdict(scheme),
        "task": task.to_dict(),
        "target_scaling": dict(target_scaling),
        "n_parameters": count_parameters(Network(config, scheme, task)),
        "runs": runs,
    }


def save(
    folder: str | Path,
    trained: Mapping[int, tuple[Mapping[str, Any], Mapping[int, Mapping[str, Tensor]]]],
) -> None:
    """Write `model.json` and `weights.safetensors`.

    Parameters
    ----------
    folder
    trained
        By fold the description and, by seed, the weights. The description of one fold is the whole
        `model.json`; those of several are its list `folds`. All weights are in one file.
    """
    tensors = {
        f"fold{fold}/seed{seed}/{name}": tensor.detach().cpu().contiguous()
        for fold, (_, states) in trained.items()
        for seed, state in states.items()
        for name, tensor in state.items()
    }
    descriptions = [{**given, "fold": fold} for fold, (given, _) in trained.items()]
    description = descriptions[0] if len(descriptions) == 1 else {"folds": descriptions}
    folder = Path(folder)
    write_with(folder / WEIGHTS, lambda temporary: save_file(tensors, temporary))
    write_json(folder / DESCRIPTION, description)


def load(folder: str | Path, fold: int | None = None) -> tuple[dict[str, Any], dict[int, Network]]:
    """The description and, for each seed, the network that `save` wrote; of the first fold in it.

    Raises
    ------
    InputError
        When the folder holds no recurrent network.
    """
    folder = Path(folder)
    try:
        descriptions = read_descriptions(folder / DESCRIPTION)
        wanted = descriptions[0]["fold"] if fold is None else fold
        (description,) = [each for each in descriptions if each["fold"] == wanted]
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no trained network can be read here: {error}.") from None
    config = ModelConfig.model_validate(description["architecture"])
    inputs = description["inputs"]
    scheme = InputScheme(
        inputs["alphabet"], tuple(inputs["mean"]), tuple(inputs["sd"]), inputs["vocabulary"]
    )
    task = Task.from_dict(description["task"])
    networks = {}
    for run in description["runs"]:
        prefix = f"fold{description['fold']}/seed{run['seed']}/"
        state = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        # the file decides the precision: a network trained in float64 predicts in float64
        network = Network(config, scheme, task).to(next(iter(state.values())).dtype)
        network.load_state_dict(state)
        networks[run["seed"]] = network.eval()
    return description, networks
