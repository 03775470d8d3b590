"""Show the traceback of a 500 in a failing test, since the service logs only type and location (reliability LOG-7)."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.web.log import LOGGER


class _Tracebacks(logging.Handler):
    """Prints the exception that is being handled while a bug is logged; pytest shows it if the test fails."""

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
