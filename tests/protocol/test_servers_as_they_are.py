"""Servers as they are: their pages, media types, grants and tokens, each in one whole call.

Contract section 5, items 4 and 6; protocol A-01 to A-09, F-06, F-07; reliability SSRF-6, LOG-1.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.builders.open_mode import app
from tests.builders.service import FIRST_READS, VIEW, bare, bundle, card_codes, ferritin, is_outcome, is_response, rls
from tests.fakes.fault_server import Behaviour, FaultServer, Line, answer, fault_server, status
from tests.protocol.paging.cases import many, saturation, weight

__all__ = ["app"]

PERSON = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1974-03-02"}
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
ALL_BUT_LABS = "patient/Patient.rs patient/Condition.rs"


def records(*results: dict[str, Any], lists: tuple[str, ...] = ()) -> Behaviour:
    """Answer with a woman with restless legs syndrome and these results."""

    def behave(line: Line) -> None:
        kind = line.asked.path.partition("?")[0].rpartition("/")[2]
        known = {"p1": PERSON, "Condition": bundle(rls()), "Observation": bundle(*results)}
        answer(known.get(kind, bundle()))(line)

    return behave


WITH_RESULTS = records(ferritin(38), saturation(24))
WITHOUT_RESULTS = records()


def ask(app: Flask, server: FaultServer, base: str = "", **authorization: Any) -> Any:
    more = {"fhirAuthorization": {"access_token": "t", **authorization}} if authorization else {}
    return app.test_client().post(VIEW, json=bare(fhirServer=base or server.base, **more))


# ------------------------------------------------------------------ pages


def two_pages(written: str, expected: str) -> Behaviour:
    """Send the saturation first; the ferritin stands behind the link as written, at the expected path."""

    def behave(line: Line) -> None:
        path, own = line.asked.path, line.server.address
        if path == f"/fhir{expected}":
            answer(bundle(ferritin(38)))(line)
        elif path.startswith("/fhir/Observation?patient=p1&code="):
            link = [{"relation": "next", "url": written.replace("{own}", own).replace("{host}", own[7:])}]
            answer(bundle(saturation(24)) | {"link": link})(line)
        elif path.startswith("/fhir/Observation"):
            status(404)(line)
        else:
            WITH_RESULTS(line)

    return behave


@pytest.mark.row("F-07")
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("/fhir/Observation?page=2", "/Observation?page=2"),
        ("https://{host}/fhir/Observation?page=2", "/Observation?page=2"),
        ("http://internal:8080/fhir?_getpages=a-b&_getpagesoffset=20", "?_getpages=a-b&_getpagesoffset=20"),
        ("HTTPS://INTERNAL/fhir/Observation/?page=2", "/Observation/?page=2"),
        ("//internal/fhir/Observation?page=2", "/Observation?page=2"),
        ("{own}/fhir/Observation?x=a b&page=2", "/Observation?x=a%20b&page=2"),
        ('{own}/fhir/Observation?t={"t":1}', "/Observation?t=%7B%22t%22:1%7D"),
        ("{own}/fhir/Observation?n=é", "/Observation?n=%C3%A9"),
        ("{own}/fhir/Observation?n=%C3%A9&o=%7C|", "/Observation?n=%C3%A9&o=%7C%7C"),
        ("Observation?page=2", "/Observation?page=2"),
        ("?page=2", "/Observation?page=2"),
        ("{own}/fhir?page=2", "?page=2"),
        ("{own}/fhir/Patient/p1/Observation?page=2", "/Patient/p1/Observation?page=2"),
        ("{own}/fhir/Observation/_search?page=2", "/Observation/_search?page=2"),
        ("{own}/fhir/Observation?sessionID=" + "x" * 3_000, "/Observation?sessionID=" + "x" * 3_000),
        ("{own}/fhir/Observation?sessionID=" + "x" * 4_200, "/Observation?sessionID=" + "x" * 4_200),
    ],
)
def test_a_next_page_is_read_below_the_own_base_whatever_the_link_calls_it(
    app: Flask, written: str, expected: str
) -> None:
    with fault_server(two_pages(written, expected)) as server:
        [card] = is_response(ask(app, server))["cards"]
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("IRONLOW", "warning")
    assert "Not read to the end" not in card["detail"]


@pytest.mark.row("F-07")
@pytest.mark.parametrize(
    "written",
    ["/other/Observation?page=2", "https://internal/other?page=2", "/fhir/../admin?page=2", "/fhir\\@evil/?page=2",
     "{own}/fhirs/Observation?page=2", "/fhir/%2e%2e/admin", "{own}/fhir/Observation?page=2\n", "", "#", "data:,x"],
)  # fmt: skip
def test_a_next_page_elsewhere_is_not_read_and_the_list_is_cut(app: Flask, written: str) -> None:
    """The narrow question is all that is asked beyond the first page."""
    with fault_server(two_pages(written, "/never")) as server:
        app.test_client().post(VIEW, json=bare(fhirServer=server.base))
        pages = [each.path for each in server.asked if "/Observation?patient=p1&code=" not in each.path]
        assert len(pages) == len(FIRST_READS) - 1 and not any("page" in path or "admin" in path for path in pages)


@pytest.mark.row("F-06")
@pytest.mark.parametrize(("size", "place", "length"), [(20, 71, 100), (100, 311, 450), (100, 450, 450), (200, 1, 450)])
def test_the_one_ferritin_is_found_on_whatever_page_it_stands(app: Flask, size: int, place: int, length: int) -> None:
    """The server neither sorts nor searches by code, and sends pages of its own size."""
    before = many(place - 1, weight())
    results = [*before, ferritin(38), saturation(24), *many(length - place, weight("after"))]

    def behave(line: Line) -> None:
        path = line.asked.path
        if "/Observation" not in path:
            WITH_RESULTS(line)
            return
        start = int(path.partition("offset=")[2] or 0)
        onward = {"relation": "next", "url": f"Observation?offset={start + size}"}
        link = [onward] if start + size < len(results) else []
        answer(bundle(*results[start : start + size]) | {"link": link})(line)

    with fault_server(behave) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, server)))


# ------------------------------------------------------------------ media types, grants, tokens


@pytest.mark.row("A-09")
@pytest.mark.parametrize("known", ["application/fhir+json", "application/json", "application/json+fhir"])
def test_a_server_of_any_version_finds_a_media_type_that_it_knows(app: Flask, known: str) -> None:
    """A server of DSTU2 refuses what it does not know with 406."""

    def behave(line: Line) -> None:
        offered = [each.partition(";")[0] for each in line.asked.headers["accept"].split(", ")]
        WITH_RESULTS(line) if known in offered else status(406)(line)

    with fault_server(behave) as server:
        assert card_codes(is_response(ask(app, server))) == ["IRONLOW"]


@pytest.mark.row("A-05")
@pytest.mark.parametrize(
    "scope",
    [
        f"{ALL_BUT_LABS} patient/Observation.rs?category={LABORATORY}",
        "patient/Patient.read, patient/Observation.read, patient/Condition.read",
        "Observation.Read (Labs) Condition.Search Patient.Read user/Patient.read",
        "patient/Patient.read patient/Observation.Read patient/Condition.Read",
        "user/*.cruds",
        "system/*.*",
    ],
)
def test_low_iron_is_found_whatever_the_grammar_of_the_grants(app: Flask, scope: str) -> None:
    with fault_server(WITH_RESULTS) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, server, scope=scope)))


@pytest.mark.row("A-05")
def test_a_grant_of_the_laboratory_category_lets_iron_studies_be_suggested(app: Flask) -> None:
    """The category covers what is asked for, and the card names the limit."""
    rest = " ".join(
        f"patient/{each}.rs" for each in ("AllergyIntolerance", "MedicationRequest", "Procedure", "ServiceRequest")
    )
    scope = f"{ALL_BUT_LABS} {rest} patient/Observation.rs?category={LABORATORY}"
    with fault_server(WITHOUT_RESULTS) as server:
        [card] = is_response(ask(app, server, scope=scope))["cards"]
    assert card["source"]["topic"]["code"] == "IRONTEST" and card["suggestions"]
    assert "Access covers laboratory results, not all" in card["detail"]
    assert "Not read to the end" not in card["detail"]


def for_those_with_a_token(line: Line) -> None:
    """Answer strangers with empty lists, as some servers do."""
    WITH_RESULTS(line) if "authorization" in line.asked.headers else answer(bundle())(line)


@pytest.mark.control("LOG-1")
@pytest.mark.parametrize(
    ("token", "sent"),
    [
        ("5|ZNDi5", "5|ZNDi5"),
        ("abc\n", "abc"),
        ("\r\n abc \t", "abc"),
        ("a,b", "a,b"),
        ("a b", "a b"),
        ("a" * 16_384, "a" * 16_384),
    ],
)
def test_a_token_is_sent_as_it_came(app: Flask, token: str, sent: str) -> None:
    with fault_server(for_those_with_a_token) as server:
        assert card_codes(is_response(ask(app, server, access_token=token))) == ["IRONLOW"]
        assert {each.headers["authorization"] for each in server.asked} == {f"Bearer {sent}"}


@pytest.mark.control("LOG-1")
@pytest.mark.parametrize("token", ["a\nb", "a\r\nX-Evil: 1", "☃", "é", "a\tb", "\x00", "\n", " ", "a" * 16_385])
def test_nothing_is_read_in_place_of_a_token_that_cannot_be_sent(app: Flask, token: str) -> None:
    with fault_server(for_those_with_a_token) as server:
        [issue] = is_outcome(ask(app, server, access_token=token), 412)
        assert server.connections == 0
    assert issue["diagnostics"].endswith("conditions: the access token could not be used")
