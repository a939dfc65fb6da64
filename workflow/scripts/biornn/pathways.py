"""Pathways: whether genes that belong together contribute together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .archives import read_member
from .config_explain import GeneSetsConfig
from .files import InputError

PATHWAY_COLUMNS = [
    "label",
    "set",
    "score",
    "normalized_score",
    "p_value",
    "fdr",
    "genes",
    "leading",
]


def read_gmt(path: str | Path, member: str | None = None) -> dict[str, list[str]]:
    """Sets of genes from a GMT file: name, description, genes, with tabs between.

    Raises
    ------
    InputError
        For a line without genes, a name that is there twice, or a file that is no text.
    """
    try:
        text = read_member(path, member).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text; a GMT file is wanted.") from None
    sets: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = line.split("\t")
        genes = list(dict.fromkeys(gene.strip() for gene in rest[1:] if gene.strip()))
        if not genes:
            raise InputError(
                f"{path}, line {number}: a set needs a name, a description and genes, with tabs "
                "between."
            )
        if name in sets:
            raise InputError(f"{path}, line {number}: the set '{name}' is there twice.")
        sets[name] = genes
    if not sets:
        raise InputError(f"{path}: has no set of genes.")
    return sets


def enrich(
    genes: pd.DataFrame, path: str | Path, config: GeneSetsConfig, seed: int
) -> pd.DataFrame:
    """Pre-ranked enrichment of each set in the contributions to each label.

    Gene set enrichment analysis (Subramanian et al., PNAS 102:15545, 2005) by GSEApy, on the mean
    contributions by presence: the genes of a set with a high score speak for the label by being
    expressed.

    Parameters
    ----------
    genes : pandas.DataFrame
        `explanations.GENE_COLUMNS`.
    path
        Of the sets.
    config : GeneSetsConfig
    seed : int

    Returns
    -------
    pandas.DataFrame
        `PATHWAY_COLUMNS`, best first: enrichment score and normalised score, nominal p-value and
        false discovery rate over the sets of a label; genes that were found, and the leading ones.

    Raises
    ------
    InputError
        When no set has enough genes among those of the matrix.
    """
    import gseapy  # slow to import

    sets, smallest = read_gmt(path, config.member), config.smallest
    known = set(genes["gene"])
    if not any(len(known.intersection(of_set)) >= smallest for of_set in sets.values()):
        raise InputError(
            f"{path}: no set has {smallest} genes among the {len(known):,} of the matrix. Are the "
            "names of the same kind (symbols, Ensembl ids)?"
        )
    parts = []
    for label, mine in genes.groupby("label", sort=True):
        ranked = mine.set_index("gene")["presence"].sort_values(ascending=False, kind="stable")
        found = gseapy.prerank(
            rnk=ranked,
            gene_sets=sets,
            min_size=smallest,
            max_size=max(map(len, sets.values())),
            permutation_num=config.permutations,
            seed=seed,
            threads=1,
            no_plot=True,
            outdir=None,
        ).res2d
        parts.append(
            pd.DataFrame(
                {
                    "label": label,
                    "set": found["Term"],
                    "score": found["ES"].astype(float),
                    "normalized_score": found["NES"].astype(float),
                    "p_value": found["NOM p-val"].astype(float),
                    "fdr": found["FDR q-val"].astype(float),
                    "genes": [
                        ";".join(gene for gene in sets[name] if gene in known)
                        for name in found["Term"]
                    ],
                    "leading": found["Lead_genes"],
                }
            ).sort_values("normalized_score", ascending=False, kind="stable")
        )
    return pd.concat(parts, ignore_index=True)[PATHWAY_COLUMNS]
