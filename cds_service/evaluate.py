"""Answers for files on disk, offline: a patient Bundle, a hook request, or NDJSON of resources or of either."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from cards.card import Card
from cards.chart import LISTS, Chart, Diagnosis, Listing
from cards.decide import ORDER_HOOKS, PATIENT_VIEW, Verdict, decide
from cards.explain import Explanation, explain
from cards.present import CardProfile, present
from cards.reading import Listed, Site, read_chart, unwrap
from cards.rules import Rules

#: Which prefetch key a resource type belongs to.
KEY_OF_TYPE = {
    "Patient": "patient",
    "Condition": "conditions",
    "Observation": "labs",
    "MedicationRequest": "medications",
    "MedicationOrder": "medications",
    "MedicationStatement": "medications",
    "MedicationAdministration": "medications",
    "Medication": "medications",
    "AllergyIntolerance": "allergies",
    "Procedure": "procedures",
    "ServiceRequest": "orders",
    "ProcedureRequest": "orders",
    "DiagnosticOrder": "orders",
}


class Unreadable(ValueError):
    """A file that holds no patient and no hook request; the text names the file, the place and what was expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """One patient to answer for, from one place of a file."""

    place: str
    patient_id: str
    gathered: Mapping[str, Listed]
    hook: str = PATIENT_VIEW
    drafts: Any = None
    selections: tuple[str, ...] | None = None
    resources: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer to one question, with every decision explained."""

    place: str
    patient_id: str
    hook: str
    verdict: Verdict
    cards: tuple[Card, ...]
    explanations: tuple[Explanation, ...]


def questions(path: Path) -> Iterator[Question]:
    """Every patient of a file. Raises `Unreadable` for a file that cannot be one of the three kinds."""
    text = path.read_text(encoding="utf-8")
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        yield from _from_lines(path, text)
        return
    yield from _from_document(whole, str(path))


def _from_lines(path: Path, text: str) -> Iterator[Question]:
    """NDJSON: hook requests and Bundles line by line; single resources are gathered by patient over the whole file."""
    loose: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            content = json.loads(line)
        except json.JSONDecodeError as fault:
            raise Unreadable(f"{place}: not JSON ({fault.msg}); expected one JSON object a line") from fault
        if isinstance(content, dict) and ("hook" in content or content.get("resourceType") == "Bundle"):
            yield from _from_document(content, place)
        elif isinstance(content, dict):
            loose.append(content)
    yield from _by_patient(loose, str(path))


def _from_document(content: Any, place: str) -> Iterator[Question]:
    if not isinstance(content, dict):
        raise Unreadable(
            f"{place}: expected a patient Bundle, a hook request or NDJSON, found a JSON {type(content).__name__}"
        )
    if "hook" in content:
        yield _from_request(content, place)
        return
    entries = content.get("entry", []) if content.get("resourceType") == "Bundle" else [{"resource": content}]
    resources = [entry["resource"] for entry in entries if isinstance(entry, dict) and "resource" in entry]
    found = list(_by_patient([each for each in resources if isinstance(each, dict)], place))
    if not found:
        raise Unreadable(f"{place}: no Patient in it; expected a Bundle with one Patient and that patient's resources")
    yield from found


def _by_patient(resources: Iterable[dict[str, Any]], place: str) -> Iterator[Question]:
    """One question per Patient; a resource belongs to the patient it names (read_chart leaves out the rest)."""
    everything = tuple(resources)
    for person in (each for each in everything if each.get("resourceType") == "Patient"):
        patient_id = str(person.get("id", ""))
        gathered = {
            key: Listed(tuple(each for each in everything if KEY_OF_TYPE.get(str(each.get("resourceType"))) == key))
            for key in LISTS
        }
        yield Question(place, patient_id, gathered, resources=everything)


def _from_request(content: Mapping[str, Any], place: str) -> Question:
    context = content.get("context")
    if not isinstance(context, dict) or not isinstance(context.get("patientId"), str):
        raise Unreadable(f"{place}: a hook request needs context.patientId")
    prefetch = content.get("prefetch")
    given = prefetch if isinstance(prefetch, dict) else {}
    selections = context.get("selections")
    return Question(
        place=place,
        patient_id=context["patientId"].removeprefix("Patient/"),
        gathered={key: unwrap(given[key]) for key in LISTS if key in given},
        hook=str(content["hook"]),
        drafts=context.get("draftOrders"),
        selections=tuple(map(str, selections)) if isinstance(selections, list) else None,
    )


def evaluate(
    question: Question,
    rules: Rules,
    *,
    now: datetime,
    zone: tzinfo,
    new_uuid: Callable[[], str],
    hook: str = "",
    assume_rls: bool = False,
    site: Site | None = None,
) -> Evaluation:
    """Answer one question as the service would; `hook` overrides the one of the file, `site` holds local codes."""
    asked = hook or question.hook
    chart = read_chart(
        question.gathered,
        patient_id=question.patient_id,
        now=now,
        zone=zone,
        drafts=_drafts(question, asked),
        selections=question.selections,
        site=site,
    )
    chart = _with_rls(chart) if assume_rls else chart
    verdict = decide(chart, rules, asked)
    cards = present(verdict, chart, rules, profile=CardProfile(question.patient_id), new_uuid=new_uuid)
    return Evaluation(question.place, question.patient_id, asked, verdict, cards, explain(verdict, chart, rules))


def _drafts(question: Question, hook: str) -> Any:
    """The drafts of a request; of a Bundle on an order hook, its resources of status draft."""
    if question.drafts is not None or hook not in ORDER_HOOKS:
        return question.drafts
    drafts = [each for each in question.resources if each.get("status") == "draft"]
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}


def _with_rls(chart: Chart) -> Chart:
    """The same chart with restless legs syndrome confirmed, for data that never carry it."""
    assumed = Diagnosis(frozenset({"rls"}), counts=True)
    listings = {**chart.listings, "conditions": Listing.COMPLETE}
    return replace(chart, diagnoses=(*chart.diagnoses, assumed), listings=listings)
