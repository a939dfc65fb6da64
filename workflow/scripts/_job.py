"""What all scripts share: a log file, and an error that speaks to people first."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from biornn.allocation import place, rank
from biornn.files import InputError


@contextlib.contextmanager
def job(snakemake: Any) -> Iterator[logging.Logger]:
    """Log to the rule's log file (and, on a terminal, to it); end with one clear line on errors."""
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
    # append: processes that share a training write to the same log
    file = logging.FileHandler(str(snakemake.log[0]), mode="a", encoding="utf-8")
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.INFO if sys.stderr.isatty() else logging.ERROR)
    logger = logging.getLogger("biornn")
    # one voice for all processes of a training
    logger.setLevel(logging.ERROR if rank() else logging.INFO)
    for handler in (file, terminal):
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(file)
    logger.info("%s starts (process %d %s)", snakemake.rule, os.getpid(), place())
    try:
        yield logger
    except InputError as error:
        logger.error("%s: %s", snakemake.rule, error)
        raise SystemExit(1) from None
    except Exception as error:
        logger.error("%s: %s: %s", snakemake.rule, type(error).__name__, error)
        logger.removeHandler(terminal)
        logger.exception("the whole trace:")
        raise SystemExit(1) from None
    logger.info("%s is done", snakemake.rule)
