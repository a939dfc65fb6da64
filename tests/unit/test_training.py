"""Training learns, repeats itself to the bit, and goes on where it was killed."""

import multiprocessing
import os
import platform
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from biornn import training
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import InputError
from biornn.targets import MASKED
from made_data import (
    make_classes,
    make_counts,
    make_data,
    make_labels,
    make_next_values,
    make_ordered,
    make_positions,
    make_series,
)
from sklearn import metrics

SMALL = ModelConfig(cell="lstm", hidden_size=8, dropout=0.2, layers=2)
CONFIG = TrainingConfig(
    seeds=[1], epochs=6, batch_size=16, learning_rate=1e-2, patience=10, device="cpu"
)


def train(data, model=SMALL, config=CONFIG, seed=1, checkpoint=None):
    fabric, _ = training.make_fabric(config)
    scaling = training.TargetScaling.of(data)
    return training.train(
        model, config, data, seed, fabric=fabric, scaling=scaling, checkpoint=checkpoint
    )


def r2(data, run, subset="test"):
    chosen = data.subsets == subset
    residual = (run.predictions[:, 0] - data.targets)[chosen]
    return 1 - residual.var() / data.targets[chosen].var()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_can_be_kept():
    assert training.keep_freed_memory()


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


def killed_after(epochs, data, checkpoint):
    """Train in a process that kills itself (SIGKILL) after some epochs."""
    write, done = training._write_checkpoint, 0

    def write_and_die(*arguments):
        nonlocal done
        write(*arguments)
        done += 1
        if done == epochs:
            os.kill(os.getpid(), signal.SIGKILL)

    training._write_checkpoint = write_and_die
    train(data, checkpoint=checkpoint)


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_killed_training_goes_on_bitwise(data, tmp_path, epochs):
    path = tmp_path / "seed1.pt"
    process = multiprocessing.get_context("spawn").Process(
        target=killed_after, args=(epochs, data, path)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL and path.exists()
    same(train(data), train(data, checkpoint=path))


def test_a_finished_training_is_not_repeated(data, tmp_path, monkeypatch):
    path = tmp_path / "seed1.pt"
    first = train(data, checkpoint=path)
    monkeypatch.setattr(training, "_train_epoch", lambda *_, **__: pytest.fail("trained again"))
    same(first, train(data, checkpoint=path))


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "other data"])
def test_a_checkpoint_that_can_not_be_trusted_is_left_alone(data, tmp_path, harm, caplog):
    path = tmp_path / "seed1.pt"
    train(make_data(seed=5) if harm == "other data" else data, checkpoint=path)
    whole = bytearray(path.read_bytes())
    if harm == "flip":
        whole[len(whole) // 2] ^= 1
    path.write_bytes({"cut": whole[:-9], "empty": b""}.get(harm, whole))
    same(train(data), train(data, checkpoint=path))
    assert "starts from the beginning" in caplog.text


def test_a_checkpoint_with_code_is_not_run(data, tmp_path):
    import hashlib
    import io

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/PWNED",)

    buffer = io.BytesIO()
    torch.save({"key": Evil()}, buffer)
    path = tmp_path / "seed1.pt"
    path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        train(data, checkpoint=path)
    assert not (tmp_path / "PWNED").exists()


def test_two_jobs_can_not_write_one_checkpoint(tmp_path):
    with training.checkpoint_lock(tmp_path / "c"):
        with (
            pytest.raises(InputError, match="another job is still training here"),
            training.checkpoint_lock(tmp_path / "c"),
        ):
            pass
    with training.checkpoint_lock(tmp_path / "c"):
        pass


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


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_schedules_stay_between_zero_and_one(schedule):
    factors = [training.learning_rate_factor(schedule, p) for p in np.linspace(0, 1, 101)]
    assert min(factors) >= 0 and max(factors) <= 1 and max(factors) > 0.99
    if schedule != "constant":
        assert factors[-1] == pytest.approx(0, abs=1e-12)
    if schedule == "one_cycle":
        assert factors[0] == pytest.approx(0.04) and np.argmax(factors) == 20


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_refused_when_asked_for():
    with pytest.raises(InputError, match="sees no CUDA device"):
        training.make_fabric(CONFIG.model_copy(update={"device": "gpu"}))
    _, note = training.make_fabric(CONFIG.model_copy(update={"device": "auto"}))
    assert note == "CPU, 1 thread (no GPU was given to this job)"


@pytest.mark.gpu
def test_the_gpu_learns_what_the_cpu_learns():
    data = make_data(600)
    config = CONFIG.model_copy(update={"device": "gpu", "epochs": 25})
    run = train(data, ModelConfig(cell="lstm", hidden_size=16), config)
    assert r2(data, run) > 0.8


def test_tables(data):
    runs = [train(data, config=CONFIG.model_copy(update={"epochs": 2}), seed=s) for s in (3, 4)]
    history = training.history_table(runs)
    assert list(history.columns) == training.HISTORY_COLUMNS
    assert history[["seed", "epoch"]].to_numpy().tolist() == [[3, 1], [3, 2], [4, 1], [4, 2]]
    assert set(runs[0].summary()) == {"seed", "epochs", "best_epoch", "seconds"}


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
    scaling = training.TargetScaling.of(one)
    other.targets[hidden] = 77
    fabric, _ = training.make_fabric(CONFIG)
    runs = [
        training.train(SMALL, CONFIG, each, 1, fabric=fabric, scaling=scaling)
        for each in (one, other)
    ]
    same(*runs)
    assert not np.array_equal(runs[0].predictions, train(data).predictions)


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
    shuffled = training._shuffle_within_subsets(data.targets, data, 3)
    assert (shuffled == MASKED).tolist() == (data.targets == MASKED).tolist()
    assert (shuffled != data.targets).any()
    for subset in ("train", "validation", "test"):
        rows = data.unit_rows(subset)
        assert sorted(shuffled[rows]) == sorted(data.targets[rows])
