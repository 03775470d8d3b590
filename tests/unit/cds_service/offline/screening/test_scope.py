"""Diagnoses that put a patient in scope, told from their bytes or by parsing them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cards.reading import Site
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.scope import Scope
from cds_service.offline.screening.vocabulary import vocabulary

_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
_SCOPE = known_by(Recipe(_NOW)).scope


def diagnosis(code: str = "E11.9", system: str = "icd-10-cm", words: str = "Diabetes", **more: str) -> bytes:
    statuses = "".join(f',"{name}":{{"coding":[{{"code":"{value}"}}]}}' for name, value in more.items())
    coding = f'"coding":[{{"system":"http://hl7.org/fhir/sid/{system}","code":"{code}"}}]'
    return (
        f'{{"resourceType":"Condition","subject":{{"reference":"Patient/1"}},"code":{{{coding},"text":"{words}"}}'
        f"{statuses}}}"
    ).encode()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (diagnosis(), False),
        (diagnosis("G25.81"), True),
        (diagnosis("g2581"), True),
        (diagnosis("G25\\u002e81"), True),
        (diagnosis("G25.8", "icd-10"), False),
        (diagnosis("G25.81 G", "icd-10-gm"), True),
        (diagnosis("G25.81G", "icd-10-gm"), True),
        (diagnosis("G25.81+G", "icd-10-gm"), True),
        (diagnosis("DG258", "icd-10", "RLS"), True),
        (diagnosis("DG258A", "icd-10", "RLS"), True),
        (diagnosis("G25.8A", "icd-10", "RLS"), True),
        (diagnosis("I10", "icd-10", "RLS"), False),
        (diagnosis("G25.8", "icd-10", "RLS"), True),
        (diagnosis("G47.61", words="Periodic limb movement"), False),
        (diagnosis("G25.81", clinicalStatus="resolved"), True),
        (diagnosis("G25.81", verificationStatus="refuted"), True),
        (diagnosis("G25.81", category="family-history"), False),
        (diagnosis("99", "urn:x", "Syndrom der unruhigen Beine"), True),
        (diagnosis("99", "urn:x", "Syndrome des jambes sans repos"), True),
        (diagnosis("99", "urn:x", "Rastlösa ben"), True),
        (diagnosis("99", "urn:x", "Rastl\\u00f6sa ben"), True),
        (diagnosis("99", "urn:x", "むずむず脚症候群"), True),
        (diagnosis("99", "urn:x", "RESTLESS-LEGS"), True),
        (diagnosis("99", "urn:x", "Restless sleep"), False),
        (b'{"resourceType":"Condition","code":{"text":"restless legs"', False),
    ],
)
def test_what_is_found(line: bytes, found: bool) -> None:
    assert (_SCOPE.found_in(line) is not None) is found


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_last_line_of_a_block_is_whole_with_and_without_its_end(end: bytes) -> None:
    block = diagnosis() + b"\n" + diagnosis("G25.81") + end
    assert list(_SCOPE.suspects(block)) == [diagnosis("G25.81")]


def test_a_sites_own_code_and_limb_movements_where_it_counts_them() -> None:
    site = Site(diagnosis_codes={("urn:x", "RLS-7"): frozenset({"rls"})})
    own = diagnosis("RLS-7").replace(b"http://hl7.org/fhir/sid/icd-10-cm", b"urn:x")
    limbs = diagnosis("G47.61", words="Periodic limb movement disorder")
    for with_plmd in (False, True):
        scope = Scope(vocabulary(site, with_plmd=with_plmd), site, _NOW.date(), UTC, with_plmd=with_plmd)
        assert scope.found_in(own) is not None
        assert (scope.found_in(limbs) is not None) is with_plmd
    assert _SCOPE.found_in(own) is None


def test_the_needles_hold_every_code_and_word_once() -> None:
    words = vocabulary(replace(Site()))
    assert "G25.81" in words.needles
    assert "restless" in words.needles
    assert len(set(words.needles)) == len(words.needles)
