"""Matrices in files of their own kinds: Matrix Market, h5ad, GEO series; and `read` for all."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import scipy.io
import scipy.sparse

from . import tables
from .archives import MAX_UNPACKED, read_member
from .checking import listed, nearest
from .config_expression import MatrixRef, NamesRef
from .files import InputError, check_digest
from .geo_series import read_series
from .matrix_tables import (
    RawMatrix,
    from_rows,
    looks_like_orange,
    read_orange,
    read_parquet,
    read_rows,
    read_separated,
)

_ENDINGS = {".mtx": "mtx", ".h5ad": "h5ad", "series_matrix.txt": "series_matrix"}
_TABLES = ("csv", "tsv", "parquet", "excel")


def read(
    path: str | Path, reference: MatrixRef, names: Mapping[str, str | Path] | None = None
) -> tuple[RawMatrix, str]:
    """The matrix of a file, and the format that it was read as.

    Parameters
    ----------
    path
        The file, packed or not, or an archive with `reference.member`.
    reference : MatrixRef
    names
        For mtx: the files of `gene_names` and `sample_names`; `path` itself where one is absent.

    Raises
    ------
    InputError
        Naming the file, the line and the way out.
    """
    origin = tables.origin_of(path, reference)
    data = content(path, reference, origin)
    kind = reference.format
    if kind == "auto":
        kind = _format_of(reference.member or Path(path).name, data, origin)
    if reference.drop and kind in _ENDINGS.values():
        raise InputError(f"{origin}: `drop` is for columns of tables, not for {kind}.")
    if kind == "mtx":
        return _read_mtx(data, path, reference, names or {}, origin), kind
    if kind == "h5ad":
        return _read_h5ad(data, reference, origin), kind
    if kind == "series_matrix":
        return read_series(data, reference, origin), kind
    if kind == "orange_tab":
        return read_orange(data, reference, origin), kind
    if kind == "parquet":
        return read_parquet(data, reference, origin), kind
    if kind == "excel":
        frame = tables.read(path, reference.model_copy(update={"format": kind}))
        header = [name for name in frame if name != "line"]
        cells = zip(frame["line"].tolist(), frame[header].to_numpy().tolist(), strict=True)
        return from_rows(header, cells, reference, origin), kind
    return read_separated(data, reference, origin, "," if kind == "csv" else "\t"), kind


def content(path: str | Path, reference: MatrixRef | NamesRef, origin: str) -> bytes:
    """Bytes of the file or member that a reference means, checked against its checksum."""
    data = read_member(path, reference.member)
    if reference.member_sha256:
        check_digest(hashlib.sha256(data).hexdigest(), reference.member_sha256, origin)
    return data


def _format_of(name: str, data: bytes, origin: str) -> str:
    plain = re.sub(r"\.(gz|bz2|xz|zst)$", "", name.lower())
    for ending, kind in _ENDINGS.items():
        if plain.endswith(ending):
            return kind
    kind = tables.format_of(name, origin)
    if kind == "tsv" and looks_like_orange(data):
        return "orange_tab"
    if kind not in _TABLES:
        raise InputError(
            f"{origin}: a matrix can't be read from {kind}. If the name misleads, give `format`: "
            f"one of {listed([*_TABLES, *_ENDINGS.values(), 'orange_tab'])}."
        )
    return kind


# -- Matrix Market ---------------------------------------------------------------------------------


def _read_mtx(
    data: bytes,
    path: str | Path,
    reference: MatrixRef,
    names: Mapping[str, str | Path],
    origin: str,
) -> RawMatrix:
    if reference.gene_names is None or reference.sample_names is None:
        raise InputError(f"{origin}: an mtx file has no names. Give gene_names and sample_names.")
    genes = read_names(names.get("gene_names", path), reference.gene_names)
    samples = read_names(names.get("sample_names", path), reference.sample_names)
    shape = _mtx_shape(data, origin)
    wanted = {"rows": (len(genes), len(samples)), "columns": (len(samples), len(genes))}
    fitting = [place for place, expected in wanted.items() if expected == shape]
    if reference.genes != "detect":
        fitting = [place for place in fitting if place == reference.genes]
    if not fitting:
        raise InputError(
            f"{origin}: the matrix has {shape[0]} rows and {shape[1]} columns, but there are names "
            f"of {len(genes)} genes and {len(samples)} samples. Do all files belong together, "
            "and does one of the lists have a header line (give its `column`)?"
        )
    try:
        found = scipy.io.mmread(io.BytesIO(data))
    except (ValueError, OverflowError, MemoryError) as error:
        raise InputError(f"{origin}: not a whole Matrix Market file: {error}.") from None
    if np.iscomplexobj(found):
        raise InputError(f"{origin}: the numbers are complex; expression is not.")
    values = found.tocsr() if scipy.sparse.issparse(found) else np.asarray(found)
    if scipy.sparse.issparse(found) and values.nnz != found.nnz:
        raise InputError(
            f"{origin}: {found.nnz - values.nnz} entries give a value that is given already. "
            "Was the file put together from two?"
        )
    rows, columns = (genes, samples) if fitting[0] == "rows" else (samples, genes)
    # genes in rows is what 10x Genomics and its readers write, should both fit
    why = "the lists of names are as long" if len(fitting) == 1 else "mtx has them in rows"
    values = values.astype(np.float64)
    return RawMatrix(values, rows, columns, genes=fitting[0], why=why)


def _mtx_shape(data: bytes, origin: str) -> tuple[int, int]:
    """Rows and columns, after a look at whether all entries can be there.

    (The library would take memory for as many entries as the header promises.)
    """
    first, *rest = data[:100].split(b"\n", 1)
    banner = first.decode("ascii", "replace").lower().split()
    if len(banner) < 5 or banner[0] != "%%matrixmarket" or not rest:
        raise InputError(f"{origin}: not a Matrix Market file: no %%MatrixMarket on line 1.")
    if banner[3] not in ("integer", "real"):
        raise InputError(f"{origin}, line 1: the values are '{banner[3]}', not integer or real.")
    lines = enumerate(io.BytesIO(data), start=1)
    content_lines = (pair for pair in lines if pair[1].strip() and pair[1][:1] != b"%")
    number, line = next(content_lines, (1, b""))
    sizes = line.split()
    coordinate = banner[2] == "coordinate"
    if len(sizes) != (3 if coordinate else 2) or not all(size.isdigit() for size in sizes):
        raise InputError(f"{origin}, line {number}: no sizes of a Matrix Market file.")
    rows, columns = int(sizes[0]), int(sizes[1])
    promised = int(sizes[2]) if coordinate else rows * columns
    there = data.count(b"\n") + (not data.endswith(b"\n")) - number
    if banner[4] == "general" and there < promised:
        raise InputError(
            f"{origin}: cut off: the header (line {number}) says {promised} entries, "
            f"at most {there} are there. Download or copy the file again."
        )
    return rows, columns


def read_names(path: str | Path, reference: NamesRef) -> list[str]:
    """The names in a file such as genes.tsv, as they stand.

    Raises
    ------
    InputError
        When the file is empty or has no such column.
    """
    origin = tables.origin_of(path, reference)
    if reference.column is not None:
        return tables.select(tables.read(path, reference), [reference.column], origin)[
            reference.column
        ].tolist()
    kind = reference.format
    if kind == "auto":
        kind = tables.format_of(reference.member or Path(path).name, origin)
    if kind not in ("csv", "tsv"):
        raise InputError(f"{origin}: names in {kind} need `column`, since it has a header.")
    separator = "," if kind == "csv" else "\t"
    names = []
    for line, row in read_rows(content(path, reference, origin), reference, origin, separator):
        if len(row) < reference.position:
            raise InputError(
                f"{origin}, line {line}: {len(row)} columns, but `position` is "
                f"{reference.position}."
            )
        names.append(row[reference.position - 1])
    if not names:
        raise InputError(f"{origin}: there are no names.")
    return names


# -- h5ad ------------------------------------------------------------------------------------------


def _read_h5ad(data: bytes, reference: MatrixRef, origin: str) -> RawMatrix:
    with tempfile.NamedTemporaryFile(suffix=".h5ad") as file:  # the library reads paths alone
        file.write(data)
        file.flush()
        try:
            with h5py.File(file.name, "r") as stored:
                _check_stored(stored, origin)
            with warnings.catch_warnings():
                # of keys that moved since files of old versions; what is read has not
                warnings.simplefilter("ignore")
                container = ad.read_h5ad(file.name)
        except InputError:
            raise
        except Exception as error:  # the libraries raise what they meet
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{origin}: not a whole h5ad file: {reason}.") from None
    var = container.var
    if reference.layer == "X":
        values = container.X
    elif reference.layer == "raw":
        values = container.raw.X if container.raw is not None else None
        var = container.raw.var if container.raw is not None else var
    else:
        values = container.layers.get(reference.layer)
    if values is None:
        there = [*container.layers, *(["X"] if container.X is not None else [])]
        there += ["raw"] if container.raw is not None else []
        raise InputError(
            f"{origin}: there is no layer '{reference.layer}'{nearest(reference.layer, there)}. "
            f"There are {listed(there)}."
        )
    if values.dtype.kind not in "biuf":
        raise InputError(f"{origin}: the values are of type {values.dtype}, not numbers.")
    values = values.tocsr() if scipy.sparse.issparse(values) else np.asarray(values)
    return RawMatrix(
        values.astype(np.float64), [str(name) for name in container.obs_names],
        [str(name) for name in var.index], container.obs, var,
        genes="columns", why="h5ad has samples in rows",
    )  # fmt: skip


def _check_stored(stored: h5py.File, origin: str) -> None:
    """HDF5 may point to other files and may promise sizes that no memory has."""

    # returned and not raised: an exception does not come through the library whole
    def check_link(name: str, link: object) -> str | None:
        return "points to another file" if isinstance(link, h5py.ExternalLink) else None

    def check_item(name: str, item: object) -> str | None:
        if not isinstance(item, h5py.Dataset):
            return None
        if item.external or item.is_virtual:
            return "points to another file"
        return f"unpacks to {item.nbytes} bytes" if item.nbytes > MAX_UNPACKED else None

    found = stored.visititems_links(check_link) or stored.visititems(check_item)
    if found:
        raise InputError(f"{origin}: a part of it {found}: refused.")
