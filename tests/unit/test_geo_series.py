"""A series matrix brings its samples' characteristics; one that was cut off is refused."""

import numpy as np
import pytest
from biornn import matrices
from biornn.config_expression import MatrixRef
from biornn.files import InputError

SERIES = """!Series_title\t"A "made up" series"
!Sample_title\t"first"\t"second"
!Sample_geo_accession\t"GSM001"\t"GSM002"
!Sample_characteristics_ch1\t"tissue: liver"\t"tissue: brain: cortex"
!Sample_characteristics_ch1\t"age: 040"\t"sex: no"
!Sample_characteristics_ch1\t"untold"\t""
!Sample_characteristics_ch2\t"tissue: pool"\t"tissue: pool"

!series_matrix_table_begin
"ID_REF"\t"GSM001"\t"GSM002"
"001"\t7.5\t-1e-3
"NA"\t\t2
"a_at"\t3\t4
!series_matrix_table_end
"""


def read(tmp_path, text, **options):
    path = tmp_path / "GSE1_series_matrix.txt"
    path.write_text(text, encoding="utf-8", newline="")
    return matrices.read(path, MatrixRef(source="s", values="any", **options))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_values_and_characteristics(tmp_path, end):
    matrix = read(tmp_path, SERIES.replace("\n", end), allow_missing=True)
    assert matrix.obs_names.tolist() == ["GSM001", "GSM002"]
    assert matrix.var_names.tolist() == ["001", "NA", "a_at"]
    np.testing.assert_array_equal(matrix.X, [[7.5, np.nan, 3], [-1e-3, 2, 4]])
    assert matrix.obs.to_dict("list") == {
        "title": ["first", "second"],
        "geo_accession": ["GSM001", "GSM002"],
        "tissue": ["liver", "brain: cortex"],
        "age": ["040", ""],
        "sex": ["", "no"],
        "characteristics": ["untold", ""],
        "tissue_ch2": ["pool", "pool"],
    }


def test_genes_are_in_rows_whatever_the_shape(tmp_path):
    lines = SERIES.splitlines()
    del lines[11:13]
    matrix = read(tmp_path, "\n".join(lines))
    assert matrix.shape == (2, 1)
    with pytest.raises(InputError, match=r"genes in rows. Correct `genes`"):
        read(tmp_path, SERIES, genes="columns")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("!series_matrix_table_end\n", "", "no !series_matrix_table_end: the file is cut off"),
        ("!series_matrix_table_begin\n", "", "no !series_matrix_table_begin"),
        (SERIES[SERIES.index('"001"') : SERIES.index("!series_matrix_table_end")], "",
         "line 9: the table is empty"),
        ('"a_at"\t3\t4', '"a_at"\t3', "line 13: 2 fields where the header has 3"),
        ('"first"\t"second"', '"first"', "line 2: !Sample_title is given for 1 samples"),
        ('n\t"GSM001"\t"GSM002"', 'n\t"GSM002"\t"GSM001"', "!Sample_geo_accession has 'GSM002'"),
        ("7.5", "x", "line 11, gene '001', sample 'GSM001': 'x' is not a finite number"),
        ("3\t4", "3\t", "line 13, gene 'a_at', sample 'GSM002': there is no value"),
    ],
)  # fmt: skip
def test_damaged_series(tmp_path, old, new, expected):
    text = SERIES.replace(old, new).replace("\t\t2", "\t1\t2")
    with pytest.raises(InputError, match=expected):
        read(tmp_path, text)
