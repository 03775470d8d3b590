"""Choices of a site that change whom the rules are for, what is offered and what is printed, each both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cards.decisions.decide import ORDER_HOOKS, PATIENT_VIEW, decide
from cards.facts.chart import LISTS, Chart, Listing
from cards.facts.finding import OrderTests
from cards.fhir.bundles import Listed
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.reading import Site, read_chart
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, RULES, cards_of, findings, site_rules

_LOW = ["ferritin 20 ug/L 26d", "tsat 25 % 26d"]


def fired(built: Chart, hook: str = PATIENT_VIEW, rules: Rules = RULES) -> set[str]:
    return {f"{each.card}:{each.indicator}" for each in decide(built, rules, hook).fired}


def choosing(**switches: str) -> Rules:
    return site_rules({"switches": switches}, RULES)


# --- who is in scope


def test_limb_movements_alone_are_out_of_scope_by_default() -> None:
    built = chart({"dx": ["plmd"], "labs": _LOW})
    assert decide(built, choosing(include_plmd="false"), PATIENT_VIEW).out_of_scope == "no RLS"


def test_a_site_may_count_limb_movements_as_restless_legs() -> None:
    built = chart({"dx": ["plmd"], "labs": _LOW})
    assert "IRON-LOW:warning" in fired(built, rules=choosing(include_plmd="true"))


def test_limb_movements_that_are_suspected_count_as_suspected() -> None:
    built = chart({"dx": ["plmd?"], "labs": _LOW})
    assert fired(built, rules=choosing(include_plmd="true")) == {"IRON-LOW:info", "IRON-CAUSE:info"}


@pytest.mark.parametrize(("choice", "cards"), [("false", set()), ("true", {"OS-IRON-REPLETE:warning"})])
def test_the_reason_of_a_draft_counts_alike(choice: str, cards: set[str]) -> None:
    built = chart(
        {
            "dx": [],
            "labs": ["ferritin 220 ug/L 26d", "tsat 33 % 26d"],
            "drafts": ["iron-oral ferrous sulfate 65 reason plmd", "tests ferritin iron-panel"],
        }
    )
    assert {each for each in fired(built, ORDER_HOOKS[0], choosing(include_plmd=choice)) if "REPLETE" in each} == cards


def test_the_adult_age_decides_between_the_tables() -> None:
    built = chart({"person": "18 F", "labs": ["ferritin 60 ug/L 26d", "tsat 25 % 26d"]})
    assert fired(built) == {"IRON-LOW:warning"}
    assert fired(built, rules=site_rules({"limits": {"adult_age": "21"}}, RULES)) == set()


def test_a_card_names_the_age_of_the_site() -> None:
    case = {"person": "19 F", "labs": ["b12 150 pg/mL 26d"], "limits": {"adult_age": "21"}}
    (card,) = cards_of("b12", case, RULES)
    assert "Child, 19" in card.detail


# --- what is offered beside missing iron studies


def offered(case: Mapping[str, Any], **switches: str) -> list[tuple[str, ...]]:
    (found,) = findings("iron_status", {**case, "switches": switches}, RULES)
    assert found.card == "IRON-TEST"
    return [each.tests for each in found.suggestions if isinstance(each, OrderTests)][1:]


@pytest.mark.parametrize(
    ("choice", "dx", "tests"),
    [
        ("risk", [], [("b12",)]),
        ("risk", ["malabsorption"], [("b12",), ("vitd",)]),
        ("risk", ["ckd"], [("b12",), ("vitd",)]),
        ("risk", ["osteoporosis"], [("b12",), ("vitd",)]),
        ("risk", ["osteoporosis!"], [("b12",)]),
        ("always", [], [("b12",), ("vitd",)]),
        ("never", ["osteoporosis"], [("b12",)]),
    ],
)
def test_vitamin_d_is_offered_as_the_site_chose(choice: str, dx: list[str], tests: list[tuple[str, ...]]) -> None:
    assert offered({"dx": ["rls", *dx]}, offer_vitamin_d=choice) == tests


@pytest.mark.parametrize(
    ("labs", "tests"),
    [
        (["b12 400 pg/mL 365d"], [("vitd",)]),
        (["b12 400 pg/mL 366d"], [("b12",), ("vitd",)]),
        (["vitd 30 ng/mL 365d"], [("b12",)]),
        (["b12 400 pg/mL 26d", "vitd 30 ng/mL 26d"], []),
        (["not: b12 no-unit 2026-06-10"], [("b12",), ("vitd",)]),
    ],
)
def test_a_test_with_a_usable_result_is_not_offered(labs: list[str], tests: list[tuple[str, ...]]) -> None:
    assert offered({"labs": labs}, offer_vitamin_d="always") == tests


# --- assay factor


def ferritin_with_factor(value: str, factor: str) -> Chart:
    """A chart read with an assay factor, TSAT 30 % beside it."""

    def result(code: str, number: str, unit: str) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "id": f"o{code}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2026-05-20",
            "valueQuantity": {"value": Decimal(number), "unit": unit},
        }

    diagnosis = {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "subject": {"reference": "Patient/p1"},
    }
    held = dict.fromkeys(LISTS, Listed((), Listing.COMPLETE)) | {
        "patient": Listed(
            ({"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-01-01"},), Listing.COMPLETE
        ),
        "conditions": Listed((diagnosis,), Listing.COMPLETE),
        "labs": Listed((result("2276-4", value, "ng/mL"), result("2502-3", "30", "%")), Listing.COMPLETE),
    }
    return read_chart(
        held,
        patient_id="p1",
        now=datetime(2026, 6, 15, 12, tzinfo=UTC),
        zone=UTC,
        site=Site(assay_factors={"ferritin": Decimal(factor)}),
    )


@pytest.mark.parametrize(
    ("value", "factor", "card"),
    [
        ("121", "1.0", set()),
        ("121", "0.62", {"IRON-LOW:warning"}),  # 75.02 is 75.0
        ("121.1", "0.62", {"IRON-MID:info"}),  # 75.082 is 75.1: the factor applies before rounding
        ("400", "0.62", set()),  # above the stop before the factor, although 248 after it
        ("1200", "0.62", {"IRON-HIGH-FERR:info"}),  # likewise 744
        ("250", "1.5", set()),  # 375 after the factor is no stop
    ],
)
def test_an_assay_factor_moves_the_bands_and_never_the_stop(value: str, factor: str, card: set[str]) -> None:
    assert fired(ferritin_with_factor(value, factor)) == card


def test_a_high_raw_ferritin_stops_an_order_whatever_the_factor() -> None:
    aligned = ferritin_with_factor("400", "0.62")
    ordered = replace(aligned, drafts=chart({"drafts": ["iron-oral ferrous sulfate 65"]}).drafts)
    assert "OS-IRON-F300:warning" in fired(ordered, ORDER_HOOKS[0])


def test_a_card_prints_the_number_before_the_factor_too() -> None:
    aligned = ferritin_with_factor("121", "0.62")
    verdict = decide(aligned, RULES, PATIENT_VIEW)
    (card,) = present(verdict, aligned, RULES, profile=ClientCapabilities("p1"), new_uuid=lambda: "u")
    assert "75 ng/mL" in card.detail
    assert "before it 121 ng/mL" in card.detail


# --- a limit of a low ferritin below the national one


def with_low_ferritin_from(value: str) -> Rules:
    own = replace(RULES.limit("ferritin.low"), value=Decimal(value), history=(), national=Decimal(75),
                  national_unit="ng/mL", site_reason="trial", site_date=date(2026, 1, 1))  # fmt: skip
    return replace(RULES, thresholds={**RULES.thresholds, "ferritin.low": own})


@pytest.mark.parametrize(
    ("ferritin", "tsat", "card", "said", "not_said"),
    [
        (
            "60",
            "25",
            "IRON-MID",
            "low by the guideline, though not by this site's limit of 50 ng/mL",
            "unlikely to help",
        ),
        ("75", "25", "IRON-MID", "consider iron, oral or intravenous", "only intravenous"),
        ("75.1", "25", "IRON-MID", "then only intravenous iron", "oral or intravenous"),
        ("60", "15", "IRON-MID-LOWTSAT", "iron, oral or intravenous, is the option", "poorly absorbed"),
        ("88", "15", "IRON-MID-LOWTSAT", "intravenous iron is the option", "oral or intravenous"),
    ],
)
def test_between_its_own_limit_and_the_national_one_no_card_says_infusions_only(
    ferritin: str, tsat: str, card: str, said: str, not_said: str
) -> None:
    case = {"labs": [f"ferritin {ferritin} ng/mL 26d", f"tsat {tsat} % 26d"]}
    built, rules = chart(case), with_low_ferritin_from("50")
    (found,) = present(
        decide(built, rules, PATIENT_VIEW), built, rules, profile=ClientCapabilities("p1"), new_uuid=lambda: "u"
    )
    assert found.id == card
    whole = f"{found.summary}\n{found.detail}"
    assert said in whole and not_said not in whole


@pytest.mark.parametrize(("ferritin", "cards"), [("60", set()), ("75", set()), ("75.1", {"OS-IRON-ORAL-MID:info"})])
def test_oral_iron_is_not_called_poorly_absorbed_below_the_national_limit(ferritin: str, cards: set[str]) -> None:
    case = {"labs": [f"ferritin {ferritin} ng/mL 26d", "tsat 25 % 26d"], "drafts": ["iron-oral ferrous sulfate 65"]}
    assert fired(chart(case), ORDER_HOOKS[0], with_low_ferritin_from("50")) == cards


def test_a_site_that_raises_the_limit_changes_no_words() -> None:
    assert fired(chart({"labs": ["ferritin 90 ng/mL 26d", "tsat 25 % 26d"]}), rules=with_low_ferritin_from("80")) == {
        "IRON-MID:info"
    }


# --- a score by a site's own code


def scored(value: Mapping[str, Any], **more: Any) -> Chart:
    observation = {
        "resourceType": "Observation",
        "id": "s1",
        "status": "final",
        "code": {"coding": [{"system": "urn:site", "code": "IRLS"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-06-01",
        **value,
        **more,
    }
    held = dict.fromkeys(LISTS, Listed((), Listing.COMPLETE)) | {"labs": Listed((observation,), Listing.COMPLETE)}
    site = Site(local_codes={("urn:site", "IRLS"): "measure-irls"})
    return read_chart(held, patient_id="p1", now=datetime(2026, 6, 15, 12, tzinfo=UTC), zone=UTC, site=site)


@pytest.mark.parametrize(
    "value",
    [
        {"valueInteger": 24},
        {"valueQuantity": {"value": 24, "unit": "points"}},
        {"valueQuantity": {"value": 24, "system": "http://unitsofmeasure.org", "code": "{score}"}},
    ],
)
def test_a_score_is_read_in_the_forms_it_is_sent_in(value: Mapping[str, Any]) -> None:
    (measure,) = scored(value).measures
    assert (measure.kind, measure.value, measure.when.first) == ("irls", 24, date(2026, 6, 1))


@pytest.mark.parametrize(
    "value", [{"valueInteger": 41}, {"valueInteger": -1}, {"valueQuantity": {"value": 24, "unit": "mg"}}, {}]
)
def test_a_score_that_cannot_be_one_is_none(value: Mapping[str, Any]) -> None:
    assert scored(value).measures == ()


def test_a_score_that_is_preliminary_is_none() -> None:
    assert scored({"valueInteger": 24}, status="preliminary").measures == ()


# --- the tables together


def test_every_switch_is_tested_in_every_position() -> None:
    here = {"include_plmd": {"true", "false"}, "offer_vitamin_d": {"risk", "always", "never"}}
    tested: dict[str, set[str]] = {name: {switch.default} for name, switch in RULES.switches.items()}
    for _, case in CASES:
        for name, value in case.get("switches", {}).items():
            tested[name].add(value)
    patient_view = {
        name
        for name in RULES.switches
        if name in ("b12.preset", "b6.preset", "vitd.insufficiency_cards", "lithium", "tramadol", "esrd_vitc",
                    "rx_review", "borderline_note", "tsat_low_without_ferritin_cap", *here)
    }  # fmt: skip
    assert len(patient_view) == 11
    for name in patient_view:
        assert tested[name] | here.get(name, set()) == set(RULES.switches[name].choices), name
