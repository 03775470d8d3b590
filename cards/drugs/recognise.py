"""Which product a medication concept names (clinical rationale 4.4 to 4.6, clinical amendments 5).

Looked up in this order: product codes, ingredient codes, then words; a code that tells less than the words (an ATC
class, the codeless group of parenteral irons) is filled in from them. Nothing of the concept itself is handed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from cards.drugs.forms import INJECTED, form_named, is_extended_release, route_named
from cards.drugs.ingredients import Ingredient, ingredient_of_code, ingredients, plain
from cards.drugs.kinds import classes_of, without_untold_iron
from cards.drugs.naming import name_of
from cards.drugs.products import ProductRow, product_of_code
from cards.drugs.spoken import is_told, product_named, shape, strengths_known, with_volume
from cards.drugs.words import HORMONES, Strength
from cards.facts.drugs import Amount, Product
from cards.fhir.json_values import LONGEST_WORDS, Json, codings, cut, items, objects, text
from cards.fhir.local_codes import local_key
from cards.knowledge.code_systems import ATC, HCPCS, RXNORM, UNII, system_of
from cards.remembered import remembered

#: Some systems send a name where a code belongs (`Ferrous Sulfate`); four letters on end are no code.
_NAME_FOR_CODE = re.compile(r"[^\W\d_]{4}")
#: Site codes: (system, code), as `local_key` writes it, to an RxNorm product or ingredient code.
SiteCodes = Mapping[tuple[str, str], str]
#: A part of a Medication: what is recognised of it, and its strength in one piece, or in one mL of a liquid.
Part = tuple[Product | None, Strength | None]
#: Ingredients that stand for a whole class; the words may say which one it is.
_VAGUE = "iron", "intravenous iron", "antipsychotic", "vitamin D", "magnesium", "calcium", "opioid"
#: Of these classes the words may name another kind too: substitutable antipsychotics, and iron by vein.
_ALSO_OF = {"antipsychotic": "agg-sub", "iron": "iron-iv"}
#: The ATC group of iron by injection.
_PARENTERAL_IRON = "B03AC"
#: The most characters of all names of one drug together that are read.
_LONGEST_NAMES = 4_000


def recognise(concept: Json, *, route_hint: str = "", site_codes: SiteCodes | None = None) -> Product | None:
    """Return the product of a CodeableConcept (or CodeableReference, or plain words); `None` where it is none of ours.

    `route_hint` is the route of the order (a word of `forms`); it decides where an ingredient is given in two ways.
    """
    return _product((codes_of(concept, site_codes or {}), words_of(concept)), route_hint) if concept else None


def product_of_medication(
    concepts: Iterable[Json], parts: tuple[Part, ...], *, form: str, route_hint: str, site_codes: SiteCodes | None
) -> Product | None:
    """Return the product of a Medication; `None` where it is none of ours.

    It is named by the first of its concepts that names one, and its parts and the words of its form tell what that
    leaves out; else it is named by its parts.
    """
    held = _held(parts)
    for concept in filter(None, concepts):
        named = codes_of(concept, site_codes or {}), words_of(concept)
        if found := _product(named, route_hint, held, form):
            return found
    row = with_volume(shape((form,), held, len(parts)), form)
    return _weighed(row, route_hint, contraceptive=False) if parts else None


def _held(parts: Iterable[Part]) -> tuple[Amount, ...]:
    """What the parts hold of our ingredients; iron that is listed beside its one salt is the iron of the salt."""
    amounts = _each_once(
        _with_strength(amount, strength) for product, strength in parts if product for amount in product.ingredients
    )
    salts = [each for each in amounts if each.ingredient != "iron" and _kinds(each) & {"iron-oral"}]
    iron = next((each for each in amounts if each.ingredient == "iron"), None)
    if iron is None or len(salts) != 1:
        return amounts
    salt = replace(salts[0], elemental_iron_mg=iron.mg)
    return tuple(salt if each is salts[0] else each for each in amounts if each is not iron)


def _each_once(listed: Iterable[Amount]) -> tuple[Amount, ...]:
    """Return each ingredient once, without a strength where two parts tell one: which is that of the piece is open."""
    found: dict[str, list[Amount]] = {}
    for each in listed:
        found.setdefault(each.ingredient, []).append(each)
    told = {name: [each for each in same if is_told(each)] for name, same in found.items()}
    return tuple(same[0] if len(same) == 1 else Amount(name) for name, same in told.items())


def _with_strength(amount: Amount, strength: Strength | None) -> Amount:
    if strength is None:
        return amount
    value, unit = strength
    return replace(amount, international_units=value) if unit == "iu" else replace(amount, mg=value)


def _filled(row: ProductRow, held: tuple[Amount, ...], form: str) -> ProductRow:
    """Return a named product with the form and the strengths that it leaves to its parts.

    Where its name or code tells no strength at all, parts of other classes are of the product too: an ATC code may
    name the first of two.
    """
    whole = plain(form)
    injected = (row.route or route_named(whole)) in INJECTED  # a vial, whose strength is that of the whole
    if not row.form and not (injected and strengths_known(row)):
        row = with_volume(replace(row, form=form_named(whole)), "")
    listed = [each for each in with_volume(replace(row, ingredients=held), form).ingredients if is_told(each)]
    found = dict.fromkeys(each for named in row.ingredients for each in _told_by_parts(named, listed))
    if not strengths_known(row):
        kinds = frozenset[str]().union(*map(_kinds, found))
        found |= dict.fromkeys(each for each in listed if kinds.isdisjoint(_kinds(each)))
    return replace(
        row,
        ingredients=tuple(found),
        count=max(row.count, len(found)),
        extended_release=row.extended_release or is_extended_release(whole),
    )


def _told_by_parts(named: Amount, listed: list[Amount]) -> list[Amount]:
    """Return an ingredient with the strength that one part gives it, or for a general name the particular parts."""
    same = [each for each in listed if each.ingredient == named.ingredient]
    if is_told(named) or len(same) > 1:
        return [named]
    if same:
        return same
    if named.ingredient in _VAGUE or _is_vague(ingredients()[named.ingredient]):
        return [each for each in listed if _kinds(each) & _kinds(named)] or [named]
    iron = [each for each in listed if _kinds(each) & _kinds(named) & {"iron-oral"}]
    if len(iron) != 1:
        return [named]
    return [replace(named, elemental_iron_mg=iron[0].mg)] if iron[0].ingredient == "iron" else iron


def _kinds(amount: Amount) -> frozenset[str]:
    return ingredients()[amount.ingredient].classes


@remembered
def _product(
    named: tuple[tuple[tuple[str, str], ...], tuple[str, ...]],
    route_hint: str,
    held: tuple[Amount, ...] = (),
    form: str = "",
) -> Product | None:
    coded, said = named
    row = named_row(coded, said)
    if not row:
        return None
    if held or form:
        row = _filled(row, held, form)
    return _weighed(row, route_hint, contraceptive=row.contraceptive or _is_contraceptive(coded, said))


def named_row(coded: tuple[tuple[str, str], ...], said: tuple[str, ...]) -> ProductRow | None:
    """Return what codes and words name of our ingredients, also where its route or form makes it none of ours."""
    return _by_product_code(coded) or _by_ingredient_code(coded, said) or _by_words(said)


def _weighed(row: ProductRow, route_hint: str, *, contraceptive: bool) -> Product | None:
    """The product with the route weighed in: it decides the class, and whether it is one of ours at all."""
    route = route_hint or row.route
    row = without_untold_iron(row, route)
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


def is_coded_as_drug(concept: Json, *, site_codes: SiteCodes | None = None) -> bool:
    """Return whether a code of the concept, not its words alone, names one of our ingredients."""
    coded = codes_of(concept, site_codes or {})
    return bool(coded) and named_row(coded, ()) is not None


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
    """HCPCS codes of ours, and ATC codes of parenteral iron, are of injections, whatever else the drug stands in."""
    coded = (code for _, code in listed)
    injected = any(system == HCPCS or (system == ATC and code.startswith(_PARENTERAL_IRON)) for system, code in coded)
    return "injection" if injected else ""


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
    """The words name an ingredient of the class, or one that `_ALSO_OF` counts to it."""
    found = classes_of(row, row.route, contraceptive=False)
    return not found.isdisjoint(vague.classes) or _ALSO_OF.get(vague.name) in found


def _by_words(said: tuple[str, ...]) -> ProductRow | None:
    found = [row for words in said if (row := product_named(words))]
    return max(found, key=lambda row: (len(row.ingredients), strengths_known(row)), default=None)


def _is_contraceptive(coded: Iterable[tuple[str, str]], said: Iterable[str]) -> bool:
    """A pack of hormones with inert iron tablets is no iron (clinical rationale 4.6); vitamins alone change nothing."""
    hormonal = any(system == ATC and code.startswith("G03A") for system, code in coded)
    return hormonal or any(HORMONES.search(plain(words[:1000])) for words in said)
