"""Tuning: the search for a network's hyperparameters on the validation examples of a fold.

Several workers, each a job, work on one study of Optuna (Akiba et al., KDD 2019), which lies in a
journal: a file to which lines are added under a lock that network file systems keep. The sampler is
the tree-structured Parzen estimator (Bergstra et al. 2011). A worker that was killed goes on: its
finished trials are kept, and the one that it was in the middle of goes on from its checkpoint.

The test examples are taken away before anything else happens; a test changes them and sees no
difference.
"""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from lightning_fabric import Fabric
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

from . import checkpoints, training
from .config_models import ModelConfig, TrainingConfig
from .config_tune import Range, TuneConfig, Value, apply, is_whole
from .files import InputError
from .folds import FoldData
from .runs import Replicate

logger = logging.getLogger(__name__)

#: Completed trials below which the importance of parameters is not said.
LEAST_FOR_IMPORTANCE = 10
#: How often a trial is begun whose job is stopped each time, maybe because of it.
MOST_ATTEMPTS = 3
#: Columns of `trials.tsv` in front of the parameters.
TRIAL_COLUMNS = ["number", "worker", "state", "value", "epochs", "seconds", "note"]
IMPORTANCE_COLUMNS = ["parameter", "importance"]
#: Keys of the training that change nothing in a trial.
_NO_MATTER = {"seeds", "device", "devices", "threads", "tensorboard", "accumulate"}


@dataclass(frozen=True)
class Search:
    """What is searched for, and where.

    Attributes
    ----------
    name : str
        For progress lines.
    model, training
        What stays where the search changes nothing.
    tune : TuneConfig
    data : FoldData
        The fold; its test examples are not read.
    fold : int
    journal : Path
        File that all workers share.
    """

    name: str
    model: ModelConfig
    training: TrainingConfig
    tune: TuneConfig
    data: FoldData
    fold: int
    journal: Path

    def key(self) -> str:
        """Name of the study: the same for all that may be gone on with."""
        data = self.data.without_test()
        return checkpoints.key_of(
            self.model.model_dump_json(),
            self.training.model_dump_json(exclude=_NO_MATTER),
            self.tune.model_dump_json(exclude={"trials", "workers", "timeout"}),
            f"{self.fold} {data.digest()}",
        )


def work(search: Search, worker: int, *, fabric: Fabric, folder: Path) -> str:
    """Do one worker's share of the trials.

    Parameters
    ----------
    worker : int
        Its number, from 0.
    fabric : Fabric
        Of one process.
    folder : Path
        For checkpoints of the trial that is under way.

    Returns
    -------
    str
        Name of the study.
    """
    data, tune = search.data.without_test(), search.tune
    key = search.key()
    study = _open(search.journal, key, tune)
    share = len(range(worker, tune.trials, tune.workers))
    _try_again(study, worker, tune.workers)
    while len(done := _finished(_own(study, worker, tune.workers))) < share:
        spent = sum(trial.user_attrs.get("seconds", 0) for trial in done)
        if tune.timeout is not None and spent >= tune.timeout:
            logger.info("%s: %d s are over after %d trials", search.name, tune.timeout, len(done))
            break
        # a sampler for each trial, so that one that goes on draws what it would have drawn
        study.sampler = _sampler(tune, search.fold, worker, len(done))
        trial = study.ask()
        trial.set_user_attr("worker", worker)
        _try(search, data, study, trial, fabric, folder)
    return key


def _open(journal: Path, key: str, tune: TuneConfig) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if tune.pruner == "median":
        pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    return optuna.create_study(
        study_name=key, storage=_storage(journal), pruner=pruner, load_if_exists=True
    )


def _storage(journal: Path) -> JournalStorage:
    journal.parent.mkdir(parents=True, exist_ok=True)
    path = str(journal.resolve())
    lock = JournalFileOpenLock(path)
    lock.acquire()
    try:
        _mend(journal)
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(path, lock_obj=lock))


def _mend(journal: Path) -> None:
    """Take away a last line that a killed process left half written; nothing else could be read."""
    if not journal.exists():
        return
    with journal.open("r+b") as file:
        whole = file.read()
        if whole and not whole.endswith(b"\n"):
            logger.warning("%s: its last line was not finished, and is left out", journal)
            file.truncate(whole.rfind(b"\n") + 1)


def _sampler(tune: TuneConfig, fold: int, worker: int, n_done: int) -> optuna.samplers.BaseSampler:
    seed = np.random.SeedSequence([tune.seed, fold, worker, n_done]).generate_state(1)[0]
    return optuna.samplers.TPESampler(seed=int(seed), constant_liar=tune.workers > 1)


def _own(study: optuna.Study, worker: int, workers: int) -> list[FrozenTrial]:
    """Trials of a worker; those of workers that are no longer there are shared out."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.user_attrs.get("worker", -1) % workers == worker]


def _finished(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [
        trial
        for trial in trials
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        or (trial.state == TrialState.FAIL and (_reason(trial) or _attempt(trial) >= MOST_ATTEMPTS))
    ]


def _reason(trial: FrozenTrial) -> str:
    return str(trial.user_attrs.get("reason", ""))


def _attempt(trial: FrozenTrial) -> int:
    return int(trial.user_attrs.get("attempt", 1))


def _try_again(study: optuna.Study, worker: int, workers: int) -> None:
    """Give up the trials that this worker's job was stopped in, and ask for the same again."""
    for trial in _own(study, worker, workers):
        if trial.state != TrialState.RUNNING:
            continue
        study.tell(trial.number, state=TrialState.FAIL)
        if (attempt := _attempt(trial)) < MOST_ATTEMPTS:
            again = {"again": trial.number, "attempt": attempt + 1}
            study.enqueue_trial(trial.params, user_attrs=again)
            logger.info("trial %d was stopped, and is tried again", trial.number)


def _suggest(trial: Trial, tune: TuneConfig) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for key, space in tune.search.items():
        if not isinstance(space, Range):
            values[key] = trial.suggest_categorical(key, space)
        elif is_whole(key):
            values[key] = trial.suggest_int(key, int(space.low), int(space.high), log=space.log)
        else:
            values[key] = trial.suggest_float(key, space.low, space.high, log=space.log)
    return values


def _try(
    search: Search, data: FoldData, study: optuna.Study, trial: Trial, fabric: Fabric, folder: Path
) -> None:
    """Train one network; its lowest validation loss is the value of the trial."""
    again = trial.user_attrs.get("again")
    # a checkpoint of the same settings is gone on with; its epochs are known already
    known = {} if again is None else dict(study.trials[again].intermediate_values)
    for epoch, loss in known.items():
        trial.report(loss, epoch)
    values = _suggest(trial, search.tune)
    epochs = max(known, default=0)
    started = time.monotonic()

    def on_epoch(epoch: int, losses: list[float]) -> None:
        nonlocal epochs
        epochs = max(epoch, epochs)
        if epoch not in known:
            trial.report(losses[0], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    state, value, reason = TrialState.COMPLETE, None, ""
    try:
        model, config = apply(search.model, search.training, values)
        config = config.model_copy(update={"seeds": [search.tune.seed], "devices": 1})
        replicate = Replicate(data, search.tune.seed, search.fold)
        name = f"{search.name} trial {trial.number}"
        (run,) = training.train(
            model, config, [replicate], fabric=fabric, name=name, checkpoint_folder=folder,
            on_epoch=on_epoch,
        )  # fmt: skip
        value = run.best_loss
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except ValueError as error:  # settings that do not go together, or a loss that is not finite
        state, reason = TrialState.FAIL, str(error)
        trial.set_user_attr("reason", reason)
    trial.set_user_attr("epochs", epochs)
    trial.set_user_attr("seconds", time.monotonic() - started)
    study.tell(trial, value, state=state)
    shutil.rmtree(folder, ignore_errors=True)
    logger.info(
        "%s: trial %d of %d, %s: %s%s", search.name, trial.number + 1, search.tune.trials,
        ", ".join(f"{key} {_short(each)}" for key, each in values.items()), state.name.lower(),
        "" if value is None else f", validation {value:.4f}",
    )  # fmt: skip
    if reason:
        logger.warning("%s: trial %d failed: %s", search.name, trial.number + 1, reason)


def _short(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


# -- what was found --------------------------------------------------------------------------------


def load(journal: Path, key: str) -> optuna.Study:
    """A study that `work` has filled."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.load_study(study_name=key, storage=_storage(journal))


def choose(study: optuna.Study) -> dict[str, Any]:
    """The settings with the lowest validation loss, for `chosen.json`.

    Raises
    ------
    InputError
        When no trial was completed.
    """
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    if not trials:
        reasons = [_reason(trial) for trial in study.trials if _reason(trial)]
        raise InputError(
            "tune: no trial was completed, so that there is nothing to choose. "
            f"{reasons[-1] if reasons else 'Give it more trials, or more time (timeout).'}"
        )
    best = min(trials, key=lambda trial: (trial.value, trial.number))
    return {"trial": best.number, "value": best.value, "settings": best.params}


def trials_table(study: optuna.Study) -> pd.DataFrame:
    """`trials.tsv`: `TRIAL_COLUMNS`, and a column for each parameter.

    `state` is `complete`, `pruned`, `failed`, or `stopped` (with its job; it was tried again).
    The value of a pruned trial is its lowest loss so far.
    """
    rows, names = [], {}
    for trial in study.trials:
        if trial.state == TrialState.WAITING:
            continue
        stopped = trial.state != TrialState.FAIL or not _reason(trial)
        state = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}.get(
            trial.state, "stopped" if stopped else "failed"
        )
        value = trial.value if state == "complete" else None
        if state == "pruned":
            value = min(trial.intermediate_values.values())
        names |= dict.fromkeys(trial.params)
        rows.append(
            {
                "number": trial.number,
                "worker": trial.user_attrs.get("worker"),
                "state": state,
                "value": value,
                "epochs": trial.user_attrs.get("epochs"),
                "seconds": trial.user_attrs.get("seconds"),
                "note": " ".join(_reason(trial).split()),
            }
            | trial.params
        )
    table = pd.DataFrame(rows, columns=[*TRIAL_COLUMNS, *names])
    return table.astype({"worker": "Int64", "epochs": "Int64"})


def importance_table(study: optuna.Study) -> pd.DataFrame:
    """`importance.tsv`: the share of each parameter in the variance of the loss (fANOVA).

    No row where fewer than `LEAST_FOR_IMPORTANCE` trials were completed, or all losses are the
    same. Pruned trials are left out, since their losses are those of fewer epochs.

    References
    ----------
    Hutter, Hoos & Leyton-Brown, ICML 2014.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    values = [trial.value for trial in trials if trial.value is not None]
    if len(values) < LEAST_FOR_IMPORTANCE or math.isclose(min(values), max(values)):
        logger.warning(
            "%d trials were completed; the importance of parameters needs %d with different losses",
            len(values), LEAST_FOR_IMPORTANCE,
        )  # fmt: skip
        return pd.DataFrame(columns=IMPORTANCE_COLUMNS)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return pd.DataFrame(found.items(), columns=IMPORTANCE_COLUMNS)
