"""Lists of many pages: read to their end if possible, else cut, with narrow questions (reliability SSRF-6, DOS-7)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from cards.facts.chart import Gap, Listing
from cards.reading.resource_types import MORE_DRUGS
from cards.wording.render import render_gap
from cds_service.calls.gather import Gathered, gather
from cds_service.fhir.parallel import MOST_AT_ONCE
from cds_service.hooks.prefetch import sent_lists
from cds_service.hooks.request import HookRequest
from cds_service.hooks.services import parameters_for_codes, query
from tests.builders.service import bundle, ferritin, rls
from tests.fakes.fault_server import FaultServer, Line, answer, fault_server, hang, page, status
from tests.fakes.hapi import OWN_BASE, Hapi
from tests.protocol.paging.asking import KEYS, asked, ids
from tests.protocol.paging.cases import CASES, HAEMOCHROMATOSIS, NEWEST, chart, condition, many, medication, weight

LISTS = ("conditions", "medications", "procedures", "labs")
NOTHING: frozenset[str] = frozenset()
DIAGNOSES = frozenset({"rls", "overload", "probable-overload"})
RESULTS = frozenset({"ferritin", "tsat", "iron", "tibc", "uibc", "transferrin"})
PROVEN = {"conditions": DIAGNOSES, "labs": RESULTS, "medications": NOTHING, "procedures": NOTHING}
#: The start of the paths of the narrow questions.
NARROW_PATHS = {"conditions": "Condition?patient=p1&code=G25.81", "labs": "Observation?patient=p1&code=2276-4"}
#: Seconds for an immediate answer on a busy machine while something else hangs.
SHORT = 2.5


def gathered(hapi: Hapi, **how: Any) -> Gathered:
    with fault_server(hapi) as server:
        return asked(server, **how)


def narrow_paths(server: FaultServer, key: str) -> list[str]:
    return [each.path for each in server.asked if each.path.startswith(f"/fhir/{NARROW_PATHS[key]}")]


@pytest.mark.slow
@pytest.mark.row("F-06")
@pytest.mark.parametrize("says_total", [True, False])
@pytest.mark.parametrize(("length", "size"), CASES)
def test_a_list_is_read_to_its_end_while_time_lasts(length: int, size: int, says_total: bool) -> None:
    found = gathered(Hapi(chart(length), size, says_total))
    for key in LISTS:
        listed = found.lists[key]
        assert (listed.listing, len(listed.resources), listed.gap) == (Listing.COMPLETE, length, None), key
        assert ids(found, key)[-1] == NEWEST.get(key, f"session-{length - 1}")
    assert found.gaps == {}


@pytest.mark.slow
@pytest.mark.row("F-06")
@pytest.mark.parametrize("says_total", [True, False])
@pytest.mark.parametrize(("length", "size"), CASES)
def test_an_unreadable_list_is_cut_with_its_narrow_answers(length: int, size: int, says_total: bool) -> None:
    """The decisive diagnosis and result are found; nothing is proven about drugs and procedures."""
    found = gathered(Hapi(chart(length), size, says_total, leads_on=0))
    is_cut = length > size
    for key in LISTS:
        listed = found.lists[key]
        assert listed.listing is (Listing.CUT if is_cut else Listing.COMPLETE)
        assert listed.answered == (PROVEN[key] if is_cut else NOTHING)
        gap = Gap("status", status=410, read=size, total=length if says_total else None)
        assert listed.gap == (gap if is_cut else None)
        assert len(ids(found, key)) == len(set(ids(found, key)))
    assert "haemochromatosis" in ids(found, "conditions") and "ferritin" in ids(found, "labs")
    assert ("deferasirox" in ids(found, "medications")) is not is_cut


def test_pages_end_at_the_deadline_and_delay_no_narrow_question() -> None:
    """Every list has hundreds of entries and a page that never arrives; the pages before it count."""
    found = gathered(Hapi(chart(300), 10, leads_on=2, beyond=hang), seconds=SHORT)
    for key in LISTS:
        listed = found.lists[key]
        assert (listed.listing, listed.gap) == (Listing.CUT, Gap("deadline", read=30)), key
        assert listed.answered == PROVEN[key]
    assert "haemochromatosis" in ids(found, "conditions") and "ferritin" in ids(found, "labs")


@pytest.mark.parametrize("by_code", ["refused", "ignored", "nothing"])
def test_nothing_is_proven_by_a_server_that_does_not_search_by_code(by_code: str) -> None:
    """The server refuses, sends everything without end, or finds less than its own first page holds."""
    records = dict(chart(70))
    records["Observation"] = [ferritin(50, name="older", on="2025-12-01"), *records["Observation"]]
    found = gathered(Hapi(records, by_code=by_code, leads_on=0))
    for key in ("conditions", "labs"):
        assert (found.lists[key].listing, found.lists[key].answered) == (Listing.CUT, NOTHING)


def test_a_server_that_sends_everything_proves_the_absence() -> None:
    sent = page("http://elsewhere.example/2", "c0", kind="Condition") | {"total": 45}
    found = gathered(Hapi(chart(45), by_code="ignored"), prefetch={"conditions": sent})
    assert found.lists["conditions"].answered == DIAGNOSES
    assert "haemochromatosis" in ids(found, "conditions")
    assert found.gaps["conditions"] == Gap("cut-elsewhere", read=1, total=45)


@pytest.mark.control("DOS-7")
def test_at_most_twelve_reads_run_at_once() -> None:
    orders = [medication(f"r{n}", "") | {"medicationReference": {"reference": f"Medication/{n}"}} for n in range(10)]
    records = chart(300)
    hapi = Hapi({**records, "MedicationRequest": [*orders, *records["MedicationRequest"]]}, 10)
    with fault_server(hapi) as server:
        asked(server)
        assert sum(each.path.startswith("/fhir/Medication/") for each in server.asked) == 10
    assert 1 < hapi.most_at_once <= MOST_AT_ONCE == 12


@pytest.mark.slow
def test_medications_that_orders_refer_to_do_not_wait_for_the_pages_of_other_lists() -> None:
    """Medications of drafts and active orders are read in parallel to the pages."""
    active = medication("m1", "") | {"medicationReference": {"reference": "Medication/a"}}
    stopped = medication("m2", "") | {"status": "stopped", "medicationReference": {"reference": "Medication/b"}}
    records = {**chart(300), "Medication": [{"resourceType": "Medication", "id": name} for name in ("a", "b")]}
    hapi = Hapi({**records, "MedicationRequest": [active, stopped]}, 10, leads_on=2, beyond=hang)
    found = gathered(hapi, seconds=SHORT)
    assert ids(found, "medications") == ["m1", "m2", "a", "b"]
    hapi = Hapi(
        {**records, "MedicationRequest": [active, stopped, *records["MedicationRequest"]]}, 10, beyond=hang, leads_on=2
    )
    found = gathered(hapi, seconds=SHORT)
    assert "a" in ids(found, "medications") and "b" not in ids(found, "medications")


def test_a_diagnosis_entered_a_minute_ago_is_seen() -> None:
    before = many(19, condition("c", "I10"), first=[rls()])
    hapi = Hapi({**chart(20), "Condition": before})
    with fault_server(hapi) as server:
        assert "haemochromatosis" not in ids(asked(server), "conditions")
        hapi.records = {**hapi.records, "Condition": [*before, HAEMOCHROMATOSIS]}
        remembered = requests.get(f"{server.base}/Condition?patient=p1&_count=200", timeout=5).json()
        assert "haemochromatosis" not in str(remembered), "the stand-in answers from memory where it may"
        assert "haemochromatosis" in ids(asked(server), "conditions")


GONE = page(f"{OWN_BASE}?_getpages=gone&_getpagesoffset=1") | {"total": 9}


@pytest.mark.parametrize("by_code", ["answered", "refused"])
@pytest.mark.parametrize(
    ("sent", "gap"),
    [
        (bundle(rls()) | {"total": 66}, Gap("cut", read=1, total=66)),
        (page("http://elsewhere.example/x?page=2"), Gap("cut-elsewhere", read=0)),
        ({"resourceType": "Bundle", "entry": [{"resource": rls()}, {}]}, Gap("unreadable-entry")),
        (GONE, Gap("cut-elsewhere", read=0, total=9)),
        ({"response": {"status": "200"}, "resource": GONE}, Gap("cut-elsewhere", read=0, total=9)),
    ],
)
def test_a_list_sent_in_part_gets_its_narrow_question(sent: dict[str, Any], gap: Gap, by_code: str) -> None:
    with fault_server(Hapi(chart(10), by_code=by_code)) as server:
        found = asked(server, prefetch={"conditions": sent}, keys=("conditions",))
        assert [each.path for each in server.asked] == narrow_paths(server, "conditions")
    assert (found.lists["conditions"].listing, found.gaps["conditions"]) == (Listing.CUT, gap)
    assert found.lists["conditions"].answered == (DIAGNOSES if by_code == "answered" else NOTHING)
    assert ("haemochromatosis" in ids(found, "conditions")) is (by_code == "answered")
    assert found.sources == {"conditions": "prefetch"}


@pytest.mark.row("F-06")
def test_without_a_server_a_list_that_was_sent_in_part_stays_cut() -> None:
    sent = {"conditions": page("http://ehr.example/2", "c1", kind="Condition") | {"total": 66}, "labs": [ferritin(20)]}
    found = gather(HookRequest("patient-view", "i", "p1", "u", prefetch=sent), sent_lists(sent, KEYS), None)
    assert {key: render_gap(gap) for key, gap in found.gaps.items()} == {
        "conditions": "1 of 66 read",
        "labs": "sent in a shape that is not FHIR",
        **dict.fromkeys(("patient", "medications", "procedures", "orders"), "not sent"),
    }
    assert not any(listed.answered for listed in found.lists.values())


@pytest.mark.row("F-09")
def test_resources_without_a_bundle_count_where_the_list_cannot_be_read() -> None:
    """If the list can be read, it is read whole."""
    sent = {"labs": [ferritin(20)]}
    with fault_server(Hapi(chart(10))) as server:
        whole = asked(server, prefetch=sent, keys=("labs",))
        server.otherwise = status(404)
        part = asked(server, prefetch=sent, keys=("labs",))
    assert (ids(whole, "labs")[-1], whole.gaps, whole.sources) == ("ferritin", {}, {"labs": "read"})
    assert (ids(part, "labs"), part.gaps, part.sources) == (["l1"], {"labs": Gap("shape")}, {"labs": "prefetch"})


@pytest.mark.parametrize(
    "content",
    [
        bundle(HAEMOCHROMATOSIS | {"subject": {"reference": "Patient/p2"}}),
        bundle(weight()),
        page("http://elsewhere.example/", kind="Condition"),
        {"resourceType": "Bundle", "entry": [{}]},
        {"resourceType": "Bundle", "total": 1},
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-supported"}]},
        [rls()],
        "text",
    ],
    ids=["foreign", "another type", "cut", "hole", "short", "failed", "array", "shape"],
)
def test_an_incomplete_answer_proves_nothing(content: Any) -> None:
    with fault_server(Hapi(chart(45), leads_on=0), {NARROW_PATHS["conditions"]: answer(content)}) as server:
        found = asked(server)
    assert found.lists["conditions"].answered == NOTHING and found.lists["labs"].answered == RESULTS
    assert found.gaps["conditions"] == Gap("status", status=410, read=20)


def test_a_list_that_is_complete_does_not_wait_for_its_narrow_question() -> None:
    with fault_server(Hapi(chart(45)), dict.fromkeys(NARROW_PATHS.values(), hang)) as server:
        began = time.monotonic()
        found = asked(server)
        assert time.monotonic() - began < 10
    assert all(found.lists[key].listing is Listing.COMPLETE for key in LISTS)


def test_a_partly_covered_list_gets_no_narrow_question() -> None:
    scope = "patient/*.r patient/Observation.rs patient/Condition.rs?category=encounter-diagnosis"
    with fault_server(Hapi(chart(45), leads_on=0)) as server:
        found = asked(server, scope=scope, keys=("conditions", "labs"))
        assert (len(narrow_paths(server, "conditions")), len(narrow_paths(server, "labs"))) == (0, 1)
    assert found.lists["conditions"].answered == NOTHING and found.lists["labs"].answered == RESULTS


def test_an_uncovered_list_gets_no_narrow_question() -> None:
    sent = {"conditions": page("http://elsewhere.example/2", "c1", kind="Condition")}
    with fault_server(Hapi(chart(45))) as server:
        found = asked(server, prefetch=sent, scope="patient/Observation.rs", keys=("conditions", "medications"))
        assert server.asked == []
    assert found.gaps == {"conditions": Gap("cut-elsewhere", read=1), "medications": Gap("scope")}


def test_a_complete_list_gets_no_narrow_question() -> None:
    with fault_server(Hapi(chart(10))) as server:
        assert asked(server).narrow_queries == ()
        assert len(server.asked) == len((*KEYS, *MORE_DRUGS))


def test_narrow_questions_are_among_the_recorded_queries() -> None:
    first, second = gathered(Hapi(chart(45), leads_on=0), keys=("conditions",)).queries
    assert first == "Condition?patient={{context.patientId}}&_count=200"
    assert second.startswith(query("Condition", parameters_for_codes("G25.81")).removesuffix("&_count=200") + ",")
    assert second.endswith("&_count=200")


def test_a_narrow_question_without_an_answer_is_no_recorded_query() -> None:
    (only,) = gathered(Hapi(chart(45), leads_on=0, by_code="refused"), keys=("conditions",)).queries
    assert only == "Condition?patient={{context.patientId}}&_count=200"


def counting(total: Callable[[int], int | None]) -> Callable[[Line], None]:
    """Answer with two pages of one result each, both with a total."""

    def behave(line: Line) -> None:
        number = 2 if "page=2" in line.asked.path else 1
        said, onward = total(number), None if number == 2 else f"{line.server.base}/Observation?page=2"
        content = bundle(weight(f"w{number}")) | {"link": page(onward).get("link", [])}
        answer(content if said is None else content | {"total": said})(line)

    return behave


@pytest.mark.parametrize(
    ("total", "gap"),
    [
        (lambda number: None, None),
        (lambda number: 1, None),
        (lambda number: 2, None),
        (lambda number: 2 if number == 1 else 1, None),
        (lambda number: 3, Gap("cut", read=2, total=3)),
        (lambda number: 3 if number == 2 else None, Gap("cut", read=2, total=3)),
    ],
)
def test_a_total_above_the_number_read_means_that_entries_are_missing(
    total: Callable[[int], int | None], gap: Gap | None
) -> None:
    """A smaller total means nothing, since some servers count the page."""
    with fault_server(counting(total), {NARROW_PATHS["labs"]: status(400)}) as server:
        found = asked(server, keys=("labs",))
    assert found.lists["labs"].gap == gap
    assert len(found.lists["labs"].resources) == 2
