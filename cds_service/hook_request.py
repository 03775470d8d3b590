"""The envelope of a hook call, checked once: inside, types carry what was promised here.

Strict in what names the call (hook, instance, context), lenient in the rest: see the CDS Hooks page, rows R-01 to R-22.
FHIR inside `context` and `prefetch` is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cds_service.body import parse_json
from cds_service.errors import BadRequest
from cds_service.schema import faults
from cds_service.services import Service

#: Members a client may send as `null` for "I have none"; unknown members are ignored anyway (T-08).
_MAY_BE_NULL = ("fhirServer", "fhirAuthorization", "prefetch")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FhirAuthorization:
    """What a client says of its token. None where it does not tell; `expires_in` in seconds.

    `patient` is an id; empty where the token is for somebody who cannot be made out, and so not for this patient.
    `scope`: its words with blanks between. A scope for one patient needs no `patient` (R-08): the client that gave
    the token has named the patient in the context, and whatever is about another is discarded.
    """

    access_token: str = field(repr=False)
    expires_in: float | None = None
    patient: str | None = None
    scope: str | None = None
    is_bearer: bool = True


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One call of one hook about one patient.

    patient_id     a FHIR id, safe in an address
    prefetch       by key; a key that is absent is to be read, `None` is known to be empty
    draft_orders   the Bundle of an order hook as it was sent, None on other hooks
    selections     on order-select the references chosen, None on other hooks
    raw            the text itself, for numbers that must keep their digits
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

    @classmethod
    def parse(cls, raw: bytes, service: Service) -> HookRequest:
        """Read a body that names a call of `service`. Raises `BadRequest` with all faults, or `BodyTooLarge`."""
        document = _without_nulls(parse_json(raw))
        wrong = faults(f"request-{service.hook}", document)
        if wrong:
            raise BadRequest(wrong)
        context = document["context"]
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
            raw=raw,
        )


def _without_nulls(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    kept = {name: value for name, value in document.items() if value is not None or name not in _MAY_BE_NULL}
    context = kept.get("context")
    if isinstance(context, dict) and context.get("encounterId", "") is None:
        kept["context"] = {name: value for name, value in context.items() if name != "encounterId"}
    return kept


def _encounter(value: str | None) -> str | None:
    """A bare id; what is none is left out, since nothing is decided by it."""
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
    """The id; a whole number is read as its digits, and an empty text is none."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.removeprefix("Patient/") if isinstance(value, str) else ""


def _scope(value: Any) -> str | None:
    """The text, or a list of texts put together; anything else says nothing."""
    if isinstance(value, list):
        value = " ".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else None


def _is_bearer(value: Any) -> bool:
    """In any case of letters; a client that names no type means this one (R-08)."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "bearer"))


def _seconds(value: Any) -> float | None:
    """Seconds as a number or, as some clients write them, as a string (R-08)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
