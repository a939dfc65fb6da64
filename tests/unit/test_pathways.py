"""Sets of genes that contribute together are enriched; files that are no such sets are refused."""

import numpy as np
import pandas as pd
import pytest
from biornn import pathways
from biornn.config_explain import GeneSetsConfig
from biornn.files import InputError


def contributions():
    random = np.random.default_rng(0)
    names = [f"G{at}" for at in range(300)]
    parts = []
    for label, strong in (("a", range(5)), ("b", range(50, 55))):
        values = random.normal(size=300)
        values[list(strong)] += 3
        parts.append(
            pd.DataFrame(
                {"label": label, "gene": names, "presence": values, "n": 20}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def gmt(tmp_path, *lines):
    path = tmp_path / "sets.gmt"
    path.write_text("\n".join(lines) + "\n")
    return path


FIRST = "\t".join(["first", "d", *(f"G{at}" for at in range(5)), "ELSEWHERE"])
SECOND = "\t".join(["second", "d", *(f"G{at}" for at in range(50, 55))])
SMALL = "small\td\tG1\tG2"


def test_the_right_set_comes_first_for_each_label(tmp_path):
    path = gmt(tmp_path, FIRST, "", SECOND, SMALL)
    config = GeneSetsConfig(source="s", permutations=200)
    found = pathways.enrich(contributions(), path, config, seed=1)
    best = found.groupby("label").first()
    assert list(best["set"]) == ["first", "second"]
    assert (best["fdr"] < 0.05).all() and (best["score"] > 0.8).all()
    assert "small" not in set(found["set"])
    assert best.loc["a", "genes"] == "G0;G1;G2;G3;G4"  # without the one that is not measured
    again = pathways.enrich(contributions(), path, config, seed=1)
    pd.testing.assert_frame_equal(found, again)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["name only"], "line 1: a set needs a name, a description and genes"),
        ([FIRST, FIRST], "line 2: the set 'first' is there twice"),
        ([""], "has no set of genes"),
    ],
)
def test_what_is_no_gmt_file_is_said(tmp_path, lines, said):
    with pytest.raises(InputError, match=said):
        pathways.read_gmt(gmt(tmp_path, *lines))


def test_names_of_another_kind_are_said(tmp_path):
    path = gmt(tmp_path, "s\td\tENSG1\tENSG2\tENSG3")
    with pytest.raises(InputError, match="no set has 3 genes among the 300 of the matrix"):
        pathways.enrich(contributions(), path, GeneSetsConfig(source="s"), 0)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no text"):
        pathways.read_gmt(path)
