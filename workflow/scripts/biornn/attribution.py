"""Attribution: how much each step of an input moves what a network says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from . import models
from .alphabets import Alphabet
from .config_models import ModelConfig
from .datasets import MAX_STEPS, Batch, SequenceDataset
from .encoding import EncodedSequences
from .folds import FoldData
from .inputs import Series
from .inputs import take as inputs_take
from .losses import Loss, TargetScaling
from .models import InputScheme, Network

#: What contributions may miss of the change that they add up to, as a share of it.
TOLERANCE = 0.01
#: Most points of the integral.
MOST_STEPS = 512
#: Steps of a batch whose gradients are taken, padding included: some hundred MB of states.
_GRADIENT_STEPS = 2**15
#: Training examples whose mean is the reference.
_REFERENCE_ROWS = 1000


@dataclass(frozen=True)
class Question:
    """What is to be explained: one number a row.

    Attributes
    ----------
    rows : numpy.ndarray
        int64 [n], examples of the fold.
    positions : numpy.ndarray
        int64 [n], the position (from 0) whose output is explained; 0 where the whole sequence has
        one.
    classes : numpy.ndarray
        int64 [n], the class or label that is explained; 0 for numbers and ordered classes.
    """

    rows: np.ndarray
    positions: np.ndarray
    classes: np.ndarray


class Explainer:
    """What one network (one replicate) says of the rows of a fold, as a number each.

    The number is, before any softmax or sigmoid, since those saturate:

    - a number in the target's unit, of counts the logarithm of the mean;
    - the logit of a class less the mean of the others, which of two classes is its log odds; of
      ordered classes the mean of the cumulative log odds; of labels a label's log odds.

    Parameters
    ----------
    network : Network
    data : FoldData
    scaling : TargetScaling
    """

    def __init__(self, network: Network, data: FoldData, scaling: TargetScaling) -> None:
        if network.replicates != 1:
            raise ValueError("networks are explained one by one")
        self.network, self.data, self._scaling = network.eval(), data, scaling
        for parameter in network.parameters():  # the inputs' gradients are wanted, not these
            parameter.requires_grad_(False)
        self._loss = Loss.of(data.task, network.config.loss)
        fitted = data.beside_scaling()
        beside = None
        if fitted is not None and data.beside is not None:
            beside = [fitted.apply(data.beside)]
        first = next(network.parameters())
        self._dataset = SequenceDataset(
            [data], beside=beside, device=first.device, dtype=first.dtype
        )
        self._reference = self._mean_steps()

    def _mean_steps(self) -> Tensor:
        """The reference: the mean of what the network sees in training, [1 or time, channel].

        Of letters and genes it is the mean over all steps: a letter of their mixture. Of series of
        one length each step has its own mean.
        """
        train = self.data.rows("train")
        if len(train) > _REFERENCE_ROWS:
            train = np.random.default_rng(0).choice(train, _REFERENCE_ROWS, replace=False)
        sums, count = torch.zeros(()), 0
        series = isinstance(self.data.inputs, Series) and np.ptp(self.data.inputs.lengths) == 0
        with torch.no_grad():
            for batch in self._batches(train):
                steps = self.network.read(batch.inputs)[0].double()
                if batch.lengths is not None:
                    there = torch.arange(steps.shape[1], device=steps.device)
                    steps = steps * (there < batch.lengths[0][:, None])[..., None]
                summed = steps.sum(0)
                sums = sums + (summed if series else summed.sum(0, keepdim=True))
                count += batch.inputs.shape[1] if series else batch.letters
        return sums / count

    def _batches(self, rows: np.ndarray) -> Iterator[Batch]:
        """Batches of bounded size, however long the sequences are."""
        longest = int(self.data.inputs.lengths[rows].max())
        size = max(1, _GRADIENT_STEPS // longest)
        return self._dataset.by_length([torch.from_numpy(np.asarray(rows))], size)

    def _numbers(self, outputs: Tensor, positions: Tensor, classes: Tensor) -> Tensor:
        """The number that is explained, [batch], from outputs [batch(, time), output]."""
        at = torch.arange(len(outputs), device=outputs.device)
        if self.data.per_position:
            outputs = outputs[at, positions]
        task = self.data.task
        if task.kind == "regression":
            return outputs[:, 0] if task.counts else outputs[:, 0] * self._scaling.sd
        if self._loss.kind == "ordinal":
            gaps = torch.nn.functional.softplus(outputs[:, 1:]).cumsum(1)
            return torch.cat([outputs[:, :1], outputs[:, :1] - gaps], dim=1).mean(1)
        if task.kind == "multilabel":
            return outputs[at, classes]
        others = (outputs.sum(1) - outputs[at, classes]) / (outputs.shape[1] - 1)
        return outputs[at, classes] - others

    def _score(
        self,
        steps: Tensor,
        lengths: Tensor | None,
        beside: Tensor | None,
        positions: Tensor,
        classes: Tensor,
    ) -> Tensor:
        """[batch] from steps [batch, time, channel]; one row an example, as Captum wants it."""
        outputs = self.network.of_steps(
            steps[None],
            None if lengths is None else lengths[None],
            None if beside is None else beside[None],
        )
        return self._numbers(outputs[0], positions, classes)

    def _asked(self, question: Question) -> Iterator[tuple[Batch, np.ndarray, Tensor, Tensor]]:
        """Batches, the places of their rows in the question, and what is asked of them."""
        place = {row: at for at, row in enumerate(question.rows.tolist())}
        for batch in self._batches(question.rows):
            mine = np.array([place[row] for row in batch.rows[0].tolist()])
            positions, classes = (
                torch.from_numpy(values[mine]).to(batch.inputs.device)
                for values in (question.positions, question.classes)
            )
            yield batch, mine, positions, classes

    def integrated_gradients(
        self, question: Question, n_steps: int = 32, most_steps: int = MOST_STEPS
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Contributions of the steps to the difference from the reference.

        The integral of the gradient on the straight line from the reference to the input
        (Sundararajan et al., ICML 2017), by Gauss-Legendre points whose number is doubled, up to
        `most_steps`, until the contributions miss at most `TOLERANCE` of the change.

        Returns
        -------
        contributions : list of numpy.ndarray
            By row, float64 [length, channel]; of letters and genes one channel, their sum.
        change : numpy.ndarray
            float64 [n], what is said of the input less what is said of the reference.
        error : numpy.ndarray
            float64 [n], sum of the contributions less the change.
        """
        n = len(question.rows)
        contributions: list[np.ndarray] = [np.empty(0)] * n
        change, error = np.zeros(n), np.zeros(n)
        method = IntegratedGradients(self._score, multiply_by_inputs=True)
        for batch, mine, positions, classes in self._asked(question):
            with torch.no_grad():
                steps = self.network.read(batch.inputs)[0]
            lengths = None if batch.lengths is None else batch.lengths[0]
            reference = self._reference.to(steps).expand_as(steps)
            if lengths is not None:  # padding is the same in both, and adds nothing
                there = torch.arange(steps.shape[1], device=steps.device) < lengths[:, None]
                reference = reference * there[..., None]
            beside = None if batch.beside is None else batch.beside[0]
            asked = (lengths, beside, positions, classes)
            with torch.no_grad():
                difference = self._score(steps, *asked) - self._score(reference, *asked)
            points = n_steps
            while True:
                # cuDNN refuses the backward pass of a recurrence in evaluation mode
                with torch.backends.cudnn.flags(enabled=False):
                    found = method.attribute(
                        steps,
                        reference,
                        additional_forward_args=asked,
                        n_steps=points,
                        internal_batch_size=max(len(mine), _GRADIENT_STEPS // steps.shape[1]),
                    )
                missed = found.sum((1, 2)) - difference
                if missed.abs().mean() <= TOLERANCE * difference.abs().mean():
                    break
                points *= 2
                if points > most_steps:
                    break
            change[mine], error[mine] = difference.double().cpu(), missed.double().cpu()
            values = found.detach().double().cpu().numpy()
            if not isinstance(self.data.inputs, Series):
                values = values.sum(axis=2, keepdims=True)
            for at, row in zip(mine, values, strict=True):
                contributions[at] = row[: self.data.inputs.lengths[question.rows[at]]]
        return contributions, change, error

    @torch.no_grad()
    def above(self, question: Question) -> list[np.ndarray]:
        """By row, float64 [length, channel]: 1 where a number is above the reference, -1 where it
        is below; of letters and genes by rank, which are there, 1 and one channel.
        """
        signs: list[np.ndarray] = [np.empty(0)] * len(question.rows)
        for batch, mine, _, _ in self._asked(question):
            steps = self.network.read(batch.inputs)[0]
            over = torch.sign(steps - self._reference.to(steps)).double().cpu().numpy()
            if not isinstance(self.data.inputs, Series):
                over = np.ones_like(over[:, :, :1])
            for at, row in zip(mine, over, strict=True):
                signs[at] = row[: self.data.inputs.lengths[question.rows[at]]]
        return signs

    @torch.no_grad()
    def say(self, question: Question) -> np.ndarray:
        """float64 [n]: the number that is explained."""
        values = np.zeros(len(question.rows))
        for batch, mine, positions, classes in self._asked(question):
            lengths = None if batch.lengths is None else batch.lengths[0]
            beside = None if batch.beside is None else batch.beside[0]
            steps = self.network.read(batch.inputs)[0]
            values[mine] = self._score(steps, lengths, beside, positions, classes).double().cpu()
        return values

    @torch.no_grad()
    def mutagenesis(self, question: Question) -> list[np.ndarray]:
        """What every exchange of one letter changes: in silico saturation mutagenesis.

        All mutants of all rows are read in batches of at most `MAX_STEPS` letters, so that the
        memory does not grow with the number or the length of the sequences.

        Returns
        -------
        list of numpy.ndarray
            By row, float64 [length, letters of the alphabet]: what is said of the mutant less what
            is said of the sequence; 0 for the letter that is there.
        """
        inputs = self.data.inputs
        if not isinstance(inputs, EncodedSequences):
            raise ValueError("only letters can be mutated")
        n_letters = len(inputs.alphabet.letters)
        begins, lengths = inputs.offsets[question.rows], inputs.lengths[question.rows]
        known = self.say(question)
        beside = self._dataset.batch(torch.from_numpy(question.rows)[None]).beside
        # every letter at every place, from the shortest sequence to the longest
        order = np.argsort(lengths, kind="stable")
        owner = np.repeat(order, lengths[order] * n_letters)
        first = np.cumsum(lengths[order] * n_letters) - lengths[order] * n_letters
        within = np.arange(len(owner)) - np.repeat(first, lengths[order] * n_letters)
        place, letter = np.divmod(within, n_letters)
        other = inputs.tokens[begins[owner] + place] != letter
        owner, place, letter = owner[other], place[other], letter[other]
        values, start = np.empty(len(owner)), 0
        while start < len(owner):
            # sorted by length: the batch ends where its padded letters reach the limit
            stop = start + max(1, MAX_STEPS // int(lengths[owner[start]]))
            longest = int(lengths[owner[min(stop, len(owner)) - 1]])
            part = slice(start, min(start + max(1, MAX_STEPS // longest), len(owner)))
            said = self._of_mutants(
                question, torch.from_numpy(owner[part]), place[part], letter[part], beside
            )
            values[part] = said - known[owner[part]]
            start = part.stop
        effects = [np.zeros((n, n_letters)) for n in lengths]
        ends = np.append(np.flatnonzero(np.diff(owner)) + 1, len(owner))
        for begin, end in zip(np.append(0, ends[:-1]), ends, strict=True):
            mine = slice(begin, end)
            effects[owner[begin]][place[mine], letter[mine]] = values[mine]
        return effects

    def _of_mutants(
        self,
        question: Question,
        owner: Tensor,
        place: np.ndarray,
        letter: np.ndarray,
        beside: Tensor | None,
    ) -> np.ndarray:
        """What is said of rows `owner` of the question with another letter at a place each."""
        inputs, device = self.data.inputs, self._dataset.device
        assert isinstance(inputs, EncodedSequences)
        rows = question.rows[owner.numpy()]
        codes = inputs_take(inputs, rows).padded(len(inputs.alphabet.codes)).astype(np.int64)
        codes[np.arange(len(codes)), place] = letter
        lengths = inputs.lengths[rows]
        padded = bool((lengths < codes.shape[1]).any())
        said = self._score(
            self.network.read(torch.from_numpy(codes).to(device)[None])[0],
            torch.from_numpy(lengths).to(device) if padded else None,
            None if beside is None else beside[0][owner.to(device)],
            torch.from_numpy(question.positions)[owner].to(device),
            torch.from_numpy(question.classes)[owner].to(device),
        )
        return said.double().cpu().numpy()


def randomized(
    config: ModelConfig, scheme: InputScheme, data: FoldData, n_beside: int, seed: int
) -> Network:
    """A network of the same form that has learned nothing: fresh weights.

    They are not those that the training with this seed began with: much of these is left at its
    end.
    """
    with torch.random.fork_rng():
        torch.manual_seed(int(np.random.SeedSequence([seed, 1]).generate_state(1)[0]))
        return models.Network(config, scheme, data.task, n_beside)


def mutation_cost(lengths: np.ndarray, alphabet: Alphabet) -> np.ndarray:
    """Letters that are read to mutate every letter of sequences of these lengths, float64 [n]."""
    return lengths.astype(float) ** 2 * len(alphabet.letters)
