"""Write what follows from cards/drugs/ingredients.toml: `python -m tests.unit.cards.drugs.regenerate [NAMES]`.

The value sets of drug classes follow from it alone. With NAMES, the medication list of the public CDS Hooks Sandbox
(RxNorm codes and names as JSON), cards/drugs/products.csv is written as well; nobody needs it to add a drug, since
products that it does not have stand in cards/drugs/label_products.csv.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cards.drugs.forms import names_extended_brand
from cards.drugs.ingredients import Code, Ingredient, ingredients
from cards.knowledge.code_systems import ATC, HCPCS, RXNORM, UNII

ROOT = Path(__file__).resolve().parents[4]
PRODUCTS = ROOT / "cards" / "drugs" / "products.csv"
LABEL_PRODUCTS = ROOT / "cards" / "drugs" / "label_products.csv"
VALUESETS = ROOT / "cards" / "valuesets"
BASE = "https://rls-cds.example.org"
HEADER = """\
# Product codes of RxNorm and the ingredients in scope that each holds.
# Source: RxNorm names (public domain) in the medication list of the public CDS Hooks Sandbox (Apache-2.0), of about
# 2014, oral solids only: {rows:,} rows of {names:,} names are in scope. Written from that list by
# tests/unit/cards/drugs/regenerate.py; products that are not in it stand in label_products.csv.
# strength: mg of what the label names (the salt), or international units (iu); count: all active ingredients.
"""
_NAME = re.compile(r"(?:\d[\d.]* (?:HR|ML|ACTUAT) )?(?P<body>.*?)(?: \[[^\]]*\])?$")
_PART = re.compile(r"(?P<name>.+?) (?P<number>\d[\d.]*) (?P<unit>MG|UNT|MCG|MEQ|%|ML)(?: (?P<form>[A-Z].*))?$")
_SALTS = re.compile(
    r" (?:hydrochloride|hydrobromide|maleate|succinate|fumarate|tartrate|citrate|tannate|polistirex|pamoate|sodium|"
    r"potassium|calcium|dihydrochloride|carbonate|aspartate|orotate|sulfate|phosphate|terephthalate|bitartrate|"
    r"etexilate|tromethamine|dihydrate|gluconate)$"
)
_FORMS = {
    "chewable": "chewable tablet",
    "disintegrating": "disintegrating tablet",
    "tablet": "tablet",
    "capsule": "capsule",
}


def names() -> dict[str, str]:
    """Every generic name, in lower case, to the ingredient; the words of RxNorm itself before salts are taken off."""
    return {words.lower(): each.name for each in ingredients().values() for words in (each.name, *each.words)}


def ingredient(said: str, known: dict[str, str]) -> str | None:
    plain = said.lower()
    stripped = known.get(_SALTS.sub("", plain))
    if stripped and ingredients()[stripped].bare:
        stripped = None  # calcium sulfate is not calcium for our purposes, nor is magnesium salicylate magnesium
    return known.get(plain) or stripped


def rows(entries: list[dict[str, str]]) -> Iterator[list[str]]:
    known, by_hand = names(), {line["rxcui"] for line in label_products()}
    for entry in entries:
        row = product(entry["code"], entry["display"], known)
        if row and row[0] not in by_hand:
            yield row


def label_products() -> list[dict[str, str]]:
    """The rows of label_products.csv, each with its source."""
    with LABEL_PRODUCTS.open(encoding="utf-8") as table:
        return list(csv.DictReader(line for line in table if not line.startswith("#")))


def product(code: str, display: str, known: dict[str, str]) -> list[str] | None:
    matched = _NAME.match(display)
    assert matched, display
    body = matched["body"]
    parts = [_PART.match(part) for part in body.split(" / ")]
    held = [f"{name}{_strength(part)}" for part in parts if part and (name := ingredient(part["name"], known))]
    if not any(ingredients()[each.partition("=")[0]].classes for each in held):
        return None
    last = parts[-1]
    form = (last["form"] or "") if last else ""
    kind = "SBD" if display.endswith("]") else "SCD"
    lower = form.lower()
    shape = next((ours for theirs, ours in _FORMS.items() if theirs in lower), "")
    route = next((each for each in ("sublingual", "buccal") if each in lower), "oral")
    slow = "extended" in lower or "sustained" in lower or names_extended_brand(display.lower())
    marks = "er" if slow else ""
    return [code, kind, route, shape, marks, str(len(parts)), "|".join(held)]


def _strength(part: re.Match[str]) -> str:
    unit = {"MG": "mg", "UNT": "iu"}.get(part["unit"])
    return f"={part['number']}{unit}" if unit else ""


def products_csv(listed: Path) -> str:
    """The text of products.csv as it follows from the list of names in this file."""
    entries = json.loads(listed.read_text(encoding="utf-8"))
    found = sorted(rows(entries), key=lambda row: int(row[0]))
    out = io.StringIO()
    out.write(HEADER.format(rows=len(found), names=len(entries)))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["rxcui", "kind", "route", "form", "marks", "count", "ingredients"])
    writer.writerows(found)
    return out.getvalue()


def valuesets() -> dict[str, str]:
    """The text of every drug value set, by file name."""
    kinds = sorted({kind for each in ingredients().values() for kind in each.classes})
    files = {f"drug-{kind}.json": valueset(kind) for kind in kinds}
    return {name: text for name, text in files.items() if text}


def valueset(kind: str) -> str:
    members = [each for each in ingredients().values() if kind in each.classes]
    include = []
    for system in (RXNORM, ATC, HCPCS, UNII):
        concepts = [_concept(each, code) for each in members for code in each.codes if code[0] == system]
        if concepts:
            include.append({"system": system, "concept": concepts})
    if not include:
        return ""
    content = {
        "resourceType": "ValueSet",
        "id": f"drug-{kind}",
        "url": f"{BASE}/ValueSet/drug-{kind}",
        "version": "0.1.0",
        "name": "Drug" + "".join(word.capitalize() for word in kind.split("-")),
        "title": f"Drug class {kind}",
        "status": "draft",
        "experimental": False,
        "description": "Ingredients of this class. Route and product may change it: see cards/drugs/kinds.py.",
        "compose": {"include": include},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _concept(each: Ingredient, code: Code) -> dict[str, object]:
    said: list[dict[str, object]] = [{"url": f"{BASE}/StructureDefinition/code-source", "valueString": each.source}]
    if code in each.unverified:
        said = [
            {"url": f"{BASE}/StructureDefinition/code-source", "valueString": "from memory"},
            {"url": f"{BASE}/StructureDefinition/code-unverified", "valueBoolean": True},
        ]
    concept: dict[str, object] = {"extension": said, "code": code[1], "display": each.name}
    other = [{"value": words} for words in dict.fromkeys((*each.words, *each.brands)) if words]
    return concept | ({"designation": other} if other and code[0] == RXNORM else {})


def main(listed: str = "") -> None:
    made = valuesets()
    for file in VALUESETS.glob("drug-*.json"):
        if file.name not in made:
            file.unlink()
    for name, content in made.items():
        (VALUESETS / name).write_text(content, encoding="utf-8")
    if listed:
        PRODUCTS.write_text(products_csv(Path(listed)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
