"""What a prediction may be told, and what would break the rules."""

import pytest
from biornn.config_predict import PredictConfig
from pydantic import ValidationError


@pytest.mark.parametrize("output", ["a.tsv", "folder/a b.txt", "x.parquet"])
def test_outputs_are_tables(output):
    assert PredictConfig(model="m", input="x.fa", output=output).output == output


@pytest.mark.parametrize(
    "output", ["a{b}.tsv", "a}.txt", "{a.parquet", "a.csv", ".tsv", "", "a.tsv\n", "a.tsv.gz"]
)
def test_outputs_with_wildcards_or_of_other_kinds_are_refused(output):
    with pytest.raises(ValidationError, match="output"):
        PredictConfig(model="m", input="x.fa", output=output)
