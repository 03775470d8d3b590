"""What speaks against an infusion of iron, read alike by the cards of a chart and by those of an order.

A card names no option that an order card would stop with a warning (clinical amendments 2, section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable

from cards.decisions.shared.levels import level, numbered, unread
from cards.facts.chart import Allergy, Chart, Diagnosis
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Text
from cards.facts.results import LabResult
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules
from cards.labs.latest import Reading
from cards.labs.saturation import may_lie
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child
from cards.wording.phrases import joined, listed, names, phrase

FERRIC_CARBOXYMALTOSE = "ferric carboxymaltose"
FERUMOXYTOL = "ferumoxytol"
IRON_DEXTRAN = "iron dextran"
IRON_SUCROSE = "iron sucrose"
_TO_IRON = frozenset({"iron-iv", "iron-adverse-reaction"})
#: Diagnoses that make a low phosphate likely (label of ferric carboxymaltose), by the words that name them.
_PHOSPHATE_RISKS = (
    ("phosphate_risks.gut", ("malabsorption", "bariatric", "inflammatory-bowel")),
    ("phosphate_risks.parathyroid", ("hyperparathyroidism",)),
    ("phosphate_risks.malnutrition", ("malnutrition",)),
    ("phosphate_risks.vitamin_d", ("vitamin-d-deficiency",)),
    ("phosphate_risks.telangiectasia", ("hereditary-telangiectasia",)),
)
_WASTING = "phosphate-wasting"


def infections(chart: Chart) -> tuple[Diagnosis, ...]:
    """Return the active systemic infections, during which no iron is infused."""
    return chart.diagnosed("sepsis")


def reactions_to_infused_iron(chart: Chart) -> tuple[Allergy, ...]:
    """Return every allergy or intolerance to an intravenous iron."""
    return tuple(allergy for allergy in chart.allergies if not allergy.concepts.isdisjoint(_TO_IRON))


def reactions_to_oral_iron(chart: Chart) -> tuple[Allergy, ...]:
    """Return every allergy or intolerance to an iron that is swallowed: it stops none, and is named."""
    return tuple(allergy for allergy in chart.allergies if "iron-oral" in allergy.concepts)


def reactions_to(chart: Chart, ingredients: Iterable[str]) -> tuple[Allergy, ...]:
    """Return every allergy or intolerance to one of these ingredients."""
    own = frozenset(ingredients)
    return tuple(allergy for allergy in chart.allergies if not allergy.ingredients.isdisjoint(own))


def reactions_that_stop(chart: Chart, ingredients: Iterable[str]) -> tuple[Allergy, ...]:
    """Return the allergies that stop a product: those to itself, and for ferumoxytol those to any intravenous iron."""
    own = frozenset(ingredients)
    return reactions_to_infused_iron(chart) if FERUMOXYTOL in own else reactions_to(chart, own)


def render_allergens(allergies: Iterable[Allergy]) -> Text:
    """Return the names of the products that these allergies are to."""
    known = sorted({name for allergy in allergies for name in allergy.ingredients})
    return listed(names(known)) or phrase("iron.an_iron_product")


def phosphate(chart: Chart, rules: Rules) -> Reading:
    """Return the newest phosphate of the window before ferric carboxymaltose."""
    return level(chart, rules, "phosphate", "phos_days", "phosphate.low")


def low_phosphate(chart: Chart, rules: Rules) -> LabResult | None:
    """Return the newest phosphate if it is surely too low for ferric carboxymaltose."""
    return phosphate(chart, rules).beyond(rules.limit("phosphate.low"))


def enough_phosphate(chart: Chart, rules: Rules) -> LabResult | None:
    """Return the newest phosphate if it is surely not too low (clinical rationale 0.3, rule 5)."""
    reading = phosphate(chart, rules)
    return None if low_phosphate(chart, rules) or reading.undecided else reading.result


def phosphate_in_doubt(chart: Chart, rules: Rules) -> LabResult | None:
    """Return the newest phosphate if it is only reported as below or above a number, and may be too low."""
    reading = phosphate(chart, rules)
    return next(iter(reading.undecided), None)


def _must_be_known(chart: Chart, rules: Rules) -> bool:
    """Return whether phosphate is measured first: it may be too low, used or not, or is unknown beside a risk."""
    limit = rules.limit("phosphate.low")
    unused = any(not each.possible or may_lie(each, limit) for each in unread(phosphate(chart, rules)))
    if phosphate_in_doubt(chart, rules) or unused:
        return True
    return enough_phosphate(chart, rules) is None and bool(phosphate_risk(chart, rules))


def phosphate_risk(chart: Chart, rules: Rules) -> dict[str, Fact]:
    """Return what makes low phosphate likely: a repeat of ferric carboxymaltose, or another risk.

    A repeat is 15 to 90 days after the last one; the other risks are coded or measured.
    """
    facts: dict[str, Fact] = {}
    last = _last_carboxymaltose(chart)
    if last and last.given_on:
        days = last.given_on.days_before(chart.today)
        one_course = meets(days, rules.limit("iv.one_course_days"))
        if not one_course and not misses(days, rules.limit("fcm_days")):
            facts["last_iv"] = last
    facts |= other_phosphate_risks(chart, rules)
    vitamin_d = _low_vitamin_d(chart, rules)
    if vitamin_d:
        facts["vitd"] = vitamin_d
    return facts


def _last_carboxymaltose(chart: Chart) -> Drug | None:
    given = [d for d in chart.drugs if d.given_on and FERRIC_CARBOXYMALTOSE in d.product.ingredient_names()]
    return max(given, key=lambda drug: drug.given_on.order) if given else None  # type: ignore[union-attr]


def _low_vitamin_d(chart: Chart, rules: Rules) -> LabResult | None:
    return level(chart, rules, "vitd", "fcm.vitd_days", "fcm.vitd").beyond(rules.limit("fcm.vitd"))


def against_infusions(chart: Chart) -> Text:
    """Return what stops every intravenous iron, in words; empty where nothing does."""
    found = (
        ("iron.barred_infection", bool(infections(chart))),
        ("iron.barred_early_pregnancy", pregnancy(chart).may_be_first_trimester),
        ("iron.barred_child", is_child(chart)),
    )
    return joined([phrase(name) for name, holds in found if holds])


def against_product(chart: Chart, rules: Rules, ingredient: str) -> Text:
    """Return what stops one intravenous iron beside what stops all of them, in words; empty where nothing does."""
    return chart.once(_against_product, rules, ingredient)


def _against_product(chart: Chart, rules: Rules, ingredient: str) -> Text:
    allergies = reactions_that_stop(chart, (ingredient,))
    found = [phrase("iron.barred_reaction", names=render_allergens(allergies))] if allergies else []
    if ingredient == FERRIC_CARBOXYMALTOSE:
        low = low_phosphate(chart, rules)
        if low:
            found.append(phrase("iron.barred_low_phosphate", phosphate=low.quantity))
        elif _must_be_known(chart, rules):
            found.append(phrase("iron.barred_phosphate_unknown"))
    return joined(found)


def other_phosphate_risks(chart: Chart, rules: Rules) -> dict[str, Fact]:
    """Return what makes a low phosphate likely: diseases, drugs, an earlier low phosphate; not repeats or vitamin D."""
    words = [phrase(name) for name, concepts in _PHOSPHATE_RISKS if chart.diagnosed(*concepts)]
    words += [phrase("phosphate_risks.earlier")] if _earlier_hypophosphataemia(chart) else []
    low = _earlier_low(chart, rules)
    facts: dict[str, Fact] = {**numbered("risk", words), **numbered("drug", chart.active_drugs(_WASTING))}
    return facts | ({"earlier_phosphate": low} if low else {})


def phosphate_risk_evidence(chart: Chart) -> tuple[Diagnosis | Drug, ...]:
    """Return the diagnoses and drugs that these risks rest on."""
    concepts = [each for _, named in _PHOSPHATE_RISKS for each in named]
    return (*chart.diagnosed(*concepts), *_earlier_hypophosphataemia(chart), *chart.active_drugs(_WASTING))


def _earlier_hypophosphataemia(chart: Chart) -> tuple[Diagnosis, ...]:
    """Return hypophosphataemia on record, also one that is over; not one that was refuted."""
    return tuple(each for each in chart.diagnoses if "hypophosphataemia" in each.concepts and not each.cleared)


def _earlier_low(chart: Chart, rules: Rules) -> LabResult | None:
    return next((each for each in chart.results("phosphate") if meets(each, rules.limit("phosphate.low"))), None)
