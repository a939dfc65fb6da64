"""Lengths of genes: the bases of their exons in a GTF file, each base counted once."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from .archives import read_member
from .checking import listed, nearest
from .config_expression import GeneLengths
from .files import InputError, check_digest

_VERSION = re.compile(r"\.\d+(?=$|_PAR_Y$)")


def without_version(name: str) -> str:
    """A name without the version that Ensembl appends: ENSG00000141956.13, ENSG….5_PAR_Y."""
    return _VERSION.sub("", name)


def gene_lengths(path: str | Path, config: GeneLengths) -> pd.Series:
    """Length of each gene in base pairs: the union of its exons on each chromosome.

    Parameters
    ----------
    path
        The GTF file, packed or not, or an archive with `config.member`.
    config : GeneLengths

    Returns
    -------
    pandas.Series
        int64, `length`, by name of the gene in the order of the file.

    Raises
    ------
    InputError
        Naming the line of what is no GTF, or saying that the feature or attribute is not there.
    """
    genes, chromosomes, starts, ends = _exons(*_opened(path, config))
    gene, names = pd.factorize(np.array(genes, dtype=object))
    chromosome, _ = pd.factorize(np.array(chromosomes, dtype=object))
    covered = _covered(gene, chromosome, np.array(starts), np.array(ends))
    lengths = np.bincount(gene, weights=covered, minlength=len(names)).astype(np.int64)
    return pd.Series(lengths, index=pd.Index(names, name="gene", dtype=object), name="length")


def gene_places(path: str | Path, config: GeneLengths) -> list[str]:
    """Names of the genes by chromosome, in the order of the file, and by their first base.

    Parameters and errors are those of `gene_lengths`.
    """
    genes, chromosomes, starts, _ = _exons(*_opened(path, config))
    frame = pd.DataFrame(
        {"gene": genes, "chromosome": pd.factorize(np.array(chromosomes, dtype=object))[0],
         "start": starts}
    )  # fmt: skip
    firsts = frame.sort_values(["chromosome", "start"], kind="stable").drop_duplicates("gene")
    return firsts["gene"].tolist()


def _opened(path: str | Path, config: GeneLengths) -> tuple[bytes, GeneLengths, str]:
    origin = f"{path} ({config.member})" if config.member else str(path)
    data = read_member(path, config.member)
    if config.member_sha256:
        check_digest(hashlib.sha256(data).hexdigest(), config.member_sha256, origin)
    return data, config, origin


def lengths_of(path: str | Path, config: GeneLengths, genes: pd.Series) -> pd.Series:
    """Length of each of some genes in base pairs, as far as the GTF file has it.

    Parameters
    ----------
    path, config
        As for `gene_lengths`.
    genes : pandas.Series
        Name of each gene; its index is what the lengths are to be called by.

    Returns
    -------
    pandas.Series
        float64, with the index of `genes`, without those that are not in the file.
    """
    names = genes.map(without_version) if config.strip_version else genes
    lengths = gene_lengths(path, config).reindex(names.to_numpy())
    return lengths.set_axis(genes.index).dropna().astype(float)


def _exons(
    data: bytes, config: GeneLengths, origin: str
) -> tuple[list[str], list[str], list[int], list[int]]:
    """Gene, chromosome, start and end (from 1, the end included) of each line that counts."""
    feature = config.feature.encode()
    # values of GTF are quoted, but numbers need not be
    attribute = re.compile(
        rb"(?:^|;)\s*" + re.escape(config.attribute.encode()) + rb'\s+(?:"([^"]*)"|([^\s";]+))'
    )
    genes: list[str] = []
    chromosomes: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    others: set[str] = set()
    # line by line and bytes: an annotation of a genome has millions of lines
    for number, line in enumerate(io.BytesIO(data), start=1):
        if line.startswith(b"#") or not line.strip():
            continue
        fields = line.rstrip(b"\r\n").split(b"\t")
        if len(fields) != 9:
            raise InputError(
                f"{origin}, line {number}: {len(fields)} columns where GTF has 9, separated by "
                "tabs. Is the file cut off, or is it no GTF?"
            )
        if fields[2] != feature:
            others.add(fields[2].decode("utf-8", "replace"))
            continue
        found = attribute.search(fields[8])
        name = (found[1] or found[2] or b"") if found else b""
        if not name:
            raise InputError(
                f"{origin}, line {number}: the {config.feature} has no {config.attribute}. Correct "
                '`attribute`; GTF writes gene_id "x"; and GFF, which is not read here, gene_id=x.'
            )
        if not (fields[3].isdigit() and fields[4].isdigit()):
            raise InputError(
                f"{origin}, line {number}: start and end must be whole numbers, they are "
                f"{fields[3].decode('utf-8', 'replace')!r} and "
                f"{fields[4].decode('utf-8', 'replace')!r}."
            )
        start, end = int(fields[3]), int(fields[4])
        if not 1 <= start <= end:
            raise InputError(
                f"{origin}, line {number}: from {start} to {end} there are no bases; positions "
                "are counted from 1 and the start comes first."
            )
        gene = name.decode("utf-8", "replace")
        genes.append(without_version(gene) if config.strip_version else gene)
        chromosomes.append(fields[0].decode("utf-8", "replace"))
        starts.append(start)
        ends.append(end)
    if not genes:
        raise InputError(
            f"{origin}: there is no feature '{config.feature}'{nearest(config.feature, others)}. "
            f"The types are {listed(others)}."
        )
    return genes, chromosomes, starts, ends


def _covered(
    gene: np.ndarray, chromosome: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """int64 [exons]: bases that an exon adds to those before it, of its gene and chromosome.

    The exons of a gene are put on a stretch of their own, one gene after another; then what was
    reached so far is one running maximum.
    """
    order = np.lexsort((start, chromosome, gene))
    gene, chromosome, start, end = gene[order], chromosome[order], start[order], end[order]
    new = np.ones(len(gene), dtype=bool)
    new[1:] = (gene[1:] != gene[:-1]) | (chromosome[1:] != chromosome[:-1])
    stretch = np.cumsum(new) * (int(end.max()) + 1)
    reached = np.maximum.accumulate(stretch + end)
    before = np.concatenate([[0], reached[:-1]])
    added = np.empty(len(gene), dtype=np.int64)
    added[order] = np.maximum(reached - np.maximum(before, stretch + start - 1), 0)
    return added
