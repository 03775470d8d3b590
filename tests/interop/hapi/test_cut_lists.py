"""Lists of many pages on HAPI FHIR, whether they can be read to their end or not: a stop never turns into silence.

The charts are those of `tests/protocol/paging`, where a stand-in pages as HAPI does. Here the pages, the links, the
searches by code and the refusals are HAPI's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.test import TestResponse

from tests.builders.service import SIGN, VIEW, application, bare, bundle, card_codes, is_response, settings
from tests.interop.hapi.records import ANSWERS, of_patient, store
from tests.protocol.paging.cases import (
    CASES,
    DRAFT,
    HAEMOCHROMATOSIS,
    PAGE_SIZES,
    Records,
    chart,
    on_dialysis,
    without_overload,
    without_rls,
)

pytestmark = pytest.mark.interop

#: The rows that run always; the others are the long form.
SHORT = {(10, 10), (25, 10), (25, 20), (70, 10), (70, 20), (70, 100), (300, 100)}


def rows(*, cut: bool = False) -> list[Any]:
    """Return lengths of a list and sizes of a page, those alone of which a page is not the whole list if `cut`."""
    found = [case for case in CASES if not cut or case[0] > case[1]]
    return [pytest.param(*case, marks=() if case in SHORT else pytest.mark.full) for case in found]


#: Under what path a server sends its pages: with its own address, with another, with the first page alone.
WHOLE, PROXIED, GONE = "fhir", "proxied/fhir", "gone/fhir"
CHARTS: Mapping[str, Callable[[int], Records]] = {
    "overload": chart,
    "no-overload": without_overload,
    "no-rls": without_rls,
    "dialysis": on_dialysis,
}
Store = Callable[[str, int], str]


@pytest.fixture(scope="module")
def stored(hapi: str) -> Store:
    """Return a function that stores a chart of a kind and length once, and returns the id of its patient."""

    @cache
    def patient_of(kind: str, length: int) -> str:
        name = f"{kind}-{length}"
        store(f"{hapi}/fhir", of_patient(CHARTS[kind](length), name))
        return name

    return patient_of


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    with application(settings()) as made:
        yield made


def ask(app: Flask, base: str, patient: str, path: str, **more: Any) -> TestResponse:
    """Send a call without prefetch, on opening the chart or on signing an order of oral iron."""
    body = bare(fhirServer=base, **more)
    body["context"]["patientId"] = patient
    if path == SIGN:
        draft = DRAFT | {"subject": {"reference": f"Patient/{patient}"}}
        body |= {"hook": "order-sign", "context": body["context"] | {"draftOrders": bundle(draft)}}
    return app.test_client().post(path, json=body)


def cards(app: Flask, base: str, patient: str, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = is_response(ask(app, base, patient, path))["cards"]
    return found


def codes(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return card_codes({"cards": found})


@pytest.mark.parametrize("how", [WHOLE, PROXIED, GONE])
@pytest.mark.parametrize(("length", "size"), rows())
def test_haemochromatosis_as_the_newest_diagnosis_stops_iron(
    app: Flask, hapi: str, stored: Store, length: int, size: int, how: str
) -> None:
    base, patient = f"{hapi}/{size}/{how}", stored("overload", length)
    assert codes(cards(app, base, patient, VIEW)) == ["IRONOVL"]
    [stop] = cards(app, base, patient, SIGN)
    assert (codes([stop]), stop["indicator"]) == (["OSIRONOVL"], "critical")


@pytest.mark.parametrize("how", [WHOLE, GONE])
@pytest.mark.parametrize(("length", "size"), rows())
def test_a_patient_without_rls_is_a_quiet_200_however_long_the_history(
    app: Flask, hapi: str, stored: Store, length: int, size: int, how: str
) -> None:
    base, patient = f"{hapi}/{size}/{how}", stored("no-rls", length)
    assert [cards(app, base, patient, path) for path in (VIEW, SIGN)] == [[], []]


@pytest.mark.parametrize(("length", "size"), rows())
def test_a_chelator_as_the_newest_drug_stops_iron(app: Flask, hapi: str, stored: Store, length: int, size: int) -> None:
    base, patient = f"{hapi}/{size}/{PROXIED}", stored("no-overload", length)
    assert codes(cards(app, base, patient, VIEW)) == ["IRONOVL"]
    assert codes(cards(app, base, patient, SIGN)) == ["OSIRONOVL"]


@pytest.mark.parametrize(("length", "size"), rows(cut=True))
def test_a_chelator_on_a_page_that_is_gone_is_not_excluded(
    app: Flask, hapi: str, stored: Store, length: int, size: int
) -> None:
    base, patient = f"{hapi}/{size}/{GONE}", stored("no-overload", length)
    [card] = cards(app, base, patient, VIEW)
    assert (codes([card]), card["indicator"]) == (["IRONLOW"], "info")
    unread = f"drugs ({size} read, the rest: the read failed with status 410)"
    assert unread in card["detail"].split("\n", 1)[0] and "suggestions" not in card
    signed = cards(app, base, patient, SIGN)
    assert "NOTEVALUATED" in codes(signed) and unread in signed[-1]["detail"]


@pytest.mark.parametrize(("length", "size"), rows())
def test_dialysis_is_seen_among_many_sessions(app: Flask, hapi: str, stored: Store, length: int, size: int) -> None:
    found = cards(app, f"{hapi}/{size}/{WHOLE}", stored("dialysis", length), VIEW)
    assert codes(found) == ["IRONESRD", "ESRDVITC"]


@pytest.mark.parametrize(("length", "size"), rows(cut=True))
def test_dialysis_on_a_page_that_is_gone_is_named_as_unread(
    app: Flask, hapi: str, stored: Store, length: int, size: int
) -> None:
    [card] = cards(app, f"{hapi}/{size}/{GONE}", stored("dialysis", length), VIEW)
    assert f"procedures ({size} read" in card["detail"].split("\n", 1)[0]
    assert "suggestions" not in card


def test_a_first_page_that_was_sent_stops_iron_by_its_narrow_question(app: Flask, hapi: str, stored: Store) -> None:
    """Its search is gone when the service asks for the rest."""
    base, patient = f"{hapi}/10/{GONE}", stored("overload", 70)
    page = requests.get(f"{base}/Condition?patient={patient}", timeout=ANSWERS).json()
    assert len(page["entry"]) == 10 and {"next"} <= {link["relation"] for link in page["link"]}
    assert requests.get(next_of(page), timeout=ANSWERS).status_code == 410
    [stop] = is_response(ask(app, base, patient, SIGN, prefetch={"conditions": page}))["cards"]
    assert (codes([stop]), stop["indicator"]) == (["OSIRONOVL"], "critical")


def next_of(page: Mapping[str, Any]) -> str:
    return next(str(link["url"]) for link in page["link"] if link["relation"] == "next")


def test_a_diagnosis_filed_since_the_last_search_is_seen(app: Flask, hapi: str) -> None:
    """HAPI answers the same search from memory for a minute, unless it is asked not to."""
    base = f"{hapi}/fhir"
    store(base, of_patient({**without_overload(10), "MedicationRequest": []}, "seen-before"))
    assert codes(cards(app, base, "seen-before", VIEW)) == ["IRONLOW"]
    query = f"{base}/Condition?patient=seen-before&_count=200"
    assert "E83.110" not in requests.get(query, timeout=ANSWERS).text
    newest = HAEMOCHROMATOSIS | {"id": "filed-since", "subject": {"reference": "Patient/seen-before"}}
    store(base, [newest])
    assert "E83.110" not in requests.get(query, timeout=ANSWERS).text, "it answers from memory"
    assert codes(cards(app, base, "seen-before", VIEW)) == ["IRONOVL"]


def test_a_page_is_no_longer_than_the_server_allows(hapi: str, stored: Store) -> None:
    """This gives meaning to the sizes above: the service asks for 200 everywhere."""
    patient = stored("overload", 300)
    for path, size in (("fhir", 50), *((f"{size}/fhir", size) for size in PAGE_SIZES)):
        page = requests.get(f"{hapi}/{path}/Condition?patient={patient}&_count=200", timeout=ANSWERS).json()
        assert len(page["entry"]) == size, path
