"""How many names of the public RxNorm list are recognised, by code and by text alone, and that no other name is.

What is expected is worked out here from the RxNorm names themselves: a name is split at ` / `, number and unit are cut
off, and what is left is looked up whole in the lists below. These lists were written for this test.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from cards.drugs.recognise import recognise
from cards.knowledge.code_systems import RXNORM

pytestmark = pytest.mark.slow

#: Exact RxNorm ingredient tokens (IN or PIN, lower case) of each class.
TOKENS = {
    "iron-oral": "ferrous sulfate|ferrous gluconate|ferrous fumarate|polysaccharide iron complex|iron carbonyl|"
    "ferrous bisglycinate|ferrous asparto glycinate|heme iron polypeptide|fe heme polypeptide|iron-dextran complex|"
    "iron bile salts",
    "phosphate-binder": "sucroferric oxyhydroxide",
    "chelator": "deferiprone",
    "da": "pramipexole dihydrochloride|ropinirole|apomorphine",
    "levodopa": "levodopa",
    "comt-inhibitor": "entacapone|tolcapone",
    "ergot": "cabergoline|pergolide|bromocriptine",
    "agg-sub-antiemetic": "metoclopramide|prochlorperazine|promethazine hydrochloride|trimethobenzamide hydrochloride",
    "agg-sub-antihistamine": "diphenhydramine hydrochloride|diphenhydramine citrate|doxylamine succinate|"
    "hydroxyzine hydrochloride|hydroxyzine pamoate|chlorpheniramine|chlorpheniramine maleate|"
    "chlorpheniramine polistirex|chlorpheniramine tannate|dexchlorpheniramine|dexchlorpheniramine maleate|"
    "brompheniramine|brompheniramine maleate|brompheniramine tannate|clemastine fumarate|carbinoxamine maleate|"
    "cyproheptadine hydrochloride|dimenhydrinate|meclizine hydrochloride|triprolidine hydrochloride|cyclizine|"
    "cyclizine hydrochloride|trimeprazine",
    "agg-psy-antipsychotic": "haloperidol|chlorpromazine hydrochloride|fluphenazine hydrochloride|perphenazine|"
    "trifluoperazine|thioridazine|thiothixene|loxapine|molindone hydrochloride|pimozide|olanzapine|quetiapine|"
    "risperidone|paliperidone|ziprasidone|lurasidone hydrochloride|asenapine|iloperidone|clozapine|aripiprazole|"
    "flupenthixol|methotrimeprazine|periciazine|promazine|mesoridazine|triflupromazine|acetophenazine",
    "agg-psy-antidepressant": "mirtazapine|sertraline|fluoxetine|paroxetine|citalopram|escitalopram|"
    "fluvoxamine maleate|venlafaxine|desvenlafaxine|duloxetine|milnacipran hydrochloride|levomilnacipran|vortioxetine|"
    "vilazodone hydrochloride|amitriptyline hydrochloride|nortriptyline|imipramine hydrochloride|imipramine pamoate|"
    "desipramine|desipramine hydrochloride|clomipramine hydrochloride|doxepin|doxepin hydrochloride|"
    "protriptyline hydrochloride|trimipramine|amoxapine|mianserin|dothiepin|maprotiline hydrochloride",
    "vmat2": "tetrabenazine",
    "lithium": "lithium carbonate|lithium aspartate|lithium orotate",
    "tramadol": "tramadol hydrochloride",
    "gabapentinoid": "gabapentin|gabapentin enacarbil|pregabalin",
    "opioid": "tramadol hydrochloride|oxycodone hydrochloride|oxycodone terephthalate|methadone hydrochloride|"
    "buprenorphine|morphine sulfate|morphine hydrochloride|hydrocodone bitartrate|hydrocodone polistirex|tapentadol|"
    "codeine phosphate|codeine sulfate|hydromorphone hydrochloride|oxymorphone hydrochloride|fentanyl|levorphanol|"
    "meperidine hydrochloride|dihydrocodeine bitartrate|pentazocine|propoxyphene napsylate|propoxyphene hydrochloride",
    "folate": "folic acid|levomefolate calcium|l-methylfolate",
    "b12": "vitamin b 12|mecobalamin|cobamamide",
    "b6": "pyridoxine|pyridoxine hydrochloride|vitamin b6|pyridoxal phosphate",
    "vitd": "cholecalciferol|ergocalciferol|vitamin d|vitamin d3",
    "vitd-active": "calcitriol|calcifediol|doxercalciferol|paricalcitol|dihydrotachysterol",
    "magnesium-oral": "magnesium oxide|magnesium citrate|magnesium chloride|magnesium gluconate|magnesium glycinate|"
    "magnesium hydroxide|magnesium lactate|magnesium aspartate|magnesium carbonate|magnesium sulfate|"
    "magnesium trisilicate|magnesium amino acid chelate|magnesium, chelated|magnesium malate|magnesium orotate",
    "vitc": "ascorbic acid|sodium ascorbate|calcium ascorbate",
    "vite": "vitamin e|alpha tocopherol|alpha-tocopherol acetate|alpha-tocopherol succinate|tocopherol acetate|"
    "dl-alpha tocopheryl acetate|tocopherol,dl-alpha|vitamin e d-alpha",
    "biotin": "biotin|d-biotin",
    "calcium": "calcium carbonate|calcium citrate|calcium acetate|calcium gluconate|calcium lactate|calcium phosphate|"
    "tricalcium phosphate|dicalcium phosphate",
    "levothyroxine": "levothyroxine sodium",
    "quinolone": "ciprofloxacin|levofloxacin|moxifloxacin|ofloxacin|norfloxacin|gemifloxacin|enoxacin|fleroxacin|"
    "grepafloxacin|lomefloxacin|sparfloxacin|temafloxacin|trovafloxacin",
    "tetracycline": "doxycycline|tetracycline|tetracycline hydrochloride|minocycline|demeclocycline hydrochloride|"
    "oxytetracycline|methacycline",
    "integrase-inhibitor": "dolutegravir|raltegravir|elvitegravir",
    "penicillamine": "penicillamine",
    "cefdinir": "cefdinir",
    "bisphosphonate": "alendronic acid|risedronate sodium|ibandronic acid|etidronate disodium|clodronic acid|"
    "tiludronic acid",
    "eltrombopag": "eltrombopag",
    "methyldopa": "methyldopa",
    "mycophenolate": "mycophenolate mofetil|mycophenolic acid",
    "ppi": "omeprazole|esomeprazole|pantoprazole|lansoprazole|rabeprazole sodium|dexlansoprazole",
    "h2": "famotidine|ranitidine|cimetidine|nizatidine",
    "metformin": "metformin hydrochloride",
    "methotrexate": "methotrexate",
    "isoniazid": "isoniazid",
    "cycloserine": "cycloserine",
    "colchicine": "colchicine",
    "topiramate": "topiramate",
    "nsaid": "ibuprofen|naproxen|naproxen sodium|diclofenac|diclofenac sodium|diclofenac potassium|indomethacin|"
    "ketorolac tromethamine|meloxicam|celecoxib|etodolac|nabumetone|piroxicam|sulindac|ketoprofen|flurbiprofen|"
    "oxaprozin|aspirin|fenbufen|fenoprofen|meclofenamate|mefenamic acid|rofecoxib|suprofen|tenoxicam|tolmetin|"
    "valdecoxib|zomepirac",
    "anticoagulant": "warfarin sodium|apixaban|rivaroxaban|dabigatran etexilate|phenprocoumon|acenocoumarol|"
    "phenindione",
}
_KINDS_OF = {token: kind for kind, tokens in TOKENS.items() for token in tokens.split("|")}
_KINDS_OF_SEVERAL = {"tramadol hydrochloride": {"tramadol", "opioid"}}
_WHOLE = re.compile(r"^(?:[\d.]+ (?:HR|ML|ACTUAT) )?(.*?)(?: \[.*\])?$")
_CUT = re.compile(r" [\d.]+ (?:MG|UNT|MCG|MEQ|%|ML|CELLS|MMOL|HR)\b.*$")


def expected(name: str) -> frozenset[str]:
    whole = _WHOLE.match(name)
    assert whole
    tokens = [_CUT.sub("", part).lower() for part in whole[1].split(" / ")]
    kinds: set[str] = set()
    for token in tokens:
        kinds |= _KINDS_OF_SEVERAL.get(token, {_KINDS_OF[token]} if token in _KINDS_OF else set())
    return frozenset(kinds)


@pytest.fixture(scope="module")
def listed(shared: Path) -> list[tuple[str, str]]:
    entries = json.loads((shared / "data" / "rxnorm-prescribables.json").read_text(encoding="utf-8"))
    return [(entry["code"], entry["display"]) for entry in entries]


def kinds_of(concept: object) -> frozenset[str]:
    product = recognise(concept)
    return product.classes & frozenset(TOKENS) if product else frozenset()


def test_every_listed_drug_is_recognised_by_code_and_nearly_every_one_by_its_name(
    listed: list[tuple[str, str]],
) -> None:
    total: Counter[str] = Counter()
    by_code: Counter[str] = Counter()
    by_text: Counter[str] = Counter()
    wrong: list[str] = []
    for code, name in listed:
        wanted = expected(name)
        coded = kinds_of({"coding": [{"system": RXNORM, "code": code}]})
        spoken = kinds_of({"text": name})
        total.update(wanted)
        by_code.update(wanted & coded)
        by_text.update(wanted & spoken)
        wrong += [f"{code} {name}: {sorted(found - wanted)}" for found in (coded, spoken) if found - wanted]
    print(f"\n{'class':26}{'names':>7}{'by code':>9}{'by text':>9}")
    for kind in TOKENS:
        print(f"{kind:26}{total[kind]:7}{by_code[kind]:9}{by_text[kind]:9}")
    print(f"{'all':26}{total.total():7}{by_code.total():9}{by_text.total():9}; false: {len(wrong)}")
    assert not wrong, wrong[:20]
    assert by_code == total
    assert all(by_text[kind] >= 0.98 * count for kind, count in total.items())


def test_strengths_of_text_agree_with_the_table(listed: list[tuple[str, str]]) -> None:
    """Where the name is short enough to be a text, its strength is read as the table has it."""
    different = []
    for code, name in listed:
        coded = recognise({"coding": [{"system": RXNORM, "code": code}]})
        if coded and len(coded.ingredients) == 1 and " / " not in name:
            spoken = recognise({"text": name})
            assert spoken, name
            if spoken.ingredients != coded.ingredients:
                different.append((name, spoken.ingredients, coded.ingredients))
    assert not different, different[:10]


def test_a_coded_drug_is_recognised_within_fifty_microseconds(listed: list[tuple[str, str]]) -> None:
    concepts = [{"coding": [{"system": RXNORM, "code": code, "display": name}], "text": name} for code, name in listed]
    for concept in concepts[:4000]:
        recognise(concept)
    best = min(_seconds(concepts[:4000]) for _ in range(3))
    print(f"\n{best / 4000 * 1e6:.1f} microseconds a coded drug")
    assert best / 4000 < 50e-6


def _seconds(concepts: list[dict[str, object]]) -> float:
    begin = time.process_time()
    for concept in concepts:
        recognise(concept)
    return time.process_time() - begin
