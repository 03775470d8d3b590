"""A small read-only FHIR R4 server over the synthetic patients, for the demonstration and for tests.

It reads and searches (GET, and POST `_search`), keeps no state and answers every question with CORS headers.
Unknown parameters and modifiers are ignored, and one OperationOutcome entry of severity information says how many,
as `Prefer: handling=lenient` has it; with `handling=strict` they are 400.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable

from flask import Blueprint, Flask, Request, Response, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from fhir_fixtures.capability import capability_statement
from fhir_fixtures.loading import PatientFile, Resource
from fhir_fixtures.search import PARAMETERS, SearchValueError
from fhir_fixtures.searchset import NO_QUIRKS, Quirks, SearchError, read_query, searchset

PAGE_SIZE = 100
FHIR_JSON = "application/fhir+json"

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, Prefer",
    "Access-Control-Max-Age": "600",
}


class _Rest(BaseConverter):
    """The path after the base address, doubled slashes too: a base typed with a last slash asks `//metadata`."""

    regex = ".*"
    part_isolating = False


class Store:
    """The resources of all patients by type and id; never changed after it was built."""

    def __init__(self, patients: Iterable[PatientFile]) -> None:
        self._by_kind: dict[str, dict[str, Resource]] = defaultdict(dict)
        for patient in patients:
            for resource in patient.resources():
                self._by_kind[resource["resourceType"]].setdefault(resource["id"], resource)

    def all(self, kind: str) -> Iterable[Resource]:
        return self._by_kind[kind].values() if kind in self._by_kind else ()

    def find(self, reference: str) -> Resource | None:
        """The resource behind `Type/id`, or None."""
        kind, _, name = reference.partition("/")
        return self._by_kind[kind].get(name) if kind in self._by_kind else None


def fhir_blueprint(
    patients: Iterable[PatientFile], *, quirks: Quirks = NO_QUIRKS, page_size: int = PAGE_SIZE
) -> Blueprint:
    """The server as a blueprint, to be registered under the path of its base address (for example `/fhir`)."""
    store = Store(patients)
    fhir = Blueprint("fhir", __name__)

    def answer(rest: str) -> Response:
        path = [part for part in rest.split("/") if part]
        try:
            return _answer(store, path, _base(), quirks, page_size)
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
    patients: Iterable[PatientFile], *, quirks: Quirks = NO_QUIRKS, page_size: int = PAGE_SIZE, prefix: str = "/fhir"
) -> Flask:
    """An application with nothing but this server under `prefix`."""
    app = Flask("fhir_fixtures")
    app.register_blueprint(fhir_blueprint(patients, quirks=quirks, page_size=page_size), url_prefix=prefix)
    return app


def _base() -> str:
    """The address this server was asked under, without a slash at its end."""
    return url_for(str(request.endpoint), rest="", _external=True).rstrip("/")


def _know_rest(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["rest"] = _Rest


def _answer(store: Store, path: list[str], base: str, quirks: Quirks, page_size: int) -> Response:
    if request.method == "OPTIONS":
        return Response(status=204)
    if not _reads_json(request):
        return _outcome(406, "not-supported", "This server answers in JSON only.")
    if path == ["metadata"]:
        return _found(capability_statement(base)) if _is_read() else _read_only()
    if not path or path[0] not in PARAMETERS:
        return _outcome(404, "not-found", "There is no such resource type here.")
    if len(path) == 1 or path[1:] == ["_search"]:
        return _search(store, path, base, quirks, page_size)
    if not _is_read():
        return _read_only()
    resource = store.find("/".join(path))
    return _found(resource) if resource else _outcome(404, "not-found", "There is no resource with this id here.")


def _search(store: Store, path: list[str], base: str, quirks: Quirks, page_size: int) -> Response:
    posted = request.method == "POST"
    if posted != (len(path) == 2) or not (posted or _is_read()):
        return _read_only()
    if posted and request.mimetype not in ("", "application/x-www-form-urlencoded"):
        return _outcome(415, "not-supported", "A search is posted as application/x-www-form-urlencoded.")
    pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
    query = read_query(path[0], pairs, page_size=page_size, quirks=quirks)
    if query.ignored and "handling=strict" in request.headers.get("Prefer", ""):
        return _outcome(400, "not-supported", f"{len(query.ignored)} search parameter(s) are not supported.")
    return _found(searchset(query, store.all(path[0]), store.find, base, quirks))


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
