"""Losses: what training makes small, and how a network's outputs become predictions.

A loss works on stacked replicates. It gives the loss of every target and the weight that it has in
the mean, both zero where there is no label, so that the caller decides what it averages over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import spreads
from .checking import listed, nearest
from .config_models import ModelConfig, TrainingConfig, possible_losses
from .files import InputError
from .folds import FoldData
from .targets import MASKED, Task

#: Largest logarithm of a variance, in squared standard deviations of the training targets.
MAX_LOG_VARIANCE = 10.0

_OF_CLASSES = {"classification": "cross_entropy", "ordinal": "ordinal", "multilabel": "binary"}

#: What arithmetic takes alike.
Values = TypeVar("Values", np.ndarray, Tensor)
ClassWeights = Literal["balanced"] | Mapping[str, float] | None


@dataclass(frozen=True)
class TargetScaling:
    """What networks learn: (y - mean) / sd.

    Numbers are standardised by the training targets. Counts are divided by their mean, so that
    they stay counts to the Poisson loss, and a network starts at this mean. Classes are left.
    """

    mean: float
    sd: float

    @classmethod
    def fit(cls, train_targets: np.ndarray, *, counts: bool = False) -> TargetScaling:
        """From the training rows; a constant target can't be learned and is refused."""
        sd = float(spreads.exact(np.std(train_targets), train_targets))
        if not sd > 0:
            raise InputError(
                f"All {len(train_targets)} training targets are {train_targets[0]:g}: "
                "there is nothing to learn. Check the target column and the split."
            )
        mean = float(np.mean(train_targets))
        return cls(0.0, mean) if counts else cls(mean, sd)

    @classmethod
    def of(cls, data: FoldData) -> TargetScaling:
        """What fits the fold's task; examples that weigh nothing are not looked at."""
        rows = data.unit_rows("train")
        if data.unit_weights is not None:
            rows = rows[data.unit_weights[rows] > 0]
        train = data.targets[rows]
        if data.task.kind == "regression":
            return cls.fit(train, counts=data.task.counts)
        if len(np.unique(train, axis=0)) < 2:
            what = "have the same labels" if data.task.kind == "multilabel" else "are of one class"
            raise InputError(
                f"All training examples {what}: there is nothing to learn. Check the "
                "target column and the split."
            )
        return cls(0.0, 1.0)

    def scale(self, values: np.ndarray) -> np.ndarray:
        """From the target's unit to that of the network."""
        return values if (self.mean, self.sd) == (0, 1) else (values - self.mean) / self.sd

    def unscale(self, values: Values) -> Values:
        """From the unit of the network to the target's."""
        return values * self.sd + self.mean


@dataclass(frozen=True)
class Loss:
    """The loss of one task; z are the outputs of the network's last linear layer, y the target.

    ================ ========= ==================================================================
    kind             outputs   loss of a target
    ================ ========= ==================================================================
    `mse`            1         (y - z)²
    `huber`          1         (y - z)² / 2 up to δ, then δ(abs(y - z) - δ/2) (Huber 1964)
    `gaussian`       2         (s + (y - z_1)² exp(-s)) / 2, s = 10 tanh(z_2 / 10): mean and log
                               variance (Nix & Weigend 1994), the latter held within ±10
    `poisson`        1         exp(z) - y z, the negative log likelihood without ln y!
    `cross_entropy`  classes   -Σ_k t_k ln softmax(z)_k; t is one-hot, or (1 - ε) one-hot + ε/K
                               with label smoothing ε (Szegedy et al. 2016)
    `ordinal`        classes-1 -ln p_y of cumulative logits (McCullagh 1980), see `ordinal_log_p`
    `binary`         labels    cross entropy of σ(z) for each label; smoothed t = (1 - ε) y + ε/2
    ================ ========= ==================================================================

    Attributes
    ----------
    kind : str
    task : Task
    class_weights : tuple of float or None
        Weight in the mean of the targets of each class; where an example may have several labels,
        of its positives (as `pos_weight` in torch).
    label_smoothing : float
        ε.
    delta : float
        δ, in the unit of the network.
    """

    kind: str
    task: Task
    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0
    delta: float = 1.0

    @classmethod
    def of(
        cls,
        task: Task,
        kind: str = "auto",
        class_weights: ClassWeights = None,
        label_smoothing: float = 0.0,
        delta: float = 1.0,
        train_targets: np.ndarray | None = None,
    ) -> Loss:
        """The loss that fits a task and the settings.

        Parameters
        ----------
        task : Task
        kind : str
            `auto`, or a loss for numbers.
        class_weights : "balanced" or mapping or None
            `balanced` makes every class weigh the same in the training set, n / (K n_k) (King &
            Zeng 2001), and for labels the positives as much as the negatives. Of a mapping,
            classes that are not named weigh one.
        label_smoothing, delta : float
        train_targets : numpy.ndarray or None
            From `Task.encode`, labelled training targets; `balanced` needs them.

        Raises
        ------
        InputError
            When the settings don't fit the task.
        """
        possible = possible_losses(task.name)
        if kind not in ("auto", *possible):
            raise InputError(
                f"loss: {kind} does not fit a target that is {task.name}. Leave models.….loss out, "
                "or change target.task."
            )
        if task.kind == "regression" and class_weights:
            raise InputError("training.class_weights is for classes; the target is a number.")
        if label_smoothing and task.name not in ("classification", "multilabel"):
            raise InputError(
                "training.label_smoothing is for classes without an order; the target is "
                f"{task.name}."
            )
        usual = possible[0] if possible else _OF_CLASSES[task.name]
        chosen = usual if kind == "auto" else kind
        weights = _weights_of_classes(task, class_weights, train_targets)
        return cls(chosen, task, weights, label_smoothing, delta)

    @classmethod
    def of_fold(cls, data: FoldData, model: ModelConfig, training: TrainingConfig) -> Loss:
        """The loss that a model is trained with on a fold; statistics are of training rows."""
        return cls.of(
            data.task,
            model.loss,
            training.class_weights,
            training.label_smoothing,
            training.huber_delta,
            data.targets[data.unit_rows("train")],
        )

    @property
    def n_outputs(self) -> int:
        """Outputs of the network for each target."""
        if self.task.kind == "regression":
            return 2 if self.kind == "gaussian" else 1
        return len(self.task.classes) - (self.kind == "ordinal")

    def __call__(
        self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Loss and weight of every target; the mean loss is Σ loss · weight / Σ weight.

        Parameters
        ----------
        outputs : Tensor
            [replicate, batch, outputs] or [replicate, batch, time, outputs].
        targets : Tensor
            Scaled float or int64 [replicate, batch] or [replicate, batch, time]; of labels float
            [replicate, batch, labels]. NaN or `MASKED` where there is no label.
        weights : Tensor or None
            float [replicate, batch], of the examples.

        Returns
        -------
        losses, weights : Tensor
            In the shape of `targets`, in the dtype of `outputs`; zero where there is no label.
        """
        there = targets != MASKED if self.task.kind == "classification" else ~targets.isnan()
        # to look is cheap on the CPU; another device would have to be waited for
        everywhere = targets.device.type == "cpu" and bool(there.all())
        y = targets
        if not everywhere:
            # what has no label is made harmless before anything is computed: a gradient that is
            # multiplied by zero afterwards may still be NaN
            y = targets.masked_fill(~there, 0)
            seen = there if self.kind == "binary" else there[..., None]
            outputs = outputs.masked_fill(~seen, 0)
        losses = self._losses(outputs, y)
        if not everywhere:
            losses = losses.masked_fill(~there, 0)
        return losses, self.weights(targets, weights, losses.dtype)

    def weights(
        self, targets: Tensor, weights: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Weight of every target, as in a call: what the outputs are does not matter."""
        there = targets != MASKED if self.task.kind == "classification" else ~targets.isnan()
        weight = there.to(dtype)
        if self.class_weights is not None:
            weight = weight * self._class_weight(targets.masked_fill(~there, 0), weight)
        if weights is not None:
            shape = weights.shape + (1,) * (targets.dim() - weights.dim())
            weight = weight * weights.to(dtype).reshape(shape)
        return weight

    def _losses(self, z: Tensor, y: Tensor) -> Tensor:
        if self.kind == "binary":
            smooth = self.label_smoothing
            t = (y * (1 - smooth) + smooth / 2).to(z.dtype)
            return functional.binary_cross_entropy_with_logits(z, t, reduction="none")
        if self.task.kind == "classification":
            log_p = self._log_probabilities(z)
            chosen = log_p.gather(-1, y[..., None])[..., 0]
            if self.label_smoothing:
                smooth = self.label_smoothing
                chosen = (1 - smooth) * chosen + smooth * log_p.mean(dim=-1)
            return -chosen
        first, y = z[..., 0], y.to(z.dtype)
        if self.kind == "poisson":
            return first.exp() - y * first
        if self.kind == "huber":
            return functional.huber_loss(first, y, reduction="none", delta=self.delta)
        if self.kind == "gaussian":
            log_variance = MAX_LOG_VARIANCE * torch.tanh(z[..., 1] / MAX_LOG_VARIANCE)
            return (log_variance + (y - first) ** 2 * (-log_variance).exp()) / 2
        return (y - first) ** 2

    def _log_probabilities(self, z: Tensor) -> Tensor:
        return ordinal_log_p(z) if self.kind == "ordinal" else functional.log_softmax(z, dim=-1)

    def _class_weight(self, y: Tensor, like: Tensor) -> Tensor:
        table = torch.tensor(self.class_weights, dtype=like.dtype, device=like.device)
        return torch.where(y > 0, table, 1) if self.kind == "binary" else table[y]

    def of_arrays(
        self, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
    ) -> float:
        """The mean loss of outputs [targets, outputs] in double precision.

        `targets` are as in a call, without replicates; `weights` [targets] are those of the
        examples that they belong to.
        """
        z = torch.from_numpy(np.asarray(outputs, dtype=np.float64))[None]
        y = torch.from_numpy(np.asarray(targets))[None]
        each = None if weights is None else torch.from_numpy(np.asarray(weights, float))[None]
        losses, weight = self(z, y, each)
        return float((losses * weight).sum() / weight.sum())

    def to_predictions(
        self,
        outputs: np.ndarray,
        scaling: TargetScaling,
        fitted: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Outputs float64 [..., outputs] as what is predicted.

        Parameters
        ----------
        outputs
        scaling
        fitted : sequence of float, optional
            Temperature of each seed (see `temperatures`), for outputs [seed, ..., outputs].

        Returns
        -------
        numpy.ndarray
            [..., values]: a number in the target's unit, with `gaussian` its standard deviation
            beside it; or the probability of each class or label.
        """
        z = torch.from_numpy(np.asarray(outputs, dtype=np.float64))
        return self.predicted(z, scaling, fitted).numpy()

    def predicted(
        self, z: Tensor, scaling: TargetScaling, fitted: Sequence[float] | None = None
    ) -> Tensor:
        """`to_predictions` of a tensor in any precision, which can be traced."""
        each: Tensor | float = 1.0
        if fitted is not None:
            each = torch.tensor(list(fitted), dtype=z.dtype, device=z.device)
            each = each.view(-1, *[1] * (z.dim() - 1))
        if self.kind == "binary":
            return (z / each).sigmoid()
        if self.task.kind == "classification":
            logs = self._log_probabilities(z)
            return logs.exp() if fitted is None else (logs / each).softmax(dim=-1)
        if self.kind == "poisson":
            return scaling.unscale(z.exp())
        if self.kind == "gaussian":
            log_variance = MAX_LOG_VARIANCE * torch.tanh(z[..., 1] / MAX_LOG_VARIANCE)
            sd = torch.exp(log_variance / 2) * scaling.sd
            return torch.stack([scaling.unscale(z[..., 0]), sd], dim=-1)
        return scaling.unscale(z)


def ordinal_log_p(z: Tensor) -> Tensor:
    """Log probabilities of ordered classes from cumulative logits.

    P(y > k) = σ(a_k) with a_0 = z_0 and a_k = a_{k-1} - softplus(z_k), which fall whatever z is
    (the cumulative logits of McCullagh, J. R. Stat. Soc. B 42:109, 1980; since z_k is an output,
    the thresholds may depend on the input, as in Peterson & Harrell, Appl. Stat. 39:205, 1990).
    Then p_k = σ(a_{k-1}) - σ(a_k) = σ(a_{k-1}) σ(-a_k) (1 - exp(a_k - a_{k-1})), and the last
    factor is σ(z_k): no difference of near equal numbers is taken.

    Parameters
    ----------
    z : Tensor
        [..., classes - 1].

    Returns
    -------
    Tensor
        [..., classes].
    """
    gaps = functional.softplus(z[..., 1:])
    a = torch.cat([z[..., :1], z[..., :1] - gaps.cumsum(dim=-1)], dim=-1)
    nothing = torch.zeros_like(z[..., :1])
    above = torch.cat([nothing, functional.logsigmoid(a)], dim=-1)
    below = torch.cat([functional.logsigmoid(-a), nothing], dim=-1)
    apart = torch.cat([nothing, functional.logsigmoid(z[..., 1:]), nothing], dim=-1)
    return above + below + apart


def _weights_of_classes(
    task: Task, given: ClassWeights, targets: np.ndarray | None
) -> tuple[float, ...] | None:
    if not given:
        return None
    if given == "balanced":
        if targets is None:
            raise ValueError("balanced class weights need the training targets")
        return tuple(_balanced(task, targets).tolist())
    assert not isinstance(given, str)
    for label in given:
        if label not in task.classes:
            raise InputError(
                f"training.class_weights: '{label}' is no class{nearest(label, task.classes)}; "
                f"there is {listed(task.classes)}."
            )
    return tuple(float(given.get(label, 1.0)) for label in task.classes)


def _balanced(task: Task, targets: np.ndarray) -> np.ndarray:
    """float64 [classes]; one for a class that is not among the training targets."""
    if task.kind == "multilabel":
        sizes = targets.sum(axis=0)
        wanted = len(targets) - sizes
    else:
        sizes = np.bincount(targets, minlength=len(task.classes))
        wanted = np.full(len(sizes), len(targets) / (sizes > 0).sum())
    known = (sizes > 0) & (wanted > 0)
    return np.divide(wanted, sizes, out=np.ones(len(sizes)), where=known)
