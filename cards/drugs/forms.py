"""Routes and dose forms, from codes and words to our few words for them."""

from __future__ import annotations

import re

from cards.fhir.json_values import Json, codings, objects, text_of

ORAL, IV, IM, SUBCUTANEOUS = "oral", "iv", "im", "subcutaneous"
INJECTED = frozenset({IV, IM, SUBCUTANEOUS, "injection"})
#: Where a drug of ours acts on the spot and neither feeds nor harms the patient as a whole.
LOCAL = frozenset({"topical", "ophthalmic", "otic", "vaginal"})

_ROUTE_CODES = {
    "26643006": ORAL,
    "47625008": IV,
    "78421000": IM,
    "34206005": SUBCUTANEOUS,
    "6064005": "topical",
    "37161004": "rectal",
    "46713006": "nasal",
    "54485002": "ophthalmic",
    "10547007": "otic",
    "45890007": "transdermal",
    "37839007": "sublingual",
    "54471007": "buccal",
    "16857009": "vaginal",
    "PO": ORAL,
    "IV": IV,
    "IVPB": IV,
    "IM": IM,
    "SC": SUBCUTANEOUS,
    "SQ": SUBCUTANEOUS,
    "20053000": ORAL,
    "20045000": IV,
    "20035000": IM,
    "20066000": SUBCUTANEOUS,
    "C38288": ORAL,
    "C38276": IV,
    "C28161": IM,
}
_ROUTE_WORDS = (
    (re.compile(r"\b(?:ophthalmic|eye|eyes|ocular)\b"), "ophthalmic"),
    (re.compile(r"\b(?:otic|ear|ears)\b"), "otic"),
    (re.compile(r"\bvaginal(?:ly)?\b"), "vaginal"),
    (re.compile(r"\b(?:topical(?:ly)?|cream|ointment|gel|lotion|shampoo|cutaneous|to skin)\b"), "topical"),
    (re.compile(r"\b(?:transdermal|patch|patches)\b"), "transdermal"),
    (re.compile(r"\b(?:intravenous(?:ly)?|iv|ivpb|ivp|infusion)\b"), IV),
    (re.compile(r"\b(?:intramuscular(?:ly)?|im)\b"), IM),
    (re.compile(r"\b(?:subcutaneous(?:ly)?|subcut|sc|sq)\b"), SUBCUTANEOUS),
    (
        re.compile(
            r"\b(?:inj|injection|injectable|infed|dexferrum|cosmofer|imferon|vial|ampoule|ampule|prefilled syringe)\b"
        ),
        "injection",
    ),
    (re.compile(r"\b(?:suppository|suppositories|rectal(?:ly)?|zetpil|enema)\b"), "rectal"),
    (re.compile(r"\b(?:nasal(?:ly)?|nostril)\b"), "nasal"),
    (re.compile(r"\b(?:inhaled|inhalation|inhaler|nebuli[sz]er)\b"), "inhaled"),
    (re.compile(r"\bsublingual(?:ly)?\b"), "sublingual"),
    (re.compile(r"\bbuccal(?:ly)?\b"), "buccal"),
    (
        re.compile(
            r"\b(?:oral(?:ly)?|po|by mouth|tabs?|tablets?|tabl|caps?|capsules?|caplets?|chewable|elixir|syrup|pills?|"
            r"gummy|gummies|softgels?|lozenge|disintegrating|odt)\b"
        ),
        ORAL,
    ),
)
_FORM_WORDS = (
    (re.compile(r"\b(?:chewable|chew tab|chewtab|gummy|gummies)\b"), "chewable tablet"),
    (re.compile(r"\b(?:orally disintegrating|disintegrating|odt)\b"), "disintegrating tablet"),
    (re.compile(r"\b(?:tabs?|tablets?|tabl|tabletten|caplets?)\b"), "tablet"),
    (re.compile(r"\b(?:caps?|capsules?|softgels?|capsulas?)\b"), "capsule"),
    (re.compile(r"\b(?:patch|patches)\b"), "patch"),
    (
        re.compile(r"\b(?:elixir|syrup|oral solution|oral suspension|solution|suspension|liquid|drops?|/ ?\d* ?ml)\b"),
        "liquid",
    ),
    (re.compile(r"\b(?:powder|granules|packet|sachet)\b"), "powder"),
)
_RELEASE = re.compile(
    r"\b(?:extended[ -]release|sustained[ -]release|modified[ -]release|prolonged[ -]release|controlled[ -]release|"
    r"slow[ -]?release|slow[ -]?(?:fe|iron)|timed[ -]release|xr|er|sr|xl|cr|mr|retard|(?:12|24) ?hr?)\b"
)
#: Brands of extended release whose names do not say so; they often stand in brackets after the product.
_EXTENDED_BRANDS = re.compile(r"\bgralise\b")
SOLID = frozenset({"tablet", "capsule", "chewable tablet", "disintegrating tablet"})
LIQUID = "liquid"


def route_named(text: str) -> str:
    """Return the route that words (already plain) name or a form implies; empty where nothing tells."""
    return next((route for pattern, route in _ROUTE_WORDS if pattern.search(text)), "")


def form_named(text: str) -> str:
    """Return the dose form that words (already plain) name; empty where nothing tells."""
    return next((form for pattern, form in _FORM_WORDS if pattern.search(text)), "")


def is_extended_release(text: str) -> bool:
    return bool(_RELEASE.search(text))


def names_extended_brand(text: str) -> bool:
    """Return whether words (already plain) name a brand of extended release that does not say so."""
    return bool(_EXTENDED_BRANDS.search(text))


def route_of(concept: Json) -> str:
    """Return the route of a dosage, from its code or its words; empty where nothing tells."""
    for _, code in codings(concept):
        if code.upper() in _ROUTE_CODES:
            return _ROUTE_CODES[code.upper()]
    said = [text_of(each) for each in objects(concept)] or [text_of(concept)]
    return next((route for words in said if (route := route_named(words.lower()))), "")
