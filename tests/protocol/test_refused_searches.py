"""A search that a server refuses in one form is sent in another: protocol P-07, A-09, reliability SSRF-6, SSRF-7.

The URL may be too long (414, then POST `_search`) or `_sort` unknown (400 that names it, then without it).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask import Flask

from cds_service.fhir.connection import MOST_BYTES, ReadFailed, SearchRequest
from cds_service.hooks.services import parameters
from tests.builders.open_mode import app
from tests.builders.service import VIEW, bare, bundle, card_codes, ferritin, is_outcome, is_response, rls
from tests.fakes.fault_server import FaultServer, Line, answer, fault_server, head, status
from tests.protocol.test_fhir_access import chart

__all__ = ["app"]

NAMES_SORT = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","diagnostics":"Unknown _sort"}]}'
NAMES_CODE = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","diagnostics":"Unknown code"}]}'


def refuse(code: int, body: bytes, line: Line) -> None:
    line.send(head(code, len(body)) + body)


def chart_at(line: Line, path: str) -> None:
    """Answer as `chart` does at another path."""
    chart(replace(line, asked=replace(line.asked, path=path)))


def picky(*, longest: int = 10_000, sorts: bool = True, posts: bool = True) -> Any:
    """Return a server with a longest URL, that may not know `_sort` and may not take searches by POST."""

    def behave(line: Line) -> None:
        asked = line.asked
        if asked.method == "POST" and not posts:
            status(405)(line)
        elif len(asked.path) > longest:
            status(414)(line)
        elif not sorts and "_sort" in asked.path + asked.body:
            refuse(400, NAMES_SORT, line)
        elif asked.method == "POST":
            assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
            chart_at(line, asked.path.removesuffix("/_search"))
        else:
            chart(line)

    return behave


def asking(app: Flask, server: FaultServer, **more: Any) -> Any:
    body = bare(fhirServer=server.base, fhirAuthorization={"access_token": "t"}, **more)
    return app.test_client().post(VIEW, json=body)


def searches(server: FaultServer) -> list[tuple[str, str, bool]]:
    """Return method, path and whether it is sorted of each search for results."""
    found = [each for each in server.asked if "/Observation" in each.path]
    return [(each.method, each.path.partition("?")[0], "_sort" in each.path + each.body) for each in found]


GET = ("GET", "/fhir/Observation", True)
UNSORTED = ("GET", "/fhir/Observation", False)


@pytest.mark.control("V4.2.5")
@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (picky(), [GET]),
        (picky(longest=500), [GET, ("POST", "/fhir/Observation/_search", True)]),
        (picky(sorts=False), [GET, UNSORTED]),
        (picky(longest=500, sorts=False), [GET, ("POST", "/fhir/Observation/_search", True),
                                           ("POST", "/fhir/Observation/_search", False)]),
    ],
    ids=["takes everything", "short addresses only", "no sorting", "neither"],
)  # fmt: skip
def test_results_are_read_in_the_form_that_the_server_takes(app: Flask, server: Any, expected: Any) -> None:
    with fault_server(server) as running:
        assert "IRONLOW" in card_codes(is_response(asking(app, running)))
        assert searches(running) == expected
        [*_, last] = [each for each in running.asked if "/Observation" in each.path]
        sent = dict(parse_qsl(last.body or last.path.partition("?")[2]))
        wanted = {name: value for name, value in parameters("labs") if name != "_sort" or expected[-1][2]}
        assert sent == wanted | {"patient": "p1"}
        for each in running.asked:
            assert (each.headers["cache-control"], each.headers["authorization"]) == ("no-cache", "Bearer t")


def test_the_narrow_question_is_posted_too(app: Flask) -> None:
    """A server with short URLs sends the first page of many; the page after it cannot be read."""

    def behave(line: Line) -> None:
        narrow = "code=2276-4" in line.asked.body
        if "Observation" not in line.asked.path:
            chart(line)
        elif len(line.asked.path) > 500:
            status(414)(line)
        else:
            results = bundle(ferritin(20)) if narrow else bundle()
            link = [] if narrow else [{"relation": "next", "url": "https://elsewhere.example/other?page=2"}]
            answer(results | {"link": link})(line)

    with fault_server(behave) as server:
        assert "IRONLOW" in card_codes(is_response(asking(app, server)))
        assert sum(each.method == "POST" for each in server.asked) == 2


@pytest.mark.parametrize("code", [400, 403, 404, 405, 501])
def test_a_refusal_of_the_second_form_is_the_end(app: Flask, code: int) -> None:
    def behave(line: Line) -> None:
        if "Observation" not in line.asked.path:
            chart(line)
        else:
            status(414 if line.asked.method == "GET" else code)(line)

    with fault_server(behave) as server:
        [issue] = is_outcome(asking(app, server), 412)
        assert len(searches(server)) == 2
    assert f"labs: the read failed with status {code}" in issue["diagnostics"]


@pytest.mark.parametrize("body", [b"", NAMES_CODE, b"_sort" + b" " * 70_000], ids=["empty", "another", "too long"])
def test_a_400_that_does_not_name_the_sorting_is_final(app: Flask, body: bytes) -> None:
    def behave(line: Line) -> None:
        refuse(400, body, line) if "Observation" in line.asked.path else chart(line)

    with fault_server(behave) as server:
        [issue] = is_outcome(asking(app, server), 412)
        assert searches(server) == [GET]
    assert "labs: the read failed with status 400" in issue["diagnostics"]


def test_a_400_that_breaks_off_is_still_a_400(app: Flask) -> None:
    def behave(line: Line) -> None:
        if "Observation" not in line.asked.path:
            chart(line)
        else:
            line.send(head(400, 1000) + b"_so")
            raise OSError

    with fault_server(behave) as server:
        [issue] = is_outcome(asking(app, server), 412)
    assert "labs: the read failed with status 400" in issue["diagnostics"]


def test_a_server_that_always_names_the_sorting_is_asked_twice(app: Flask) -> None:
    def behave(line: Line) -> None:
        refuse(400, NAMES_SORT, line) if "Observation" in line.asked.path else chart(line)

    with fault_server(behave) as server:
        is_outcome(asking(app, server), 412)
        assert searches(server) == [GET, UNSORTED]


BASE = "https://ehr.example.org/api/fhir/r4"
TOO_LONG, NO_SORT = ReadFailed("http-414", status=414), ReadFailed("http-400", status=400, names_sort=True)


@pytest.mark.parametrize(
    ("url", "form", "refusal", "other"),
    [
        ("/Observation?a=1&b=2", None, TOO_LONG, ("/Observation/_search", b"a=1&b=2")),
        ("/Observation/_search", b"a=1", TOO_LONG, None),
        ("/Observation", None, TOO_LONG, None),
        ("/Observation?", None, TOO_LONG, None),
        # pages and records that are read by id are no searches of a type
        ("?_getpages=1", None, TOO_LONG, None),
        ("/Patient/p1", None, TOO_LONG, None),
        ("/Observation?a=1&_sort=-date&_count=200", None, NO_SORT, ("/Observation?a=1&_count=200", None)),
        ("/Observation?_sort=-date", None, NO_SORT, None),
        ("/Observation?a=1", None, NO_SORT, None),
        ("/Observation?a=1&x_sort=-date", None, NO_SORT, None),
        ("/Observation/_search", b"a=1&_sort=-date", NO_SORT, ("/Observation/_search", b"a=1")),
        ("/Observation/_search", b"a=1", NO_SORT, None),
        ("/Observation?a=1&_sort=-date", None, ReadFailed("http-400", status=400), None),
        ("/Observation?a=1", None, ReadFailed("http-404", status=404), None),
    ],
)
def test_the_form_that_a_refusal_leaves_open(url: str, form: Any, refusal: ReadFailed, other: Any) -> None:
    found = SearchRequest(BASE + url, form).after(refusal)
    assert found == (other and SearchRequest(BASE + other[0], other[1]))


@pytest.mark.parametrize("path", ["", "/fhir", "/api/FHIR/R4", "/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d", "/a/b/c/d"])
def test_a_base_with_any_path_is_read_below_it(app: Flask, path: str) -> None:
    """Reads, searches, posted searches and pages, also of a server that names itself without its host."""

    def behave(line: Line) -> None:
        asked = line.asked
        seen.append((asked.method, asked.path.partition("?")[0]))
        below = "/fhir" + asked.path.removeprefix(path)
        if "Observation" not in asked.path:
            chart_at(line, below)
        elif asked.method == "GET" and "page=2" not in asked.path:
            status(414)(line)
        elif asked.method == "POST":
            first = {"resourceType": "Bundle", "link": [{"relation": "next", "url": f"{path}/Observation?page=2"}]}
            answer(first)(line)
        else:
            chart_at(line, below)

    seen: list[tuple[str, str]] = []
    with fault_server(behave) as server:
        body = bare(fhirServer=server.address + path, prefetch={"conditions": bundle(rls())})
        assert "IRONLOW" in card_codes(is_response(app.test_client().post(VIEW, json=body)))
    assert {("GET", f"{path}/Patient/p1"), ("POST", f"{path}/Observation/_search")} < set(seen)
    assert seen.count(("GET", f"{path}/Observation")) >= 2  # the search, and its second page
    assert all(where.startswith(f"{path}/") for _, where in seen)


def test_a_huge_refusal_is_not_read_to_its_end(app: Flask) -> None:
    """The connection ends once enough was read to look for the name of a parameter."""

    def behave(line: Line) -> None:
        if "Observation" not in line.asked.path:
            chart(line)
            return
        line.send(head(400, 100 * MOST_BYTES))
        while not line.is_gone(0):
            line.send(b" " * 65536)
        raise OSError

    with fault_server(behave) as server:
        [issue] = is_outcome(asking(app, server), 412)
    assert "labs: the read failed with status 400" in issue["diagnostics"]
