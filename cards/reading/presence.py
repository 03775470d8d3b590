"""Whether a Condition is present: its two statuses, its end and its category, in every version's shape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo

from cards.dates import PartialDate, lies_in_future, names_no_day
from cards.fhir.json_values import Json, codings, items, objects, partial_date_of, text
from cards.remembered import remembered
from cards.values import frozen

_CLEARED = frozenset({"refuted", "entered-in-error"})
_PAST = frozenset({"inactive", "remission", "resolved"})
#: Codes of a category and the two SNOMED findings "family history" and "family history of clinical finding".
_FAMILY_HISTORY = frozenset({"family-history", "familyhistory", "family history", "57177007", "416471007"})
_PROBLEM_LIST = frozenset({"problem-list-item", "problem-list", "problem list item", "problem"})
#: The plain `diagnosis` of DSTU2 stands on problem lists too, so that it is no mark of a visit.
_ENCOUNTER = frozenset({"encounter-diagnosis", "encounter diagnosis"})


@frozen
class Presence:
    """Whether a condition is present.

    counts   present by clinical rationale 0.2
    cleared  refuted or entered in error
    certain  confirmed, or nothing said
    """

    counts: bool
    cleared: bool
    certain: bool


def presence(condition: Mapping[str, Json], today: date, zone: tzinfo) -> Presence:
    """Judge a condition; without a clinicalStatus it is present unless it has ended or is cleared.

    An abatement in the years 1 or 9999 is none: programs write these for "not set" and "no end".
    """
    clinical = words_of(condition.get("clinicalStatus"))
    verification = words_of(condition.get("verificationStatus"))
    cleared = bool((verification | clinical) & _CLEARED)
    abatement = {name: value for name, value in condition.items() if name.startswith("abatement")}
    told = {name: value for name, value in abatement.items() if not _names_no_end(value)}
    abated = partial_date_of(told, "abatementDateTime", "abatementPeriod", zone=zone)
    ended = bool(clinical & _PAST) or _has_abated(told, abated, today)
    certain = not verification or "confirmed" in verification
    return Presence(counts=not (cleared or ended), cleared=cleared, certain=certain)


def _names_no_end(abatement: Json) -> bool:
    """Every date of it, of a period the end, is one that programs write where they have none."""
    dates = [(each.get("end") or each.get("start")) if isinstance(each, Mapping) else each for each in items(abatement)]
    return bool(dates) and all(map(names_no_day, dates))


def _has_abated(abatement: Mapping[str, Json], abated: PartialDate | None, today: date) -> bool:
    """An abatement of any form, except `false`, nothing at all and a day that is still to come."""
    if abated is not None:
        return not lies_in_future(abated, today)
    return any(abatement.values())


def is_family_history(condition: Mapping[str, Json]) -> bool:
    """Return whether it is said of a relative and so never a diagnosis of the patient."""
    return bool(words_of(condition.get("category")) & _FAMILY_HISTORY)


def is_from_encounter(condition: Mapping[str, Json]) -> bool:
    """Return whether it was coded for a visit and is not on the problem list."""
    categories = words_of(condition.get("category"))
    return bool(categories & _ENCOUNTER) and not categories & _PROBLEM_LIST


def is_patients_own_concern(condition: Mapping[str, Json]) -> bool:
    """Return whether it is a health concern that nobody has made a diagnosis or a problem of."""
    categories = words_of(condition.get("category"))
    return "health-concern" in categories and not categories & (_PROBLEM_LIST | _ENCOUNTER)


def words_of(concepts: Json) -> frozenset[str]:
    """Return every code and text of a status or category, in lower case; a plain string counts as well."""
    return _words_of(concepts) if concepts else frozenset()


@remembered
def _words_of(concepts: Json) -> frozenset[str]:
    codes = {code for _, code in codings(concepts)}
    texts = {text(each.get("text")) for each in objects(concepts)} | {text(each) for each in items(concepts)}
    return frozenset(word.lower() for word in codes | texts if word)
