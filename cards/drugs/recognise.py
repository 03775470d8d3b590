"""Which product a medication concept names (clinical rationale 4.4 to 4.6, clinical amendments 5).

Looked up in this order: product codes, ingredient codes, then words; a code that tells less than the words (an ATC
class, the codeless group of parenteral irons) is filled in from them. Nothing of the concept itself is handed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import chain

from cards.drugs.ingredients import Ingredient, ingredient_of_code, plain
from cards.drugs.kinds import classes_of
from cards.drugs.naming import name_of
from cards.drugs.products import ProductRow, product_of_code
from cards.drugs.spoken import product_named, shape, strengths_known
from cards.drugs.words import HORMONES
from cards.facts.chart import Amount, Product
from cards.fhir.json_values import LONGEST_WORDS, Json, codings, cut, items, objects, text
from cards.fhir.local_codes import local_key
from cards.knowledge.code_systems import ATC, HCPCS, RXNORM, UNII, system_of
from cards.remembered import remembered

#: Some systems send a name where a code belongs (`Ferrous Sulfate`); four letters on end are no code.
_NAME_FOR_CODE = re.compile(r"[^\W\d_]{4}")
#: Site codes: (system, code), as `local_key` writes it, to an RxNorm product or ingredient code.
SiteCodes = Mapping[tuple[str, str], str]
#: Ingredients that stand for a whole class; the words may say which one it is.
_VAGUE = "iron", "intravenous iron", "antipsychotic", "vitamin D", "magnesium", "calcium", "opioid"


#: The most characters of all names of one drug together that are read.
_LONGEST_NAMES = 4_000


def recognise(concept: Json, *, route_hint: str = "", site_codes: SiteCodes | None = None) -> Product | None:
    """Return the product of a CodeableConcept (or CodeableReference, or plain words); `None` where it is none of ours.

    `route_hint` is the route of the order (a word of `forms`); it decides where an ingredient is given in two ways.
    """
    return _product((codes_of(concept, site_codes or {}), words_of(concept)), route_hint) if concept else None


def product_of_parts(
    parts: Iterable[tuple[Product | None, Decimal | None]], *, words: str, route_hint: str
) -> Product | None:
    """Return a product by its active ingredients, each recognised for itself, with its mg; `None` is none of ours."""
    listed = list(parts)
    amounts = tuple(
        replace(amount, mg=mg if mg is not None else amount.mg)
        for product, mg in listed
        if product
        for amount in product.ingredients
    )
    return _weighed(shape((words,), amounts, len(listed)), route_hint, contraceptive=False)


@remembered
def _product(named: tuple[tuple[tuple[str, str], ...], tuple[str, ...]], route_hint: str) -> Product | None:
    coded, said = named
    row = named_row(coded, said)
    if not row:
        return None
    return _weighed(row, route_hint, contraceptive=row.contraceptive or _is_contraceptive(coded, said))


def named_row(coded: tuple[tuple[str, str], ...], said: tuple[str, ...]) -> ProductRow | None:
    """Return what codes and words name of our ingredients, also where its route or form makes it none of ours."""
    return _by_product_code(coded) or _by_ingredient_code(coded, said) or _by_words(said)


def _weighed(row: ProductRow, route_hint: str, *, contraceptive: bool) -> Product | None:
    """The product with the route weighed in: it decides the class, and whether it is one of ours at all."""
    route = route_hint or row.route
    classes = classes_of(row, route, contraceptive=contraceptive)
    if not classes:
        return None
    return Product(
        ingredients=row.ingredients,
        classes=classes,
        name=name_of(row, contraceptive=contraceptive),
        route=route,
        form=row.form,
        extended_release=row.extended_release,
        unverified=row.unverified,
    )


def codes_of(concept: Json, site_codes: SiteCodes) -> tuple[tuple[str, str], ...]:
    """Return the codes of a concept that our tables may know, with those that a site maps."""
    if not concept:
        return ()
    return tuple(_codes(concept, site_codes)) if site_codes else _public_codes(concept)


@remembered
def _public_codes(concept: Json) -> tuple[tuple[str, str], ...]:
    return tuple(_codes(concept, {}))


def words_of(concept: Json) -> tuple[str, ...]:
    """Return the text, every display and every name that stands in place of a code, each once.

    The longest comes first: it says most.
    """
    return _words_of(concept) if concept else ()


@remembered
def _words_of(concept: Json) -> tuple[str, ...]:
    spoken: set[str] = set()
    left = _LONGEST_NAMES
    names = (code for _, code in codings(concept) if not code.isdigit() and _NAME_FOR_CODE.search(code))
    for words in chain(_words(concept), names):
        if words and words not in spoken and left > 0:
            spoken.add(words[:left])
            left -= len(words)
    return tuple(sorted(spoken, key=lambda words: (-len(words), words)) if len(spoken) > 1 else spoken)


def _codes(concept: Json, site_codes: SiteCodes) -> Iterator[tuple[str, str]]:
    for system, code in codings(concept):
        own = site_codes.get(local_key(system, code)) if site_codes else None
        if own:
            yield RXNORM, own
        canonical = system_of(system)
        if canonical in (RXNORM, ATC, HCPCS, UNII):
            yield canonical, code if canonical == RXNORM else code.upper()


def _words(concept: Json) -> Iterator[str]:
    yield from (text(each)[:LONGEST_WORDS] for each in items(cut(concept)))
    for each in objects(cut(concept)):
        for inner in objects(cut(each.get("concept"))) or (each,):
            yield text(inner.get("text"))[:LONGEST_WORDS]
            yield from (text(coding.get("display"))[:LONGEST_WORDS] for coding in objects(cut(inner.get("coding"))))
            yield text(inner.get("display"))[:LONGEST_WORDS]


def _by_product_code(coded: Iterable[tuple[str, str]]) -> ProductRow | None:
    rows = (product_of_code(code) for system, code in coded if system == RXNORM)
    return next((row for row in rows if row), None)


def _by_ingredient_code(coded: tuple[tuple[str, str], ...], said: tuple[str, ...]) -> ProductRow | None:
    """The ingredients that codes name; strength and form from the words, where these speak of the same ones."""
    listed = [(each, (system, code)) for system, code in coded if (each := ingredient_of_code(system, code))]
    if not listed:
        return None
    named = [each for each, _ in _chosen(listed)]
    spoken = _by_words(said)
    amounts = tuple(Amount(name) for name in dict.fromkeys(each.name for each in named))
    row = spoken if spoken and _says_the_same(spoken, named) else shape(said, amounts, len(amounts))
    return replace(row, route=row.route or _route_of(listed), unverified=_unverified(listed))


Listed = list[tuple[Ingredient, tuple[str, str]]]


def _route_of(listed: Listed) -> str:
    """The HCPCS codes of ours are of injections: J1750 is the infusion, whatever else iron dextran stands in."""
    return "injection" if any(system == HCPCS for _, (system, _) in listed) else ""


def _chosen(listed: Listed) -> Listed:
    """Ingredient codes before ATC classes; among these the exact ones before the vague ones."""
    exact = [entry for entry in listed if entry[1][0] != ATC]
    particular = [entry for entry in (exact or listed) if entry[0].name not in _VAGUE]
    return particular or exact or listed


def _unverified(listed: Listed) -> bool:
    return all(code in each.unverified for each, code in listed)


def _says_the_same(row: ProductRow, named: Iterable[Ingredient]) -> bool:
    """The words name all that the codes name, or one of the class that a vague code stands for."""
    spoken = {amount.ingredient for amount in row.ingredients}
    return all(each.name in spoken or (_is_vague(each) and _same_class(row, each)) for each in named)


def _is_vague(each: Ingredient) -> bool:
    return all(system == ATC for system, _ in each.codes)


def _same_class(row: ProductRow, vague: Ingredient) -> bool:
    """The words name an ingredient of the class; inside an antipsychotic class the substitutable ones count too."""
    found = classes_of(row, "", contraceptive=False)
    return not found.isdisjoint(vague.classes) or (vague.name == "antipsychotic" and "agg-sub" in found)


def _by_words(said: tuple[str, ...]) -> ProductRow | None:
    found = [row for words in said if (row := product_named(words))]
    return max(found, key=lambda row: (len(row.ingredients), strengths_known(row)), default=None)


def _is_contraceptive(coded: Iterable[tuple[str, str]], said: Iterable[str]) -> bool:
    """A pack of hormones with inert iron tablets is no iron (clinical rationale 4.6); vitamins alone change nothing."""
    hormonal = any(system == ATC and code.startswith("G03A") for system, code in coded)
    return hormonal or any(HORMONES.search(plain(words[:1000])) for words in said)
