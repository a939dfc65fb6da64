"""A finished model is asked from the command line for what training predicted of the test set."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from biornn import __main__ as command_line
from biornn.temperatures import scaled


def predict(model: Path, path: Path, output: Path, *options: str) -> pd.DataFrame:
    """What `biornn predict` writes."""
    arguments = ["predict", "--model", model, "--input", path, "--output", output, *options]
    assert command_line.main([*map(str, arguments), "--seeds", "--threads", "1"]) == 0
    return pd.read_csv(output, sep="\t", keep_default_na=False, na_values="NA")


def reproduces(model: Path, found: pd.DataFrame) -> int:
    """Compare with `predictions.parquet`; how many numbers were compared.

    Probabilities there are not calibrated: the temperature that is kept with the model is put on.
    """
    table = pd.read_parquet(model / "predictions.parquet").query("subset == 'test'")
    keys = ["id", "position"] if "position" in found else ["id"]
    found = found.set_index(keys)
    values = [name for name in table if str(name).startswith("prediction")]
    temperatures = json.loads((model / "model.json").read_text())["temperatures"]
    means, compared = [], 0
    for seed, own in table.groupby("seed"):
        rows = found.loc[list(own[keys].itertuples(index=False)) if len(keys) > 1 else own["id"]]
        expected = own[values].to_numpy()
        names = [f"{name}.seed{seed}" for name in values]
        if "." in values[0]:
            expected = scaled(expected, temperatures[str(seed)])
            names = [name.replace("prediction.", "probability.", 1) for name in names]
        np.testing.assert_allclose(rows[names], expected, rtol=1e-5, atol=1e-6)
        means.append(expected[:, 0])
        compared += expected.size
    first = values[0].replace("prediction.", "probability.", 1)
    np.testing.assert_allclose(rows[first], np.mean(means, axis=0), rtol=1e-5, atol=1e-6)
    return compared
