"""Whether a Condition is present: its two statuses, its end and its category, in every version's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, tzinfo

from cards.moment import Moment, lies_in_future
from cards.reading.shapes import Json, codings, items, moment_of, objects, text

_CLEARED = frozenset({"refuted", "entered-in-error"})
_PAST = frozenset({"inactive", "remission", "resolved"})
#: Codes of a category and the two SNOMED findings "family history" and "family history of clinical finding".
_FAMILY_HISTORY = frozenset({"family-history", "familyhistory", "family history", "57177007", "416471007"})
_PROBLEM_LIST = frozenset({"problem-list-item", "problem-list", "problem list item", "problem"})
#: The plain `diagnosis` of DSTU2 stands on problem lists too, so that it is no mark of a visit.
_ENCOUNTER = frozenset({"encounter-diagnosis", "encounter diagnosis"})


@dataclass(frozen=True, slots=True)
class Presence:
    """`counts`: present by page 0.2; `cleared`: refuted or entered in error; `certain`: confirmed, or nothing said."""

    counts: bool
    cleared: bool
    certain: bool
    abated: Moment | None


def presence(condition: Mapping[str, Json], today: date, zone: tzinfo) -> Presence:
    """Without a clinicalStatus an entry is present unless it has ended or is cleared (errors often have no status)."""
    clinical = words_of(condition.get("clinicalStatus"))
    verification = words_of(condition.get("verificationStatus"))
    cleared = bool((verification | clinical) & _CLEARED)
    abated = moment_of(condition, "abatementDateTime", "abatementPeriod", zone=zone)
    ended = bool(clinical & _PAST) or _has_abated(condition, abated, today)
    certain = not verification or "confirmed" in verification
    return Presence(counts=not (cleared or ended), cleared=cleared, certain=certain, abated=abated)


def _has_abated(condition: Mapping[str, Json], abated: Moment | None, today: date) -> bool:
    """An abatement of any form, except `false` and a day that is still to come."""
    if abated is not None:
        return not lies_in_future(abated, today)
    held = (value for name, value in condition.items() if name.startswith("abatement"))
    return any(value is not None and value is not False for value in held)


def is_family_history(condition: Mapping[str, Json]) -> bool:
    """Said of a relative: never a diagnosis of the patient."""
    return bool(words_of(condition.get("category")) & _FAMILY_HISTORY)


def is_from_encounter(condition: Mapping[str, Json]) -> bool:
    """Coded for a visit and not on the problem list."""
    categories = words_of(condition.get("category"))
    return bool(categories & _ENCOUNTER) and not categories & _PROBLEM_LIST


def is_patients_own_concern(condition: Mapping[str, Json]) -> bool:
    """A health concern that nobody has made a diagnosis or a problem of."""
    categories = words_of(condition.get("category"))
    return "health-concern" in categories and not categories & (_PROBLEM_LIST | _ENCOUNTER)


def words_of(concepts: Json) -> frozenset[str]:
    """Every code and text of a status or category, in lower case; a plain string counts as well."""
    codes = {code for _, code in codings(concepts)}
    texts = {text(each.get("text")) for each in objects(concepts)} | {text(each) for each in items(concepts)}
    return frozenset(word.lower() for word in codes | texts if word)
