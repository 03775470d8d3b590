"""Routes and dose forms, from codes and words to our few words for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from cards.drugs.ingredients import plain
from cards.fhir.json_values import Json, codings, first, objects, text, text_of
from cards.remembered import remembered

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
    "422145002": "injection",  # a method
}
#: Behind a strength that is no share `gel` is short for the French `gélule`, as `gel cap` is a capsule.
_GEL = r"(?<!mg )(?<!mcg )(?<!\d iu )(?<!\d ui )gel(?! ?caps?\b)"
_ROUTE_WORDS = (
    (re.compile(r"\b(?:ophthalmic|eye|eyes|ocular)\b"), "ophthalmic"),
    (re.compile(r"\b(?:otic|ear|ears)\b"), "otic"),
    (re.compile(r"\bvaginal(?:ly)?\b"), "vaginal"),
    (re.compile(rf"\b(?:topical(?:ly)?|cream|ointment|{_GEL}|lotion|shampoo|cutaneous|to skin)\b"), "topical"),
    (re.compile(r"\b(?:transdermal|patch|patches)\b"), "transdermal"),
    (
        re.compile(
            r"\b(?:intraven\w*|intravein\w*|endoven\w*|do[zż]yln\w*|iv|i\. ?v|ivpb|ivp|infus\w*|parenteral\w*)\b"
        ),
        IV,
    ),
    (re.compile(r"\b(?:intramuscular(?:ly)?|im)\b"), IM),
    (re.compile(r"\b(?:subcutaneous(?:ly)?|subcut|sc|sq)\b"), SUBCUTANEOUS),
    (
        re.compile(r"\b(?:inj|inject(?!afer)\w*|injekt\w*|injeks\w*|infed|dexferrum|cosmofer|imferon)\b"),
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
    (re.compile(r"\b(?:vial|ampoule|ampule|prefilled syringe)\b"), "injection"),  # there are such to drink as well
)
_FORM_WORDS = (
    (re.compile(r"\b(?:chewable|chew tab|chewtab|gummy|gummies)\b"), "chewable tablet"),
    (re.compile(r"\b(?:orally disintegrating|disintegrating|odt)\b"), "disintegrating tablet"),
    (re.compile(r"\b(?:tabs?|tablets?|tabl|tabletten|caplets?)\b"), "tablet"),
    (re.compile(r"\b(?:caps?|capsules?|softgels?|capsulas?|gelules?|gel ?caps?|(?<=mg )gel)\b"), "capsule"),
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
_NAMED = {route: pattern for pattern, route in reversed(_ROUTE_WORDS[:-1])}
_TIME = r"(?:min(?:ute)?s?|h(?:ou)?rs?|h)\b"
_HOURS = rf"(?:\d++(?:\s*+(?:-|to)\s*+\d++)?\s*+min|(?:[1-9](?:\s*+(?:-|to)\s*+[1-9])?|an|one|two)\s*+{_TIME})"
#: Routes in directions, of which the first that is told is that of the drug. A piece says more here than in a name; a
#: vial and an ampoule say less, since there are such to drink.
_DIRECTED = (
    (re.compile(r"\b(?:take[ns]?|swallow\w*+|chew\w*+|drink\w*+|einnehmen|prendre|tomar|innemen)\b"), ""),
    (re.compile(r"\b(?:tablett?\w*+|kaps\w*+|capsul\w*+|compr\w*+|gelules?|dragees?|mouth|p\. ?o)\b"), ORAL),
    (_NAMED[ORAL], ORAL),
    (_NAMED["transdermal"], "transdermal"),
    (_NAMED[IV], IV),
    (re.compile(rf"\d\s*+ml\s*+/\s*+{_TIME}"), IV),
    (
        re.compile(
            r"(?:\b(?:mg|gm?|grams?|ml|ns|saline|d5w|given?|run|administer(?:ed)?|slowly|dose)|%)\s++over\s++"
            rf"(?:at least |about )?{_HOURS}"
        ),
        IV,
    ),
    (re.compile(r"\bintramusc\w*+"), IM),
    (re.compile(r"\bsubcut\w*+"), SUBCUTANEOUS),
    (re.compile(r"\b(?:inj|inject\w*+|injekt\w*+|injeks\w*+)\b"), "injection"),
    (
        re.compile(
            r"^\W*+(?:please )?(?:apply|rub|massage)\b(?!.*\b(?:patch|transderm|tab|cap|mouth|tongue))"
            r".{0,60}?\b(?:to|on|onto|over|topical|topically|thin|sparingly)\b"
        ),
        "topical",
    ),
    (
        re.compile(
            r"^\W*+(?:(?:instill|place|put|apply|use|give|administer) )?(?:\d\s*+(?:-\s*+\d\s*+)?|one |two )?"
            r"(?:drops?|gtts?) (?:(?:in|into|to) )?(?:\w++ ){0,3}?(?:eyes?|ears?)\b"
        ),
        "ophthalmic",
    ),
)
#: In lower case `im` is a word of German, too.
_IN_MUSCLE = re.compile(r"\bIM\b|\b[Ii]\. ?[Mm]\.|(?<=mg )im\b(?=\W*+(?:$|once|weekly|monthly|every|q|x|stat|now))")
#: What is only spoken of beside the drug: `until the iron infusion`, `not for IV use`, `NYHA class IV`.
_SPOKEN_OF = re.compile(
    r"\b(?:until|till|before|after|prior to|pre|post|following|instead of|rather than|than|not|no|never|avoid\w*+|"
    r"without|unless|if|when|while|during|between|pending|await\w*+|fail\w*+|refus\w*+|declin\w*+|intoleran\w*+|"
    r"(?:switch|convert|chang|transition|bridg)\w*+ to|also \w++|stage|class|grade|type|nyha|factor|ckd|phase|"
    r"schedule|bis (?:zu[rm]?)?|(?:has|have) had|with(?=\s++(?:iv|i\. ?v\.?|intravenous) iron))[\s-]++"
    r"(?:(?:the|your|her|his|their|each|every|any|an?|next|last|first|second|\d++(?:st|nd|rd|th)|iron|another|"
    r"scheduled|planned|for|by|as|given?|be|to|of|on|use|therapy)\s++){0,4}"
    r"(?:intraven|iv\b|i\. ?v\b|infus|inject|parenteral|intramusc)\w*+"
    r"(?:\W++(?:iv|iron|infusion|injection|therapy)\b){0,3}|"
    r"\b(?:iv|i\. ?v\.?|intravenous) iron(?: infusions?| therapy)? (?:(?:is|was) )?"
    r"(?:contraindicated|refused|declined|failed|not|if|planned if)\b"
)
_PER_TIME = re.compile(rf"(?:/|\bper)\s*+{_TIME}")
_IS_TIME = re.compile(_TIME)
#: Where a dosage holds how fast a drug runs, from DSTU2 to R5.
_RATES = ("rateQuantity", "rateSimpleQuantity", "rateRatio", "rateRange", "rate")
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


@remembered
def route_of(concept: Json) -> str:
    """Return the route of a dosage, from its code or its words; empty where nothing tells."""
    for _, code in codings(concept):
        if code.upper() in _ROUTE_CODES:
            return _ROUTE_CODES[code.upper()]
    said = [text_of(each) for each in objects(concept)] or [text_of(concept)]
    return next((route for words in said if (route := route_named(words.lower()))), "")


@lru_cache(maxsize=4096)
def route_directed(words: str) -> str:
    """Return the route that directions tell first; empty where they tell none, or only that the drug is taken."""
    said = _SPOKEN_OF.sub(" ", plain(_IN_MUSCLE.sub(" intramuscular ", words)))
    found = [(match.start(), route) for pattern, route in _DIRECTED if (match := pattern.search(said))]
    return min(found)[1] if found else ""


def runs_in(dosage: Mapping[str, Json]) -> bool:
    """Return whether a dosage tells how much runs in each hour or minute."""
    parts = (dosage, *objects(dosage.get("doseAndRate")))
    return any(_is_rate(first(part.get(name))) for part in parts for name in _RATES if name in part)


def _is_rate(value: Mapping[str, Json]) -> bool:
    """A quantity in `mL/h`, a range of such, or a ratio to a time."""
    quantities = (value, first(value.get("low")), first(value.get("high")))
    if any(_PER_TIME.search(said) for each in quantities for said in _units(each)):
        return True
    return any(_IS_TIME.match(said) for said in _units(first(value.get("denominator"))))


def _units(quantity: Mapping[str, Json]) -> tuple[str, ...]:
    return text(quantity.get("unit")).lower(), text(quantity.get("code")).lower()
