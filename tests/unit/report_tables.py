"""A made-up results folder in memory, with hostile names."""

import copy
import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from biornn import (
    audits,
    breakdown,
    calibration,
    comparisons,
    outcome,
    paired_tests,
    statistics,
)
from biornn.config import AnalysisConfig
from biornn.examples import Description
from biornn.targets import REGRESSION, Task
from scipy import special

DESCRIPTION = Description("letters", "rna", REGRESSION)
FOLDS = pd.DataFrame(
    {"fold": [0], "scheme": ["column"], "repeat": [0], "train": [50], "validation": [50],
     "test": [50]}
)  # fmt: skip
HOSTILE = "<script>alert('x')</script>"


def analysis(**changes) -> AnalysisConfig:
    """An analysis whose texts try to be markup."""
    value = {
        "title": f"T {HOSTILE}",
        "question": "a & b?",
        "sources": {"s": {"type": "path", "path": "t.csv"}},
        "examples": {"source": "s", "sequence": {"column": "x", "alphabet": "rna"}},
        "expression": {
            "counts": ["n", "m"],
            "normalization": [
                {"method": "log_ratio", "numerator": "n", "denominator": "m",
                 "reference_sequence": "GU", "reference_value": 2}
            ],
            "check": {"column": "y"},
        },
        "target": {"label": "log10 PSI"},
        "split": {"method": "column", "column": "set"},
        "models": {
            "net": {"cell": "lstm", "peephole": "diagonal", "epochs": 7},
            "shuffled": {"cell": "rnn", "shuffle_labels": True},
        },
        "baselines": {"mean": {"kind": "mean"}, "ridge": {"kind": "linear"},
                      "trees": {"kind": "gradient_boosting"}},
        "citations": [{"text": HOSTILE, "doi": "10.1186/s13059-022-02661-7"}],
    }  # fmt: skip
    return AnalysisConfig.model_validate(value | changes)


HOSTILE_CLASSES = ("<img src=x onerror=window.hit=1>", '"><b>', "it's & more")
TASKS = {
    "count": Task(counts=True),
    "ordinal": Task("classification", "sequence", ("low", "mid", "high"), ordered=True),
    "multilabel": Task("multilabel", "sequence", ("a", "b")),
    "gaussian": REGRESSION,
    "hostile": Task("classification", "sequence", HOSTILE_CLASSES),
    "positions": Task("classification", "position", ("H", "E", "C")),
}


def made_once(make: Callable[..., outcome.Tables]) -> Callable[..., outcome.Tables]:
    """The same tables again without resampling them again; each caller has its own copy."""
    made = functools.cache(make)

    @functools.wraps(make)
    def copied(*given: object, **options: object) -> outcome.Tables:
        return copy.deepcopy(made(*given, **options))

    return copied


def beside(groups: list[statistics.Group]) -> dict[str, pd.DataFrame]:
    """What evaluation writes beside scores and comparisons, by the names of `outcome.Tables`."""
    split = statistics.overall(FOLDS)[0]
    curves, temperatures = calibration.tables(groups, split.scheme)
    return {
        "tests": paired_tests.table_of(comparisons.pairs_of(groups), groups, FOLDS, "holm"),
        "classes": breakdown.classes(groups, split),
        "variance": breakdown.variance(groups, split.scheme),
        "calibration": curves,
        "temperature": temperatures,
    }


@made_once
def of_task(name: str) -> outcome.Tables:
    """The tables of a run with another target, or with a network that predicts a spread."""
    task, generator = TASKS[name], np.random.default_rng(0)
    length = 70 if task.per == "position" else 1
    n = 12 * length if length > 1 else 300
    of, place = np.divmod(np.arange(n), length)
    subsets = np.array(["train", "validation", "test"])[of % 3]
    truth = np.random.default_rng(1).normal(size=(n, 2))
    tables_of = []
    for model, kind, error, seeds in (
        ("net", "recurrent", 0.3, (1, 2)), ("ridge", "baseline", 0.8, (0,)),
        ("mean", "baseline", None, (0,)),
    ):  # fmt: skip
        for seed in seeds:
            noisy = truth * 0 if error is None else truth + error * generator.normal(size=(n, 2))
            columns: dict[str, object]
            if name == "count":
                columns = {"target": np.round(np.exp(2 + truth[:, 0])),
                           "prediction": np.exp(2 + noisy[:, 0])}  # fmt: skip
            elif name == "gaussian":
                columns = {"target": truth[:, 0], "prediction": noisy[:, 0]}
                columns |= {"prediction_sd": np.full(n, 0.3)} if model == "net" else {}
            elif task.kind == "classification":
                cut = np.digitize(truth[:, 0], [-0.5, 0.5])
                steps = special.expit(3 * (noisy[:, :1] - [[-0.5, 0.5]]))
                whole = np.column_stack([np.ones(n), steps, np.zeros(n)])
                columns = {"target": np.array(task.classes)[cut]}
                columns |= {f"prediction.{label}": whole[:, at] - whole[:, at + 1]
                            for at, label in enumerate(task.classes)}  # fmt: skip
            else:
                columns = {f"target.{label}": (truth[:, at] > 0).astype(int)
                           for at, label in enumerate(task.classes)}  # fmt: skip
                columns |= {f"prediction.{label}": special.expit(2 * noisy[:, at])
                            for at, label in enumerate(task.classes)}  # fmt: skip
            columns |= {"position": place + 1} if length > 1 else {}
            tables_of.append(
                pd.DataFrame({"model": model, "kind": kind, "id": [f"ex{i}" for i in of],
                              "fold": 0, "seed": seed, "subset": subsets, **columns})
            )  # fmt: skip
    predictions = pd.concat(tables_of, ignore_index=True)
    groups = statistics.prepare(predictions, {}, FOLDS, task=task, n_resamples=100)
    scores = statistics.score(groups)
    plain = tables()
    loss = "gaussian" if name == "gaussian" else "auto"
    return replace(
        plain,
        metrics=scores,
        fold_metrics=scores,
        comparisons=comparisons.compare(groups, n_permutations=199),
        **beside(groups),
        published=plain.published.iloc[:0],
        predictions=predictions,
        histories={"net": plain.histories["net"]},
        descriptions=[plain.descriptions[0] | {"architecture": {"loss": loss}}],
        examples=pd.DataFrame(
            {
                "id": [f"ex{i}" for i in np.unique(of)],
                "sequence": ["ACGUGGU" * 10] * 12
                if length > 1
                else generator.choice(["ACGU", "GGGU" * 20, HOSTILE], size=n),
            }
        ),
        description=Description("letters", "rna", task),
    )


@made_once
def tables(network_error: float = 0.3, control: float = 0.0, copies: int = 0) -> outcome.Tables:
    """Tables of a run in which the network errs by `network_error` and ridge by 0.6."""
    generator = np.random.default_rng(0)
    n = 150
    ids = [f"ex{i}" for i in range(n)]
    subsets = np.array(["train", "validation", "test"])[np.arange(n) % 3]
    y = generator.normal(size=n)
    models = {
        "net": ("recurrent", y + network_error * generator.normal(size=n), (1, 2)),
        "shuffled": ("control", control * y, (1, 2)),
        "ridge": ("baseline", y + 0.6 * generator.normal(size=n), (0,)),
        "mean": ("baseline", np.zeros(n), (0,)),
        "replicate": ("ceiling", y + 0.2 * generator.normal(size=n), (0,)),
    }
    predictions = pd.concat(
        [
            pd.DataFrame({"model": model, "kind": kind, "id": ids, "fold": 0, "seed": seed,
                          "subset": subsets, "target": y, "prediction": values})
            for model, (kind, values, seeds) in models.items()
            for seed in seeds
        ]
    )  # fmt: skip
    strata = {"GU": set(ids[:90])}
    groups = statistics.prepare(predictions, strata, FOLDS, n_resamples=100)
    scores = statistics.score(groups)
    chosen = {"best_recurrent": "net", "best_baseline": "ridge"}
    entry = {"name": HOSTILE, "source": "paper", "metric": "information", "subset": "test",
             "value": 0.4, "uncertainty": 0.1, "model": "best_recurrent", "not_comparable": None,
             "note": "n"}  # fmt: skip
    audit = [
        (0, "size", subset, 50, n, 1 / 3, None, "") for subset in ("train", "validation", "test")
    ]
    for subset in ("validation", "test"):
        audit.append((0, "identical_sequence", subset, copies, 50, copies / 50, None, ""))
        audit.append((0, "one_mismatch", subset, 10, 50, 0.2, None, ""))
    audit += [
        (0, "identical_seen", "test", copies, 50, copies / 50, None, ""),
        (0, "similar_sequence", "test", 5, 50, 0.1, None, ""),
        (0, "nearest_identity", "test", 50, 50, 1.0, 0.5, ""),
        (0, "shuffled_identity", "test", 50, 50, 1.0, 0.4, ""),
    ]
    audit.append((0, "normalization_reference", "test", 1, 1, 1.0, None, "GU sets the zero point"))
    history = pd.DataFrame(
        [(s, e, 1 / e, 1.1 / e, 0.01, 1.0, 3, 2.0 * e) for s in (1, 2) for e in (1, 2, 3)],
        columns=["seed", "epoch", "train_loss", "validation_loss", "learning_rate",
                 "gradient_norm", "clipped_steps", "seconds"],
    )  # fmt: skip
    description = {"name": "net", "fold": 0, "n_parameters": 1234, "device_note": "CPU, 1 thread",
                   "runs": [{"seed": 1, "epochs": 3, "best_epoch": 3, "seconds": 6.0}]}  # fmt: skip
    qc = pd.DataFrame(
        [("", pd.NA, "note", "records read", 151), (HOSTILE, 7, "dropped", "letters", pd.NA)],
        columns=["record", "line", "action", "reason", "count"],
    ).astype({"line": "Int64", "count": "Int64"})
    return outcome.Tables(
        examples=pd.DataFrame({"id": ids, "sequence": generator.choice(["ACGU", "GGGU"], size=n)}),
        qc=qc,
        folds=FOLDS,
        nearest=pd.DataFrame(
            {"fold": 0, "id": ids[:50], "nearest": ids[0], "identity": 0.5, "strand": "+"}
        ),
        memorization=pd.DataFrame(columns=statistics.MEMORIZATION_COLUMNS),
        fold_metrics=scores,
        audit=pd.DataFrame(audit, columns=audits.AUDIT_COLUMNS),
        metrics=scores,
        comparisons=comparisons.compare(groups, n_permutations=199),
        **beside(groups),
        published=comparisons.judge([entry], scores, chosen),
        chosen=chosen,
        predictions=predictions,
        histories={"net": history, "shuffled": history},
        descriptions=[description],
        benchmarks=pd.DataFrame([("train_model", "net.fold0", 12.34, 500.0)],
                                columns=["rule", "of", "seconds", "memory"]),
        description=DESCRIPTION,
    )  # fmt: skip
