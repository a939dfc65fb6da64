"""Made-up predictions of models that are known to be better or worse."""

import numpy as np
import pandas as pd

N = 150
#: What `folds.tsv` says of one fold.
ONE_FOLD = pd.DataFrame({"fold": [0], "scheme": ["random"], "repeat": [0]})


def predictions(models, n=N, seed=0):
    """Predictions with given errors: models maps a name to (kind, error on validation, on test)."""
    generator = np.random.default_rng(seed)
    tables = []
    target = {subset: generator.normal(size=n) for subset in ("validation", "test")}
    for model, (kind, *errors) in models.items():
        for run in (1, 2, 3) if kind in ("recurrent", "control") else (0,):
            for (subset, y), error in zip(target.items(), errors, strict=True):
                noise = generator.normal(scale=error, size=n) if error else np.zeros(n)
                tables.append(
                    pd.DataFrame(
                        {"model": model, "kind": kind, "id": [f"{subset}{i}" for i in range(n)],
                         "fold": 0, "seed": run, "subset": subset, "target": y,
                         "prediction": y + noise}
                    )
                )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


MODELS = {
    "good": ("recurrent", 0.3, 0.3),
    "fair": ("recurrent", 0.6, 0.6),
    "simple": ("baseline", 0.8, 0.9),
    "lucky": ("baseline", 1.5, 0.5),
}
