"""Identities equal those of the plain table, whatever the chunks and strands."""

import numpy as np
import pytest
from biornn import similarity
from biornn.alphabets import DNA, reverse_complement
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.lists(st.text("ACGT", min_size=1, max_size=8), min_size=1, max_size=6)


def distance(a, b):
    """Levenshtein's, by the textbook's table."""
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y)))
        last = row
    return last[-1]


@given(TEXTS, TEXTS, st.sampled_from([0.0, 0.35, 0.77]), st.sampled_from([1, 5, 2**24]))
def test_identities_equal_the_plain_table(queries, references, lowest, elements):
    before, similarity._CHUNK_ELEMENTS = similarity._CHUNK_ELEMENTS, elements
    try:
        found = list(similarity.identities(queries, references, lowest, DNA, both_strands=True))
    finally:
        similarity._CHUNK_ELEMENTS = before
    seen = []
    for strand, rows, values in found:
        assert values.shape == (len(rows), len(references))
        for row, line in zip(rows, values, strict=True):
            seen.append((strand, int(row)))
            text = queries[row] if strand == "+" else reverse_complement(queries[row], DNA)
            plain = [1 - distance(text, other) / max(len(text), len(other)) for other in references]
            wanted = [value if value >= lowest else 0 for value in plain]
            assert line == pytest.approx(np.array(wanted), abs=1e-6)
    assert seen == [(strand, row) for strand in "+-" for row in range(len(queries))]
