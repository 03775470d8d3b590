"""Faults that nobody reports: every call is answered, and what the answers rest on, or who gets them, has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.builders.monitored import SIGN, VIEW
from tests.simulation.flow import SECOND_LABORATORY, Way

Body = dict[str, Any]
#: How a client whose results are read lets them be read.
AUTHORIZATION = {"access_token": "token", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read",
                 "subject": "service"}  # fmt: skip
#: The member by which a fault tells the server of that client to answer with half of the results.
HALF = "half"
_FERRITIN = "2276-4"
#: Two assays of ferritin differ by 0.62 (clinical rationale 1.4).
_ANOTHER_ASSAY = 1 / 0.62
_UNKNOWN_SYSTEM = "urn:oid:2.16.840.1.113883.19.5"


@dataclass(frozen=True)
class Fault:
    """What goes wrong, by what it is noticed, and which calls it touches.

    way       changes the body of a call, None where the call is not made; `touches` tells of which calls it would
    settings  changes the service
    seen_in   the subjects of which one must be named
    """

    name: str
    seen_in: tuple[str, ...]
    way: Way = lambda body: body
    touches: Callable[[Body], bool] | None = None
    settings: Callable[[Path], Mapping[str, Any]] = lambda folder: {}
    answers: bool = True
    #: at the client whose results are read from its server
    is_read: bool = False

    def is_touched(self, body: Body) -> bool:
        return self.touches(body) if self.touches else self.way(body) != body


def results(body: Body, *codes: str) -> Iterator[Body]:
    for entry in body["prefetch"].get("labs", {}).get("entry", []):
        coded = entry["resource"]["code"]["coding"][0]["code"]
        if not codes or coded in codes:
            yield entry["resource"]


def _each_result(change: Callable[[Body], Body | None], *codes: str) -> Way:
    """Change the results of these codes, or leave out those for which nothing is returned."""

    def way(body: Body) -> Body:
        found = {id(each) for each in results(body, *codes)}
        entries = body["prefetch"].get("labs", {}).get("entry", [])
        kept = [change(each["resource"]) if id(each["resource"]) in found else each["resource"] for each in entries]
        return _with_list(body, "labs", [each for each in kept if each is not None])

    return way


def _with_list(body: Body, key: str, resources: list[Body], **more: Any) -> Body:
    searchset = {"resourceType": "Bundle", "type": "searchset", "total": len(resources)}
    listed = {**searchset, "entry": [{"resource": each} for each in resources], **more}
    return body | {"prefetch": body["prefetch"] | {key: listed}}


def _coded(system: str, code: str) -> Body:
    return {"coding": [{"system": system, "code": code}]}


def _times(factor: float, **more: str) -> Callable[[Body], Body]:
    def change(result: Body) -> Body:
        quantity = result["valueQuantity"]
        return result | {"valueQuantity": quantity | {"value": round(quantity["value"] * factor, 3), **more}}

    return change


def _later(days: int) -> Callable[[Body], Body]:
    def change(result: Body) -> Body:
        day = date.fromisoformat(result["effectiveDateTime"]) + timedelta(days=days)
        return result | {"effectiveDateTime": day.isoformat()}

    return change


def _capped(result: Body) -> Body:
    quantity = result["valueQuantity"]
    return result | {"valueQuantity": quantity | {"value": 50, "comparator": ">"}} if quantity["value"] > 50 else result


def _without(key: str) -> Way:
    return lambda body: body | {"prefetch": {name: each for name, each in body["prefetch"].items() if name != key}}


def _of_each(key: str, change: Callable[[Body], Body]) -> Way:
    def way(body: Body) -> Body:
        entries = body["prefetch"][key]["entry"]
        return _with_list(body, key, [change(each["resource"]) for each in entries])

    return way


def _halved(body: Body) -> Body:
    entries = body["prefetch"]["medications"]["entry"]
    link = {"link": [{"relation": "next", "url": "https://elsewhere.example.org/next"}], "total": len(entries)}
    half = [each["resource"] for each in entries[: len(entries) // 2]]
    return _with_list(body, "medications", half, **link) if len(entries) > 1 else body


def _without_member(name: str) -> Way:
    def way(body: Body) -> Body:
        person = {key: each for key, each in body["prefetch"]["patient"].items() if key != name}
        return body | {"prefetch": body["prefetch"] | {"patient": person}}

    return way


def _drafts_in_local_codes(body: Body) -> Body:
    if body["hook"] != "order-sign":
        return body
    drafts = body["context"]["draftOrders"]
    entries = [
        {"resource": each["resource"] | {"medicationCodeableConcept": _coded(_UNKNOWN_SYSTEM, f"D{number}")}}
        for number, each in enumerate(drafts["entry"])
    ]
    return body | {"context": body["context"] | {"draftOrders": drafts | {"entry": entries}}}


def _never_signs(body: Body) -> Body | None:
    return None if body["hook"] == "order-sign" else body


def _scope_cut(body: Body) -> Body:
    return body | {"fhirAuthorization": AUTHORIZATION | {"scope": "patient/Patient.read patient/Condition.read"}}


def _is_viewing(body: Body) -> bool:
    return bool(body["hook"] == "patient-view")


def _is_signing(body: Body) -> bool:
    return not _is_viewing(body)


def _ferritins(body: Body) -> list[Body]:
    """Return the ferritins, newest first."""
    found = results(body, _FERRITIN, SECOND_LABORATORY)
    return sorted(found, key=lambda each: str(each["effectiveDateTime"]), reverse=True)


def _lies_between(low: float, high: float) -> Callable[[Body], bool]:
    def touches(body: Body) -> bool:
        found = _ferritins(body)
        return bool(found) and _is_viewing(body) and low < found[0]["valueQuantity"]["value"] <= high

    return touches


def _overrides(text: str) -> Callable[[Path], Mapping[str, Any]]:
    def settings(folder: Path) -> Mapping[str, Any]:
        file = folder / "overrides.toml"
        file.write_text(f'{text}\nreason = "An edit that nobody meant"\ndate = 2026-06-01\n', encoding="utf-8")
        return {"site": {"overrides": str(file)}}

    return settings


#: Those of the quick form first.
QUICK = (
    Fault("a code renamed", ("ferritin", f"ferritin code {_FERRITIN}"),
          _each_result(lambda each: each | {"code": _coded(_UNKNOWN_SYSTEM, "FERR")}, _FERRITIN)),
    Fault("values times 2.247, unit as before", ("ferritin value",),
          _each_result(_times(2.247), _FERRITIN, SECOND_LABORATORY)),
    Fault("drugs no longer sent", ("medications list prefetch", "medications list missing", "medications list filled"),
          _without("medications")),
    Fault("results dated 300 days back", ("ferritin age", "tsat age", "haemoglobin age"), _each_result(_later(-300))),
    Fault("live made shadow", ("answers mode live", "answers mode shadow"), touches=_is_viewing,
          settings=lambda folder: {"services": {VIEW: "shadow", SIGN: "live"}}),
    Fault("feedback stops", ("feedback",), touches=lambda body: True, answers=False),
)  # fmt: skip

FAULTS = (
    *QUICK,
    Fault("the code of one of two laboratories renamed", (f"ferritin code {SECOND_LABORATORY}", "ferritin"),
          _each_result(lambda each: each | {"code": _coded(_UNKNOWN_SYSTEM, "F2")}, SECOND_LABORATORY)),
    Fault("another known code", (f"ferritin code {_FERRITIN}", f"ferritin code {SECOND_LABORATORY}"),
          _each_result(lambda each: each | {"code": _coded("http://loinc.org", SECOND_LABORATORY)}, _FERRITIN)),
    Fault("LOINC changed, prefetch drops it", ("tsat",), _each_result(lambda each: None, "2502-3")),
    Fault("unit pmol/L, values times 2.247", ("ferritin unit ng/mL", "ferritin unit pmol/L"),
          _each_result(_times(2.247, unit="pmol/L", code="pmol/L"), _FERRITIN, SECOND_LABORATORY)),
    Fault("another assay", ("ferritin value",), _each_result(_times(_ANOTHER_ASSAY), _FERRITIN, SECOND_LABORATORY)),
    Fault("results stay preliminary", ("ferritin", "tsat", "haemoglobin"),
          _each_result(lambda each: each | {"status": "preliminary"})),
    Fault("a decimal point lost", ("haemoglobin", "haemoglobin value"), _each_result(_times(10), "718-7")),
    Fault("saturation as a fraction of 1", ("tsat", "tsat value"), _each_result(_times(0.01), "2502-3")),
    Fault("ferritin reported up to 50 alone", ("ferritin value", "ferritin", "IRONMID", "IRONTEST"),
          _each_result(_capped, _FERRITIN, SECOND_LABORATORY)),
    Fault("results of somebody else", ("ferritin", "tsat", "haemoglobin", "labs list missing", "labs list prefetch"),
          _each_result(lambda each: each | {"subject": {"reference": "Patient/other"}})),
    Fault("results no longer sent", ("labs list prefetch", "labs list missing", "ferritin"), _without("labs")),
    Fault("a list always empty", ("medications list filled",), lambda body: _with_list(body, "medications", [])),
    Fault("a page half as long", ("medications list cut", "medications list prefetch"), _halved),
    Fault("drugs in codes of another system", ("medications list cut", "medications list prefetch"),
          _of_each("medications", lambda each: each | {
              "medicationCodeableConcept": _coded(_UNKNOWN_SYSTEM, "D1")})),
    Fault("drugs called completed", ("AGGACTIVE", "DAAUG"), touches=lambda body: bool(body["prefetch"]["medications"][
          "entry"]), way=_of_each("medications", lambda each: each | {"status": "completed"})),
    Fault("the diagnosis in a local code", ("patient in scope",),
          _of_each("conditions", lambda each: each | {"code": _coded(_UNKNOWN_SYSTEM, "RLS")})),
    Fault("diagnoses called resolved", ("patient in scope",),
          _of_each("conditions", lambda each: each | {"clinicalStatus": {"coding": [{"code": "resolved"}]}})),
    Fault("no date of birth", ("patient birth",), _without_member("birthDate")),
    Fault("no sex", ("patient sex",), _without_member("gender")),
    Fault("drafts in codes of another system", ("OSIRONDDI", "NOTEVALUATED"), _drafts_in_local_codes),
    Fault("orders no longer signed here", ("calls rls-order-sign",), _never_signs, _is_signing),
    Fault("a rule switched off", ("OSIRONDDI",), touches=_is_signing,
          settings=_overrides('[switches.ddi_cards]\nvalue = "false"\nreplaces = "true"')),
    Fault("a limit edited", ("IRONLOW", "IRONMID"), touches=_lies_between(50, 75),
          settings=_overrides('[thresholds."ferritin.low"]\nvalue = "50"\nreplaces = "75"')),
    Fault("the service switched off", ("calls rls-order-sign",), touches=_is_signing,
          settings=lambda folder: {"services": {VIEW: "live", SIGN: "off"}}),
    Fault("the client is silent", ("calls",), lambda body: None, lambda body: True),
    Fault("scope cut", ("labs list read", "labs list missing", "ferritin"), _scope_cut, is_read=True),
    Fault("a page of the server half as long", ("labs list cut", "labs list read"), lambda body: body | {HALF: True},
          is_read=True),
)  # fmt: skip
