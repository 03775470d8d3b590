"""Read patients and hook requests from files: a Bundle, one resource, a hook request, or NDJSON of these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cards.decisions.decide import ORDER_HOOKS, PATIENT_VIEW
from cards.facts.chart import LISTS, Listing
from cards.fhir.bundles import NOT_READ, Listed, unwrap
from cards.fhir.ownership import Owner, Ownership
from cards.fhir.references import References
from cds_service.hooks.prefetch import prefetched_lists, sent_lists
from cds_service.offline.bundles import Opened, UnreadableFile, opened, refuse_unopened
from cds_service.offline.ownership import Resource, ambiguous, deduplicate, may_be_of, of_key, subjects, unowned

HOOKS = (PATIENT_VIEW, *ORDER_HOOKS)
#: A hook name that a message may repeat: lower-case words and hyphens.
_NAME = re.compile(r"[a-z][a-z-]{0,40}")
#: The depth that the service accepts in a request body.
_MAX_DEPTH = 64
_TOO_DEEP = f"nested too deep, more than {_MAX_DEPTH} levels"
_MAX_DIGITS = 400
_NOTE = "no Patient in it: read as an adult of unknown sex"


@dataclass(frozen=True, slots=True)
class Question:
    """One patient to answer for, from one place in a file; `note` states an assumption that was made."""

    place: str
    patient_id: str
    gathered: Mapping[str, Listed]
    hook: str = PATIENT_VIEW
    drafts: Any = None
    selections: tuple[str, ...] | None = None
    resources: tuple[Resource, ...] = ()
    note: str = ""


def hook_fault(hook: object) -> str:
    """Return why no service answers this hook, or an empty text if one does."""
    if hook in HOOKS:
        return ""
    named = f"hook {hook}" if isinstance(hook, str) and _NAME.fullmatch(hook) else "its hook"
    return f"{named} is none of {', '.join(HOOKS)}"


def read_questions(path: Path, *, assume_adult: bool = False) -> Iterator[Question]:
    """Yield one question for every patient in a file.

    `assume_adult`: read resources without a Patient as those of an adult of unknown sex. Raises `UnreadableFile` for
    another kind of file, a file without a patient, and patients that cannot be told apart.
    """
    text = path.read_text(encoding="utf-8-sig")
    if not text.strip():
        raise UnreadableFile(f"{path}: the file is empty; expected a patient Bundle, a hook request or NDJSON")
    try:
        whole = _parse(text)
    except ValueError as fault:
        if not _is_by_lines(path, text):
            raise UnreadableFile(f"{path}: not JSON ({_why(fault)})") from fault
        yield from _from_lines(path, text, assume_adult)
        return
    yield from _from_document(whole, str(path), assume_adult)


def _is_by_lines(path: Path, text: str) -> bool:
    """Return whether the file is NDJSON: by its name, or because its first line is complete JSON."""
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
    """Parse JSON. Raises `ValueError` also for NaN, and for what is larger or deeper than any record."""
    try:
        content = json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [content]
    for _ in range(_MAX_DEPTH + 1):
        tables = [value.values() for value in level if isinstance(value, dict)]
        level = [inner for held in (*tables, *(each for each in level if isinstance(each, list))) for inner in held]
        if not level:
            return content
    raise ValueError(_TOO_DEEP)


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} digits")
    return int(digits)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _from_lines(path: Path, text: str, assume_adult: bool) -> Iterator[Question]:
    """Read NDJSON: hook requests and Bundles line by line, single resources grouped by patient over the whole file."""
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
        listings = _alike(Listing.COMPLETE if loose else Listing.NOT_KNOWN)
        yield from _from_resources(Opened(tuple(loose), listings), str(path), assume_adult)


def _from_line(line: str, place: str) -> Resource:
    try:
        content = _parse(line)
    except ValueError as fault:
        why = f"{fault.msg} at column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else str(fault)
        raise UnreadableFile(f"{place}: not JSON ({why}); expected one JSON object a line") from fault
    if not isinstance(content, dict):
        raise UnreadableFile(f"{place}: expected one JSON object a line, found a JSON {type(content).__name__}")
    return content


def _from_document(content: Any, place: str, assume_adult: bool) -> Iterator[Question]:
    if not isinstance(content, dict):
        raise UnreadableFile(
            f"{place}: expected a patient Bundle, a hook request or NDJSON, found a JSON {type(content).__name__}"
        )
    if "hook" in content:
        yield _from_request(content, place)
    elif content.get("resourceType") == "Bundle":
        yield from _from_resources(opened(content, place), place, assume_adult)
    else:
        failed = content.get("resourceType") == "OperationOutcome"
        single = Opened((content,), _alike(Listing.NOT_KNOWN if failed else Listing.CUT))
        yield from _from_resources(single, place, assume_adult)


def _alike(listing: Listing) -> Mapping[str, Listing]:
    return dict.fromkeys(LISTS, listing)


def _from_resources(file: Opened, place: str, assume_adult: bool) -> Iterator[Question]:
    """Yield one question per Patient, or without any, one per patient that the resources reference, if assumed.

    A resource belongs to the patient it references (read_chart drops the rest). A single resource proves no absence.
    """
    everything = file.resources
    refuse_unopened(everything, place)
    people = deduplicate(each for each in everything if each.get("resourceType") == "Patient")
    if people:
        fault = ambiguous(people) or unowned(everything, len(people))
        if fault:
            raise UnreadableFile(f"{place}: {fault}")
        ids = [str(person.get("id") or "") for person in people]
        references = References.of([Listed(everything, addresses=file.addresses)])
        owners = {patient_id: Ownership.over(patient_id, references) for patient_id in ids}
        unread = _unread(everything, tuple(owners.values()))
        for patient_id in ids:
            yield _question(owners[patient_id], file, place, unread)
    elif assume_adult and _is_read(file.listings) and all(_is_fhir(each) for each in everything):
        named = subjects(everything)
        fault = unowned(everything, len(named))
        if fault:
            raise UnreadableFile(f"{place}: {fault}")
        for patient_id in named:
            yield _assumed_question(patient_id, file, place)
    else:
        raise UnreadableFile(f"{place}: {_no_patient_fault(everything, assume_adult)}")


def _is_read(listings: Mapping[str, Listing]) -> bool:
    return any(listing is not Listing.NOT_KNOWN for listing in listings.values())


def _is_fhir(resource: Resource) -> bool:
    return isinstance(resource.get("resourceType"), str)


def _no_patient_fault(resources: tuple[Resource, ...], assume_adult: bool) -> str:
    expected = "expected a Bundle with one Patient and that patient's resources"
    if resources and all(each.get("resourceType") == "OperationOutcome" for each in resources):
        return f"only an OperationOutcome, what a server says instead of data; {expected}"
    advice = "" if assume_adult else ", or --assume-rls, which reads resources without one as those of an adult"
    return f"no Patient in it; {expected}{advice}"


def _unread(everything: tuple[Resource, ...], owners: tuple[Ownership, ...]) -> frozenset[str]:
    """Return the lists that a file says nothing about.

    A list without a resource about any of its patients was not read, as in a prefetch. A file of Patients alone, as in
    an export with one file for each type, says nothing about the other lists.
    """
    others = [key for key in LISTS if key != "patient"]
    if all(each.get("resourceType") == "Patient" for each in everything):
        return frozenset(others)
    held = {key: of_key(everything, key) for key in others}
    return frozenset(key for key, resources in held.items() if resources and not _any_of(resources, owners))


def _any_of(resources: Iterable[Resource], owners: tuple[Ownership, ...]) -> bool:
    return any(each.owner_of(resource) is Owner.PATIENT for resource in resources for each in owners)


def _question(ownership: Ownership, file: Opened, place: str, unread: frozenset[str]) -> Question:
    """Build the question on one patient of a file.

    If others in the file have resources of a list and this patient has none, the list is empty; one page of several
    proves no absence.
    """
    whole = {key: of_key(file.resources, key) for key in LISTS}
    own = {
        key: tuple(each for each in held if key == "patient" or may_be_of(each, ownership))
        for key, held in whole.items()
    }
    gathered = {key: NOT_READ if key in unread else file.listed(key, resources) for key, resources in own.items()}
    return Question(place, ownership.patient_id, gathered, resources=file.resources)


def _assumed_question(patient_id: str, file: Opened, place: str) -> Question:
    """Build the question on an assumed adult; lists absent from the file count as not read, not as empty."""
    person: Resource = {"resourceType": "Patient", "id": patient_id}
    held = {key: of_key(file.resources, key) for key in LISTS}
    gathered = {key: file.listed(key, resources) for key, resources in held.items() if resources}
    return Question(place, patient_id, gathered | {"patient": Listed((person,))}, resources=file.resources, note=_NOTE)


def _from_request(content: Mapping[str, Any], place: str) -> Question:
    context = content.get("context")
    if not isinstance(context, dict) or not isinstance(context.get("patientId"), str):
        raise UnreadableFile(f"{place}: a hook request needs context.patientId")
    prefetch = content.get("prefetch")
    given = prefetch if isinstance(prefetch, dict) else {}
    selections = context.get("selections")
    sent = sent_lists(given, [key for key in LISTS if key in given])
    patient_id = context["patientId"].removeprefix("Patient/")
    return Question(
        place=place,
        patient_id=patient_id,
        gathered=prefetched_lists(sent, Ownership.of(patient_id, sent, unwrap(context.get("draftOrders")))),
        hook=str(content["hook"]),
        drafts=context.get("draftOrders"),
        selections=tuple(map(str, selections)) if isinstance(selections, list) else None,
    )
