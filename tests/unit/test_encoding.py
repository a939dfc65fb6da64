"""Letters to codes to one-hot and back."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from biornn import encoding
from biornn.alphabets import ALPHABETS, DNA, INVALID, RNA
from biornn.files import InputError
from hypothesis import given
from hypothesis import strategies as st

records = st.sampled_from(sorted(ALPHABETS)).flatmap(
    lambda name: st.tuples(
        st.just(ALPHABETS[name]),
        st.lists(st.text(alphabet=ALPHABETS[name].codes, max_size=12), max_size=8),
    )
)


@given(records)
def test_round_trip(record):
    alphabet, sequences = record
    encoded = encoding.encode(pd.Series(sequences, dtype=object), alphabet)
    assert encoded.decode() == sequences
    assert encoded.lengths.tolist() == [len(sequence) for sequence in sequences]
    assert encoded.tokens.dtype == np.uint8 and encoded.offsets.dtype == np.int64


@given(records)
def test_one_hot_equals_the_plain_loop(record):
    alphabet, sequences = record
    table = encoding.one_hot(encoding.encode(pd.Series(sequences, dtype=object), alphabet))
    for row, sequence in zip(table, sequences, strict=True):
        for position in range(row.shape[0]):
            expected = np.zeros(len(alphabet.letters), dtype=np.float32)
            if position < len(sequence):
                expected = alphabet.one_hot[alphabet.codes.index(sequence[position])]
            np.testing.assert_array_equal(row[position], expected)


@given(st.lists(st.text(max_size=6), min_size=1, max_size=5))
def test_any_text_is_tokenized_byte_by_byte(sequences):
    encoded = encoding.tokenize(pd.Series(sequences), DNA)
    assert encoded.lengths.tolist() == [len(sequence.encode()) for sequence in sequences]
    assert ((encoded.tokens == INVALID) | (encoded.tokens < len(DNA.codes))).all()


def test_an_invalid_letter_is_named():
    with pytest.raises(InputError, match="sequence 2: position 3 is no letter of the rna alphabet"):
        encoding.encode(pd.Series(["ACGU", "ACTU"]), RNA)


def test_a_missing_sequence_is_refused():
    with pytest.raises(InputError, match="1 sequences are missing"):
        encoding.tokenize(pd.Series(["A", None]), RNA)


def test_a_slice_of_a_table_is_encoded_as_itself():
    # a sliced arrow buffer starts elsewhere
    series = pd.Series(["AAAA", "CC", "G"])[1:]
    assert encoding.encode(series, DNA).decode() == ["CC", "G"]


LONG = ["ACGT" * 50, "", "G", "TTN" * 30_000, "CA"] * 40

COLUMNS = {
    "object": lambda texts: pd.Series(texts, dtype=object),
    "string": lambda texts: pd.Series(texts, dtype="string"),
    "categories": lambda texts: pd.Series(texts, dtype="category"),
    "Arrow in pandas": lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
    "Arrow": pa.array,
    "Arrow in chunks": lambda texts: pa.chunked_array([texts[:7], texts[7:]]),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_columns_of_any_kind_and_of_many_blocks(column):
    # more records than are taken at first, and a sequence that is longer than a block
    assert len(LONG) > 64 and max(map(len, LONG)) > encoding._BLOCK
    encoded = encoding.encode(column(LONG)[3:], DNA)
    assert encoded.decode() == LONG[3:]
    with pytest.raises(InputError, match="1 sequences are missing"):
        encoding.encode(column([*LONG, None]), DNA)
    with pytest.raises(InputError, match="sequence 201: position 2 is no letter"):
        encoding.encode(column([*LONG, "A-"]), DNA)


def test_file_contract(tmp_path):
    from safetensors.numpy import load_file

    encoded = encoding.encode(pd.Series(["ACGN", "", "U"]), RNA)
    encoding.save(encoded, tmp_path / "s.safetensors")
    tensors = load_file(tmp_path / "s.safetensors")
    assert tensors["tokens"].tolist() == [0, 1, 2, 14, 3]
    assert tensors["offsets"].tolist() == [0, 4, 4, 5]
    assert tensors["one_hot"].shape == (15, 4) and tensors["one_hot"].dtype == np.float32
    again = encoding.load(tmp_path / "s.safetensors")
    assert again.decode() == ["ACGN", "", "U"] and again.alphabet is RNA
