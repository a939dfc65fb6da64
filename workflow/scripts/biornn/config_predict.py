"""Configuration of a prediction by `snakemake predict`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .config_base import Section

#: A path: braces would be wildcards to Snakemake.
FilePath = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^{}]+$")]
# of two patterns pydantic keeps the last, so that this one says all
OutputPath = Annotated[str, StringConstraints(pattern=r"^[^{}]+\.(tsv|txt|parquet)$")]


class PredictConfig(Section):
    """What `snakemake predict` does: predictions of a trained model for the inputs of a file."""

    model: FilePath = Field(
        description="Folder of the model, such as `results/mpsa/models/lstm/fold0`; one of an "
        "analysis of this run is trained first where it is not there."
    )
    fold: int | None = Field(
        None, ge=0, description="Which fold, where the folder has the networks of several."
    )
    input: FilePath = Field(
        description="Sequences, a table, or an expression matrix, packed or not."
    )
    output: OutputPath = Field("predictions.tsv", description="A .tsv, .txt or .parquet file.")
    format: str = Field("auto", description="Format of the input; `auto` goes by its name.")
    member: str | None = Field(None, description="Name of the file inside an archive.")
    sequence_column: str | None = Field(
        None, description="Column with the inputs of a table; as at training if absent."
    )
    id_column: str | None = Field(
        None, description="Column with the names; as at training, or `id`, if absent."
    )
    samples: FilePath | None = Field(
        None, description="Table with the covariates of the samples of a matrix."
    )
    seeds: bool = Field(False, description="Whether there is a column for each seed.")
    on_error: Literal["stop", "skip"] = Field(
        "stop", description="Records that can't be read: stop, or leave them without a prediction."
    )
    threads: int = Field(1, ge=1, description="CPU threads.")
