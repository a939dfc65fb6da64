"""Messages for people."""

import pytest
from biornn.checking import listed, nearest, validate
from biornn.files import InputError
from pydantic import BaseModel, ConfigDict


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    epochs: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    training: Inner | None = None
    parts: list[Inner] = []


def test_nearest_and_listed():
    assert nearest("hiden", ["hidden", "cell"]) == " (did you mean 'hidden'?)"
    assert nearest("zzz", ["hidden"]) == ""
    assert listed({"b", "a"}) == "a, b"
    assert listed([]) == "none"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"training": {"epoch": 2}}, "unknown key 'training.epoch' (did you mean 'epochs'?)"),
        ({"parts": [{}, {"epoch": 2}]}, "unknown key 'parts.1.epoch' (did you mean 'epochs'?)"),
        ({"training": {"epochs": "x"}}, "training.epochs: "),
    ],
)
def test_optional_and_listed_sections(value, expected):
    with pytest.raises(InputError) as caught:
        validate(Outer, value, "f.yaml")
    assert str(caught.value).startswith("f.yaml: ") and expected in str(caught.value)


def test_the_line_is_that_of_the_nearest_known_place():
    with pytest.raises(InputError, match=r"f\.yaml, line 7: "):
        validate(Outer, {"training": {"epochs": "x"}}, "f.yaml", {("training",): 7})
