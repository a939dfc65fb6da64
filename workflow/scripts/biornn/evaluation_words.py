"""Words for evaluation: scores, intervals, tests, calibration, curves, explanations."""

from __future__ import annotations

import pandas as pd

from . import model_words
from .bootstrap import FEWEST_CLUSTERS
from .config import AnalysisConfig
from .config_explain import ENOUGH
from .config_models import BoostingBaseline, LinearBaseline, NearestBaseline
from .examples import Description
from .splits import sizes_of
from .targets import REGRESSION, Task
from .training_words import joined

#: Metrics with accelerated intervals (`bootstrap.ACCELERATED`) in words, by the name of the task.
_ACCELERATED = {
    "regression": "the mean squared error",
    "next_value": "the mean squared error",
    "classification": "accuracies, Matthews correlation, F1{areas} and Brier score",
    "ordinal": "accuracies and F1",
    "multilabel": "mean AUROC, average precision, F1 and the share with all labels right",
    "count": "",
}
_SIGNED = {
    "regression": "squared error and pointwise information",
    "next_value": "squared error",
    "count": "deviance and squared error",
    "classification": "being right or wrong, and log loss",
    "ordinal": "distance of the rank, and being right or wrong",
    "multilabel": "share in the mean AUROC (structural components, DeLong et al. 1988), and log "
    "loss",
}


def scores_in_words(analysis: AnalysisConfig, task: Task, n_folds: int) -> str:
    """What is scored, on what, and what stands beside it."""
    spread = model_words.spread_in_words(analysis.models)
    said = f"Scores on the test examples: {model_words.metrics_in_words(task)}.{spread}"
    if n_folds > 1:
        said += (
            " They are those of the test examples of all folds together, each predicted by models "
            "that did not see it."
        )
    if analysis.evaluation.strata:
        names = joined(f"`{stratum.name}`" for stratum in analysis.evaluation.strata)
        said += f" Models were also scored on parts of the test examples ({names})."
    if analysis.replicate is not None:
        said += (
            " A second measurement of the same sequences was scored as if it were a model: the "
            "ceiling that its noise sets."
        )
    if getattr(analysis.split, "compare_random", False):
        said += (
            " The same models were trained and tested on random folds of the same sizes, to see "
            "how much better they seem where what this split keeps together is torn apart."
        )
    return said


def intervals_in_words(analysis: AnalysisConfig, task: Task) -> str:
    """How intervals are made."""
    evaluation, many = analysis.evaluation, len(analysis.training.seeds) > 1
    drawn = "whole sequences" if task.per == "position" else "examples"
    seeds = " and, for means over seeds, over seeds" if many else ""
    areas = ", AUROC, average precision" if task.per != "position" else ""
    fast = _ACCELERATED[task.name].format(areas=areas)
    kinds = "They are percentile intervals"
    if fast:
        kinds = (
            f"Those of {fast} are BCa intervals (Efron 1987), which covered better in simulations; "
            "the others, and those of differences, are percentile intervals"
        )
    if task == REGRESSION:
        kinds += (
            "; those of the information resample pointwise contributions, spread to the standard "
            "error of Holmes & Nemenman 2019"
        )
    return (
        f"Intervals are {100 * evaluation.confidence:g} % bootstrap intervals "
        f"({evaluation.resamples:,} resamples) over {drawn}{seeds}. {kinds}."
        f"{_clusters_in_words(analysis)}"
    )


def _clusters_in_words(analysis: AnalysisConfig) -> str:
    """What is drawn whole, where the split keeps something together; else empty."""
    kept = {"column": "groups", "homology": "clusters of similar sequences"}
    what = kept.get(analysis.split.groups.by)
    if what is None:
        return ""
    return (
        f" Where the test set has at least {FEWEST_CLUSTERS} {what}, these are drawn whole in the "
        "bootstrap, and flip their signs together in the test."
    )


def comparisons_in_words(analysis: AnalysisConfig, task: Task, n_folds: int) -> str:
    """How models are compared."""
    evaluation = analysis.evaluation
    networks = [name for name, model in analysis.models.items() if not model.shuffle_labels]
    each = " and with each other" if len(networks) > 1 else ""
    subject = "Networks were" if len(networks) > 1 else "The network was"
    seeds = ", the mean over seeds" if len(analysis.training.seeds) > 1 else ""
    signed = _SIGNED["next_value" if task == Task(per="position") else task.name]
    correction = {"holm": "Holm 1979", "benjamini_hochberg": "Benjamini & Hochberg 1995"}
    said = (
        f"{subject} compared with the baseline of lowest validation loss{each} on the same test "
        f"examples by two-sided paired sign-flip permutation tests ({evaluation.permutations:,} "
        f"permutations) of what each example contributes ({signed}){seeds}; p-values "
        "were adjusted for the number of comparisons "
        f"({correction[evaluation.correction]})."
    )
    others = []
    if task.kind == "classification" and task.per != "position":
        if len(task.classes) == 2 and not task.ordered:
            others.append("DeLong's test of the AUROC (DeLong et al. 1988; Obuchowski 1997)")
        others.append("McNemar's test of the accuracy (mid-p, Fagerland et al. 2013)")
    if n_folds > 1:
        others.append("the corrected t-test over folds (Nadeau & Bengio 2003)")
    if others:
        said += f" The same pairs were compared, where it applies, by {joined(others)}."
    return said


def calibration_in_words(task: Task) -> str:
    """How calibration is looked at, after a space."""
    if task.kind == "regression":
        return " Calibration: mean prediction and mean target in ten bins of equal mass."
    return (
        " Calibration: reliability in ten bins of equal mass, before and after temperature scaling "
        "(Guo et al. 2017) with one temperature for each model, fold and seed, fitted on the "
        "validation examples; all other scores are those before."
    )


def curve_in_words(analysis: AnalysisConfig, task: Task) -> str:
    """How models were trained on parts of the training examples, after a space; maybe empty."""
    if not analysis.parts:
        return ""
    shares = joined(f"{100 * share:g} %" for share in analysis.parts)
    classes = ", of each class the same share" * bool(task.classes)
    return (
        f" For the learning curve every model but controls was also trained on {shares} of the "
        f"training examples of the first fold (nested parts{classes}), networks for as many steps "
        "as on the whole."
    )


def published_in_words(analysis: AnalysisConfig) -> str:
    """How published numbers are compared, after a space; empty where there are none."""
    if not analysis.published:
        return ""
    n = len(analysis.published)
    said = (
        f" {'A published number was' if n == 1 else f'{n} published numbers were'} compared with "
        "ours: within our interval, widened by the published uncertainty, one counts as reproduced."
    )
    if any(entry.predictions for entry in analysis.published):
        said += (
            " Where the data have a published model's own predictions, these were scored on the "
            "same test examples as ours."
        )
    if any(entry.not_comparable for entry in analysis.published):
        said += " Those whose protocol or data differ were called not comparable."
    return said


def explanations_in_words(
    analysis: AnalysisConfig, description: Description, folds: pd.DataFrame
) -> str:
    """How networks were explained; empty where none was."""
    explain, task = analysis.explain, description.task
    if not analysis.explained:
        return ""
    many = len(analysis.training.seeds) > 1
    letters = description.inputs == "letters"
    names = joined(f"`{name}`" for name in analysis.explained)
    place = " (of each a position)" if task.per == "position" else ""
    few = ""
    if sizes_of(folds.iloc[:1])["test"] < ENOUGH:
        few = ", and, since it has few, of its validation and training examples,"
    what = "the output"
    if task.name == "ordinal":
        what = "the mean of the cumulative log odds"
    elif task.classes:
        of = "label" if task.kind == "multilabel" else "class less the mean of the others"
        what = f"the logit of the {of}"
    elif task.counts:
        what = "the logarithm of the predicted mean"
    said = (
        f"Of {names}, contributions are integrated gradients (Sundararajan et al. 2017) of {what}, "
        f"for up to {explain.examples:,} test examples{few} of the first fold{place}, from the "
        "mean of the training inputs, with as many points of the integral (at most 512) as bring "
        "the sum of the contributions within 1 % of the change of the output"
    )
    said += "; means over seeds." if many else "."
    if many:
        said += (
            " Their agreement between seeds was compared with that with networks of fresh weights "
            "(Adebayo et al. 2018)."
        )
    else:
        said += " They were compared with those of networks of fresh weights (Adebayo et al. 2018)."
    if explain.mutagenesis and letters:
        said += (
            f" In up to {explain.mutagenesis:,} of these sequences every letter was exchanged for "
            "each other one, one at a time (in silico mutagenesis)."
        )
    longest = analysis.examples.sequence.max_length
    if letters and (longest is None or longest >= explain.window):
        said += (
            f" Windows of {explain.window} letters that contribute most were aligned to motifs"
            + (
                ", which were compared with known ones by TOMTOM (Gupta et al. 2007)."
                if explain.motifs
                else "."
            )
        )
    if explain.site:
        said += (
            " Where the answer is known to lie (columns "
            f"`{explain.site.start}` and `{explain.site.end}`), the contributions there were "
            "compared with those elsewhere."
        )
    if explain.gene_sets:
        said += (
            " Genes were ranked by their mean contribution, its sign turned where they are below "
            "the mean, and tested by pre-ranked gene set enrichment (Subramanian et al. 2005)."
        )
    return said


def choices_in_words(analysis: AnalysisConfig, task: Task) -> str:
    """What the validation examples were used for."""
    used = ["the epoch of which the weights were kept", "the best network and the best baseline"]
    used += ["the hyperparameters that were searched"] if analysis.tune else []
    kinds = analysis.baselines.values()
    if any(isinstance(b, LinearBaseline) and len(b.penalties) > 1 for b in kinds):
        used.append("the penalties of linear models")
    if any(isinstance(b, BoostingBaseline) for b in kinds):
        used.append("the number of rounds of boosting")
    if any(isinstance(b, NearestBaseline) for b in kinds) and (task.classes or task.counts):
        used.append("the weight of the nearest neighbour")
    return (
        f"The validation examples decided {joined(used)}; no choice of the workflow saw the test "
        "examples."
    )
