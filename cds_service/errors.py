"""The one map from faults to HTTP status and OperationOutcome.

Refusal
├── BadRequest          400  every fault of the request at once
├── NotAuthenticated    401  constant body, gives no reason
├── NotAllowed          403
├── NoSuchService       404
├── DataMissing         412  names the prefetch keys
├── BodyTooLarge        413
├── UnsupportedBody     415
├── TooManyRequests     429  Retry-After
└── Overloaded          503  Retry-After

Faults of the store carry their own status; whatever else is raised is a bug: 500 with a correlation id, no word more.
No body holds text of the request, of a FHIR resource, or of a library's exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from cards.revise import Digits
from cds_service.log import log_bug
from cds_service.store.faults import StoreError

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: where, what was found (its shape, never its text), what is allowed."""

    location: str
    found: str
    allowed: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.location or 'The body'} is {self.found}; allowed: {self.allowed}. {self.next_step}"


class Refusal(Exception):
    """A request that is answered with an OperationOutcome. `details` are sentences of ours."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"  # FHIR issue type
    text: ClassVar[str] = "The request cannot be answered."

    def __init__(self, *details: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*details)
        self.details = details
        self.headers = dict(headers or {})

    def issues(self) -> list[dict[str, Any]]:
        return [issue(self.code, self.text, "; ".join(self.details))]


class BadRequest(Refusal):
    """The request does not follow CDS Hooks; lists all faults at once."""

    text = "The request is not a CDS Hooks request of this service."

    def __init__(self, faults: Iterable[Fault | str]) -> None:
        self.faults = tuple(faults)
        super().__init__(*(str(fault) for fault in self.faults))

    def issues(self) -> list[dict[str, Any]]:
        return [
            issue(self.code, str(fault), expression=fault.location if isinstance(fault, Fault) else "")
            for fault in self.faults
        ]


class NotAuthenticated(Refusal):
    """The caller did not prove who it is; the answer is the same whatever was wrong (J-17, JWT-11)."""

    status, code, text = 401, "login", "Authentication is required."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class NotAllowed(Refusal):
    status, code, text = 403, "forbidden", "This client may not use this service."


class NoSuchService(Refusal):
    status, code, text = 404, "not-found", "There is no such service. GET /cds-services lists them."


class DataMissing(Refusal):
    """Needed data was neither prefetched nor readable (E-01); `keys` are prefetch keys."""

    status, code = 412, "required"
    text = "Clinical data that the answer needs was not supplied and could not be read."

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = tuple(keys)
        super().__init__(f"Missing prefetch keys: {', '.join(self.keys)}")


class BodyTooLarge(Refusal):
    status, code, text = 413, "too-long", "The body is larger than this service reads."


class UnsupportedBody(Refusal):
    status, code, text = 415, "not-supported", "The body must be sent as application/json without Content-Encoding."


class TooManyRequests(Refusal):
    """`seconds` until the client may try again."""

    status, code, text = 429, "throttled", "Too many requests from this client."

    def __init__(self, seconds: int = 1) -> None:
        super().__init__(headers={"Retry-After": str(seconds)})


class Overloaded(Refusal):
    status, code, text = 503, "transient", "The service is busy. Try again in a second."

    def __init__(self, *details: str) -> None:
        super().__init__(*details, headers={"Retry-After": "1"})


def issue(code: str, text: str, diagnostics: str = "", expression: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"severity": "error", "code": code, "details": {"text": text}}
    return (
        found
        | ({"diagnostics": diagnostics} if diagnostics else {})
        | ({"expression": [expression]} if expression else {})
    )


def outcome(status: int, issues: list[dict[str, Any]], headers: Mapping[str, str] | None = None) -> Response:
    """An OperationOutcome as the body of an answer."""
    body = orjson.dumps({"resourceType": "OperationOutcome", "issue": issues})
    return Response(body, status, dict(headers or {}), content_type=JSON_TYPE)


def json_answer(content: Any, status: int = 200) -> Response:
    """JSON with its members in the order they were given in (D-20); never NaN (T-07)."""
    raw = orjson.dumps(content, _as_written, orjson.OPT_PASSTHROUGH_DATACLASS)
    return Response(raw, status, content_type=JSON_TYPE)


def _as_written(value: object) -> orjson.Fragment:
    """A number of the request, digit by digit (T-06)."""
    if isinstance(value, Digits):
        return orjson.Fragment(value.text)
    raise TypeError(type(value).__name__)


def install_errors(app: Flask) -> None:
    """Answer every fault in JSON; the only catch-all of the service."""
    app.register_error_handler(Refusal, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(StoreError, _refuse_store)
    app.register_error_handler(Exception, report_bug)


def _refuse(fault: Refusal) -> Response:
    return outcome(fault.status, fault.issues(), fault.headers)


_HTTP_FAULTS: Mapping[int, tuple[str, str]] = {
    404: ("not-found", "There is nothing at this address. GET /cds-services lists the services."),
    405: ("not-supported", "This address does not answer this method; the header Allow names those it does."),
}


def _refuse_http(fault: HTTPException) -> Response:
    status = fault.code if fault.code and fault.code >= 400 else 400
    code, text = _HTTP_FAULTS.get(status, ("invalid", "The request cannot be answered."))
    allowed = getattr(fault, "valid_methods", None)
    return outcome(status, [issue(code, text)], {"Allow": ", ".join(sorted(allowed))} if allowed else None)


def _refuse_store(fault: StoreError) -> Response:
    if fault.status == 507:
        return outcome(507, [issue("no-store", "There is no room left to keep what was sent. Nothing was kept.")])
    text = "What must be recorded could not be recorded. Nothing was kept; send the same call again."
    return outcome(503, [issue("transient", text)], {"Retry-After": "1"})


def report_bug(fault: BaseException) -> Response:
    """A fault of ours: its kind and place go to the log, only the correlation id goes out (LOG-7)."""
    request_id = g.get("request_id", "")
    log_bug(fault, request_id)
    return outcome(500, [issue("exception", "The service failed.", f"Correlation id: {request_id}")])
