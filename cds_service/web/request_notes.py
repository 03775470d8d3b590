"""Notes on the current request, in its WSGI environment: when it came, by which path, from whom, and why it is refused.

The reason of a refusal is for the log; the caller is told what the answer says.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_RECEIVED = "rls_cds.received"
_PATH = "rls_cds.path"
_CALLER = "rls_cds.caller"
_REASON = "rls_cds.reason"
_FAULTS = "rls_cds.faults"


def begin_notes(environ: WSGIEnvironment, path: str, caller: str) -> None:
    """Note the arrival of a request, its path below the public base, and the address of the caller."""
    environ[_RECEIVED], environ[_PATH], environ[_CALLER] = time.monotonic(), path, caller


def received_at() -> float:
    """Return when the current request arrived, in seconds of the monotonic clock."""
    return float(request.environ.get(_RECEIVED, time.monotonic()))


def original_path() -> str:
    """Return the path below the public base before slashes were folded, since tokens may name that path."""
    noted = request.environ.get(_PATH)
    return str(request.path if noted is None else noted)


def caller() -> str:
    """Return the address of the caller, "" where the server does not know it."""
    noted = request.environ.get(_CALLER)
    return str((request.remote_addr or "") if noted is None else noted)


def note_refusal(reason: str, faults: Iterable[str] = ()) -> None:
    """Note why the current request is refused, and which parts of it are faulty; neither quotes the request."""
    request.environ[_REASON], request.environ[_FAULTS] = reason, tuple(faults)


def refusal_reason() -> str:
    """Return why the current request was refused, "" if it was not."""
    return str(request.environ.get(_REASON, ""))


def refused_parts() -> tuple[str, ...]:
    """Return the parts of the current request that were found faulty."""
    return tuple(request.environ.get(_FAULTS, ()))
