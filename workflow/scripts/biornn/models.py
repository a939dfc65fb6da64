"""Models: letters to a recurrent layer to one vector to the output; saved without pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from . import __version__, cells
from .alphabets import ALPHABETS, Alphabet
from .config_models import ModelConfig
from .datasets import Batch
from .files import InputError, write_json, write_with

WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


class Network(nn.Module):
    """A recurrent network from sequences to one value each: y = W_hy r(h_1 … h_T) + b_y.

    r is the readout: the last state of each direction (`last`: forward at the last letter, backward
    at the first), or the mean or maximum of the states over the letters.

    Parameters
    ----------
    config : ModelConfig
    alphabet : Alphabet
    n_outputs : int
    """

    one_hot: Tensor

    def __init__(self, config: ModelConfig, alphabet: Alphabet, n_outputs: int = 1) -> None:
        super().__init__()
        table = np.vstack([alphabet.one_hot, np.zeros((1, len(alphabet.letters)))])
        self.register_buffer(
            "one_hot", torch.from_numpy(table.astype(np.float32)), persistent=False
        )
        self.recurrent = cells.build_cell(
            config.cell,
            len(alphabet.letters),
            config.hidden_size,
            config.layers,
            dropout=config.dropout if config.layers > 1 else 0.0,
            bidirectional=config.bidirectional,
            activation=config.activation,
            peephole=config.peephole,
        )
        if config.initialization == "orthogonal":
            cells.initialize(self.recurrent)
        self.readout = config.readout
        self.directions = 2 if config.bidirectional else 1
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(self.directions * config.hidden_size, n_outputs)

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs [batch, n_outputs] of tokens [batch, time]; `lengths` [batch] where padded."""
        inputs = nn.functional.embedding(tokens, self.one_hot)  # [batch, time, channel]
        hidden, state = self.recurrent(inputs, lengths=lengths)  # hidden [batch, time, unit]
        return self.output(self.dropout(self._pool(hidden, state, lengths)))

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
    """Outputs for rows of a dataset of n; float64 [n], NaN for rows that are in no batch."""
    network.eval()
    values = np.full(n, np.nan)
    for batch in batches:
        outputs = network(batch.tokens, batch.lengths)[:, 0]
        values[batch.rows.numpy()] = outputs.double().cpu().numpy()
    return values


def describe(
    name: str,
    config: ModelConfig,
    alphabet: Alphabet,
    target_scaling: Mapping[str, float],
    runs: list[dict[str, Any]],
) -> dict[str, Any]:
    """What `model.json` must say for `load`, and for a person who finds the file."""
    return {
        "name": name,
        "kind": "control" if config.shuffle_labels else "recurrent",
        "biornn_version": __version__,
        "architecture": config.model_dump(mode="json"),
        "alphabet": alphabet.name,
        "target_scaling": dict(target_scaling),
        "n_parameters": count_parameters(Network(config, alphabet)),
        "runs": runs,
    }


def save(
    folder: str | Path, description: Mapping[str, Any], states: Mapping[int, Mapping[str, Tensor]]
) -> None:
    """Write `model.json` and `weights.safetensors`; the weights of every seed are in one file."""
    tensors = {
        f"seed{seed}/{name}": tensor.detach().cpu().contiguous()
        for seed, state in states.items()
        for name, tensor in state.items()
    }
    folder = Path(folder)
    write_with(folder / WEIGHTS, lambda temporary: save_file(tensors, temporary))
    write_json(folder / DESCRIPTION, dict(description))


def load(folder: str | Path) -> tuple[dict[str, Any], dict[int, Network]]:
    """The description and, for each seed, the network that `save` wrote.

    Raises
    ------
    InputError
        When the folder holds no recurrent network.
    """
    folder = Path(folder)
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no trained network can be read here: {error}.") from None
    config = ModelConfig.model_validate(description["architecture"])
    alphabet = ALPHABETS[description["alphabet"]]
    networks = {}
    for run in description["runs"]:
        prefix = f"seed{run['seed']}/"
        state = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        # the file decides the precision: a network trained in float64 predicts in float64
        network = Network(config, alphabet).to(next(iter(state.values())).dtype)
        network.load_state_dict(state)
        networks[run["seed"]] = network.eval()
    return description, networks
