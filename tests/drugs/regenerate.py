"""Write cards/drugs/products.csv and the drug value sets anew: `python -m tests.drugs.regenerate`.

The products come from the list of RxNorm clinical and branded drugs beside the checkout (../shared/data, about 2014,
oral solids) and from the codes written out below; the value sets from cards/drugs/ingredients.toml alone.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cards.code_systems import ATC, HCPCS, RXNORM, UNII
from cards.drugs.ingredients import Code, Ingredient, ingredients

ROOT = Path(__file__).resolve().parents[2]
PRODUCTS = ROOT / "cards" / "drugs" / "products.csv"
VALUESETS = ROOT / "cards" / "valuesets"
BASE = "https://rls-cds.example.org"
LIST = ROOT.parent / "shared" / "data" / "rxnorm-prescribables.json"
HEADER = """\
# Product codes of RxNorm and the ingredients in scope that each holds.
# Source of the rows of kind SCD and SBD: RxNorm names (public domain) in the medication list of the public CDS Hooks
# Sandbox (Apache-2.0), vintage about 2014, oral solids only: {listed} rows of 10,260 names are in scope. Further rows:
# {written} codes (IV iron, packs, ferric maltol and others), from drug label files and value sets, 2024 to 2026.
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
#: Codes named in the specification or known from label files, with route, form, marks, count and ingredients.
_IV = {
    "ferric carboxymaltose": "1435169 1435174 2552400 2552401 2602296 2602297",
    "iron sucrose": "1741261 1741267 1741270",
    "ferumoxytol": "860605 1191357",
    "iron dextran": "311144",
    "sodium ferric gluconate": "242761 261123",
    "ferric derisomaltose": "2274398 2274403 2274406 2274407 2274408 2274409",
}
_WITH_DEXTRAN = "ascorbic acid|biotin|ferrous bisglycinate|folic acid|iron dextran|pyridoxine"
_PACKS = ("1095224", "1358763", "1359023", "1359117")
_WRITTEN = [
    *([code, "SCD", "iv", "", "", "1", name] for name, codes in _IV.items() for code in codes.split()),
    ["2539943", "SCD", "oral", "capsule", "", "1", "ferric maltol=30mg"],
    ["103990", "MIN", "oral", "", "", "2", "carbidopa|levodopa"],
    ["404786", "MIN", "oral", "", "", "3", "carbidopa|entacapone|levodopa"],
    ["1102195", "MIN", "oral", "", "", "11", _WITH_DEXTRAN],
    ["1726682", "SBD", "im", "", "", "1", "trimethobenzamide=100mg"],
    ["1649988", "SCD", "oral", "tablet", "", "1", "doxycycline=100mg"],
    *([code, "contraceptive pack", "oral", "", "", "3", "ferrous fumarate=75mg"] for code in _PACKS),
]


def names() -> dict[str, str]:
    """Every generic name, in lower case, to the ingredient; the words of RxNorm itself before salts are taken off."""
    return {words.lower(): each.name for each in ingredients().values() for words in (each.name, *each.words)}


def ingredient(said: str, known: dict[str, str]) -> str | None:
    plain = said.lower()
    stripped = known.get(_SALTS.sub("", plain))
    if stripped and ingredients()[stripped].bare:
        stripped = None  # calcium sulfate is not calcium for our purposes, nor is magnesium salicylate magnesium
    return known.get(plain) or stripped


def rows() -> Iterator[list[str]]:
    known = names()
    for entry in json.loads(LIST.read_text(encoding="utf-8")):
        row = product(entry["code"], entry["display"], known)
        if row:
            yield row


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
    marks = "er" if "extended" in lower or "sustained" in lower else ""
    return [code, kind, route, shape, marks, str(len(parts)), "|".join(held)]


def _strength(part: re.Match[str]) -> str:
    unit = {"MG": "mg", "UNT": "iu"}.get(part["unit"])
    return f"={part['number']}{unit}" if unit else ""


def products_csv() -> str:
    listed = list(rows())
    seen = {row[0] for row in listed}
    written = [row for row in _WRITTEN if row[0] not in seen]
    out = io.StringIO()
    out.write(HEADER.format(listed=f"{len(listed):,}", written=len(written)))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["rxcui", "kind", "route", "form", "marks", "count", "ingredients"])
    writer.writerows(sorted([*listed, *written], key=lambda row: int(row[0])))
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


def main() -> int:
    for name, content in valuesets().items():
        (VALUESETS / name).write_text(content, encoding="utf-8")
    if not LIST.is_file():
        print("products.csv is left as it is: the medication list is not beside this checkout")
        return 0
    PRODUCTS.write_text(products_csv(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
