"""Lines of one patient that the sieve would drop, and that are read for the sake of others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cards.facts.chart import Listing
from cards.reading.resource_types import KEY_OF_TYPE
from cds_service.offline.screening.line import type_of
from cds_service.offline.screening.patient import Screener
from cds_service.offline.screening.recipe import Recipe, known_by

_KNOWN = known_by(Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC)))
_SCREENER = Screener(_KNOWN.question, _KNOWN.sieve)
_FERRITIN: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "r1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]},
    "valueQuantity": {"value": 12, "unit": "ng/mL"},
}
_GLUCOSE = {**_FERRITIN, "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]}}


def read(*resources: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the results that are read of these lines."""
    gathered, damaged = _SCREENER.gathered(json.dumps(each).encode() for each in resources)
    assert not damaged
    return tuple(gathered["labs"].resources)


@pytest.mark.parametrize("other", ["r1", " r1", "r1 "])
def test_a_version_that_says_nothing_is_read_beside_one_that_does(other: str) -> None:
    """It may take the result back: a correction, an error, or a result inside of which another stands."""
    corrected = {**_GLUCOSE, "id": other, "status": "corrected"}
    line = json.dumps(corrected).encode()
    assert not _KNOWN.sieve.keeps(line, type_of(line))
    assert corrected in read(_FERRITIN, corrected)


def test_an_id_that_is_written_with_escapes_is_read() -> None:
    line = json.dumps({**_GLUCOSE, "id": "Observation/r1"}).replace("/r1", "\\/r1").encode()
    gathered, _ = _SCREENER.gathered([json.dumps(_FERRITIN).encode(), line])
    assert len(gathered["labs"].resources) == 2


def test_a_result_of_another_id_that_says_nothing_is_not_read() -> None:
    assert read(_FERRITIN, {**_GLUCOSE, "id": "r2"}) == (_FERRITIN,)


@pytest.mark.parametrize("kind", ["Observation", "ServiceRequest", "Condition", "MedicationRequest"])
@pytest.mark.parametrize("twice", ['"status":"entered-in-error"', '"status"\t:"final"', '"stat\\u0075s":null'])
def test_a_line_with_a_member_that_is_sent_twice_cuts_its_list(twice: str, kind: str) -> None:
    whole = json.dumps({**_FERRITIN, "resourceType": kind, "subject": {"reference": "Patient/p1"}})
    gathered, damaged = _SCREENER.gathered([f"{whole[:-1]},{twice}}}".encode()])
    assert (damaged, gathered[KEY_OF_TYPE[kind]].listing, gathered[KEY_OF_TYPE[kind]].resources) == (1, Listing.CUT, ())


def test_a_member_that_is_sent_twice_inside_a_contained_resource_costs_that_alone() -> None:
    line = json.dumps({**_FERRITIN, "contained": [{"resourceType": "Specimen", "id": "s"}]})
    gathered, damaged = _SCREENER.gathered([line.replace('"id": "s"', '"id": "s", "id": "t"').encode()])
    assert (damaged, gathered["labs"].resources) == (0, ({**_FERRITIN, "contained": [{}]},))


@pytest.mark.parametrize("kind", ["Observation", "ServiceRequest", "Procedure", "Condition", "MedicationRequest"])
def test_a_line_that_is_cut_anywhere_cuts_its_list(kind: str) -> None:
    whole = json.dumps({**_FERRITIN, "resourceType": kind, "subject": {"reference": "Patient/p1"}}).encode()
    key = KEY_OF_TYPE[kind]
    for end in range(whole.index(b'"id"'), len(whole)):
        gathered, damaged = _SCREENER.gathered([whole[:end]])
        assert (damaged, gathered[key].listing) == (1, Listing.CUT), whole[:end]


def test_a_cut_line_of_a_type_that_no_list_holds_cuts_none() -> None:
    gathered, damaged = _SCREENER.gathered([b'{"resourceType":"Encounter","id":"e1","sub'])
    assert damaged == 0
    assert Listing.CUT not in {each.listing for each in gathered.values()}
