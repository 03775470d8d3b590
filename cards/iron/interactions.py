"""The drugs that bind oral iron, beside an iron order."""

from __future__ import annotations

from collections.abc import Iterator

from cards.chart import Drug
from cards.finding import Fact, Finding, Indicator, quiet
from cards.iron.orders import IronOrder, order_fires
from cards.orders import is_same_order

NAME = "iron_order"

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
        if draft.drug and draft.number != order.draft.number:
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
