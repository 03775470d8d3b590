"""Laboratory results out of FHIR Observations: comparable, or listed with the reason why not (clinical page 0.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from decimal import Decimal
from functools import cache

from cards.analytes import Analyte, analytes
from cards.chart import Diagnosis, LabResult, Measure, UnusableResult
from cards.moment import Moment
from cards.quantity import Quantity
from cards.reading.local import local_key
from cards.reading.measures import read_measure
from cards.reading.observations import Measurement, measurements
from cards.reading.shapes import Json, codings
from cards.reading.sums import with_sums
from cards.reading.values import FINAL, dated, read_value, unusable, why_not_final, why_undated
from cards.units import Readable, Unreadable
from cards.valuesets import ConceptIndex, load_valueset, valueset_names

#: A site's own codes, as `local_key` writes them, to the name of a value set, such as lab-ferritin.
LocalCodes = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Results:
    """What the Observations say. `discarded` counts those about another patient."""

    labs: tuple[LabResult, ...] = ()
    unusable: tuple[UnusableResult, ...] = ()
    measures: tuple[Measure, ...] = ()
    diagnoses_like: tuple[Diagnosis, ...] = ()
    discarded: int = 0


def read_results(
    resources: Iterable[Json],
    *,
    patient_id: str,
    today: date,
    zone: tzinfo,
    local_codes: LocalCodes | None = None,
    assay_factors: Mapping[str, Decimal] | None = None,
) -> Results:
    """Read every Observation about this patient; what is not an analyte of ours is passed over in silence.

    `assay_factors` per analyte apply before rounding and never to a censored value (amendments, section 4).
    """
    found = measurements(
        resources, patient_id=patient_id, zone=zone, names_of=lambda code: _names_of(code, local_codes or {})
    )
    answers = [_read(each, today, zone, assay_factors or {}, local_codes or {}) for each in found.measurements]
    return Results(
        labs=with_sums(_once([answer for answer in answers if isinstance(answer, LabResult)])),
        unusable=tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, UnusableResult))),
        measures=tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, Measure))),
        diagnoses_like=tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, Diagnosis))),
        discarded=found.discarded,
    )


def _once(labs: Iterable[LabResult]) -> tuple[LabResult, ...]:
    """The same number of the same moment under two ids is one result; the higher status stays."""
    kept: dict[tuple[str, Quantity, Quantity | None, Moment], LabResult] = {}
    for result in labs:
        key = (result.analyte, result.quantity, result.reported, result.when)
        if key not in kept or _outranks(result, kept[key]):
            kept[key] = result
    return tuple(kept.values())


def _outranks(one: LabResult, other: LabResult) -> bool:
    if one.low_priority != other.low_priority:
        return other.low_priority
    if one.status == other.status:
        return other.unverified and not one.unverified
    return FINAL.index(one.status) > FINAL.index(other.status)


@cache
def _index() -> ConceptIndex:
    return ConceptIndex(load_valueset(name) for name in valueset_names() if name.startswith(("lab-", "measure-")))


@cache
def _low_priority() -> frozenset[str]:
    members = (load_valueset(name).codes for name in valueset_names() if name.startswith("lab-"))
    return frozenset(code for each in members for (_, code), member in each.items() if member.use == "low-priority")


def _names_of(code: Json, local_codes: LocalCodes) -> frozenset[str]:
    """The value sets its codings belong to, without the lab- or measure- before them; empty if none is an analyte."""
    names: set[str] = set()
    for system, each in codings(code):
        names |= _index().concepts_of(system, each)
        local = local_codes.get(local_key(system, each)) if local_codes else None
        names |= {local} if local else set()
    plain = frozenset(name.removeprefix("lab-").removeprefix("measure-") for name in names) - {"iron-panel"}
    return plain if plain - {"rejected"} else frozenset()


def _read(
    measurement: Measurement, today: date, zone: tzinfo, factors: Mapping[str, Decimal], local: LocalCodes
) -> LabResult | UnusableResult | Measure | Diagnosis | None:
    return read_measure(measurement, today, zone) or _read_lab(measurement, today, factors, local)


def _read_lab(
    measurement: Measurement, today: date, factors: Mapping[str, Decimal], local: LocalCodes
) -> LabResult | UnusableResult | None:
    meant = measurement.names - {"vitd3"} if "vitd" in measurement.names else measurement.names
    analyte = analytes().get(min(meant - {"rejected"}))
    if analyte is None:
        return None
    value = read_value(analyte, measurement.content)
    why = "several-tests" if len(meant) > 1 else _why_unusable(measurement, value, today)
    if why or isinstance(value, Unreadable) or measurement.when is None:
        return unusable(measurement, analyte.id, why, value, today)
    result = LabResult(
        analyte=analyte.id,
        quantity=value.quantity,
        when=dated(measurement.when, today),
        status=measurement.status,
        how=value.how,
        reported=value.reported,
        reference=measurement.reference,
        issued=measurement.issued,
        low_priority=_is_low_priority(measurement),
        exact=value.exact.value,
        unverified=_in_doubt(measurement, analyte.id, local),
    )
    return _aligned(result, value, analyte, factors.get(analyte.id, Decimal(1)))


def _in_doubt(measurement: Measurement, name: str, local: LocalCodes) -> bool:
    """Every code that means this analyte still awaits verification; what a site maps itself does not."""
    sent = tuple(codings(measurement.content.get("code")))
    mapped = bool(local) and any(local_key(*each) in local for each in sent)
    return not mapped and _index().all_unverified(sent, (f"lab-{name}", f"measure-{name}"))


def _is_low_priority(measurement: Measurement) -> bool:
    """Every code of ours that it bears is one to use only where there is no other."""
    ours = [code for system, code in codings(measurement.content.get("code")) if _index().concepts_of(system, code)]
    return bool(ours) and all(code in _low_priority() for code in ours)


def _aligned(result: LabResult, value: Readable, analyte: Analyte, factor: Decimal) -> LabResult:
    """A site's assay factor (clinical page 1.4); the number before it stays in `raw`."""
    if factor == 1 or value.exact.is_censored:
        return result
    aligned = replace(value.exact, value=value.exact.value * factor)
    shown = analyte.shown(aligned, converted=True)
    return replace(result, quantity=shown, raw=result.quantity, exact=aligned.value)


def _why_unusable(measurement: Measurement, value: Readable | Unreadable, today: date) -> str:
    """Key of the first reason that forbids to use it; empty where none does."""
    why = why_not_final(measurement)
    if why:
        return why
    if measurement.not_blood:
        return "not-blood"
    if measurement.qualified:
        return "qualified"
    return value.why if isinstance(value, Unreadable) else why_undated(measurement, today)
