"""Record files: FASTA, FASTQ, GenBank, EMBL and separated tables, one record after another.

The readers take an open text file and hold one record at a time; who wants all makes a list.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

from .files import InputError

if TYPE_CHECKING:
    from Bio.SeqRecord import SeqRecord


# sequences may be longer than the 131,072 characters of a field that are usual; Windows has no more
csv.field_size_limit(2**31 - 1)


class Record(NamedTuple):
    """One record of a sequence file.

    Attributes
    ----------
    title : str
        All of the header.
    sequence : str
    line : int
        Where it starts; of FASTQ its number.
    """

    title: str
    sequence: str
    line: int


def name_in(title: str) -> str:
    """The name of a record: the first word of its header."""
    words = title.split(maxsplit=1)
    return words[0] if words else ""


def fasta(file: TextIO, origin: str) -> Iterator[Record]:
    """Records of a FASTA file.

    Raises
    ------
    InputError
        When it does not begin with a header.
    """
    title, start, lines = None, 0, []
    for number, line in enumerate(file, start=1):
        if line.startswith(">"):
            if title is not None:
                yield Record(title, _joined(lines), start)
            title, start, lines = line[1:].rstrip(), number, []
        elif title is not None:
            lines.append(line)
        elif line.strip():
            raise InputError(f"{origin}: not FASTA: the first record does not begin with '>'.")
    if title is not None:
        yield Record(title, _joined(lines), start)


def _joined(lines: Sequence[str]) -> str:
    text = lines[0].rstrip() if len(lines) == 1 else "".join(map(str.rstrip, lines))
    return text.replace(" ", "").replace("\r", "")


def fastq(file: TextIO, origin: str) -> Iterator[Record]:
    """Records of a FASTQ file; InputError if one is not whole."""
    from Bio.SeqIO.QualityIO import FastqGeneralIterator

    try:
        for number, (title, sequence, _) in enumerate(FastqGeneralIterator(file), start=1):
            yield Record(title, sequence, number)
    except ValueError as error:
        if isinstance(error, InputError | UnicodeDecodeError):
            raise
        raise InputError(f"{origin}: not a whole FASTQ file: {error}.") from None


def flat(file: TextIO, kind: str, origin: str) -> Iterator[tuple[SeqRecord, int]]:
    """Records of a GenBank or EMBL file (`kind`), each whole, and the line where each starts.

    Raises
    ------
    InputError
        When a record, or the file, is cut off.
    """
    from Bio import SeqIO

    watched = _Watched(file, "LOCUS" if kind == "genbank" else "ID ")
    parser = SeqIO.parse(watched, kind)
    number = 0
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # the parser only warns of a sequence that is shorter than its header says
                warnings.filterwarnings("error", r"Expected sequence length|Premature end")
                record = next(parser, None)
            if record is not None:
                bytes(record.seq)  # a record may have a length and no letters
        except (InputError, UnicodeDecodeError):
            raise
        except Exception as error:  # the parsers raise what they meet
            raise InputError(f"{origin}: not a whole {kind} file: {error}.") from None
        if record is None:
            break
        number += 1
        yield record, watched.starts[number - 1] if number <= len(watched.starts) else number
    if watched.last and watched.last != "//":
        raise InputError(f"{origin}: cut off: the last record does not end with '//'.")


class _Watched:
    """A text file that remembers where records start, and the last line with text."""

    def __init__(self, file: TextIO, mark: str) -> None:
        self._file, self._mark = file, mark
        self.number, self.last, self.starts = 0, "", list[int]()

    def readline(self) -> str:
        line = self._file.readline()
        self.number += 1
        if line.startswith(self._mark):
            self.starts.append(self.number)
        self.last = line.rstrip() or self.last
        return line

    def read(self, size: int = -1) -> str:
        # the parsers ask for nothing, to see that it is text
        return self._file.read(size) if size == 0 else self.readline()

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")


def separated(
    file: TextIO,
    separator: str,
    origin: str,
    columns: Sequence[str] | None = None,
    skip_lines: int = 0,
) -> Iterator[tuple[list[str], int]]:
    """The header of a CSV or TSV table, then each row, with the line where it starts.

    Parameters
    ----------
    file
        Opened with `newline=""`.
    separator : str
    origin
        The table in messages.
    columns
        Names of the columns, where the table has no header line.
    skip_lines : int
        Lines before the header, or the first row.

    Raises
    ------
    InputError
        Naming the line that is not whole.
    """
    for _ in range(skip_lines):
        file.readline()
    reader = csv.reader(file, delimiter=separator, strict=True)
    try:
        # some write a space after each comma
        header = [name.strip() for name in columns or next(reader, [])]
        if len(set(header)) != len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise InputError(f"{origin}: the column '{twice}' is there twice; rename one.")
        yield header, skip_lines + 1
        start = skip_lines + reader.line_num + 1
        for row in reader:
            if row:
                if len(row) != len(header):
                    raise InputError(
                        f"{origin}, line {start}: {len(row)} fields where the header has "
                        f"{len(header)}. Is the file cut off, or is `separator` another one?"
                    )
                yield row, start
            start = skip_lines + reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{origin}, line {skip_lines + reader.line_num}: {error}.") from None
