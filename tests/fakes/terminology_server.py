"""A FHIR terminology server that expands inline value sets: each root into a root and some made-up descendants.

The shapes are those of servers in use: Ontoserver (total, offset, parameters), HAPI (total, each entry with its own
designation, some nested below others) and Snowstorm (no total, and nothing at all beyond the last page).
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SNOMED = "http://snomed.info/sct"
_TIMES = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
          "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")  # fmt: skip
_PERMUTED = ("0123456789", "1576283094", "5803796142", "8916043527",
             "9453126870", "4286573901", "2793806415", "7046913258")  # fmt: skip

Resource = dict[str, Any]


def with_check_digit(digits: str) -> str:
    """Append the check digit that makes these digits a SNOMED code."""
    return next(f"{digits}{last}" for last in "0123456789" if _is_sound(f"{digits}{last}"))


def _is_sound(code: str) -> bool:
    rest = 0
    for index, digit in enumerate(reversed(code)):
        rest = int(_TIMES[rest][int(_PERMUTED[index % 8][int(digit)])])
    return rest == 0


def descendants(root: str, count: int) -> list[str]:
    """Return made-up codes below a root, the same for every run."""
    return [with_check_digit(f"7{root[:6]}{number:05}10") for number in range(count)]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the value set, and which page of it."""

    name: str
    offset: int
    count: int
    headers: dict[str, str]
    valueset: Resource


#: Gets the concepts, offset and count of a page and the value set, and returns status and body.
Shape = Callable[[list[str], int, int, Resource], tuple[int, Any]]


def _contains(codes: list[str]) -> list[Resource]:
    return [{"system": SNOMED, "code": code, "display": f"Concept {code}"} for code in codes]


def ontoserver(codes: list[str], offset: int, count: int, valueset: Resource) -> tuple[int, Any]:
    """Total and offset on every page, the parameters it was asked with, and a warning about the edition."""
    return 200, {
        "resourceType": "ValueSet",
        "url": valueset.get("url"),
        "status": "active",
        "expansion": {
            "identifier": "urn:uuid:9f1c0d9e-0000-4000-8000-000000000001",
            "timestamp": "2026-11-29T10:00:00+10:00",
            "total": len(codes),
            "offset": offset,
            "parameter": [
                {"name": "count", "valueInteger": count},
                {"name": "version", "valueUri": f"{SNOMED}|{SNOMED}/900000000000207008/version/20261101"},
            ],
            "contains": _contains(codes[offset : offset + count]),
        },
    }


def hapi(codes: list[str], offset: int, count: int, valueset: Resource) -> tuple[int, Any]:
    """Total on every page; entries bear designations, and some lie below others."""
    flat = _contains(codes[offset : offset + count])
    for each in flat:
        each["designation"] = [{"language": "en", "value": each["display"]}]
    entries = [{**flat[0], "contains": flat[1:3]}, *flat[3:]] if flat else []
    return 200, {
        "resourceType": "ValueSet",
        "status": "draft",
        "expansion": {"total": len(codes), "offset": offset, "contains": entries},
    }


def hapi_in_memory(codes: list[str], offset: int, count: int, valueset: Resource) -> tuple[int, Any]:
    """Fail where there are more codes than `count`, as HAPI 8.8 does for a value set that is sent to it."""
    if len(codes) - offset > count:
        return outcome(500, "processing", f"HAPI-0831: produced too many codes (maximum {count})")(
            codes, 0, 0, valueset
        )
    return hapi(codes, offset, count, valueset)


def snowstorm(codes: list[str], offset: int, count: int, valueset: Resource) -> tuple[int, Any]:
    """No total, and nothing at all beyond the last page."""
    expansion: Resource = {"timestamp": "2026-11-29T00:00:00+00:00", "offset": offset}
    if offset < len(codes):
        expansion["contains"] = _contains(codes[offset : offset + count])
    return 200, {"resourceType": "ValueSet", "expansion": expansion}


def all_at_once(codes: list[str], offset: int, count: int, valueset: Resource) -> tuple[int, Any]:
    """Takes no notice of offset and count, and sends everything each time, without a total."""
    return 200, {"resourceType": "ValueSet", "expansion": {"contains": _contains(codes)}}


def same_page(codes: list[str], offset: int, count: int, valueset: Resource) -> tuple[int, Any]:
    """Takes no notice of the offset, but counts all there are."""
    return 200, {"resourceType": "ValueSet", "expansion": {"total": len(codes), "contains": _contains(codes[:count])}}


def outcome(status: int, code: str, words: str) -> Shape:
    """Refuse every value set with an OperationOutcome."""
    issue = {"severity": "error", "code": code, "diagnostics": words}
    return lambda codes, offset, count, valueset: (status, {"resourceType": "OperationOutcome", "issue": [issue]})


def plainly(status: int, body: Any = None) -> Shape:
    """Answer with a status and a body, whatever was asked."""
    return lambda codes, offset, count, valueset: (status, body)


@dataclass
class TerminologyServer:
    """A server on a free loopback port.

    shape     how it answers; `shapes` by the name of a value set instead
    below     how many descendants each root has; `many` by the name of a value set instead
    gate      waited for before each answer from the request of that number on, if it is set
    """

    shape: Shape = ontoserver
    shapes: dict[str, Shape] = field(default_factory=dict)
    below: int = 2
    many: dict[str, int] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    gate: threading.Event | None = None
    gate_from: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    base: str = ""

    def answered(self, parameters: Resource, headers: dict[str, str]) -> tuple[int, Any]:
        given = {each["name"]: each for each in parameters["parameter"]}
        valueset = given["valueSet"]["resource"]
        offset = given["offset"]["valueInteger"] if "offset" in given else 0
        count = given["count"]["valueInteger"] if "count" in given else sys.maxsize
        name = valueset["url"].rpartition("/")[2]
        self.asked.append(Asked(name, offset, count, headers, valueset))
        if self.gate is not None and len(self.asked) > self.gate_from:
            self.reached.set()
            self.gate.wait(30)
        codes = list(dict.fromkeys(self.codes(valueset, self.many.get(name, self.below))))
        return self.shapes.get(name, self.shape)(codes, offset, count, valueset)

    def codes(self, valueset: Resource, below: int) -> Iterator[str]:
        """Yield the codes of an inline value set, each root followed by its descendants."""
        for part in valueset["compose"]["include"]:
            assert part["system"] == SNOMED
            yield from (each["code"] for each in part.get("concept", []))
            for condition in part.get("filter", []):
                assert (condition["property"], condition["op"]) == ("concept", "is-a")
                yield condition["value"]
                yield from descendants(condition["value"], below)


@contextmanager
def terminology_server(**how: Any) -> Iterator[TerminologyServer]:
    """Run a terminology server until the block ends."""
    server = TerminologyServer(**how)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            parameters = json.loads(self.rfile.read(length))
            is_ours = self.path == "/fhir/ValueSet/$expand"
            status, body = server.answered(parameters, dict(self.headers)) if is_ours else (404, None)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(raw)))
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/fhir")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    server.base = f"http://127.0.0.1:{httpd.server_address[1]}/fhir"
    try:
        yield server
    finally:
        if server.gate is not None:
            server.gate.set()
        httpd.shutdown()
        thread.join(5)
        httpd.server_close()
