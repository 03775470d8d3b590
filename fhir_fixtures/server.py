"""A small read-only FHIR R4 server over the synthetic patients, for the demo and for tests.

It supports reads and searches (GET, and POST `_search`), keeps no state, and sends CORS headers with every response.
Parameters, modifiers and values that are not supported are ignored and counted in an OperationOutcome entry of severity
information, as with `Prefer: handling=lenient`; with `handling=strict` they are answered with 400.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import parse_qsl

from flask import Blueprint, Flask, Request, Response, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.exceptions import ClientDisconnected
from werkzeug.routing import BaseConverter

from fhir_fixtures.capability import capability_statement
from fhir_fixtures.loading import PatientFile, Resource
from fhir_fixtures.search import PARAMETERS, SearchValueError
from fhir_fixtures.searchset import NO_QUIRKS, Quirks, SearchError, read_query, searchset

PAGE_SIZE = 100
FHIR_JSON = "application/fhir+json"
#: Bytes of a posted search that are read, and beyond that are thrown away so that the client sees the answer.
LONGEST_FORM, _MOST_DISCARDED = 256 * 1024, 8 * 1024 * 1024
_FORM = "application/x-www-form-urlencoded"
_PIECE = 64 * 1024
#: One preference of `Prefer` (RFC 7240): blanks, quotes and case as one likes.
_STRICT = re.compile(r'handling\s*=\s*"?strict"?\s*(?:;.*)?', re.IGNORECASE)

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, Prefer",
    "Access-Control-Max-Age": "600",
}


class _Rest(BaseConverter):
    """A URL converter for the path below the base address.

    It accepts doubled slashes, since a base with a trailing slash gives `//metadata`.
    """

    regex = ".*"
    part_isolating = False


class ResourceIndex:
    """The resources of all patients by type and id; read-only once built."""

    def __init__(self, patients: Iterable[PatientFile]) -> None:
        self._by_kind: dict[str, dict[str, Resource]] = defaultdict(dict)
        for patient in patients:
            for resource in patient.resources():
                self._by_kind[resource["resourceType"]].setdefault(resource["id"], resource)

    def all(self, kind: str) -> Iterable[Resource]:
        """Return all resources of a type."""
        return self._by_kind[kind].values() if kind in self._by_kind else ()

    def find(self, reference: str) -> Resource | None:
        """Return the resource with the reference `Type/id`, or None."""
        kind, _, name = reference.partition("/")
        return self._by_kind[kind].get(name) if kind in self._by_kind else None


def fhir_blueprint(
    patients: Iterable[PatientFile], *, quirks: Quirks = NO_QUIRKS, page_size: int = PAGE_SIZE
) -> Blueprint:
    """Create the server as a blueprint, to be registered under its base path (for example `/fhir`)."""
    index = ResourceIndex(patients)
    fhir = Blueprint("fhir", __name__)

    def answer(rest: str) -> Response:
        path = [part for part in rest.split("/") if part]
        try:
            return _answer(index, path, _base(), quirks, page_size)
        except SearchError as fault:
            return _outcome(fault.status, fault.code, fault.text)
        except SearchValueError:
            return _outcome(400, "invalid", "A search parameter has a value that is not written as its type demands.")

    fhir.after_request(_with_cors)
    fhir.record(_know_rest)
    fhir.add_url_rule(
        "/<rest:rest>", "answer", answer, methods=_METHODS, provide_automatic_options=False, merge_slashes=False
    )
    return fhir


def create_fhir_app(
    patients: Iterable[PatientFile], *, quirks: Quirks = NO_QUIRKS, page_size: int = PAGE_SIZE
) -> Flask:
    """Create an application with only this server, under `/fhir`."""
    app = Flask("fhir_fixtures")
    app.register_blueprint(fhir_blueprint(patients, quirks=quirks, page_size=page_size), url_prefix="/fhir")
    return app


def _base() -> str:
    """Return the base address of the request, without a trailing slash."""
    return url_for(str(request.endpoint), rest="", _external=True).rstrip("/")


def _know_rest(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["rest"] = _Rest


def _answer(index: ResourceIndex, path: list[str], base: str, quirks: Quirks, page_size: int) -> Response:
    if request.method == "OPTIONS":
        return Response(status=204)
    if not _reads_json(request):
        return _outcome(406, "not-supported", "This server answers in JSON only.")
    if path == ["metadata"]:
        return _found(capability_statement(base)) if _is_read() else _read_only()
    if not path or path[0] not in PARAMETERS:
        return _outcome(404, "not-found", "There is no such resource type here.")
    if len(path) == 1 or path[1:] == ["_search"]:
        return _search(index, path, base, quirks, page_size)
    if not _is_read():
        return _read_only()
    resource = index.find("/".join(path))
    return _found(resource) if resource else _outcome(404, "not-found", "There is no resource with this id here.")


def _search(index: ResourceIndex, path: list[str], base: str, quirks: Quirks, page_size: int) -> Response:
    posted = request.method == "POST"
    if posted != (len(path) == 2) or not (posted or _is_read()):
        return _read_only()
    if posted and request.mimetype not in ("", _FORM):
        return _outcome(415, "not-supported", f"A search is posted as {_FORM}.")
    pairs = [*request.args.items(multi=True), *(_form(request) if posted else ())]
    query = read_query(path[0], pairs, page_size=page_size, quirks=quirks)
    if query.ignored and _is_strict(request):
        return _outcome(400, "not-supported", f"{len(query.ignored)} search parameter(s) are not supported.")
    return _found(searchset(query, index.all(path[0]), index.find, base, quirks))


def _form(asked: Request) -> list[tuple[str, str]]:
    """Return the parameters of a posted search, whether its length is announced or it comes in chunks.

    Werkzeug drops a form that is longer than it likes, and a search without parameters finds everybody.
    """
    body, length = b"", 0
    try:
        while length <= _MOST_DISCARDED and (piece := asked.stream.read(_PIECE)):
            length += len(piece)
            body += piece if length <= LONGEST_FORM else b""
    except (OSError, ClientDisconnected) as fault:
        raise SearchError(400, "incomplete", "The posted search ends before its end.") from fault
    if length > LONGEST_FORM:
        raise SearchError(413, "too-long", f"A posted search has {LONGEST_FORM} bytes at most.")
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _is_strict(asked: Request) -> bool:
    preferences = ",".join(asked.headers.getlist("Prefer")).split(",")
    return any(_STRICT.fullmatch(each.strip()) for each in preferences)


def _reads_json(asked: Request) -> bool:
    accepted = [kind for kind, _ in asked.accept_mimetypes]
    return not accepted or any("json" in kind or kind in ("*/*", "application/*") for kind in accepted)


def _is_read() -> bool:
    return request.method in ("GET", "HEAD")


def _read_only() -> Response:
    answer = _outcome(405, "not-supported", "This server is read-only.")
    answer.headers["Allow"] = "GET, HEAD, POST, OPTIONS"
    return answer


def _found(resource: Resource) -> Response:
    return _json(200, resource)


def _outcome(status: int, code: str, text: str) -> Response:
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return _json(status, {"resourceType": "OperationOutcome", "issue": [issue]})


def _json(status: int, resource: Resource) -> Response:
    return Response(json.dumps(resource, ensure_ascii=False), status, content_type=f"{FHIR_JSON}; charset=utf-8")


def _with_cors(answer: Response) -> Response:
    answer.headers.update(_CORS)
    return answer
