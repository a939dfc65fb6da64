"""Gene scaling: counts to one value a gene, with samples that are scaled by training genes.

The examples are genes here, so a gene of the test set is what nothing may be learned from. A sample
is scaled by one factor, and that is fitted to the training genes alone: a million counts per
million are those of the training genes. The values of other genes follow from their own counts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .checking import listed
from .config_expression import GeneTarget
from .config_normalization import Fpkm, Log, NormalizationStep, Tpm
from .files import InputError
from .normalizers import step_of
from .row_steps import Step


class _SampleScale(Step):
    """One number for each sample, and for TPM and FPKM one for each gene: its length.

    Rows are genes, columns samples: the other way round than in the step that is asked for.
    """

    def fit(self, train: pd.DataFrame, reference: pd.DataFrame, lengths: pd.Series | None) -> None:
        # one order in memory: the rounding of a sum goes by it, and it by the other genes
        train = pd.DataFrame(np.array(train, order="C"), train.index, train.columns)
        step = step_of(self.config)
        step.fit(train.T, train.T.iloc[:0], lengths)
        scaled = step.transform(train.T).sum(axis=1)
        if isinstance(self.config, Tpm | Fpkm) and lengths is not None:
            # of every gene: a length is no measurement
            self.state["length"] = {str(gene): float(size) for gene, size in lengths.items()}
        before = self._per_base(train).sum(axis=0)
        self.state["scale"] = {str(name): float(scaled[name] / before[name]) for name in train}

    def _per_base(self, table: pd.DataFrame) -> pd.DataFrame:
        if "length" not in self.state:
            return table
        missing = [gene for gene in table.index if gene not in self.state["length"]]
        if missing:
            raise InputError(
                f"{self.config.method}: {len(missing)} genes have no length, such as "
                f"{listed(missing[:3])}. Take an annotation that has them, or leave them out."
            )
        return table.div([self.state["length"][gene] for gene in table.index], axis=0)

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        return self._per_base(table) * self._of("scale", table)


def step_for_genes(config: NormalizationStep) -> Step:
    """The step for rows that are genes and columns that are samples, not yet fitted.

    Steps that scale a sample (cpm, tpm, fpkm, upper_quartile, tmm, median_of_ratios) and those that
    change each value by itself (log, log1p) are allowed. The others (quantile, vst, z_score, …) are
    not, and the analysis file says so: they change a gene by what others or all samples are.
    """
    return step_of(config) if isinstance(config, Log) else _SampleScale(config)


def summarize(values: pd.DataFrame, target: GeneTarget) -> pd.DataFrame:
    """The column `expression` [genes, 1]: the samples of values [genes, samples] as one number."""
    return values.agg(target.summary, axis=1).to_frame("expression")
