"""Joining: samples with their sheet, genes with other genes; what differs is listed, not lost."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd

from .checking import nearest
from .files import InputError
from .gene_lengths import without_version

logger = logging.getLogger(__name__)

#: How many names of a difference a message shows.
_SHOWN = 5


def join_samples(
    matrix: ad.AnnData,
    sheet: pd.DataFrame,
    id: str,
    unmatched: str = "error",
    origin: str = "sample sheet",
) -> tuple[ad.AnnData, pd.DataFrame]:
    """The samples that matrix and sheet share, in the order of the matrix.

    Parameters
    ----------
    matrix : anndata.AnnData
        obs = samples.
    sheet : pandas.DataFrame
        Text, one row a sample, as `tables.read` gives it; `line` is used in messages.
    id
        Column of the sheet with the names that the matrix uses.
    unmatched
        `error`, or `drop`: samples that only one of the two has are left out, with a warning.
    origin
        The sheet in messages.

    Returns
    -------
    matrix : anndata.AnnData
        [samples, genes]
    sheet : pandas.DataFrame
        Its rows in the order of the matrix, indexed by the name of the sample.

    Raises
    ------
    InputError
        When a sample is twice in the sheet; when the two differ (with both differences, and names
        that are nearly alike); when they share none.
    """
    if id not in sheet:
        columns = [str(name) for name in sheet.columns if name != "line"]
        raise InputError(
            f"{origin}: there is no column '{id}'{nearest(id, columns)}. The columns are "
            f"{', '.join(columns)}. Correct `id` in the analysis file."
        )
    names = sheet[id]
    if names.duplicated().any():
        at = int(names.duplicated().to_numpy().argmax())
        line = f", line {sheet['line'].iloc[at]}" if "line" in sheet else ""
        raise InputError(
            f"{origin}{line}: '{names.iloc[at]}' is there twice "
            f"({int(names.duplicated().sum())} such rows). Keep one row each."
        )
    only_matrix, only_sheet = _differences(matrix.obs_names, names)
    both = len(matrix.obs_names) - len(only_matrix)
    if only_matrix or only_sheet:
        told = _told(only_matrix, only_sheet, ("the matrix", "the sheet"))
        if unmatched == "error" or not both:
            last = (
                "Rename them, or set `unmatched: drop` to leave them out."
                if both
                else "The two share no sample; is `id` the right column?"
            )
            raise InputError(
                f"{origin}: its samples are not those of the matrix. {told}"
                f"{_hint(only_matrix, only_sheet)} {last}"
            )
        logger.warning(
            "%s: %d samples are left out, %d stay. %s%s",
            origin, len(only_matrix) + len(only_sheet), both, told, _hint(only_matrix, only_sheet),
        )  # fmt: skip
        matrix = matrix[matrix.obs_names.isin(names)].copy()
    ordered = sheet.set_index(names.rename(None)).loc[matrix.obs_names]
    return matrix, ordered


@dataclass(frozen=True)
class GeneJoin:
    """Which genes of two lists are the same.

    Attributes
    ----------
    left, right : numpy.ndarray
        int64 [shared]: positions in the first and in the second list, in the order of the first.
    only_left, only_right : list of str
        Names that only one list has.
    """

    left: np.ndarray
    right: np.ndarray
    only_left: list[str]
    only_right: list[str]


def join_genes(
    names: Iterable[str],
    others: Iterable[str],
    strip_version: bool = False,
    unmatched: str = "drop",
    words: tuple[str, str] = ("the first list", "the second list"),
) -> GeneJoin:
    """The genes that two lists share; what only one has is counted in the log.

    Parameters
    ----------
    names, others
        For example the genes of a matrix and those of sequences or of lengths.
    strip_version
        Compare names such as ENSG00000141956.13 without their version.
    unmatched
        `drop`, or `error`: genes that only one list has are refused.
    words
        The two lists in messages.

    Raises
    ------
    InputError
        When a name is there twice in a list (or becomes so without its version), when the lists
        share no gene, and where they differ and may not.
    """
    left, right = list(names), list(others)
    keys = [[without_version(n) if strip_version else n for n in side] for side in (left, right)]
    for which, side, plain in ((words[0], left, keys[0]), (words[1], right, keys[1])):
        twice = pd.Series(plain, dtype=object).duplicated()
        if twice.any():
            at = int(twice.to_numpy().argmax())
            raise InputError(
                f"The genes '{side[plain.index(plain[at])]}' and '{side[at]}' of {which} "
                f"have one name ({int(twice.sum())} such genes). Keep one of each"
                f"{', or set `strip_version: false`' if strip_version else ''}."
            )
    places = {key: at for at, key in enumerate(keys[1])}
    shared = [(at, places[key]) for at, key in enumerate(keys[0]) if key in places]
    positions = np.array(shared, dtype=np.int64).reshape(-1, 2)
    only = [
        [name for name, key in zip(side, plain, strict=True) if key not in set_of_others]
        for side, plain, set_of_others in (
            (left, keys[0], set(keys[1])),
            (right, keys[1], set(keys[0])),
        )
    ]
    told = _told(*only, words)
    if not shared:
        versions = set(map(without_version, left)) & set(map(without_version, right))
        hint = " Without their versions some are the same: set `strip_version: true`."
        raise InputError(
            f"The two lists share no gene. {told}"
            f"{hint if versions and not strip_version else _hint(*only)} Do both use the same kind "
            "of names?"
        )
    if only[0] or only[1]:
        if unmatched == "error":
            raise InputError(
                f"The genes of {words[0]} are not those of {words[1]}. {told}{_hint(*only)} Rename "
                "them, or set `unmatched: drop` to leave them out."
            )
        logger.warning("%d genes are shared. %s", len(shared), told)
    return GeneJoin(positions[:, 0], positions[:, 1], only[0], only[1])


def require_genes(wanted: Sequence[str], there: Sequence[str], origin: str) -> None:
    """Refuse a matrix that lacks some of the genes that a model reads; it may have others too.

    Raises
    ------
    InputError
        With the first that are missing, and names that are nearly alike.
    """
    missing, others = _differences(wanted, there)
    if not missing:
        return
    shown = ", ".join(f"'{name}'" for name in missing[:_SHOWN])
    more = ", …" if len(missing) > _SHOWN else ""
    plain = {without_version(name) for name in others}
    versions = sum(without_version(name) in plain for name in missing)
    hint = f" Without their versions {versions} are the same." if versions else ""
    raise InputError(
        f"{origin}: {len(missing)} of the {len(wanted)} genes that the model reads are not there: "
        f"{shown}{more}.{hint or _hint(missing, others)} Give the values of all genes that it was "
        "trained with, under the same names."
    )


def _differences(left: Iterable[str], right: Iterable[str]) -> tuple[list[str], list[str]]:
    left, right = list(left), list(right)
    here, there = set(left), set(right)
    return [name for name in left if name not in there], [
        name for name in right if name not in here
    ]


def _told(left: Sequence[str], right: Sequence[str], words: tuple[str, str]) -> str:
    """`Only in the matrix (7): a, b, c, d, e, …; only in the sheet (1): f.`"""
    parts = []
    for names, word in zip((left, right), words, strict=True):
        shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
        more = ", …" if len(names) > _SHOWN else ""
        parts.append(f"only in {word} ({len(names)}){': ' if names else ''}{shown}{more}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _alike(name: str) -> str:
    """What stays of a name when R, a spreadsheet or a person wrote it in another way."""
    plain = re.sub(r"[-._\s]+", ".", name.strip().casefold())
    # R puts an X before what begins with a digit
    return re.sub(r"^x(?=[\d.])", "", plain)


def _hint(left: Sequence[str], right: Sequence[str]) -> str:
    there = {_alike(name): name for name in reversed(right)}
    pairs = [(name, there[_alike(name)]) for name in left if _alike(name) in there]
    if not pairs:
        return ""
    shown = ", ".join(f"'{one}' and '{other}'" for one, other in pairs[:_SHOWN])
    return f" Nearly alike ({len(pairs)}): {shown}."
