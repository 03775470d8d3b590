"""Drug names in twelve languages: one of ours, another drug, or not covered, and never one for the other."""

from __future__ import annotations

from collections import Counter

import pytest

from cards.drugs.ingredients import ingredients, plain
from cards.drugs.iron_words import iron_beside_strength
from cards.drugs.languages.folding import folded, folded_words, without_salt
from cards.drugs.languages.other_drugs import names_another, other_names
from cards.drugs.languages.translations import Translation, translations
from cards.drugs.recognise import recognise
from cards.drugs.spoken import product_named
from cards.drugs.telling import Telling, telling_of
from tests.builders.faults import assert_none, faults
from tests.unit.cards.drugs.spelling import LANGUAGES, spelled

#: Ingredients that stand for a class, or whose name is a salt or an acid: translations.csv has these.
SUBSTANCES = sorted(
    name
    for name, each in ingredients().items()
    if name.isalpha() and name.islower() and len(name) > 5 and any(code[1] for code in each.codes)
    and name not in {"anticoagulant", "fluoroquinolone", "antipsychotic", "magnesium", "calcium", "aspirin"}
)  # fmt: skip
#: By language, names that only a table has: acids, salts, metals, vitamins.
WRITTEN = """
de  | Eisen(II)-sulfat 100 mg Tabletten        | ferrous sulfate
de  | Eisen 100 mg                             | iron
de  | Eisencarboxymaltose 50 mg/ml             | ferric carboxymaltose
de  | Eisen(III)-carboxymaltose                | ferric carboxymaltose
de  | Folsäure 5 mg                            | folic acid
de  | Vitamin-B12-Ratiopharm                   | vitamin B12
de  | Magnesiumoxid 400 mg                     | magnesium oxide
de  | Acetylsalicylsäure 100 mg                | aspirin
de  | Citalopramhydrobromid                    | citalopram
de  | Levothyroxin-Natrium 50 µg               | levothyroxine
de  | Calciumcarbonat 500 mg                   | calcium carbonate
fr  | sulfate ferreux 80 mg                    | ferrous sulfate
fr  | fer 80 mg comprimé                       | iron
fr  | carboxymaltose ferrique                  | ferric carboxymaltose
fr  | acide folique 5 mg                       | folic acid
fr  | vitamine B12 1000 µg                     | vitamin B12
fr  | oxyde de magnésium                       | magnesium oxide
fr  | acide acétylsalicylique 75 mg            | aspirin
fr  | carbonate de lithium                     | lithium
nl  | FERROFUMARAAT TABLET 200MG               | ferrous fumarate
nl  | ijzer 65 mg                              | iron
nl  | foliumzuur 0,5 mg                        | folic acid
nl  | vitamine D3 800 IE                       | cholecalciferol
nl  | acetylsalicylzuur 80 mg                  | aspirin
nl  | METHOTREXAAT INJVLST 15MG/0,6ML          | methotrexate
es  | sulfato ferroso 325 mg                   | ferrous sulfate
es  | hierro 105 mg comprimidos                | iron
es  | Carboximaltosa de hierro 50 mg/ml        | ferric carboxymaltose
es  | hierro sacarosa 20 mg/ml                 | iron sucrose
es  | ácido fólico 5 mg                        | folic acid
es  | vitamina B12                             | vitamin B12
es  | carbonato cálcico 1250 mg                | calcium carbonate
it  | ferroso solfato 105 mg                   | ferrous sulfate
it  | ferro 80 mg capsule                      | iron
it  | carbossimaltosio ferrico                 | ferric carboxymaltose
it  | acido folico 5 mg                        | folic acid
it  | idrossizina 25 mg                        | hydroxyzine
it  | ossicodone 5 mg                          | oxycodone
it  | aloperidolo 1 mg                         | haloperidol
pt  | sulfato ferroso 40 mg                    | ferrous sulfate
pt  | ferro 100 mg                             | iron
pt  | carboximaltose férrica                   | ferric carboxymaltose
pt  | ácido acetilsalicílico 100 mg            | aspirin
sv  | järnsulfat 100 mg                        | ferrous sulfate
sv  | järn 100 mg tablett                      | iron
sv  | folsyra 5 mg                             | folic acid
sv  | D-vitamin 800 IE                         | vitamin D
sv  | litiumkarbonat                           | lithium
da  | ferrofumarat 200 mg                      | ferrous fumarate
da  | jern 100 mg                              | iron
da  | folinsyre                                | -
da  | acetylsalicylsyre 75 mg                  | aspirin
no  | jernsulfat                               | ferrous sulfate
no  | kvetiapin 25 mg                          | quetiapine
no  | askorbinsyre 500 mg                      | ascorbic acid
fi  | ferrosulfaatti 100 mg                    | ferrous sulfate
fi  | rauta 100 mg                             | iron
fi  | rautakarboksimaltoosi                    | ferric carboxymaltose
fi  | foolihappo 1 mg                          | folic acid
fi  | ketiapiini 25 mg                         | quetiapine
fi  | klooripromatsiini                        | chlorpromazine
fi  | B12-vitamiini                            | vitamin B12
fi  | asetyylisalisyylihappo 100 mg            | aspirin
fi  | sertraliinihydrokloridi                  | sertraline
pl  | siarczan żelaza (II) 105 mg              | ferrous sulfate
pl  | żelazo 100 mg                            | iron
pl  | karboksymaltoza żelazowa                 | ferric carboxymaltose
pl  | kwas foliowy 5 mg                        | folic acid
pl  | witamina D3 2000 IU                      | cholecalciferol
pl  | węglan litu 250 mg                       | lithium
pl  | wenlafaksyna 75 mg                       | venlafaxine
la  | Ferrosi sulfas                           | ferrous sulfate
"""
ROWS = [tuple(part.strip() for part in line.split("|")) for line in WRITTEN.strip().splitlines()]


@pytest.mark.parametrize(("language", "words", "ingredient"), ROWS)
def test_a_name_of_its_own_in_a_language(language: str, words: str, ingredient: str) -> None:
    product = recognise({"text": words})
    assert (product.ingredients[0].ingredient if product else "-") == ingredient


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_substance_is_recognised_in_the_spelling_of_a_language_or_is_not_covered(language: str) -> None:
    """None is passed over, as another drug or as nothing, and hardly one is not covered."""
    words = {name: spelled(name, language) for name in SUBSTANCES}
    found = {name: product_named(said) for name, said in words.items()}
    wrong = {name: words[name] for name, row in found.items()
             if row and name not in {each.ingredient for each in row.ingredients}}  # fmt: skip
    passed_over = [words[name] for name, row in found.items()
                   if not row and telling_of({"text": words[name]}) is not Telling.UNKNOWN]  # fmt: skip
    uncovered = [words[name] for name, row in found.items() if not row]
    print(f"{language}: {len(words)} names, not covered: {uncovered}")
    assert not wrong and not passed_over
    assert len(uncovered) <= len(words) // 50


def test_every_name_of_the_table_is_of_its_ingredient() -> None:
    def is_of_its_ingredient(row: Translation) -> None:
        ingredient, languages, name, source = row
        assert ingredient in ingredients() and languages and source
        for words in (f"{name} 50 mg", f"{name.upper()} 50 MG"):
            product = product_named(words)
            assert product is not None and [each.ingredient for each in product.ingredients] == [ingredient], words

    assert_none(faults(is_of_its_ingredient, translations(), lambda row: row.name))


def test_no_name_of_another_drug_is_one_of_ours() -> None:
    ours = [name for name in other_names() if product_named(name)]
    assert not ours


@pytest.mark.parametrize(
    "words",
    [
        "Ferronemoxin 100 mg",
        "ferric xyzate",
        "ferrous novate",
        "Eisenpräparat Spezial",
        "hierro nuevo",
        "rautavalmiste uusi",
        "Ferrum novum",
        "Szeleta 10 mg",
        "Xqwprazine 20 mg",
        "see note",
        "as discussed",
        "Iron man",
        "tablets",
        "100 mg",
        "Pacific blend",
        "lisinopril / Xqwprazine",
        "ferric oxide and aspirol",
        "magnesium novate",
        "zinc iron novate",
        "Novaferron gel caps",
    ],
)
def test_a_name_that_no_list_has_is_not_told(words: str) -> None:
    assert telling_of({"text": words}) is not Telling.TOLD


@pytest.mark.parametrize(
    "words",
    [
        "lisinopril 10 mg",
        "Lisinopril 10mg Tabletten",
        "paracetamol 500 mg",
        "parasetamoli 500 mg",
        "Paracetamolum",
        "acétaminophène 500 mg",
        "atorvastatina 20 mg",
        "atorvastatiini",
        "Amoxicillin 250 MG / Clavulanate 125 MG Oral Tablet",
        "furosemid 40 mg",
        "furosemiidi",
        "Influenzavaccin (niet gespecificeerd)",
        "E45 cream",
        "multivitamin without iron",
        "insulin glargine 100 units/mL",
        "magnesium salicylate 580 mg",
        "spironolactone 25 mg",
        "diphenhydramine 2 % topical cream",
        "Lipitor",
        "Simvastatin 20 MG Oral Tablet",
        "carbidopa 25 mg",
        "Gelatin 600 MG Oral Capsule",
    ],
)
def test_another_drug_is_told(words: str) -> None:
    assert telling_of({"text": words}) is Telling.TOLD
    assert recognise({"text": words}) is None


@pytest.mark.parametrize(
    ("words", "mg"),
    [
        ("abc 125 mg iron capsule", "125"),
        ("elemental iron 65 mg", "65"),
        ("chelated iron 29 mg", "29"),
        ("xyz 18 mg of iron", "18"),
        ("eisen 100 mg", "100"),
        ("14 mg de fer", "14"),
        ("multivitamin without iron 18 mg", ""),
        ("formula no added iron 18 mg", ""),
        ("iron-free 18 mg", ""),
        ("iron man 18 mg", ""),
        ("ohne eisen 100 mg", ""),
        ("spironolactone 25 mg", ""),
        ("environ 20 mg", ""),
    ],
)
def test_iron_beside_a_strength(words: str, mg: str) -> None:
    assert iron_beside_strength(words) == mg


@pytest.mark.parametrize(
    "words", ["ABC 125 mg iron capsule", "elemental iron 65 mg", "chelated iron 29 mg", "Daily 27 mg iron tablet"]
)
def test_iron_named_beside_a_strength_is_iron_by_mouth(words: str) -> None:
    product = recognise({"text": words})
    assert product is not None and "iron-oral" in product.classes


@pytest.mark.parametrize(
    ("words", "active"),
    [
        ("Irospan tablet", "ferrous bisglycinate"),
        ("Ferocon capsule", "ferrous fumarate"),
        ("TANDEM 162-115.2 mg capsule", "ferrous fumarate|polysaccharide iron complex"),
        ("Integra F capsule", "ferrous fumarate|polysaccharide iron complex"),
        ("Losferron 695 mg bruistablet", "ferrous gluconate"),
        ("ferro sanol duodenal 100 mg", "ferrous glycine sulfate"),
        ("Tardyferon 80 mg", "ferrous sulfate"),
        ("Ferrograd C", "ferrous sulfate"),
        ("Fero-Grad 500", "ferrous sulfate"),
    ],
)
def test_trade_names_of_iron(words: str, active: str) -> None:
    product = recognise({"text": words})
    assert product is not None and product.classes & {"iron-oral"}
    assert set(active.split("|")) <= product.ingredient_names()


@pytest.mark.parametrize(
    "words", ["Tandem t:slim insulin pump", "Integra dermal template", "Fusion Plus", "Corvite Fe"]
)
def test_a_trade_name_of_two_things_or_without_a_source_is_no_iron_and_no_other_drug_by_itself(words: str) -> None:
    assert recognise({"text": words}) is None
    assert telling_of({"text": words}) is not Telling.TOLD or "insulin" in words


@pytest.mark.parametrize(
    "words", ["Auryxia 210 mg iron tablet", "sucroferric oxyhydroxide 500 mg iron chewable", "deferasirox 100 mg iron"]
)
def test_the_iron_of_a_binder_is_no_iron_of_its_own(words: str) -> None:
    product = recognise({"text": words})
    assert product is not None and not product.classes & {"iron-oral", "iron-iv"}


def test_a_whole_text_folds_as_its_words_do() -> None:
    words = [plain(word) for name in SUBSTANCES for word in (name, spelled(name, "fi"), spelled(name, "pl"))]
    assert folded_words("\n".join(words)).split("\n") == [folded(word) for word in words]
    assert folded_words("a 5 mg\n\n= gold\n") == "a 5 mg\n\n= gold\n"


def test_short_words_and_codes_are_compared_as_they_are() -> None:
    assert [folded(word) for word in ("mago", "fe", "b12", "x1234567", "iron")] == [
        "mago",
        "fe",
        "b12",
        "x1234567",
        "iron",
    ]
    assert without_salt("sulfat") == () and without_salt("natrium") == ()


def test_folding_makes_few_names_equal() -> None:
    """Of our ingredients no two have one folded name."""
    keys = Counter(folded(name) for name in SUBSTANCES)
    assert all(count == 1 for count in keys.values())
    assert not names_another("")


#: By language: iron as it stands alone, made into one word, and how it is said that it is not swallowed.
PARENTERAL = {
    "en": (["iron"], ["infusion", "injection", "injectable", "IV", "i.v.", "(parenteral)", "for intravenous use"]),
    "de": (["Eisen", "Eisenpräparate", "Eisen(III)"], ["i.v.", "i. v.", "parenteral", "intravenös", "zur Infusion"]),
    "fr": (["fer", "Fer"], ["injectable", "intraveineux", "par voie intraveineuse", "en perfusion", "IV"]),
    "nl": (["ijzer", "ijzerpreparaten"], ["intraveneus", "infuus", "voor injectie", "parenteraal"]),
    "es": (["hierro"], ["intravenoso", "por vía intravenosa", "inyectable", "parenteral", "en infusión"]),
    "it": (["ferro"], ["endovenoso", "per via endovenosa", "iniettabile", "in infusione"]),
    "pt": (["ferro"], ["intravenoso", "por via intravenosa", "injetável", "endovenoso", "parentérico"]),
    "sv": (
        ["järn", "järn,", "järnpreparat"],
        ["för injektion", "intravenöst", "parenterala preparat", "infusion", "iv"],
    ),
    "da": (["jern", "jernpræparater"], ["til injektion", "intravenøst", "infusion", "i.v.", "til parenteral brug"]),
    "no": (["jern", "jernpreparater"], ["til injeksjon", "intravenøst", "infusjon", "parenteralt"]),
    "fi": (["rauta", "rautavalmisteet"], ["laskimoon", "infuusiona", "injektiona", "parenteraalinen"]),
    "pl": (["żelazo", "żelaza"], ["dożylne", "do podawania dożylnego", "pozajelitowe", "iniekcje", "wlew"]),
}
ONE_WORD = [
    "Eiseninfusion", "Eiseninjektion", "IV-Eisen", "i.v. Eisen", "intravenöses Eisenpräparat",
    "injection de fer", "perfusion de fer", "fer-infusion", "ijzerinfuus", "ijzerinjectie", "intraveneus ijzer",
    "infusión de hierro", "inyección de hierro", "infusione di ferro", "infusão de ferro", "järninfusion",
    "intravenöst järn", "jerninfusion", "jerninfusjon", "intravenøst jern", "rautainfuusio", "laskimonsisäinen rauta",
    "dożylne preparaty żelaza", "wlew żelaza", "infusion of iron", "injection, iron", "parenteral iron products",
]  # fmt: skip


@pytest.mark.parametrize("language", sorted(PARENTERAL))
def test_iron_that_is_infused_or_injected_is_intravenous_iron_in_every_language(language: str) -> None:
    names, ways = PARENTERAL[language]
    said = [f"{name} {way}" for name in names for way in ways]
    said += [each.upper() for each in said]
    assert_none(faults(_is_parenteral_iron, said))


@pytest.mark.parametrize("words", ONE_WORD)
def test_iron_that_is_infused_in_one_word_or_in_the_other_order(words: str) -> None:
    _is_parenteral_iron(words)


def _is_parenteral_iron(words: str) -> None:
    product = recognise({"text": words})
    assert product is not None and product.classes == {"iron-iv"}, words


@pytest.mark.parametrize("language", sorted(PARENTERAL.keys() - {"en"}))
def test_iron_that_is_lacking_or_measured_is_none_however_it_is_given(language: str) -> None:
    names, ways = PARENTERAL[language]
    for way in ways:
        for lacking in (" deficiency", "mangel", "-mangel", "brist", " binding capacity", " studies", " level"):
            said = f"{way} {names[0]}{lacking}"
            assert recognise({"text": said}) is None, said


@pytest.mark.parametrize(
    "words",
    [
        "Ferritin i.v.",
        "environ injection",
        "Eisenmangel",
        "Eisenmangelanämie, Infusion",
        "infusion for iron deficiency anaemia",
        "IV access",
        "infusion without iron",
        "vitamin infusion, no iron",
        "interferon injection",
    ],
)
def test_what_is_no_iron_is_not_made_iron_by_an_infusion(words: str) -> None:
    product = recognise({"text": words})
    assert product is None or not product.classes & {"iron-iv"}


@pytest.mark.parametrize(
    ("words", "ingredient", "kind"),
    [
        ("Ferinject", "ferric carboxymaltose", "iron-iv"),
        ("iron sucrose injection", "iron sucrose", "iron-iv"),
        ("Eisen 100 mg", "iron", "iron-oral"),
        ("Eisentabletten", "iron", "iron-oral"),
        ("iron tablets", "iron", "iron-oral"),
        ("ferrous sulfate", "ferrous sulfate", "iron-oral"),
        ("iron products", "iron", "iron-oral"),
        ("Eisensalze", "iron", "iron-oral"),
        ("preparaty żelaza", "iron", "iron-oral"),
        ("préparations de fer", "iron", "iron-oral"),
        ("iron preparations", "iron", "iron-oral"),
    ],
)
def test_iron_of_another_kind_keeps_its_name(words: str, ingredient: str, kind: str) -> None:
    product = recognise({"text": words})
    assert product is not None and product.ingredient_names() == {ingredient} and product.classes == {kind}
