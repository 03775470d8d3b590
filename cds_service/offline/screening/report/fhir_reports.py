"""The measures and the work list as FHIR R4: Measures with their MeasureReports, and Lists with an entry a patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cards.knowledge.rules import Rules
from cards.presenting.fhir_models import model_of
from cards.presenting.present import CARD_SYSTEM
from cds_service.offline.screening.measures import Measure, measures
from cds_service.offline.screening.report.work_list import Entry

_BASE = "https://rls-cds.example.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
#: Entries of one List.
_MOST_ENTRIES = 1000


def measure_bundle(content: Mapping[str, Any], rules: Rules) -> bytes:
    """Return a collection Bundle of every Measure and its MeasureReport over the export, by its summary."""
    told = {each["id"]: each for each in content["measures"]}
    resources = []
    for name, measure in measures().items():
        resources += [_measure(measure.with_limits(rules)), _report(told[name], content["as_of"])]
    entries = [{"fullUrl": f"{_BASE}/{each['resourceType']}/{each['id']}", "resource": each} for each in resources]
    return _written({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _measure(measure: Measure) -> dict[str, Any]:
    notes = " ".join(filter(None, (f"Source: {measure.reference} ({measure.certainty}).", measure.note)))
    return {
        "resourceType": "Measure",
        "id": measure.id,
        "url": f"{_BASE}/Measure/{measure.id}",
        "name": "".join(word.capitalize() for word in measure.id.split("-")),
        "title": measure.title,
        "status": "draft",
        "experimental": True,
        "description": notes,
        "scoring": _concept("measure-scoring", "proportion"),
        "improvementNotation": _concept(
            "measure-improvement-notation", "increase" if measure.better == "higher" else "decrease"
        ),
        "relatedArtifact": [{"type": "citation", "display": measure.reference, "url": measure.url}],
        "group": [
            {
                "population": [
                    _criterion("initial-population", measure.population),
                    _criterion("denominator", measure.population),
                    _criterion("denominator-exclusion", "What the export holds does not tell the numerator"),
                    _criterion("numerator", measure.numerator),
                ]
            }
        ],
    }


def _criterion(kind: str, words: str) -> dict[str, Any]:
    # Words for people. R4 demands a language it knows and a name in it; without a library no engine computes a number.
    criteria = {"description": words, "language": "text/cql", "expression": f'"{kind}"'}
    return {"code": _concept("measure-population", kind), "criteria": criteria}


def _report(told: Mapping[str, Any], as_of: str) -> dict[str, Any]:
    """One group; who cannot be told is excluded from the denominator, never counted as either."""
    known, unknown = told["denominator"], told["cannot_be_told"]
    counts = {
        "initial-population": known + unknown,
        "denominator": known + unknown,
        "denominator-exclusion": unknown,
        "numerator": told["numerator"],
    }
    group: dict[str, Any] = {
        "population": [{"code": _concept("measure-population", kind), "count": n} for kind, n in counts.items()]
    }
    if known:
        group["measureScore"] = {"value": round(told["numerator"] / known, 4)}
    return {
        "resourceType": "MeasureReport",
        "id": f"{told['id']}-report",
        "status": "complete",
        "type": "summary",
        "measure": f"{_BASE}/Measure/{told['id']}",
        "date": as_of,
        "period": {"end": as_of},
        "improvementNotation": _concept(
            "measure-improvement-notation", "increase" if told["better"] == "higher" else "decrease"
        ),
        "group": [group],
    }


def work_list_resources(entries: Sequence[Entry], as_of: str) -> Iterator[bytes]:
    """Yield the work list as FHIR Lists of at most a thousand entries each, the most urgent first."""
    starts = range(0, len(entries), _MOST_ENTRIES)
    for number, start in enumerate(starts, 1):
        part = entries[start : start + _MOST_ENTRIES]
        yield _written(
            {
                "resourceType": "List",
                "id": f"rls-work-list-{number}",
                "status": "current",
                "mode": "snapshot",
                "title": f"Restless legs syndrome: whom to look at first ({number} of {len(starts)})",
                "date": as_of,
                "orderedBy": _concept("list-order", "priority"),
                "entry": [_entry(each) for each in part],
            }
        )


def _entry(entry: Entry) -> dict[str, Any]:
    flags = [{"system": CARD_SYSTEM, "code": card} for card in entry.cards]
    flags += [{"system": f"{_BASE}/CodeSystem/measure", "code": gap} for gap in entry.gaps]
    return {"flag": {"coding": flags}, "item": {"reference": f"Patient/{entry.patient}"}}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _written(resource: Mapping[str, Any]) -> bytes:
    """The resource as FHIR JSON on one line, once its model has taken it."""
    text: str = model_of(str(resource["resourceType"]), "R4").model_validate(resource).model_dump_json()
    return text.encode()
