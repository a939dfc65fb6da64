"""Expression in words; whole texts are tested with the methods."""

import pytest
import report_tables
from biornn import expression_words


def of_matrix(*steps):
    expression = {"matrix": {"source": "s"}, "normalization": list(steps)}
    return report_tables.analysis(expression=expression, examples={}, target={"column": "y"})


def test_steps_one_after_another():
    analysis = of_matrix({"method": "cpm"}, {"method": "log1p", "base": 2}, {"method": "z_score"})
    said = expression_words.steps_in_words(analysis)
    assert "counts per 1e+06 of each sample; then log2(value + 1); then z-score" in said
    assert "learned from the training examples" in said
    assert expression_words.steps_in_words(of_matrix()) == (
        "The expression values were used as they came."
    )


def test_only_a_reference_is_known_without_training():
    assert "sets the zero point" in expression_words.but_reference(report_tables.analysis())
    step = {"method": "log_ratio", "numerator": "n", "denominator": "m"}
    analysis = report_tables.analysis(expression={"counts": ["n", "m"], "normalization": [step]})
    assert expression_words.but_reference(analysis) == ""


def test_mean_bins():
    step = {"method": "bin_mean", "bins": ["n", "m"]}
    analysis = report_tables.analysis(expression={"counts": ["n", "m"], "normalization": [step]})
    assert "over 2 bins of sorted cells, counted from 0" in (
        expression_words.normalization_in_words(analysis)
    )
    step["values"] = [0.5, 3]
    analysis = report_tables.analysis(expression={"counts": ["n", "m"], "normalization": [step]})
    assert expression_words.steps(analysis)[0].endswith("cells, with the values 0.5, 3")


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({"method": "time", "examples": "genes"}, "time courses of genes, 7 points"),
        ({"method": "rank", "examples": "samples", "length": 5}, "at most 5; each name"),
        ({"method": "order", "examples": "genes", "genes_per_step": 2}, "in 7 samples, 2 at"),
        ({"method": "order", "examples": "samples", "genes_per_step": 2, "by": "position"},
         "by chromosome and position"),
        ({"method": "order", "examples": "samples", "genes_per_step": 2, "by": "file"},
         "which has no meaning unless"),
    ],
)  # fmt: skip
def test_profiles(profile, said):
    assert said in expression_words.profile_in_words(profile | {"genes": 7})
