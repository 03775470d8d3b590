"""An infusion of iron is told before oral iron, however the record tells of it; only what was given is said to be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from cards.decisions.decide import decision_modules
from cards.decisions.iron.treatment import iron_treatment
from cards.facts.chart import Chart
from cards.facts.finding import Outcome
from cards.reading.medications import read_drugs
from tests.decisions.charts import TODAY, chart
from tests.decisions.test_tables import RULES, rules_of_the_day

_LABS = ["ferritin 40 ng/mL 26d", "tsat 22 % 26d"]
_ORDER: dict[str, Any] = {
    "resourceType": "MedicationRequest", "id": "m", "intent": "order", "subject": {"reference": "Patient/p"},
    "medicationCodeableConcept": {"text": "ferric derisomaltose 1000 mg"}, "dosageInstruction": [{"text": "once IV"}],
}  # fmt: skip
_GIVEN: dict[str, Any] = {
    "resourceType": "MedicationAdministration", "id": "a", "status": "completed", "subject": {"reference": "Patient/p"},
    "medicationCodeableConcept": {"text": "ferric derisomaltose 1000 mg"},
}  # fmt: skip


def _on(day: str) -> dict[str, list[dict[str, Any]]]:
    ordered = {**_ORDER, "authoredOn": day}
    given = {**_GIVEN, "effectiveDateTime": day}
    return {
        "order active": [{**ordered, "status": "active"}],
        "order completed": [{**ordered, "status": "completed"}],
        "administration": [given],
        "administration beside its active order": [{**ordered, "status": "active"}, given],
        "administration beside its completed order": [{**ordered, "status": "completed"}, given],
    }


_WITHOUT_A_DAY = {
    "order active": [{**_ORDER, "status": "active"}],
    "order completed": [{**_ORDER, "status": "completed"}],
    "administration": [_GIVEN],
}


def _told(resources: list[dict[str, Any]]) -> list[tuple[str, tuple[str, ...], list[str]]]:
    built: Chart = chart({"labs": _LABS, "drafts": ["iron-oral ferrous sulfate 65"]})
    drugs = read_drugs(resources, patient_id="p", today=TODAY, zone=UTC)
    rules = rules_of_the_day({}, RULES, built.today)
    found = decision_modules()["iron_order"](replace(built, drugs=drugs), rules)
    return [
        (each.card, each.texts, [name for name in each.why if name.startswith("duplicate")])
        for each in found
        if each.outcome is Outcome.FIRES
    ]


@pytest.mark.parametrize("way", _on(""))
@pytest.mark.parametrize(("day", "fires"), [("2026-06-05", True), ("2026-04-20", True), ("2026-04-19", False)])
def test_an_infusion_of_the_last_weeks_is_told_before_oral_iron(way: str, day: str, fires: bool) -> None:
    advice = "advice_infused" if way.startswith("administration") else "advice_infusion_ordered"
    expected = [("OS-IRON-DUP", (advice,), ["duplicate"])] if fires else []
    assert _told(_on(day)[way]) == expected


@pytest.mark.parametrize("way", _WITHOUT_A_DAY)
def test_an_infusion_without_a_day_may_be_recent(way: str) -> None:
    assert _told(_WITHOUT_A_DAY[way]) == [("OS-IRON-DUP", ("advice_undated",), ["duplicate"])]


@pytest.mark.parametrize("status", ["cancelled", "on-hold", "draft", "entered-in-error"])
def test_an_infusion_that_was_not_given_is_none(status: str) -> None:
    for resource in ({**_ORDER, "status": status}, {**_ORDER, "status": status, "authoredOn": "2026-06-05"}):
        assert _told([resource]) == []


@pytest.mark.parametrize("day", ["2026", "2026-06", "2026-05", "2026-06-15", "2026-06-01"])
def test_after_an_infusion_the_recheck_counts_from_today_at_the_latest(day: str) -> None:
    built = chart({"drugs": [f"iron-iv iron sucrose given {day} administered"]})
    treatment = iron_treatment(built, rules_of_the_day({}, RULES, built.today))
    assert treatment.infusion_day and treatment.infusion_day.text == day
    assert treatment.washed_out_on == min(treatment.infusion_day.last, TODAY) + timedelta(days=56)


_CARBOXYMALTOSE = {"medicationCodeableConcept": {"text": "ferric carboxymaltose 750 mg IV"}}
#: One course of infusions that ended on one day, as several kinds of records tell of it.
_COURSE = {
    "administration": {**_GIVEN, "effectivePeriod": {"start": "2026-01-10", "end": "2026-05-20"}},
    "statement": {
        **_GIVEN,
        "resourceType": "MedicationStatement",
        "effectivePeriod": {"start": "2026-01-10", "end": "2026-05-20"},
    },
    "dispense": {
        **_GIVEN,
        "resourceType": "MedicationDispense",
        "whenPrepared": "2026-01-10",
        "whenHandedOver": "2026-05-20",
    },
    "order": {
        **_ORDER,
        "status": "active",
        "authoredOn": "2026-01-10",
        "dosageInstruction": [{"timing": {"event": ["2026-01-17", "2026-05-20"]}}],
    },
}


@pytest.mark.parametrize("way", _COURSE)
def test_a_course_counts_from_its_last_day_on_an_order_of_more(way: str) -> None:
    built: Chart = chart(
        {"labs": ["ferritin 60 ng/mL 106d", "tsat 22 % 106d"], "drafts": ["iron-iv ferric carboxymaltose 750"]}
    )
    drugs = read_drugs([{**_COURSE[way], **_CARBOXYMALTOSE}], patient_id="p", today=TODAY, zone=UTC)
    rules = rules_of_the_day({}, RULES, built.today)
    fired = {
        each.card
        for decision in ("iron_order", "iv_iron_order")
        for each in decision_modules()[decision](replace(built, drugs=drugs), rules)
        if each.outcome is Outcome.FIRES
    }
    assert fired == {"OS-IRON-DUP", "OS-IV-FCM-PHOS"}
