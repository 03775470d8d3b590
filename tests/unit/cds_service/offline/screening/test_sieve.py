"""Lines that the sieve keeps: by a code, by a word, by their type, or because their bytes do not tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.offline.screening.line import type_of
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.sieve import any_of

_KNOWN = known_by(Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC)))
_SIEVE = _KNOWN.sieve
_LOINC = '"coding":[{"system":"http://loinc.org","code":"%s","display":"%s"}]'


def result(code: str = "2345-7", display: str = "Glucose", beside: str = "") -> str:
    return f'{{"resourceType":"Observation","code":{{{_LOINC % (code, display)}}}{beside}}}'


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (result(), False),
        (result("2276-4"), True),
        (result(" 2276-4"), True),
        (result("227\\u0036-4"), True),
        (result(display="Glucose \\u00e4"), True),
        (result(display='Glucose \\"fasting\\"'), False),
        (result(display="Ferritin"), False),
        (result(display="FERRITIN", beside=',"method":{"coding":[{"system":"http://snomed.info/sct"}]}'), True),
        (result(display="Glucose", beside=',"method":{"coding":[{"system":"http://snomed.info/sct"}]}'), False),
        (result(display="Ferritin", beside=',"method":"http://snomed.info/sct|1234"'), True),
        (result(display="Ferritin", beside=',"method":"http:\\/\\/jpfhir.jp\\/fhir\\/codesystem\\/jlac10|12"'), True),
        (result(display="Ferritin", beside=',"method":{"coding":[{"system":"http:\\/\\/npu-terminology.org"}]}'), True),
        (result(display="Ferritin", beside=',"method":{"coding":[{"system" : " NPU-Terminology.org"}]}'), True),
        (result(display="Ferritin", beside=',"method":{"coding":[{"system":"http://ucum.org|1"}]}'), False),
        (result(display="Ferritin", beside=',"method":{"coding":[{"system":"http://example.org/snomed-own"}]}'), True),
        (result(display="Ferritin", beside=',"method":{"coding":[{"system":"urn:oid:1.2.208.176.2.1.9"}]}'), True),
        (result(display="Ferritin", beside=f',"method":{{"system":"{" " * 300}http://npu-terminology.org"}}'), True),
        (
            '{"resourceType":"Observation","code":{"text":"Ferritin"},"method":{"coding":[{"system":"http://loinc.org"}]}}',
            True,
        ),
        (
            '{"resourceType":"Observation","code":{"text":"Sodium"},"method":{"coding":[{"system":"http://loinc.org"}]}}',
            False,
        ),
        (result(display="Ferritin", beside=',"contained":[]'), True),
        (result(display="Ferritin", beside=',"component":[]'), True),
        (result(display="Ferritin").replace('"code":"2345-7",', ""), True),
        (result(display="Ferritin").replace("}]}", '},{"system":"urn:lab","code":"FERR"}]}'), True),
        (result(display="Glucose in Größe"), True),
        (result(beside=',"valueQuantity":{"unit":"µmol/L"}'), False),
        (result(beside=',"component":[{"code":{"coding":[{"system":"urn:x","code":"2276-4"}]}}]'), True),
        (result().replace("http://loinc.org", "urn:oid:1.2.3"), True),
        (result().replace('"code":"2345-7"', '"code" : "2276-4"'), True),
        ('{"resourceType":"Encounter","code":"2276-4"}', False),
        ('{"resourceType":"Claim"}', False),
        ('{"resourceType":"Condition","code":{"text":"Flat feet"}}', True),
        ('{"resourceType":"MedicationRequest"}', True),
        ('{"resourceType":"AllergyIntolerance"}', True),
        ('{"resourceType":"DiagnosticReport"}', False),
        ('{"resourceType":"DiagnosticReport","contained":[]}', True),
        ('{"resourceType":"Procedure","code":{"text":"Appendectomy"}}', False),
        ('{"resourceType":"Procedure","code":{"text":"Haemodialysis"}}', True),
        ('{"resourceType":"Procedure","code":{"text":"Diálisis"}}', True),
        ('{"resourceType":"Procedure","code":{"coding":[{"code":"90935"}]}}', True),
        ('{"resourceType":"Procedure","code":{"text":"Njurdialys"}}', True),
        ('{"resourceType":"Procedure","code":{"text":"Munuaisdialyysi"}}', True),
        ('{"resourceType":"Procedure","code":{"text":"Therapeutic phlebotomy"}}', True),
        ('{"resourceType":"Procedure","code":{"text":"Gastric bypass"}}', True),
        ('{"resourceType":"Procedure","code":{"text":"Kidney transplant"}}', True),
        ('{"resourceType":"Procedure","code":{"text":"Iron infusion"}}', True),
        (
            '{"resourceType":"Procedure","code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.285","code":"J1439"}]}}',
            True,
        ),
        ('{"resourceType":"Procedure","code":{"text":"Infusion"},"usedCode":[{"text":"Ferinject"}]}', True),
        ('{"resourceType":"Procedure","code":{"text":"Referral for iron infusion"}}', False),
        ('{"resourceType":"ServiceRequest","code":{"coding":[{"code":"2276-4"}]}}', True),
        ('{"resourceType":"ServiceRequest","code":{"coding":[{"code":"2345-7"}]}}', False),
        ('{"resourceType":"Specimen"}', True),
    ],
)
def test_what_is_kept(line: str, kept: bool) -> None:
    raw = line.encode()
    assert _SIEVE.keeps(raw, type_of(raw)) is kept


def test_a_type_that_only_parsing_tells_is_kept() -> None:
    line = b'{"contained":[{"resourceType":"Group"}],"resourceType":"Observation"}'
    assert type_of(line) is None
    assert _SIEVE.keeps(line, None)


@pytest.mark.parametrize("kind", ["Condition", "Encounter", "Observation"])
def test_a_type_that_is_cut_off_is_told_by_no_line_before_it(kind: str) -> None:
    assert type_of(f'{{"resourceType":"{kind}","id":"1"}}'.encode()) == kind
    for cut in (f'{{"resourceType":"{kind}', f'{{"resourceType":"{kind}D', f'{{"resourceType":"{kind}}}'):
        assert type_of(cut.encode()) is None


@pytest.mark.parametrize("name", ["result_words", "procedure_words", "rls_words"])
def test_a_line_is_found_exactly_where_a_word_stands_in_it(name: str) -> None:
    words = [each for each in getattr(_KNOWN.vocabulary, name) if each.isascii()]
    found = any_of(words)
    texts = {text for word in words for text in (word, f"x{word}y", word[:-1], word[1:])}
    assert {text for text in texts if found.search(text.encode())} == {
        text for text in texts if any(word in text for word in words)
    }
