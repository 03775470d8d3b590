"""Patients and hook requests out of files on disk: a Bundle, one resource, a hook request, or NDJSON of these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cards.chart import LISTS, Listing
from cards.decide import ORDER_HOOKS, PATIENT_VIEW
from cards.reading import Listed, unwrap
from cards.reading.bundles import NOT_READ
from cards.reading.shapes import reference_id, subject_is
from cds_service.belonging import Resource, mixed_up, nobodys, of_key, once_each, subjects
from cds_service.prefetch import is_foreign, prefetched

HOOKS = (PATIENT_VIEW, *ORDER_HOOKS)
#: A name that may be shown again: words and hyphens, as the names of hooks are.
_NAME = re.compile(r"[a-z][a-z-]{0,40}")
_NOTE = "no Patient in it: read as an adult of unknown sex"


class Unreadable(ValueError):
    """A file that holds no patient and no hook request; the text names the file, the place and what was expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """One patient to answer for, from one place of a file; `note` says what had to be assumed."""

    place: str
    patient_id: str
    gathered: Mapping[str, Listed]
    hook: str = PATIENT_VIEW
    drafts: Any = None
    selections: tuple[str, ...] | None = None
    resources: tuple[Resource, ...] = ()
    note: str = ""


def hook_fault(hook: object) -> str:
    """Why no service answers this hook; empty where one does."""
    if hook in HOOKS:
        return ""
    named = f"hook {hook}" if isinstance(hook, str) and _NAME.fullmatch(hook) else "its hook"
    return f"{named} is none of {', '.join(HOOKS)}"


def questions(path: Path, *, assume_adult: bool = False) -> Iterator[Question]:
    """Every patient of a file.

    `assume_adult`: resources without a Patient are read as those of an adult of unknown sex. Raises `Unreadable` for
    a file that cannot be one of the kinds, holds nobody, or patients that could be mixed up.
    """
    text = path.read_text(encoding="utf-8-sig")
    if not text.strip():
        raise Unreadable(f"{path}: the file is empty; expected a patient Bundle, a hook request or NDJSON")
    try:
        whole = _parse(text)
    except ValueError as fault:
        if not _is_by_lines(path, text):
            raise Unreadable(f"{path}: not JSON ({_why(fault)})") from fault
        yield from _from_lines(path, text, assume_adult)
        return
    yield from _from_document(whole, str(path), assume_adult)


def _is_by_lines(path: Path, text: str) -> bool:
    """NDJSON: so it is named, or its first line is whole by itself."""
    try:
        _parse(text.strip().splitlines()[0])
    except ValueError:
        return path.suffix in (".ndjson", ".jsonl")
    return True


def _why(fault: ValueError) -> str:
    if not isinstance(fault, json.JSONDecodeError):
        return str(fault)
    return f"{fault.msg} at line {fault.lineno}, column {fault.colno}"


def _parse(text: str) -> Any:
    """Raises `ValueError` for what is no JSON, NaN and endless nesting among it."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _from_lines(path: Path, text: str, assume_adult: bool) -> Iterator[Question]:
    """NDJSON: hook requests and Bundles line by line; single resources are gathered by patient over the whole file."""
    loose: list[Resource] = []
    found = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        content = _from_line(line, f"{path}:{number}")
        if "hook" in content or content.get("resourceType") == "Bundle":
            found = True
            yield from _from_document(content, f"{path}:{number}", assume_adult)
        else:
            loose.append(content)
    if loose or not found:
        yield from _of_resources(loose, str(path), assume_adult, Listing.COMPLETE if loose else Listing.NOT_KNOWN)


def _from_line(line: str, place: str) -> Resource:
    try:
        content = _parse(line)
    except ValueError as fault:
        why = f"{fault.msg} at column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else str(fault)
        raise Unreadable(f"{place}: not JSON ({why}); expected one JSON object a line") from fault
    if not isinstance(content, dict):
        raise Unreadable(f"{place}: expected one JSON object a line, found a JSON {type(content).__name__}")
    return content


def _from_document(content: Any, place: str, assume_adult: bool) -> Iterator[Question]:
    if not isinstance(content, dict):
        raise Unreadable(
            f"{place}: expected a patient Bundle, a hook request or NDJSON, found a JSON {type(content).__name__}"
        )
    if "hook" in content:
        yield _from_request(content, place)
    elif content.get("resourceType") == "Bundle":
        yield from _of_resources(_of_bundle(content), place, assume_adult, unwrap(content).listing)
    else:
        failed = content.get("resourceType") == "OperationOutcome"
        yield from _of_resources([content], place, assume_adult, Listing.NOT_KNOWN if failed else Listing.CUT)


def _of_bundle(bundle: Resource) -> list[Resource]:
    """The resources of a Bundle, with its own addresses (`fullUrl`) in references turned into `Type/id`.

    A resource without an id, as in documents, takes it from its address.
    """
    entries = bundle.get("entry")
    held = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    full = [each for each in held if isinstance(each.get("resource"), dict)]
    named = [(str(each.get("fullUrl") or ""), _with_id(each)) for each in full]
    own = {url: f"{each.get('resourceType')}/{each.get('id')}" for url, each in named if url}
    return [_readdressed(resource, own) for _, resource in named]


def _with_id(entry: Resource) -> Resource:
    resource: Resource = entry["resource"]
    if resource.get("id") or not entry.get("fullUrl"):
        return resource
    return {**resource, "id": reference_id(str(entry["fullUrl"]))}


def _readdressed(value: Any, own: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_readdressed(each, own) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: own[each] if name == "reference" and isinstance(each, str) and each in own else _readdressed(each, own)
        for name, each in value.items()
    }


def _of_resources(
    resources: Iterable[Resource], place: str, assume_adult: bool, listing: Listing
) -> Iterator[Question]:
    """One question per Patient; without any, one per patient that the resources name, where that may be assumed.

    A resource belongs to the patient it names (read_chart leaves out the rest). `listing`: how far the file can be
    trusted to hold all of the kinds that it holds; a single resource proves no absence.
    """
    everything = tuple(resources)
    people = once_each(each for each in everything if each.get("resourceType") == "Patient")
    if people:
        fault = mixed_up(people) or nobodys(everything, len(people))
        if fault:
            raise Unreadable(f"{place}: {fault}")
        ids = [str(person.get("id") or "") for person in people]
        for patient_id in ids:
            yield _about(patient_id, everything, place, ids, listing)
    elif assume_adult and listing is not Listing.NOT_KNOWN and all(_is_fhir(each) for each in everything):
        named = subjects(everything)
        fault = nobodys(everything, len(named))
        if fault:
            raise Unreadable(f"{place}: {fault}")
        for patient_id in named:
            yield _without_patient(patient_id, everything, place, listing)
    else:
        raise Unreadable(f"{place}: {_nobody(everything, assume_adult)}")


def _is_fhir(resource: Resource) -> bool:
    return isinstance(resource.get("resourceType"), str)


def _nobody(resources: tuple[Resource, ...], assume_adult: bool) -> str:
    expected = "expected a Bundle with one Patient and that patient's resources"
    if resources and all(each.get("resourceType") == "OperationOutcome" for each in resources):
        return f"only an OperationOutcome, what a server says instead of data; {expected}"
    advice = "" if assume_adult else ", or --assume-rls, which reads resources without one as those of an adult"
    return f"no Patient in it; {expected}{advice}"


def _about(
    patient_id: str, everything: tuple[Resource, ...], place: str, ids: Iterable[str], listing: Listing
) -> Question:
    """The patient's own part of the file, which holds `ids`.

    Of a kind that others of the file have and this one has not, there is none; a kind of which nothing is about any
    of them was not read, as in a prefetch. A file of Patients alone, as in an export with a file for each kind, says
    nothing about the other kinds; a page of several (`listing`) proves no absence.
    """
    whole = {key: Listed(of_key(everything, key), listing) for key in LISTS}
    unread = {key for key, listed in whole.items() if key != "patient" and is_foreign(listed, key, *ids)}
    if all(each.get("resourceType") == "Patient" for each in everything):
        unread = set(LISTS) - {"patient"}
    own = {key: _own(listed, patient_id) if key != "patient" else listed for key, listed in whole.items()}
    gathered = {key: NOT_READ if key in unread else listed for key, listed in own.items()}
    return Question(place, patient_id, gathered, resources=everything)


def _own(listed: Listed, patient_id: str) -> Listed:
    return replace(listed, resources=tuple(each for each in listed.resources if subject_is(each, patient_id)))


def _without_patient(patient_id: str, everything: tuple[Resource, ...], place: str, listing: Listing) -> Question:
    """What the file does not hold was not looked at: an answer of observations says nothing about drugs."""
    person: Resource = {"resourceType": "Patient", "id": patient_id}
    held = {key: of_key(everything, key) for key in LISTS}
    gathered = {key: Listed(resources, listing) for key, resources in held.items() if resources}
    return Question(place, patient_id, gathered | {"patient": Listed((person,))}, resources=everything, note=_NOTE)


def _from_request(content: Mapping[str, Any], place: str) -> Question:
    context = content.get("context")
    if not isinstance(context, dict) or not isinstance(context.get("patientId"), str):
        raise Unreadable(f"{place}: a hook request needs context.patientId")
    prefetch = content.get("prefetch")
    given = prefetch if isinstance(prefetch, dict) else {}
    selections = context.get("selections")
    patient_id = context["patientId"].removeprefix("Patient/")
    return Question(
        place=place,
        patient_id=patient_id,
        gathered={key: prefetched(given, key, patient_id) for key in LISTS if key in given},
        hook=str(content["hook"]),
        drafts=context.get("draftOrders"),
        selections=tuple(map(str, selections)) if isinstance(selections, list) else None,
    )
