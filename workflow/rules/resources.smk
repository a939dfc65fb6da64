"""What jobs ask for, and how many jobs there are.

Needs: the helpers of common.smk.
Makes: nothing; functions that the rules name in `resources:` and `threads:`.
"""

import math

from snakemake.iocontainers import Wildcards

from biornn import demands


def size_mb(paths):
    """MiB of the files that a job reads; Snakemake asks again once all of them are there."""
    return sum(os.path.getsize(path) for path in paths) / 2**20


def data_mb(input):
    """MiB of the data among the inputs of a job: all but the code."""
    code = set(input.get("code", []))
    return size_mb(path for path in input if path not in code)


def memory(rule):
    """A resource function: memory of a rule's jobs, by their data and the attempt."""

    def get(wildcards, input, attempt):
        return demands.memory(rule, data_mb(input), attempt)

    return get


def runtime(rule, passes=lambda wildcards: 1):
    """A resource function: minutes of a rule's jobs; `passes` of all its networks over the data."""

    def get(wildcards, input, attempt):
        return demands.runtime(rule, data_mb(input), attempt, passes(wildcards))

    return get


def passes(wildcards):
    """Passes over the data of all networks that a training job trains."""
    training = ANALYSES[wildcards.analysis].training_of(wildcards.model)
    return training.epochs * len(training.seeds)


def passes_of_parts(wildcards):
    """The same of parts, each of which takes as many steps as the whole."""
    return passes(wildcards) * max(len(parts(wildcards)), 1)


def passes_of_search(wildcards):
    """The same of one worker of a search."""
    analysis = ANALYSES[wildcards.analysis]
    tune = analysis.tune[wildcards.model]
    trials = math.ceil(tune.trials / tune.workers)
    return analysis.training_of(wildcards.model).epochs * trials


def gpus(wildcards):
    """GPUs of a training job: `devices` where the analysis asks for them, or where there are some."""
    training = ANALYSES[wildcards.analysis].training
    there = training.device == "auto" and GPUS_ARE_THERE
    return training.devices * training.nodes if training.device == "gpu" or there else 0


def nodes(wildcards):
    """Nodes of a training job; nothing is asked of a cluster for the usual one."""
    training = ANALYSES[wildcards.analysis].training
    return training.nodes if training.nodes > 1 else None


def tasks(wildcards):
    """Tasks of a training job over CPU nodes; on GPU nodes SLURM counts them by itself."""
    return None if gpus(wildcards) else nodes(wildcards)


def training_threads(wildcards):
    """Cores of a training job: those of every process that shares its work on one node."""
    training = ANALYSES[wildcards.analysis].training
    return training.threads * training.devices


def jobs_of(name):
    """The jobs of a whole run of an analysis, by rule; with the threads and GPUs of each."""
    analysis = ANALYSES[name]
    models, folds = len(analysis.models), len(analysis.folds)
    like = Wildcards(fromdict={"analysis": name})
    cores = training_threads(like) * analysis.training.nodes
    training = {"threads": cores, "gpus": gpus(like)}
    searching = {"threads": analysis.training.threads, "gpus": min(gpus(like), 1)}
    parts_of = predictions_of_parts(like) if analysis.parts else []
    of_networks = sum("/models/" in path for path in parts_of)
    tuned = sum(tune.workers for tune in analysis.tune.values()) * folds
    sequences = not analysis.has_profiles
    found = [
        ("build_examples", 1, {}),
        ("cluster_sequences", len(clusters(like)), {"threads": 2}),
        ("split_examples", 1, {"threads": 2}),
        ("encode_sequences", int(sequences), {}),
        ("normalize_expression", folds * (analysis.expression is not None), {}),
        ("tune_model", tuned, searching),
        ("choose_settings", len(analysis.tune) * folds, {}),
        ("train_model", models * folds, training),
        ("train_parts", of_networks, training),
        ("train_baseline", len(analysis.baselines) * folds, {}),
        ("fit_parts", len(parts_of) - of_networks, {}),
        ("measure_ceiling", folds * (analysis.replicate is not None), {}),
        ("evaluate", 1, {"threads": 2}),
        ("evaluate_parts", int(bool(parts_of)), {"threads": 2}),
        ("explain_model", len(analysis.explained), {}),
        ("render_report", 1, {}),
        ("describe_models", 1, {}),
        ("describe_run", 1, {}),
    ]
    return [{"analysis": name, "rule": rule, "count": n} | more for rule, n, more in found]
