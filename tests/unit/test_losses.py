"""Losses are those of the books, weigh what they should, and end in honest predictions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from biornn import losses
from biornn.config_models import ModelConfig, TrainingConfig
from biornn.files import InputError
from biornn.losses import Loss, TargetScaling
from biornn.targets import MASKED, NEXT_VALUE, Task
from hypothesis import given
from hypothesis import strategies as st
from made_data import make_classes, make_data
from scipy import stats
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight
from statsmodels.miscmodels.ordinal_model import OrderedModel
from torch.nn import functional

ABC = ("a", "b", "c")
CLASSES = Task("classification", "sequence", ABC)
ORDERED = replace(CLASSES, ordered=True)
LABELS = Task("multilabel", "sequence", ABC)
COUNTS = Task(counts=True)
ALL = [
    *(Loss.of(Task(), kind) for kind in ("mse", "huber", "gaussian")),
    Loss.of(COUNTS),
    Loss.of(CLASSES, label_smoothing=0.1),
    Loss.of(ORDERED),
    Loss.of(LABELS, label_smoothing=0.1),
]
each_loss = pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.kind)


def made(loss, shape, seed=0, dtype=torch.float64):
    """Outputs and targets of a shape [replicate, batch(, time)]."""
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(*shape, loss.n_outputs, generator=generator, dtype=dtype)
    if loss.task.kind == "multilabel":
        return outputs, torch.randint(2, (*shape, 3), generator=generator).to(dtype)
    if loss.task.kind == "classification":
        return outputs, torch.randint(3, shape, generator=generator)
    targets = torch.randn(*shape, generator=generator, dtype=dtype)
    return outputs, targets.exp().round() if loss.task.counts else targets


def mean(loss, outputs, targets, weights=None):
    values, weights = loss(outputs, targets, weights)
    return (values * weights).sum() / weights.sum()


def test_auto_is_what_the_task_needs():
    assert [Loss.of(task).kind for task in (Task(), COUNTS, CLASSES, ORDERED, LABELS)] == [
        "mse", "poisson", "cross_entropy", "ordinal", "binary",
    ]  # fmt: skip
    assert Loss.of(NEXT_VALUE).kind == "mse"
    assert [loss.n_outputs for loss in ALL] == [1, 1, 2, 1, 3, 2, 3]


def test_losses_are_those_of_torch():
    for kind, theirs in (
        ("mse", functional.mse_loss),
        ("huber", lambda z, y: functional.huber_loss(z, y, delta=0.5)),
        ("poisson", functional.poisson_nll_loss),
    ):
        loss = Loss.of(COUNTS if kind == "poisson" else Task(), kind, delta=0.5)
        z, y = made(loss, (1, 50))
        torch.testing.assert_close(mean(loss, z, y), theirs(z[..., 0], y))
    z, y = made(Loss.of(LABELS), (1, 50))
    ours = mean(Loss.of(LABELS, class_weights={"b": 4}), z, y)
    pos_weight = torch.tensor([1.0, 4, 1], dtype=z.dtype)
    values, weights = Loss.of(LABELS, class_weights={"b": 4})(z, y)
    theirs = functional.binary_cross_entropy_with_logits(z, y, pos_weight=pos_weight)
    torch.testing.assert_close((values * weights).mean(), theirs)
    torch.testing.assert_close(ours, theirs * y.numel() / weights.sum())


def test_cross_entropy_is_that_of_torch():
    z, y = made(Loss.of(CLASSES), (1, 50))
    weight = torch.tensor([1.0, 3, 0.5], dtype=z.dtype)
    ours = mean(Loss.of(CLASSES, class_weights={"b": 3, "c": 0.5}), z, y)
    torch.testing.assert_close(ours, functional.cross_entropy(z[0], y[0], weight=weight))
    ours = mean(Loss.of(CLASSES, label_smoothing=0.2), z, y)
    torch.testing.assert_close(ours, functional.cross_entropy(z[0], y[0], label_smoothing=0.2))


def test_the_gaussian_is_the_log_density_of_scipy():
    loss = Loss.of(Task(), "gaussian")
    z, y = made(loss, (1, 50))
    z[..., 1] *= 0.01  # where the bound on the variance is not felt
    density = stats.norm.logpdf(y.numpy(), z[..., 0].numpy(), (z[..., 1] / 2).exp().numpy())
    np.testing.assert_allclose(mean(loss, z, y), -density.mean() - np.log(2 * np.pi) / 2, rtol=1e-5)
    far = torch.tensor([[[0.0, -1e4], [0.0, 1e4]]], dtype=torch.float64, requires_grad=True)
    values, _ = loss(far, torch.zeros(1, 2, dtype=torch.float64))
    assert values.tolist() == [[-5, 5]]


def test_the_poisson_is_the_log_probability_of_scipy_but_for_a_constant():
    loss = Loss.of(COUNTS)
    z, y = made(loss, (1, 50))
    exact = stats.poisson.logpmf(y, z[..., 0].exp()) - stats.poisson.logpmf(y, 1.0)
    np.testing.assert_allclose(loss(z, y)[0] - loss(torch.zeros_like(z), y)[0], -exact, atol=1e-12)
    # counts over their mean give the same loss, divided by the mean
    scaling = TargetScaling.fit(y.numpy().ravel(), counts=True)
    scaled = loss(z, scaling.scale(y))[0] - loss(torch.zeros_like(z), scaling.scale(y))[0]
    rate = loss.to_predictions(z.numpy(), scaling)[..., 0]
    exact = stats.poisson.logpmf(y, rate) - stats.poisson.logpmf(y, scaling.sd)
    np.testing.assert_allclose(scaled * scaling.sd, -exact, atol=1e-12)


def test_the_ordinal_is_the_cumulative_logit_model_of_statsmodels():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(80, 1))
    y = np.digitize(x[:, 0] + generator.logistic(size=80), [-1, 0.5, 2])
    params = np.array([0.8, -1.0, np.log(1.2), np.log(1.6)])  # slope, threshold, log differences
    expected = OrderedModel(y, x, distr="logit").loglikeobs(params)
    # a_k = x slope - threshold_k, the outputs of a linear layer
    gaps = np.log(np.expm1([1.2, 1.6]))  # softplus turns them back
    z = np.column_stack([0.8 * x[:, 0] + 1.0, np.tile(gaps, (80, 1))])
    log_p = losses.ordinal_log_p(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(log_p[np.arange(80), y], expected, rtol=1e-10)


@given(st.lists(st.floats(-300, 300), min_size=1, max_size=6))
def test_ordered_probabilities_are_probabilities(values):
    z = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    log_p = losses.ordinal_log_p(z)
    assert log_p.exp().sum().item() == pytest.approx(1)
    log_p.sum().backward()
    assert torch.isfinite(log_p).all() and torch.isfinite(z.grad).all()
    above = 1 - log_p.exp().cumsum(0)
    assert (above.diff() <= 1e-12).all()


def test_two_ordered_classes_are_a_logistic_regression():
    two = Task("classification", "sequence", ("low", "high"), ordered=True)
    z = torch.linspace(-3, 3, 7, dtype=torch.float64)[None, :, None]
    log_p = losses.ordinal_log_p(z)[0]
    np.testing.assert_allclose(log_p[:, 1], functional.logsigmoid(z)[0, :, 0])
    assert Loss.of(two).n_outputs == 1


@each_loss
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
def test_gradients_are_right(loss, shape):
    if loss.kind == "binary" and len(shape) == 3:
        pytest.skip("several labels are for whole sequences")
    z, y = made(loss, shape)
    weights = torch.rand(shape[:2], dtype=z.dtype)
    assert torch.autograd.gradcheck(lambda z: mean(loss, z, y, weights), z.requires_grad_())


@each_loss
def test_replicates_do_not_meet(loss):
    z, y = made(loss, (3, 5))
    together, _ = loss(z, y)
    alone = torch.cat([loss(z[r : r + 1], y[r : r + 1])[0] for r in range(3)])
    assert torch.equal(together, alone)


@each_loss
@pytest.mark.parametrize("junk", [1e30, torch.inf, torch.nan])
def test_what_has_no_label_has_no_loss_and_no_gradient(loss, junk):
    z, y = made(loss, (2, 6), dtype=torch.float32)
    hidden = torch.tensor([[False, True, False, True, True, False]] * 2)
    nothing = MASKED if loss.task.kind == "classification" else torch.nan
    y[hidden] = nothing
    z[hidden] = junk
    z.requires_grad_()
    values, weights = loss(z, y)
    assert (values[hidden] == 0).all() and (weights[hidden] == 0).all()
    (values * weights).sum().backward()
    assert (z.grad[hidden] == 0).all() and torch.isfinite(z.grad).all()
    assert (z.grad[~hidden] != 0).any()
    shown = loss(z[:, ~hidden[0]], y[:, ~hidden[0]])[0]
    torch.testing.assert_close(values[:, ~hidden[0]], shown)


@each_loss
def test_a_batch_without_labels_has_no_loss(loss):
    z, y = made(loss, (2, 3))
    y[:] = MASKED if loss.task.kind == "classification" else torch.nan
    values, weights = loss(z.requires_grad_(), y)
    values.sum().backward()
    assert not values.any() and not weights.any() and not z.grad.any()


@each_loss
def test_a_weight_of_two_is_an_example_twice(loss):
    z, y = made(loss, (1, 4))
    twice = [0, 1, 1, 2, 3, 3]
    weights = torch.tensor([[1.0, 2, 1, 2]], dtype=z.dtype)
    torch.testing.assert_close(mean(loss, z, y, weights), mean(loss, z[:, twice], y[:, twice]))
    ours = loss.of_arrays(z[0].numpy(), y[0].numpy(), weights[0].numpy())
    assert ours == pytest.approx(mean(loss, z, y, weights).item())


def test_the_weight_of_an_example_is_that_of_its_positions():
    loss = Loss.of(NEXT_VALUE)
    z, y = made(loss, (2, 3, 4))
    weights = torch.tensor([[1.0, 2, 0], [0, 0, 5]])
    _, found = loss(z, y, weights)
    assert torch.equal(found, weights[:, :, None].expand(2, 3, 4).to(z.dtype))


def test_balanced_weights():
    y = np.array([0, 0, 0, 1, 1, 2])
    loss = Loss.of(CLASSES, class_weights="balanced", train_targets=y)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    np.testing.assert_allclose(loss.class_weights, expected)
    _, weights = loss(torch.zeros(1, 6, 3), torch.from_numpy(y)[None])
    sums = [weights[0, y == code].sum().item() for code in range(3)]
    assert sums == pytest.approx([2, 2, 2])
    labels = np.array([[1.0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 0]])
    loss = Loss.of(LABELS, class_weights="balanced", train_targets=labels)
    assert loss.class_weights == pytest.approx((3, 3, 1 / 3))
    absent = Loss.of(CLASSES, class_weights="balanced", train_targets=np.array([0, 0, 0, 2]))
    assert absent.class_weights == pytest.approx((2 / 3, 1, 2))


def test_balanced_weights_are_those_of_the_training_rows():
    data = make_classes(60)
    settings = TrainingConfig(class_weights="balanced", huber_delta=2)
    model = ModelConfig(cell="rnn")
    before = Loss.of_fold(data, model, settings)
    data.targets[data.subsets != "train"] = 0
    assert Loss.of_fold(data, model, settings) == before and before.delta == 2


@pytest.mark.parametrize(
    ("task", "settings", "expected"),
    [
        (CLASSES, {"kind": "huber"}, "huber does not fit a target that is classification"),
        (COUNTS, {"kind": "mse"}, "mse does not fit a target that is count"),
        (Task(), {"kind": "poisson"}, "poisson does not fit a target that is regression"),
        (Task(), {"class_weights": "balanced"}, "class_weights is for classes"),
        (ORDERED, {"label_smoothing": 0.1}, "the target is ordinal"),
        (CLASSES, {"class_weights": {"bb": 2}}, r"'bb' is no class.*there is a, b, c"),
    ],
)
def test_settings_that_do_not_fit_are_refused(task, settings, expected):
    with pytest.raises(InputError, match=expected):
        Loss.of(task, **settings)


def test_predictions_are_in_the_unit_of_the_target():
    scaling = TargetScaling(10.0, 2.0)
    assert Loss.of(Task()).to_predictions(np.array([[1.5]]), scaling).tolist() == [[13.0]]
    found = Loss.of(Task(), "gaussian").to_predictions(np.array([[1.5, 0.0]]), scaling)
    assert found.tolist() == [[13.0, 2.0]]
    found = Loss.of(COUNTS).to_predictions(np.array([[0.0]]), TargetScaling(0.0, 7.0))
    assert found.tolist() == [[7.0]]
    nothing = TargetScaling(0.0, 1.0)
    found = Loss.of(LABELS).to_predictions(np.array([[0.0, 800.0, -800.0]]), nothing)
    assert found.tolist() == [[0.5, 1.0, 0.0]]
    for task in (CLASSES, ORDERED):
        loss = Loss.of(task)
        z, y = made(loss, (1, 30))
        p = loss.to_predictions(z[0].numpy(), nothing)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        assert loss.of_arrays(z[0].numpy(), y[0].numpy()) == pytest.approx(log_loss(y[0], p))


def test_scaling_uses_the_training_rows_and_refuses_a_constant():
    scaling = TargetScaling.fit(np.array([1.0, 3.0]))
    assert (scaling.mean, scaling.sd) == (2.0, 1.0)
    values = np.array([-4.0, 11.0])
    np.testing.assert_allclose(scaling.unscale(scaling.scale(values)), values)
    assert TargetScaling.fit(np.array([1.0, 3.0]), counts=True) == TargetScaling(0.0, 2.0)
    with pytest.raises(InputError, match="All 3 training targets are 2"):
        TargetScaling.fit(np.full(3, 2.0))


def test_one_class_in_training_is_refused():
    data = make_classes(60)
    assert TargetScaling.of(data) == TargetScaling(0.0, 1.0)
    data.targets[data.subsets == "train"] = 1
    with pytest.raises(InputError, match="All training examples are of one class"):
        TargetScaling.of(data)
    same = replace(make_data(60), targets=np.tile([1.0, 0, 1], (60, 1)), task=LABELS)
    with pytest.raises(InputError, match="All training examples have the same labels"):
        TargetScaling.of(same)
