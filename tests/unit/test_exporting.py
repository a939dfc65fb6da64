"""Exported files predict what the networks predict, and need nothing of biornn."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from biornn import models
from biornn.config_models import ModelConfig
from biornn.exporting import export, write_onnx, write_torch
from biornn.files import InputError, sha256
from biornn.prediction import predict
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import (
    BESIDE,
    GENES,
    LETTERS,
    NUMBERS,
    TASKS,
    expected,
    make_batch,
    make_beside,
    make_model,
)

CELLS = {
    "rnn": {"cell": "rnn"},
    "rnn relu": {"cell": "rnn", "activation": "relu"},
    "rnn sigmoid": {"cell": "rnn", "activation": "sigmoid"},
    "lstm": {"cell": "lstm"},
    "lstm diagonal": {"cell": "lstm", "peephole": "diagonal"},
    "lstm full": {"cell": "lstm", "peephole": "full"},
    "gru": {"cell": "gru"},
    "mingru": {"cell": "mingru"},
    "minlstm": {"cell": "minlstm"},
    "self-attention": {"cell": "self_attention"},
}
READOUTS = ("last", "mean", "max", "mean_max", "attention")
OF_SEQUENCES = [name for name, task in TASKS.items() if task.per == "sequence"]


def run_onnx(path, steps, lengths, beside=None):
    """What the runtime makes of a batch, by output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = {"lengths": lengths}
    given["values" if steps.ndim == 3 else "tokens"] = steps
    if beside is not None:
        given["beside"] = beside
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def check(found, wanted):
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5, err_msg=name)


def check_onnx(folder, config, task, scheme=LETTERS, beside=None):
    """Every example of a batch, among others and with rubbish behind it, as it is alone."""
    make_model(folder, config, task, scheme, beside=beside)
    write_onnx(folder, folder / "model.onnx")
    steps, lengths = make_batch(scheme, [7, 3, 1, 5, 7], more=2)
    other = None if beside is None else make_beside(len(lengths))
    found = run_onnx(folder / "model.onnx", steps, lengths, other)
    check(found, expected(folder, steps, lengths, other))


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_with_every_readout_and_the_heads_in_turn(tmp_path, name):
    for turn, readout in enumerate(READOUTS):
        if name == "self-attention" and readout == "last":
            continue
        config = ModelConfig(**CELLS[name], readout=readout, hidden_size=8, layers=2,
                             residual=bool(turn % 2), loss="auto")  # fmt: skip
        at = (turn + list(CELLS).index(name)) % len(OF_SEQUENCES)
        check_onnx(tmp_path / str(turn), config, TASKS[OF_SEQUENCES[at]])
    config = ModelConfig(**CELLS[name], hidden_size=8, bidirectional=False)
    check_onnx(tmp_path / "next", config, TASKS["next value"], NUMBERS)


@st.composite
def networks(draw):
    """Any network that the configuration allows."""
    task = TASKS[draw(st.sampled_from(sorted(TASKS)))]
    cell = CELLS[draw(st.sampled_from(sorted(CELLS)))]
    heads = draw(st.sampled_from([None, None, 1, 2]))
    mixed = heads is not None or cell["cell"] == "self_attention"
    readout = draw(st.sampled_from([None, *READOUTS[mixed:]]))
    pool = 1 if task.per == "position" else draw(st.integers(1, 4))
    filters = {"filters": draw(st.integers(1, 4)), "width": draw(st.sampled_from([1, 3, 5])),
               "pool": pool}  # fmt: skip
    losses = ["auto", "gaussian"] if task.name in ("regression", "next_value") else ["auto"]
    config = ModelConfig(
        **cell, readout=readout, hidden_size=4 * draw(st.integers(1, 2)), attention_heads=heads,
        layers=draw(st.integers(1, 2)), residual=draw(st.booleans()),
        bidirectional=not task.next_value and draw(st.booleans()),
        convolution=None if task.next_value else draw(st.sampled_from([None, filters])),
        letters=draw(st.sampled_from(["one_hot", "embedding"])), embedding_size=3, beside_size=3,
        loss=draw(st.sampled_from(losses)),
    )  # fmt: skip
    scheme = NUMBERS if task.next_value else draw(st.sampled_from([LETTERS, NUMBERS, GENES]))
    return config, task, scheme, draw(st.sampled_from([None, BESIDE]))


@given(networks())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_network_predicts_the_same_from_its_onnx_file(tmp_path_factory, network):
    config, task, scheme, beside = network
    check_onnx(tmp_path_factory.mktemp("model"), config, task, scheme, beside)


def test_an_onnx_file_says_all_that_is_needed_to_use_it(tmp_path):
    make_model(tmp_path, ModelConfig(cell="gru", hidden_size=4), TASKS["classification"],
               beside=BESIDE)  # fmt: skip
    write_onnx(tmp_path, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    said = {entry.key: entry.value for entry in model.metadata_props}
    codes = json.loads(said["codes"])
    assert [codes[letter] for letter in "ACGUN"] == [0, 1, 2, 3, 14]
    assert json.loads(said["classes"]) == ["a", "b", "c"]
    assert json.loads(said["beside"]) == list(BESIDE.columns)
    assert json.loads(said["seeds"]) == [1, 2]
    assert said["target"] == "log10 PSI"
    assert said["weights_sha256"] == sha256(tmp_path / "weights.safetensors")
    sizes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert sizes["tokens"] == ["batch", "time"]
    assert sizes["beside"] == ["batch", 3]
    assert sizes["probability"] == sizes["probability_seed2"] == ["batch", 3]


def test_the_file_predicts_what_predict_does(tmp_path):
    make_model(tmp_path, ModelConfig(cell="lstm", hidden_size=4), beside=BESIDE)
    write_onnx(tmp_path, tmp_path / "model.onnx")
    sequences = pd.Series(["ACGU", "NNA", "GGGUUUA"])
    table = pd.DataFrame(make_beside(3), columns=list(BESIDE.columns))
    said = {entry.key: entry.value for entry in onnx.load(tmp_path / "model.onnx").metadata_props}
    codes = json.loads(said["codes"])
    tokens = np.zeros((3, 7), dtype=np.int64)
    for row, text in enumerate(sequences):
        tokens[row, : len(text)] = [codes[letter] for letter in text]
    lengths = sequences.str.len().to_numpy()
    found = run_onnx(tmp_path / "model.onnx", tokens, lengths, table.to_numpy())
    wanted = predict(tmp_path, sequences, table)
    np.testing.assert_allclose(found["prediction"], wanted.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(found["prediction_seed2"], wanted[2], atol=1e-5)


def test_one_seed_of_one_fold(tmp_path):
    make_model(tmp_path, ModelConfig(cell="rnn", hidden_size=4), folds=(0, 3))
    export(tmp_path, tmp_path / "one.onnx", "onnx", fold=3, seed=2)
    steps, lengths = make_batch(LETTERS, [4, 2])
    found = run_onnx(tmp_path / "one.onnx", steps, lengths)
    assert set(found) == {"prediction"}
    _, networks = models.load(tmp_path, 3)
    with torch.no_grad():
        z = networks[2](torch.tensor(steps[:1])[None])
    assert found["prediction"][0] == pytest.approx(float(z) * 2.0 + 0.3, abs=1e-5)
    for wrong, message in (
        ({"fold": 1}, "no fold 1"),
        ({"fold": 0, "seed": 9}, "no seed 9"),
        ({}, "Choose one: --fold 0"),
    ):
        with pytest.raises(InputError, match=message):
            write_onnx(tmp_path, tmp_path / "none.onnx", **wrong)
    with pytest.raises(InputError, match="not as 'pickle'"):
        export(tmp_path, tmp_path / "none.onnx", "pickle")
    with pytest.raises(InputError, match="no trained network"):
        export(tmp_path / "elsewhere", tmp_path / "none.onnx", "onnx")
    assert not (tmp_path / "none.onnx").exists()


def test_a_network_of_double_precision_is_rounded(tmp_path):
    make_model(tmp_path, ModelConfig(cell="lstm", hidden_size=4), dtype=torch.float64)
    write_onnx(tmp_path, tmp_path / "model.onnx")
    steps, lengths = make_batch(LETTERS, [5, 2])
    check(run_onnx(tmp_path / "model.onnx", steps, lengths), expected(tmp_path, steps, lengths))


@pytest.mark.parametrize("code", [-1, 16, 255])
@pytest.mark.parametrize("letters", ["one_hot", "embedding"])
def test_a_code_that_no_letter_has_is_refused(tmp_path, code, letters):
    make_model(tmp_path, ModelConfig(cell="rnn", hidden_size=4, letters=letters))
    write_onnx(tmp_path, tmp_path / "model.onnx")
    with pytest.raises(Exception, match="out of data bounds"):
        run_onnx(tmp_path / "model.onnx", np.array([[0, code, 2]]), np.array([3]))


def test_without_the_package_onnx_the_way_out_is_told(tmp_path, monkeypatch):
    make_model(tmp_path, ModelConfig(cell="rnn", hidden_size=4))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"biornn\[export\]"):
        write_onnx(tmp_path, tmp_path / "model.onnx")


def check_torch(folder, config, task, scheme=LETTERS, beside=None):
    make_model(folder, config, task, scheme, beside=beside)
    write_torch(folder, folder / "model.pt2")
    extra = {"biornn.json": ""}
    program = torch.export.load(folder / "model.pt2", extra_files=extra).module()
    for sizes in ([7, 3, 1, 5, 7], [1], [30, 4]):
        steps, lengths = make_batch(scheme, sizes, more=len(sizes) - 1)
        other = None if beside is None else make_beside(len(lengths))
        inputs = [torch.tensor(each) for each in (steps, lengths, other) if each is not None]
        found = {name: value.detach().numpy() for name, value in program(*inputs).items()}
        check(found, expected(folder, steps, lengths, other))
    return json.loads(extra["biornn.json"])


def test_a_program_of_torch_predicts_the_same(tmp_path):
    """Of any length, with two seeds, two outputs and a second input."""
    config = ModelConfig(cell="lstm", peephole="diagonal", hidden_size=4, loss="gaussian")
    said = check_torch(tmp_path, config, TASKS["regression"], beside=BESIDE)
    assert json.loads(said["seeds"]) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_as_a_program_of_torch(tmp_path, name):
    for turn, task in enumerate(TASKS):
        if (turn + list(CELLS).index(name)) % 3:
            continue
        of_positions = TASKS[task].per == "position"
        filters = {"filters": 3, "width": 3, "pool": 1 if of_positions else 3}
        config = ModelConfig(
            **CELLS[name], hidden_size=8, readout=None if of_positions else "attention",
            bidirectional=task != "next value", attention_heads=2 if turn % 2 else None,
            convolution=None if task == "next value" else filters,
        )  # fmt: skip
        scheme = NUMBERS if task == "next value" else LETTERS
        check_torch(tmp_path / str(turn), config, TASKS[task], scheme)


@pytest.mark.parametrize("reason", ["no such operator", ""])
def test_what_torch_cannot_trace_is_refused_with_the_reason(tmp_path, monkeypatch, reason):
    make_model(tmp_path, ModelConfig(cell="rnn", hidden_size=4))

    def fails(*_):
        raise RuntimeError(reason and f"{reason}\nand a long trace")

    monkeypatch.setattr("biornn.torch_programs.traced", fails)
    with pytest.raises(InputError, match=rf"RuntimeError: {reason}\)\. Export it as ONNX"):
        write_torch(tmp_path, tmp_path / "model.pt2")
    assert not (tmp_path / "model.pt2").exists()
