"""Schema and reference page are those of the model."""

import difflib
from pathlib import Path

import pytest
from biornn.config_reference import main, render

CONFIG = Path(__file__).parents[2] / "config"


@pytest.mark.parametrize("path", render())
def test_generated_files_are_up_to_date(path):
    there = (CONFIG / path).read_text(encoding="utf-8").splitlines()
    wanted = render()[path].splitlines()
    drift = "\n".join(difflib.unified_diff(there, wanted, "committed", "generated", lineterm=""))
    assert not drift, f"run `make reference`:\n{drift}"


def test_every_key_is_on_the_page():
    page = render()["README.md"]
    for key in (
        "batch_size",
        "reference_sequence",
        "shuffle_labels",
        "penalties",
        "not_comparable",
    ):
        assert f"| `{key}` |" in page


def test_main_writes_what_render_says(tmp_path):
    main(str(tmp_path))
    assert {
        str(path.relative_to(tmp_path)): path.read_text(encoding="utf-8")
        for path in tmp_path.rglob("*")
        if path.is_file()
    } == render()
