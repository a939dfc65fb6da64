"""Configuration of the models: networks, their training, and baselines."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from .config_base import Section


def possible_losses(task: str) -> tuple[str, ...]:
    """Values of `loss` that a task allows beside `auto`; the first is what `auto` takes."""
    if task == "count":
        return ("poisson",)
    return ("mse", "huber", "gaussian") if task in ("regression", "next_value") else ()


class ConvolutionConfig(Section):
    """Filters over the letters in front of the recurrence (as in DanQ, Quang & Xie 2016)."""

    filters: int = Field(64, ge=1, description="Filters.")
    width: int = Field(11, ge=1, description="Letters that a filter sees; an odd number.")
    pool: int = Field(
        1, ge=1, description="Neighbouring positions of which the largest value is kept."
    )

    @field_validator("width")
    @classmethod
    def _odd(cls, width: int) -> int:
        if width % 2 == 0:
            raise ValueError("must be odd, so that a filter has a middle")
        return width


class ModelConfig(Section):
    """A recurrent network, or one of self-attention to compare it with."""

    cell: Literal["rnn", "lstm", "gru", "mingru", "minlstm", "self_attention"] = Field(
        description="The recurrent update rule; `mingru` and `minlstm` (Feng et al. 2024) have "
        "gates that do not see the state; `self_attention` is an encoder without recurrence "
        "(Vaswani et al. 2017)."
    )
    activation: Literal["tanh", "relu", "sigmoid"] = Field(
        "tanh", description="Nonlinearity of an `rnn`."
    )
    peephole: Literal["diagonal", "full"] | None = Field(
        None, description="Peephole connections of an `lstm` (Gers & Schmidhuber 2000)."
    )
    letters: Literal["one_hot", "embedding"] = Field(
        "one_hot", description="How letters are read: one-hot, or as vectors that are learned."
    )
    embedding_size: int = Field(
        32, ge=1, description="Numbers that stand for a gene (profiles by rank), or for a letter."
    )
    convolution: ConvolutionConfig | None = Field(
        None, description="Filters in front of the recurrence."
    )
    hidden_size: int = Field(64, ge=1, description="Units in a direction.")
    layers: int = Field(1, ge=1, description="Recurrent layers on top of each other.")
    bidirectional: bool = Field(True, description="Read the sequence from both ends.")
    residual: bool = Field(
        False, description="From the second layer on, add a layer's input to its output."
    )
    attention_heads: int | None = Field(
        None,
        ge=1,
        description="Heads of multi-head self-attention on top of the recurrence; for `cell: "
        "self_attention` those of each layer (4).",
    )
    readout: Literal["last", "mean", "max", "mean_max", "attention"] | None = Field(
        None,
        description="How the hidden states of a sequence become one vector: `last` without "
        "self-attention, else `mean`; `attention` learns a weight for each position (Bahdanau et "
        "al. 2015), which is saved.",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropped fraction between layers and before the output."
    )
    variational_dropout: bool = Field(
        False,
        description="Between layers, one mask for all steps of a sequence (Gal & Ghahramani 2016).",
    )
    beside_size: int = Field(
        32, ge=1, description="Units that read the second input, where there is one."
    )
    initialization: Literal["orthogonal", "uniform"] = Field(
        "orthogonal",
        description="Orthogonal recurrent matrices and an open forget gate, or torch's own.",
    )
    loss: Literal["auto", "mse", "huber", "gaussian", "poisson"] = Field(
        "auto",
        description="For numbers: mean squared error; Huber's, which outliers move less; that of a "
        "normal distribution whose standard deviation is predicted too. For counts: `poisson`. "
        "`auto` takes `mse`, or what classes, labels and counts need.",
    )
    epochs: int | None = Field(
        None, ge=1, description="This model's own number of epochs, in place of `training.epochs`."
    )
    learning_rate: float | None = Field(
        None, gt=0, description="This model's own rate, in place of `training.learning_rate`."
    )
    shuffle_labels: bool = Field(
        False, description="Train on shuffled targets: a negative control, reported apart."
    )

    @model_validator(mode="after")
    def _options_belong_to_the_cell(self) -> ModelConfig:
        if self.peephole and self.cell != "lstm":
            raise ValueError(f"peephole is for cell: lstm, not for cell: {self.cell}")
        if self.activation != "tanh" and self.cell != "rnn":
            raise ValueError(f"activation is for cell: rnn, not for cell: {self.cell}")
        mixed = self.attention_heads is not None or self.cell == "self_attention"
        if mixed and self.readout == "last":
            raise ValueError(
                "readout: last is for a recurrence alone; self-attention mixes the positions, take "
                "mean, max, mean_max or attention"
            )
        if mixed and self.width % self.heads:
            raise ValueError(
                f"{self.heads} attention heads can't share {self.width} units; hidden_size (times "
                "two directions) must be a multiple of attention_heads"
            )
        return self

    @property
    def heads(self) -> int:
        """Heads of self-attention, where there is any."""
        return self.attention_heads or 4

    @property
    def directions(self) -> int:
        """Directions in which a sequence is read; self-attention has none."""
        return 2 if self.bidirectional and self.cell != "self_attention" else 1

    @property
    def width(self) -> int:
        """Units at each position."""
        return self.directions * self.hidden_size

    @property
    def pooling(self) -> str:
        """The readout that is taken."""
        mixed = self.attention_heads is not None or self.cell == "self_attention"
        return self.readout or ("mean" if mixed else "last")


class TrainingConfig(Section):
    """How every network is trained."""

    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(
        [1, 2, 3], min_length=1, description="One network is trained for each."
    )
    epochs: int = Field(20, ge=1, description="Largest number of passes over the training data.")
    batch_size: int = Field(128, ge=1, description="Examples in a step.")
    optimizer: Literal["adam", "adamw"] = Field("adam", description="Kingma & Ba 2015; with decoupled weight decay: Loshchilov & Hutter 2019.")  # fmt: skip  # noqa: E501
    learning_rate: float = Field(1e-3, gt=0, description="Highest learning rate.")
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of the optimizer.")
    schedule: Literal["constant", "cosine", "one_cycle"] = Field(
        "cosine", description="Course of the learning rate over the epochs."
    )
    patience: int = Field(
        5, ge=1, description="Epochs without a better validation loss before training stops."
    )
    clip_norm: float = Field(1.0, gt=0, description="Gradients with a larger norm are scaled down.")
    clip_value: float | None = Field(
        None, gt=0, description="Each gradient is held within ± this, before `clip_norm`."
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="Parts in which a batch is trained, where the memory does not hold it; the "
        "gradients are the same. Doubled by itself when a GPU's memory is not enough.",
    )
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        None,
        description="Weight of each class in the loss (of labels: of those that have it), one for "
        "those that are not named; `balanced` makes rare classes weigh as much as common ones.",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the target that is spread evenly over all classes (Szegedy et al. "
        "2016).",
    )
    huber_delta: float = Field(
        1.0,
        gt=0,
        description="With `loss: huber`: errors above it count linearly, in standard deviations of "
        "the training targets.",
    )
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="Arithmetic, in Lightning Fabric's words."
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="`auto` takes a GPU when the job was given one."
    )
    devices: int = Field(
        1, ge=1, description="GPUs (or processes, on CPUs) that share each batch of a training job."
    )
    nodes: int = Field(
        1,
        ge=1,
        description="Nodes of a SLURM cluster that share each batch, with `devices` on each.",
    )
    tensorboard: bool = Field(
        False,
        description="Also write TensorBoard's event files, to `results/{analysis}/tensorboard` "
        "(needs the package tensorboard).",
    )
    threads: int = Field(
        1,
        ge=1,
        description="CPU threads of a training job's process; another number may give other last "
        "digits.",
    )

    @property
    def takes_fabric(self) -> bool:
        """Whether Lightning Fabric runs it: several processes, or mixed precision."""
        return self.devices > 1 or self.nodes > 1 or self.precision.endswith("mixed")

    def of_part(self, share: float) -> TrainingConfig:
        """The same number of steps on a share of the examples: more passes, and more patience.

        With as many passes a part would show what few steps do, and not what few examples do.
        """
        more = {key: math.ceil(getattr(self, key) / share) for key in ("epochs", "patience")}
        return self.model_copy(update=more)

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("each seed may be given once")
        return seeds


class SimpleModel(Section):
    """What all baselines may say."""

    shuffle_labels: bool = Field(
        False, description="Fit on shuffled targets: a negative control, reported apart."
    )


class MeanBaseline(SimpleModel):
    """Predicts the mean of the training targets, or how often each class is there."""

    kind: Literal["mean"]


class PersistenceBaseline(SimpleModel):
    """Predicts that the next value is the present one (for `target.task: next_value`)."""

    kind: Literal["persistence"]


class LinearBaseline(SimpleModel):
    """Ridge regression on one-hot letters; with the same penalty logistic regression for classes
    (one for each label), and Poisson regression for counts.

    The penalty is chosen on the validation rows.
    """

    kind: Literal["linear"]
    features: Literal["additive", "neighbor", "pairwise", "kmers"] = Field(
        "additive",
        description="Letters at their positions; and adjacent pairs; and all pairs of positions; "
        "or how often each k-mer is in the sequence (where that is the input), wherever it lies.",
    )
    k: int | None = Field(
        None, ge=1, le=8, description="Letters of a k-mer; 4 nucleotides or 2 amino acids."
    )
    penalties: list[Annotated[float, Field(gt=0)]] = Field(
        [0.1, 1.0, 10.0, 100.0], min_length=1, description="Penalties to choose from."
    )
    window: int = Field(
        7,
        ge=0,
        description="Where each position has a target: letters that are seen on each side (before "
        "it only, with `target.task: next_value`).",
    )


class BoostingBaseline(SimpleModel):
    """Histogram gradient boosting on the letter at each position (scikit-learn)."""

    kind: Literal["gradient_boosting"]
    features: Literal["letters", "kmers"] = Field(
        "letters",
        description="Letters (or values) at their positions, or how often each k-mer is there.",
    )
    k: int | None = Field(
        None, ge=1, le=8, description="Letters of a k-mer; 4 nucleotides or 2 amino acids."
    )
    learning_rate: float = Field(0.1, gt=0, description="Shrinkage of each tree.")
    max_iterations: int = Field(
        1000, ge=1, description="Most trees; the validation rows stop the growth earlier."
    )
    max_leaves: int = Field(31, ge=2, description="Leaves of a tree.")
    window: int = Field(
        7,
        ge=0,
        description="Where each position has a target: letters that are seen on each side (before "
        "it only, with `target.task: next_value`).",
    )


class NearestBaseline(SimpleModel):
    """Copies what the most similar training example says: letters by edit distance, numbers by
    Euclidean distance. Beside a network it shows what memory alone is worth.
    """

    kind: Literal["nearest_neighbor"]
    window: int = Field(
        7,
        ge=0,
        description="Where each step of numbers has a target: steps that are seen on each side.",
    )


Baseline = Annotated[
    MeanBaseline | PersistenceBaseline | LinearBaseline | BoostingBaseline | NearestBaseline,
    Field(discriminator="kind"),
]
