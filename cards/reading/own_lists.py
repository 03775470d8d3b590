"""What of a list is about the patient of the call (protocol F-10, F-11; reliability TOK-2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import is_
from typing import NamedTuple

from cards.facts.chart import REQUIRED, Gap, Listing
from cards.fhir.bundles import NOT_READ, Listed
from cards.fhir.identity import content_of, newest_versions
from cards.fhir.json_values import Json, text, type_and_id
from cards.fhir.ownership import Owner, Ownership, names_plainly
from cards.reading.resource_types import MORE_DRUGS, types_of


class OwnList(NamedTuple):
    """The patient's part of a list, and how many resources were left out."""

    listed: Listed
    discarded: int


def accepted_list(listed: Listed, key: str, ownership: Ownership) -> Listed:
    """Return the list if it fits its key and this patient; otherwise one that is not known, or cut.

    The rejected resources stay in the list, so that they can be counted. A list of which nothing is about this
    patient was not read, whatever accompanies it (a Patient, a Medication); one that holds a record of which it
    cannot be told whose it is was read in part.
    """
    if not listed.resources or _is_plainly_theirs(listed, key, ownership):
        return listed
    if not any(map(types_of(key).holds, listed.resources)):
        return replace(listed, listing=Listing.NOT_KNOWN, gap=Gap("shape"))
    if key == "patient":
        is_theirs = bool(own_people(listed.resources, ownership.patient_id))
        return listed if is_theirs else replace(listed, listing=Listing.NOT_KNOWN, gap=Gap("other-patient"))
    owners = [(each, ownership.owner_of(each)) for each in listed.resources]
    unknown = any(ownership.holds_unknown(each) for each in listed.resources)
    if any(owner is not Owner.PATIENT for _, owner in owners) and not any(
        owner is Owner.PATIENT and text(each.get("resourceType")) in types_of(key).about_somebody
        for each, owner in owners
    ):
        why = "unknown-subject" if unknown else "other-patient"
        return replace(listed, listing=Listing.NOT_KNOWN, gap=Gap(why))
    if unknown and listed.listing is Listing.COMPLETE:
        return replace(listed, listing=Listing.CUT, gap=Gap("unknown-subject"))
    return listed


def _is_plainly_theirs(listed: Listed, key: str, ownership: Ownership) -> bool:
    """Whether every resource answers by itself and names this patient in the plain way, as nearly always."""
    types = types_of(key)
    if key == "patient":
        return False
    for each in listed.resources:
        kind = each.get("resourceType")
        if kind not in types.answering or kind not in types.about_somebody or "contained" in each:
            return False
        if not names_plainly(each, ownership.patient_id):
            return False
    return True


def own_list(listed: Listed, key: str, ownership: Ownership) -> OwnList:
    """Return the patient's part of a list: every record once, in its newest version, with a plain subject."""
    if key == "patient":
        return _own_patient(listed, ownership.patient_id)
    if listed.listing is not Listing.NOT_KNOWN and _is_plainly_theirs(listed, key, ownership):
        return OwnList(_with_resources(listed, _in_order(newest_versions(listed.resources))), 0)
    judged = accepted_list(listed, key, ownership)
    own = [each for each in judged.resources if ownership.owner_of(each) is Owner.PATIENT]
    discarded = len(judged.resources) - len(own)
    is_rejected = judged is not listed and judged.listing is Listing.NOT_KNOWN
    if is_rejected or (key in REQUIRED and judged.listing is Listing.NOT_KNOWN):
        return OwnList(replace(judged, resources=()), discarded if judged.gap != Gap("shape") else 0)
    kept = _in_order([ownership.with_plain_subject(each) for each in newest_versions(own)])
    return OwnList(_with_resources(judged, kept), discarded)


def _with_resources(listed: Listed, resources: tuple[dict[str, Json], ...]) -> Listed:
    """Return the list with these resources; the list itself where they are those that it holds."""
    is_as_sent = len(resources) == len(listed.resources) and all(map(is_, resources, listed.resources))
    return listed if is_as_sent else replace(listed, resources=resources)


#: Causes for which a further list of drugs may hold some all the same: it is there and did not answer, or it is not to
#: be told whose its records are.
_MAY_HOLD_DRUGS = frozenset({"deadline", "busy", "unreachable", "too-large", "unknown-subject"})
#: Statuses of a server that offers a list and fails for now; any other refusal says that it does not offer it.
_FAILS_FOR_NOW = frozenset({408, 425, 429, *range(500, 600)} - {501})


def is_not_offered(listed: Listed) -> bool:
    """Return whether a further list of drugs is not there to be read: not sent, or refused by whoever was asked."""
    gap = listed.gap or Gap("absent")
    return listed.listing is Listing.NOT_KNOWN and not (gap.why in _MAY_HOLD_DRUGS or gap.status in _FAILS_FOR_NOW)


def with_more_drugs(gathered: Mapping[str, Listed], ownership: Ownership) -> Listed:
    """Return the drug list with what further lists of drugs hold.

    A further list that nobody offers cuts nothing: its drugs are merely unlisted. One that was read in part, or that
    failed to answer, is a part of the drug list that is missing.
    """
    drugs = accepted_list(gathered.get("medications", NOT_READ), "medications", ownership)
    for key in MORE_DRUGS:
        more = accepted_list(gathered.get(key, NOT_READ), key, ownership)
        if is_not_offered(more):
            continue
        held = more.resources if more.listing is not Listing.NOT_KNOWN else ()
        both = replace(drugs, resources=(*drugs.resources, *held))
        is_cut = more.listing is not Listing.COMPLETE and drugs.listing is Listing.COMPLETE
        drugs = replace(both, listing=Listing.CUT, gap=more.gap) if is_cut else both
    return drugs


def _in_order(resources: Iterable[dict[str, Json]]) -> tuple[dict[str, Json], ...]:
    return tuple(sorted(resources, key=_place))


def _place(resource: Mapping[str, Json]) -> tuple[str, str, str]:
    """Its place in its list: a server may send entries in any order, and no word of a card may turn on that."""
    kind, logical_id = type_and_id(resource)
    return kind, logical_id, "" if logical_id else content_of(resource)


def _own_patient(listed: Listed, patient_id: str) -> OwnList:
    """A patient's own record is required: none, or somebody else's, is as good as not read (protocol F-11)."""
    people = [each for each in listed.resources if text(each.get("resourceType")) == "Patient"]
    own = own_people(people, patient_id)
    if own:
        return OwnList(Listed(own[:1]), len(people) - len(own))
    gap = Gap("other-patient") if people else listed.gap or Gap("empty")
    return OwnList(Listed(listing=Listing.NOT_KNOWN, gap=gap), len(people))


def own_people(resources: Iterable[dict[str, Json]], patient_id: str) -> tuple[dict[str, Json], ...]:
    """Return the Patients that may be this patient, the newest version first: by id, or without one."""
    people = [each for each in resources if text(each.get("resourceType")) == "Patient"]
    own = [each for each in people if text(each.get("id")) in ("", patient_id)]
    return tuple(sorted(newest_versions(own), key=lambda each: (not text(each.get("id")), content_of(each))))
