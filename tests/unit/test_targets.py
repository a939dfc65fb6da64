"""Numbers or classes, one a sequence or one a position: what is taken, refused and said."""

import json

import numpy as np
import pandas as pd
import pytest
from biornn import targets
from biornn.config import section
from biornn.files import InputError
from biornn.records import Log
from biornn.targets import MASK, MASKED, NEXT_VALUE, Task
from hypothesis import given
from hypothesis import strategies as st


def table_of(n):
    names = [f"r{i}" for i in range(n)]
    return pd.DataFrame({"origin": "t", "line": range(2, n + 2), "source_id": names})


def settle(texts, per="sequence", **config):
    texts = pd.Series(texts, dtype=object)
    config = section("target", {"column": "y"} | config)
    return targets.settle(texts, config, per, table_of(len(texts)), Log())


def test_numbers_are_a_regression():
    task, values, keep = settle(["1", "2.5", "-1e-3"])
    assert task == Task() and values.tolist() == [1, 2.5, -0.001] and keep.all()
    assert task.encode(values).dtype == np.float64


def test_other_texts_are_classes_in_the_order_of_the_alphabet():
    task, values, _ = settle(["no", "yes", "001", "NA"])
    assert task == Task("classification", "sequence", ("001", "NA", "no", "yes"))
    assert task.encode(values).tolist() == [2, 3, 0, 1] and task.n_values == 4


def test_numbers_can_be_classes_and_keep_the_order_that_is_given():
    assert settle(["1", "0", "1"], task="classification")[0].classes == ("0", "1")
    assert settle(["1", "0", "1"], classes=["1", "0"])[0].classes == ("1", "0")


@pytest.mark.parametrize(
    ("texts", "config", "expected"),
    [
        (["1", "2", "x"], {}, r"line 4, record r2: 'y' is 'x', not a number \(1 such"),
        (["a", "b", "c"], {"classes": ["a", "b"]}, "record r2: 'c' is none of the classes a, b"),
        (["a", "a"], {}, "there is only the class a"),
        ([f"c{i}" for i in range(101)], {}, "101 classes, such as"),
        (["a", "a", "b"], {"min_class_size": 2}, "class 'b' has 1 examples, fewer than"),
    ],
)
def test_what_is_refused(texts, config, expected):
    with pytest.raises(InputError, match=expected):
        settle(texts, **config)


@pytest.mark.parametrize(
    ("texts", "config", "expected"),
    [
        (["a;b", "b;x"], {"classes": ["a", "b"]}, "record r1: the label 'x' is none of a, b"),
        (["a", "a"], {}, r"1 labels are left \(a\).*target.separator is ';'"),
        (["a;b", "a"], {"min_class_size": 2}, "the label 'b' has 1 examples, fewer than"),
    ],
)
def test_what_is_refused_of_labels(texts, config, expected):
    with pytest.raises(InputError, match=expected):
        settle(texts, task="multilabel", **config)


def test_small_classes_are_dropped_where_asked():
    task, _, keep = settle(["a", "a", "b", "c", "c"], min_class_size=2, small_classes="drop")
    assert task.classes == ("a", "c") and keep.tolist() == [True, True, False, True, True]


@pytest.mark.parametrize(
    ("texts", "lengths", "expected"),
    [
        (["HEC", "HH"], [3, 2], True),
        (["H E C", "H H"], [3, 2], True),
        (["on off", "on"], [2, 1], True),
        (["HEC", "H"], [3, 2], False),
        (["0110", "1100"], [4, 4], False),  # reads as a number: must be declared
        (["0.25", "0.50"], [4, 4], False),  # as wide as the sequence, by chance
        (["a", "b"], [1, 1], False),  # one letter each is a class
    ],
)
def test_when_labels_are_taken_for_those_of_positions(texts, lengths, expected):
    assert targets.fits_positions(pd.Series(texts), np.array(lengths)) == expected


def test_labels_that_do_not_fit_are_named():
    with pytest.raises(InputError, match="record r1: 1 words or 1 letters as labels of 2 pos"):
        targets.read_labels(pd.Series(["HE", "H"]), np.array([2, 2]), table_of(2))


@given(st.lists(st.text("HEC", min_size=1, max_size=8), min_size=1, max_size=6), st.booleans())
def test_every_position_gets_the_code_of_its_label(texts, words):
    written = pd.Series([" ".join(text) if words else text for text in texts])
    lengths = np.array([len(text) for text in texts])
    labels = targets.read_labels(written, lengths, table_of(len(texts)))
    task, values, _ = settle(list(labels), "position", classes=["H", "E", "C"])
    assert task.encode(values).tolist() == ["HEC".index(x) for text in texts for x in text]


def test_words_as_labels_and_positions_without_one():
    labels = pd.Series([("on", "off", "?"), ("off", "on")], dtype=object)
    config = section("target", {"column": "y", "masked": ["?"]})
    hidden = targets.masked(labels, config, pd.Series(["111", ("0", "1")]))
    assert hidden.tolist() == [("on", "off", MASK), (MASK, "on")]
    task, values, _ = settle(list(hidden), "position")
    assert task.classes == ("off", "on")
    assert task.encode(values).tolist() == [1, 0, MASKED, MASKED, 1]


def test_numbers_of_positions():
    task, values, _ = settle([("1", "2.5"), ("-3", MASK)], "position")
    assert task == Task("regression", "position")
    np.testing.assert_array_equal(task.encode(values), [1, 2.5, -3, np.nan])
    classes = settle([("1", "2"), ("2", "1")], "position", task="classification")[0].classes
    assert classes == ("1", "2")
    with pytest.raises(InputError, match="record r1: 'y' has labels that are no numbers"):
        settle([("1", "2"), ("x", "1")], "position", task="regression")


def test_a_label_that_is_no_class_is_named():
    with pytest.raises(InputError, match=r"r1: the label 'X' is none of E, H.*target\.masked"):
        settle(["HE", "HX"], "position", classes=["H", "E"])


@pytest.mark.parametrize(
    "task",
    [
        Task("classification", "position", ("a", "b")),
        Task("classification", "sequence", ("a", "b"), ordered=True),
        Task("multilabel", "sequence", ("a", "b"), separator="|"),
        Task(counts=True),
        NEXT_VALUE,
    ],
)
def test_a_task_is_what_its_file_says(task):
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task


def test_tasks_have_names():
    tasks = [Task(), Task(counts=True), NEXT_VALUE, Task("multilabel"), Task("classification")]
    assert [task.name for task in tasks] == [
        "regression", "count", "next_value", "multilabel", "classification",
    ]  # fmt: skip
    assert Task("classification", ordered=True).name == "ordinal"


def test_labels_are_taken_apart_and_written_in_one_way():
    texts = ["nucleus; membrane", "", "membrane;nucleus;", "golgi"]
    task, values, keep = settle(texts, task="multilabel")
    assert task == Task("multilabel", "sequence", ("golgi", "membrane", "nucleus"))
    assert values.tolist() == ["membrane;nucleus", "", "membrane;nucleus", "golgi"]
    assert task.encode(values).tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert keep.all() and task.n_values == 3
    task, values, keep = settle(
        ["a|b", "b|a", "c|b"], task="multilabel", separator="|", min_class_size=2,
        small_classes="drop",
    )  # fmt: skip
    assert keep.all() and task.classes == ("a", "b") and values.tolist() == ["a|b", "a|b", "b"]


@given(st.lists(st.sets(st.sampled_from("abcd")), min_size=1, max_size=9))
def test_labels_come_back(sets):
    sets = [set("abcd"), *sets]  # each label is there
    texts = [";".join(sorted(labels, reverse=True)) for labels in sets]
    task, values, _ = settle(texts, task="multilabel", classes=list("abcd"))
    encoded = task.encode(values)
    found = [{task.classes[at] for at in np.flatnonzero(row)} for row in encoded]
    assert found == sets


def test_counts_are_whole_and_not_negative():
    task, values, _ = settle(["0", "3", "12"], task="count")
    assert task == Task(counts=True) and task.encode(values).tolist() == [0, 3, 12]
    task, values, _ = settle([("0", MASK), ("3",)], "position", task="count")
    np.testing.assert_array_equal(task.encode(values), [0, np.nan, 3])
    for wrong in ("-1", "2.5"):
        with pytest.raises(InputError, match=rf"line 3, record r1: 'y' is {wrong}, no count"):
            settle(["1", wrong], task="count")
        with pytest.raises(InputError, match=f"record r1: 'y' is {wrong}, no count"):
            settle([("1", MASK, "2"), (wrong, "0")], "position", task="count")


def test_ordered_classes_keep_their_order():
    task, values, _ = settle(["hi", "lo", "mid"], task="ordinal", classes=["lo", "mid", "hi"])
    assert task.ordered and task.encode(values).tolist() == [2, 0, 1]
    task, values, _ = settle(["HL", "LL"], "position", task="ordinal", classes=["L", "H"])
    assert task.ordered and task.per == "position" and task.encode(values).tolist() == [1, 0, 0, 0]
