"""Narrow questions: every code of a fact, in every form in which a server may hold it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from cards.facts.chart import Gap, Listing
from cards.fhir.bundles import Listed
from cards.fhir.local_codes import local_key
from cards.knowledge.code_systems import ICD_10, ICD_10_CM, LOINC, SNOMED
from cards.knowledge.valuesets import load_valueset
from cards.reading import Site
from cards.reading.diagnoses import diagnosis_concepts
from cds_service.fhir.narrow_questions import NarrowSearch, narrow_questions, with_narrow_answers
from cds_service.fhir.reader import narrow_address
from tests.fakes.fault_server import fault_server
from tests.fakes.hapi import Hapi
from tests.protocol.paging.asking import asked, ids
from tests.protocol.paging.cases import condition, many

OWN = "urn:oid:2.16.840.1.113883.19.5"
SITE = Site(
    local_codes={local_key(OWN, "FERR,1"): "lab-ferritin", local_key(OWN, "K"): "lab-calcium"},
    diagnosis_codes={local_key(OWN, "RLS|a"): frozenset({"rls"}), local_key(OWN, "X"): frozenset({"pregnant"})},
)
#: Names that data feeds use for a system, beside its URI.
NAMES = {
    ICD_10_CM: ("urn:oid:2.16.840.1.113883.6.90", "ICD10CM", ""),
    ICD_10: ("http://hl7.org/fhir/sid/icd-10-nl", "urn:oid:2.16.840.1.113883.6.3.2"),
    SNOMED: ("urn:oid:2.16.840.1.113883.6.96", "http://snomed.info/sct/900000000000207008"),
}


def coded(*names: str) -> list[tuple[str, str]]:
    return [code for name in names for code in load_valueset(name).codes]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "code"), coded("rls", "overload", "probable-overload", "plmd", "rls-by-text-only-code")
)
def test_a_diagnosis_is_found_under_every_name_of_its_system_and_in_every_spelling(system: str, code: str) -> None:
    spelled = {code, code.replace(".", ""), f"{code}+"} if "icd-10" in system else {code}
    held = [condition("x", each, name) for each in spelled for name in (system, *NAMES.get(system, ()))]
    filler = many(25, condition("c", "I10"))
    for resource in held:
        with fault_server(Hapi({"Condition": [*filler, resource]}, leads_on=0)) as server:
            assert "x" in ids(asked(server, keys=("conditions",)), "conditions"), resource["code"]


def test_the_codes_of_a_site_are_searched_for_too() -> None:
    found = narrow_questions(SITE)
    assert {"RLS|a"} < found["conditions"].codes and {"FERR,1"} < found["labs"].codes
    assert "X" not in found["conditions"].codes and "K" not in found["labs"].codes
    assert f"{OWN}|RLS\\|a" in found["conditions"].parts[0] and "FERR\\,1," in found["labs"].parts[0]
    filler = many(25, condition("c", "I10"))
    with fault_server(Hapi({"Condition": [*filler, condition("own", "RLS|a", OWN)]}, leads_on=0)) as server:
        assert "own" in ids(asked(server, keys=("conditions",), site=SITE), "conditions")


def test_all_results_that_a_calculation_needs_are_searched_for() -> None:
    names = ("ferritin", "tsat", "iron", "tibc", "uibc", "transferrin", "iron-panel")
    assert narrow_questions(Site())["labs"].codes == {code for _, code in coded(*(f"lab-{name}" for name in names))}


def test_no_value_set_of_a_question_holds_a_category_of_icd() -> None:
    """Its descendants could not be listed, so a complete answer would prove nothing; a SNOMED root is asked for itself,
    with the descendants that are known."""
    for name in ("rls", "overload", "probable-overload", "plmd", "rls-by-text-only-code", "lab-ferritin", "lab-tsat"):
        assert set(load_valueset(name).categories) == set(load_valueset(name).roots()), name


@pytest.mark.parametrize("count", [0, 10, 2_000])
def test_no_url_is_too_long_and_no_code_is_left_out(count: int) -> None:
    codes = {local_key(OWN, f"local code {n:04}"): frozenset({"rls"}) for n in range(count)}
    question = narrow_questions(Site(diagnosis_codes=codes))["conditions"]
    assert (len(question.parts) == 1) is (count < 100)
    tokens: list[str] = []
    for part in question.parts:
        address = narrow_address(f"https://{'h' * 200}.example/{'p' * 200}", "Condition", part, "p" * 64)
        assert len(address) < 8_000 and address.endswith("&_count=200")
        assert [name for name, _ in parse_qsl(urlsplit(address).query)] == ["patient", "code", "_count"]
        tokens += re.split(r"(?<!\\),", dict(parse_qsl(urlsplit(address).query))["code"])
    assert {code for _, code in codes} | {f"{OWN}|{code}" for _, code in codes} <= set(tokens)
    assert len(tokens) == len(set(tokens))


QUESTION = NarrowSearch(("A",), frozenset({"rls"}), frozenset({"A"}))
CUT = Listed((condition("1", "I10"), condition("2", "A")), Listing.CUT, gap=Gap("cut", read=2))


@pytest.mark.parametrize(
    ("answers", "names", "answered"),
    [
        ((Listed((condition("2", "A"),)),), ["1", "2"], {"rls"}),
        ((Listed((condition("2", "A"), condition("3", "A"))),), ["1", "2", "3"], {"rls"}),
        ((Listed((condition("2", "A"),)), Listed((condition("3", "A"),))), ["1", "2", "3"], {"rls"}),
        ((Listed((condition("2", "A"),)), Listed((condition("3", "A"),), Listing.CUT)), ["1", "2", "3"], set()),
        ((Listed((condition("2", "A"),)), Listed(listing=Listing.NOT_KNOWN)), ["1", "2"], set()),
        ((Listed((condition("3", "A"),)),), ["1", "2", "3"], set()),
        ((Listed(),), ["1", "2"], set()),
        # another version of an entry; reading the chart decides which of them counts
        ((Listed((condition("2", "A", "other"),)),), ["1", "2", "2"], {"rls"}),
    ],
)
def test_answers_join_the_list_and_prove_absence_if_complete_and_sound(
    answers: tuple[Listed, ...], names: list[str], answered: set[str]
) -> None:
    found = with_narrow_answers(CUT, answers, QUESTION)
    assert [each["id"] for each in found.resources] == names
    assert (found.answered, found.listing, found.gap) == (answered, Listing.CUT, CUT.gap)


def test_a_note_of_an_answer_that_results_were_left_out_stays() -> None:
    assert with_narrow_answers(CUT, (Listed(withheld=True),), QUESTION).withheld


def test_every_spelling_that_is_searched_for_is_recognised() -> None:
    """A code that is not recognised as one of these facts would only add irrelevant entries."""
    meant = {"rls", "overload", "probable-overload", "plmd", "rls-by-text-only-code"}
    for part in narrow_questions(Site())["conditions"].parts:
        for token in part.split(","):
            system, bar, code = token.rpartition("|")
            if bar:
                assert diagnosis_concepts({"coding": [{"system": system, "code": code}]}) & meant, token
    assert LOINC in narrow_questions(Site())["labs"].parts[0]
