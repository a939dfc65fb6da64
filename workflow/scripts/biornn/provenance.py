"""Provenance: versions, checksums, the methods in words, the DOME checklist, an RO-Crate."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from . import __version__
from .config import AnalysisConfig
from .config_data import ColumnSplit, LogRatio
from .config_models import ModelConfig, RidgeBaseline
from .config_sources import PathSource, UrlSource
from .files import sha256, write_with

_PACKAGES = (
    "snakemake", "torch", "lightning-fabric", "numpy", "pandas", "pyarrow", "anndata",
    "scikit-learn", "scipy", "statsmodels", "safetensors",
)  # fmt: skip


def software_versions() -> dict[str, str]:
    """Versions of Python, of this library and of what the numbers depend on."""
    versions = {"biornn": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_machine() -> dict[str, str]:
    """Kind of machine, without the names of hosts, users or folders."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {
        "system": f"{platform.system()} ({platform.machine()})",
        "processor": model,
        "cores": str(os.cpu_count()),
    }


def describe_sources(analysis: AnalysisConfig, paths: Mapping[str, str]) -> list[dict[str, str]]:
    """Where each source came from and what it was: `name`, `origin`, `file`, `sha256`."""
    rows = []
    for name, source in analysis.sources.items():
        if isinstance(source, PathSource):
            origin = "local file"
        elif source.type == "url":
            origin = source.url
        else:
            origin = f"{source.package} {source.version} (Python package index)"
        rows.append(
            {
                "name": name,
                "origin": origin,
                "file": Path(paths[name]).name,
                "sha256": sha256(paths[name]),
            }
        )
    return rows


def _network_in_words(name: str, model: ModelConfig) -> str:
    kind = {"rnn": f"{model.activation} RNN", "lstm": "LSTM", "gru": "GRU"}[model.cell]
    if model.peephole:
        kind += f" with {model.peephole} peepholes (Gers & Schmidhuber 2000)"
    parts = [
        f"{'bidirectional ' if model.bidirectional else ''}{kind}",
        f"{model.layers} layer{'s' if model.layers > 1 else ''} of {model.hidden_size} units"
        + (" in each direction" if model.bidirectional else ""),
        {"last": "read at the last step of each direction", "mean": "mean over positions",
         "max": "maximum over positions"}[model.readout],
    ]  # fmt: skip
    if model.initialization == "orthogonal":
        parts += ["orthogonal recurrent matrices at the start (Saxe et al. 2014)"]
    parts += [f"dropout {model.dropout:g}"] if model.dropout else []
    parts += [f"at most {model.epochs} epochs"] if model.epochs else []
    parts += [f"highest learning rate {model.learning_rate:g}"] if model.learning_rate else []
    parts += ["trained on shuffled targets as a negative control"] if model.shuffle_labels else []
    return f"`{name}`: {', '.join(parts)}"


def _normalization_in_words(analysis: AnalysisConfig) -> str:
    if analysis.expression is None:
        return f"The target is the column `{analysis.target.column}` as it came."
    words = []
    for step in analysis.expression.normalization:
        if isinstance(step, LogRatio):
            text = (
                f"log{step.base:g}(({step.numerator} + {step.pseudocount:g}) / "
                f"({step.denominator} + {step.pseudocount:g}))"
            )
            if step.reference_sequence:
                text += (
                    f", shifted so that {step.reference_sequence} has the value "
                    f"{step.reference_value:g}"
                )
        elif step.method == "log1p":
            text = f"log{step.base:g}(1 + count)"
        else:
            text = "z-score with mean and standard deviation of the training rows"
        words.append(text)
    check = analysis.expression.check
    checked = (
        f" The result equals the column `{check.column}` of the source within {check.tolerance:g}."
        if check
        else ""
    )
    return f"The target was computed from raw counts: {'; then '.join(words)}.{checked}"


def _baseline_in_words(name: str, baseline: Any) -> str:
    if isinstance(baseline, RidgeBaseline):
        features = {
            "additive": "one-hot letters",
            "neighbor": "one-hot letters and adjacent pairs",
            "pairwise": "one-hot letters and all pairs of positions",
        }[baseline.features]
        return f"`{name}`: ridge regression on {features}, penalty chosen on validation data"
    if baseline.kind == "gradient_boosting":
        return f"`{name}`: histogram gradient boosting on letters, stopped on validation data"
    return f"`{name}`: mean of the training targets"


def methods_text(
    analysis: AnalysisConfig, sizes: Mapping[str, int], n_read: int, device_note: str
) -> str:
    """Markdown for a paper's methods section, from the settings and what the run found.

    Parameters
    ----------
    sizes
        Examples in train, validation and test.
    n_read
        Records in the source.
    device_note
        From a model's `model.json`.
    """
    training, evaluation = analysis.training, analysis.evaluation
    if isinstance(analysis.split, ColumnSplit):
        split = f"as the data's own column `{analysis.split.column}` says"
    else:
        split = f"by chance (seed {analysis.split.seed}), identical sequences together"
    networks = [_network_in_words(name, model) for name, model in analysis.models.items()]
    baselines = [_baseline_in_words(name, b) for name, b in analysis.baselines.items()]
    decay = f", weight decay {training.weight_decay:g}" if training.weight_decay else ""
    interval = f"{100 * evaluation.confidence:g} %"
    return f"""\
# Methods: {analysis.title}

**Data.** {n_read:,} records were read from {_origin(analysis)}; \
{sum(sizes.values()):,} passed the checks of letters, lengths and counts. \
{_normalization_in_words(analysis)} Normalisation was fitted on training examples only; a \
reference that is named in it is a constant of the analysis.

**Split.** Examples were assigned {split}: {sizes["train"]:,} for training, \
{sizes["validation"]:,} for validation, {sizes["test"]:,} for testing. Identical sequences and \
sequences with one substitution between training and the other subsets were counted.

**Networks.** Sequences were one-hot encoded ({analysis.examples.sequence.alphabet}). \
{"; ".join(networks)}. Targets were standardised by mean and standard deviation of the training \
examples. Loss: mean squared error. Unless said otherwise: optimiser {training.optimizer}, highest \
learning rate {training.learning_rate:g}{decay}, schedule {training.schedule}, batches of \
{training.batch_size}, at most {training.epochs} epochs, stopped after {training.patience} without \
a better validation loss; gradients with a norm over {training.clip_norm:g} were scaled down. Each \
network was trained with the seeds {", ".join(map(str, training.seeds))}; the weights of the epoch \
with the lowest validation loss were kept. Device: {device_note}.

**Baselines.** {"; ".join(baselines)}.

**Evaluation.** R², mean squared error, Pearson and Spearman correlation, and predictive \
information (mutual information of prediction and measurement, estimator 1 of Kraskov et al. 2004 \
with 5 neighbours) on the test examples. Intervals are {interval} percentile bootstrap intervals \
({evaluation.resamples:,} resamples) over examples and, for means over seeds, over seeds; those of \
the information resample pointwise contributions, spread to the standard error of Holmes & \
Nemenman 2019. Networks were compared with the baseline of \
lowest validation error and with each other on the same test examples by a two-sided paired \
sign-flip permutation test ({evaluation.permutations:,} permutations), p-values adjusted after Holm.

Made with biornn {__version__}.
"""


def _origin(analysis: AnalysisConfig) -> str:
    examples = analysis.examples
    places = []
    for name in examples.inputs.values():
        source = analysis.sources[name]
        if isinstance(source, PathSource):
            place = f"the file `{Path(source.path).name}`"
        elif isinstance(source, UrlSource):
            place = source.url
        else:
            place = f"the package {source.package} {source.version}"
        places.append(f"`{examples.member}` in {place}" if examples.member else place)
    return ", ".join(places)


def dome(analysis: AnalysisConfig, sizes: Mapping[str, int], audit: Any) -> dict[str, Any]:
    """The DOME recommendations (Walsh et al., Nature Methods 18:1122, 2021), as far as a run knows.

    An entry with `"status": "author"` is left for a person.
    """
    author = {"status": "author", "text": ""}

    def run(text: str) -> dict[str, str]:
        return {"status": "run", "text": text}

    shared = audit[audit["check"] == "identical_sequence"]
    overlap = "; ".join(f"{row.subset}: {row.count_} of {row.n}" for row in
                        shared.rename(columns={"count": "count_"}).itertuples())  # fmt: skip
    return {
        "data": {
            "provenance": run(_origin(analysis)),
            "dataset_splits": run(", ".join(f"{key} {value}" for key, value in sizes.items())),
            "redundancy_between_splits": run(f"sequences identical to a training one: {overlap}"),
            "availability": author,
        },
        "optimization": {
            "algorithm": run(", ".join(analysis.models)),
            "meta_predictions": run("no"),
            "data_encoding": run("one-hot letters; targets standardised on training examples"),
            "regularization": run(
                f"early stopping (patience {analysis.training.patience}), gradient clipping"
            ),
            "configuration_availability": run("config.yaml beside this file"),
        },
        "model": {
            "interpretability": author,
            "output": run("regression"),
            "availability": run("weights.safetensors and model.json of every model"),
        },
        "evaluation": {
            "method": run("held-out test set; validation set for all choices"),
            "performance_measures": run("R², MSE, Pearson, Spearman, predictive information"),
            "comparison": run(", ".join(analysis.baselines)),
            "confidence": run(
                f"bootstrap over examples and {len(analysis.training.seeds)} seeds; paired tests"
            ),
            "availability": run("metrics.tsv, comparisons.tsv, predictions.parquet"),
        },
    }


def write_ro_crate(
    target: str | Path,
    analysis: AnalysisConfig,
    sources: Sequence[Mapping[str, str]],
    outputs: Sequence[str | Path],
    versions: Mapping[str, str],
) -> None:
    """Write `ro-crate-metadata.json` for a results folder.

    Parameters
    ----------
    target
        The file; paths of `outputs` are made relative to its folder.
    sources
        From `describe_sources`.
    """
    target = Path(target)
    crate = ROCrate()
    crate.name, crate.description = analysis.title, analysis.question or analysis.title
    inputs = [
        crate.add(
            ContextEntity(
                crate,
                f"#source-{row['name']}",
                {"@type": "CreativeWork", "name": row["file"], "description": row["origin"],
                 "sha256": row["sha256"]},
            )
        )
        for row in sources
    ]  # fmt: skip
    tools = [
        crate.add(
            ContextEntity(
                crate,
                f"#software-{name}",
                {"@type": "SoftwareApplication", "name": name, "version": version},
            )
        )
        for name, version in versions.items()
    ]
    files = [
        crate.add_file(
            dest_path=str(Path(path).relative_to(target.parent)),
            properties={"sha256": sha256(path), "contentSize": str(Path(path).stat().st_size)},
        )
        for path in outputs
    ]
    action = crate.add(
        ContextEntity(crate, "#run", {"@type": "CreateAction", "name": "biornn analysis"})
    )
    action["object"], action["result"], action["instrument"] = inputs, files, tools[0]
    action["softwareRequirements"] = tools[1:]
    crate.root_dataset["mentions"] = action

    def write(temporary: Path) -> None:
        metadata = crate.metadata.generate()
        temporary.write_text(json.dumps(metadata, indent=2, ensure_ascii=False), encoding="utf-8")

    write_with(target, write)
