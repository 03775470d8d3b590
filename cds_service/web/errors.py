"""Map exceptions to HTTP status codes and OperationOutcomes.

Refusal
├── BadRequest          400  the first 20 faults of the request at once, the rest counted
├── NotAuthenticated    401  constant body, gives no reason
├── Forbidden           403  a page of the console, asked for from where it may not be
├── NoSuchService       404
├── NoSuchCard          404
├── DataMissing         412  names the prefetch keys
├── BodyTooLarge        413
├── UnsupportedBody     415
├── TooManyRequests     429  Retry-After
├── Overloaded          503  Retry-After
├── NotReady            503  Retry-After, names the faults
├── TooCostly           503  more computing than the deadline of the client allows
└── NoRoom              507

Store errors carry their own status. Anything else is a bug and is answered with 500 and a correlation id only.
No response holds text of the request, of a FHIR resource, or of a library's exception. Why a request is refused is
noted for the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

import orjson
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from cards.facts.chart import DRAFTS, Gap
from cards.presenting.draft_update import Digits
from cards.wording.render import render_gap
from cds_service.store.databases.faults import StoreError
from cds_service.web.log import log_bug
from cds_service.web.request_notes import note_refusal

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class RequestFault:
    """One fault of a request: its location, what was found there (its shape, never its text), and what is allowed.

    `rule` is the keyword of the JSON Schema that was broken, if it was one.
    """

    location: str
    found: str
    allowed: str
    next_step: str
    rule: str = ""

    @property
    def pointer(self) -> str:
        """Return the location and what is wrong there, for the log."""
        return f"{self.location or 'body'}: {self.rule or self.found}"

    def __str__(self) -> str:
        return f"{self.location or 'The body'} is {self.found}; allowed: {self.allowed}. {self.next_step}"


class Refusal(Exception):
    """A request that is refused with an OperationOutcome.

    `details` are sent to the client and never quote the request. `reason` only goes to the log, and so does `claimed`,
    the client that a refused token names.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"  # FHIR issue type
    text: ClassVar[str] = "The request cannot be answered."

    def __init__(self, *details: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*details)
        self.details = details
        self.reason = self.claimed = ""
        self.headers = dict(headers or {})

    def issues(self) -> list[dict[str, Any]]:
        """Return the issues of the OperationOutcome."""
        return [issue(self.code, self.text, "; ".join(self.details))]

    def note(self) -> None:
        """Note why the current request is refused."""
        note_refusal(self.reason or "; ".join(self.details))


#: How many faults of a request are named and how many are counted (contract section 3); no more are looked for, since
#: a list of a million wrong values must not occupy the service.
MOST_NAMED, MOST_COUNTED = 20, 1_000


class BadRequest(Refusal):
    """The request is not valid CDS Hooks; the first 20 faults are named at once, the rest is counted."""

    text = "The request is not a CDS Hooks request of this service."

    def __init__(self, faults: Iterable[RequestFault | str]) -> None:
        every = tuple(islice(faults, MOST_COUNTED))
        rest = (
            f"{len(every) - MOST_NAMED}{' or more' if len(every) >= MOST_COUNTED else ''} further faults are not named."
        )
        self.faults = (*every[:MOST_NAMED], *((rest,) if len(every) > MOST_NAMED else ()))
        super().__init__(*(str(fault) for fault in self.faults))

    def issues(self) -> list[dict[str, Any]]:
        return [
            issue(self.code, str(fault), expression=fault.location if isinstance(fault, RequestFault) else "")
            for fault in self.faults
        ]

    def note(self) -> None:
        note_refusal(self.reason, (f.pointer if isinstance(f, RequestFault) else f for f in self.faults))


class NotAuthenticated(Refusal):
    """The caller is not authenticated; the response never says why (protocol J-17, reliability JWT-11)."""

    status, code, text = 401, "login", "Authentication is required."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Refusal):
    """What an operator reads is not shown under this host, or not to a page of another site."""

    status, code, text = 403, "forbidden", "This page is not opened from there."


class NoSuchService(Refusal):
    """The service does not exist, or is off for this client."""

    status, code, text = 404, "not-found", "There is no such service. GET /cds-services lists them."


class NoSuchCard(Refusal):
    """The service has no card of that code."""

    status, code, text = 404, "not-found", "There is no such card. GET the page above it for all of them."


class DataMissing(Refusal):
    """Required data was neither prefetched nor readable (protocol E-01).

    `keys` are prefetch keys, and `DRAFTS` for draft orders that could not be read; `gaps` holds the cause for each,
    where it is known.
    """

    status, code = 412, "required"
    text = "Clinical data that the answer needs was not supplied and could not be read."

    def __init__(self, keys: Iterable[str], gaps: Mapping[str, Gap] | None = None) -> None:
        self.keys = tuple(keys)
        causes = (f"{key}: {render_gap(gaps[key])}" for key in self.keys if gaps and key in gaps)
        keys = ", ".join(key for key in self.keys if key != DRAFTS)
        super().__init__(*([f"Missing prefetch keys: {keys}"] if keys else []), *causes)


class BodyTooLarge(Refusal):
    """The body exceeds a limit of size or complexity."""

    status, code, text = 413, "too-long", "The body is larger than this service reads."


class UnsupportedBody(Refusal):
    """The body is not plain JSON."""

    status, code, text = 415, "not-supported", "The body must be sent as application/json without Content-Encoding."


class TooManyRequests(Refusal):
    """The client exceeded its rate limit and may retry after `seconds`."""

    status, code, text = 429, "throttled", "Too many requests from this client."

    def __init__(self, seconds: int = 1) -> None:
        super().__init__(headers={"Retry-After": str(seconds)})


class Overloaded(Refusal):
    """The service is at capacity."""

    status, code, text = 503, "transient", "The service is busy. Send the call again in a second, with a new token."

    def __init__(self, *details: str) -> None:
        super().__init__(*details, headers={"Retry-After": "1"})


class NotReady(Overloaded):
    """The service cannot answer calls; `details` are the faults."""

    text = "The service is not ready."


class NoRoom(Refusal):
    """What must be recorded cannot be, since the disk of the store is full."""

    status, code, text = 507, "no-store", "There is no room left to keep what was sent. Nothing was kept."


class TooCostly(Refusal):
    """The call needs more computing than its deadline allows; nothing of an answer is sent."""

    status, code = 503, "too-costly"
    text = "Answering this call takes more computing than its deadline allows. Send fewer or smaller resources."

    def __init__(self, stage: str) -> None:
        super().__init__(f"No answer was given after: {stage}")
        self.reason = f"too much computing by the end of: {stage}"


def issue(code: str, text: str, diagnostics: str = "", expression: str = "") -> dict[str, Any]:
    """Return one issue of an OperationOutcome."""
    found: dict[str, Any] = {"severity": "error", "code": code, "details": {"text": text}}
    return (
        found
        | ({"diagnostics": diagnostics} if diagnostics else {})
        | ({"expression": [expression]} if expression else {})
    )


#: The body of a response to what a server cannot parse, before the application is called.
MALFORMED_REQUEST = orjson.dumps(
    {"resourceType": "OperationOutcome", "issue": [issue("invalid", "The request is not HTTP as read here.")]}
)


def operation_outcome(status: int, issues: list[dict[str, Any]], headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with an OperationOutcome as its body."""
    body = orjson.dumps({"resourceType": "OperationOutcome", "issue": issues})
    return Response(body, status, dict(headers or {}), content_type=JSON_TYPE)


def json_response(content: Any) -> Response:
    """Return a JSON response; members keep their order (protocol D-20) and NaN cannot occur (protocol T-07)."""
    raw = orjson.dumps(content, _as_written, orjson.OPT_PASSTHROUGH_DATACLASS)
    return Response(raw, content_type=JSON_TYPE)


def _as_written(value: object) -> orjson.Fragment:
    """Write a number of the request with the digits it was sent with (protocol T-06)."""
    if isinstance(value, Digits):
        return orjson.Fragment(value.text)
    raise TypeError(type(value).__name__)


def install_errors(app: Flask) -> None:
    """Answer every exception in JSON; this holds the only catch-all for requests."""
    app.register_error_handler(Refusal, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(StoreError, _refuse_store)
    app.register_error_handler(Exception, report_bug)


def _refuse(fault: Refusal) -> Response:
    fault.note()
    return operation_outcome(fault.status, fault.issues(), fault.headers)


_HTTP_FAULTS: Mapping[int, tuple[str, str]] = {
    404: ("not-found", "There is nothing at this address. GET /cds-services lists the services."),
    405: ("not-supported", "This address does not answer this method; the header Allow names those it does."),
}


def _refuse_http(fault: HTTPException) -> Response:
    status = fault.code if fault.code and fault.code >= 400 else 400
    code, text = _HTTP_FAULTS.get(status, ("invalid", "The request cannot be answered."))
    allowed = getattr(fault, "valid_methods", None)
    return operation_outcome(status, [issue(code, text)], {"Allow": ", ".join(sorted(allowed))} if allowed else None)


def _refuse_store(fault: StoreError) -> Response:
    note_refusal(fault.reason)
    if fault.status == NoRoom.status:
        return operation_outcome(NoRoom.status, NoRoom().issues())
    text = "What must be recorded could not be recorded in time. Send the call again, with a new token."
    return operation_outcome(503, [issue("transient", text)], {"Retry-After": "1"})


def report_bug(fault: BaseException) -> Response:
    """Log the type and location of a bug, and answer with the correlation id only (reliability LOG-7)."""
    request_id = g.get("request_id", "")
    log_bug(fault, request_id)
    return operation_outcome(500, [issue("exception", "The service failed.", f"Correlation id: {request_id}")])
