"""Training inputs are familiar, but for about two in a thousand; others are told by what is odd."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from biornn import familiarity
from biornn.alphabets import ALPHABETS
from biornn.encoding import encode
from biornn.folds import FoldData
from biornn.inputs import Series, profile_series, rank_genes


def chain(n, lengths, seed=0):
    """DNA in which A is mostly followed by C, C by G and so on: in order, not in composition."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(*lengths, size=n)
    found = []
    for size in sizes:
        steps = np.where(generator.random(size) < 0.6, 1, generator.integers(0, 4, size=size))
        found.append("".join("ACGT"[code] for code in np.cumsum(steps) % 4))
    return found


def letters(texts, alphabet="dna"):
    return encode(pd.Series(texts), ALPHABETS[alphabet])


def fold(inputs):
    return FoldData(inputs, np.zeros(len(inputs)), np.full(len(inputs), "train"))


def share(summary, inputs):
    return np.mean([text != "" for text in familiarity.warnings(summary, inputs)])


@pytest.mark.parametrize("lengths", [(60, 61), (20, 200)])
def test_training_sequences_rarely_warn_and_shuffled_ones_do(lengths):
    texts = chain(5000, lengths)
    summary = familiarity.summarize(fold(letters(texts)))
    # what is written is what is read
    summary = json.loads(json.dumps(summary))
    assert 0.0005 < share(summary, letters(texts)) <= 0.0025
    assert share(summary, letters(chain(2000, lengths, seed=1))) < 0.01
    generator = np.random.default_rng(2)
    shuffled = ["".join(generator.permutation(list(text))) for text in texts[:500]]
    assert share(summary, letters(shuffled)) > 0.9
    poor = ["".join(generator.choice(list("AT"), size=len(text))) for text in texts[:500]]
    assert share(summary, letters(poor)) > 0.9


def test_letters_in_the_wrong_place_are_told_where_all_have_one_length():
    generator = np.random.default_rng(0)
    texts = ["".join(generator.choice(list("ACGT"), size=20)) for _ in range(3000)]
    aligned = [text[:8] + "GT" + text[10:] for text in texts]
    summary = familiarity.summarize(fold(letters(aligned)))
    assert share(summary, letters(aligned)) <= 0.0025
    (said,) = familiarity.warnings(summary, letters([texts[0][:8] + "CA" + texts[0][10:]]))
    assert "letters at their positions unlike training" in said


def test_lengths_and_ambiguity_are_told():
    summary = familiarity.summarize(fold(letters(chain(300, (10, 20)))))
    texts = [chain(1, (10, 20), 5)[0], "ACG", "ACGTACGTNNACGT", "ACGT" * 10, "A"]
    said = familiarity.warnings(summary, letters(texts))
    assert said[0] == "" and "length 3, in training 10 to 19" in said[1]
    assert "0.14 of the letters are ambiguity codes, in training at most 0" in said[2]
    assert "length 40" in said[3] and said[4] == "length 1, in training 10 to 19"


def test_only_training_rows_are_looked_at():
    texts = chain(200, (30, 40))
    data = fold(letters(texts))
    half = replace(data, subsets=np.where(np.arange(200) % 2, "train", "test"))
    other = [text if row % 2 else "A" * 100 for row, text in enumerate(texts)]
    assert familiarity.summarize(half) == familiarity.summarize(
        replace(half, inputs=letters(other))
    )


def test_proteins_are_judged_too():
    generator = np.random.default_rng(0)
    texts = ["".join(generator.choice(list("ACDEFGHIKL"), size=50)) for _ in range(1000)]
    summary = familiarity.summarize(fold(letters(texts, "protein")))
    assert share(summary, letters(texts, "protein")) <= 0.003
    assert share(summary, letters(["MNPQRSTVWY" * 5], "protein")) == 1


@pytest.mark.parametrize("read", [lambda v: profile_series(v, 2), lambda v: rank_genes(v, 7)])
def test_genes_beyond_their_range_are_told(read):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(4000, 51))
    summary = familiarity.summarize(fold(read(values)))
    assert share(summary, read(values)) <= 0.0025
    strange = values[:100] + 6 * (np.arange(51) < 20)
    assert share(summary, read(strange)) == 1
    (said,) = familiarity.warnings(summary, read(strange[:1]))
    assert "of the values are outside of what is usual in training" in said


def test_series_are_judged_by_channel():
    generator = np.random.default_rng(0)
    lengths = generator.integers(5, 20, size=2000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = generator.normal(size=(offsets[-1], 2)).astype(np.float32) * [1, 100]
    series = Series(values.astype(np.float32), offsets)
    summary = familiarity.summarize(fold(series))
    assert share(summary, series) <= 0.0025
    # the channels are exchanged
    other = Series(np.ascontiguousarray(series.values[:, ::-1]), offsets)
    assert share(summary, other) > 0.9


def test_covariates_outside_their_range_are_named():
    data = fold(letters(chain(50, (10, 20))))
    values = np.linspace([0, 30], [1, 40], 50)
    summary = familiarity.summarize(replace(data, beside=values, covariates=("salt", "warm")))
    inputs = letters(chain(2, (10, 20), 3))
    said = familiarity.warnings(summary, inputs, np.array([[0.5, 35], [0.5, 47.5]]))
    assert said == ["", "warm 47.5, in training 30 to 40"]
