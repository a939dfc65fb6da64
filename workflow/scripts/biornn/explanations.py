"""Explanations: what is asked of a model, and what its seeds answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import models, motifs
from .alphabets import ALPHABETS
from .attribution import Explainer, Question, mutation_cost, randomized
from .config_explain import ENOUGH, ExplainConfig
from .encoding import EncodedSequences
from .folds import FoldData
from .inputs import RankedGenes
from .losses import TargetScaling
from .models import InputScheme
from .sanity import INCOMPLETE, agreement

#: Positions that are shown where sequences have different lengths, or around a position.
SHOWN, AROUND, LONGEST = 30, 15, 200

CONTRIBUTION_COLUMNS = [
    "id", "subset", "label", "position", "step", "contribution", "sd", "attention",
]  # fmt: skip
MUTATION_COLUMNS = ["id", "label", "position", "letter", "mutant", "effect", "sd"]
PROFILE_COLUMNS = [
    "label", "anchor", "position", "step", "contribution", "strength", "attention", "n",
]  # fmt: skip
GENE_COLUMNS = ["label", "gene", "contribution", "presence", "strength", "n"]


@dataclass
class Explanation:
    """What a model looked at.

    Attributes
    ----------
    contributions : pandas.DataFrame
        `CONTRIBUTION_COLUMNS`: mean over seeds and their standard deviation; `step` is the letter,
        the gene, or the name of the channel; `attention` is the mean weight of the position, NaN
        where the readout has none.
    mutations : pandas.DataFrame
        `MUTATION_COLUMNS`.
    profile : pandas.DataFrame
        `PROFILE_COLUMNS`: means over the examples of each label at each position.
    genes : pandas.DataFrame
        `GENE_COLUMNS`: the same for each gene of profiles. `presence` is the mean contribution
        with its sign turned where the gene is below the mean of training: genes that speak for the
        label by being expressed, and not by being absent.
    checks : dict
        Completeness, agreement, and what was explained, in numbers.
    """

    contributions: pd.DataFrame
    mutations: pd.DataFrame
    profile: pd.DataFrame
    genes: pd.DataFrame
    checks: dict[str, Any]


def ask(data: FoldData, n: int, seed: int) -> Question:
    """Which examples are explained: those of the test set, as many of each class, by chance.

    Where there are fewer than `ENOUGH`, validation and training examples follow. Of each, the class
    that it has is explained (one of its labels); where each position has a target, one position.
    """
    random = np.random.default_rng(seed)
    found = data.rows("test")
    if len(found) < ENOUGH:
        found = np.concatenate([found, data.rows("validation"), data.rows("train")])[:n]
    labelled = data.labelled
    starts = data.inputs.offsets[:-1] if data.per_position else np.arange(len(data.inputs))
    ends = data.inputs.offsets[1:] if data.per_position else starts + 1
    rows, positions, classes, ranks = [], [], [], []
    seen: dict[int, int] = {}
    for row in random.permutation(found):
        places = starts[row] + np.flatnonzero(labelled[starts[row] : ends[row]])
        if not len(places):
            continue
        place = int(random.choice(places))
        code = _class_of(data, place, random)
        rows.append(int(row))
        positions.append(int(place - starts[row]))
        classes.append(code)
        ranks.append(seen.get(code, 0))
        seen[code] = ranks[-1] + 1
    # the first of every class, then the second of every class …
    chosen = np.sort(np.argsort(ranks, kind="stable")[:n])
    return Question(*(np.array(each, np.int64)[chosen] for each in (rows, positions, classes)))


def _class_of(data: FoldData, place: int, random: np.random.Generator) -> int:
    if data.task.kind == "classification":
        return int(data.targets[place])
    if data.task.kind == "multilabel":
        there = np.flatnonzero(data.targets[place] == 1)
        return int(random.choice(there)) if len(there) else int(random.integers(
            len(data.task.classes)))  # fmt: skip
    return 0


def explain(
    folder: str | Path,
    fold: int,
    ids: pd.Series,
    data: FoldData,
    config: ExplainConfig,
    names: Sequence[str] = (),
    attention: pd.DataFrame | None = None,
) -> Explanation:
    """Explain a trained model on one fold.

    Parameters
    ----------
    folder
        With `model.json` and `weights.safetensors`.
    fold
    ids, data
        From `folds.load_fold`.
    config : ExplainConfig
    names : sequence of str
        Of profiles the genes, in the order of the matrix.
    attention : pandas.DataFrame or None
        `attention.parquet`.
    """
    description, networks = models.load(folder, fold)
    scaling = TargetScaling(**description["target_scaling"])
    scheme = InputScheme.fit(data.inputs, data.subsets == "train")
    question = ask(data, config.examples, config.seed)
    labels = _labels(data, question)
    mutated = _affordable(data, question, config)
    answers, changes, errors, mutants, random_answers = [], [], [], [], []
    above: list[np.ndarray] = []
    for seed, network in networks.items():
        explainer = Explainer(network, data, scaling)
        found, change, error = explainer.integrated_gradients(question, config.steps)
        answers.append(found)
        changes.append(change)
        errors.append(error)
        above = above or explainer.above(question)
        if len(mutated.rows):
            mutants.append(explainer.mutagenesis(mutated))
        fresh = randomized(network.config, scheme, data, description["n_beside"], seed)
        fresh = fresh.to(next(network.parameters()).dtype)
        # nobody reads these as numbers: they need not add up to the last per cent
        said = Explainer(fresh, data, scaling).integrated_gradients(
            question, config.steps, config.steps
        )
        random_answers.append(said[0])
    steps = _steps(data, question, names)
    attended = _attended(ids, data, question, attention, fold)
    contributions = _contributions(ids, data, question, labels, answers, steps, attended)
    profile = _profile(data, question, labels, answers, steps, attended)
    change = np.abs(changes).sum()
    genes = pd.DataFrame(columns=GENE_COLUMNS)
    if names:
        genes = _genes(contributions, labels, above, steps)
    checks = {
        "examples": len(question.rows),
        "from_test": int((data.subsets[question.rows] == "test").sum()),
        "mutated": len(mutated.rows),
        "seeds": len(networks),
        "missed_share": float(np.abs(errors).sum() / change) if change > 0 else None,
        "constant_positions": _constant(data),
        **agreement(answers, random_answers, config.seed),
    }
    if (checks["missed_share"] or 0) > INCOMPLETE:
        checks["verdict"] = "failed"
    return Explanation(
        contributions,
        _mutations(ids, data, mutated, labels, mutants),
        profile,
        genes,
        checks,
    )


def _constant(data: FoldData) -> list[int]:
    """Positions (from 1) with one letter in all training examples, where lengths are the same.

    No network could learn what another letter there would do.
    """
    inputs = data.inputs
    if not isinstance(inputs, EncodedSequences) or np.ptp(inputs.lengths) > 0:
        return []
    letters = inputs.tokens.reshape(len(inputs), -1)[data.rows("train")]
    return (np.flatnonzero((letters == letters[0]).all(axis=0)) + 1).tolist()


def _labels(data: FoldData, question: Question) -> np.ndarray:
    """str [n]: the class that is explained, empty for numbers."""
    if not data.task.classes:
        return np.full(len(question.rows), "", dtype=object)
    return np.array(data.task.classes, dtype=object)[question.classes]


def _affordable(data: FoldData, question: Question, config: ExplainConfig) -> Question:
    """The examples whose letters are mutated: the first ones that the budget is enough for."""
    nothing = np.zeros(0, np.int64)
    if not isinstance(data.inputs, EncodedSequences) or not config.mutagenesis:
        return Question(nothing, nothing, nothing)
    cost = mutation_cost(data.inputs.lengths[question.rows], data.inputs.alphabet)
    fit = np.flatnonzero(np.cumsum(cost[: config.mutagenesis]) <= config.mutagenesis_steps)
    return Question(question.rows[fit], question.positions[fit], question.classes[fit])


def _steps(data: FoldData, question: Question, names: Sequence[str]) -> list[np.ndarray]:
    """By row, object [length, channel]: what stands at each step."""
    inputs = data.inputs
    known = np.array(list(names), dtype=object)
    found = []
    for row in question.rows:
        start, end = inputs.offsets[row], inputs.offsets[row + 1]
        if isinstance(inputs, EncodedSequences):
            codes = np.array(list(inputs.alphabet.codes), dtype=object)
            found.append(codes[inputs.tokens[start:end]][:, None])
        elif isinstance(inputs, RankedGenes):
            found.append(known[inputs.tokens[start:end]][:, None])
        else:
            shape = (int(end - start), inputs.values.shape[1])
            if len(known):  # the last step is filled up with nothing
                filled = np.full(shape[0] * shape[1], "", dtype=object)
                filled[: len(known)] = known
                found.append(filled.reshape(shape))
            else:
                channels = np.array([str(at + 1) for at in range(shape[1])], dtype=object)
                found.append(np.broadcast_to(channels, shape))
    return found


def _attended(
    ids: pd.Series, data: FoldData, question: Question, attention: pd.DataFrame | None, fold: int
) -> list[np.ndarray]:
    """By row, float64 [length]: mean weight of each position over seeds; NaN without attention."""
    lengths = data.inputs.lengths[question.rows]
    found = [np.full(length, np.nan) for length in lengths]
    if attention is None or attention.empty:
        return found
    weights = attention[attention["fold"] == fold].groupby(["id", "position"])["weight"].mean()
    there = set(weights.index.get_level_values("id"))
    for at, row in enumerate(question.rows):
        if ids.iloc[row] in there:
            # neighbouring positions that were pooled have one weight
            every = np.arange(1, lengths[at] + 1)
            found[at] = weights[ids.iloc[row]].reindex(every, method="ffill").to_numpy(np.float64)
    return found


def _contributions(
    ids: pd.Series,
    data: FoldData,
    question: Question,
    labels: np.ndarray,
    answers: Sequence[Sequence[np.ndarray]],
    steps: Sequence[np.ndarray],
    attended: Sequence[np.ndarray],
) -> pd.DataFrame:
    parts = []
    for at, row in enumerate(question.rows):
        values = np.stack([of_seed[at] for of_seed in answers])  # [seed, length, channel]
        sd = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values[0].shape, np.nan)
        length, channels = values.shape[1:]
        table = pd.DataFrame(
            {
                "id": ids.iloc[row],
                "subset": data.subsets[row],
                "label": labels[at],
                "position": np.repeat(np.arange(1, length + 1), channels),
                "step": steps[at].ravel(),
                "contribution": values.mean(axis=0).ravel(),
                "sd": sd.ravel(),
                "attention": np.repeat(attended[at], channels),
            }
        )
        parts.append(table[table["step"] != ""])
    return pd.concat(parts, ignore_index=True)[CONTRIBUTION_COLUMNS]


def _mutations(
    ids: pd.Series,
    data: FoldData,
    mutated: Question,
    labels: np.ndarray,
    mutants: Sequence[Sequence[np.ndarray]],
) -> pd.DataFrame:
    parts = [pd.DataFrame(columns=MUTATION_COLUMNS)]
    inputs = data.inputs
    for at, row in enumerate(mutated.rows if isinstance(inputs, EncodedSequences) else []):
        assert isinstance(inputs, EncodedSequences)
        values = np.stack([of_seed[at] for of_seed in mutants])  # [seed, length, letter]
        sd = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values[0].shape, np.nan)
        letters = list(inputs.alphabet.letters)
        own = inputs.tokens[inputs.offsets[row] : inputs.offsets[row + 1]]
        table = pd.DataFrame(
            {
                "id": ids.iloc[row],
                "label": labels[at],
                "position": np.repeat(np.arange(1, len(own) + 1), len(letters)),
                "letter": np.repeat(np.array(list(inputs.alphabet.codes))[own], len(letters)),
                "mutant": np.tile(letters, len(own)),
                "effect": values.mean(axis=0).ravel(),
                "sd": sd.ravel(),
            }
        )
        parts.append(table[table["letter"] != table["mutant"]])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _profile(
    data: FoldData,
    question: Question,
    labels: np.ndarray,
    answers: Sequence[Sequence[np.ndarray]],
    steps: Sequence[np.ndarray],
    attended: Sequence[np.ndarray],
) -> pd.DataFrame:
    """Mean contribution of each letter at each place: over all examples of the label, 0 where
    another letter stands; `n` counts those that have it there, and `attention` is their mean.
    Places are counted from the start, and where lengths differ also from the end (-1 is the last),
    or from the explained position.
    """
    if isinstance(data.inputs, RankedGenes):
        return pd.DataFrame(columns=PROFILE_COLUMNS)
    lengths = data.inputs.lengths[question.rows]
    same = np.ptp(lengths) == 0
    parts = []
    for at, label in enumerate(labels):
        values = np.mean([of_seed[at] for of_seed in answers], axis=0)
        length, channels = values.shape
        place = np.arange(1, length + 1)
        anchors = {"start": (place, place <= (LONGEST if same else SHOWN))}
        if data.per_position:
            offset = place - 1 - question.positions[at]
            anchors = {"position": (offset, np.abs(offset) <= AROUND)}
        elif not same:
            anchors["end"] = (place - 1 - length, place > length - SHOWN)
        for anchor, (where, shown) in anchors.items():
            frame = pd.DataFrame(
                {
                    "label": label,
                    "anchor": anchor,
                    "position": np.repeat(where[shown], channels),
                    "step": steps[at][shown].ravel(),
                    "contribution": values[shown].ravel(),
                    "attention": np.repeat(attended[at][shown], channels),
                }
            )
            parts.append(frame[frame["step"] != ""])
    every = pd.concat(parts, ignore_index=True)
    every["strength"] = every["contribution"].abs()
    keys = ["label", "anchor", "position", "step"]
    by = every.groupby(keys, sort=True)
    sums = by[["contribution", "strength"]].sum()
    sums["n"], sums["attention"] = by.size(), by["attention"].mean()
    of_label = pd.Series(labels).value_counts()
    size = sums.index.get_level_values("label").map(of_label).to_numpy()
    sums[["contribution", "strength"]] = sums[["contribution", "strength"]].div(size, axis=0)
    return sums.reset_index()[PROFILE_COLUMNS]


def _genes(
    contributions: pd.DataFrame,
    labels: np.ndarray,
    above: Sequence[np.ndarray],
    steps: Sequence[np.ndarray],
) -> pd.DataFrame:
    """Means of each gene over the examples of a label; 0 where it was not read."""
    signs = np.concatenate([sign[step != ""] for sign, step in zip(above, steps, strict=True)])
    every = contributions.assign(
        strength=contributions["contribution"].abs(),
        presence=contributions["contribution"] * signs,
    )
    by, columns = (
        every.groupby(["label", "step"], sort=True),
        ["contribution", "presence", "strength"],
    )
    sums = by[columns].sum()
    sums["n"] = by.size()
    size = sums.index.get_level_values("label").map(pd.Series(labels).value_counts()).to_numpy()
    sums[columns] = sums[columns].div(size, axis=0)
    table = sums.reset_index().rename(columns={"step": "gene"})
    return table.sort_values(["label", "presence"], ascending=[True, False])[GENE_COLUMNS]


def shared_motifs(
    found: Explanation, alphabet: str, config: ExplainConfig
) -> dict[tuple[str, str], list[motifs.Motif]]:
    """Motifs of each label, from the windows that contribute most or are attended to most.

    Parameters
    ----------
    found : Explanation
    alphabet : str
        Name.
    config : ExplainConfig

    Returns
    -------
    dict
        By label and `contribution` or `attention`.
    """
    letters = ALPHABETS[alphabet]
    shared: dict[tuple[str, str], list[motifs.Motif]] = {}
    for label, of_label in found.contributions.groupby("label", sort=True):
        for kind in ("contribution", "attention"):
            tokens, values = [], []
            for _, part in of_label.dropna(subset=[kind]).groupby("id", sort=True):
                part = part.sort_values("position")
                codes = np.frombuffer("".join(part["step"]).encode("ascii"), dtype=np.uint8)
                tokens.append(letters.lookup[codes].astype(np.int64))
                values.append(part[kind].to_numpy())
            if tokens:
                shared[str(label), kind] = motifs.find(tokens, values, config.window, letters)
    return shared
