"""Parse and validate the envelope of a hook call, once; inside the service its types carry the guarantees.

Parsing is strict in what identifies the call (hook, instance, context) and lenient in the rest (protocol R-01 to R-22).
FHIR resources in `context` and `prefetch` are not validated here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from cards.fhir.bundles import Listed, unwrap
from cards.fhir.json_values import reference_of
from cds_service.hooks.draft_orders import draft_orders_fault
from cds_service.hooks.services import Service
from cds_service.web.errors import BadRequest
from cds_service.web.json_reader import read_json
from cds_service.web.json_schema import find_faults

#: Members that a client may send empty for "none"; unknown members are ignored (protocol T-08).
_MAY_BE_EMPTY = ("fhirServer", "fhirAuthorization", "prefetch")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FhirAuthorization:
    """The `fhirAuthorization` of a request; members that are absent or unreadable are None.

    `expires_in` is in seconds and `scope` is space-separated. `patient` is an id, or empty if it cannot be read, which
    means that the token is not for this patient. A patient scope needs no `patient` (protocol R-08): the context names
    the patient, and resources about another one are discarded.
    """

    access_token: str = field(repr=False)
    expires_in: float | None = None
    patient: str | None = None
    scope: str | None = None
    is_bearer: bool = True


@dataclass(frozen=True)
class HookRequest:
    """One hook call about one patient.

    patient_id     a FHIR id, safe to use in a URL
    prefetch       by key; an absent key is to be read, `None` is known to be empty
    draft_orders   the Bundle of an order hook as sent, None on other hooks
    selections     the selected references on order-select, None on other hooks
    raw            the text of the request, for numbers that must keep their digits
    """

    hook: str
    instance: str
    patient_id: str
    user: str
    encounter_id: str | None = None
    fhir_server: str | None = None
    authorization: FhirAuthorization | None = None
    prefetch: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)
    draft_orders: Any = field(default=None, repr=False)
    selections: tuple[str, ...] | None = None
    raw: bytes = field(default=b"", repr=False)

    @cached_property
    def drafts(self) -> Listed:
        """Return the resources of `draft_orders`, in order."""
        return unwrap(self.draft_orders)

    @classmethod
    def parse(cls, raw: bytes, service: Service) -> HookRequest:
        """Parse the body of a call of `service`; raises `BadRequest` with all faults, or `BodyTooLarge`."""
        text = read_json(raw, checked_one_by_one="prefetch")
        document = _normalised(text.document)
        wrong = find_faults(f"request-{service.hook}", document)
        if wrong:
            raise BadRequest(wrong)
        context = document["context"]
        fault = draft_orders_fault(context["draftOrders"]) if service.judges_orders else None
        if fault:
            raise BadRequest([fault])
        return cls(
            hook=document["hook"],
            instance=document["hookInstance"].lower(),
            patient_id=context["patientId"].removeprefix("Patient/"),
            user=context["userId"],
            encounter_id=_encounter(context.get("encounterId")),
            fhir_server=document.get("fhirServer"),
            authorization=_authorization(document.get("fhirAuthorization")),
            prefetch=MappingProxyType(document.get("prefetch", {})),
            draft_orders=context["draftOrders"] if service.judges_orders else None,
            selections=tuple(context["selections"]) if service.hook == "order-select" else None,
            raw=text.text,
        )


def _normalised(document: Any) -> Any:
    """Return the document in the form that the schema asks for, where a client's own form can mean one thing only."""
    if not isinstance(document, dict):
        return document
    kept = {name: value for name, value in document.items() if name not in _MAY_BE_EMPTY or not _is_empty(name, value)}
    if isinstance(kept.get("context"), dict):
        kept["context"] = _normalised_context(kept["context"])
    return kept


def _is_empty(name: str, value: Any) -> bool:
    """Return whether a member says nothing: null, a token of nulls, or `[]`, the empty object of some languages.

    A prefetch of nulls says something: that the client looked and there is none.
    """
    if name == "fhirAuthorization" and isinstance(value, dict):
        return all(member is None for member in value.values())
    return value is None or (value == [] and name != "fhirServer")


def _normalised_context(context: dict[str, Any]) -> dict[str, Any]:
    """Return the context without an encounter that cannot be read, since nothing is decided by it (protocol R-05)."""
    kept = dict(context)
    for name in ("patientId", "encounterId"):
        if type(kept.get(name)) is int:
            kept[name] = str(kept[name])
    if not isinstance(kept.get("encounterId"), str):
        kept.pop("encounterId", None)
    if isinstance(kept.get("selections"), str):
        kept["selections"] = [kept["selections"]]
    elif isinstance(kept.get("selections"), list):
        kept["selections"] = [_selection(each) for each in kept["selections"]]
    return kept


def _selection(value: Any) -> Any:
    """Return the reference of a Reference, and an empty one for null, which selects no draft."""
    return reference_of(value) if value is None or isinstance(value, dict) else value


def _encounter(value: str | None) -> str | None:
    """Return a bare id, or None if it is not one."""
    bare = (value or "").removeprefix("Encounter/")
    return bare if _ID.fullmatch(bare) else None


def _authorization(value: Any) -> FhirAuthorization | None:
    if value is None:
        return None
    return FhirAuthorization(
        access_token=value["access_token"],
        expires_in=_seconds(value.get("expires_in")),
        patient=_patient(value.get("patient")),
        scope=_scope(value.get("scope")),
        is_bearer=_is_bearer(value.get("token_type")),
    )


def _patient(value: Any) -> str | None:
    """Return the id; an integer is read as its digits, and an empty string as absent."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.removeprefix("Patient/") if isinstance(value, str) else ""


def _scope(value: Any) -> str | None:
    """Return the scope string, or a list of strings joined; anything else counts as absent."""
    if isinstance(value, list):
        value = " ".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else None


def _is_bearer(value: Any) -> bool:
    """Return whether the token type is Bearer, in any case; an absent type means Bearer (protocol R-08)."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "bearer"))


def _seconds(value: Any) -> float | None:
    """Return seconds from a number or, as some clients send it, a string (protocol R-08)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
