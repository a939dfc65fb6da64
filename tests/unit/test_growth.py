"""The curve says whether more examples helped, and who is ahead at which size."""

import pandas as pd
import pytest
import report_tables
from biornn import growth


def curve(net, ridge, width=0.02, metric="r2"):
    rows = [
        (model, kind, share, n, metric, value, value - width, value + width, 50)
        for model, kind, values in (("net", "recurrent", net), ("ridge", "baseline", ridge))
        for (share, n), value in zip(((0.1, 100), (0.3, 300), (1.0, 1000)), values, strict=True)
    ]
    return pd.DataFrame(
        rows,
        columns=["model", "kind", "share", "n_train", "metric", "value", "ci_low", "ci_high", "n"],
    )


@pytest.mark.parametrize(
    ("net", "ridge", "said"),
    [
        ((0.2, 0.5, 0.8), (0.4, 0.5, 0.6), ["more examples would probably help", "at 1,000."]),
        ((0.7, 0.79, 0.8), (0.4, 0.5, 0.6), ["within the uncertainty", "at every size"]),
        ((0.2, 0.5, 0.4), (0.6, 0.7, 0.8), ["it became worse", "is behind ridge at every size"]),
    ],
)
def test_what_is_said_of_the_curve(net, ridge, said):
    tables = report_tables.tables()
    first, second = growth.sentences(curve(net, ridge), tables)
    assert said[0] in first and "From 300 to 1,000 training examples net goes from" in first
    assert said[1] in second


def test_the_curve_is_drawn_and_read(tmp_path):
    tables = report_tables.tables()
    path = tmp_path / "learning_curve.tsv"
    every = pd.concat([curve((0.1, 0.2, 0.3), (0.1, 0.2, 0.3), metric=m) for m in ("mse", "r2")])
    every.to_csv(path, sep="\t", index=False)
    read = growth.read([path], tables)
    assert set(read["metric"]) == {"r2"} and len(read) == 6
    svg = growth.draw_all(read, tables)["learning_curve"].svg
    assert svg.count("1,000") == 1 and "ridge" in svg
    assert growth.read([], tables) is None and growth.draw_all(None, tables) == {}
