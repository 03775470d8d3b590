"""What a prefetch value or a FHIR answer says about its list (product.md section 5; cds-hooks F-01 to F-13)."""

from __future__ import annotations

from typing import Any

import pytest

from cards.chart import Listing
from cards.reading import Listed, unwrap

RESULT = {"resourceType": "Observation", "id": "1"}
PATIENT = {"resourceType": "Patient", "id": "7"}


def outcome(
    severity: str | None, code: str = "", words: str = "", system: str = "urn:oid:1.2.840.114350"
) -> dict[str, Any]:
    issue: dict[str, Any] = {"code": "processing"}
    if severity:
        issue["severity"] = severity
    if code:
        issue["details"] = {"coding": [{"system": system, "code": code}], "text": words}
    elif words:
        issue["diagnostics"] = words
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def bundle(*resources: Any, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": each} for each in resources],
        **members,
    }


NEXT = {"link": [{"relation": "self", "url": "x"}, {"relation": "next", "url": "y"}]}
SUPPRESSED = outcome("warning", "59204", "suppressed")
OUTSIDE = outcome(
    "information", words="Client not authorized - Outside Record Results. Results of this type have not been included."
)
NOTHING_FOUND = outcome("warning", "4101", "Resource request returns no results.")
ERROR = outcome("error", words="backend down")


@pytest.mark.parametrize(
    ("value", "count", "listing"),
    [
        (None, 0, Listing.COMPLETE),
        ({"resourceType": "Bundle", "type": "searchset", "total": 0}, 0, Listing.COMPLETE),
        (bundle(), 0, Listing.COMPLETE),
        (bundle(RESULT), 1, Listing.COMPLETE),
        (RESULT, 1, Listing.COMPLETE),
        (bundle(RESULT, **NEXT), 1, Listing.CUT),
        (bundle(**NEXT), 0, Listing.CUT),
        (bundle(RESULT, total=1), 1, Listing.COMPLETE),
        (bundle(RESULT, RESULT, total=1), 2, Listing.COMPLETE),
        (bundle(RESULT, total=40), 1, Listing.CUT),
        (bundle(RESULT, total=True), 1, Listing.COMPLETE),
        (bundle(total=3), 0, Listing.CUT),
        (bundle(None), 0, Listing.CUT),
        (bundle(RESULT, {}), 1, Listing.CUT),
        (bundle(RESULT, "text"), 1, Listing.CUT),
        ({"resourceType": "Bundle", "entry": [RESULT]}, 0, Listing.CUT),
        ({"resourceType": "Bundle", "entry": {"resource": RESULT}}, 1, Listing.COMPLETE),
        ({"resourceType": "Bundle", "entry": "text"}, 0, Listing.NOT_KNOWN),
        (bundle(bundle(RESULT), RESULT), 2, Listing.COMPLETE),
        (bundle(bundle(RESULT, **NEXT)), 1, Listing.CUT),
        ({"response": {"status": "200 OK"}, "resource": bundle(RESULT)}, 1, Listing.COMPLETE),
        ({"response": {}, "resource": None}, 0, Listing.COMPLETE),
        ({"response": {"status": "404"}, "resource": bundle(RESULT)}, 0, Listing.NOT_KNOWN),
        ("123", 0, Listing.NOT_KNOWN),
        ("<html>", 0, Listing.NOT_KNOWN),
        (5, 0, Listing.NOT_KNOWN),
        (True, 0, Listing.NOT_KNOWN),
        ([], 0, Listing.NOT_KNOWN),
        ([RESULT], 0, Listing.NOT_KNOWN),
        ({}, 0, Listing.NOT_KNOWN),
        ({"resourceType": ""}, 0, Listing.NOT_KNOWN),
        ({"resourceType": 5}, 0, Listing.NOT_KNOWN),
        (ERROR, 0, Listing.NOT_KNOWN),
        (NOTHING_FOUND, 0, Listing.COMPLETE),
        (SUPPRESSED, 0, Listing.NOT_KNOWN),
        ({"resourceType": "OperationOutcome"}, 0, Listing.NOT_KNOWN),
        (outcome("error", "4101"), 0, Listing.NOT_KNOWN),
        (bundle(RESULT, SUPPRESSED), 1, Listing.COMPLETE),
        (bundle(NOTHING_FOUND), 0, Listing.COMPLETE),
        (bundle(NOTHING_FOUND, total=1), 0, Listing.CUT),
        (bundle(RESULT, outcome("success")), 1, Listing.COMPLETE),
        (bundle(RESULT, ERROR), 1, Listing.NOT_KNOWN),
        (bundle(RESULT, outcome("fatal")), 1, Listing.NOT_KNOWN),
        (bundle(RESULT, outcome(None)), 1, Listing.NOT_KNOWN),
        (bundle(RESULT, {"resourceType": "OperationOutcome"}), 1, Listing.NOT_KNOWN),
    ],
)
def test_how_far_a_list_can_be_trusted(value: Any, count: int, listing: Listing) -> None:
    listed = unwrap(value)
    assert (len(listed.resources), listed.listing) == (count, listing)


@pytest.mark.parametrize(
    ("value", "withheld"),
    [
        (bundle(RESULT, SUPPRESSED), True),
        (bundle(OUTSIDE), True),
        (bundle(outcome("information", "1", "some were suppressed")), True),
        # the standard's own code for it, without a vendor's
        (bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "suppressed"}]}), True),
        (bundle(NOTHING_FOUND), False),
        (bundle(outcome("information", "59100", "unknown parameter ignored")), False),
        (bundle(RESULT), False),
        (bundle(bundle(SUPPRESSED)), True),
    ],
)
def test_a_note_may_say_that_results_were_left_out(value: Any, withheld: bool) -> None:
    assert unwrap(value).withheld is withheld


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (ERROR, True),
        (bundle(ERROR), True),
        ({"response": {"status": "403"}, "resource": {}}, True),
        ("123", False),
        ({}, False),
    ],
)
def test_a_failed_look_is_told_from_nothing_sent(value: Any, refused: bool) -> None:
    assert unwrap(value).refused is refused


def test_an_entry_that_failed_is_a_failed_read() -> None:
    listed = unwrap({"resourceType": "Bundle", "entry": [{"response": {"status": "403 Forbidden"}}]})
    assert (listed.listing, listed.refused) == (Listing.NOT_KNOWN, True)


def test_whoever_followed_all_pages_has_a_complete_list() -> None:
    assert unwrap(bundle(RESULT, total=40, **NEXT), pages_followed=True).listing is Listing.COMPLETE


def test_a_read_that_brings_another_resource_was_not_asked_for() -> None:
    assert unwrap(RESULT, kind="Patient").listing is Listing.NOT_KNOWN
    assert unwrap(PATIENT, kind="Patient") == Listed((PATIENT,))
    assert unwrap(bundle(PATIENT), kind="Patient") == Listed((PATIENT,))


def test_bundles_in_bundles_end_somewhere() -> None:
    value: Any = RESULT
    for _ in range(50):
        value = bundle(value)
    assert unwrap(value).listing is Listing.CUT
    for _ in range(5000):
        value = {"resource": value}
    assert unwrap(value).listing is Listing.NOT_KNOWN


def test_a_bundle_that_is_cut_stays_so_beside_a_whole_one() -> None:
    cut, whole = bundle(RESULT, **NEXT), bundle(PATIENT)
    for entries in ((cut, whole), (whole, cut)):
        assert unwrap(bundle(*entries)).listing is Listing.CUT
    assert unwrap(bundle(whole, whole)).listing is Listing.COMPLETE


def test_that_results_were_left_out_may_stand_beside_a_code_alone() -> None:
    display = "Results of this type have not been included."
    note = {"severity": "information", "details": {"coding": [{"code": "1", "display": display}]}}
    assert unwrap(bundle(RESULT, {"resourceType": "OperationOutcome", "issue": [note]})).withheld


@pytest.mark.parametrize("followed", [True, False])
def test_whether_pages_were_followed_holds_inside_an_older_answer_too(followed: bool) -> None:
    older = {"response": {"status": "200 OK"}, "resource": bundle(RESULT, **NEXT)}
    listing = unwrap(older, pages_followed=followed).listing
    assert listing is (Listing.COMPLETE if followed else Listing.CUT)


def test_a_failure_inside_a_bundle_stays_one_beside_a_whole_one() -> None:
    failed, whole = bundle(RESULT, ERROR), bundle(RESULT)
    for entries in ((failed, whole), (whole, failed)):
        assert unwrap(bundle(*entries)).listing is Listing.NOT_KNOWN
