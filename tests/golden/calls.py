"""The calls whose whole answers are kept: every synthetic patient when the chart opens, and drafts that fit some."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from fhir_fixtures import load_patients
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import PatientFile
from tests.builders.service import application, settings

FOLDER = Path(__file__).parent
TODAY = date(2026, 6, 15)
_NOON = datetime(2026, 6, 15, 16, tzinfo=UTC)

#: Which drafts are signed for whom; a patient may be asked for more than once.
DRAFTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("no-iron-studies-yet", ("ferrous-sulfate-325-once-daily",)),
    ("ferritin-38-inside-the-lab-range", ("ferrous-sulfate-325-once-daily",)),
    ("ferritin-38-inside-the-lab-range", ("ferrous-sulfate-325-three-times-daily", "ciprofloxacin-500-twice-daily")),
    ("ferritin-38-inside-the-lab-range", ("ferrous-sulfate-250-four-tablets-daily",)),
    ("ferritin-38-inside-the-lab-range", ("ferrous-sulfate-325-four-times-daily",)),
    ("ferritin-55-no-transferrin-saturation", ("ferrous-sulfate-325-once-daily",)),
    ("ferritin-90-no-transferrin-saturation", ("ferrous-sulfate-325-once-daily",)),
    ("ferritin-88-enough-transferrin-saturation", ("ferrous-sulfate-325-once-daily",)),
    ("ferritin-88-enough-transferrin-saturation", ("ferric-carboxymaltose-750",)),
    ("ferritin-180-low-saturation-heart-failure", ("ferric-derisomaltose-1000",)),
    ("ferritin-180-low-saturation-heart-failure", ("ferrous-sulfate-325-once-daily",)),
    ("iron-replete-nothing-to-say", ("ferrous-sulfate-325-once-daily",)),
    ("iron-replete-nothing-to-say", ("metoclopramide-10-before-meals", "diphenhydramine-25-at-bedtime")),
    ("iron-replete-nothing-to-say", ("ferritin-lab",)),
    ("ferritin-420-on-oral-iron", ("ferrous-sulfate-325-once-daily",)),
    ("haemochromatosis-after-phlebotomy", ("ferrous-sulfate-325-once-daily", "vitamin-c-500-once-daily")),
    ("polycythaemia-vera-ferritin-12", ("ferric-carboxymaltose-750",)),
    ("high-saturation-low-ferritin", ("ferrous-sulfate-325-once-daily",)),
    ("high-saturation-after-a-tablet", ("ferrous-sulfate-325-once-daily",)),
    ("child-nine-ferritin-90", ("ferrous-sulfate-325-once-daily",)),
    ("child-nine-ferritin-45", ("iron-sucrose-200",)),
    ("child-seven-on-oral-iron", ("ferrous-sulfate-325-three-times-daily",)),
    ("child-twelve-low-saturation", ("ferrous-sulfate-325-three-times-daily",)),
    ("haemodialysis-ferritin-820", ("iron-sucrose-200",)),
    ("haemodialysis-iron-deficient", ("iron-sucrose-200", "gabapentin-300-three-times-daily")),
    ("haemodialysis-discordant", ("vitamin-c-500-once-daily", "magnesium-oxide-400-once-daily")),
    ("anaphylaxis-to-carboxymaltose", ("ferric-carboxymaltose-750",)),
    ("infusion-four-weeks-ago", ("ferric-carboxymaltose-750",)),
    ("second-carboxymaltose-course", ("ferric-carboxymaltose-750",)),
    ("low-phosphate-before-an-infusion", ("ferric-carboxymaltose-750",)),
    ("sepsis-with-ferritin-60", ("iron-dextran-1000",)),
    ("pregnant-9-weeks-ferritin-88", ("ferumoxytol-510",)),
    ("on-oral-iron-for-thirty-days", ("iron-carbonyl-18-once-daily", "ferrous-sulfate-325-alternate-days")),
    ("levothyroxine-and-low-ferritin", ("ferrous-sulfate-325-once-daily",)),
    ("pramipexole-two-mg", ("pramipexole-1-at-bedtime",)),
    ("ferritin-75-exactly-the-limit", ("pramipexole-0.125-at-bedtime", "mirtazapine-15-at-bedtime")),
    ("copd-on-gabapentin", ("pregabalin-75-at-bedtime",)),
    ("b12-low-in-si-units", ("folic-acid-1-mg-once-daily",)),
    ("vitamin-d-toxic", ("vitamin-d-50000-weekly",)),
    ("magnesium-high-egfr-22", ("magnesium-oxide-400-once-daily",)),
    ("pyridoxine-200-mg-with-neuropathy", ("pyridoxine-100-once-daily",)),
    ("two-results-of-one-day-disagree", ("ferritin-lab", "iron-panel-lab")),
)


@dataclass(frozen=True, slots=True)
class GoldenCall:
    """One call: `file` is where its answer is kept, below tests/golden."""

    file: str
    title: str
    shows: str
    hook: str
    body: dict[str, Any]


@cache
def calls() -> tuple[GoldenCall, ...]:
    patients = {each.slug: each for each in load_patients(TODAY)}
    views = (_call("patient-view", patient, ()) for patient in patients.values())
    signed = (_call("order-sign", patients[slug], drafts) for slug, drafts in DRAFTS)
    return (*views, *signed)


def _call(hook: str, patient: PatientFile, drafts: tuple[str, ...]) -> GoldenCall:
    name = "--".join((patient.slug, *drafts))
    title = f"{patient.title}; {' and '.join(name.replace('-', ' ') for name in drafts)}" if drafts else patient.title
    body = hook_request("generic", hook, patient, today=TODAY, drafts=drafts)
    return GoldenCall(f"{hook}/{name}.json", title, patient.what_it_shows, hook, body)


@cache
def answers() -> dict[str, dict[str, Any]]:
    """The answer to every call by its file, each uuid replaced by its number in the answer."""
    with application(settings(public_base="https://cds.example.org"), clock=lambda: _NOON) as app:
        http = app.test_client()
        return {
            call.file: _numbered(http.post(f"/cds-services/rls-{call.hook}", json=call.body).json) for call in calls()
        }


def _numbered(answer: Any) -> dict[str, Any]:
    numbers = count(1)

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(each) for each in value]
        if isinstance(value, dict):
            return {key: f"uuid {next(numbers)}" if key == "uuid" else walk(each) for key, each in value.items()}
        return value

    walked: dict[str, Any] = walk(answer)
    return walked


def kept() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every golden file with its content."""
    for path in sorted(FOLDER.glob("*-*/*.json")):
        yield path, json.loads(path.read_text(encoding="utf-8"))
