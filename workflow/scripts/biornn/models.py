"""Models: inputs to a recurrent layer to the outputs; saved without pickle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from . import __version__, blocks, cells, spreads
from .alphabets import ALPHABETS
from .beside import BesideScaling
from .blocks import Noise
from .config_models import ModelConfig
from .datasets import NOTHING, Batch
from .encoding import EncodedSequences
from .files import InputError, write_json, write_with
from .folds import describe_fold
from .inputs import Inputs, RankedGenes
from .losses import Loss
from .recurrence import Recorded
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
        sd = spreads.exact(steps.std(axis=0), steps)
        # a channel that never changes says nothing, and is left as it is
        return cls(
            None, tuple(steps.mean(axis=0).tolist()), tuple(np.where(sd > 0, sd, 1).tolist())
        )

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> InputScheme:
        """From what `model.json` says."""
        return cls(value["alphabet"], tuple(value["mean"]), tuple(value["sd"]), value["vocabulary"])

    @property
    def padding(self) -> int | None:
        """The code of padding, after the last of letters or genes; None where steps are numbers."""
        if self.vocabulary:
            return self.vocabulary
        return len(ALPHABETS[self.alphabet].codes) if self.alphabet else None

    def channels(self, config: ModelConfig) -> int:
        """Numbers at each step."""
        if self.vocabulary:
            return config.embedding_size
        return len(ALPHABETS[self.alphabet].letters) if self.alphabet else len(self.mean)


class Network(nn.Module):
    """Networks of stacked replicates: inputs, recurrence, readout r, y = W_hy r(h_1 … h_T) + b_y.

    Where each position has a target, y_t = W_hy h_t + b_y. The readout `last` is the last state of
    each direction (forward at the last letter, backward at the first); the others are taken over
    the states of both directions at all letters. A second input is fused late: what a layer of its
    own makes of it stands beside r.

    Parameters
    ----------
    config : ModelConfig
    schemes : InputScheme or sequence of InputScheme
        One a replicate; one alone stands for one replicate.
    task : Task
    n_beside : int
        Features of the second input; 0 where there is none.

    Raises
    ------
    InputError
        When positions are pooled and each needs an output.
    """

    one_hot: Tensor
    mean: Tensor
    sd: Tensor

    def __init__(
        self,
        config: ModelConfig,
        schemes: InputScheme | Sequence[InputScheme],
        task: Task = REGRESSION,
        n_beside: int = 0,
    ) -> None:
        super().__init__()
        schemes = [schemes] if isinstance(schemes, InputScheme) else list(schemes)
        scheme, self.replicates = schemes[0], len(schemes)
        self.config, self.per_position = config, task.per == "position"
        # what is to come must not be seen by what predicts it
        self.causal = task.next_value
        channels = self._build_inputs(config, schemes)
        self.convolution = None
        if config.convolution is not None:
            own = config.convolution
            if own.pool > 1 and self.per_position:
                raise InputError(
                    "convolution.pool: each position needs an output here, and pooled positions "
                    "have none. Set pool: 1."
                )
            self.convolution = blocks.Convolution(
                channels, own.filters, own.width, own.pool, self.replicates
            )
            channels = own.filters
        self.reads_letters = scheme.alphabet is not None
        self.recurrent: cells.Cell | None = None
        self.encoder: blocks.Encoder | None = None
        sizes = (channels, config.hidden_size, config.layers)
        if config.cell == "self_attention":
            self.encoder = blocks.Encoder(*sizes, config.heads, self.replicates, config.dropout)
        else:
            self.recurrent = cells.build_cell(
                config.cell, *sizes, replicates=self.replicates, dropout=config.dropout,
                over_time=config.variational_dropout, residual=config.residual,
                bidirectional=config.bidirectional, activation=config.activation,
                peephole=config.peephole,
            )  # fmt: skip
            if config.initialization == "orthogonal":
                cells.initialize(self.recurrent)
        self.on_top: blocks.SelfAttention | None = None
        if self.recurrent is not None and config.attention_heads is not None:
            self.on_top = blocks.SelfAttention(
                config.width, config.heads, self.replicates, config.dropout
            )
        self.attention: blocks.AdditiveAttention | None = None
        width = config.width
        if not self.per_position and config.pooling == "attention":
            self.attention = blocks.AdditiveAttention(width, self.replicates)
        if not self.per_position and config.pooling == "mean_max":
            width *= 2
        self.beside: blocks.Linear | None = None
        if n_beside:
            self.beside = blocks.Linear(n_beside, config.beside_size, self.replicates)
            width += config.beside_size
        self.output = blocks.Linear(width, Loss.of(task, config.loss).n_outputs, self.replicates)

    def _build_inputs(self, config: ModelConfig, schemes: list[InputScheme]) -> int:
        """What turns inputs into steps; returns the channels of a step."""
        scheme = schemes[0]
        self.embedding: blocks.Embedding | None = None
        if scheme.vocabulary:
            self.embedding = blocks.Embedding(
                scheme.vocabulary, config.embedding_size, self.replicates
            )
            return config.embedding_size
        if scheme.alphabet is not None:
            alphabet = ALPHABETS[scheme.alphabet]
            if config.letters == "embedding":
                self.embedding = blocks.Embedding(
                    len(alphabet.codes), config.embedding_size, self.replicates
                )
                return config.embedding_size
            codes = alphabet.one_hot
            table = np.vstack([codes, np.zeros((1, codes.shape[1]))]).astype(np.float32)
            self.register_buffer("one_hot", torch.from_numpy(table), persistent=False)
            return codes.shape[1]
        for name in ("mean", "sd"):
            values = torch.tensor([getattr(each, name) for each in schemes], dtype=torch.float32)
            self.register_buffer(name, values[:, None, None], persistent=False)
        return len(scheme.mean)

    def read(self, inputs: Tensor) -> Tensor:
        """What the network sees of each step, [replicate, batch, time, channel]: letters one-hot or
        as learned vectors, genes as learned vectors, numbers standardised; padding is zero.
        """
        if self.embedding is not None:
            return self.embedding(inputs)
        if self.reads_letters:
            return nn.functional.embedding(inputs, self.one_hot)
        return (inputs - self.mean) / self.sd

    def states(
        self,
        steps: Tensor,
        lengths: Tensor | None = None,
        noise: Noise | None = None,
        record: list[Recorded] | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """States at each position, the last one of each direction, and lengths after pooling.

        `steps` are those of `read`.

        Returns
        -------
        hidden : Tensor
            [replicate, batch, time, unit].
        last : Tensor or None
            [replicate, batch, unit]; None without recurrence.
        lengths : Tensor or None
        """
        if self.convolution is not None:
            steps, lengths = self.convolution(steps, lengths)
            if noise is not None:
                noise.pooled(self.convolution.pool)
        last = None
        if self.recurrent is not None:
            hidden, (ends, *_) = self.recurrent(
                steps, lengths=lengths, noise=noise, record=record, whole_state=False
            )
            last = torch.cat(ends[-self.recurrent.directions :].unbind(0), dim=2)
            if self.on_top is not None:
                hidden = self.on_top(hidden, lengths, noise, self.causal)
        else:
            assert self.encoder is not None
            hidden = self.encoder(steps, lengths, noise, self.causal)
        return hidden, last, lengths

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        beside: Tensor | None = None,
        noise: Noise | None = None,
        record: list[Recorded] | None = None,
    ) -> Tensor:
        """Outputs of a batch: values, or logits of the classes.

        Parameters
        ----------
        inputs, lengths, beside
            As in `Batch`.
        noise : Noise, optional
            For dropout; there is none without it.
        record : list, optional
            As in `recurrence.Cell.forward`.

        Returns
        -------
        Tensor
            [replicate, batch, outputs], or [replicate, batch, time, outputs] where each position
            has a target.
        """
        return self.of_steps(self.read(inputs), lengths, beside, noise, record)

    def of_steps(
        self,
        steps: Tensor,
        lengths: Tensor | None = None,
        beside: Tensor | None = None,
        noise: Noise | None = None,
        record: list[Recorded] | None = None,
    ) -> Tensor:
        """`forward` from what `read` made of the inputs: a smooth function of its steps."""
        hidden, last, lengths = self.states(steps, lengths, noise, record)
        read = hidden if self.per_position else self._pool(hidden, last, lengths)
        if self.beside is not None:
            assert beside is not None
            other = torch.relu(self.beside(beside))
            if self.per_position:
                other = other[:, :, None].expand(-1, -1, read.shape[2], -1)
            read = torch.cat([read, other], dim=-1)
        return self.output(blocks.drop(read, self.config.dropout, noise))

    def _pool(self, hidden: Tensor, last: Tensor | None, lengths: Tensor | None) -> Tensor:
        pooling = self.config.pooling
        if pooling == "last":
            assert last is not None
            return last
        if self.attention is not None:
            return self.attention(hidden, lengths)[0]
        parts = []
        if pooling in ("mean", "mean_max"):
            # where self-attention has put something beyond the length, it does not count
            inside = hidden if lengths is None else hidden * _inside(hidden, lengths)
            n_letters = hidden.shape[2] if lengths is None else lengths[..., None]
            parts.append(inside.sum(dim=2) / n_letters)
        if pooling in ("max", "mean_max"):
            if lengths is not None:
                hidden = hidden.masked_fill(~_inside(hidden, lengths), -torch.inf)
            parts.append(hidden.amax(dim=2))
        return torch.cat(parts, dim=2)

    def attended(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Weight of each position in the readout `attention`: [replicate, batch, time / pool]."""
        assert self.attention is not None
        hidden, _, lengths = self.states(self.read(inputs), lengths)
        return self.attention(hidden, lengths)[1]


def _inside(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Boolean [replicate, batch, time, 1]: False beyond a length."""
    return (torch.arange(hidden.shape[2], device=hidden.device) < lengths[..., None])[..., None]


def blank(
    config: ModelConfig, schemes: Sequence[InputScheme], task: Task, n_beside: int
) -> Network:
    """A network whose weights will be replaced: orthogonal ones take long to draw."""
    network = Network(
        config.model_copy(update={"initialization": "uniform"}), schemes, task, n_beside
    )
    network.config = config
    return network


def stack(networks: Sequence[Network], into: Network) -> Network:
    """Copy networks of one replicate each into one that has a place for all of them."""
    states = [network.state_dict() for network in networks]
    into.load_state_dict({name: torch.cat([state[name] for state in states]) for name in states[0]})
    return into


def count_parameters(network: Network) -> int:
    """Number of trained values of one replicate."""
    trained = [each for each in network.parameters() if each.requires_grad]
    return sum(parameter.numel() for parameter in trained) // network.replicates


@torch.no_grad()
def infer(network: Network, batches: Iterable[Batch], n: int) -> np.ndarray:
    """Outputs for targets of a dataset; float64 [replicate, n, outputs], NaN for those in no batch.

    `n` is the number of targets of the dataset.
    """
    network.eval()
    values = np.full((network.replicates, n, network.output.weight.shape[1]), np.nan)
    for batch in batches:
        outputs = network(batch.inputs, batch.lengths, batch.beside).double().cpu().numpy()
        places = batch.places.numpy()
        inside = places >= 0
        if batch.places.dim() == 2:
            inside &= (batch.rows != NOTHING).numpy()
        replicate = np.nonzero(inside)[0]
        values[replicate, places[inside]] = outputs[inside]
    return values


def describe(
    name: str,
    config: ModelConfig,
    scheme: InputScheme,
    task: Task,
    target_scaling: Mapping[str, float],
    runs: list[dict[str, Any]],
    beside: BesideScaling | None = None,
) -> dict[str, Any]:
    """What `model.json` must say for `load`, and for a person who finds the file."""
    n_beside = 0 if beside is None else len(beside.columns)
    network = Network(config, scheme, task, n_beside)
    return {
        "name": name,
        "kind": "control" if config.shuffle_labels else "recurrent",
        "biornn_version": __version__,
        "versions": {"torch": str(torch.__version__), "numpy": np.__version__},
        "architecture": config.model_dump(mode="json"),
        "inputs": asdict(scheme),
        "task": task.to_dict(),
        "target_scaling": dict(target_scaling),
        "n_beside": n_beside,
        "beside": None if beside is None else asdict(beside),
        "n_parameters": count_parameters(network),
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
        By fold the description and, by seed, the weights (of one replicate, without that
        dimension). The description of one fold is the whole `model.json`; those of several are its
        list `folds`. All weights are in one file.
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
    """The description and, for each seed, its network (one replicate), of one fold or the first.

    Raises
    ------
    InputError
        When the folder holds no recurrent network, or not this fold.
    """
    folder = Path(folder)
    description = describe_fold(folder / DESCRIPTION, fold)
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder}: no trained network can be read here: {error}.") from None
    config = ModelConfig.model_validate(description["architecture"])
    scheme = InputScheme.from_dict(description["inputs"])
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
        network = blank(config, [scheme], task, description["n_beside"])
        network = network.to(next(iter(state.values())).dtype)
        network.load_state_dict({name: value[None] for name, value in state.items()})
        networks[run["seed"]] = network.eval()
    return description, networks
