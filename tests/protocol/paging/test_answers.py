"""Answers about charts of many pages, whether they can be read to their end or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cds_service.config.profiles import open_client
from tests.builders.service import (
    SIGN,
    VIEW,
    application,
    bare,
    bundle,
    card_codes,
    is_outcome,
    is_response,
    settings,
)
from tests.fakes.fault_server import fault_server, hang
from tests.fakes.hapi import Hapi
from tests.protocol.paging.cases import CASES, DRAFT, chart, on_dialysis, without_overload, without_rls


def ask(hapi: Hapi, path: str, deadline_ms: int = 5000) -> TestResponse:
    """Send a call without prefetch, on opening the chart or on signing an order of oral iron."""
    unhurried = settings(profile=replace(open_client("generic"), deadline_ms=deadline_ms))
    with fault_server(hapi) as server, application(unhurried) as app:
        body = bare(fhirServer=server.base)
        if path == SIGN:
            body |= {"hook": "order-sign", "context": body["context"] | {"draftOrders": bundle(DRAFT)}}
        return app.test_client().post(path, json=body)


def cards(hapi: Hapi, path: str, deadline_ms: int = 5000) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = is_response(ask(hapi, path, deadline_ms))["cards"]
    return found


def codes(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return card_codes({"cards": found})


@pytest.mark.slow
@pytest.mark.parametrize("leads_on", [1_000, 0], ids=["whole", "cut"])
@pytest.mark.parametrize(("length", "size"), CASES)
def test_haemochromatosis_as_the_newest_diagnosis_stops_iron(length: int, size: int, leads_on: int) -> None:
    assert codes(cards(Hapi(chart(length), size, leads_on=leads_on), VIEW)) == ["IRONOVL"]
    [stop] = cards(Hapi(chart(length), size, leads_on=leads_on), SIGN)
    assert (codes([stop]), stop["indicator"]) == (["OSIRONOVL"], "critical")


@pytest.mark.slow
@pytest.mark.parametrize("leads_on", [1_000, 0], ids=["whole", "cut"])
@pytest.mark.parametrize(("length", "size"), CASES)
def test_a_patient_without_rls_is_a_quiet_200_however_long_the_history(length: int, size: int, leads_on: int) -> None:
    assert [cards(Hapi(without_rls(length), size, leads_on=leads_on), path) for path in (VIEW, SIGN)] == [[], []]


@pytest.mark.slow
@pytest.mark.parametrize(("length", "size"), CASES)
def test_a_chelator_as_the_newest_drug_stops_iron_or_is_not_excluded(length: int, size: int) -> None:
    whole, cut = Hapi(without_overload(length), size), Hapi(without_overload(length), size, leads_on=0)
    assert codes(cards(whole, VIEW)) == ["IRONOVL"] and codes(cards(whole, SIGN)) == ["OSIRONOVL"]
    if length <= size:
        return
    [card] = cards(cut, VIEW)
    assert (codes([card]), card["indicator"]) == (["IRONLOW"], "info")
    unread = f"drugs ({size} read, the rest: the read failed with status 410)"
    assert unread in card["detail"].split("\n", 1)[0] and "suggestions" not in card
    signed = cards(cut, SIGN)
    assert "NOTEVALUATED" in codes(signed) and unread in signed[-1]["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(("length", "size"), CASES)
def test_dialysis_is_seen_among_many_sessions_or_named_as_unread(length: int, size: int) -> None:
    assert codes(cards(Hapi(on_dialysis(length), size), VIEW)) == ["IRONESRD", "ESRDVITC"]
    if length > size:
        [card] = cards(Hapi(on_dialysis(length), size, leads_on=0), VIEW)
        assert f"procedures ({size} read" in card["detail"].split("\n", 1)[0]
        assert "suggestions" not in card


@pytest.mark.slow
@pytest.mark.parametrize("by_code", ["refused", "ignored"])
@pytest.mark.parametrize(("length", "size"), [case for case in CASES if case[0] > case[1]])
def test_a_server_without_pages_and_search_by_code_is_no_all_clear(length: int, size: int, by_code: str) -> None:
    [issue] = is_outcome(ask(Hapi(chart(length), size, by_code=by_code, leads_on=0), VIEW), 412)
    assert issue["diagnostics"] == (
        f"Missing prefetch keys: labs; labs: {size} read, the rest: the read failed with status 410"
    )
    assert "NOTEVALUATED" in codes(cards(Hapi(chart(length), size, by_code=by_code, leads_on=0), SIGN))


@pytest.mark.slow
def test_an_answer_comes_in_time_with_what_was_read_so_far() -> None:
    [card] = cards(Hapi(without_overload(300), 10, leads_on=2, beyond=hang), VIEW, deadline_ms=4000)
    assert codes([card]) == ["IRONLOW"]
    assert "drugs (30 read, the rest: not read in time)" in card["detail"].split("\n", 1)[0]
