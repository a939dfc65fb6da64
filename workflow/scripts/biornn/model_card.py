"""Model cards: what a trained network is, what it is worth and how to use it, as a README.md.

The YAML header is the one that model hubs read; all that is said comes from the files of the run.
Source of the form: Mitchell et al. 2019, FAT* (model cards).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from . import findings, model_words, splits
from .config import AnalysisConfig
from .config_models import ModelConfig, TrainingConfig
from .evidence import Evidence, FoldEvidence
from .files import sha256
from .findings import interval, number, p_value
from .folds import read_descriptions
from .markdown import header, table, text
from .metrics import LABELS
from .targets import Task

#: Networks that a card lists one by one; leave-one-out trains more than anyone would read.
MOST_RUNS = 30
#: Files of a model's folder that a card names, with what is in them.
FILES = {
    "model.json": "architecture, scaling, classes, checksums: with the weights all that is needed",
    "weights.safetensors": "weights of every seed",
    "history.tsv": "losses by epoch",
    "predictions.parquet": "predictions for all examples, by seed and subset",
}


def card(evidence: Evidence, folder: str | Path) -> str:
    """The card of the model in a folder.

    Parameters
    ----------
    evidence : Evidence
    folder
        With what `FILES` names.

    Returns
    -------
    str
        Markdown with a YAML header.
    """
    folder = Path(folder)
    descriptions = read_descriptions(folder / "model.json")
    model, fold = (
        descriptions[0],
        FoldEvidence.of(evidence, [each["fold"] for each in descriptions]),
    )
    name, title = model["name"], evidence.analysis.title
    sections = {
        "What it predicts": _predicts(evidence, model),
        "Intended use and limits": _limits(evidence, model, fold, folder),
        "Inputs and outputs": _inputs(evidence, model),
        "How to predict": _usage(descriptions),
        "Training data": _data(evidence, model, fold),
        "Training procedure": _training(descriptions),
        "Evaluation": _evaluation(evidence, model, fold),
        "Files": _files(folder),
        "Citation": _citation(evidence.analysis),
    }
    body = "\n\n".join(f"## {head}\n\n{said}" for head, said in sections.items())
    where = f"fold {_numbers(descriptions)}" if len(descriptions) > 1 or model["fold"] else ""
    head = f"# `{name}`: {text(title)}" + (f" ({where})" if where else "")
    return f"{header(_header(evidence, model, fold))}\n{head}\n\n{body}\n"


def _numbers(descriptions: Sequence[Mapping[str, Any]]) -> str:
    numbers = [each["fold"] for each in descriptions]
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])


def _header(evidence: Evidence, model: Mapping[str, Any], fold: FoldEvidence) -> dict[str, Any]:
    """What a hub reads: tags, and each measured metric with its interval."""
    task, scores = Task.from_dict(model["task"]), fold.scores(model["name"])
    found = [
        {
            "type": metric,
            "name": f"{LABELS[metric]}, mean over {len(model['runs'])} seeds",
            "value": float(row["value"]),
            "args": {"n": int(row["n"])} | _interval_of(row, evidence),
        }
        for metric, row in scores.iterrows()
        if pd.notna(row["value"])
    ]
    inputs = evidence.description.alphabet or {"numbers": "time-series"}.get(
        evidence.description.inputs, "gene-expression"
    )
    values: dict[str, Any] = {
        "library_name": "biornn",
        "tags": ["biology", inputs, model["architecture"]["cell"], task.name],
        "datasets": list(evidence.analysis.sources),
        "metrics": list(scores.index),
    }
    if model["kind"] == "control":
        values["tags"].append("negative-control")
    if found:
        result = {
            "task": {"type": task.name, "name": model.get("target_label", "")},
            "dataset": {
                "type": evidence.name,
                "name": evidence.analysis.title,
                "split": "test",
            },
            "metrics": found,
        }
        values["model-index"] = [{"name": model["name"], "results": [result]}]
    return values


def _interval_of(row: pd.Series, evidence: Evidence) -> dict[str, float]:
    """The limits of a metric, where it has any."""
    if pd.isna(row["ci_low"]):
        return {}
    limits = {key: float(row[key]) for key in ("ci_low", "ci_high")}
    return limits | {"confidence": evidence.analysis.evaluation.confidence}


def _predicts(evidence: Evidence, model: Mapping[str, Any]) -> str:
    task = Task.from_dict(model["task"])
    what = text(model.get("target_label", "") or "the target")
    kind = {
        "regression": f"A number: {what}",
        "count": f"A count: {what}",
        "next_value": f"The next value of a series: {what}",
        "classification": f"One of {len(task.classes)} classes: {what}",
        "ordinal": f"One of {len(task.classes)} classes in an order: {what}",
        "multilabel": f"Any number of {len(task.classes)} labels: {what}",
    }[task.name]
    each = "for each position" if task.per == "position" else "for each example"
    classes = ""
    if task.classes:
        classes = f" Classes, in this order: {', '.join(map(text, task.classes))}."
    question = evidence.analysis.question
    asked = f"\n\nThe question of the analysis: {text(question)}" if question else ""
    return f"{kind}, {each}.{classes}{asked}"


def _limits(evidence: Evidence, model: Mapping[str, Any], fold: FoldEvidence, folder: Path) -> str:
    said = []
    if model["kind"] == "control":
        said.append(
            "**Not for use.** This is a negative control: it was trained on shuffled targets, and "
            "is here to show what a network scores that has nothing to learn."
        )
    said += [f"**Against a simple model.** {_against(evidence, model['name'], fold)}"]
    scheme = fold.own_folds["scheme"].iloc[0]
    if scheme != evidence.folds["scheme"].iloc[0]:
        said.append(
            f"**The split.** This fold is of the split '{scheme}', with which that of the analysis "
            "is compared: its scores are there to show what memory is worth."
        )
    leakage = findings.leakage(fold).removeprefix("Leakage: ")
    said.append(f"**Leakage.** {leakage[0].upper()}{leakage[1:]}")
    said.append(
        f"**Training range.** {_range(evidence, model, fold, folder)} What lies outside was not "
        "tested here, nor were data of another origin than those below."
    )
    return "\n".join(f"- {each}" for each in said)


def _against(evidence: Evidence, name: str, fold: FoldEvidence) -> str:
    """The comparison with the best simple model, in words."""
    row = fold.against_baseline(name, evidence.main)
    if row is None:
        return "This network was not compared with a simple model."
    verdict = {
        name: "The network is better.",
        row["model_b"]: "The simple model is better: take that one.",
    }.get(row["better"], "The two can't be told apart: the simple model will do.")
    share = f"{100 * evidence.analysis.evaluation.confidence:g} %"
    return (
        f"{LABELS[evidence.main]} on {row['n']:,} test examples is {number(row['value_a'])}, "
        f"against {number(row['value_b'])} of `{row['model_b']}`, the best of the simple models on "
        f"validation data: a difference of {number(row['difference'])} ({share} interval "
        f"{interval(row['ci_low'], row['ci_high'])}, adjusted {p_value(row['p_adjusted'])}). "
        f"{verdict}"
    )


def _range(evidence: Evidence, model: Mapping[str, Any], fold: FoldEvidence, folder: Path) -> str:
    """What training inputs and targets there were."""
    assigned, numbers = evidence.assigned, fold.own_folds["fold"]
    train = assigned[assigned["fold"].isin(numbers) & (assigned["subset"] == "train")]
    said = []
    lengths = evidence.lengths[evidence.lengths.index.isin(train["id"])]
    if len(lengths):
        noun = "letters" if evidence.description.inputs == "letters" else "steps"
        low, high = int(lengths.min()), int(lengths.max())
        some = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        said.append(f"Training examples have {some} {noun}")
    if Task.from_dict(model["task"]).kind == "regression":
        columns = ["subset", "target"]
        targets = pd.read_parquet(folder / "predictions.parquet", columns=columns)
        targets = targets.loc[targets["subset"] == "train", "target"]
        if len(targets):  # of positions those of training are not written down
            said.append(f"training targets go from {targets.min():.4g} to {targets.max():.4g}")
    else:
        sizes = fold.audit[(fold.audit["check"] == "class") & (fold.audit["subset"] == "train")]
        if len(fold.own_folds) == 1 and len(sizes):
            each = [f"{text(row.note)} {row.count_:,}" for row in
                    sizes.rename(columns={"count": "count_"}).itertuples()]  # fmt: skip
            said.append(f"training targets by class: {', '.join(each)}")
    if not said:
        return "Training examples are profiles of the genes that model.json names."
    joined = "; ".join(said)
    return f"{joined[0].upper()}{joined[1:]}."


def _inputs(evidence: Evidence, model: Mapping[str, Any]) -> str:
    inputs, rows = model["inputs"], []
    if inputs["alphabet"]:
        what = f"letters of the {inputs['alphabet']} alphabet with its IUPAC codes, upper case"
        rows.append(("sequence", what))
    elif inputs["vocabulary"]:
        rows.append(("profile", f"names of genes by rank, of {inputs['vocabulary']:,} genes"))
    elif model.get("profile"):
        rows.append(("profile", f"normalised values, {len(inputs['mean'])} at a step"))
    else:
        channels = len(inputs["mean"])
        many = "a number" if channels == 1 else f"{channels} numbers"
        rows.append(("series", f"{many} at each step; standardised as model.json says"))
    beside = model["beside"]
    if beside is not None:
        for name, mean, sd in zip(beside["columns"], beside["mean"], beside["sd"], strict=True):
            rows.append((f"covariate {text(name)}", f"a number; in training {mean:.4g} ± {sd:.4g}"))
    task = Task.from_dict(model["task"])
    if task.classes:
        out = "a probability of each class" if task.kind != "multilabel" else "one of each label"
    else:
        out = f"a number in the unit of the target ({text(model.get('target_label', ''))})"
        if model["architecture"]["loss"] == "gaussian":
            out += ", and its standard deviation"
    rows.append(("output", f"{out}, of every seed"))
    said = table(("what", "how"), rows)
    if model.get("normalizer"):
        of = "inputs" if model.get("profile") else "targets"
        said += f"\n\nHow the expression behind the {of} was normalised is in model.json."
    return said


def _usage(descriptions: Sequence[Mapping[str, Any]]) -> str:
    fold = f" --fold {descriptions[0]['fold']}" if len(descriptions) > 1 else ""
    model = descriptions[0]
    if model["inputs"]["alphabet"]:
        known = "its metadata say which code each letter has"
    elif model.get("profile"):
        known = (
            "it takes profiles that are normalised already, and its metadata name the genes in "
            "their order"
        )
    else:
        known = "it takes the numbers as they come"
    return (
        "In this folder, with biornn installed:\n\n```\n"
        "python -m biornn predict --help\n"
        f"python -m biornn predict --model . --input FILE{fold}\n"
        f"python -m biornn export --model . --format onnx --output model.onnx{fold}\n"
        "```\n\n"
        f"The exported file needs an ONNX runtime alone; {known}."
    )


def _data(evidence: Evidence, model: Mapping[str, Any], fold: FoldEvidence) -> str:
    sizes = splits.sizes_of(fold.own_folds)
    counts = ", ".join(f"{sizes[subset]:,} for {subset}" for subset in sizes)
    about = "" if len(fold.own_folds) == 1 else f" (mean of {len(fold.own_folds)} folds)"
    rows = [
        (text(row["name"]), text(row["origin"]), text(row["file"]), f"`{row['sha256']}`")
        for row in evidence.sources
    ]
    said = f"Examples: {counts}{about}.\n\n"
    said += table(("source", "from", "file", "sha256"), rows)
    digests = model.get("data_sha256", {})
    if digests:
        own = [(text(f"{name} of the run"), f"`{digest}`") for name, digest in digests.items()]
        said += f"\n\n{table(('made from them', 'sha256'), own)}"
    return said


def _training(descriptions: Sequence[Mapping[str, Any]]) -> str:
    model = descriptions[0]
    architecture = ModelConfig.model_validate(model["architecture"])
    training = TrainingConfig.model_validate(model["training"])
    task = Task.from_dict(model["task"])
    network = model_words.network_in_words(model["name"], architecture, task, training.huber_delta)
    loss = model_words.loss_in_words(task, training) if architecture.loss == "auto" else ""
    tuned = ""
    if model.get("tuned"):
        found = ", ".join(f"{key} {value}" for key, value in model["tuned"].items())
        tuned = f" Found by a search on validation examples: {text(found)}."
    rows = [
        (str(each["fold"]), str(run["seed"]), str(run["epochs"]), str(run["best_epoch"]),
         f"{run['seconds']:.1f}")
        for each in descriptions
        for run in each["runs"]
    ]  # fmt: skip
    of = f"{len(rows):,} networks were trained; model.json tells of each."
    if len(rows) <= MOST_RUNS:
        of = table(("fold", "seed", "epochs", "kept epoch", "seconds"), rows)
    return (
        f"{network}; {model['n_parameters']:,} parameters. {text(loss)} Optimiser "
        f"{training.optimizer}, highest learning rate {training.learning_rate:g}, schedule "
        f"{training.schedule}, batches of {training.batch_size}, at most {training.epochs} epochs, "
        f"stopped after {training.patience} without a better validation loss; the weights of the "
        f"epoch with the lowest validation loss were kept.{tuned} Device: "
        f"{text(model['device_note'])}; biornn {text(model['biornn_version'])}.\n\n{of}"
    )


def _evaluation(evidence: Evidence, model: Mapping[str, Any], fold: FoldEvidence) -> str:
    scores = fold.scores(model["name"])
    if scores.empty:
        return "There are too few test examples in this fold for scores of its own."
    share = f"{100 * evidence.analysis.evaluation.confidence:g} %"
    row = fold.against_baseline(model["name"], evidence.main)
    simple = fold.scores(row["model_b"])["value"] if row is not None else pd.Series(dtype=float)
    head = ["metric", "value", f"{share} interval"]
    head += [f"`{row['model_b']}`"] if row is not None else []
    rows = [
        [LABELS[metric], number(score["value"]), interval(score["ci_low"], score["ci_high"])]
        + ([number(simple.get(metric))] if row is not None else [])
        for metric, score in scores.iterrows()
    ]
    n = int(scores["n"].max())
    seeds = len(model["runs"])
    return (
        f"On {n:,} test examples that training and choice of the epoch never saw; means over "
        f"{seeds} seed{'s' if seeds > 1 else ''}, with intervals over examples and seeds.\n\n"
        f"{table(head, rows)}"
    )


def _files(folder: Path) -> str:
    there = {name: what for name, what in FILES.items() if (folder / name).exists()}
    rows = [(f"`{name}`", what, f"`{sha256(folder / name)}`") for name, what in there.items()]
    return table(("file", "what it is", "sha256"), rows)


def _citation(analysis: AnalysisConfig) -> str:
    rows = []
    for each in analysis.citations:
        # a DOI has neither spaces nor angle brackets (see `Citation`)
        link = f" <https://doi.org/{each.doi}>" if each.doi else ""
        rows.append(f"- Cite: {text(each.text)}{link}")
    return "\n".join(rows) or "The analysis names no publication."
