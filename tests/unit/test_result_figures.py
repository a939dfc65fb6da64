"""Figures of results hold what the predictions say."""

import numpy as np
import pandas as pd
import pytest
import report_tables
from biornn import result_figures
from matplotlib.figure import Figure


@pytest.mark.parametrize("task", report_tables.TASKS)
def test_every_task_has_its_figure(task):
    drawn = result_figures.draw_all(report_tables.of_task(task), "kcal")
    main = drawn["predicted_vs_measured"].svg
    said = {
        "count": "ln(1 + kcal)", "ordinal": "true class", "multilabel": "AUROC", "gaussian": "kcal",
        "hostile": "true class", "positions": "true class",
    }  # fmt: skip
    assert said[task] in main and "net (best network)" in main
    assert ("calibration" in drawn) == (task == "gaussian")


def test_calibration_lies_on_the_line_where_the_spread_is_right():
    generator = np.random.default_rng(0)
    prediction, sd = generator.normal(size=20_000), np.exp(generator.normal(size=20_000))
    target = prediction + sd * generator.normal(size=20_000)
    table = pd.DataFrame({"target": target, "prediction": prediction, "prediction_sd": sd})
    figure = Figure()
    drawn = result_figures.calibration({"net": table, "timid": table.assign(prediction_sd=3 * sd)})
    drawn.paint(figure)
    _, right, timid = figure.axes[0].lines
    np.testing.assert_allclose(right.get_ydata(), right.get_xdata(), atol=0.012)
    assert (timid.get_ydata() > timid.get_xdata()).all()
