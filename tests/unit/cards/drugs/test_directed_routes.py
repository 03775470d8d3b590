"""The route of a drug that nothing but its directions tells."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from cards.drugs.forms import INJECTED, route_directed
from cards.drugs.ingredients import ingredients
from cards.drugs.medication import product_of
from cards.drugs.words import IRON_UNTOLD
from cards.fhir.references import resolver

#: Directions, and the route that they tell.
TOLD = {
    "IV weekly x5": "iv",
    "200 mg IV once": "iv",
    "give 1000 mg IV over 1 hour": "iv",
    "1000 mg intravenously once": "iv",
    "200 mg i.v. 1x wöchentlich": "iv",
    "Infuse 1000 mg in 250 mL NS over 60 min": "iv",
    "infusion, weekly": "iv",
    "1000 mg in 250 mL NS over 1-2 hours": "iv",
    "Give 1000 mg over at least 15 minutes": "iv",
    "run at 250 mL/hr": "iv",
    "200 mg after dialysis IV": "iv",
    "after premedication give 200 mg IV": "iv",
    "200 mg IV; acetaminophen 650 mg by mouth before": "iv",
    "IV or PO": "iv",
    "100 mg IM weekly": "im",
    "100 mg i.m. weekly": "im",
    "100 mg im weekly": "im",
    "100 mg intramuscular": "im",
    "inject 100 mg monthly": "injection",
    "1000 mcg subcutaneously monthly": "subcutaneous",
    "1 tablet daily": "oral",
    "325 mg by mouth daily": "oral",
    "325 mg p.o. daily": "oral",
    "PO or IV": "oral",
    "1 tab PO daily until IV iron is given": "oral",
    "1 Tablette täglich": "oral",
    "apply to affected area tid": "topical",
    "Apply a thin layer topically": "topical",
    "rub on both legs at night": "topical",
    "instill 1 drop in each eye": "ophthalmic",
    "2 drops to the affected ear": "ophthalmic",
    "apply 1 patch to the skin daily": "transdermal",
}
#: Directions that tell no route: none is named, or that of something else, or the drug is just taken.
NOT_TOLD = (
    "",
    "1 daily",
    "1 daily until iron infusion",
    "1 daily until the IV iron infusion is given",
    "65 mg daily, stop before first infusion",
    "65 mg daily instead of IV iron",
    "65 mg daily; not for IV use",
    "65 mg daily; do not give by injection",
    "65 mg daily while on IV iron",
    "65 mg daily, patient also receives IV iron",
    "65 mg daily; failed IV iron",
    "65 mg daily, will switch to IV",
    "400 mg daily for CKD stage IV",
    "400 mg daily, NYHA class IV",
    "take 2, apply cream to rash",
    "take 1 with the evening meal; infusion on Monday",
    "200 mg 1x täglich im Wechsel",
    "65 mg 2 h before calcium",
    "65 mg daily, apart by over 2 hours from calcium",
    "1 ampoule daily",
    "1 vial daily",
    "25 mg nightly for itching eyes",
    "25 mg nightly; apply hydrocortisone to rash",
    "25 mg nightly for vaginal itching",
    "at most 4 g over 24 hours",
    "65 mg daily with IV iron",
    "65 mg daily - has had iron infusions in the past",
    "65 mg daily, IV iron planned if no response",
    "65 mg daily, i.v. iron is contraindicated",
    "65 mg 1x täglich bis zur Infusion",
)


@pytest.mark.parametrize(("words", "route"), TOLD.items(), ids=TOLD)
def test_directions_tell_the_route_of_the_drug(words: str, route: str) -> None:
    assert route_directed(words) == route


@pytest.mark.parametrize("words", NOT_TOLD)
def test_directions_tell_no_route_that_is_not_of_the_drug(words: str) -> None:
    assert route_directed(words) == ""


def _order(name: str, **dosage: Any) -> dict[str, Any]:
    return {"medicationCodeableConcept": {"text": name}, "dosageInstruction": [dosage]}


def _classes(resource: dict[str, Any]) -> frozenset[str]:
    product = product_of(resource, resolver([]))
    return product.classes if product else frozenset()


IV_WORDS = [words for words, route in TOLD.items() if route in INJECTED]


@pytest.mark.parametrize("words", IV_WORDS)
@pytest.mark.parametrize("where", ["text", "patientInstruction"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [("iron 200 mg", "iron-iv"), ("iron polymaltose", "iron-iv"), ("magnesium sulfate", "magnesium-iv")],
)
def test_what_is_injected_by_its_directions_is_of_the_injected_kind(
    name: str, kind: str, where: str, words: str
) -> None:
    assert _classes(_order(name, **{where: words})) == {kind}


#: Iron of which a salt or a compound is named that is only swallowed.
SWALLOWED = [
    name
    for name, each in ingredients().items()
    if "iron-oral" in each.classes and name not in ("iron", "iron polymaltose", IRON_UNTOLD)
]


@pytest.mark.parametrize("words", ["1 daily; receives Venofer IV", "1 daily, iv iron given last month", *IV_WORDS])
@pytest.mark.parametrize("name", SWALLOWED)
def test_words_of_directions_make_no_infusion_of_iron_that_is_swallowed(name: str, words: str) -> None:
    assert _classes(_order(f"{name} 100 mg", text=words)) == {"iron-oral"}
    assert _classes(_order(f"{name} 100 mg", text=words, route={"text": "IV"})) == {"iron-iv"}


@pytest.mark.parametrize("words", ["10 mL IV daily", "infuse over 60 minutes"])
def test_vitamins_that_are_infused_by_their_directions_hold_no_iron(words: str) -> None:
    assert _classes(_order("multivitamin with minerals", text=words)) == frozenset()
    assert _classes(_order("multivitamin with minerals", text="1 daily with IV iron")) >= {"iron-oral"}


@pytest.mark.parametrize("words", [words for words in (*TOLD, *NOT_TOLD) if words not in IV_WORDS])
def test_what_is_not_injected_by_its_directions_is_by_mouth_and_never_passed_over(words: str) -> None:
    expected = {"iron-oral"} if TOLD.get(words) not in ("topical", "ophthalmic") else set()
    assert _classes(_order("iron 65 mg", text=words)) == expected


@pytest.mark.parametrize(
    "dosage",
    [
        {"method": {"text": "Infuse"}},
        {"method": {"coding": [{"system": "http://snomed.info/sct", "code": "422145002"}]}},
        {"doseAndRate": [{"rateQuantity": {"value": 250, "unit": "mL/h"}}]},
        {"doseAndRate": [{"rateQuantity": {"value": 4, "code": "mL/min"}}]},
        {"doseAndRate": [{"rateRange": {"low": {"value": 100, "unit": "mL per hour"}}}]},
        {"rateRatio": {"numerator": {"value": 1, "unit": "g"}, "denominator": {"value": 1, "unit": "hour"}}},
        {"rateQuantity": {"value": 250, "unit": "mL/hr"}},
        {"rate": {"numerator": {"value": 1, "unit": "g"}, "denominator": {"value": 1, "code": "h"}}},
    ],
)
def test_a_method_or_a_rate_tells_that_it_runs_into_the_patient(dosage: dict[str, Any]) -> None:
    assert _classes(_order("iron", text="200 mg", **dosage)) == {"iron-iv"}
    administered = {"medication": {"text": "iron"}, "dosage": dosage}
    assert _classes(administered) == {"iron-iv"}


@pytest.mark.parametrize(
    "rate",
    [
        {"doseAndRate": [{"rateRatio": {"numerator": {"value": 1}, "denominator": {"value": 1, "unit": "day"}}}]},
        {"doseAndRate": [{"rateQuantity": {"value": 2, "unit": "tablets"}}]},
        {"rateRatio": {"denominator": {"value": 1, "unit": "dose"}}},
        {"rateQuantity": "250 mL/h"},
    ],
)
def test_other_rates_tell_nothing(rate: dict[str, Any]) -> None:
    assert _classes(_order("iron", **rate)) == {"iron-oral"}


@pytest.mark.parametrize(
    ("name", "dosage", "kind"),
    [
        ("iron", {"route": {"text": "oral"}, "text": "200 mg IV"}, "iron-oral"),
        ("ferrous sulfate 325 mg tablet", {"text": "1 daily, IV"}, "iron-oral"),
        ("iron 200 mg IV", {"text": "by mouth"}, "iron-iv"),
        ("iron dextran", {"text": "65 mg by mouth daily"}, "iron-oral"),
        ("iron dextran", {"text": "take 65 mg daily"}, "iron-iv"),
        ("diphenhydramine 25 mg tablet", {"text": "apply to affected area"}, "agg-sub"),
    ],
)
def test_a_coded_route_comes_first_then_the_product(name: str, dosage: dict[str, Any], kind: str) -> None:
    assert kind in _classes(_order(name, **dosage))


@pytest.mark.parametrize("name", ["diphenhydramine", "diphenhydramine 2 %", "doxepin"])
def test_what_is_rubbed_on_the_skin_acts_on_the_spot(name: str) -> None:
    assert _classes(_order(name, text="apply to affected area tid")) == frozenset()


@pytest.mark.parametrize("dosage", [{"text": "apply 2 mg to skin daily"}, {"route": {"text": "topical"}}])
@pytest.mark.parametrize(("name", "kind"), [("rotigotine", "da"), ("fentanyl", "opioid"), ("buprenorphine", "opioid")])
def test_what_comes_as_a_patch_acts_through_the_skin(name: str, kind: str, dosage: dict[str, Any]) -> None:
    assert kind in _classes(_order(name, **dosage))


@pytest.mark.parametrize(
    "part", ["after the iron ", "apply ", "1 drop to ", "not for ", "also x iv ", "1-2 to ", "% over "]
)
def test_long_directions_are_read_in_no_time(part: str) -> None:
    started = process_time()
    route_directed(part * (1000 // len(part)))
    assert process_time() - started < 0.2
