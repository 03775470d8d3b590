"""Shows the traceback of a 500 in a failing test: the service itself tells only the kind and place of a bug (LOG-7)."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.log import LOGGER


class _Tracebacks(logging.Handler):
    """Writes what is being handled while a bug is logged; captured by pytest, shown where a test fails."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "bug":
            print(traceback.format_exc(), file=sys.stderr)


@contextmanager
def bugs_shown() -> Iterator[None]:
    shown = _Tracebacks()
    LOGGER.addHandler(shown)
    try:
        yield
    finally:
        LOGGER.removeHandler(shown)
