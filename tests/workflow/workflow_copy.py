"""A copy of the workflow in an empty folder, with a tiny analysis that was made by us."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

TINY = """\
title: "Tiny <b>&amp;</b> made up"
question: Does the chain hold together?
sources:
  first: {type: path, path: data/tiny.csv}
  second: {type: path, path: data/tiny_replicate.csv}
examples:
  source: first
  sequence: {column: x, alphabet: rna, min_length: 6, max_length: 6}
expression:
  counts: [ex_ct, tot_ct]
  normalization:
    - {method: log_ratio, numerator: ex_ct, denominator: tot_ct, reference_sequence: CGUUUA,
       reference_value: 1}
  check: {column: y, tolerance: 1e-9}
target: {label: log10 ratio}
replicate: {source: second}
split: {method: column, column: set, train: [training]}
models:
  rnn: {cell: rnn, hidden_size: 8}
  lstm: {cell: lstm, hidden_size: 8}
  lstm_peephole: {cell: lstm, peephole: diagonal, hidden_size: 8}
  gru: {cell: gru, hidden_size: 8}
  shuffled: {cell: lstm, hidden_size: 8, shuffle_labels: true}
training: {seeds: [1, 2], epochs: 4, batch_size: 32, learning_rate: 1e-2, device: cpu}
baselines:
  mean: {kind: mean}
  ridge: {kind: linear, features: pairwise}
  boosting: {kind: gradient_boosting, max_iterations: 20}
explain: {models: [rnn], examples: 20, steps: 8, mutagenesis: 5}
evaluation:
  strata: [{name: GU, pattern: "..GU.."}]
  resamples: 100
  permutations: 199
published:
  - {name: made up, metric: information, value: 0.5, uncertainty: 0.1, model: best_recurrent,
     source: nowhere}
  - {name: perfect, metric: r2, value: 1, predictions: {column: y}, model: best_recurrent,
     source: the target itself}
"""


ONE_MODEL = re.sub(
    r"^  (lstm|lstm_peephole|gru|shuffled|boosting): .*\n", "", TINY, flags=re.MULTILINE
)


@dataclass
class Workflow:
    """A working directory with its own copy of the workflow."""

    folder: Path

    def run(
        self, *arguments: str, cores: int = 2, timeout: float = 500
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake here; stdout and stderr come back as one text in `stdout`."""
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
            # no colours, no user configuration, and no thread count from outside
            env=os.environ | {"NO_COLOR": "1", "XDG_CONFIG_HOME": str(self.folder / "none")},
        )

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace one piece of a file."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    @property
    def results(self) -> Path:
        return self.folder / "results/tiny"


def make_workflow(folder: Path) -> Workflow:
    """Copy what a clone has, and name the tiny analysis in the configuration."""
    for name in ("workflow", "profiles", "envs"):
        # with what is compiled, and its times: every job would compile it again
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "config/analyses").mkdir(parents=True)
    (folder / "config/config.yaml").write_text("analyses: [tiny]\n")
    (folder / "config/analyses/tiny.yaml").write_text(TINY)
    (folder / "data").mkdir()
    for name in ("tiny.csv", "tiny_replicate.csv"):
        shutil.copy(ROOT / "tests/data" / name, folder / "data")
    return Workflow(folder)
