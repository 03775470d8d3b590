"""The drugs that bind oral iron, beside an iron order."""

from __future__ import annotations

from collections.abc import Iterator

from cards.decisions.iron.orders import IronOrder, iron_order_fires
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.orders import drugs_taken_beside
from cards.facts.drugs import Drug
from cards.facts.finding import Finding, Indicator, Text, quiet
from cards.wording.phrases import joined, lines, listed, names, say

NAME = "iron_order"

#: Interacting classes and the text block that says how far apart to take them (iron_order.toml); ingredients, where
#: given, narrow the class.
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
_BINDING = frozenset(each for _, classes, _ in _INTERACTIONS for each in classes)
#: Of more drugs than this a summary has no room for the hours.
_WITH_THEIR_GAPS = 2
_ACID = ("ppi", "h2", "calcium")


def interactions(order: IronOrder) -> Finding:
    """Return one card for all drugs that bind oral iron, active or signed with it."""
    shown = order.rules.switch("ddi_cards")
    if shown == "false":
        return quiet(NAME, "interactions_off")
    if order.is_iv:
        return quiet(NAME, "no_interaction")
    others = drugs_taken_beside(order.chart, order.draft)
    binding = list(_binding(others))
    acid = [drug for drug in others if drug.has(*_ACID)]
    if not binding and not (acid and shown == "with-acid-suppression"):
        return quiet(NAME, "no_interaction")
    return _interaction_card(order, binding, acid)


def _binding(others: list[Drug]) -> Iterator[tuple[str, Drug]]:
    for drug in others:
        if drug.product.classes.isdisjoint(_BINDING):
            continue
        for text, classes, ingredients in _INTERACTIONS:
            named = not ingredients or not drug.product.ingredient_names().isdisjoint(ingredients)
            if drug.has(*classes) and named:
                yield text, drug
                break


def _interaction_card(order: IronOrder, binding: list[tuple[str, Drug]], acid: list[Drug]) -> Finding:
    texts = [*dict.fromkeys(text for text, _ in binding), *(("acid",) if acid else ())]
    drugs = list({drug.product.name: drug for drug in [*(drug for _, drug in binding), *acid]}.values())
    apart_from = _apart_from(order, binding) or [say(order.rules, NAME, "acid_name")]
    facts = numbered("interaction", drugs)
    why = tuple(facts)
    facts |= {
        "interaction_names": listed(apart_from),
        "interaction_lines": lines(say(order.rules, NAME, text) for text in texts),
    }
    return iron_order_fires(NAME, order, "OS-IRON-DDI", Indicator.INFO, facts, why=why)


def _apart_from(order: IronOrder, binding: list[tuple[str, Drug]]) -> list[Text]:
    """Return each drug once; of one or two also the gap, where it is the same before and after iron."""
    by_name = {_plain_name(drug): text for text, drug in binding}
    if len(by_name) > _WITH_THEIR_GAPS:
        return list(by_name)
    gaps = {name: f"apart_{text}" for name, text in by_name.items()}
    known = order.rules.decisions[NAME].texts
    return [say(order.rules, NAME, gap, drug=name) if gap in known else name for name, gap in gaps.items()]


def _plain_name(drug: Drug) -> Text:
    return joined(names(sorted(drug.product.ingredient_names())))
