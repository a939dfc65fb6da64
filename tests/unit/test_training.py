"""Training learns, repeats itself to the bit, and goes on where it was killed."""

import multiprocessing
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from biornn import checkpoints, devices, learning, runs, training
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import InputError
from biornn.runs import Replicate
from biornn.targets import MASKED
from made_data import (
    make_classes,
    make_counts,
    make_data,
    make_labels,
    make_next_values,
    make_ordered,
    make_positions,
    make_ranks,
    make_series,
)
from sklearn import metrics

SMALL = ModelConfig(cell="lstm", hidden_size=8, dropout=0.2, layers=2)
CONFIG = TrainingConfig(
    seeds=[1], epochs=6, batch_size=16, learning_rate=1e-2, patience=10, device="cpu"
)

STACKED = {
    "peepholes": SMALL.model_copy(update={"peephole": "diagonal"}),
    "attention": ModelConfig(
        cell="gru", hidden_size=8, readout="attention", convolution={"filters": 6, "width": 3}
    ),
    "pooled": ModelConfig(
        cell="minlstm", hidden_size=6, layers=2, residual=True, readout="mean_max", dropout=0.3,
        variational_dropout=True, letters="embedding", embedding_size=5,
    ),
    "self-attention": ModelConfig(cell="self_attention", hidden_size=8, dropout=0.1),
    "on top": ModelConfig(cell="mingru", hidden_size=8, attention_heads=2),
}  # fmt: skip


def train(data, model=SMALL, config=CONFIG, seed=1, folder=None, **options):
    """One network; several with `train_all`."""
    (run,) = train_all([Replicate(data, seed)], model, config, folder, **options)
    return run


def train_all(replicates, model=SMALL, config=CONFIG, folder=None, **options):
    fabric, _ = devices.make_fabric(config)
    return training.train(
        model, config, replicates, fabric=fabric, checkpoint_folder=folder, **options
    )


def r2(data, run, subset="test"):
    chosen = data.subsets == subset
    residual = (run.predictions[:, 0] - data.targets)[chosen]
    return 1 - residual.var() / data.targets[chosen].var()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_it_learns(cell):
    data = make_data(600)
    config = CONFIG.model_copy(update={"epochs": 25})
    run = train(data, ModelConfig(cell=cell, hidden_size=16), config)
    assert r2(data, run) > 0.8
    losses = [row["validation_loss"] for row in run.history]
    assert run.best_epoch == int(np.argmin(losses)) + 1 and losses[-1] < 0.5 * losses[0]


def test_shuffled_labels_teach_nothing():
    data = make_data(600)
    run = train(data, SMALL.model_copy(update={"shuffle_labels": True}))
    assert r2(data, run) < 0.1


def same(one, other):
    assert np.array_equal(one.predictions, other.predictions)
    assert all(torch.equal(one.state[key], other.state[key]) for key in one.state)
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.history]
                for run in (one, other)]  # fmt: skip
    assert timeless[0] == timeless[1]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(data):
    first = train(data)
    torch.manual_seed(99)  # what happened before must not matter
    same(first, train(data))
    assert not np.array_equal(first.predictions, train(data, seed=2).predictions)


def killed_after(writes, replicates, folder):
    """Train in a process that kills itself (SIGKILL) after some checkpoints."""
    write, done = checkpoints.write, 0

    def write_and_die(*arguments):
        nonlocal done
        write(*arguments)
        done += 1
        if done == writes:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.write = write_and_die
    train_all(replicates, folder=folder)


def in_another_process(function, *arguments):
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize("writes", [1, 4])
def test_a_killed_training_goes_on_bitwise(data, tmp_path, writes):
    replicates = [Replicate(data, seed) for seed in (1, 2)]
    assert in_another_process(killed_after, writes, replicates, tmp_path) == -signal.SIGKILL
    assert (tmp_path / "stack0.pt").exists()
    whole = train_all(replicates)
    for one, other in zip(whole, train_all(replicates, folder=tmp_path), strict=True):
        same(one, other)


def stopped_at(number, step, replicates, folder):
    """Train in a process that gets a signal in the middle of an epoch."""
    step_of, done = learning.Learner.step, 0

    def step_and_signal(*arguments):
        nonlocal done
        found = step_of(*arguments)
        done += 1
        if done == step:
            os.kill(os.getpid(), number)
        return found

    learning.Learner.step = step_and_signal
    train_all(replicates, folder=folder)


@pytest.mark.parametrize(
    ("number", "step"),
    [(signal.SIGTERM, 12), (signal.SIGUSR1, 18)],
    ids=["in an epoch", "at the end of one"],
)
def test_a_signal_leaves_a_checkpoint_that_goes_on_bitwise(data, tmp_path, number, step):
    replicates = [Replicate(data, seed) for seed in (1, 2)]
    assert in_another_process(stopped_at, number, step, replicates, tmp_path) == 128 + number
    for one, other in zip(
        train_all(replicates), train_all(replicates, folder=tmp_path), strict=True
    ):
        same(one, other)


def test_a_training_that_ends_while_it_validates_goes_on_bitwise(data, tmp_path, monkeypatch):
    """All steps of the epoch are done, and a checkpoint was due at each of them."""
    replicates = [Replicate(data, seed) for seed in (1, 2)]
    judge, times = training._Stack._judge, 0

    def judge_once(stack, started):
        nonlocal times
        times += 1
        if times == 2:
            raise KeyboardInterrupt
        return judge(stack, started)

    with monkeypatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_SECONDS", -1)
        patch.setattr(training._Stack, "_judge", judge_once)
        with pytest.raises(KeyboardInterrupt):
            train_all(replicates, folder=tmp_path)
    assert (tmp_path / "stack0.pt").exists()
    whole = train_all(replicates)
    for one, other in zip(whole, train_all(replicates, folder=tmp_path), strict=True):
        same(one, other)


def test_a_finished_training_is_not_repeated(data, tmp_path, monkeypatch):
    first = train(data, folder=tmp_path)
    monkeypatch.setattr(learning.Learner, "step", lambda *_: pytest.fail("trained again"))
    same(first, train(data, folder=tmp_path))


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "other data"])
def test_a_checkpoint_that_can_not_be_trusted_is_left_alone(data, tmp_path, harm, caplog):
    path = tmp_path / "stack0.pt"
    train(make_data(seed=5) if harm == "other data" else data, folder=tmp_path)
    whole = bytearray(path.read_bytes())
    if harm == "flip":
        whole[len(whole) // 2] ^= 1
    path.write_bytes({"cut": whole[:-9], "empty": b""}.get(harm, whole))
    same(train(data), train(data, folder=tmp_path))
    assert "starts from the beginning" in caplog.text


@pytest.mark.parametrize("model", STACKED.values(), ids=STACKED)
@pytest.mark.parametrize("make", [make_data, make_positions, make_series, make_ranks])
def test_replicates_learn_together_what_they_learn_alone(model, make):
    """Seeds and folds of one stack, in double precision: equal to rounding, dropout included."""
    one = make(60)
    other = replace(make(60), subsets=np.roll(one.subsets, 1))
    config = CONFIG.model_copy(update={"precision": "64-true", "epochs": 3, "patience": 1})
    replicates = [Replicate(one, 1), Replicate(one, 2), Replicate(other, 1, fold=1)]
    together = train_all(replicates, model, config)
    assert {run.cost["replicates"] for run in together} == {3}
    for replicate, run in zip(replicates, together, strict=True):
        (alone,) = train_all([replicate], model, config)
        np.testing.assert_allclose(run.predictions, alone.predictions, atol=1e-9)
        assert (run.epochs, run.best_epoch) == (alone.epochs, alone.best_epoch)
        for name in ("train_loss", "validation_loss", "gradient_norm"):
            assert [row[name] for row in run.history] == pytest.approx(
                [row[name] for row in alone.history], rel=1e-7
            )


def test_a_replicate_that_is_done_leaves_the_stack(data):
    config = CONFIG.model_copy(update={"epochs": 60, "patience": 2, "learning_rate": 0.05})
    replicates = [Replicate(data, seed) for seed in range(1, 5)]
    runs = train_all(replicates, config=config)
    assert len({run.epochs for run in runs}) > 1
    assert all(run.epochs == run.best_epoch + 2 == len(run.history) for run in runs)


def test_a_stack_has_a_limit_and_equal_epochs(data, monkeypatch):
    longer = make_data(400)
    replicates = [Replicate(data, 1), Replicate(longer, 1), Replicate(data, 2)]
    found = training.stacks(SMALL, CONFIG, replicates)
    assert found == [[replicates[0], replicates[2]], [replicates[1]]]
    monkeypatch.setattr(training, "MAX_STACK", 1)
    assert training.stacks(SMALL, CONFIG, replicates) == [[replicates[k]] for k in (0, 2, 1)]


def test_early_stopping(data):
    config = CONFIG.model_copy(update={"epochs": 200, "patience": 2, "learning_rate": 0.05})
    run = train(data, config=config)
    assert run.epochs < 200 and run.epochs == run.best_epoch + 2


def test_a_loss_that_is_no_number_stops_with_advice(data):
    config = CONFIG.model_copy(
        update={"learning_rate": 1e18, "clip_norm": 1e30, "schedule": "constant"}
    )
    model = ModelConfig(cell="rnn", activation="relu", hidden_size=8)
    with pytest.raises(InputError, match=r"epoch \d+ \(learning rate 1e\+18.*Lower training\."):
        train(data, model, config)


def test_gradients_are_clipped_and_counted(data):
    run = train(data, config=CONFIG.model_copy(update={"clip_norm": 1e-6, "epochs": 1}))
    assert run.history[0]["clipped_steps"] == 9  # 144 training rows in batches of 16
    assert run.history[0]["gradient_norm"] > 1e-6


def test_float64_training(data):
    run = train(data, config=CONFIG.model_copy(update={"precision": "64-true", "epochs": 1}))
    assert next(iter(run.state.values())).dtype == torch.float64


def test_an_epoch_is_told_to_who_asks(data):
    heard = []
    run = train(data, on_epoch=lambda epoch, losses: heard.append((epoch, *losses)))
    assert heard == [(row["epoch"], row["validation_loss"]) for row in run.history]


def test_gradients_are_looked_at_in_the_first_and_the_last_epoch(data):
    run = train(data)
    table = runs.flow_table([run])
    assert set(table["epoch"]) == {1, run.epochs} and set(table["state"]) == {"h", "c"}
    assert (table["norm"] >= 0).all() and table["norm"].max() > 0
    transformer = ModelConfig(cell="self_attention", hidden_size=8)
    assert runs.flow_table([train(data, transformer)]).empty


def test_what_a_training_costs_is_said(data):
    cost = train(data).summary()["cost"]
    assert 0 < cost["padding_waste"] < 0.1 and 0 < cost["loop_overhead"] < 1


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_schedules_stay_between_zero_and_one(schedule):
    factors = [training.learning_rate_factor(schedule, p) for p in np.linspace(0, 1, 101)]
    assert min(factors) >= 0 and max(factors) <= 1 and max(factors) > 0.99
    if schedule != "constant":
        assert factors[-1] == pytest.approx(0, abs=1e-12)
    if schedule == "one_cycle":
        assert factors[0] == pytest.approx(0.04) and np.argmax(factors) == 20


@pytest.mark.gpu
def test_the_gpu_learns_what_the_cpu_learns():
    data = make_data(600)
    config = CONFIG.model_copy(update={"device": "gpu", "epochs": 25})
    run = train(data, ModelConfig(cell="lstm", hidden_size=16), config)
    assert r2(data, run) > 0.8


@pytest.mark.parametrize("make", [make_classes, make_positions])
def test_classes_are_learned(make):
    data = make(400)
    config = CONFIG.model_copy(update={"epochs": 25})
    run = train(data, ModelConfig(cell="lstm", hidden_size=16), config)
    np.testing.assert_allclose(run.predictions.sum(axis=1), 1)
    test = data.unit_rows("test")
    right = (run.predictions.argmax(axis=1) == data.targets)[test].mean()
    assert right > 0.9
    judged = data.unit_rows("validation")
    chosen = run.predictions[judged, data.targets[judged]]
    best = min(row["validation_loss"] for row in run.history)
    assert best == pytest.approx(-np.log(chosen).mean(), rel=1e-5)


def test_numbers_at_every_step_are_learned():
    data = make_series(400)
    run = train(
        data, ModelConfig(cell="gru", hidden_size=16), CONFIG.model_copy(update={"epochs": 40})
    )
    test = data.unit_rows("test")
    residual = (run.predictions[:, 0] - data.targets)[test]
    assert residual.var() < 0.1 * data.targets[test].var()


def mean_loss(data, predictions, subset="test"):
    """Of probabilities or rates: log loss, or Poisson deviance."""
    y, p = (values[data.unit_rows(subset)] for values in (data.targets, predictions))
    if data.task.counts:
        return metrics.mean_poisson_deviance(y, p[:, 0])
    if data.task.kind == "multilabel":
        return np.mean(
            [metrics.log_loss(t, q, labels=[0, 1]) for t, q in zip(y.T, p.T, strict=True)]
        )
    return metrics.log_loss(y, p, labels=range(p.shape[1]))


@pytest.mark.parametrize("make", [make_labels, make_ordered, make_counts])
def test_every_head_learns(make):
    data = make(400)
    config = CONFIG.model_copy(update={"epochs": 25})
    run = train(data, ModelConfig(cell="lstm", hidden_size=16), config)
    assert run.predictions.shape == (400, data.task.n_values)
    train_rows = data.unit_rows("train")
    if data.task.kind == "classification":
        np.testing.assert_allclose(run.predictions.sum(axis=1), 1)
        simple = np.eye(3)[data.targets[train_rows]].mean(axis=0)
    else:
        simple = np.atleast_1d(data.targets[train_rows].mean(axis=0))
    simple = np.tile(simple, (400, 1))
    assert mean_loss(data, run.predictions) < 0.6 * mean_loss(data, simple)


@pytest.mark.parametrize("loss", ["huber", "gaussian"])
def test_other_losses_of_numbers(loss):
    data = make_data(600)
    generator = np.random.default_rng(0)
    # the first letter decides how far the target is from what it would be
    first = np.array([sequence[0] in "AC" for sequence in data.inputs.decode()])
    sd = np.where(first, 0.2, 1.0)
    data.targets[:] += generator.normal(scale=sd)
    config = CONFIG.model_copy(update={"epochs": 25})
    run = train(data, ModelConfig(cell="lstm", hidden_size=16, loss=loss), config)
    assert r2(data, run) > 0.7
    assert run.predictions.shape[1] == (2 if loss == "gaussian" else 1)
    if loss == "gaussian":
        said = run.predictions[data.unit_rows("test"), 1]
        where = first[data.unit_rows("test")]
        assert said[where].mean() < 0.6 * said[~where].mean()
        assert said.mean() == pytest.approx(sd.mean(), rel=0.4)


def test_the_next_value_is_learned_and_the_future_is_not_seen():
    data = make_next_values(300)
    model = ModelConfig(cell="gru", hidden_size=16, bidirectional=False)
    run = train(data, model, CONFIG.model_copy(update={"epochs": 25}))
    test = data.unit_rows("test")
    error = ((run.predictions[:, 0] - data.targets) ** 2)[test].mean()
    now = ((data.inputs.values[:, 0] - data.targets) ** 2)[test].mean()
    assert error < 0.7 * now and error == pytest.approx(0.25, rel=0.3)
    begin, end = data.inputs.offsets[4:6]  # a test series
    other = make_next_values(300)
    other.inputs.values[begin + 3 : end] += 5
    other.targets[begin + 2 : end - 1] += 5
    changed = train(other, model, CONFIG.model_copy(update={"epochs": 25}))
    before, after = run.predictions[begin:end, 0], changed.predictions[begin:end, 0]
    np.testing.assert_array_equal(before[:3], after[:3])
    assert (before[3:] != after[3:]).all()


def test_a_weight_of_zero_is_an_example_that_is_not_there():
    data = make_data(120)
    hidden = np.flatnonzero(data.subsets != "test")[::3]
    weights = np.ones(120)
    weights[hidden] = 0
    one, other = (replace(make_data(120), weights=weights) for _ in range(2))
    other.targets[hidden] = 77
    found = [train(each) for each in (one, other)]
    same(*found)
    assert not np.array_equal(found[0].predictions, train(data).predictions)


def test_weights_of_classes_move_the_odds():
    data = make_classes(300)
    means = []
    for weights in (None, {"c": 10.0}):
        config = CONFIG.model_copy(update={"epochs": 3, "class_weights": weights})
        means.append(train(data, config=config).predictions[:, 1].mean())
    assert means[1] > means[0] + 0.1


@pytest.mark.parametrize("make", [make_positions, make_series])
def test_targets_that_are_masked_have_no_influence(make):
    one, other = make(60), make(60)
    hidden = np.random.default_rng(0).random(len(one.targets)) < 0.3
    for data, junk in ((one, 0), (other, 1)):
        data.targets[hidden] = MASKED if data.task.kind == "classification" else np.nan
        outside = data.subsets[data.units] == "test"
        data.targets[outside & ~hidden] = junk
    runs = [train(data) for data in (one, other)]
    assert all(torch.equal(runs[0].state[key], runs[1].state[key]) for key in runs[0].state)


def test_shuffled_labels_stay_in_their_subset_and_leave_the_mask():
    data = make_positions(50)
    shuffled = data.shuffled(data.targets, 3, 0)
    assert (shuffled != data.shuffled(data.targets, 3, 1)).any()
    assert (shuffled == MASKED).tolist() == (data.targets == MASKED).tolist()
    assert (shuffled != data.targets).any()
    for subset in ("train", "validation", "test"):
        rows = data.unit_rows(subset)
        assert sorted(shuffled[rows]) == sorted(data.targets[rows])
