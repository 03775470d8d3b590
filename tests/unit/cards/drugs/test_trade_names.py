"""A trade name counts beside a generic name of another class, in whichever order and language they stand."""

from __future__ import annotations

from functools import cache

import pytest

from cards.drugs.ingredients import ingredients
from cards.drugs.recognise import recognise
from cards.facts.drugs import Product
from cards.knowledge.code_systems import ATC, RXNORM

#: Generic names that are put beside every trade name, in languages of spellings.toml.
COMPANIONS = [
    "folic acid", "Folsäure", "acide folique", "ácido fólico", "foliumzuur", "vitamin B12", "methylcobalamin",
    "ascorbic acid", "codeine", "Kodein", "colchicine",
]  # fmt: skip
JOINED = [
    "{trade} with {generic}",
    "{generic} + {trade}",
    "{trade} / {generic}",
    "{trade}, {generic}",
    "{generic} ({trade})",
]


def named(words: str) -> Product:
    product = recognise({"text": words})
    assert product is not None, words
    return product


@cache
def classes_of_name(words: str) -> frozenset[str]:
    product = recognise({"text": words})
    return product.classes - {"multi-ingredient"} if product else frozenset()


@pytest.mark.parametrize("companion", COMPANIONS)
def test_every_trade_name_counts_beside_a_generic_name_of_another_class(companion: str) -> None:
    beside = classes_of_name(companion)
    trades = sorted({brand for each in ingredients().values() for brand in each.brands})
    lost = [
        said
        for trade in trades
        if classes_of_name(trade).isdisjoint(beside)
        for how in JOINED
        if (said := how.format(trade=trade, generic=companion))
        if not classes_of_name(said) >= classes_of_name(trade) | beside
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("words", "name", "kinds"),
    [
        ("Slow Fe with folic acid", "dried ferrous sulfate / folic acid", "iron-oral folate"),
        (
            "Ferrograd Folic 325 mg/350 mcg tablet",
            "ferrous sulfate 325 mg / folic acid 0.35 mg oral tablet",
            "iron-oral folate",
        ),
        ("Tardyferon Folsäure", "ferrous sulfate / folic acid", "iron-oral folate"),
        ("Injectafer and vitamin B12", "ferric carboxymaltose / vitamin B12", "iron-iv b12"),
        ("Exjade with vitamin C", "deferasirox / ascorbic acid", "chelator vitc"),
        ("Lyrica 300 mg + methylcobalamin", "pregabalin 300 mg / mecobalamin", "gabapentinoid b12"),
        ("methylcobalamin 1500 mcg + Lyrica 75 mg", "mecobalamin 1.5 mg / pregabalin 75 mg", "gabapentinoid b12"),
        ("Phenergan with codeine", "promethazine / codeine", "agg-sub agg-sub-antiemetic opioid"),
        ("folic acid 1 mg, Fe 65 mg", "folic acid 1 mg / iron 65 mg", "iron-oral folate"),
        ("carbidopa (Sinemet)", "carbidopa / levodopa", "levodopa"),
        # In brackets it has no number of its own, and a name of two has none either.
        (
            "calcium carbonate (Adcal-D3) 1500 mg",
            "calcium carbonate 1500 mg / cholecalciferol",
            "calcium vitd",
        ),
        ("alendronate (Fosamax Plus D) 70 mg", "alendronate 70 mg / cholecalciferol", "bisphosphonate vitd"),
        ("olanzapine and Symbyax 25 mg", "olanzapine / fluoxetine", "agg-psy-antipsychotic agg-psy-antidepressant"),
        # What stops an infusion is judged by the product.
        ("iron infusion Injectafer 750 mg", "ferric carboxymaltose 750 mg intravenous", "iron-iv"),
        ("iron sucrose, Injectafer", "iron sucrose / ferric carboxymaltose", "iron-iv"),
        ("Iron 20 mg/mL (Venofer) injection", "iron sucrose 20 mg/mL injection", "iron-iv"),
    ],
)
def test_what_both_names_say_is_read(words: str, name: str, kinds: str) -> None:
    product = named(words)
    assert (product.name, product.classes) == (name, frozenset(kinds.split()))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("ferrous sulfate (Feosol) 325 mg tablet", "ferrous sulfate 325 mg oral tablet"),
        ("Feosol ferrous sulfate 325 mg", "ferrous sulfate 325 mg"),
        ("ferrous sulfate 325 mg (Slow Fe)", "ferrous sulfate 325 mg"),
        ("iron supplement (Feosol) 65 mg", "iron 65 mg"),
        ("Folic Acid 1 MG Oral Tablet [Slow Fe]", "folic acid 1 mg oral tablet"),
        ("levodopa 100 mg (Sinemet)", "levodopa 100 mg"),
        ("diphenhydramine 25 mg (Sominex)", "diphenhydramine 25 mg"),
        ("iron sucrose (Venofer) 20 mg/mL", "iron sucrose 20 mg/mL liquid"),
        ("ferric carboxymaltose 750 mg (Fe)", "ferric carboxymaltose 750 mg"),
        ("ferric citrate 1 g (Fe 210 mg) tablet", "ferric citrate 1000 mg oral tablet"),
        ("ferric citrate (Fe)", "ferric citrate"),
        ("Lyrica (pregabalin) 75 mg", "pregabalin 75 mg"),
    ],
)
def test_a_trade_name_of_what_is_named_says_nothing_new(words: str, name: str) -> None:
    assert named(words).name == name


@pytest.mark.parametrize(
    "words",
    [
        "folic acid instead of {trade}",
        "folic acid in place of the {trade}",
        "folic acid, no {trade}",
        "folic acid; take apart from {trade}",
        "folic acid two hours away from the {trade}",
        "folic acid, failed {trade}",
        "folic acid, allergic to {trade}",
        "folic acid, previously {trade}",
        "folic acid without {trade}",
        "folic acid (substitute for {trade})",
        "folic acid, compared to {trade}",
        "folic acid, {trade}-free",
        "Folsäure statt {trade}",
        "Folsäure ohne {trade}",
        "acide folique à la place de {trade}",
        "acide folique sans {trade}",
        "foliumzuur in plaats van {trade}",
        "ácido fólico en lugar de {trade}",
        "acido folico al posto di {trade}",
        "ácido fólico em vez de {trade}",
        "folsyra istället för {trade}",
        "folsyre i stedet for {trade}",
        "kwas foliowy zamiast {trade}",
    ],
)
@pytest.mark.parametrize("trade", ["Feosol", "Slow Fe", "Injectafer", "Exjade", "Lyrica"])
def test_a_trade_name_that_is_denied_or_compared_names_nothing(words: str, trade: str) -> None:
    assert named(words.format(trade=trade)).ingredient_names() == {"folic acid"}


@pytest.mark.parametrize(
    "words",
    ["sugar free Slow Fe with folic acid", "folic acid No. 30, Slow Fe", "non prescription Slow Fe, folic acid"],
)
def test_a_denial_of_something_else_leaves_the_trade_name(words: str) -> None:
    assert named(words).classes == {"iron-oral", "folate"}


@pytest.mark.parametrize(("system", "code"), [(RXNORM, "4511"), (ATC, "B03BB01")])
def test_a_code_of_one_ingredient_leaves_the_words_their_trade_name(system: str, code: str) -> None:
    concept = {"coding": [{"system": system, "code": code}], "text": "Slow Fe with folic acid"}
    product = recognise(concept)
    assert product is not None and product.classes == {"iron-oral", "folate"}
