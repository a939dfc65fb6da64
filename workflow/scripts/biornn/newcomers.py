"""Newcomers: the inputs of a file in the form in which a trained model reads them.

Sequences and series come piece by piece; an expression matrix is held as it was stored (sparse
where it is) and made dense some samples at a time. Whatever training did to its inputs is done to
these: codes are spelled out, gaps taken out, expression normalised with what was fitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from . import inputs as inputs_
from . import letters, reading, streaming, tables
from .alphabets import ALPHABETS, Alphabet
from .checking import validate
from .config_data import NumbersConfig, SequenceConfig
from .config_tables import TableRef
from .encoding import encode
from .files import InputError
from .inputs import Inputs, Series
from .prediction import Predictor
from .records import Log

#: Labels of positions: the number of each in its sequence as it came.
PLACES = "labels"
#: Values of a piece of a matrix.
_VALUES = 2**22


@dataclass(frozen=True)
class Request:
    """What is to be read.

    Attributes
    ----------
    path
        The file; `-` is the standard input.
    format, member, separator
        As in `TableRef`.
    sequence_column, id_column : str or None
        Columns of a table; without them those of the training, where the table has them.
    samples : str, Path or None
        A table with the covariates of the samples of a matrix; `id_column` has their names.
    on_error : str
        `stop` at the first record that can't be read, or `skip` such records.
    records : int
        Records of a piece.
    """

    path: str | Path
    format: str = "auto"
    member: str | None = None
    separator: str | None = None
    sequence_column: str | None = None
    id_column: str | None = None
    samples: str | Path | None = None
    on_error: Literal["stop", "skip"] = "stop"
    records: int = streaming.RECORDS

    def reference(self, kind: type[Any] = TableRef, **options: Any) -> Any:
        """The file as a `TableRef` or another of its kind."""
        own = {"format": self.format, "member": self.member, "separator": self.separator}
        return validate(kind, options | own, str(self.path))


@dataclass(frozen=True)
class Piece:
    """Some records of a file.

    Attributes
    ----------
    ids : list of str
        As they are in the file.
    problems : list of str
        Why a record can't be read; empty texts for those that can.
    inputs : EncodedSequences, Series or RankedGenes
        Of the records without a problem.
    covariates : numpy.ndarray or None
        float64 [inputs, covariates], as they came.
    positions : numpy.ndarray or None
        int64 [total]: where each letter of the inputs is in its sequence as it came (the first is
        1; of codes the number of the code), for models of positions of letters.
    """

    ids: list[str]
    problems: list[str]
    inputs: Inputs
    covariates: np.ndarray | None = None
    positions: np.ndarray | None = None

    @property
    def read(self) -> np.ndarray:
        """Boolean [records]: those without a problem."""
        return np.array([not problem for problem in self.problems], dtype=bool)


def read(predictor: Predictor, request: Request) -> Iterator[Piece]:
    """The records of a file, some thousand at a time.

    Raises
    ------
    InputError
        Naming the file, the record and the way out; also for genes and covariates that the model
        needs and the file does not have.
    """
    if predictor.description.get("profile"):
        yield from _profiles(predictor, request)
        return
    if request.samples is not None:
        raise InputError(
            f"{request.samples}: a table of samples is for expression matrices; the model reads "
            "sequences, whose covariates are columns of their own table."
        )
    reference = request.reference()
    origin = tables.origin_of(request.path, reference)
    kind = streaming.format_of(request.path, reference)
    reader = (Letters if predictor.alphabet else _Numbers)(predictor, request, kind, origin)
    first = 1
    for table in streaming.read(request.path, reference, request.records):
        yield reader.piece(table, first)
        first += len(table)


class _Reader:
    """What letters and numbers share: names, covariates, problems."""

    def __init__(self, predictor: Predictor, request: Request, kind: str, origin: str) -> None:
        self.predictor, self.request, self.origin = predictor, request, origin
        self.of_records = kind in streaming.RECORD_FORMATS
        self.known = predictor.description.get("reading") or {}

    def piece(self, table: pd.DataFrame, first: int) -> Piece:
        """The records of a table of text with `line`."""
        frame, covariates, problems = self.frame(table, first)
        inputs = self._inputs(frame, problems)
        self.refuse(frame, problems)
        if covariates is not None:
            covariates = covariates[problems == ""]
        positions = None
        if PLACES in frame:
            places = frame[PLACES][problems == ""]
            positions = np.fromiter(itertools.chain.from_iterable(places), dtype=np.int64)
        return Piece(frame["source_id"].tolist(), problems.tolist(), inputs, covariates, positions)

    def frame(
        self, table: pd.DataFrame, first: int
    ) -> tuple[pd.DataFrame, np.ndarray | None, np.ndarray]:
        """`source_id, line, origin, sequence` as they came, covariates, and text [n] of problems.

        `first` is the number of the first record, which names those that have no name.
        """
        columns = {"source_id": self._ids(table, first), "line": table["line"]}
        columns |= {"origin": self.origin, "sequence": self._text(table)}
        problems = np.full(len(table), "", dtype=object)
        covariates = None
        if self.predictor.beside is not None:
            covariates = _covariates(self.predictor, table, self.origin, problems)
        return pd.DataFrame(columns), covariates, problems

    def _ids(self, table: pd.DataFrame, first: int) -> list[str]:
        wanted = self.request.id_column
        if wanted is not None:
            return tables.select(table, [wanted], self.origin)[wanted].tolist()
        usual = [self.known.get("id"), "id"]
        column = next((name for name in usual if name in table), None)
        if column is not None:
            return table[column].tolist()
        return [f"ex{number:06d}" for number in range(first, first + len(table))]

    def _way(self, config: Any, table: pd.DataFrame) -> Any:
        """Where the inputs are in this table: as at training, or where they usually are."""
        known = type(config).model_fields
        changes = {key: None for key in ("columns", "channels") if key in known}
        column = self.request.sequence_column
        if self.of_records:
            # files of records have letters, where the table of the training may have had codes
            without = {"codes": None} if "codes" in known else {}
            return config.model_copy(update=changes | without | {"column": "sequence"})
        there = [name for name in table if name != "line"]
        if column is None:
            if all(name in there for name in reading.pieces_of(config, there)):
                return config
            column = next((name for name in reading.USUAL_COLUMNS if name in there), None)
        if column is None or column == config.column:
            return config
        return config.model_copy(update=changes | {"column": column})

    def _pieces(self, table: pd.DataFrame, config: Any) -> pd.Series:
        there = [name for name in table if name != "line"]
        pieces = reading.pieces_of(config, there)
        return reading.whole(tables.select(table, pieces, self.origin), pieces, config)

    def _text(self, table: pd.DataFrame) -> pd.Series:
        raise NotImplementedError

    def _inputs(self, frame: pd.DataFrame, problems: np.ndarray) -> Inputs:
        raise NotImplementedError

    def refuse(self, frame: pd.DataFrame, problems: np.ndarray) -> None:
        """Stop at the first problem, where that is asked for."""
        wrong = np.flatnonzero(problems != "")
        if len(wrong) and self.request.on_error == "stop":
            record = frame.iloc[wrong[0]]
            raise InputError(
                f"{self.origin}, line {record['line']}, record {record['source_id']}: "
                f"{problems[wrong[0]]}. Correct it, or leave such records out: --on-error skip."
            )


class Letters(_Reader):
    """Sequences of letters, from pieces of a table of text."""

    def __init__(self, predictor: Predictor, request: Request, kind: str, origin: str) -> None:
        super().__init__(predictor, request, kind, origin)
        assert predictor.alphabet is not None
        self.alphabet = ALPHABETS[predictor.alphabet]
        config = SequenceConfig(ambiguity="allow")
        if "sequence" in self.known:
            config = SequenceConfig.model_validate(self.known["sequence"])
        # lengths are no error here, but what is cropped in training is cropped
        cropped = config.max_length if config.too_long.startswith("crop") else None
        ambiguity = "allow" if config.ambiguity == "allow" else "drop"
        self.config = config.model_copy(
            update={"min_length": 1, "too_short": "drop", "max_length": cropped,
                    "unknown": "drop", "ambiguity": ambiguity}
        )  # fmt: skip

    def _text(self, table: pd.DataFrame) -> pd.Series:
        self.here = self._way(self.config, table)
        return self._pieces(table, self.here)

    def _inputs(self, frame: pd.DataFrame, problems: np.ndarray) -> Inputs:
        keep = spell(frame, self.here, self.alphabet, problems, places=self.predictor.per_position)
        return encode(frame["sequence"][keep], self.alphabet)


def spell(
    frame: pd.DataFrame,
    config: SequenceConfig,
    alphabet: Alphabet,
    problems: np.ndarray,
    *,
    places: bool = False,
) -> np.ndarray:
    """Put `sequence` into the letters of a model in place; boolean [n], those without a problem.

    What is wrong with the others is written into `problems` (text [n]). With `places` the column
    `PLACES` has the position from 1 that each letter had before any was cut off.
    """
    log = Log()
    letters.spell_out(frame, config, log, problems)
    if places:
        # what takes letters out takes their labels out too
        counted = [range(1, len(sequence) + 1) for sequence in frame["sequence"]]
        frame[PLACES] = pd.Series(counted, index=frame.index, dtype=object)
    keep = letters.check(frame, config, alphabet, problems == "", log)
    allowed = alphabet.codes if config.ambiguity == "allow" else alphabet.letters
    for row in np.flatnonzero(~keep & (problems == "")):
        problems[row] = _wrong_letter(frame["sequence"].iloc[row], allowed, alphabet)
    return keep


def _wrong_letter(sequence: str, allowed: str, alphabet: Alphabet) -> str:
    if not sequence:
        return "there are no letters"
    letter, position = letters.first_bad(sequence, allowed)
    other = {("rna", "T"): "DNA", ("dna", "U"): "RNA"}.get((alphabet.name, letter))
    hint = f" (this looks like {other})" if other else ""
    return (
        f"the letter {letter!r} at position {position} is none of {allowed}, the {alphabet.name} "
        f"alphabet of the model{hint}"
    )


class _Numbers(_Reader):
    def __init__(self, predictor: Predictor, request: Request, kind: str, origin: str) -> None:
        super().__init__(predictor, request, kind, origin)
        if self.of_records:
            raise InputError(f"{origin}: the model reads series of numbers, not sequences.")
        # numbers that were not declared were found where sequences are
        sequence = self.known.get("sequence") or {}
        found = {key: sequence.get(key) for key in ("column", "columns")}
        self.config = NumbersConfig.model_validate(self.known.get("numbers") or found)

    def _text(self, table: pd.DataFrame) -> pd.Series:
        self.here = self._way(self.config, table)
        return self._pieces(table, self.here)

    def _inputs(self, frame: pd.DataFrame, problems: np.ndarray) -> Inputs:
        channels = self.here.channels or [""]
        expected = len(self.predictor.description["inputs"]["mean"])
        series = []
        for row, text in enumerate(frame["sequence"]):
            if problems[row]:
                continue
            found = reading.parse_series(text, channels)
            if isinstance(found, str):
                problems[row] = found
            elif len(found) != expected:
                problems[row] = f"{len(found)} channels, and the model reads {expected}"
            else:
                series.append(np.array(found, dtype=np.float64).T)
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in series])]).astype(np.int64)
        values = np.concatenate(series) if series else np.zeros((0, expected))
        return Series(values.astype(np.float32), offsets)


def _covariates(
    predictor: Predictor, table: pd.DataFrame, origin: str, problems: np.ndarray
) -> np.ndarray:
    assert predictor.beside is not None
    try:
        values = predictor.beside.numbers(table.drop(columns="line", errors="ignore"))
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None
    for row, at in np.argwhere(~np.isfinite(values))[::-1]:
        name = predictor.beside.columns[at]
        problems[row] = f"the covariate '{name}' is {table[name].iloc[row]!r}, not a number"
    return values


# -- expression ------------------------------------------------------------------------------------


def _profiles(predictor: Predictor, request: Request) -> Iterator[Piece]:
    from . import expression, joining, matrices  # AnnData is slow to import
    from .config_expression import MatrixRef

    description = predictor.description
    if str(request.path) == streaming.STANDARD_INPUT:
        raise InputError("An expression matrix is read from a file, not from the standard input.")
    if request.sequence_column:
        raise InputError("--sequence-column is for sequences; the model reads expression profiles.")
    normalizer = expression.Normalizer.from_dict(description["normalizer"])
    known = (description.get("reading") or {}).get("matrix") or {}
    kept = ("layer", "values", "missing_values", "allow_missing")
    reference = request.reference(MatrixRef, **{key: known[key] for key in kept if key in known})
    origin = tables.origin_of(request.path, reference)
    of_genes = description["profile"]["examples"] == "genes"
    sides = {"samples" if of_genes else "genes": normalizer.columns}
    dropped = _columns_to_drop(request, known, origin)
    if dropped or (request.id_column and request.samples is None):
        names = request.id_column if request.samples is None else None
        reference = reference.model_copy(update={"drop": dropped, "names": names})
    leave_out = request.on_error == "skip" and not of_genes
    matrix = matrices.read(request.path, reference, **sides, allow_empty=leave_out)
    empty = set(matrix.obs_names[matrices.empty_samples(matrix)]) if leave_out else set()
    if of_genes:
        matrix = matrix.T
    joining.require_genes(normalizer.columns, list(matrix.var_names), origin)
    about = matrix.obs.astype(str)
    if request.samples is not None:
        sheet = tables.read(request.samples, TableRef())
        column = request.id_column or "sample"
        matrix, about = joining.join_samples(matrix, sheet, column, "error", str(request.samples))
    matrix = matrix[:, normalizer.columns]
    size = max(1, min(request.records, _VALUES // max(len(normalizer.columns), 1)))
    for start in range(0, matrix.n_obs, size):
        part = matrix[start : start + size]
        values = part.X.toarray() if hasattr(part.X, "toarray") else part.X
        ids = [str(name) for name in part.obs_names]
        table = pd.DataFrame(np.asarray(values, dtype=float), ids, normalizer.columns)
        problems = np.array(
            ["the sample is zero or missing for all genes" if name in empty else ""
             for name in part.obs_names], dtype=object,
        )  # fmt: skip
        covariates = None
        if predictor.beside is not None:
            own = about.iloc[start : start + size]
            covariates = _covariates(predictor, own, str(request.samples or origin), problems)
        normalized = _normalized(normalizer, table, problems)
        for row in np.flatnonzero(problems != "")[:1]:
            if request.on_error == "stop":
                raise InputError(
                    f"{origin}, {ids[row]}: {problems[row]}. Correct it, or leave such samples "
                    "out: --on-error skip."
                )
        keep = problems == ""
        gene = description["profile"]["target_gene"]
        genes = description.get("genes") or [name for name in normalized if name != gene]
        # where all samples have a problem there are no columns
        values = normalized.loc[keep, genes] if keep.any() else pd.DataFrame(columns=genes)
        inputs = inputs_.profiles(values.to_numpy(dtype=float), description["profile"])
        if covariates is not None:
            covariates = covariates[keep]
        yield Piece(ids, problems.tolist(), inputs, covariates)


def _columns_to_drop(request: Request, known: dict[str, Any], origin: str) -> list[str]:
    """Of the columns that training dropped, those that this table has."""
    wanted = known.get("drop") or []
    if not wanted:
        return []
    try:  # the formats of matrices alone are none of a table
        reference = request.reference()
        kind = streaming.format_of(request.path, reference)
    except InputError:
        return []
    if kind not in ("csv", "tsv", "parquet", "excel"):
        return []
    table = next(streaming.read(request.path, reference, 1))
    return [name for name in wanted if name in table]


def _normalized(normalizer: Any, table: pd.DataFrame, problems: np.ndarray) -> pd.DataFrame:
    """Normalised values of a table's rows; those of a row with a problem mean nothing."""
    try:
        return normalizer.transform(table)
    except InputError:
        # a row's values do not depend on the others, so that each may be tried by itself
        parts = []
        for row in range(len(table)):
            try:
                parts.append(normalizer.transform(table.iloc[[row]]))
            except InputError as error:
                problems[row] = problems[row] or str(error).rstrip(".")
        if not parts:
            return pd.DataFrame(index=table.index)
        return pd.concat(parts).reindex(table.index)
