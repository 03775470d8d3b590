"""Every definition one step under, on and over its number; and none that may move without a case that notices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

import cards.knowledge.definitions
from cards.dates import on_day
from cards.decisions.iron.studies import read_iron_studies
from cards.decisions.iron.treatment import exceeds_low_dose, usual_child_dose
from cards.decisions.shared.clearance import creatinine_clearance
from cards.decisions.shared.kidney import Kidney, read_kidney
from cards.decisions.shared.levels import recheck_day
from cards.decisions.shared.orders import earlier_orders
from cards.decisions.shared.pyridoxine import is_infant, pyridoxine_limit
from cards.drugs.history import with_history
from cards.drugs.iron import Iron, elemental_iron
from cards.drugs.kinds import classes_of
from cards.drugs.products import ProductRow
from cards.facts.chart import Person
from cards.facts.drugs import Amount, Product
from cards.facts.results import Measure
from cards.knowledge.definitions import definitions, definitions_from
from cards.knowledge.rules import BadKnowledge
from cards.labs.saturation import saturations, tsat_results
from cards.patient.anaemia import anaemia_limit
from cards.patient.awaited import awaited_orders
from cards.patient.pregnancy import pregnancy
from cards.patient.status import haemodialysis, is_esrd, is_newborn, polycythaemia
from cards.patient.weight import body_weight
from cards.reading.medications import read_drugs
from cds_service.knowledge.load import national_rules
from tests.builders import observations as build
from tests.decisions import charts
from tests.unit.cards.patient.test_scope import TODAY, ago, chart, done, due, dx, weeks

_HOUSE = Path(__file__).parents[2]
_RULES = national_rules()


class SideCase(NamedTuple):
    name: str
    side: str
    ask: Callable[[], object]
    expected: object


def _sides(name: str, ask: Callable[[Any], object], *values: tuple[Any, object]) -> Iterator[SideCase]:
    """One question under, on and over the number; a number that is no limit is asked for once."""
    for side, (value, expected) in zip(("under", "on", "over") if len(values) > 1 else ("on",), values, strict=True):
        yield SideCase(name, side, partial(ask, value), expected)


def _is_newborn(days: int) -> bool:
    return is_newborn(chart(person=Person(ago(days))))


def _weighs(years: int) -> bool:
    """A weight of 200 days ago counts: too old in an infant."""
    built = charts.chart({"person": f"{years} M", "measures": ["body-weight 12 200d"]})
    return body_weight(built, _RULES) is not None


def _most_pyridoxine(years: int) -> str:
    built = charts.chart({"person": f"{years} M"})
    return "any" if is_infant(built) else pyridoxine_limit(built, _RULES).name


def _clears(sex: str) -> str:
    """Creatinine clearance of 80 years, 70 kg and 1.44 mg/dL."""
    built = charts.chart({"person": "80 M", "labs": ["creatinine 1.44 mg/dL 26d"], "measures": ["body-weight 70 30d"]})
    found = creatinine_clearance(replace(built, person=replace(built.person, sex=sex)), built.measures[0], _RULES)
    return str(found and found.value)


def _is_early(days: int) -> bool:
    return pregnancy(chart(dx("pregnant"), weeks("13", days - 91))).may_be_first_trimester


def _limit_of_haemoglobin(days: int) -> str:
    return anaemia_limit(chart(dx("pregnant"), weeks("13", days - 91)), _RULES).name


def _days(*facts: Measure) -> int | None:
    return pregnancy(chart(dx("pregnant"), *facts)).days


def _is_pregnant(concept: str, days: int) -> bool:
    return pregnancy(chart(dx(concept, recorded=ago(days)))).is_pregnant


def _is_overdue(days: int) -> bool:
    return not pregnancy(chart(dx("pregnant"), due(-days))).is_pregnant


def _is_stated(days: int) -> bool:
    pregnant = {"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]}
    day = (build.TODAY - timedelta(days=days)).isoformat()
    said = build.observation("ferritin", code=build.coded("82810-3"), valueCodeableConcept=pregnant)
    return build.read({**said, "effectiveDateTime": day}).diagnoses_like[0].counts


def _may_be_pregnant_at(years: int) -> bool:
    person = Person(on_day(date(TODAY.year - years, 1, 1)), "female")
    return pregnancy(chart(dx("pregnant"), person=person)).is_pregnant


def _goes_on_dialysis(days: int) -> tuple[bool, bool, bool]:
    """End-stage disease, haemodialysis, and end-stage disease with a transplant."""
    dialysis = done(days, "dialysis-procedure", "haemodialysis-procedure")
    transplant = chart(dx("esrd"), dx("kidney-transplant"), dialysis)
    return is_esrd(chart(dialysis)), bool(haemodialysis(chart(dialysis))), is_esrd(transplant)


def _is_awaited(days: int) -> bool:
    return bool(awaited_orders(charts.chart({"orders": [f"ferritin {days}d completed"]}), _RULES))


def _is_added_on(days: int) -> bool:
    """Whether a sample of so many days before the order may have been used for it."""
    order = {
        "orders": ["ferritin 2026-06-12 completed"],
        "labs": [f"ferritin 38 ng/mL {date(2026, 6, 12) - timedelta(days=days)}"],
    }
    return not awaited_orders(charts.chart(order), _RULES)


def _is_polycythaemic(days: int) -> bool:
    return bool(polycythaemia(chart(done(days, "therapeutic-phlebotomy"))))


def _is_dispensed(days: int) -> bool:
    """A dispense that does not say how long it lasts."""
    handed_out = {"resourceType": "MedicationDispense", "id": "e", "status": "completed",
                  "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg oral tablet"},
                  "whenHandedOver": (TODAY - timedelta(days=days)).isoformat()}  # fmt: skip
    (drug,) = read_drugs([handed_out], patient_id="p", today=TODAY, zone=build.ZONE)
    return drug.active


def _is_active_unsaid(days: int) -> bool:
    order = {
        "resourceType": "MedicationRequest",
        "id": "o",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"text": "Ferrous sulfate 325 mg tablet"},
        "authoredOn": (TODAY - timedelta(days=days)).isoformat(),
    }
    return read_drugs([order], patient_id="p", today=TODAY, zone=build.ZONE)[0].active


def _is_one_treatment(gap: int) -> bool:
    """The second order begins `gap` days after the first has ended."""
    first = charts.drug("iron-oral ferrous sulfate 65 since 200d until 100d")
    second = charts.drug(f"iron-oral ferrous sulfate 65 since {100 - gap}d")
    start = with_history([first, second])[1].start
    return start is not None and start.first == TODAY - timedelta(days=200)


def _is_renewal(days: int) -> bool:
    earlier = f"iron-oral ferrous sulfate 65 since 200d until {days}d"
    built = charts.chart({"drugs": [earlier], "drafts": ["iron-oral ferrous sulfate 65"]})
    return bool(earlier_orders(built, built.drafts[0]))


def _is_of_many(ingredients: int) -> bool:
    row = ProductRow((Amount("ferrous sulfate", Decimal(65)),), ingredients, "tablet", "oral", extended_release=False)
    return "multi-ingredient" in classes_of(row, "oral", contraceptive=False)


def _iron_in(mg: int, *, extended: bool) -> Iron | None:
    amount = Amount("ferrous sulfate", Decimal(mg))
    tablet = Product((amount,), frozenset({"iron-oral"}), "a tablet", "oral", "tablet", extended_release=extended)
    return elemental_iron(amount, tablet)


def _salt_is_known(mg: int, *, extended: bool = False) -> bool:
    iron = _iron_in(mg, extended=extended)
    return iron is not None and iron.salt_known


def _are_disputed(calculated: str) -> bool:
    """The laboratory reported 30 %; iron over a TIBC of 1000 µg/dL gives the other."""
    labs = (build.lab("tsat", "30"), build.lab("iron", calculated), build.lab("tibc", "1000"))
    return bool(saturations(build.chart(*labs)).disputed)


def _from_transferrin(iron: str) -> str:
    (found,) = tsat_results(build.chart(build.lab("iron", iron), build.lab("transferrin", iron)))
    return found.quantity.text


def _is_usable_percent(reported: str) -> bool:
    """Iron over a TIBC of 100 µg/dL bears the reported number out."""
    labs = (build.lab("tsat", reported), build.lab("iron", reported), build.lab("tibc", "100"))
    return any(each.how == "reported" for each in tsat_results(build.chart(*labs)))


def _stands_alone(reported: str) -> bool:
    return bool(tsat_results(build.chart(build.lab("tsat", reported))))


def _kidney(*diagnoses: str, labs: tuple[str, ...] = ()) -> Kidney:
    return read_kidney(charts.chart({"dx": diagnoses, "labs": labs}), _RULES, "egfr_days_order")


def _egfr_of_a_stage(number: int) -> Decimal | None:
    below = _kidney(f"ckd+ckd-stage-{number}").below
    return below and below.value


def _counts_after(days: int) -> bool:
    return _kidney(labs=(f"egfr 40 mL/min/{{1.73_m2}} {days}d",)).egfr is not None


def _counts_when_old(egfr: str) -> bool:
    return _kidney(labs=(f"egfr {egfr} mL/min/{{1.73_m2}} 400d",)).egfr is not None


def _is_acute(days: int) -> bool:
    return bool(_kidney(f"acute-kidney-injury {days}d").acute)


def _has_a_low_dose(years: int) -> bool:
    """20 mg of iron a day, without a body weight."""
    built = charts.chart({"person": f"{years} M", "drugs": ["iron-oral ferrous sulfate 20"]})
    return not exceeds_low_dose(built.drugs, built, _RULES)


def _childs_dose(kilograms: str) -> str:
    return str(usual_child_dose(Decimal(kilograms)))


def _corrected_calcium(albumin: float) -> str:
    labs = (build.observation("calcium", 9.0, "mg/dL"), build.observation("albumin", albumin, "g/dL"))
    return next(each.quantity.text for each in build.read(*labs).labs if each.analyte == "calcium")


def _is_borderline(ferritin: str) -> bool:
    built = charts.chart({"labs": [f"ferritin {ferritin} ng/mL 26d"]})
    return read_iron_studies(built, _RULES, window="fresh_days", limits=()).ferritin_is_borderline


_DAYS_OF_BOTH = (True, True, True)
CASES = (
    *_sides("level.recheck_days", lambda _: recheck_day(chart()), (None, TODAY + timedelta(days=90))),
    *_sides("newborn.days", _is_newborn, (27, True), (28, False), (29, False)),
    *_sides("infant.years", _weighs, (1, False), (2, True), (3, True)),
    *_sides("pregnancy.first_trimester", _is_early, (97, True), (98, False), (99, False)),
    *_sides(
        "pregnancy.first_trimester", _limit_of_haemoglobin,
        (97, "hb.pregnant"), (98, "hb.second_trimester"), (99, "hb.second_trimester"),
    ),
    *_sides(
        "pregnancy.third_trimester", _limit_of_haemoglobin,
        (195, "hb.second_trimester"), (196, "hb.pregnant"), (197, "hb.pregnant"),
    ),
    *_sides("pregnancy.term", lambda days: _days(due(days)), (0, 280)),
    *_sides("pregnancy.longest", partial(_is_pregnant, "pregnant"), (300, True), (301, True), (302, False)),
    *_sides("pregnancy.longest", lambda days: _days(weeks("40", days - 280)), (300, 300), (301, 301), (302, None)),
    *_sides("pregnancy.overdue", _is_overdue, (20, False), (21, False), (22, True)),
    *_sides("pregnancy.puerperium", partial(_is_pregnant, "puerperal"), (41, True), (42, True), (43, False)),
    *_sides("pregnancy.stated", _is_stated, (41, True), (42, True), (43, False)),
    *_sides("pregnancy.oldest", _may_be_pregnant_at, (59, True), (60, True), (61, False)),
    *_sides("dialysis.days", _goes_on_dialysis, (89, _DAYS_OF_BOTH), (90, _DAYS_OF_BOTH), (91, (False, False, False))),
    *_sides("completed_order.days", _is_awaited, (13, True), (14, True), (15, False)),
    *_sides("add_on.days", _is_added_on, (6, True), (7, True), (8, False)),
    *_sides("phlebotomy.days", _is_polycythaemic, (364, True), (365, True), (366, False)),
    *_sides("drug.unsaid_days", _is_active_unsaid, (364, True), (365, True), (366, False)),
    *_sides("drug.dispensed_days", _is_dispensed, (89, True), (90, True), (91, False)),
    *_sides("drug.gap_days", _is_one_treatment, (29, True), (30, True), (31, False)),
    *_sides("drug.renewal_days", _is_renewal, (89, True), (90, True), (91, False)),
    *_sides("product.multi_ingredient", _is_of_many, (3, False), (4, True), (5, True)),
    *_sides(
        "sulfate.dried_extended_from", partial(_salt_is_known, extended=True), (136, False), (137, True), (138, True)
    ),
    *_sides(
        "sulfate.dried_extended_to", partial(_salt_is_known, extended=True), (167, True), (168, True), (169, False)
    ),
    *_sides("sulfate.dried_extended_iron", partial(_iron_in, extended=True), (142, Iron(Decimal("44.730")))),
    *_sides("sulfate.perhaps_dried", _salt_is_known, (199, False), (200, False), (201, True)),
    *_sides("tsat.hardly_percent", _stands_alone, ("1.99", False), ("2", True), ("2.01", True)),
    *_sides("tsat.fraction_from", _is_usable_percent, ("0.19", True), ("0.2", False), ("0.21", False)),
    *_sides("tsat.fraction_to", _is_usable_percent, ("1.49", False), ("1.5", False), ("1.51", True)),
    *_sides("ckd.moderate", _egfr_of_a_stage, (3, Decimal(60))),
    *_sides("ckd.severe", _egfr_of_a_stage, (4, Decimal(30))),
    *_sides("ckd.failure", _egfr_of_a_stage, (5, Decimal(15))),
    *_sides("egfr.old_days", _counts_after, (729, True), (730, True), (731, False)),
    *_sides("egfr.old_low", _counts_when_old, ("59", True), ("60", False), ("61", False)),
    *_sides("acute_kidney.days", _is_acute, (89, True), (90, True), (91, False)),
    *_sides("child.low_dose_years", _has_a_low_dose, (5, False), (6, True), (7, True)),
    *_sides("child.iron_kg", _childs_dose, ("21", "63")),
    *_sides("adult.iron_mg", _childs_dose, ("22", "65")),
    *_sides("tsat.most_apart", _are_disputed, ("349", False), ("350", False), ("351", True)),
    *_sides("tsat.per_transferrin", _from_transferrin, ("200", "70.9 %")),
    *_sides("calcium.per_albumin", _corrected_calcium, (2.0, "10.6 mg/dL")),
    *_sides("calcium.usual_albumin", _corrected_calcium, (2.0, "10.6 mg/dL")),
    *_sides("pyridoxine.one", _most_pyridoxine, (0, "any"), (1, "b6.ul_1"), (2, "b6.ul_1")),
    *_sides("pyridoxine.four", _most_pyridoxine, (3, "b6.ul_1"), (4, "b6.ul_4"), (5, "b6.ul_4")),
    *_sides("pyridoxine.nine", _most_pyridoxine, (8, "b6.ul_4"), (9, "b6.ul_9"), (10, "b6.ul_9")),
    *_sides("pyridoxine.fourteen", _most_pyridoxine, (13, "b6.ul_9"), (14, "b6.ul_14"), (15, "b6.ul_14")),
    *_sides("pyridoxine.adult", _most_pyridoxine, (18, "b6.ul_14"), (19, "b6.ul"), (20, "b6.ul")),
    *_sides("clearance.years", _clears, ("male", "40.5")),
    *_sides("clearance.divisor", _clears, ("male", "40.5")),
    *_sides("clearance.women", _clears, ("female", "34.4")),
    *_sides("clearance.women", _clears, ("unknown", "34.4")),
    *_sides("borderline.percent", _is_borderline, ("82.4", True), ("82.5", True), ("82.6", False)),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{case.name} {case.side} {n}" for n, case in enumerate(CASES)])
def test_case(case: SideCase) -> None:
    assert case.ask() == case.expected


@pytest.mark.parametrize("name", sorted(definitions()))
def test_every_definition_has_a_case_under_on_and_over_it(name: str) -> None:
    sides = {case.side for case in CASES if case.name == name}
    assert sides == ({"on"} if definitions()[name].side == "is" else {"under", "on", "over"})


@pytest.mark.parametrize("direction", [1, -1], ids=["up", "down"])
@pytest.mark.parametrize("name", sorted(definitions()))
def test_a_definition_that_moves_by_one_step_fails_a_case(
    name: str, direction: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = definitions()[name]
    moved = {**definitions(), name: replace(known, value=known.value + direction * known.step)}
    monkeypatch.setattr(cards.knowledge.definitions, "definitions", lambda: moved)
    near = [case for case in CASES if case.name == name]
    assert any(case.ask() != case.expected for case in near), f"{name} may move by {known.step} and no case notices"


#: A side, and the one that differs from it in the number itself alone.
_NEIGHBOURS = {"below": "up to", "up to": "below", "at or above": "above", "above": "at or above"}


@pytest.mark.parametrize("name", sorted(name for name, each in definitions().items() if each.side != "is"))
def test_a_side_that_is_turned_fails_a_case(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = definitions()[name]
    turned = {**definitions(), name: replace(known, side=_NEIGHBOURS[known.side])}
    monkeypatch.setattr(cards.knowledge.definitions, "definitions", lambda: turned)
    near = [case for case in CASES if case.name == name]
    assert any(case.ask() != case.expected for case in near), f"{name} may be {turned[name].side} and no case notices"


def test_the_code_asks_for_every_definition_and_for_no_other() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (_HOUSE / "cards").rglob("*.py"))
    asked = set(re.findall(r'\b(?:whole|amount|defined)\(\s*"([a-z_.]+)"', code))
    assert asked == set(definitions())


def test_definitions_cannot_be_changed() -> None:
    assert isinstance(definitions(), MappingProxyType)


def test_a_file_that_is_no_toml_is_refused() -> None:
    with pytest.raises(BadKnowledge, match=r"cards/knowledge/definitions.toml: not TOML"):
        definitions_from("value = ")
