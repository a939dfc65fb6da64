"""Every task has its kind of sample."""

import pytest
from biornn import config_evaluation
from biornn.class_samples import (
    ClassPerPositionSample,
    ClassSample,
    OrderedPerPositionSample,
    OrderedSample,
)
from biornn.number_samples import (
    CountPerPositionSample,
    CountSample,
    NumberPerPositionSample,
    NumberSample,
)
from biornn.samples import KINDS, sample_of
from biornn.targets import NEXT_VALUE, Task
from made_samples import SIZES, classes, numbers, positions


@pytest.mark.parametrize(
    ("task", "whole", "per_position"),
    [
        (Task(), NumberSample, NumberPerPositionSample),
        (NEXT_VALUE, NumberSample, NumberPerPositionSample),
        (Task(counts=True), CountSample, CountPerPositionSample),
        (Task("classification"), ClassSample, ClassPerPositionSample),
        (Task("classification", ordered=True), OrderedSample, OrderedPerPositionSample),
    ],
)
def test_the_kind_is_that_of_the_task(task, whole, per_position):
    regression = task.kind == "regression"
    table = numbers(range(60), range(1, 61)) if regression else classes(60, 3)[0]
    assert type(sample_of(table, task)) is whole
    assert type(sample_of(positions(table, SIZES), task)) is per_position


def test_without_a_task_the_columns_say_it():
    assert type(sample_of(numbers([1.0, 2], [1.0, 3]))) is NumberSample
    assert type(sample_of(classes(10, 2)[0])) is ClassSample


def test_the_main_metric_is_the_first_that_is_compared():
    for kinds in KINDS.values():
        for kind in kinds:
            assert set(kind.compared) <= set(kind.metrics) and kind.compared[0] == kind.metrics[0]


def test_a_published_number_may_be_of_every_metric_that_a_task_has():
    assert set(config_evaluation.METRICS) == set(KINDS)
    for task, kinds in KINDS.items():
        here = {metric for kind in kinds for metric in kind.metrics}
        # those that a model has that gives a spread
        spread = {"coverage_90", "gaussian_nll"} if kinds[0] is NumberSample else set()
        assert set(config_evaluation.METRICS[task]) == here | spread
