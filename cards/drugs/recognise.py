"""Which product a medication concept names (clinical pages 4.4 to 4.6 and amendments section 5).

Looked up in this order: product codes, ingredient codes, then words; a code that tells less than the words (an ATC
class, the codeless group of parenteral irons) is filled in from them. Nothing of the concept itself is handed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from cards.chart import Amount, Product
from cards.code_systems import ATC, HCPCS, RXNORM, UNII, system_of
from cards.drugs.ingredients import Ingredient, ingredient_of_code, plain
from cards.drugs.kinds import classes_of
from cards.drugs.naming import name_of
from cards.drugs.products import ProductRow, product_of_code
from cards.drugs.spoken import row_in_words, shape, strengths_known
from cards.drugs.words import HORMONES
from cards.reading.local import local_key
from cards.reading.shapes import Json, codings, items, objects, text

#: Site codes: (system, code), as `local_key` writes it, to an RxNorm product or ingredient code.
SiteCodes = Mapping[tuple[str, str], str]
#: Ingredients that stand for a whole class; the words may say which one it is.
_VAGUE = "iron", "intravenous iron", "antipsychotic", "vitamin D", "magnesium", "calcium", "opioid"


@dataclass(frozen=True, slots=True)
class _Found:
    """What was recognised before the route is weighed in."""

    row: ProductRow
    known_by: str


def recognise(concept: Json, *, route_hint: str = "", site_codes: SiteCodes | None = None) -> Product | None:
    """The product of a CodeableConcept (or CodeableReference, or plain words); `None` where it is none of ours.

    `route_hint` is the route of the order (a word of `forms`); it decides where an ingredient is given in two ways.
    """
    coded = tuple(_codes(concept, site_codes or {}))
    said = tuple(_words(concept))
    return _product(coded, said, route_hint)


def product_of_parts(
    parts: Iterable[tuple[Product | None, Decimal | None]], *, words: str, route_hint: str
) -> Product | None:
    """A product by its active ingredients, each recognised for itself, with its mg; `None` is none of ours."""
    listed = list(parts)
    amounts = tuple(
        replace(amount, mg=mg if mg is not None else amount.mg)
        for product, mg in listed
        if product
        for amount in product.ingredients
    )
    return _weighed(_Found(shape((words,), amounts, len(listed)), "code"), route_hint, contraceptive=False)


@lru_cache(maxsize=4096)
def _product(coded: tuple[tuple[str, str], ...], said: tuple[str, ...], route_hint: str) -> Product | None:
    found = _by_product_code(coded) or _by_ingredient_code(coded, said) or _by_words(said)
    if not found:
        return None
    return _weighed(found, route_hint, contraceptive=found.row.contraceptive or _is_contraceptive(coded, said))


def _weighed(found: _Found, route_hint: str, *, contraceptive: bool) -> Product | None:
    """The product with the route weighed in: it decides the class, and whether it is one of ours at all."""
    row = found.row
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
        known_by=found.known_by,
        unverified=row.unverified,
    )


def _codes(concept: Json, site_codes: SiteCodes) -> Iterator[tuple[str, str]]:
    for system, code in codings(concept):
        own = site_codes.get(local_key(system, code)) if site_codes else None
        if own:
            yield RXNORM, own
        canonical = system_of(system)
        if canonical in (RXNORM, ATC, HCPCS, UNII):
            yield canonical, code if canonical == RXNORM else code.upper()


def _words(concept: Json) -> Iterator[str]:
    """The text and every display, each once, the longest first: it says most."""
    seen = [text(each) for each in items(concept)]
    for each in objects(concept):
        held = objects(each.get("concept")) or (each,)
        for inner in held:
            seen.append(text(inner.get("text")))
            seen += [text(coding.get("display")) for coding in objects(inner.get("coding"))]
            seen.append(text(inner.get("display")))
    yield from sorted({words for words in seen if words}, key=lambda words: (-len(words), words))


def _by_product_code(coded: Iterable[tuple[str, str]]) -> _Found | None:
    rows = (product_of_code(code) for system, code in coded if system == RXNORM)
    return next((_Found(row, "code") for row in rows if row), None)


def _by_ingredient_code(coded: tuple[tuple[str, str], ...], said: tuple[str, ...]) -> _Found | None:
    """The ingredients that codes name; strength and form from the words, where these speak of the same ones."""
    listed = [(each, (system, code)) for system, code in coded if (each := ingredient_of_code(system, code))]
    if not listed:
        return None
    named = [each for each, _ in _chosen(listed)]
    spoken = _by_words(said)
    amounts = tuple(Amount(name) for name in dict.fromkeys(each.name for each in named))
    found = spoken.row if spoken and _says_the_same(spoken.row, named) else shape(said, amounts, len(amounts))
    return _Found(replace(found, route=found.route or _route_of(listed), unverified=_unverified(listed)), "code")


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


def _by_words(said: tuple[str, ...]) -> _Found | None:
    found = [row for words in said if (row := row_in_words(words))]
    best = max(found, key=lambda row: (len(row.ingredients), strengths_known(row)), default=None)
    return _Found(best, "name") if best else None


def _is_contraceptive(coded: Iterable[tuple[str, str]], said: Iterable[str]) -> bool:
    """A pack of hormones with inert iron tablets is no iron (clinical page 4.6); vitamins alone leave it what it is."""
    hormonal = any(system == ATC and code.startswith("G03A") for system, code in coded)
    return hormonal or any(HORMONES.search(plain(words[:1000])) for words in said)
