"""Body weight, gestational age, due date, a stated pregnancy and a score of RLS severity, out of Observations."""

from __future__ import annotations

from datetime import date, tzinfo
from decimal import Decimal

from cards.dates import parse_known
from cards.facts.chart import Diagnosis
from cards.facts.results import Measure, UnusableResult
from cards.fhir.json_values import codings, text, text_of
from cards.knowledge.code_systems import LOINC, SNOMED, system_of
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets
from cards.labs.analytes import analyte
from cards.labs.units import ReadableQuantity, UnreadableQuantity, canonical
from cards.reading.diagnosis_words import states_pregnancy
from cards.reading.observations import Measurement
from cards.reading.values import dated, read_value, unusable, why_not_final, why_undated

#: The answers to LOINC 82810-3 that say "pregnant".
_PREGNANT = frozenset({(SNOMED, "77386006"), (LOINC, "LA15173-0")})
_MEASURES = ("body-weight", "gestational-age", "irls")
#: A total of points; it reaches us only by a site's local code for measure-irls (no public code is in use here).
_SCORES = frozenset({"irls"})


def read_measure(measurement: Measurement, today: date, zone: tzinfo) -> Measure | Diagnosis | UnusableResult | None:
    """Return the measure that an Observation holds; `None` where it holds none, or says nothing that counts."""
    if "due-date" in measurement.names:
        return _due_date(measurement, today, zone)
    if "pregnancy-status" in measurement.names:
        return _pregnancy(measurement, today)
    if measurement.names.isdisjoint(_MEASURES):
        return None
    kind = next((name for name in _MEASURES if name in measurement.names), None)
    return _number(measurement, kind, today) if kind else None


def _number(measurement: Measurement, kind: str, today: date) -> Measure | UnusableResult:
    """Weight in kg, gestational age in weeks, a score in points."""
    value = _score(measurement, kind) if kind in _SCORES else read_value(analyte(kind), measurement.content)
    why = why_not_final(measurement) or why_undated(measurement, today)
    if why or isinstance(value, UnreadableQuantity) or measurement.when is None:
        return unusable(measurement, kind, why or _why(value), value, today)
    if value.quantity.is_censored:
        return unusable(measurement, kind, "censored", value, today)
    return Measure(kind, value.quantity.value, dated(measurement.when, today), reference=measurement.reference)


def _score(measurement: Measurement, kind: str) -> ReadableQuantity | UnreadableQuantity:
    """A whole number of points: a plain integer has no unit and needs none."""
    total = measurement.content.get("valueInteger")
    if total is None:
        return read_value(analyte(kind), measurement.content)
    return canonical(analyte(kind), total, unit="points")


def _why(value: ReadableQuantity | UnreadableQuantity) -> str:
    return value.why if isinstance(value, UnreadableQuantity) else ""


def _due_date(measurement: Measurement, today: date, zone: tzinfo) -> Measure | None:
    """An expected date of delivery lies ahead as a rule; only the day it was stated must not."""
    due = parse_known(measurement.content.get("valueDateTime"), zone)
    if due is None or not due.is_exact_day or measurement.when is None:
        return None
    if why_not_final(measurement) or why_undated(measurement, today):
        return None
    when = dated(measurement.when, today)
    return Measure("due-date", Decimal(0), when, day=due.first, reference=measurement.reference)


def _pregnancy(measurement: Measurement, today: date) -> Diagnosis | None:
    said = measurement.content.get("valueCodeableConcept")
    answers = {(system_of(system), code) for system, code in codings(said)}
    words = text(measurement.content.get("valueString")) or ("" if answers else text_of(said))
    if not (answers & _PREGNANT or states_pregnancy(words)) or measurement.when is None:
        return None
    if why_not_final(measurement) or why_undated(measurement, today):
        return None
    when = dated(measurement.when, today)
    counts = meets(when.days_before(today), defined("pregnancy.stated"))
    return Diagnosis(frozenset({"pregnant"}), counts, recorded=when, reference=measurement.reference)
