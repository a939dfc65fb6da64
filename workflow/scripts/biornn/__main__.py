"""The command line: `python -m biornn predict …`, without Snakemake.

A command is a function that adds its options, and one that does its work and returns the exit
status; the latter imports what it needs, so that `--help` does not wait for it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from . import __version__
from .files import InputError


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", required=True, metavar="FOLDER",
        help="folder of a trained model, with model.json and weights.safetensors",
    )  # fmt: skip
    parser.add_argument(
        "--fold", type=int, help="which fold, where the folder has the networks of several"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE",
        help="a .tsv or .parquet file; - (the default) is the standard output, as TSV",
    )  # fmt: skip
    parser.add_argument("--seeds", action="store_true", help="also a column for each seed")
    parser.add_argument(
        "--on-error", choices=["stop", "skip"], default="stop",
        help="a record that can't be read: stop (the default), or leave it without a prediction",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=int, default=0, help="CPU threads; all that there are by default"
    )


def _add_file(parser: argparse.ArgumentParser, what: str, name: str = "--input") -> None:
    parser.add_argument("-i" if name == "--input" else name, name, metavar="FILE", help=what)
    parser.add_argument("--format", default="auto", help="its format; by default the name tells")
    parser.add_argument("--member", help="the file inside an archive (zip, wheel, tar)")
    parser.add_argument("--separator", choices=[",", ";", "\t"], help="of the columns of a table")
    parser.add_argument("--sequence-column", metavar="NAME", help="by default as at training")
    parser.add_argument("--id-column", metavar="NAME", help="by default as at training, or id")


def _add_predict(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_file(
        parser,
        "sequences (FASTA, FASTQ, GenBank, EMBL), a table (CSV, TSV, Parquet, Excel) or an "
        "expression matrix (also h5ad), packed or not; - is the standard input",
    )
    parser.add_argument(
        "--samples", metavar="FILE",
        help="table with the covariates of the samples of a matrix (--id-column: their names)",
    )  # fmt: skip


def _predict(options: argparse.Namespace) -> int:
    from . import scoring

    predictor = _predictor(options)
    summary = scoring.Summary()
    request = _request(options, options.input, samples=options.samples)
    tables = scoring.predict(predictor, request, summary, seeds=options.seeds)
    with scoring.writer(options.output) as write:
        for table in tables:
            write(table)
    _say(f"{summary.records} records, {summary.unusual} unlike the training inputs")
    _tell_skipped(summary)
    return 0


def _add_variants(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_file(parser, "reference sequences, in a file of any kind of --input", "--reference")
    parser.add_argument("--sequence", metavar="LETTERS", help="the reference itself")
    parser.add_argument(
        "--table", metavar="FILE",
        help="substitutions: columns id, position, ref and alt, or id and variant (A12G;C14T)",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="all single substitutions")


def _variants(options: argparse.Namespace) -> int:
    from . import scoring, substitutions

    if (options.reference is None) == (options.sequence is None):
        raise InputError("Give either --reference or --sequence.")
    if (options.table is None) == (not options.all):
        raise InputError("Give either --table, the substitutions, or --all.")
    predictor = _predictor(options)
    if options.sequence is not None:
        references = substitutions.one_reference(predictor, options.sequence)
    else:
        references = substitutions.read_references(predictor, _request(options, options.reference))
    if options.all:
        wanted = substitutions.every(references, predictor)
    else:
        wanted = substitutions.read_table(options.table, references)
    summary = scoring.Summary()
    tables = substitutions.score(
        predictor, references, wanted, summary, seeds=options.seeds, on_error=options.on_error
    )
    with scoring.writer(options.output) as write:
        for table in tables:
            write(table)
    _say(f"{summary.records} variants of {len(references.ids)} sequences")
    _tell_skipped(summary)
    return 0


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("--seed", type=int, help="one seed alone; by default the mean of all")
    parser.add_argument(
        "--format", choices=["onnx", "torch"], default="onnx",
        help="onnx (the default), or torch: a program of torch.export",
    )  # fmt: skip
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the file to write")


def _export(options: argparse.Namespace) -> int:
    from . import exporting

    exporting.export(options.model, options.output, options.format, options.fold, options.seed)
    _say(f"written: {options.output}")
    return 0


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results", nargs="?", default="results", help="folder of a run's results (default: results)"
    )


def _status(options: argparse.Namespace) -> int:
    from . import progress

    sys.stdout.write(progress.main_table(options.results) + "\n")
    return 0


#: Name: what it does, its options, its work.
COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[..., int]]] = {
    "predict": ("predictions of a trained model for new inputs", _add_predict, _predict),
    "export": ("a trained model as one file for other programs", _add_export, _export),
    "status": ("where the trainings of a run are, while it runs", _add_status, _status),
    "variants": ("what substitutions of letters do to a prediction", _add_variants, _variants),
}


def _request(options: argparse.Namespace, path: str | None, **more: Any) -> Any:
    from .newcomers import Request

    if path is None:
        raise InputError("Give --input, the file with the inputs.")
    names = ("format", "member", "separator", "sequence_column", "id_column", "on_error")
    return Request(path, **{name: getattr(options, name) for name in names}, **more)


def _predictor(options: argparse.Namespace) -> Any:
    import torch

    from .devices import keep_freed_memory
    from .prediction import Predictor

    if options.threads < 0:
        raise InputError("--threads must be one or more.")
    torch.set_num_threads(options.threads or _cores())
    # numbers that are nearly zero take many times as long, and say nothing
    torch.set_flush_denormal(True)
    keep_freed_memory()
    predictor = Predictor(options.model, options.fold)
    for note in predictor.notes:
        _say(note)
    return predictor


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tell_skipped(summary: Any) -> None:
    if summary.skipped:
        more = ", …" if summary.skipped > len(summary.examples) else ""
        _say(f"{summary.skipped} left out: {'; '.join(summary.examples)}{more}")


def _say(text: str) -> None:
    sys.stderr.write(f"biornn: {text}\n")


def parser() -> argparse.ArgumentParser:
    """What may be written on the command line."""
    parser = argparse.ArgumentParser(
        prog="biornn", description="What the biornn workflow has trained: use it, look at it."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (what, add, _) in COMMANDS.items():
        add(commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}."))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 1 for an error that a user can mend, told in a line.

    Mistakes in the options end with status 2.
    """
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="biornn: %(message)s")
    try:
        return COMMANDS[options.command][2](options)
    except InputError as error:
        _say(f"error: {error}")
        return 1
    except BrokenPipeError:
        # who reads has seen enough; what is still to be flushed at the end goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
