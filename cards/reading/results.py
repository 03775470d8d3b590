"""Laboratory results from FHIR Observations: comparable, or with the reason why not (clinical rationale 0.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, tzinfo
from decimal import Decimal
from functools import cache, partial
from typing import NamedTuple

from cards.dates import PartialDate
from cards.facts.chart import Diagnosis
from cards.facts.results import LabResult, Measure, UnusableResult
from cards.fhir.json_values import Json, codes_without_system, codings, cut, objects, text, text_of
from cards.fhir.local_codes import local_key
from cards.fhir.references import Resolve
from cards.knowledge.code_systems import LOINC, system_of
from cards.knowledge.valuesets import ConceptIndex, load_valueset, valueset_names
from cards.labs.analytes import Analyte, analytes
from cards.labs.foreign_codes import named_analytes, names_another_test
from cards.labs.sums import with_sums
from cards.labs.units import ReadableQuantity, UnreadableQuantity
from cards.quantity import Quantity
from cards.reading.measures import read_measure
from cards.reading.observations import Meaning, Measurement, measurements
from cards.reading.values import FINAL, dated, read_value, unusable, why_not_final, why_undated
from cards.remembered import remembered
from cards.values import frozen

#: A site's own codes, as `local_key` writes them, to the name of a value set, such as lab-ferritin.
LocalCodes = Mapping[tuple[str, str], str]


@frozen
class Results:
    """What the Observations about this patient say."""

    labs: tuple[LabResult, ...] = ()
    unusable: tuple[UnusableResult, ...] = ()
    measures: tuple[Measure, ...] = ()
    diagnoses_like: tuple[Diagnosis, ...] = ()


def read_results(
    resources: Iterable[Json],
    *,
    patient_id: str,
    today: date,
    zone: tzinfo,
    local_codes: LocalCodes | None = None,
    assay_factors: Mapping[str, Decimal] | None = None,
    resolve: Resolve | None = None,
) -> Results:
    """Read every Observation about this patient; what is not an analyte of ours is passed over in silence.

    `assay_factors` per analyte apply before rounding and never to a censored value (clinical amendments 4); `resolve`
    finds referred Specimens.
    """
    found = measurements(
        resources,
        patient_id=patient_id,
        zone=zone,
        names_of=partial(meaning_of, local_codes=local_codes or {}),
        resolve=resolve,
    )
    answers = [_read(each, today, zone, assay_factors or {}, local_codes or {}) for each in found]
    return Results(
        labs=with_sums(_once([answer for answer in answers if isinstance(answer, LabResult)])),
        unusable=tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, UnusableResult))),
        measures=tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, Measure))),
        diagnoses_like=tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, Diagnosis))),
    )


def _once(labs: Iterable[LabResult]) -> tuple[LabResult, ...]:
    """The same number of the same moment under two ids is one result; the higher status stays."""
    kept: dict[tuple[str, Quantity, Quantity | None, PartialDate], LabResult] = {}
    for result in labs:
        key = (result.analyte, result.quantity, result.reported, result.when)
        held = kept.setdefault(key, result)
        if held is not result and _outranks(result, held):
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


def meaning_of(code: Json, local_codes: LocalCodes) -> Meaning:
    """Return the value sets its codings belong to, without the lab- or measure- before them; none for no analyte.

    Without any, the analytes that its words or its code of another laboratory system name, or a LOINC code without a
    system; where there are none either, whether it tells at all that it is something else.
    """
    keys = [key for each in codings(code) if (key := local_key(*each)) in local_codes] if local_codes else []
    return _meaning(code, tuple((key, local_codes[key]) for key in keys))


@remembered
def _meaning(code: Json, local: tuple[tuple[tuple[str, str], str], ...]) -> Meaning:
    """What a code means, with the codes of a site among its own and the value sets to which it maps them."""
    public = {each: found for each in codings(code) if (found := _index().concepts_of(*each))}
    names = frozenset(name for _, name in local).union(*public.values())
    plain = frozenset(name.removeprefix("lab-").removeprefix("measure-") for name in names) - {"iron-panel"}
    if plain - {"rejected"}:
        known = [local_key(*each) for each in public] or [key for key, _ in local]
        return Meaning(plain, code=_named(*known[0]))
    if plain:
        return Meaning()
    named = named_analytes(codings(code), _words(code)) | _bare_loinc(code)
    return Meaning(named, mapped=False, told=bool(named) or _is_told(code))


def _is_told(code: Json) -> bool:
    """Return whether a code or its words tell that it is something else than what is said around it."""
    return any(system_of(system) for system, _ in codings(code)) or names_another_test(_words(code))


def _named(system: str, code: str) -> str:
    return code if system == LOINC else f"{system}|{code}"


def _bare_loinc(code: Json) -> frozenset[str]:
    """The analytes of its LOINC codes that stand without a system."""
    names = frozenset[str]().union(*(_index().concepts_of(LOINC, each) for each in codes_without_system(code)))
    return frozenset(name.removeprefix("lab-") for name in names if name.startswith("lab-")) & analytes().keys()


def _read(
    measurement: Measurement, today: date, zone: tzinfo, factors: Mapping[str, Decimal], local: LocalCodes
) -> LabResult | UnusableResult | Measure | Diagnosis | None:
    measure = None if measurement.is_unmapped else read_measure(measurement, today, zone)
    return measure or _read_lab(measurement, today, factors, local)


def _read_lab(
    measurement: Measurement, today: date, factors: Mapping[str, Decimal], local: LocalCodes
) -> LabResult | UnusableResult | None:
    meant = measurement.names - {"vitd3"} if "vitd" in measurement.names else measurement.names
    analyte = analytes().get(min(meant - {"rejected"}))
    if analyte is None:
        return None
    code = measurement.content.get("code")
    coded = _coded(code, analyte.id)
    value = read_value(analyte, measurement.content, by_definition=coded.by_loinc)
    why = "several-tests" if len(meant) > 1 else _why_unusable(measurement, value, today)
    if why or isinstance(value, UnreadableQuantity) or measurement.when is None:
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
        low_priority=coded.low_priority,
        exact=value.exact.value,
        unverified=coded.unverified and not _is_mapped(code, local),
        code=measurement.code,
    )
    return _aligned(result, value, analyte, factors.get(analyte.id, Decimal(1)))


class _Coded(NamedTuple):
    """What the codes of a result say besides which analyte it is.

    by_loinc      a code of LOINC says what it is: what it defines, such as per 1.73 m², need not stand in the unit
    low_priority  every code of ours that it bears is one to use only where there is no other
    unverified    every code that means this analyte still awaits verification
    """

    by_loinc: bool
    low_priority: bool
    unverified: bool


@remembered
def _coded(concept: Json, name: str) -> _Coded:
    sent = codings(concept)
    ours = [(system, code) for system, code in sent if _index().concepts_of(system, code)]
    return _Coded(
        by_loinc=any(system_of(system) == LOINC for system, _ in ours),
        low_priority=bool(ours) and all(code in _low_priority() for _, code in ours),
        unverified=_index().all_unverified(sent, (f"lab-{name}", f"measure-{name}")),
    )


def _is_mapped(code: Json, local: LocalCodes) -> bool:
    """What a site maps itself awaits no verification."""
    return bool(local) and any(local_key(*each) in local for each in codings(code))


def _words(code: Json) -> tuple[str, ...]:
    shown = (text(coding.get("display")) for each in objects(code) for coding in objects(cut(each.get("coding"))))
    return (text_of(code), *shown)


def _aligned(result: LabResult, value: ReadableQuantity, analyte: Analyte, factor: Decimal) -> LabResult:
    """A site's assay factor (clinical rationale 1.4); the number before it stays in `raw`."""
    if factor == 1 or value.exact.is_censored:
        return result
    aligned = replace(value.exact, value=value.exact.value * factor)
    shown = analyte.shown(aligned, converted=True)
    return replace(result, quantity=shown, raw=result.quantity, exact=aligned.value)


def _why_unusable(measurement: Measurement, value: ReadableQuantity | UnreadableQuantity, today: date) -> str:
    """Key of the first reason that forbids to use it; empty where none does."""
    why = why_not_final(measurement)
    if why:
        return why
    if measurement.not_blood:
        return "not-blood"
    if measurement.is_unmapped:
        return "code-not-mapped"
    if measurement.qualified:
        return "qualified"
    return value.why if isinstance(value, UnreadableQuantity) else why_undated(measurement, today)
