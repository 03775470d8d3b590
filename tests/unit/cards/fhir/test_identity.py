"""Which of two resources of one id is the later version, and when they are two."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from cards.fhir.identity import newest_versions

LOINC = "http://loinc.org"
FERRITIN = {"coding": [{"system": LOINC, "code": "2276-4"}], "text": "Ferritin"}
SATURATION = {"coding": [{"system": LOINC, "code": "2502-3"}], "text": "Ferritin"}
LOCAL = {"coding": [{"system": "urn:lab", "code": "FER"}, {"system": LOINC, "code": "2276-4"}]}


def version(name: str, *, updated: Any = None, number: Any = None, **members: Any) -> dict[str, Any]:
    meta = {key: value for key, value in (("lastUpdated", updated), ("versionId", number)) if value is not None}
    made = {"resourceType": "Observation", "id": "o", "code": FERRITIN, "status": "final", "note": name, "meta": meta}
    return {**made, **members}


def left(*versions: dict[str, Any]) -> str:
    """What stands of these versions, which must not depend on their order."""
    (found,) = {"".join(sorted(each["note"] for each in newest_versions(order))) for order in permutations(versions)}
    return found


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-05-01T10:00:00Z", "2026-05-01T10:00:01Z"),
        ("2026-05-01T10:00:00.1Z", "2026-05-01T10:00:00.25Z"),
        ("2026-05-01T10:00:00Z", "2026-05-01T10:00:00.001Z"),
        ("2026-05-01T12:00:00+03:00", "2026-05-01T10:00:00Z"),
        ("2026-05-01T23:30:00-05:00", "2026-05-02T06:00:00+01:00"),
        ("2026-05-01T09:00:00", "2026-05-01T10:00:00Z"),
        ("2026-05-01T10:00:00+0000", "2026-05-01T11:00:00+0000"),
    ],
)
def test_the_later_instant_counts(earlier: str, later: str) -> None:
    assert left(version("a", updated=earlier, number="9"), version("b", updated=later, number="1")) == "b"


@pytest.mark.parametrize("updated", [None, "", "yesterday", "2026", "2026-05-01", 5, "9999-99-99T00:00:00Z"])
def test_a_version_that_names_no_instant_is_not_older_for_it(updated: Any) -> None:
    dated = version("a", updated="2026-05-01T10:00:00Z")
    assert left(dated, version("b", updated=updated)) == "ab"
    assert (
        left(version("a", updated="2026-05-01T10:00:00Z", number="2"), version("b", updated=updated, number="3")) == "b"
    )
    assert left(dated, version("b", updated=updated, status="corrected")) == "b"


@pytest.mark.parametrize(("lower", "higher"), [("9", "10"), (9, "10"), ("1", 2)])
def test_the_higher_number_counts_among_versions_of_one_instant(lower: Any, higher: Any) -> None:
    for updated in (None, "2026-05-01T10:00:00Z"):
        older = version("a", updated=updated, number=lower, status="corrected")
        assert left(older, version("b", updated=updated, number=higher)) == "b"


@pytest.mark.parametrize("number", ["W/2", "v2", "-1", "²", "9" * 30, True])
def test_a_number_that_is_none_decides_nothing(number: Any) -> None:
    assert left(version("a", number="1"), version("b", number=number)) == "ab"


@pytest.mark.parametrize(
    ("less", "more"),
    [("preliminary", "final"), ("final", "amended"), ("amended", "corrected"), ("corrected", "entered-in-error")],
)
def test_else_the_status_counts_that_takes_most_back(less: str, more: str) -> None:
    assert left(version("a", status=less), version("b", status=more)) == "b"


def test_of_other_records_only_an_error_takes_back() -> None:
    drug = {"resourceType": "MedicationRequest"}
    assert left(version("a", status="active", **drug), version("b", status="stopped", **drug)) == "ab"
    assert left(version("a", status="active", **drug), version("b", status="entered-in-error", **drug)) == "b"
    error = {"coding": [{"code": "entered-in-error"}]}
    problem = {"resourceType": "Condition", "status": None}
    assert left(version("a", **problem), version("b", verificationStatus=error, **problem)) == "b"


@pytest.mark.parametrize(
    ("one", "other", "are_two"),
    [
        (FERRITIN, SATURATION, True),
        (FERRITIN, LOCAL, False),
        (FERRITIN, None, False),
        (FERRITIN, {"text": " FERRITIN "}, False),
        (FERRITIN, {"text": "Transferrin saturation"}, True),
        ({"text": "Ferritin"}, {"text": "ferritin"}, False),
        ({"text": "Ferritin"}, {"text": "Iron"}, True),
    ],
)
def test_two_of_one_id_are_two_where_their_codes_differ(one: Any, other: Any, are_two: bool) -> None:
    older = version("a", updated="2026-05-01T10:00:00Z", code=one)
    newer = version("b", updated="2026-06-01T10:00:00Z", code=other)
    assert left(older, newer) == ("ab" if are_two else "b")


@pytest.mark.parametrize("name", ["medicationCodeableConcept", "medication"])
def test_two_orders_of_one_id_are_two_where_their_drugs_differ(name: str) -> None:
    def order(note: str, day: str, drug: Any) -> dict[str, Any]:
        return version(note, updated=f"{day}T10:00:00Z", resourceType="MedicationRequest", code=None, **{name: drug})

    iron, other = {"text": "ferrous sulfate"}, {"text": "pramipexole"}
    assert left(order("a", "2026-05-01", iron), order("b", "2026-06-01", other)) == "ab"
    assert left(order("a", "2026-05-01", iron), order("b", "2026-06-01", iron)) == "b"


def test_codes_that_stand_together_on_one_version_mean_one_thing() -> None:
    def coded(*codes: str) -> dict[str, Any]:
        return {"coding": [{"system": "urn:lab", "code": code} for code in codes]}

    found = (
        version("a", code=coded("1")),
        version("b", code=coded("1", "2")),
        version("c", code=coded("2"), number="5"),
    )
    assert left(*found) == "abc"
    assert left(*(each | {"meta": {"versionId": str(n)}} for n, each in enumerate(found))) == "c"


def test_what_no_code_tells_stands_beside_two_that_differ() -> None:
    bare = version("c", code=None, updated="2026-07-01T10:00:00Z")
    assert left(version("a"), version("b", code=SATURATION), bare) == "abc"
    assert left(version("a", updated="2026-06-01T10:00:00Z"), bare) == "c"


def test_thousands_of_versions_of_one_id_are_told_apart() -> None:
    many = [version(str(n), number=str(n), code={"text": f"test {n % 100}"}) for n in range(5_000)]
    assert sorted(int(each["note"]) for each in newest_versions(many)) == list(range(4_900, 5_000))
