"""The ways of giving iron that a card may name for this patient (clinical amendments 2, sections 3.1 and 3.2)."""

from __future__ import annotations

from cards.decisions.iron.contraindications import (
    FERRIC_CARBOXYMALTOSE,
    IRON_SUCROSE,
    against_infusions,
    against_product,
    reactions_that_stop,
    reactions_to_infused_iron,
    render_allergens,
)
from cards.decisions.iron.studies import IronStudies
from cards.facts.finding import Fact, Text
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.patient.pregnancy import pregnancy
from cards.wording.phrases import NOTHING, say

NAME = "iron_status"

#: Bariatric surgery of any kind: the codes rarely say whether the duodenum is bypassed.
_BYPASS = ("bariatric", "inflammatory-bowel")


def low_iron_options(studies: IronStudies) -> tuple[str, ...]:
    """Return how low iron may be treated, as text blocks: by pregnancy, by current treatment, or by the gut."""
    taken = start_unknown(studies)
    if studies.treatment.oral_is_due:
        taken = ("advice_non_response",)
    if pregnancy(studies.chart).is_pregnant:
        return (*taken, "advice_pregnant_first" if studies.tsat_comes_first else "advice_pregnant")
    if studies.tsat_comes_first:
        return taken
    return taken or (_by_the_gut(studies),)


def start_unknown(studies: IronStudies) -> tuple[str, ...]:
    """Return the advice on oral iron whose start is not recorded."""
    return ("advice_start_unknown",) if studies.treatment.oral and studies.treatment.start is None else ()


def _by_the_gut(studies: IronStudies) -> str:
    chart = studies.chart
    bypass = chart.diagnosed(*_BYPASS) or any("bariatric-procedure" in each.concepts for each in chart.procedures)
    if bypass and not against_infusions(chart):
        return "advice_infusion_first"
    return "advice_coeliac" if chart.diagnosed("coeliac") else "advice_routes"


def route_facts(studies: IronStudies) -> dict[str, Fact]:
    """Return what the texts on routes print: an infusion with its product, or why neither is named."""
    barred = against_infusions(studies.chart)
    product = against_product(studies.chart, studies.rules, FERRIC_CARBOXYMALTOSE)
    if barred:
        said = {
            "or_infusion": _say(studies, "no_infusion", barred=barred),
            "infusion_next": _say(studies, "no_infusion_now", barred=barred),
            "if_stores_stay_low": _say(studies, "no_infusion", barred=barred),
            "site_routes": _say(studies, "site_oral"),
            "why_oral": _say(studies, "no_infusion", barred=barred),
            "pregnant_infusion": _say(studies, "no_infusion", barred=barred),
            "product": NOTHING,
        }
    else:
        named = _say(studies, "not_this_product", barred=product) if product else _say(studies, "this_product")
        said = {
            "or_infusion": _say(studies, "or_infused", product=named),
            "infusion_next": _say(studies, "infusion_alternative"),
            "if_stores_stay_low": _say(studies, "then_infused"),
            "site_routes": _say(studies, "site_both"),
            "why_oral": NOTHING,
            "pregnant_infusion": _say(studies, "pregnant_infused"),
            "product": named,
        }
    if studies.tsat_comes_first:
        said["infusion_next"] = _say(studies, "infusion_waits")
    return {**said, "barred": barred}


def sucrose_facts(studies: IronStudies) -> dict[str, Fact]:
    """Return what the card of dialysis says of intravenous iron sucrose."""
    barred = against_infusions(studies.chart) or against_product(studies.chart, studies.rules, IRON_SUCROSE)
    if barred:
        return {
            "sucrose_step": _say(studies, "no_sucrose_step"),
            "sucrose_advice": _say(studies, "no_sucrose", barred=barred),
        }
    return {"sucrose_step": _say(studies, "sucrose_step"), "sucrose_advice": _say(studies, "sucrose")}


def earlier_reaction(studies: IronStudies, *, named: str = "") -> dict[str, Fact]:
    """Return the earlier reactions to intravenous iron, where one is an option.

    Those that stop the product which the card names, or names as not to be given, are told there already.
    """
    if against_infusions(studies.chart):
        return {}
    told = reactions_that_stop(studies.chart, (named,)) if named else ()
    others = [each for each in reactions_to_infused_iron(studies.chart) if each not in told]
    return {"reaction": render_allergens(others)} if others else {}


def oral_iron_works(studies: IronStudies) -> bool:
    """Return whether ferritin lies between the limits and is surely far enough above the last one before oral iron."""
    before, ferritin = before_oral(studies), studies.ferritin
    if before is None or ferritin is None or not studies.ferritin_is_mid or ferritin.quantity.is_censored:
        return False
    return meets(ferritin.quantity.value - before.quantity.value, studies.rules.limit("ontx.rise"))


def before_oral(studies: IronStudies) -> LabResult | None:
    """Return the last ferritin surely drawn on or before the start of the oral iron that is taken."""
    start = studies.treatment.start
    if start is None:
        return None
    drawn = (each for each in studies.chart.results("ferritin") if each.when.last <= start.first)
    return next((each for each in drawn if each.quantity.comparator in ("", "<", "<=")), None)


def _say(studies: IronStudies, key: str, **facts: Fact) -> Text:
    return say(studies.rules, NAME, key, **facts)
