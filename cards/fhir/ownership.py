"""Tell whose a record is, by resolving the reference that names its patient (contract section 5, item 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from types import MappingProxyType

from cards.fhir.bundles import Listed
from cards.fhir.json_values import Json, code_of_status, first, objects, reference_of, text
from cards.fhir.references import Address, References, address_of, contained_in
from cards.values import frozen

#: The prefetch key of the patient's own record.
_PATIENT = "patient"
_REPORTS = frozenset({"Observation", "DiagnosticReport"})
#: A logical id, also of the servers that allow more than FHIR does. Anything else is a spelling that is not understood.
_ID = re.compile(r"[A-Za-z0-9._~\-]+")


class Owner(StrEnum):
    """Whose a record is."""

    PATIENT = "the patient's"
    OTHER = "about somebody else"
    UNKNOWN = "not to be told"


@frozen
class Ownership:
    """Whose records are, in one call about one patient.

    A record that names nobody (masked, an identifier only, or a contained patient) came out of a query for this
    patient and counts as theirs.

    Of an absolute reference the id decides, not the server (TOK-2): a server goes by several addresses, and records
    keep that of the gateway they came through. The list was asked for this patient, by the client or by us, of the
    client's one server; to drop what names that server otherwise could hide iron overload, or a newer ferritin. An
    absolute reference with another id, a `urn:`, or what is no id of any server (`Patient:p1`), that nothing in the
    call answers says nothing of whose the record is; nor does a Patient without an id that is not the patient's own,
    nor one that a link of another type than `replaces` ties to the patient, in whichever direction: it may be the same
    person.

    references  every resource of the call
    nameless    the patient's own record where it comes without an id, by its identity as an object
    replaced    the ids and addresses of the records that the patient's own replaces (`Patient.link`)
    linked      those of the records that are tied to the patient's own otherwise
    """

    patient_id: str
    references: References = field(default_factory=References)
    nameless: Mapping[int, dict[str, Json]] = field(default_factory=lambda: MappingProxyType({}))
    replaced: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, patient_id: str, lists: Mapping[str, Listed], drafts: Listed | None = None) -> Ownership:
        """Index the lists of a call by prefetch key, and its draft orders."""
        references = References.of([*lists.values(), *([drafts] if drafts else [])])
        return cls.over(patient_id, references, lists[_PATIENT].resources if _PATIENT in lists else ())

    @classmethod
    def over(cls, patient_id: str, references: References, people: Iterable[dict[str, Json]] = ()) -> Ownership:
        """Take an index that is there already; of the patient's own list, `people` may come without an id."""
        nameless = {id(each): each for each in people if _is_person(each) and not text(each.get("id"))}
        bare = cls(patient_id, references, nameless)
        if not [each for each in references.people if each.get("link")]:
            return bare
        own = [each for each in references.people if bare.is_patient(each)]
        replaced = frozenset(_linked_by(own, references, replacing=True))
        known = cls(patient_id, references, nameless, replaced)
        linked = frozenset((*_linked_by(own, references), *known._linking()))
        return replace(known, linked=linked - replaced - {patient_id})

    def _linking(self) -> Iterable[str]:
        """The ids of Patients of the call that link to the patient, and are not the patient's own."""
        own = {self.patient_id, *self.replaced}
        for person in self.references.people:
            if not person.get("link"):
                continue
            targets = {*_linked_by([person], self.references), *_linked_by([person], self.references, replacing=True)}
            if text(person.get("id")) and not targets.isdisjoint(own):
                yield text(person.get("id"))

    def is_patient(self, person: Mapping[str, Json]) -> bool:
        """Return whether this Patient is the patient, or a record that theirs replaces."""
        logical_id = text(person.get("id"))
        return logical_id == self.patient_id or logical_id in self.replaced or id(person) in self.nameless

    def owner_of(self, resource: Mapping[str, Json]) -> Owner:
        """Return whose a record is, by its `subject`, else its `patient` (versions differ)."""
        if names_plainly(resource, self.patient_id):
            return Owner.PATIENT
        named = reference_of(resource.get("subject")) or reference_of(resource.get("patient"))
        if not named or named == f"Patient/{self.patient_id}":
            return Owner.PATIENT
        address = address_of(named)
        if address.is_contained or not address.id or (address.is_bare and contained_in(resource, named)):
            return Owner.PATIENT
        if self._names_patient(address):
            return Owner.PATIENT
        found = self.references.find(named)
        if found is not None and _is_person(found):
            logical_id = text(found.get("id"))
            somebody = Owner.UNKNOWN if not logical_id or logical_id in self.linked else Owner.OTHER
            return Owner.PATIENT if self.is_patient(found) else somebody
        is_linked = address.type in ("", _PATIENT) and not self.linked.isdisjoint({address.id, address.whole} - {""})
        is_open = is_linked or address.is_absolute or not _ID.fullmatch(address.id)
        return Owner.UNKNOWN if found is None and is_open else Owner.OTHER

    def _names_patient(self, address: Address) -> bool:
        if address.is_urn:
            named = address.id.lower()
            return named == self.patient_id.lower() or not self.replaced.isdisjoint({named, address.whole})
        if address.type not in ("", _PATIENT) or (address.is_absolute and not address.type):
            return address.whole in self.replaced
        return address.id == self.patient_id or not self.replaced.isdisjoint({address.id, address.whole} - {""})

    def with_plain_subject(self, resource: dict[str, Json]) -> dict[str, Json]:
        """Return a record of the patient so that it names them by id, its contained results as well."""
        plain = resource if self._is_plain(resource) else {**resource, "subject": self._subject}
        held = resource.get("contained")
        if text(resource.get("resourceType")) not in _REPORTS or not isinstance(held, list):
            return plain
        inner = [self._contained(each) if isinstance(each, dict) else each for each in held]
        return plain if inner == held else {**plain, "contained": inner}

    def _contained(self, member: dict[str, Json]) -> dict[str, Json]:
        names_nobody = not (reference_of(member.get("subject")) or reference_of(member.get("patient")))
        is_theirs = not names_nobody and self.owner_of(member) is Owner.PATIENT
        return {**member, "subject": self._subject} if is_theirs and not self._is_plain(member) else member

    @property
    def _subject(self) -> dict[str, str]:
        return {"reference": f"Patient/{self.patient_id}"}

    def _is_plain(self, resource: Mapping[str, Json]) -> bool:
        return subject_is(resource, self.patient_id)

    def holds_unknown(self, resource: Mapping[str, Json]) -> bool:
        """Return whether it is not to be told whose a record is, or a result that it contains."""
        if self.owner_of(resource) is Owner.UNKNOWN:
            return True
        inner = objects(resource.get("contained")) if text(resource.get("resourceType")) in _REPORTS else ()
        return any(self.owner_of(each) is Owner.UNKNOWN for each in inner)


def subject_is(resource: Mapping[str, Json], patient_id: str) -> bool:
    """Return whether a resource by itself names this patient, or nobody."""
    return names_plainly(resource, patient_id) or Ownership(patient_id).owner_of(resource) is Owner.PATIENT


def names_plainly(resource: Mapping[str, Json], patient_id: str) -> bool:
    """Return whether the subject is a Reference to `Patient/id`, as it is nearly always."""
    subject = resource.get("subject")
    return type(subject) is dict and subject.get("reference") == f"Patient/{patient_id}"


def _is_person(resource: Mapping[str, Json]) -> bool:
    return text(resource.get("resourceType")) == "Patient"


def is_replaced(person: Mapping[str, Json]) -> bool:
    """Return whether a Patient says that another record is to be used in its place."""
    return any(code_of_status(link.get("type")) == "replaced-by" for link in objects(person.get("link")))


def _linked_by(
    people: Iterable[Mapping[str, Json]], references: References, *, replacing: bool = False
) -> Iterable[str]:
    """The ids and addresses that links of these Patients lead to: those of type `replaces`, or all others."""
    for person in people:
        for link in objects(person.get("link")):
            address = address_of(reference_of(first(link.get("other"))))
            if (code_of_status(link.get("type")) == "replaces") is not replacing or address.type not in ("", _PATIENT):
                continue
            found = references.find(reference_of(first(link.get("other"))))
            if found is not None and _is_person(found) and text(found.get("id")):
                yield text(found.get("id"))
            elif address.id and not address.is_contained:
                yield address.whole if address.is_urn else address.id
