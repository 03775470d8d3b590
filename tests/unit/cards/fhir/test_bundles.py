"""What a prefetch value or a FHIR answer says about its list (product.md section 5; cds-hooks F-01 to F-13)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cards.facts.chart import Gap, Listing
from cards.fhir.bundles import Listed, next_link, self_link, total_of, unwrap

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
        ({"resourceType": "Bundle", "entry": [RESULT]}, 1, Listing.COMPLETE),
        ({"entry": [{"resource": RESULT}]}, 1, Listing.COMPLETE),
        ({"resourceType": "Bundle", "entry": {"resource": RESULT}}, 1, Listing.COMPLETE),
        ({"resourceType": "Bundle", "entry": "text"}, 0, Listing.NOT_KNOWN),
        *(({"resourceType": "Bundle", "entry": none}, 0, Listing.COMPLETE) for none in (None, [])),
        *(({"resourceType": "Bundle", "entry": odd}, 0, Listing.CUT) for odd in ({}, [{}], {"x": 1}, [None], [[]])),
        *(({"resourceType": "Bundle", "entry": odd}, 0, Listing.NOT_KNOWN) for odd in ("", 0, False)),
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
        ([RESULT], 1, Listing.CUT),
        ([RESULT, bundle(RESULT)], 2, Listing.CUT),
        ([bundle()], 0, Listing.NOT_KNOWN),
        ([SUPPRESSED], 0, Listing.NOT_KNOWN),
        ([RESULT, ERROR], 1, Listing.NOT_KNOWN),
        (["text", None], 0, Listing.NOT_KNOWN),
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


@pytest.mark.parametrize("severity", ["information", "warning", "success", " Warning"])
@pytest.mark.parametrize(
    ("code", "is_whole"),
    [
        *((code, False) for code in ("incomplete", "timeout", "throttled", "too-costly", "transient", "exception")),
        *((code, False) for code in ("no-store", "lock-error", " Incomplete ")),
        *((code, True) for code in ("suppressed", "forbidden", "security", "processing", "not-supported", "x", None)),
    ],
)
def test_a_note_may_say_that_the_answer_is_not_whole(severity: str, code: str | None, is_whole: bool) -> None:
    """A vendor's notes on what was left out stand in nearly every result and change no list."""
    coded = {"severity": severity, "code": code}
    detailed = {"severity": severity, "code": "processing", "details": {"coding": [{"code": code}]}}
    for issues in ([coded], [{"severity": severity, "code": "informational"}, coded], [detailed], coded):
        note = {"resourceType": "OperationOutcome", "issue": issues}
        held = {"resource": RESULT, "response": {"status": "200", "outcome": note}}
        for value in (
            bundle(RESULT, note),
            bundle(note, RESULT),
            bundle(bundle(RESULT, note)),
            bundle(RESULT) | {"issues": note},
            {"resourceType": "Bundle", "entry": [held]},
            {"response": {}, "resource": bundle(RESULT, note)},
        ):
            found = unwrap(value)
            assert (found.resources, found.gap) == ((RESULT,), None if is_whole else Gap("partial"))
            assert unwrap(value, pages_followed=True).gap == found.gap
        assert (unwrap(bundle(note)).listing is Listing.COMPLETE) is is_whole


def test_a_search_that_found_nothing_and_was_not_whole_is_a_failed_look() -> None:
    issues = [*NOTHING_FOUND["issue"], {"severity": "warning", "code": "incomplete"}]
    assert unwrap(NOTHING_FOUND | {"issue": issues}).refused


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


@pytest.mark.parametrize(
    ("value", "gap"),
    [
        (bundle(RESULT), None),
        (None, None),
        (NOTHING_FOUND, None),
        ("<html>", Gap("shape")),
        ({}, Gap("shape")),
        ({"resource": 5}, Gap("shape")),
        ({"resourceType": "Bundle", "entry": "text"}, Gap("shape")),
        ([], Gap("shape")),
        ([RESULT], Gap("shape")),
        (ERROR, Gap("failed")),
        ([RESULT, ERROR], Gap("failed")),
        (bundle(RESULT, ERROR), Gap("failed")),
        ({"response": {"status": "404"}, "resource": None}, Gap("failed")),
        (bundle(RESULT, {}), Gap("unreadable-entry")),
        (bundle(RESULT, **NEXT), Gap("cut", read=1)),
        (bundle(RESULT, total=40, **NEXT), Gap("cut", read=1, total=40)),
        (bundle(RESULT, total=40), Gap("cut", read=1, total=40)),
        (bundle(RESULT, {}, total=40), Gap("cut", read=1, total=40)),
        (bundle(RESULT, total=1, **NEXT), Gap("cut", read=1)),
        (bundle(bundle(RESULT, **NEXT), PATIENT), Gap("cut", read=1)),
        (bundle("text", bundle(RESULT)), Gap("unreadable-entry")),
    ],
)
def test_what_is_not_complete_has_a_cause(value: Any, gap: Gap | None) -> None:
    listed = unwrap(value)
    assert listed.gap == gap
    assert (listed.listing is Listing.COMPLETE) is (gap is None)


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ([], None),
        (None, None),
        ([{"relation": "self", "url": "x"}], None),
        ([{"relation": "next", "url": "x"}], "x"),
        ([{"relation": " next ", "url": " x "}], " x "),
        ([{"relation": "next"}], ""),
        ([{"relation": "next", "url": 5}], ""),
        ({"relation": "next", "url": "x"}, "x"),
        ([{"relation": "Next", "url": "x"}], "x"),
        ([{"relation": ["self", "next"], "url": "x"}], "x"),
        ([{"relation": [], "url": "x"}, {"rel": "NEXT", "url": "y"}], "y"),
        ([{"relation": "nextpage", "url": "x"}, {"rel": 5}], None),
        ("next", ""),
        (["self", "next"], ""),
        ("nextpage", None),
        ({"next": "x"}, "x"),
        ([{"self": "y", "next": "x"}], "x"),
        ({"next": {"href": "x"}}, ""),
        ({"next": None}, None),
        ({"self": "x"}, None),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_next_page_is_where_the_bundle_says(link: Any, address: str | None, wrapped: bool) -> None:
    page = bundle(RESULT) | {"link": link}
    value = {"response": {"status": "200 OK"}, "resource": page} if wrapped else page
    assert next_link(value) == address
    assert (unwrap(value).listing is Listing.CUT) is (address is not None)


@pytest.mark.parametrize("value", [None, 5, "text", [RESULT], {"resource": {"resource": None}}])
def test_what_is_no_bundle_leads_nowhere_and_counts_nothing(value: Any) -> None:
    assert (next_link(value), self_link(value), total_of(value)) == (None, "", 0)


@pytest.mark.parametrize(
    "kind", ["observation", "OBSERVATION ", "fhir:Observation", "Observation/1", "http://hl7.org/fhir/Observation"]
)
def test_an_entry_whose_type_is_no_type_is_a_hole(kind: str) -> None:
    """What it holds is not known, so the list proves no absence."""
    found = unwrap(bundle(RESULT, RESULT | {"resourceType": kind}))
    assert len(found.resources) == 1
    assert (found.listing, found.gap) == (Listing.CUT, Gap("unreadable-entry"))


def test_a_failure_inside_a_bundle_stays_one_beside_a_whole_one() -> None:
    failed, whole = bundle(RESULT, ERROR), bundle(RESULT)
    for entries in ((failed, whole), (whole, failed)):
        assert unwrap(bundle(*entries)).listing is Listing.NOT_KNOWN


# ------------------------------------------------------------------ what carries resources, and is no Bundle of entries


def parameters(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "r", "resource": each} for each in resources]}


def parts(*resources: Any) -> dict[str, Any]:
    inner = [{"name": "r", "resource": each} for each in resources]
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "all", "part": inner}, {"name": "n", "valueCode": "x"}],
    }


def a_list(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "List", "contained": list(resources), "entry": [{"item": {"reference": "#x"}}]}


@pytest.mark.parametrize("carrier", [parameters, parts, a_list])
def test_what_a_parameters_or_a_list_carries_is_read_and_nothing_says_that_it_is_all(carrier: Any) -> None:
    for value in (
        carrier(RESULT),
        bundle(carrier(RESULT)),
        bundle(PATIENT, carrier(RESULT)),
        {"resource": carrier(RESULT)},
    ):
        found = unwrap(value, kind="Observation")
        assert [each["resourceType"] for each in found.resources][-1] == "Observation"
        assert (found.listing, found.gap) == (Listing.CUT, Gap("shape"))
    assert unwrap(carrier(), kind="Observation").gap == Gap("shape")
    assert unwrap(carrier(RESULT, ERROR)).refused
    assert unwrap(carrier("text", RESULT)).listing is Listing.CUT


@pytest.mark.parametrize("carrier", [parameters, parts])
def test_a_bundle_that_a_parameters_carries_says_how_far_it_was_read(carrier: Any) -> None:
    assert unwrap(carrier(bundle(RESULT))) == unwrap(bundle(RESULT))
    assert unwrap(carrier(bundle(RESULT, **NEXT))).gap == Gap("cut", read=1)
    assert unwrap(carrier(bundle(RESULT), bundle(PATIENT))).listing is Listing.CUT


def test_contained_resources_have_no_name_outside_their_list() -> None:
    [found] = unwrap(a_list(RESULT | {"id": "x"})).resources
    assert found == {name: value for name, value in RESULT.items() if name != "id"}


def test_a_list_or_parameters_without_resources_only_accompanies() -> None:
    for empty in (
        a_list(),
        parameters(),
        {"resourceType": "Parameters", "parameter": [{"name": "n", "valueCode": "x"}]},
    ):
        assert unwrap(bundle(RESULT, empty)).listing is Listing.COMPLETE
    assert unwrap(a_list(), kind="List").resources == (a_list(),)


def test_carriers_in_carriers_end_somewhere() -> None:
    value: Any = RESULT
    for _ in range(50):
        value = parameters(value)
    assert unwrap(value).listing is Listing.NOT_KNOWN and unwrap(bundle(RESULT, value)).listing is Listing.CUT
    part: Any = {"name": "r", "resource": RESULT}
    for _ in range(5000):
        part = {"name": "r", "part": [part]}
    assert unwrap({"resourceType": "Parameters", "parameter": [part]}).resources == (RESULT,)


@pytest.mark.parametrize("name", ["entries", "Entry", "items", "resources", "data"])
def test_resources_under_another_name_than_entry_are_a_hole(name: str) -> None:
    for other in ([{"resource": RESULT}], [RESULT], {"resource": RESULT}, {"entry": [{"resource": RESULT}]}):
        beside = unwrap(bundle(PATIENT) | {name: other})
        assert (beside.resources, beside.gap) == ((PATIENT,), Gap("unreadable-entry"))
        for alone in ({"resourceType": "Bundle", name: other}, bundle() | {name: other}):
            assert unwrap(alone).gap == Gap("shape")
    for nothing in ([], {}, "text", [{"code": "x"}], None, 5):
        assert unwrap(bundle(PATIENT) | {name: nothing}).listing is Listing.COMPLETE
    for known in ("link", "extension", "modifierExtension", "signature", "issues"):
        assert unwrap(bundle(PATIENT) | {known: {"resourceType": "OperationOutcome"}}).listing is Listing.COMPLETE


@pytest.mark.parametrize("total", [40, 40.0, "40", " 40 ", "40.0", "4e1", "4E+1", "+40", [40], "40.", Decimal(40), 4e1])
def test_a_total_is_read_in_every_form_of_a_whole_number(total: Any) -> None:
    listed = unwrap(bundle(RESULT, total=total))
    assert listed.listing is Listing.CUT and listed.gap == Gap("cut", read=1, total=40)
    forty = [RESULT | {"id": str(number)} for number in range(40)]
    assert unwrap(bundle(*forty, total=total)).listing is Listing.COMPLETE
    assert unwrap(bundle(*[{"resourceType": "Observation"}] * 40, total=total)).listing is Listing.COMPLETE


def test_a_total_counts_each_match_once_and_nothing_that_the_search_added() -> None:
    other = RESULT | {"id": "2"}
    for mode in ("include", "outcome", " Include"):
        added = {"resource": other, "search": {"mode": mode}}
        found = unwrap({"resourceType": "Bundle", "total": 2, "entry": [{"resource": RESULT}, added]})
        assert (len(found.resources), found.gap) == (2, Gap("cut", read=1, total=2))
        inner = {"resourceType": "Bundle", "entry": [{"resource": RESULT}, added]}
        assert unwrap(bundle(inner, total=2)).gap == Gap("cut", read=1, total=2)
    assert unwrap(bundle(RESULT, dict(RESULT), total=2)).gap == Gap("cut", read=1, total=2)
    for more in (other, RESULT | {"code": {"text": "x"}}, {"resourceType": "Condition", "id": "1"}):
        for mode in ({}, {"search": {"mode": "match"}}, {"search": {"mode": None}}, {"search": "x"}):
            matched = [{"resource": each, **mode} for each in (RESULT | {"code": {"text": "y"}}, more)]
            entries = {"resourceType": "Bundle", "total": 2, "entry": matched}
            assert unwrap(entries).listing is Listing.COMPLETE


@pytest.mark.parametrize(
    "total", [True, "", "many", "40 of 41", 40.5, "40,0", {"value": 40}, [], None, -40, "-40", "nan"]
)
def test_what_is_no_whole_number_is_no_total(total: Any) -> None:
    assert unwrap(bundle(RESULT, total=total)).listing is Listing.COMPLETE


@pytest.mark.parametrize("total", ["9e999", "9" * 29, 1e300, 10**40])
def test_a_total_beyond_all_measure_cuts_the_list(total: Any) -> None:
    assert unwrap(bundle(RESULT, total=total)).listing is Listing.CUT


_BLANKS = ("Observation ", " Observation", "Observation\n", "\u00a0Observation")
_HOLDERS: tuple[Callable[[Any], Any], ...] = (
    lambda each: each,
    lambda each: [each],
    lambda each: bundle(each),
    lambda each: {"resourceType": "Bundle ", "entry": [each]},
    lambda each: bundle({"resourceType": " Bundle", "entry": [{"resource": each, "fullUrl": "urn:uuid:1"}]}),
    lambda each: {"resourceType": "List ", "contained": [each]},
    lambda each: {"resourceType": "Parameters", "parameter": [{"resource": each}]},
    lambda each: {"response": {}, "resource": each},
)


@pytest.mark.parametrize("holder", _HOLDERS)
@pytest.mark.parametrize("kind", _BLANKS)
def test_blanks_around_a_type_are_cut_off_once(kind: str, holder: Callable[[Any], Any]) -> None:
    listed = unwrap(holder({"resourceType": kind, "id": "1"}), kind="Observation")
    assert [each["resourceType"] for each in listed.resources] == ["Observation"]
    assert all(any(each is held for held in listed.resources) for _, each in listed.addresses)


def test_a_failure_with_a_blank_behind_its_type_is_one() -> None:
    assert unwrap(bundle(RESULT, ERROR | {"resourceType": "OperationOutcome "})).refused


_MANY = [{"system": "urn:local", "code": str(number)} for number in range(101)]
_AT_MOST = _MANY[:100]


@pytest.mark.parametrize(
    "place",
    [
        *({name: {"coding": _MANY}} for name in ("code", "medicationCodeableConcept", "medication")),
        {"code": [{"coding": _MANY}]},
        {"code": [{"text": "x"}] * 101},
        {"medication": {"concept": {"coding": _MANY}}},
        {"component": [{"code": {"coding": _MANY}}]},
        {"contained": [{"resourceType": "Medication", "code": {"coding": _MANY}}]},
    ],
)
def test_a_resource_with_more_codes_than_are_read_cuts_its_list(place: dict[str, Any]) -> None:
    for value in (bundle(RESULT | place), RESULT | place):
        listed = unwrap(value)
        assert (listed.listing, listed.gap) == (Listing.CUT, Gap("unreadable-entry"))
        assert len(listed.resources) == 1


@pytest.mark.parametrize(
    "place",
    [
        {"code": {"coding": _AT_MOST}},
        {"component": [{"code": {"coding": _AT_MOST}}, "x"]},
        {"category": [{"coding": _MANY}]},
        {"code": "x", "component": None, "contained": "x"},
        {"medication": {"concept": {"concept": {"coding": _MANY}}}},
    ],
)
def test_other_resources_cut_nothing(place: dict[str, Any]) -> None:
    assert unwrap(bundle(RESULT | place)).listing is Listing.COMPLETE
