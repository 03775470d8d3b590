"""JSON lines, one per call, by allow-list: what is not named here cannot be logged.

Never patient data, tokens, text of a request, or the text of an exception; only its kind and where it was raised.
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

#: Every field a line may have besides time, level and event.
FIELDS = frozenset(
    {"request_id", "service", "client", "status", "ms", "outcomes", "cards", "suppressed", "hook_instance", "mode"}
    | {"prefetch", "reads", "discarded", "fault", "at", "method", "missing", "reason", "card_uuids", "feedback"}
)
#: Libraries whose messages hold addresses with queries.
_TALKATIVE = ("urllib3", "requests", "werkzeug._internal")
_SILENT = logging.CRITICAL + 1


class JsonLines(logging.Formatter):
    """A record as one line of JSON; control characters are escaped, so no line can be forged (LOG-5)."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update((name, value) for name, value in fields.items() if name in FIELDS and value not in (None, "", {}))
        return json.dumps(line, default=lambda value: type(value).__name__)


def log(event: str, level: int = logging.INFO, **fields: object) -> None:
    """Write one line; `event` is a constant of ours."""
    LOGGER.log(level, event, extra={"fields": fields})


def log_bug(fault: BaseException, request_id: str) -> None:
    """The kind of a fault and the lines it passed through, innermost last, without its text and without values."""
    frames = traceback.extract_tb(fault.__traceback__)[-6:]
    at = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    log("bug", logging.ERROR, request_id=request_id, fault=type(fault).__name__, at=at)


def quieten_libraries() -> None:
    """urllib3 logs whole addresses, with the patient's id in the query, at several levels (LOG-3)."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(_SILENT)


def write_log_to(stream: TextIO, level: int = logging.INFO) -> None:
    """Send the lines to `stream`, once; for the command line."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level)
    LOGGER.propagate = False
