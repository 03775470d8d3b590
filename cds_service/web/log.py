"""Log JSON lines with an allow-list of fields.

Patient data, tokens, text of requests and exception messages are never logged; of an exception only its type and
where it was raised.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

LOGGER = logging.getLogger("rls_cds")

#: Every field that a line may have besides time, level and event.
FIELDS = frozenset(
    {
        "request_id",
        "service",
        "client",
        "status",
        "ms",
        "outcomes",
        "cards",
        "suppressed",
        "held",
        "hook_instance",
        "mode",
    }
    | {"prefetch", "reads", "gaps", "discarded", "fault", "at", "method", "missing", "reason", "card_uuids", "feedback"}
    | {"caller", "claimed", "route", "faults", "not_read", "kid", "bits", "held"}
    | {"version", "settings", "python", "workers", "store"}
)
#: Libraries whose messages hold URLs with patient ids, or the address of the store.
_TALKATIVE = ("urllib3", "requests", "werkzeug._internal", "psycopg", "sqlalchemy.pool")
_SILENT = logging.CRITICAL + 1


#: Escapes all but ASCII, so that no character of a value ends a line, and writes only the type of what is no JSON.
_IN_ASCII = json.JSONEncoder(default=lambda value: type(value).__name__)


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; escaping prevents forged lines (reliability LOG-5)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        fields: Mapping[str, object] = getattr(record, "fields", {})
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in fields.items() if name in FIELDS and value not in (None, "", {})}
        return _IN_ASCII.encode(line)


def log(event: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one line; `event` must be a constant.

    The record is made here, since `Logger.log` walks the stack for the name of a file that no line has.
    """
    if LOGGER.isEnabledFor(level):
        LOGGER.handle(LOGGER.makeRecord(LOGGER.name, level, "", 0, event, (), None, extra={"fields": fields}))


def log_bug(fault: BaseException, request_id: str) -> None:
    """Log the type of an exception and the lines of its traceback, without its message and without values."""
    frames = traceback.extract_tb(fault.__traceback__)[-6:]
    at = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    log("bug", logging.ERROR, request_id=request_id, fault=type(fault).__name__, at=at)


def quieten_libraries() -> None:
    """Silence libraries that log URLs with the patient's id in the query (reliability LOG-3)."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(_SILENT)


def write_log_to(stream: TextIO, level: int = logging.INFO) -> None:
    """Send all log lines to `stream`, replacing earlier handlers; for the command line."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level)
    LOGGER.propagate = False
