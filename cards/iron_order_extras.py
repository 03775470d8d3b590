"""What stands beside the fit of an iron order: its dose, its interactions, its duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from cards.chart import Draft, Drug, Measure
from cards.finding import Fact, Finding, Indicator, OrderTests, ReviseDraft, Suggestion, quiet
from cards.iron import exceeds_low_dose
from cards.iron_orders import IronOrder, order_fires
from cards.orders import is_same_order
from cards.quantity import plain
from cards.scope import is_child, is_esrd

NAME = "iron_order"
_TREATMENT = ("iron-oral", "iron-iv")

#: Interacting classes and the text block that says how far apart (iron_order.toml). A name decides inside a class.
_INTERACTIONS = (
    ("ddi_levothyroxine", ("levothyroxine",), ()),
    ("ddi_moxifloxacin", ("quinolone",), ("moxifloxacin",)),
    ("ddi_quinolone", ("quinolone",), ()),
    ("ddi_tetracycline", ("tetracycline",), ()),
    ("ddi_integrase", ("integrase-inhibitor",), ("dolutegravir", "bictegravir", "cabotegravir")),
    ("ddi_levodopa", ("levodopa", "comt-inhibitor"), ()),
    ("ddi_penicillamine", ("penicillamine",), ()),
    ("ddi_cefdinir", ("cefdinir",), ()),
    ("ddi_bisphosphonate", ("bisphosphonate",), ()),
    ("ddi_eltrombopag", ("eltrombopag",), ()),
    ("ddi_methyldopa", ("methyldopa",), ()),
    ("ddi_mycophenolate", ("mycophenolate",), ()),
)
_ACID = ("ppi", "h2", "calcium")


def dose(order: IronOrder) -> Finding:
    """Elemental iron a day, and per kilogram in a child; silent where salt or dose cannot be told."""
    daily = order.drug.daily
    amount = daily.elemental_iron_mg if daily else None
    if order.is_iv or daily is None or amount is None or not daily.iron_salt_known:
        return quiet(NAME, "dose_unread")
    if is_child(order.chart):
        found = _child_dose(order, amount)
        if found:
            return found
    if amount > order.rules.limit("fe.day").value:
        return _dose_card(order, Indicator.WARNING, amount, f"more than {plain(order.rules.limit('fe.day').value)}")
    if amount > order.rules.limit("fe.freq").value:
        return _dose_card(order, Indicator.INFO, amount, f"more than {plain(order.rules.limit('fe.freq').value)}")
    return quiet(NAME, "dose_fits")


def _child_dose(order: IronOrder, amount: Decimal) -> Finding | None:
    weight = body_weight(order)
    limit = order.rules.limit("fe.child_kg_day").value
    if weight is None:
        most = order.rules.limit("fe.day").value
        above = f", more than {plain(most)}" if amount > most else ""
        words = f"{plain(amount)} mg elemental iron a day{above}; no body weight to check the dose per kilogram"
        facts: dict[str, Fact] = {"dose": words, "dose_summary": words}
        indicator = Indicator.WARNING if above else Indicator.INFO
        return order_fires(NAME, order, "OS-IRON-DOSE", indicator, facts, texts=("no_weight",), why=("dose",))
    if amount > limit * weight.value:
        per_kg = (amount / weight.value).quantize(Decimal("0.1"))
        words = f"{plain(per_kg)} mg/kg elemental iron a day, more than {plain(limit)}"
        shown = f"{plain(amount)} mg elemental iron a day, body weight {plain(weight.value)} kg ({weight.when.text})"
        facts = {"dose": shown, "dose_summary": words}
        return order_fires(NAME, order, "OS-IRON-DOSE", Indicator.WARNING, facts, why=("dose",))
    return None


def body_weight(order: IronOrder) -> Measure | None:
    """The latest weight inside its window: 90 days under two years of age, else 365."""
    chart = order.chart
    infant = chart.age is not None and chart.age < 2
    days = order.rules.limit("weight.infant_days" if infant else "weight.days").days
    fresh = [m for m in chart.measures if m.kind == "body-weight" and m.when.within_days(days, chart.today)]
    return max(fresh, key=lambda measure: measure.when.order) if fresh else None


def _dose_card(order: IronOrder, indicator: Indicator, amount: Decimal, words: str) -> Finding:
    shown = f"{plain(amount)} mg elemental iron a day"
    facts: dict[str, Fact] = {"dose": shown, "dose_summary": f"{shown}, {words} mg"}
    return order_fires(NAME, order, "OS-IRON-DOSE", indicator, facts, why=("dose",), suggest=_on_alternate_days(order))


def _on_alternate_days(order: IronOrder) -> tuple[Suggestion, ...]:
    """The same dose every other day, where the site lets drug orders be suggested; never for a child."""
    if not order.rules.is_on("suggestions.medications") or is_child(order.chart):
        return ()
    return (ReviseDraft(order.draft.reference, "alternate-days"),)


def interactions(order: IronOrder) -> Finding:
    """One card for all drugs that bind oral iron, active or in the same basket."""
    shown = order.rules.switch("ddi_cards")
    if shown == "false":
        return quiet(NAME, "interactions_off")
    if order.is_iv:
        return quiet(NAME, "no_interaction")
    binding = list(_binding(order))
    acid = [drug for drug in _others(order) if drug.has(*_ACID)]
    if not binding and not (acid and shown == "with-acid-suppression"):
        return quiet(NAME, "no_interaction")
    return _interaction_card(order, binding, acid)


def _others(order: IronOrder) -> Iterator[Drug]:
    """Active drugs and the drugs of the other drafts in the basket."""
    for drug in order.chart.drugs:
        if drug.active and not is_same_order(drug, order.draft):
            yield drug
    for draft in order.chart.drafts:
        if draft.drug and draft.reference != order.draft.reference:
            yield draft.drug


def _binding(order: IronOrder) -> Iterator[tuple[str, Drug]]:
    for drug in _others(order):
        for text, classes, names in _INTERACTIONS:
            named = not names or not drug.product.ingredient_names().isdisjoint(names)
            if drug.has(*classes) and named:
                yield text, drug
                break


def _interaction_card(order: IronOrder, binding: list[tuple[str, Drug]], acid: list[Drug]) -> Finding:
    texts = list(dict.fromkeys(text for text, _ in binding))
    sentences = order.rules.decisions[NAME].texts
    lines = [f"- {sentences[text]}" for text in texts]
    if acid:
        lines.append(f"- {sentences['acid']}")
    drugs = list({drug.product.name: drug for drug in [*(drug for _, drug in binding), *acid]}.values())
    names = list(dict.fromkeys(_plain_name(drug) for _, drug in binding)) or ["acid suppression or calcium"]
    facts: dict[str, Fact] = {f"interaction{number or ''}": drug for number, drug in enumerate(drugs)}
    why = tuple(facts)
    facts |= {"interaction_names": ", ".join(names), "interaction_lines": "\n".join(lines)}
    return order_fires(NAME, order, "OS-IRON-DDI", Indicator.INFO, facts, why=why)


def _plain_name(drug: Drug) -> str:
    return " and ".join(sorted(drug.product.ingredient_names()))


def duplicate(order: IronOrder) -> Finding:
    """Another iron product of treatment dose; or an infusion too soon after the last one."""
    too_soon = _infusion_too_soon(order)
    if too_soon:
        return too_soon
    if order.is_low_dose:
        return quiet(NAME, "no_duplicate")
    others = [drug for drug in order.chart.active_drugs(*_TREATMENT) if _is_second(order, drug)]
    drafts = [draft for draft in order.chart.drafts if _is_second_draft(order, draft)]
    if not others and not drafts:
        return quiet(NAME, "no_duplicate")
    if drafts and not others and any(draft.selected and draft.number < order.draft.number for draft in drafts):
        return quiet(NAME, "no_duplicate")  # said once, on the first selected order of the basket
    words = "another iron product is active" if others else "the basket holds a second iron order"
    drugs = [*others, *(draft.drug for draft in drafts if draft.drug)]
    facts: dict[str, Fact] = {f"duplicate{number or ''}": drug for number, drug in enumerate(drugs)}
    why = tuple(facts)
    texts = ("two_irons",) if drafts else ()
    return order_fires(
        NAME, order, "OS-IRON-DUP", Indicator.INFO, {**facts, "duplicate_summary": words}, texts=texts, why=why
    )


def _is_second(order: IronOrder, drug: Drug) -> bool:
    """Another product of treatment dose; earlier infusions have a rule of their own where an infusion is ordered."""
    if is_same_order(drug, order.draft):
        return False
    if drug.has("iron-iv") and drug.given_on:
        return not order.is_iv and order.studies.treatment.iv_counts
    if drug.has("iron-iv"):
        return True
    return exceeds_low_dose((drug,), order.rules.limit("fe.lowdose").value)


def _is_second_draft(order: IronOrder, draft: Draft) -> bool:
    if draft.drug is None or draft.reference == order.draft.reference or draft.number == order.draft.number:
        return False
    low_dose = draft.drug.has("iron-oral") and not exceeds_low_dose(
        (draft.drug,), order.rules.limit("fe.lowdose").value
    )
    return draft.drug.has(*_TREATMENT) and not low_dose and not is_same_order(draft.drug, order.draft)


def _infusion_too_soon(order: IronOrder) -> Finding | None:
    """The last infusion was 15 to 56 days ago and no ferritin has been drawn since."""
    treatment, chart = order.studies.treatment, order.chart
    given = treatment.infused_on
    if not order.is_iv or given is None or treatment.last_iv is None or _other_iron_plan(order):
        return None
    days = (chart.today - given).days
    one_course = order.rules.limit("iv.one_course_days").days
    drawn_since = any(result.when.first > given for result in chart.results("ferritin"))
    if not one_course < days <= treatment.washout or drawn_since:
        return None
    recheck = given + timedelta(days=treatment.washout)
    facts: dict[str, Fact] = {
        "last_iv": treatment.last_iv,
        "recheck": recheck,
        "duplicate_summary": f"last infusion {given}, no ferritin since; recheck from {recheck}",
    }
    due = (OrderTests(("ferritin", "iron-panel")),) if recheck <= chart.today else ()
    return order_fires(NAME, order, "OS-IRON-DUP", Indicator.WARNING, facts, why=("last_iv", "recheck"), suggest=due)


def _other_iron_plan(order: IronOrder) -> bool:
    """Dialysis, and kidney disease or heart failure as the stated reason, have iron plans of their own."""
    stated = order.drug.reasons.concepts
    return is_esrd(order.chart) or not stated.isdisjoint({"ckd", "ckd-stage-5", "esrd", "heart-failure"})
