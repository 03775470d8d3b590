"""Who the patient is to the rules, at every boundary."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cards.dates import PartialDate, on_day
from cards.facts.chart import Certainty, Chart, Diagnosis, Person, Procedure
from cards.facts.drugs import Drug, Product
from cards.facts.results import Measure
from cards.patient.pregnancy import pregnancy
from cards.patient.status import (
    Rls,
    end_stage_kidney,
    haemodialysis,
    is_child,
    is_esrd,
    is_newborn,
    is_on_haemodialysis,
    overload,
    polycythaemia,
    probable_overload,
    rls,
    rls_status,
)

TODAY = date(2026, 6, 15)


def ago(days: int) -> PartialDate:
    return on_day(TODAY - timedelta(days=days))


def dx(*concepts: str, counts: bool = True, suspected: bool = False, **elements: Any) -> Diagnosis:
    certainty = Certainty.SUSPECTED if suspected else Certainty.CONFIRMED
    return Diagnosis(frozenset(concepts), counts, certainty, **elements)


def done(days: int | None, *concepts: str) -> Procedure:
    return Procedure(frozenset(concepts), None if days is None else ago(days))


def chart(*facts: Diagnosis | Procedure | Drug | Measure, **elements: Any) -> Chart:
    return Chart(
        TODAY,
        diagnoses=tuple(each for each in facts if isinstance(each, Diagnosis)),
        procedures=tuple(each for each in facts if isinstance(each, Procedure)),
        drugs=tuple(each for each in facts if isinstance(each, Drug)),
        measures=tuple(each for each in facts if isinstance(each, Measure)),
        **elements,
    )


# ------------------------------------------------------------------ RLS and age


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ((), Rls.NO),
        ((dx("plmd"),), Rls.NO),
        ((dx("rls", counts=False),), Rls.NO),
        ((dx("rls"),), Rls.YES),
        ((dx("rls", suspected=True),), Rls.SUSPECTED),
        ((dx("rls", suspected=True), dx("rls")), Rls.YES),
        ((dx("rls", suspected=True), dx("rls", counts=False)), Rls.SUSPECTED),
        ((dx("rls", "akathisia"),), Rls.YES),
    ],
)
def test_rls(facts: tuple[Diagnosis, ...], status: Rls) -> None:
    assert rls_status(chart(*facts)) is status


def test_the_evidence_of_rls_is_the_confirmed_diagnosis_where_there_is_one() -> None:
    confirmed, suspected = dx("rls", reference="Condition/1"), dx("rls", suspected=True)
    assert rls(chart(suspected, confirmed)) == (confirmed,)
    assert rls(chart(suspected)) == (suspected,)


@pytest.mark.parametrize(
    ("birth", "child"),
    [("2008-06-16", True), ("2008-06-15", False), ("2008-06-14", False), (None, False)],
)
def test_a_child_is_under_18_today(birth: str | None, child: bool) -> None:
    person = Person(on_day(date.fromisoformat(birth)) if birth else None)
    assert is_child(chart(person=person)) is child


def test_a_site_may_set_another_age() -> None:
    assert is_child(chart(person=Person(on_day(date(2006, 1, 1))), adult_age=21))


@pytest.mark.parametrize(("days", "newborn"), [(0, True), (27, True), (28, False), (29, False)])
def test_a_newborn_is_under_28_days(days: int, newborn: bool) -> None:
    assert is_newborn(chart(person=Person(ago(days)))) is newborn


def test_a_birth_date_that_is_not_known_is_no_newborn() -> None:
    assert not is_newborn(chart())


# ------------------------------------------------------------------ kidney

DIALYSIS = "dialysis-procedure"


@pytest.mark.parametrize(
    ("facts", "esrd"),
    [
        ((), False),
        ((dx("esrd"),), True),
        ((dx("esrd", counts=False),), False),
        ((dx("dialysis-dependence"),), True),
        ((done(89, DIALYSIS),), True),
        ((done(90, DIALYSIS),), True),
        ((done(91, DIALYSIS),), False),
        ((done(None, DIALYSIS),), False),
        ((done(-1, DIALYSIS),), True),
        ((done(-2, DIALYSIS),), False),
        ((dx("ckd", "ckd-stage-5"),), False),
        ((dx("ckd", "ckd-stage-5"), done(10, DIALYSIS)), True),
        ((dx("ckd", "ckd-stage-5"), dx("dialysis-dependence")), True),
        ((dx("esrd"), dx("kidney-transplant")), False),
        ((dx("esrd"), dx("kidney-transplant", counts=False)), True),
        ((dx("dialysis-dependence"), dx("kidney-transplant")), False),
        ((dx("dialysis-dependence", recorded=ago(90)), dx("kidney-transplant")), True),
        ((dx("dialysis-dependence", recorded=ago(91)), dx("kidney-transplant")), False),
        ((dx("dialysis-dependence", onset=ago(9), recorded=ago(5)), dx("kidney-transplant")), True),
        ((dx("esrd", recorded=ago(75)), dx("kidney-transplant", onset=ago(5000))), True),
        ((dx("esrd", recorded=ago(75)), dx("kidney-transplant", recorded=ago(76))), True),
        ((dx("esrd", recorded=ago(75)), dx("kidney-transplant", onset=ago(75))), False),
        ((dx("esrd", onset=ago(6000), recorded=ago(75)), dx("kidney-transplant", onset=ago(5000))), False),
        ((dx("esrd", recorded=ago(75)), dx("kidney-transplant", onset=ago(5000)), dx("kidney-transplant")), False),
        ((dx("esrd"), dx("kidney-transplant", onset=ago(5000))), False),
        ((dx("dialysis-dependence", recorded=ago(500)), dx("kidney-transplant", onset=ago(5000))), True),
        ((dx("ckd-stage-5", recorded=ago(75)), dx("kidney-transplant", onset=ago(5000))), False),
        ((dx("esrd"), dx("kidney-transplant"), done(90, DIALYSIS)), True),
        ((dx("esrd"), dx("kidney-transplant"), done(91, DIALYSIS)), False),
        ((dx("acute-kidney-injury"), done(3, DIALYSIS)), False),
        ((dx("acute-kidney-injury"), dx("dialysis-dependence")), False),
        ((dx("acute-kidney-injury"), dx("esrd"), done(3, DIALYSIS)), True),
        ((dx("acute-kidney-injury"), dx("ckd-stage-5"), done(3, DIALYSIS)), True),
        ((dx("acute-kidney-injury", counts=False), done(3, DIALYSIS)), True),
    ],
)
def test_end_stage_kidney_disease(facts: tuple[Diagnosis | Procedure, ...], esrd: bool) -> None:
    assert is_esrd(chart(*facts)) is esrd
    assert set(end_stage_kidney(chart(*facts))) <= set(facts)


HD, PD = "haemodialysis-procedure", "peritoneal-dialysis-procedure"


@pytest.mark.parametrize(
    ("facts", "through_blood"),
    [
        ((done(90, HD, DIALYSIS),), True),
        ((done(91, HD, DIALYSIS),), False),
        ((done(5, PD, DIALYSIS),), False),
        ((done(5, PD, DIALYSIS), done(4, HD, DIALYSIS)), True),
        ((done(5, PD, DIALYSIS), done(5, HD, DIALYSIS)), False),
        ((done(4, PD, DIALYSIS), done(5, HD, DIALYSIS)), False),
        ((dx("esrd", "haemodialysis-dependence"),), True),
        ((dx("esrd", "haemodialysis-dependence"), done(5, PD, DIALYSIS)), False),
        ((dx("dialysis-dependence"),), False),
        ((done(5, DIALYSIS),), False),
        ((dx("acute-kidney-injury"), done(5, HD, DIALYSIS)), True),
    ],
)
def test_haemodialysis(facts: tuple[Diagnosis | Procedure, ...], through_blood: bool) -> None:
    assert is_on_haemodialysis(chart(*facts)) is through_blood
    assert set(haemodialysis(chart(*facts))) <= set(facts)


# ------------------------------------------------------------------ overload and polycythaemia


def drug(*classes: str, active: bool = True) -> Drug:
    return Drug(Product((), frozenset(classes), "a drug"), active=active)


@pytest.mark.parametrize(
    ("facts", "certain", "probable"),
    [
        ((), False, False),
        ((dx("overload"),), True, False),
        ((dx("overload", suspected=True),), True, False),
        ((dx("overload", counts=False),), False, False),
        ((drug("chelator"),), True, False),
        ((drug("chelator", active=False),), False, False),
        ((dx("probable-overload"),), False, True),
        ((dx("ambiguous-iron-disorder"),), False, False),
    ],
)
def test_overload(facts: tuple[Diagnosis | Drug, ...], certain: bool, probable: bool) -> None:
    assert bool(overload(chart(*facts))) is certain
    assert bool(probable_overload(chart(*facts))) is probable


PHLEBOTOMY = "therapeutic-phlebotomy"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), False),
        ((dx("polycythaemia-vera"),), True),
        ((dx("polycythaemia-vera", counts=False),), False),
        ((done(364, PHLEBOTOMY),), True),
        ((done(365, PHLEBOTOMY),), True),
        ((done(366, PHLEBOTOMY),), False),
        ((done(10, PHLEBOTOMY), dx("overload")), False),
        ((done(10, PHLEBOTOMY), dx("overload", counts=False)), True),
        ((dx("polycythaemia-vera"), dx("overload")), True),
        ((Procedure(frozenset({PHLEBOTOMY}), PartialDate(date(2025, 6, 1), date(2025, 6, 30))),), False),
        ((Procedure(frozenset({PHLEBOTOMY}), PartialDate(date(2025, 7, 1), date(2025, 7, 31))),), True),
    ],
)
def test_polycythaemia(facts: tuple[Diagnosis | Procedure, ...], expected: bool) -> None:
    assert bool(polycythaemia(chart(*facts))) is expected


# ------------------------------------------------------------------ pregnancy

PREGNANT = dx("pregnant")


def weeks(value: str, days: int = 0) -> Measure:
    return Measure("gestational-age", Decimal(value), ago(days))


def due(in_days: int, said: int = 30) -> Measure:
    return Measure("due-date", Decimal(0), ago(said), day=TODAY + timedelta(days=in_days))


def z3a(code: str, days: int = 0) -> Diagnosis:
    return dx("gestation-week", code=f"http://hl7.org/fhir/sid/icd-10-cm|Z3A{code}", recorded=ago(days))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), False),
        ((PREGNANT,), True),
        ((dx("pregnant", suspected=True),), True),
        ((dx("pregnant", counts=False),), False),
        ((z3a("12"),), False),
        ((weeks("12"),), False),
        ((due(100),), False),
        ((PREGNANT, due(-21)), True),
        ((PREGNANT, due(-22)), False),
        ((dx("pregnant", recorded=ago(23)), due(-22)), False),
        ((dx("pregnant", recorded=ago(22)), due(-22)), False),
        ((dx("pregnant", recorded=ago(21)), due(-22)), True),
        ((PREGNANT, due(-100, said=200), due(100, said=5)), True),
        ((dx("pregnant", recorded=ago(301)),), True),
        ((dx("pregnant", recorded=ago(302)),), False),
        ((dx("pregnant", onset=ago(302)),), False),
        ((dx("puerperal", recorded=ago(42)),), True),
        ((dx("puerperal", recorded=ago(43)),), False),
        ((dx("puerperal"),), False),
        ((dx("puerperal", counts=False, recorded=ago(1)),), False),
        ((dx("lactation", recorded=ago(1)),), False),
    ],
)
def test_pregnancy(facts: tuple[Diagnosis | Measure, ...], expected: bool) -> None:
    assert pregnancy(chart(*facts)).is_pregnant is expected


@pytest.mark.parametrize(
    ("sex", "age", "expected"),
    [
        ("female", 30, True),
        ("unknown", 30, True),
        ("other", 30, True),
        ("male", 30, False),
        ("female", 60, True),
        ("female", 61, False),
    ],
)
def test_a_pregnancy_of_a_man_or_after_60_is_a_data_error(sex: str, age: int, expected: bool) -> None:
    person = Person(on_day(date(TODAY.year - age, 1, 1)), sex)
    assert pregnancy(chart(PREGNANT, person=person)).is_pregnant is expected


@pytest.mark.parametrize(
    ("facts", "days"),
    [
        ((weeks("13"),), 91),
        ((weeks("13", days=6),), 97),
        ((weeks("13", days=7),), 98),
        ((weeks("12.5"),), 87),
        ((weeks("43"),), 301),
        ((weeks("43", days=1),), None),
        ((weeks("39", days=150), z3a("08", days=10)), 66),
        ((weeks("10", days=20), weeks("11", days=5)), 82),
        ((due(280),), 0),
        ((due(182),), 98),
        ((due(183),), 97),
        ((due(281),), None),
        ((due(-21),), 301),
        ((z3a("13", days=7),), 98),
        ((z3a("13", days=7), due(183)), 97),
        ((weeks("20"), due(183)), 140),
        ((dx("gestation-week", code="x|Z3A12"),), None),
        ((dx("gestation-week", code="x|O99353", recorded=ago(1)),), None),
        ((), None),
    ],
)
def test_how_far_the_pregnancy_is(facts: tuple[Diagnosis | Measure, ...], days: int | None) -> None:
    assert pregnancy(chart(PREGNANT, *facts)).days == days


@pytest.mark.parametrize(
    ("facts", "is_early"),
    [((weeks("13.9"),), True), ((weeks("14"),), False), ((weeks("14.1"),), False), ((), True)],
)
def test_the_first_trimester_ends_at_14_weeks_0_days(facts: tuple[Measure, ...], is_early: bool) -> None:
    assert pregnancy(chart(PREGNANT, *facts)).may_be_first_trimester is is_early


def test_who_is_not_pregnant_is_in_no_trimester() -> None:
    state = pregnancy(chart(weeks("8")))
    assert (state.is_pregnant, state.days, state.may_be_first_trimester) == (False, None, False)
