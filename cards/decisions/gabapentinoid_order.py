"""Draft orders of gabapentinoids: dose by kidney function, and breathing beside opioids (clinical amendments 4)."""

from __future__ import annotations

from collections.abc import Iterable

from cards.decisions.shared.basket_doses import basket_dose
from cards.decisions.shared.clearance import Clearance, creatinine_clearance, is_judged_by_clearance
from cards.decisions.shared.doses import fullest_mg, least_mg_of_class, names_of_class
from cards.decisions.shared.drug_orders import DrugOrder, order_fires, orders_in_scope, value_may_be_cut_off
from cards.decisions.shared.kidney import Kidney, read_kidney
from cards.decisions.shared.kidney_bands import Band, KidneyBand, kidney_band
from cards.decisions.shared.levels import numbered, one_per_product, value_unread, without_labs
from cards.decisions.shared.most_a_day import DAYS_APART, ENACARBIL, NOT_HERE, most_a_day, share_of
from cards.decisions.shared.orders import with_evidence
from cards.decisions.shared.severe_rls import render_caution
from cards.facts.chart import Chart, Diagnosis
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet
from cards.knowledge.limits import first_above, meets
from cards.knowledge.rules import Rules, Threshold
from cards.patient.pregnancy import may_be_pregnant, pregnancy
from cards.patient.weight import body_weight
from cards.quantity import in_print
from cards.values import frozen
from cards.wording.phrases import NOTHING, joined, lines, listed, names, printed, say, sentences

NAME = "gabapentinoid_order"
_CLASS = "gabapentinoid"
#: Diseases of the airways, by the text that names them.
_LUNGS = (("lungs_copd", "copd"), ("lungs_sleep_apnoea", "sleep-apnoea"))


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding on the kidneys for all gabapentinoids, and one on breathing with the opioids for RLS."""
    orders, outside = orders_in_scope(NAME, chart, rules)
    gabapentinoids = tuple(order for order in orders if order.drug.has("gabapentinoid"))
    opioids = tuple(order for order in orders if order.drug.has("opioid"))
    if not orders:
        return outside
    kidney = read_kidney(chart, rules, "egfr_days_order")
    renal = (_renal(gabapentinoids, kidney),) if gabapentinoids else ()
    return (*outside, *renal, _breathing((*gabapentinoids, *opioids), kidney))


# ------------------------------------------------------------------ the kidneys


@frozen
class _Judged:
    """What the kidneys say of one order: `manner` is the end of the key of its advice, "" where nothing is to be said.

    most    the most a day in the patient's band, or None where any dose is too much or no number is compared
    other   gabapentinoids beside it, of another ingredient
    """

    order: DrugOrder
    manner: str
    most: Threshold | None = None
    other: tuple[Drug, ...] = ()


#: The manners, the gravest first; those above the labels' table make a warning.
_ABOVE = ("above", "not_here", "too_often", "above_any")
_MANNERS = (*_ABOVE, "unread", "doubt", "child", "stage", "half", "half_any", "beside")
#: Said against the most with normal kidneys, where nothing is known of these.
_KIDNEYS_OPEN = ("above_any", "half_any")


def _renal(orders: tuple[DrugOrder, ...], kidney: Kidney) -> Finding:
    chart, rules = orders[0].chart, orders[0].rules
    weight = body_weight(chart, rules)
    by_clearance = not kidney.dialysis and is_judged_by_clearance(chart, weight, rules)
    clearance = creatinine_clearance(chart, weight, rules) if by_clearance else kidney.clearance
    band = kidney_band(kidney, clearance.value if clearance else None, rules)
    judged = tuple(_judged(order, kidney, band, open_clearance=by_clearance and not clearance) for order in orders)
    said = [each for manner in _MANNERS for each in judged if each.manner == manner]
    if not said:
        return _kidneys_fit(chart, kidney, band)
    first = said[0]
    weak = kidney.doubt if first.manner == "doubt" else _weak(kidney, band, clearance)
    facts: dict[str, Fact] = _doses(judged)
    stands_in = _stands_in(kidney) if band and by_clearance and not clearance else ""
    facts |= numbered("most", dict.fromkeys(_most_in_words(each, stands_in) for each in said if each.most))
    facts |= {**kidney.facts, **(clearance.facts if clearance else {})}
    ordered = {printed(order.drug) for order in orders}
    beside = dict.fromkeys(printed(drug) for each in said for drug in each.other)
    facts |= numbered("interaction", (name for name in beside if name not in ordered))
    manner = "one_basket" if first.manner == "beside" and ordered >= set(map(printed, first.other)) else first.manner
    advice = say(rules, NAME, f"advice_{manner}", weak=weak, dose=_in_short(first), **_compared(first))
    compared = first.manner != "child"
    texts = (
        ("egfr_stands_in", compared and kidney.egfr is not None and not by_clearance and not kidney.dialysis),
        ("clearance_unknown", compared and by_clearance and not clearance),
    )
    found = order_fires(
        NAME,
        orders,
        "OS-GABA-RENAL",
        Indicator.WARNING if first.manner in _ABOVE else Indicator.INFO,
        {**facts, "advice": advice, **_steps(said, kidney)},
        why=tuple(facts),
        texts=tuple(name for name, applies in texts if applies),
    )
    return with_evidence(found, (*kidney.evidence, *((clearance.creatinine,) if clearance else ())))


def _steps(said: list[_Judged], kidney: Kidney) -> dict[str, Fact]:
    """Return what to consider: the steps that the finding calls for, and the cautions that this patient has."""
    chart, rules = said[0].order.chart, said[0].order.rules
    steps = _kidney_step(said, kidney) + ["step_two"] * any(each.other for each in said)
    pregnant = say(rules, NAME, "avoid_pregabalin") if pregnancy(chart).is_pregnant else NOTHING
    named = lines(say(rules, NAME, step) for step in steps)
    return {"steps": named, "pregnant": pregnant, "caution": render_caution(chart, rules)}


def _kidney_step(said: list[_Judged], kidney: Kidney) -> list[str]:
    """Return what to consider about the dose; nothing where only a second gabapentinoid stands beside it.

    Where the labels give no dose, none of adults is named (ours).
    """
    manner = said[0].manner
    if manner in ("beside", "child"):
        return ["step_child"] if manner == "child" else []
    if kidney.dialysis:
        return [_dialysis_step(said)]
    return ["step_any" if manner in _KIDNEYS_OPEN else "step_kidneys"]


def _dialysis_step(said: list[_Judged]) -> str:
    """Return the dose in dialysis of what is ordered; enacarbil, which has none there, is answered by gabapentin."""
    ordered = frozenset().union(*(each.order.drug.product.ingredient_names() for each in said))
    return "step_dialysis_pregabalin" if ordered == {"pregabalin"} else "step_dialysis"


def _judged(order: DrugOrder, kidney: Kidney, band: KidneyBand | None, *, open_clearance: bool) -> _Judged:
    """Return what is to be said of one order; where the dose fits, only what stands beside it."""
    other = _other_gabapentinoids(order)
    doubt = kidney.is_in_doubt or (band is not None and band.may_be_lower)
    weak = band is not None and (band.band is not Band.FULL or band.may_be_lower)
    basket = basket_dose(order, _CLASS)
    dose = basket.known
    manner = "beside" if other else ""
    if meets(order.chart.age, order.rules.limit("gaba.child")):
        return _Judged(order, "child" if weak or doubt else manner, other=other)
    # kidneys of which nothing is known are compared with the best: what is above those is above all
    most = most_a_day(order.drug, band or KidneyBand(Band.FULL), order.rules)
    if most is NOT_HERE:
        return _Judged(order, "not_here", other=other)
    limit = most if isinstance(most, Threshold) else None
    if limit and meets(dose, limit):
        manner = "above_any" if band is None else "stage" if band.may_be_higher else "above"
    elif limit and band and _is_too_often(order, limit, band):
        manner = "stage" if band.may_be_higher else "too_often"
    elif dose is None or not basket.is_whole:
        manner = "unread" if weak or doubt else manner
    elif kidney.is_in_doubt:
        manner = "doubt"
    elif doubt:
        manner = "stage"
    elif open_clearance and limit and meets(dose, share_of(limit, order.rules.limit("gaba.share"))):
        manner = "half" if band else "half_any"
    return _Judged(order, manner, limit if band or manner in _KIDNEYS_OPEN else None, other)


def _other_gabapentinoids(order: DrugOrder) -> tuple[Drug, ...]:
    """Return the gabapentinoids of another ingredient beside a gabapentinoid, active or in the basket."""
    own = order.drug.product.ingredient_names()
    return one_per_product(each for each in order.beside(_CLASS) if own.isdisjoint(names_of_class(each, _CLASS)))


def _is_too_often(order: DrugOrder, limit: Threshold, band: KidneyBand) -> bool:
    """Return whether a drug for every other day with these kidneys is given more often."""
    alternate = ENACARBIL in order.drug.product.ingredient_names() and band.band >= Band.SEVERE
    mean = order.daily_mg("gabapentinoid")
    return alternate and mean is not None and meets(mean * DAYS_APART, limit)


def _kidneys_fit(chart: Chart, kidney: Kidney, band: KidneyBand | None) -> Finding:
    unread = value_unread(NAME, *kidney.unread)
    if unread or band is not None:
        return unread or quiet(NAME, "dose_fits")
    return without_labs(NAME, chart) or value_may_be_cut_off(NAME, chart) or quiet(NAME, "kidney_not_known")


def _weak(kidney: Kidney, band: KidneyBand | None, clearance: Clearance | None) -> Text:
    """Return the kidney function that counts, in short."""
    if clearance and band and band.number == clearance.value:
        return clearance.in_short
    return kidney.rendered


def _compared(judged: _Judged) -> dict[str, Fact]:
    """Return the facts that the advice on one order may name."""
    facts: dict[str, Fact] = {"years": first_above(judged.order.rules.limit("gaba.child"))}
    facts |= {"limit": judged.most} if judged.most else {}
    other = dict.fromkeys(name for drug in judged.other for name in names_of_class(drug, _CLASS))
    return facts | ({"other": joined(names(other))} if other else {})


def _stands_in(kidney: Kidney) -> str:
    """Return what stands in for a creatinine clearance that is not known, as a key of the texts."""
    return "most_by_egfr" if kidney.egfr is not None else "most_by_stage"


def _most_in_words(judged: _Judged, stands_in: str) -> Text:
    """Return the most a day; where clearance would decide and is not known, with what stands in for it."""
    rules = judged.order.rules
    alternate = judged.most is not None and judged.most.name == "gaba.enacarbil_severe"
    drug = judged.order.drug
    name = printed(drug) if drug.product.extended_release else joined(names(names_of_class(drug, _CLASS)))
    most = say(rules, NAME, "most_alternate" if alternate else "most", drug=name, **_compared(judged))
    return say(rules, NAME, stands_in, most=most) if stands_in else most


def _in_short(judged: _Judged) -> Text:
    """Return the dose that is compared, of all orders of the ingredient together."""
    basket, most = basket_dose(judged.order, _CLASS), judged.most
    if basket.known is None:
        return NOTHING
    mg = in_print(basket.known, above=most.value if most else None)
    return say(judged.order.rules, NAME, "in_short" if basket.is_whole else "in_short_least", mg=mg)


def _doses(judged: Iterable[_Judged]) -> dict[str, Fact]:
    """Return the dose of each order, and that of the basket for an ingredient that several of them bring."""
    listed = tuple(judged)
    together = (_together(each) for each in listed if basket_dose(each.order, _CLASS).several)
    return numbered("dose", dict.fromkeys((*map(_dose, listed), *together)))


def _dose(judged: _Judged) -> Text:
    """Return the dose of the fullest day, printed as more than the most if it is more."""
    order, most = judged.order, judged.most
    dose = fullest_mg(order.drug, _CLASS)
    if dose is None:
        return _least(order)
    after = order.drug.daily is not None and order.drug.daily.after_dialysis
    mg = in_print(dose, above=most.value if most else None)
    return say(order.rules, NAME, "dose_after" if after else "dose", drug=order.drug, mg=mg)


def _least(order: DrugOrder) -> Text:
    """Return what a day brings at least where its dose cannot be told; not read where no intake is told either."""
    least = least_mg_of_class(order.drug, _CLASS)
    if least is None:
        return say(order.rules, NAME, "dose_unread", drug=order.drug)
    return say(order.rules, NAME, "dose_least", drug=order.drug, mg=in_print(least))


def _together(judged: _Judged) -> Text:
    rules, basket = judged.order.rules, basket_dose(judged.order, _CLASS)
    name = joined(names(names_of_class(judged.order.drug, _CLASS)))
    if basket.known is None or (not basket.is_whole and judged.manner not in _ABOVE):
        return say(rules, NAME, "together_unread", name=name)
    return say(rules, NAME, "together", name=name, mg=_in_short(judged))


# ------------------------------------------------------------------ breathing


def _breathing(orders: tuple[DrugOrder, ...], kidney: Kidney) -> Finding:
    """Return the finding on both classes together, or on either with a disease of the airways."""
    chart, rules = orders[0].chart, orders[0].rules
    partners = one_per_product(drug for order in orders for drug in order.beside(_other_class(order)))
    lungs = tuple(found for _, concept in _LUNGS for found in chart.diagnosed(concept))
    if not partners and not lungs:
        return quiet(NAME, "breathing_fits")
    graver = _is_graver(chart, rules, kidney)
    if graver is None:
        return without_labs(NAME, chart) or _breathing_card(orders, kidney, partners, lungs, Indicator.INFO)
    return _breathing_card(orders, kidney, partners, lungs, Indicator.WARNING if graver else Indicator.INFO)


def _other_class(order: DrugOrder) -> str:
    return "opioid" if order.drug.has("gabapentinoid") else "gabapentinoid"


def _is_graver(chart: Chart, rules: Rules, kidney: Kidney) -> bool | None:
    """Return whether the patient is old or has low kidney function.

    None means that kidney function is not known and age does not decide.
    """
    if meets(chart.age, rules.limit("gaba.age")):
        return True
    return kidney.is_below(rules.limit("gaba.egfr_breathing")) if kidney.is_known else None


def _breathing_card(
    orders: tuple[DrugOrder, ...],
    kidney: Kidney,
    partners: tuple[Drug, ...],
    lungs: tuple[Diagnosis, ...],
    indicator: Indicator,
) -> Finding:
    chart, rules = orders[0].chart, orders[0].rules
    seconds = _seconds(orders)
    problems = tuple(say(rules, NAME, text) for text, concept in _LUNGS if chart.diagnosed(concept))
    facts: dict[str, Fact] = numbered("drug", dict.fromkeys(printed(order.drug) for order in orders))
    beside = dict.fromkeys(printed(drug) for drug in (*partners, *seconds))
    facts |= numbered("interaction", (name for name in beside if name not in facts.values()))
    facts |= {**numbered("problem", problems), **(kidney.facts if indicator is Indicator.WARNING else {})}
    old = meets(chart.age, rules.limit("gaba.age"))
    facts |= {"risk": say(rules, NAME, "age", years=first_above(rules.limit("gaba.age")))} if old else {}
    age = (say(rules, NAME, "age_now", years=chart.age),) if old and chart.age is not None else ()
    opioid = (say(rules, NAME, "opioid" if seconds else "both_classes"),) if partners else ()
    two = _two(orders, seconds)
    causes = (*opioid, *((say(rules, NAME, two, names=_in_class(seconds)),) if two else ()), *problems, *age)
    said: dict[str, Fact] = {
        "cause": listed(causes),
        "risk_named": say(rules, NAME, f"risk_{two}" if two else "risk_of_breathing"),
        "step": _breathing_step(orders, partners, seconds),
        "pregnant": say(rules, NAME, "or_pregnancy") if may_be_pregnant(chart) else NOTHING,
    }
    found = order_fires(NAME, orders, "OS-GABA-CNS", indicator, {**facts, **said}, why=tuple(facts))
    return with_evidence(found, (*partners, *seconds, *lungs, *kidney.evidence))


def _seconds(orders: tuple[DrugOrder, ...]) -> tuple[Drug, ...]:
    """Return the gabapentinoids of another ingredient that stand beside a gabapentinoid of the basket."""
    drawn = (drug for order in orders if order.drug.has(_CLASS) for drug in _other_gabapentinoids(order))
    return one_per_product(drawn)


def _two(orders: tuple[DrugOrder, ...], seconds: tuple[Drug, ...]) -> str:
    """Return how two gabapentinoids stand together, as a key of the texts; empty where they do not."""
    ordered = {printed(order.drug) for order in orders}
    if not seconds:
        return ""
    return "two_in_basket" if ordered >= {printed(drug) for drug in seconds} else "already_on"


def _in_class(drugs: tuple[Drug, ...]) -> Text:
    return joined(names(dict.fromkeys(name for drug in drugs for name in names_of_class(drug, _CLASS))))


def _breathing_step(orders: tuple[DrugOrder, ...], partners: tuple[Drug, ...], seconds: tuple[Drug, ...]) -> Text:
    """Return what to consider first: one gabapentinoid of two, not to add to what is active, or a low start."""
    rules, active = orders[0].rules, orders[0].chart.active_drugs("opioid", _CLASS)
    ordered = dict.fromkeys(printed(order.drug) for order in orders)
    if not partners:
        step = say(rules, NAME, "step_lungs")
    elif len(ordered) == 1 and all(drug in active for drug in partners) and not any(map(_is_taken, orders)):
        step = say(rules, NAME, "step_adding", name=next(iter(ordered)))
    else:
        step = say(rules, NAME, "step_combination")
    return sentences((say(rules, NAME, "step_two"), step)) if seconds else step


def _is_taken(order: DrugOrder) -> bool:
    return order.renews("opioid", _CLASS)
