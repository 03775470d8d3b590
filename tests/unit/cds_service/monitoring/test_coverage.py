"""What charts held, as Watch shows it: shares, mixes and the median of what was counted."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from cds_service.monitoring.coverage import ListCoverage, coverage
from cds_service.monitoring.evidence import CHARTS, CODES, CONFIGURATION, LISTS_OF, UNITS, USABLE, VALUES
from cds_service.store import EvidenceCount
from fhir_fixtures import load_patient
from tests.builders.monitored import SOUTH, START, as_somebody_else, start_harness

DAY = date(2026, 6, 1)


def of(client: str, subject: str, **numbers: int) -> list[EvidenceCount]:
    return [EvidenceCount(DAY, client, subject, kind, number) for kind, number in numbers.items()]


def test_the_counts_of_days_and_kinds_add_up_by_client() -> None:
    counts = [
        *of("north", "chart", **{CHARTS: 10}), *of("north", "chart", **{CHARTS: 5}),
        *of("south", "chart", **{CHARTS: 2}),
        *of("north", "ferritin", **{USABLE: 9, f"{UNITS}ng/mL": 6, f"{UNITS}ug/L": 3, f"{CODES}2276-4": 9}),
        *of("north", "ferritin", **{f"{VALUES}8": 1, f"{VALUES}22": 4, f"{VALUES}28": 1}),
        *of("north", "tsat", **{USABLE: 1, f"{CODES}calculated": 1}),
        *of("north", "labs", **{f"{LISTS_OF}prefetch": 8, f"{LISTS_OF}cut": 2, f"{LISTS_OF}filled": 7}),
        *of("", CONFIGURATION, **{"release 1": 3}),
    ]  # fmt: skip
    north, south = coverage(counts)
    assert (north.client, north.charts, south.client, south.charts) == ("north", 15, "south", 2)
    ferritin, tsat = north.results
    assert (ferritin.usable, ferritin.units) == (9, (("ng/mL", 6), ("ug/L", 3)))
    assert (ferritin.codes, ferritin.middle) == ((("2276-4", 9),), "45 ng/mL"), "2 to the power of 22 quarters"
    assert (tsat.median, tsat.middle) == (None, "")
    assert north.lists == (ListCoverage("labs", 8, 0, 0, 2, 7),)
    assert (south.results, south.lists) == ((), ())


def test_calls_of_the_service_are_told_by_client(tmp_path: Path) -> None:
    patient = load_patient("ferritin-38-inside-the-lab-range", START.date())
    with start_harness(tmp_path) as harness:
        for number in range(6):
            harness.cards(as_somebody_else(patient, f"p{number}"))
        harness.cards(load_patient("no-iron-studies-yet", START.date()), client=SOUTH)
        north, south = coverage(harness.evidence.take())
    (ferritin,) = (each for each in north.results if each.analyte == "ferritin")
    assert (north.charts, ferritin.usable, ferritin.middle) == (6, 6, "38 ng/mL")
    assert [each.prefetched for each in north.lists if each.key == "labs"] == [6]
    assert south.charts == 1 and "ferritin" not in {each.analyte for each in south.results}
