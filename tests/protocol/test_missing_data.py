"""Answers to missing data as a table; and that no failure ever adds a suggestion (reliability 2.1 and 2.3)."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_fixtures.clients import PREFETCH_KEYS, hook_request
from fhir_fixtures.loading import PatientFile, draft_names, load_patients
from tests.builders.deadlines import unhurried
from tests.builders.service import (
    NOW,
    OVERLOAD,
    SELECT,
    SIGN,
    TODAY,
    VIEW,
    application,
    bare,
    bundle,
    card_codes,
    ferritin,
    good,
    is_outcome,
    is_response,
    missing_keys,
    prefetch,
    reporting,
    rls,
)
from tests.builders.service import settings as service
from tests.fakes.fault_server import fault_server, hang
from tests.protocol.faults import FAULTS, failed

PATHS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}
PATIENTS = load_patients(TODAY)
KEYS = ("patient", *PREFETCH_KEYS)
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
SEARCH_FAULTS = [name for name in FAULTS if name not in ("cut", "last_half", "not_whole")]


def known(**changes: Any) -> dict[str, Any]:
    """Return a complete prefetch with restless legs syndrome, a low ferritin and nothing else."""
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(38))} | changes
    return bare(prefetch={key: value for key, value in sent.items() if value is not ...})


def broken(key: str, how: str, **changes: Any) -> dict[str, Any]:
    return failed(known(**changes), {key: how})


@pytest.mark.row("E-01", "E-05", "F-05")
@pytest.mark.parametrize("how", SEARCH_FAULTS)
@pytest.mark.parametrize("key", ["patient", "conditions", "labs"])
def test_missing_required_data_is_412_naming_the_key(http: FlaskClient, key: str, how: str) -> None:
    [issue] = is_outcome(http.post(VIEW, json=broken(key, how)), 412)
    assert missing_keys(issue) == key


@pytest.mark.row("E-06", "F-03", "F-04")
@pytest.mark.parametrize(
    ("key", "value", "codes"),
    [
        ("conditions", None, []),
        ("conditions", EMPTY, []),
        ("labs", None, ["IRONTEST"]),
        ("labs", EMPTY, ["IRONTEST"]),
        ("medications", None, ["IRONLOW"]),
        ("procedures", EMPTY, ["IRONLOW"]),
        ("orders", None, ["IRONLOW"]),
    ],
)
def test_what_is_known_to_be_empty_is_an_answer(http: FlaskClient, key: str, value: Any, codes: list[str]) -> None:
    assert card_codes(is_response(http.post(VIEW, json=known(**{key: value})))) == codes


def test_a_null_patient_is_412(http: FlaskClient) -> None:
    is_outcome(http.post(VIEW, json=known(patient=None)), 412)


@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("key", ["medications", "procedures", "orders"])
def test_a_failing_secondary_list_removes_the_suggestions_and_is_named(http: FlaskClient, key: str, how: str) -> None:
    names = {"medications": "drugs", "procedures": "procedures", "orders": "orders already placed"}
    whole = is_response(http.post(VIEW, json=known(labs=None)))
    found = is_response(http.post(VIEW, json=broken(key, how, labs=None)))
    assert card_codes(found) == card_codes(whole) == ["IRONTEST"]
    assert "suggestions" in whole["cards"][0] and "suggestions" not in found["cards"][0]
    first = found["cards"][0]["detail"].splitlines()[0]
    assert first.startswith("**Not read to the end:**") and names[key] in first


@pytest.mark.parametrize("how", ["cut", "last_half"])
def test_a_cut_list_counts_only_with_a_recent_ferritin(http: FlaskClient, how: str) -> None:
    other = ferritin(50, name="old", on="2020-01-01")
    pair = (ferritin(38), other) if how == "cut" else (other, ferritin(38))
    found = is_response(http.post(VIEW, json=broken("labs", how, labs=bundle(*pair))))
    assert card_codes(found) == ["IRONLOW"] and "suggestions" not in found["cards"][0]
    assert found["cards"][0]["detail"].startswith("**Not read to the end:** laboratory results")
    is_outcome(http.post(VIEW, json=broken("labs", how, labs=bundle())), 412)


@pytest.mark.parametrize("how", SEARCH_FAULTS)
def test_a_stop_that_needs_no_results_stands_beside_one_that_says_the_rest_was_not_judged(
    http: FlaskClient, how: str
) -> None:
    body = failed(good("order-sign", OVERLOAD), {"labs": how})
    assert card_codes(is_response(http.post(SIGN, json=body))) == ["OSIRONOVL", "NOTEVALUATED"]


@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
def test_other_drafts_are_answered_without_any_data(http: FlaskClient, hook: str) -> None:
    body = failed(good(hook, drafts=["lisinopril-10-once-daily"]), dict.fromkeys(KEYS, "absent"))
    assert is_response(http.post(PATHS[hook], json=body)) == {"cards": []}


def test_a_client_may_get_a_card_instead_of_412() -> None:
    with application(service(profile=unhurried("sandbox"))) as app:
        for key in ("patient", "conditions", "labs"):
            found = is_response(app.test_client().post(VIEW, json=broken(key, "absent")))
            assert card_codes(found) == ["NOTEVALUATED"]


@pytest.mark.row("T-13")
def test_a_hanging_server_counts_as_none_within_the_deadline() -> None:
    """The tolerance is far above 20 ms, for a busy machine, and below a second deadline."""
    reports: list[Any] = []
    profile = unhurried(deadline_ms=2000)
    with (
        application(service(profile=profile), **reporting(reports)) as app,
        fault_server(hang) as server,
    ):
        is_response(app.test_client().post(VIEW, json=known()))  # the first call of a process reads the tables of codes
        reports.clear()
        for key in ("labs", "medications"):
            body = broken(key, "absent", **({} if key == "labs" else {"labs": None})) | {"fhirServer": server.base}
            answer = app.test_client().post(VIEW, json=body)
            assert answer.status_code == (412 if key == "labs" else 200)
            assert "suggestions" not in answer.get_data(as_text=True)
    assert max(report["ms"] for report in reports) < 2000 + 1500


@pytest.mark.row("T-13")
def test_a_call_past_its_deadline_is_answered_from_its_prefetch_alone() -> None:
    """A huge body may use up the time before anything is decided; the answer is then late, but complete."""
    profile = unhurried(deadline_ms=0)
    with application(service(profile=profile)) as app, fault_server(hang) as server:
        http = app.test_client()
        whole = is_response(http.post(VIEW, json=known() | {"fhirServer": server.base}))
        assert card_codes(whole) == ["IRONLOW"]
        body = broken("medications", "absent", labs=None) | {"fhirServer": server.base}
        cut = is_response(http.post(VIEW, json=body))
        assert card_codes(cut) == ["IRONTEST"] and "suggestions" not in cut["cards"][0]
        is_outcome(http.post(VIEW, json=broken("labs", "absent") | {"fhirServer": server.base}), 412)
        assert server.asked == []


# The invariant


def request_of(hook: str, patient: PatientFile, drafts: tuple[str, ...]) -> dict[str, Any]:
    return hook_request("generic", hook, patient, today=TODAY, drafts=drafts)


def offered(http: FlaskClient, hook: str, body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return card and label of each suggestion; none if nothing could be judged."""
    answer = http.post(PATHS[hook], json=body)
    if answer.status_code == 412:
        return set()
    return {
        (card["source"]["topic"]["code"], one["label"])
        for card in is_response(answer)["cards"]
        for one in card.get("suggestions", [])
    }


@pytest.mark.slow
@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.slug)
def test_failing_one_input_never_adds_a_suggestion(http: FlaskClient, patient: PatientFile) -> None:
    """Each key of each patient is absent, in error, cut or another patient's; on the chart, and with four drafts."""
    start = PATIENTS.index(patient)
    drafts = tuple(draft_names()[(start * 5 + step * 11) % len(draft_names())] for step in range(4))
    for hook in ("patient-view", "order-sign"):
        body = request_of(hook, patient, drafts if hook == "order-sign" else ())
        whole = offered(http, hook, failed(body, {}))
        for key in KEYS:
            for how in ("absent", "outcome", "cut", "foreign"):
                assert offered(http, hook, failed(body, {key: how})) <= whole, (hook, key, how)


@cache
def unlimited() -> FlaskClient:
    return application(service(max_cards=0), clock=lambda: NOW).__enter__().test_client()


CALLS = st.tuples(
    st.sampled_from(list(PATHS)),
    st.sampled_from(PATIENTS),
    st.lists(st.sampled_from(draft_names()), min_size=1, max_size=5, unique=True).map(tuple),
)
NULLS = st.sets(st.sampled_from([key for key in KEYS if key != "patient"]))
BROKEN = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(list(FAULTS)), min_size=1)


def never_adds(call: Any, nulls: set[str], faults: dict[str, str]) -> None:
    hook, patient, drafts = call
    body = request_of(hook, patient, drafts if hook != "patient-view" else ())
    body["prefetch"] |= {key: None for key in nulls if key in body["prefetch"]}
    assert offered(unlimited(), hook, failed(body, faults)) <= offered(unlimited(), hook, failed(body, {}))


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(CALLS, NULLS, BROKEN)
def test_failing_any_inputs_never_adds_a_suggestion(call: Any, nulls: set[str], faults: dict[str, str]) -> None:
    """Several keys fail at once, beside keys that are known to be empty."""
    never_adds(call, nulls, faults)


@pytest.mark.full
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CALLS, NULLS, BROKEN)
def test_failing_any_inputs_never_adds_a_suggestion_ten_thousand_times(
    call: Any, nulls: set[str], faults: dict[str, str]
) -> None:
    never_adds(call, nulls, faults)
