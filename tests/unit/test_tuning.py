"""The search: without the test examples, by several workers, going on where it was killed."""

import json
import multiprocessing
import os
import signal
from dataclasses import replace

import numpy as np
import optuna
import pytest
from biornn import devices, inputs, training, tuning
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.config_tune import TuneConfig
from biornn.files import InputError
from made_data import make_data, make_positions, make_ranks
from optuna.trial import TrialState

MODEL = ModelConfig(cell="lstm", hidden_size=8)
CONFIG = TrainingConfig(seeds=[1, 2], epochs=3, batch_size=32, device="cpu")
TUNE = TuneConfig(
    trials=6,
    search={
        "hidden_size": {"low": 2, "high": 9},
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "cell": ["lstm", "gru"],
    },
)


def search(folder, data=None, **changes):
    tune = TUNE.model_validate(TUNE.model_dump() | changes)
    return tuning.Search(
        "net", MODEL, CONFIG, tune, data or make_data(90), 0, folder / "journal.log"
    )


def work(made, worker=0):
    fabric, _ = devices.make_fabric(made.training)
    folder = made.journal.parent / f"trial{worker}"
    return tuning.load(made.journal, tuning.work(made, worker, fabric=fabric, folder=folder))


def table(study):
    return tuning.trials_table(study).drop(columns=["seconds"])


def test_the_best_of_the_trials_is_chosen(tmp_path):
    study = work(search(tmp_path, pruner="none"))
    trials = tuning.trials_table(study)
    assert list(trials["state"]) == ["complete"] * 6 and (trials["seconds"] > 0).all()
    assert trials["hidden_size"].between(2, 9).all() and trials["hidden_size"].nunique() > 1
    assert trials["learning_rate"].between(1e-4, 1e-1).all()
    best = trials.loc[trials["value"].idxmin()]
    chosen = tuning.choose(study)
    assert chosen["trial"] == best["number"] and chosen["value"] == best["value"]
    assert chosen["settings"] == {key: best[key] for key in TUNE.search}
    json.dumps(chosen)

    # the value is the lowest validation loss of that network
    model, config = tuning.apply(MODEL, CONFIG, chosen["settings"])
    assert (model.cell, config.learning_rate) == (best["cell"], best["learning_rate"])
    fabric, _ = devices.make_fabric(config)
    replicate = tuning.Replicate(make_data(90).without_test(), TUNE.seed)
    (run,) = training.train(model, config, [replicate], fabric=fabric)
    assert run.best_loss == chosen["value"]


def test_it_repeats_itself_and_another_seed_does_not(tmp_path):
    first, second, other = (
        table(work(search(tmp_path / name, seed=seed)))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first.equals(second)
    assert not set(first["learning_rate"]) & set(other["learning_rate"])


def test_the_test_examples_are_not_seen(tmp_path):
    data = make_data(90)
    test = data.subsets == "test"
    tokens = data.inputs.tokens.copy()
    of_test = np.repeat(test, data.inputs.lengths)
    tokens[of_test] = (tokens[of_test] + 1) % 4
    changed = replace(
        data,
        inputs=replace(data.inputs, tokens=tokens),
        targets=np.where(test, np.nan, data.targets),
    )
    assert (tokens != data.inputs.tokens).any()
    first, second = (search(tmp_path / name, each) for name, each in (("a", data), ("b", changed)))
    assert first.key() == second.key()
    assert table(work(first)).equals(table(work(second)))

    # a change of the training examples does change it
    other = search(tmp_path / "c", replace(data, targets=data.targets + 1e-3 * data.targets**2))
    assert first.key() != other.key()
    assert list(table(work(other))["value"]) != list(table(work(first))["value"])


@pytest.mark.parametrize("make", [make_data, make_positions, make_ranks])
def test_what_is_left_without_the_test_examples(make):
    data = make(40)
    data = replace(
        data,
        weights=np.arange(40.0),
        beside=np.arange(80, dtype=np.float32).reshape(40, 2),
    )
    left, kept = data.without_test(), np.flatnonzero(data.subsets != "test")
    assert set(left.subsets) == {"train", "validation"} and len(left.inputs) == len(kept) == 32
    assert (left.weights == kept).all() and (left.beside[:, 0] == 2 * kept).all()
    for at, row in enumerate(kept):
        own = slice(*data.inputs.offsets[row : row + 2])
        mine = slice(*left.inputs.offsets[at : at + 2])
        assert (inputs.flat(data.inputs)[own] == inputs.flat(left.inputs)[mine]).all()
        assert (data.targets[data.units == row] == left.targets[left.units == at]).all()


def test_workers_share_one_study_and_more_trials_go_on(tmp_path):
    made = search(tmp_path, workers=2)
    work(made, 1)
    study = work(made, 0)
    trials = tuning.trials_table(study)
    assert list(trials["worker"]) == [1, 1, 1, 0, 0, 0]
    before = table(study)
    assert table(work(made, 0)).equals(before)
    # two trials more, for one worker instead of two
    more = table(work(search(tmp_path, workers=1, trials=8), 0))
    assert len(more) == 8 and more.head(6).equals(before)
    # other settings are another study, in the same journal
    assert len(table(work(search(tmp_path, seed=5, trials=1)))) == 1


def test_bad_trials_are_pruned(tmp_path, monkeypatch):
    losses = iter([1.0] * 5 + [2.0] * 3)

    def train(model, config, replicates, *, on_epoch, **options):
        level = next(losses)
        for epoch in range(1, 4):
            on_epoch(epoch, [level / epoch])
        run = training.Run(0)
        run.best_loss = level / 3
        return [run]

    monkeypatch.setattr(training, "train", train)
    trials = tuning.trials_table(work(search(tmp_path, trials=8)))
    assert list(trials["state"]) == ["complete"] * 5 + ["pruned"] * 3
    assert list(trials["epochs"]) == [3] * 5 + [2] * 3
    assert list(trials["value"].tail(3)) == [1.0] * 3


def test_failed_trials_are_counted_and_say_why(tmp_path):
    made = search(tmp_path, trials=3, search={"learning_rate": [1e30, 1e31]})
    study = work(made)
    trials = tuning.trials_table(study)
    assert list(trials["state"]) == ["failed"] * 3
    assert trials["note"].str.contains("the loss is not a finite number").all()
    with pytest.raises(InputError, match=r"no trial was completed.*not a finite number"):
        tuning.choose(study)


def _work_and_die(made, sent, left):
    """Kill this process at the end of an epoch of a trial (which are counted through)."""
    original = optuna.trial.Trial.report

    def report(self, value, step):
        original(self, value, step)
        left.value -= 1
        if left.value == 0:
            os.kill(os.getpid(), sent)

    optuna.trial.Trial.report = report
    work(made)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_worker_goes_on(tmp_path, sent):
    whole = table(work(search(tmp_path / "whole")))
    made = search(tmp_path / "killed")
    context = multiprocessing.get_context("fork")
    for epochs in (5, 4):  # in the middle of the second trial, and of a later one
        process = context.Process(
            target=_work_and_die, args=(made, sent, context.Value("i", epochs))
        )
        process.start()
        process.join(60)
        assert process.exitcode in (-sent, 128 + sent)
    study = work(made)
    trials = table(study)
    stopped = trials["state"] == "stopped"
    assert stopped.sum() == 2 and len(trials) == 8
    settings = list(TUNE.search)
    rest = trials[~stopped].reset_index(drop=True)
    # what was finished was not done again, and what was stopped has come to the same end
    columns = ["state", "value", "epochs", *settings]
    assert rest[columns].equals(whole[columns])
    assert not any(trial.state == TrialState.RUNNING for trial in study.trials)


def test_a_trial_that_always_dies_is_given_up(tmp_path):
    made = search(tmp_path, trials=1)
    context = multiprocessing.get_context("fork")
    for _ in range(tuning.MOST_ATTEMPTS):
        process = context.Process(
            target=_work_and_die, args=(made, signal.SIGKILL, context.Value("i", 1))
        )
        process.start()
        process.join(60)
    trials = table(work(made))
    assert list(trials["state"]) == ["stopped"] * tuning.MOST_ATTEMPTS


def test_a_line_that_was_not_finished_is_left_out(tmp_path):
    made = search(tmp_path, trials=2)
    work(made)
    with made.journal.open("ab") as file:
        file.write(b'{"op_code":4,"wor')
    study = work(search(tmp_path, trials=3))
    assert len(table(study)) == 3
    assert all(json.loads(line) for line in made.journal.read_text().splitlines())


def test_the_time_of_a_worker_ends(tmp_path):
    trials = table(work(search(tmp_path, timeout=1e-3)))
    assert len(trials) == 1
    assert len(table(work(search(tmp_path, timeout=1e-3)))) == 1


def test_importance_names_what_matters(tmp_path, monkeypatch):
    def train(model, config, replicates, **options):
        run = training.Run(0)
        run.best_loss = np.log10(config.learning_rate) ** 2 + 0.01 * model.hidden_size
        return [run]

    monkeypatch.setattr(training, "train", train)
    few = work(search(tmp_path / "few", trials=tuning.LEAST_FOR_IMPORTANCE - 1))
    assert tuning.importance_table(few).empty
    study = work(search(tmp_path / "many", trials=30, search=TUNE.search | {"layers": [2]}))
    shares = tuning.importance_table(study).set_index("parameter")["importance"]
    assert shares.idxmax() == "learning_rate" and shares["learning_rate"] > 0.5
    assert shares.sum() == pytest.approx(1)
    assert tuning.choose(study)["settings"]["layers"] == 2


def test_importance_of_equal_losses_is_not_said(tmp_path, monkeypatch):
    def train(model, config, replicates, **options):
        run = training.Run(0)
        run.best_loss = 1.0
        return [run]

    monkeypatch.setattr(training, "train", train)
    assert tuning.importance_table(work(search(tmp_path, trials=12))).empty
