"""The command line: files, exit states, and one line for what a user can mend."""

import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from biornn import __main__ as command_line
from biornn.files import read_tsv
from made_data import make_classes, make_data
from trained_models import train_into


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    train_into(folder, make_data(150))
    return folder


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "new.fasta"
    path.write_text(">a b\nACGU\n>c\nGGU\n")
    return path


def run(*arguments):
    return command_line.main([str(argument) for argument in (*arguments, "--threads", "1")])


def test_predictions_are_written(folder, fasta, tmp_path, capsys):
    assert run("predict", "--model", folder, "--input", fasta, "-o", tmp_path / "x.tsv") == 0
    table = read_tsv(tmp_path / "x.tsv")
    assert table["id"].tolist() == ["a", "c"] and table["prediction"].notna().all()
    captured = capsys.readouterr()
    assert captured.out == "" and "biornn: 2 records, 1 unlike the training" in captured.err
    assert run("predict", "--model", folder, "-i", fasta) == 0
    assert capsys.readouterr().out == (tmp_path / "x.tsv").read_text()


def test_the_standard_input_is_read(folder, fasta, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(fasta.read_bytes())))
    assert run("predict", "--model", folder, "-i", "-", "--format", "fasta") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_an_exported_file_says_what_predict_says(tmp_path, fasta):
    onnxruntime = pytest.importorskip("onnxruntime")
    train_into(tmp_path / "model", make_classes(90), seeds=(1, 2))
    assert run("predict", "--model", tmp_path / "model", "-i", fasta, "-o", tmp_path / "x.tsv") == 0
    options = ["export", "--model", str(tmp_path / "model"), "-o", str(tmp_path / "x.onnx")]
    assert command_line.main(options) == 0
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx")
    codes = json.loads(session.get_modelmeta().custom_metadata_map["codes"])
    tokens = np.array([[codes[letter] for letter in text] for text in ("ACGU", "GGUA")])
    (found,) = session.run(["probability"], {"tokens": tokens, "lengths": np.array([4, 3])})
    said = read_tsv(tmp_path / "x.tsv")
    classes = [name for name in said if name.startswith("probability.")]
    assert found == pytest.approx(said[classes].to_numpy(), abs=1e-5)
    assert command_line.main([*options, "--seed", "9"]) == 1


def test_status_reads_the_logs_of_a_run(tmp_path, capsys):
    assert command_line.main(["status", str(tmp_path)]) == 0
    assert "no training has finished an epoch yet" in capsys.readouterr().out


def test_variants(folder, tmp_path, capsys):
    assert run("variants", "--model", folder, "--sequence", "ACGU", "--all") == 0
    assert len(capsys.readouterr().out.splitlines()) == 13
    (tmp_path / "t.tsv").write_text("id\tvariant\nr\tA1C\nr\tC1A\n")
    (tmp_path / "r.fa").write_text(">r\nACGU\n")
    given = ("variants", "--model", folder, "--reference", tmp_path / "r.fa")
    assert run(*given, "--table", tmp_path / "t.tsv") == 1
    assert "line 3: 'r' has A at position 1, not C" in capsys.readouterr().err
    assert run(*given, "--table", tmp_path / "t.tsv", "--on-error", "skip", "--seeds") == 0
    captured = capsys.readouterr()
    assert "difference.seed2" in captured.out and "1 left out: r:" in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--model", "{nothing}", "-i", "{fasta}"], "no trained network can be read"),
        (["predict", "--model", "{folder}", "-i", "{nothing}.fa"], "can't be read"),
        (["predict", "--model", "{folder}", "-i", "{bad}"], "record b: the letter 'X' at posi"),
        (["predict", "--model", "{folder}", "-i", "{fasta}", "-o", "x.csv"], "are written to"),
        (["predict", "--model", "{folder}", "-i", "{fasta}", "--fold", "3"], "no fold 3 here"),
        (["predict", "--model", "{folder}"], "Give --input"),
        (["predict", "--model", "{folder}", "-i", "{fasta}", "--format", "doc"], "format"),
        (["variants", "--model", "{folder}", "--all"], "either --reference or --sequence"),
        (["variants", "--model", "{folder}", "--sequence", "AC"], "either --table"),
    ],
)
def test_errors_are_one_line(folder, fasta, tmp_path, capsys, arguments, message):
    bad = tmp_path / "bad.fa"
    bad.write_text(">a\nACGU\n>b\nAXA\n")
    names = {"folder": folder, "fasta": fasta, "nothing": tmp_path / "nothing", "bad": bad}
    assert run(*(text.format(**names) for text in arguments)) == 1
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize("arguments", [[], ["predikt"], ["predict"], ["predict", "--nothing"]])
def test_wrong_options_end_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    assert ended.value.code == 2 and "usage: biornn" in capsys.readouterr().err


def test_the_commands_of_the_readme_can_be_given():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    commands = [line for line in readme.splitlines() if line.startswith("biornn ")]
    assert len(commands) == 4
    for line in commands:
        assert command_line.parser().parse_args(shlex.split(line)[1:]).model


def test_a_folder_of_several_folds_needs_one_to_be_named(fasta, tmp_path, capsys):
    train_into(tmp_path / "m", make_data(60), seeds=[1], folds=(0, 1))
    assert run("predict", "--model", tmp_path / "m", "-i", fasta) == 1
    assert "the networks of 2 folds here (0 to 1). Choose one: --fold 0" in capsys.readouterr().err
    assert run("predict", "--model", tmp_path / "m", "-i", fasta, "--fold", "1") == 0


def test_a_model_of_an_older_version_is_used_with_a_note(fasta, tmp_path, capsys):
    train_into(tmp_path, make_data(60), seeds=[1])
    description = json.loads((tmp_path / "model.json").read_text())
    for key in ("training_inputs", "temperatures", "versions"):
        del description[key]
    (tmp_path / "model.json").write_text(json.dumps(description))
    assert run("predict", "--model", tmp_path, "-i", fasta) == 0
    assert "unusual inputs are not noticed" in capsys.readouterr().err


def test_help_waits_for_nothing():
    code = (
        "import sys, runpy\n"
        "sys.argv = ['biornn', 'predict', '--help']\n"
        "try: runpy.run_module('biornn', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "slow = {'torch', 'pandas', 'numpy'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    paths = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "--on-error" in done.stdout, done.stderr


def test_threads_are_those_asked_for(folder, fasta, tmp_path):
    before = torch.get_num_threads()
    command_line.main(["predict", "--model", str(folder), "-i", str(fasta), "--threads", "1",
                       "-o", str(tmp_path / "x.parquet")])  # fmt: skip
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)
    assert np.isfinite(pd.read_parquet(tmp_path / "x.parquet")["prediction"]).all()
