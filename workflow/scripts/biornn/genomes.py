"""Genomes: windows around intervals, a letter for every base from features, tiles.

All three make tables of text as `tables.read` does: a row a sequence, and `line` to find it again.
Positions are counted from 0 along the forward strand, the end not included.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from . import tables
from .alphabets import DNA, RNA, Alphabet, reverse_complement
from .archives import read_member
from .checking import listed, nearest
from .config_genome import FeaturesConfig, WindowsConfig
from .files import InputError
from .intervals import read_intervals
from .records import Log

if TYPE_CHECKING:
    from Bio.SeqFeature import SeqFeature
    from Bio.SeqRecord import SeqRecord

logger = logging.getLogger(__name__)


# -- windows ---------------------------------------------------------------------------------------


def cut(
    genome: pd.DataFrame,
    intervals: str | Path | bytes,
    config: WindowsConfig,
    origin: str,
    log: Log | None = None,
) -> pd.DataFrame:
    """The pieces of a genome at the places that an interval file names.

    Parameters
    ----------
    genome
        `id` (the chromosome) and `sequence`, as `tables.read` gives them; case is kept.
    intervals
        BED, GFF3 or GTF: a file, packed or not, or its bytes.
    config
        Which intervals, and what of each. With `strand: use` all of `anchor`, `before` and `after`
        follow the strand of the interval: on the minus strand the window is mirrored and read as
        its reverse complement. A strand of `.` or `?` counts as plus.
    origin
        The interval file in messages.
    log
        Where windows that are dropped are counted.

    Returns
    -------
    pandas.DataFrame
        Text: `id` (`{chromosome}_{start}_{end}`, `.2` and so on where it is there again),
        `sequence`, `chromosome`, `start`, `end` (of the interval, counted as in BED whatever the
        file), `strand` (as in the file), `window_start`, `window_end` (of what was cut, before it
        was padded, so it may lie outside), the file's own columns (`intervals.read_intervals` says
        which); and `line` in the interval file, int64. Rows are in the order of that file.

    Raises
    ------
    InputError
        Naming the file, the line and the way out.
    """
    chromosomes = _chromosomes(genome)
    table = read_intervals(intervals, config, origin)
    names = [config.chromosomes.get(name, name) for name in table["chromosome"]]
    starts, ends = _bounds(table, config)
    backwards = (table["strand"] == "-").to_numpy() & (config.strand == "use")
    sequences, keep = [], np.ones(len(table), dtype=bool)
    begins, lines = table["start"].tolist(), table["line"].tolist()
    for row, (name, begin, line) in enumerate(zip(names, begins, lines, strict=True)):
        where = f"{origin}, line {line}"
        if name not in chromosomes:
            raise InputError(_unknown_chromosome(where, name, chromosomes))
        chromosome, alphabet = chromosomes[name]
        size, start, end = len(chromosome), int(starts[row]), int(ends[row])
        if begin >= size:
            raise InputError(
                f"{where}: the interval begins behind base {begin}, but {name} has only {size} "
                "bases. Is the file for another assembly?"
            )
        if start < 0 or end > size:
            if config.outside == "error":
                raise InputError(
                    f"{where}: the window from {start} to {end} is not all within {name}, which "
                    f"has {size} bases. Set `outside` to drop or pad, or take fewer bases."
                )
            keep[row] = config.outside == "pad"
        left = "N" * min(max(-start, 0), end - start)
        piece = left + chromosome[max(start, 0) : max(end, 0)]
        piece += "N" * (end - start - len(piece))
        sequences.append(reverse_complement(piece, alphabet) if backwards[row] else piece)
    if not keep.all():
        if not keep.any():
            raise InputError(f"{origin}: no window lies within its chromosome.")
        if log is not None:
            log.note("windows beyond an end of their chromosome, dropped", int((~keep).sum()))
    table = table.assign(chromosome=names)
    columns = {
        "id": _unique(table),
        "sequence": sequences,
        **{name: table[name].astype(str) for name in ("chromosome", "start", "end", "strand")},
        "window_start": pd.Series(starts).astype(str),
        "window_end": pd.Series(ends).astype(str),
    }
    own = [name for name in table if name not in columns]
    return pd.DataFrame(columns, dtype=object).join(table[own])[keep].reset_index(drop=True)


def _chromosomes(genome: pd.DataFrame) -> dict[str, tuple[str, Alphabet]]:
    """Each chromosome by its name, and the alphabet to complement it in."""
    twice = genome["id"][genome["id"].duplicated()]
    if len(twice):
        raise InputError(f"the genome has two records called '{twice.iat[0]}'; rename one.")
    # of all the chromosome and not of a window, where there may be neither T nor U
    return {
        name: (sequence, RNA if "U" in sequence or "u" in sequence else DNA)
        for name, sequence in zip(genome["id"], genome["sequence"], strict=True)
    }


def _bounds(table: pd.DataFrame, config: WindowsConfig) -> tuple[np.ndarray, np.ndarray]:
    """int64 [n] and [n]: start and end of each window along the forward strand."""
    start, end = (table[name].to_numpy() for name in ("start", "end"))
    minus = (table["strand"] == "-").to_numpy() & (config.strand == "use")
    # an anchor is a border between bases: "first" is the one towards the 5' end
    first, last = np.where(minus, end, start), np.where(minus, start, end)
    if config.anchor == "start":
        last = first
    elif config.anchor == "end":
        first = last
    elif config.anchor == "center":
        # in an odd interval the middle base is the first of `after`, on both strands
        first = last = np.where(minus, (start + end + 1) // 2, (start + end) // 2)
    left = np.where(minus, last - config.after, first - config.before)
    right = np.where(minus, first + config.before, last + config.after)
    return left, right


def _unique(table: pd.DataFrame) -> pd.Series:
    places = table["chromosome"] + "_" + table["start"].astype(str) + "_" + table["end"].astype(str)
    copies = places.groupby(places).cumcount() + 1
    return places.where(copies == 1, places + "." + copies.astype(str))


def _unknown_chromosome(where: str, name: str, known: dict[str, tuple[str, Alphabet]]) -> str:
    # the ways in which genome archives differ: chr1 and 1, chrM and MT, a version behind a point
    plain = {_plain(other): other for other in known}
    alike = plain.get(_plain(name))
    hint = f" (did you mean '{alike}'?)" if alike else nearest(name, known)
    some = listed(sorted(known)[:10]) + (", …" if len(known) > 10 else "")
    return (
        f"{where}: the genome has no chromosome '{name}'{hint}. It has {some}. Name the one that "
        "is meant in `chromosomes`, or use a genome whose names are those of the file."
    )


def _plain(name: str) -> str:
    plain = name.lower().removeprefix("chr").split(".")[0]
    return "mt" if plain == "m" else plain


# -- labels ----------------------------------------------------------------------------------------


def label_features(
    data: str | Path | bytes, member: str | None, config: FeaturesConfig, origin: str
) -> pd.DataFrame:
    """A letter for every base of GenBank or EMBL records, from their features.

    All parts of a compound location count, those over the origin of a circular record too; a part
    in another record is left out. Of an end that is not exactly known, the number that is given
    counts (`<3..200` is 3 to 200), of several the outermost (`(10.12)..20` is 10 to 20). A place
    between two bases (`5^6`) covers none.

    Parameters
    ----------
    data
        The file, packed or not, or an archive with `member`; or the bytes of the file.
    member
        Name of the file inside an archive.
    config
        Which features get which letters.
    origin
        The file in messages.

    Returns
    -------
    pandas.DataFrame
        Text: `id`, `description`, `organism`, `sequence`, `labels` (as long as the sequence, for
        its forward strand); and `line` where the record starts, int64.

    Raises
    ------
    InputError
        Naming the file, the record, the feature and the way out.
    """
    raw = data if isinstance(data, bytes) else read_member(data, member)
    text = tables.text_of(raw, origin)
    mark = re.search(r"^(LOCUS|ID) ", text, flags=re.MULTILINE)
    if mark is None:
        raise InputError(f"{origin}: neither GenBank nor EMBL: no line begins with LOCUS or ID.")
    kind = "genbank" if mark[1] == "LOCUS" else "embl"
    records = tables.flat_records(text, kind, origin)
    _check_types(records, config, origin)
    table = tables.flat_table(text, kind, records)
    table["labels"] = [
        _labels(record, config, f"{origin}, line {line}, record {record.id}")
        for record, line in zip(records, table["line"], strict=True)
    ]
    return table


def _check_types(records: list[SeqRecord], config: FeaturesConfig, origin: str) -> None:
    there = {feature.type for record in records for feature in record.features}
    absent = [name for name in config.letters if name not in there]
    lower = {name.lower() for name in there}
    # a small genome may lack a type; another case, or not one type found, is a slip
    slips = [name for name in absent if name.lower() in lower]
    if slips or len(absent) == len(config.letters):
        name = (slips or absent)[0]
        raise InputError(
            f"{origin}: no record has a feature '{name}'{nearest(name, there)}. "
            f"The types are {listed(there)}. Correct `letters` in the analysis file."
        )
    if absent:
        logger.warning("%s: no record has a feature of type %s", origin, listed(absent))


def _labels(record: SeqRecord, config: FeaturesConfig, where: str) -> str:
    labels = np.full(len(record.seq), ord(config.background), dtype=np.uint8)
    layers = [(config.letters, {"forward": (1,), "reverse": (-1,)}.get(config.strand, (1, -1)))]
    if config.letters_reverse is not None:
        layers = [(config.letters_reverse, (-1,)), (config.letters, (1,))]
    wanted = [feature for feature in record.features if feature.type in config.letters]
    parts = {name: [] for name in config.letters}
    for feature in wanted:
        parts[feature.type] += list(_parts(feature, len(labels), where))
    for letters, strands in layers:
        # what counts most is written last; the order is that of `letters` in both layers
        for name in reversed(config.letters):
            for start, end, strand in parts[name]:
                if strand in strands:
                    labels[start:end] = ord(letters[name])
    return labels.tobytes().decode("ascii")


def _parts(feature: SeqFeature, size: int, where: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and strand of each stretch of a feature in its record."""
    named = next(
        (f" {feature.qualifiers[key][0]}" for key in ("locus_tag", "gene", "label", "product")
         if key in feature.qualifiers), "",
    )  # fmt: skip
    what = f"{where}: the feature {feature.type}{named}"
    if feature.location is None:
        raise InputError(f"{what} has a location that can't be read. Correct or remove it.")
    for part in feature.location.parts:
        if part.ref is not None:
            continue
        start, end = int(part.start), int(part.end)
        if not 0 <= start <= end <= size:
            raise InputError(
                f"{what} goes from {start + 1} to {end}, but the record has {size} bases. Is the "
                "record cut off? Correct or remove the feature."
            )
        yield start, end, -1 if part.strand == -1 else 1


# -- tiles -----------------------------------------------------------------------------------------


def tile(
    table: pd.DataFrame, length: int, step: int | None = None, minimum: int = 1
) -> pd.DataFrame:
    """Records cut into tiles, in order; `sequence` and `labels` (if there) are cut alike.

    Tiles begin every `step` letters. The first that reaches the end of its record is its last; it
    may be shorter than `length`, down to `minimum`.

    Parameters
    ----------
    table
        `id`, `sequence`, perhaps `labels`, and more columns, which every tile repeats.
    length, step, minimum
        Letters; `step` is `length` if it is None.

    Returns
    -------
    pandas.DataFrame
        The columns of `table`, with `id` as `{record}_{start}`, and as text `record` (the id of the
        record, the group to split by), `start` and `end` (in the record); these three replace
        columns of the same name.

    Raises
    ------
    InputError
        When labels are not as long as their sequence, or no tile is left.
    """
    step = length if step is None else step
    if min(length, step, minimum) < 1:
        raise ValueError("length, step and minimum are at least 1")
    rows, starts, ends = [], [], []
    for row, (name, sequence) in enumerate(zip(table["id"], table["sequence"], strict=True)):
        size = len(sequence)
        if "labels" in table and len(table["labels"].iat[row]) != size:
            raise InputError(f"record {name}: the labels are not as long as the sequence.")
        # the last begins where the one before it has not reached the end
        for start in range(0, max(size - length + step, 1), step):
            if min(start + length, size) - start >= min(minimum, length):
                rows.append(row)
                starts.append(start)
                ends.append(min(start + length, size))
    if not rows:
        raise InputError(f"no record has {minimum} letters; make the tiles' `minimum` smaller.")
    tiles = table.iloc[rows].reset_index(drop=True)
    for column in {"sequence", "labels"} & set(table.columns):
        tiles[column] = [
            text[start:end] for text, start, end in zip(tiles[column], starts, ends, strict=True)
        ]
    records = tiles["id"].astype(str)
    starts, ends = (pd.Series(numbers).astype(str) for numbers in (starts, ends))
    return tiles.assign(id=records + "_" + starts, record=records, start=starts, end=ends)
